import type Database from 'better-sqlite3';
import { quoteName, quoteText } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import type { MirroredTable } from './catalogue.ts';

/** Rows of consecutive row ids whose moments are summed up together (`latchkey_text_block`), as a power of two. */
export const blockBits = 10;

/** Rows that are indexed in one transaction: about 50 ms, for which a command may have to wait. */
const rowsPerSlice = 4_096;

/** Pages of the index that are joined in one transaction: about 30 ms. */
const pagesPerMerge = 64;

/** Bytes of a page of the index: as many as fit whole into one of the file's own 8,192, of which the cipher takes 64. */
const bytesPerPage = 8_056;

/** What a whole value begins with as a word; searches and the rows' own words are without it. */
export const wholeMark = '\u{F0000}';

/** Kept where an index is complete: every row id is below it, those to come too. */
const everyRow = 9_223_372_036_854_775_807n;

export function textIndexName(table: string): string {
  return `latchkey_text_${table}`;
}

/** The words that stand in the index, in order, each as often as it does. */
export function textTermsName(table: string): string {
  return `latchkey_text_terms_${table}`;
}

/**
 * Makes the full-text index of a table that was just put in place, where the mapping asks for one: empty, with the triggers
 * that keep it. `indexSlice` fills it; a table of a slice's size is complete at once. The index keeps no text of its own
 * (SQLite, FTS5, "Contentless-Delete Tables") and lies in the same encrypted file.
 */
export function createTextIndex(database: Database.Database, system: SystemMapping, table: MirroredTable): void {
  dropTextIndex(database, table.name);
  const parts = indexedParts(system, table);
  if (!parts) return;
  const index = quoteName(textIndexName(table.name));
  database.exec(
    `CREATE VIRTUAL TABLE ${index} USING fts5(words, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`,
  );
  database.exec(`INSERT INTO ${index} (${index}, rank) VALUES ('pgsz', ${bytesPerPage})`);
  database.exec(`CREATE VIRTUAL TABLE ${quoteName(textTermsName(table.name))} USING fts5vocab(${index}, instance)`);
  for (const sql of triggerStatements(table, parts)) database.exec(sql);
  database.prepare('INSERT INTO latchkey_text VALUES (?, ?, 0)').run(table.name, textDefinition(system, table));
  const few = database
    .prepare(`SELECT max(rowid) <= ? FROM ${quoteName(table.name)}`)
    .pluck()
    .get(rowsPerSlice);
  if (few !== 0) indexSlice(database, system, table);
}

export function dropTextIndex(database: Database.Database, table: string): void {
  for (const event of ['insert', 'update', 'delete']) {
    database.exec(`DROP TRIGGER IF EXISTS ${quoteName(triggerName(event, table))}`);
  }
  database.exec(`DROP TABLE IF EXISTS ${quoteName(textTermsName(table))}`);
  database.exec(`DROP TABLE IF EXISTS ${quoteName(textIndexName(table))}`);
  database.prepare('DELETE FROM latchkey_text WHERE table_name = ?').run(table);
  database.prepare('DELETE FROM latchkey_text_block WHERE table_name = ?').run(table);
}

/** What an index of this table is made from: an index that was made from anything else is made anew. Null where none is asked for. */
export function textDefinition(system: SystemMapping, table: MirroredTable): string | null {
  const parts = indexedParts(system, table);
  return parts && JSON.stringify(indexedRow(parts, 'row'));
}

/**
 * Joins parts of the index, some pages at a time: one part is read several times faster than the eleven that a million rows
 * end in. Within a transaction.
 * @param start the first of several calls
 * @returns whether there is more to join
 */
export function mergeSlice(database: Database.Database, table: string, start: boolean): boolean {
  const index = quoteName(textIndexName(table));
  const changes = database.prepare('SELECT total_changes()').pluck();
  const before = changes.get() as number;
  database.exec(`INSERT INTO ${index} (${index}, rank) VALUES ('merge', ${start ? -pagesPerMerge : pagesPerMerge})`);
  // FTS5's documentation, "The 'merge' Command": less than two changes mean that there was nothing to do.
  return (changes.get() as number) - before >= 2;
}

/**
 * Indexes the next rows of a table, in the order of their row ids. Within a transaction: a kill loses a slice and no more.
 * @returns whether rows are left
 */
export function indexSlice(database: Database.Database, system: SystemMapping, table: MirroredTable): boolean {
  const parts = indexedParts(system, table)!;
  const name = quoteName(table.name);
  const from = database.prepare('SELECT indexed FROM latchkey_text WHERE table_name = ?').pluck().safeIntegers();
  const indexed = from.get(table.name) as bigint;
  const upTo = database
    .prepare(`SELECT rowid FROM ${name} WHERE rowid > ? ORDER BY rowid LIMIT 1 OFFSET ?`)
    .pluck()
    .safeIntegers()
    .get(indexed, rowsPerSlice - 1) as bigint | undefined;
  const range = [indexed, upTo ?? everyRow];
  const { words, moment } = indexedRow(parts, name);
  database
    .prepare(
      `INSERT INTO ${quoteName(textIndexName(table.name))} (rowid, words)
       SELECT rowid, ${words} FROM ${name} WHERE rowid > ? AND rowid <= ? ORDER BY rowid`,
    )
    .run(...range);
  database
    .prepare(
      `INSERT INTO latchkey_text_block SELECT ${quoteText(table.name)}, rowid >> ${blockBits}, min(${moment}), max(${moment})
       FROM ${name} WHERE rowid > ? AND rowid <= ? GROUP BY 2 ${wider}`,
    )
    .run(...range);
  database.prepare('UPDATE latchkey_text SET indexed = ? WHERE table_name = ?').run(range[1], table.name);
  return upTo !== undefined;
}

/** Tables whose full-text index is not complete. */
export function incompleteTextIndexes(database: Database.Database): string[] {
  return database.prepare('SELECT table_name FROM latchkey_text WHERE indexed < ?').pluck().all(everyRow) as string[];
}

interface IndexedParts {
  words: MirroredTable['columns'];
  whole: MirroredTable['columns'];
  newest: string;
  /** Keys of JSON values that are in no search. */
  hidden: string[];
}

/** What the mapping asks for, as far as this device may see it. */
function indexedParts(system: SystemMapping, table: MirroredTable): IndexedParts | null {
  const search = system.tables[table.name]?.search;
  if (!search) return null;
  const seen = (names: string[]) => names.flatMap((name) => table.columns.find((column) => column.name === name) ?? []);
  const words = seen(search.words);
  if (words.length === 0 || seen([search.newest]).length === 0) return null;
  const mappings = Object.values(system.tables);
  const hidden = new Set(mappings.flatMap(({ secret = [], writeOnly = [] }) => [...secret, ...writeOnly]));
  return { words, whole: seen(search.whole), newest: search.newest, hidden: [...hidden] };
}

/** SQL of what is indexed of a row: `row` is a table or NEW. */
function indexedRow({ words, whole, newest, hidden }: IndexedParts, row: string) {
  const column = (name: string) => `${row}.${quoteName(name)}`;
  const typed = words.map(({ name, storage }) =>
    storage === 'json' ? jsonWords(column(name), hidden) : `coalesce(${column(name)}, '')`,
  );
  // Nothing that stands in a row can be taken for a whole value.
  const own = `replace(${typed.join(` || ' ' || `)}, '${wholeMark}', ' ')`;
  return {
    words: [own, ...whole.map(({ name }) => wholeWord(column(name), name))].join(` || ' ' || `),
    moment: `coalesce(${column(newest)}, '')`,
  };
}

/** A column's value as one word that no other value and no other column has, whatever is in it. */
function wholeWord(expression: string, column: string): string {
  return `'${wholeWordStart(column)}' || hex(${expression})`;
}

export function wholeWordStart(column: string): string {
  return `${wholeMark}${Buffer.from(column, 'utf8').toString('hex')}x`;
}

/**
 * The values of JSON, and of its keys those that are data rather than names: {"alice@nordhaven.example": "admin"}. Not the
 * values under a name that is never shown. JSON that SQLite refuses (nested beyond 1,000 levels) is taken as text.
 */
function jsonWords(json: string, hidden: string[]): string {
  const names = hidden.map(quoteText).join(', ');
  return `CASE WHEN json_valid(${json}) THEN coalesce((SELECT group_concat(
    CASE WHEN key GLOB '*[^A-Za-z0-9_]*' THEN key || ' ' ELSE '' END || coalesce(atom, ''), ' ') FROM json_tree(${json})
    WHERE type NOT IN ('null', 'true', 'false') AND coalesce(key, '') NOT IN (${names})), '') ELSE coalesce(${json}, '') END`;
}

const wider = `ON CONFLICT DO UPDATE SET oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest)`;

/** A row that the slices have yet to come to is left to them. */
function triggerStatements(table: MirroredTable, parts: IndexedParts): string[] {
  const name = quoteName(table.name);
  const index = quoteName(textIndexName(table.name));
  const { words, moment } = indexedRow(parts, 'NEW');
  const isReached = `NEW.rowid <= (SELECT indexed FROM latchkey_text WHERE table_name = ${quoteText(table.name)})`;
  const add = `INSERT INTO ${index} (rowid, words) SELECT NEW.rowid, ${words} WHERE ${isReached};
    INSERT INTO latchkey_text_block SELECT ${quoteText(table.name)}, NEW.rowid >> ${blockBits}, ${moment}, ${moment} WHERE ${isReached} ${wider};`;
  const remove = `DELETE FROM ${index} WHERE rowid = OLD.rowid;`;
  const columns = [...parts.words, ...parts.whole].map((column) => column.name);
  const differs = [...columns, parts.newest, 'rowid'].map((one) => {
    const column = one === 'rowid' ? one : quoteName(one);
    return `OLD.${column} IS NOT NEW.${column}`;
  });
  const trigger = (event: string, rest: string) =>
    `CREATE TRIGGER ${quoteName(triggerName(event, table.name))} AFTER ${event.toUpperCase()} ON ${name} ${rest}`;
  return [
    trigger('insert', `BEGIN ${add} END`),
    trigger('update', `WHEN ${differs.join(' OR ')} BEGIN ${remove} ${add} END`),
    trigger('delete', `BEGIN ${remove} END`),
  ];
}

function triggerName(event: string, table: string): string {
  return `latchkey_text_${event} ${table}`;
}
