import type Database from 'better-sqlite3';
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { ReadContext } from '../handlers.ts';
import { quoteName } from '../quoting.ts';
import { partColumns, versionedBlockBits } from './block-versions.ts';
import { query } from './readable.ts';

/** What is searched of a block's rows, folded: a line for each row, its columns with tabs between them. */
interface Block {
  version: number;
  lines: string;
  /** Where each line begins, and where one more would. */
  starts: Uint32Array;
  rowIds: Float64Array;
}

/** By connection, so that it goes when the mirror is locked; about 100 bytes for each person. */
const remembered = new WeakMap<Database.Database, Map<string, Map<number, Block>>>();

/**
 * Row ids of the people or keys that contain every word of a search, each anywhere in one of their columns (of the id eight letters or
 * more, or all of it), whatever its case and its diacritics; in the order of the table. Null where a search has no word. What was read once is read again only where it changed.
 * @param within the only columns to look in
 */
export function rowsContaining(
  context: ReadContext,
  table: string,
  search: string,
  within?: readonly string[],
): number[] | null {
  // The longest word is the rarest, as a rule.
  const [longest, ...others] = searchedWords(search).sort((one, other) => other.length - one.length);
  if (longest === undefined) return null;
  const columns = partColumns(context.system, context.tables.get(table));
  const places = within?.map((column) => columns.indexOf(column)) ?? null;
  const found: number[] = [];
  for (const { lines, starts, rowIds } of blocksOf(context, table, columns)) {
    for (let at = lines.indexOf(longest); at !== -1; ) {
      const row = lineAt(starts, at);
      const end = starts[row + 1]! - 1;
      const idAt = lines.lastIndexOf('\t', end - 1);
      const has = (word: string) => {
        const isShort = word.length < shortestOfId;
        if (isShort && places === null && lines.slice(idAt + 1, end) === word) return true;
        const line = lines.slice(starts[row], isShort ? idAt : end);
        return (places === null ? line : partsOf(line, places)).includes(word);
      };
      const isPlainly = places === null && (at < idAt || longest.length >= shortestOfId);
      if ((isPlainly || has(longest)) && others.every(has)) found.push(rowIds[row]!);
      at = lines.indexOf(longest, end);
    }
  }
  return found;
}

/** Of an id, nobody types fewer letters: these would be found in many ids by chance. */
const shortestOfId = 8;

function partsOf(line: string, places: number[]): string {
  const parts = line.split('\t');
  return places.map((place) => parts[place] ?? '').join('\t');
}

/** Beyond so many row ids SQLite asks each row that it comes by, in the order of the list, rather than sort them all. */
const few = 10_000;
/** The greatest row id that is asked for in that way, in bytes that are passed to SQLite. */
const greatest = 2 ** 24;

/** Whether a row of `latchkey_person` or `latchkey_api_key` is among these. */
export function isAmong(rowIds: readonly number[]): RawBuilder<SqlBool> {
  const last = rowIds.reduce((most, rowId) => Math.max(most, rowId), 0);
  if (rowIds.length > few && rowIds[0]! >= 0 && last < greatest) {
    const marks = Buffer.alloc(last + 1);
    for (const rowId of rowIds) marks[rowId] = 1;
    return sql<SqlBool>`substr(${marks}, row_id + 1, 1) = x'01'`;
  }
  return sql<SqlBool>`row_id IN (SELECT value FROM json_each(${JSON.stringify(rowIds)}))`;
}

/** Letters that are typed as others where the keyboard has none of them, and that are no letter with a mark to Unicode. */
const typedAs: Record<string, string> = {
  ...{ ø: 'o', ł: 'l', đ: 'd', ð: 'd', ħ: 'h', ı: 'i', ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th' },
  // What is written so at the end of a word alone.
  ς: 'σ',
};
const typedOtherwise = new RegExp(`[${Object.keys(typedAs).join('')}]`, 'g');
const beyondAscii = /[^\0-\x7f]+/g;

/** Text as it is compared: `Łukasz`, `LUKASZ` and `lukasz` alike. */
export function folded(text: string): string {
  return text.replace(beyondAscii, foldedRun).toLowerCase();
}

function foldedRun(letters: string): string {
  const plain = letters.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(typedOtherwise, (letter) => typedAs[letter]!);
}

function searchedWords(search: string): string[] {
  return folded(search).split(/\s+/).filter(Boolean);
}

function blocksOf({ mirror }: ReadContext, table: string, columns: string[]): Block[] {
  if (columns.length === 0) return [];
  const versions = mirror.all(
    query.selectFrom('latchkey_block').select(['block', 'version']).where('table_name', '=', table),
  );
  const known = blocksKnown(mirror.database, table);
  const line = columns.map(oneLine).join(` || char(9) || `);
  const rows = mirror.database.prepare(
    `SELECT group_concat(rowid) AS row_ids, group_concat(${line}, char(10)) AS lines FROM ${quoteName(table)} WHERE rowid BETWEEN ? AND ?`,
  );
  return versions.map(({ block, version }) => {
    const held = known.get(block);
    if (held?.version === version) return held;
    const first = block * 2 ** versionedBlockBits;
    const read = rows.get(first, first + 2 ** versionedBlockBits - 1) as { row_ids: string | null; lines: string };
    const made = { version, ...linesOf(read.row_ids === null ? '' : read.lines, read.row_ids) };
    known.set(block, made);
    return made;
  });
}

function blocksKnown(database: Database.Database, table: string): Map<number, Block> {
  const tables = remembered.get(database) ?? new Map<string, Map<number, Block>>();
  remembered.set(database, tables);
  const blocks = tables.get(table) ?? new Map<number, Block>();
  tables.set(table, blocks);
  return blocks;
}

function oneLine(column: string): string {
  return `replace(replace(coalesce(CAST(${quoteName(column)} AS TEXT), ''), char(9), ' '), char(10), ' ')`;
}

function linesOf(text: string, rowIds: string | null): Omit<Block, 'version'> {
  const ids = rowIds === null ? [] : rowIds.split(',');
  const lines = folded(text);
  const starts = new Uint32Array(ids.length + 1);
  for (let row = 1; row < ids.length; row++) starts[row] = lines.indexOf('\n', starts[row - 1]) + 1;
  starts[ids.length] = lines.length + 1;
  return { lines, starts, rowIds: Float64Array.from(ids, Number) };
}

/** The line that a place lies in. */
function lineAt(starts: Uint32Array, place: number): number {
  let [low, high] = [0, starts.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}
