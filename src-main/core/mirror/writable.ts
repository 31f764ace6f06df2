import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Json } from '../command/intent.ts';
import { quoteName } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import { indexStatements, keyIndexStatement, keyOrder, viewStatements } from '../systems/views.ts';
import { createBlockVersions, dropBlockVersions, hasBlockVersions } from './block-versions.ts';
import { keyText, keyValues, type MirroredColumn, type MirroredTable } from './catalogue.ts';
import { createDailyCounts, dropDailyCounts, hasDailyCounts } from './daily-counts.ts';
import { EventTally } from './event-tally.ts';
import { IncomingTable, incomingName } from './incoming.ts';
import { createLastEvents, dropLastEvents, hasLastEvents, restoreLastEvents } from './last-events.ts';
import { query, ReadableMirror } from './readable.ts';
import { fromCentral, fromJson, type Stored, toJson } from './rows.ts';
import {
  createTextIndex,
  dropTextIndex,
  incompleteTextIndexes,
  indexSlice,
  mergeSlice,
  textDefinition,
} from './text-index.ts';
import { createToldEvents, dropToldEvents, hasToldEvents } from './told-events.ts';

export type StoredRow = Record<string, Stored>;

/**
 * The one write connection to the mirror, owned by the write thread. All writes happen in `transaction`, synchronously, so that
 * nothing else can come between.
 */
export class WritableMirror extends ReadableMirror {
  readonly system: SystemMapping;
  private readonly file: bigint | undefined;
  private known: Map<string, MirroredTable> | null = null;
  private readonly incoming = new Map<string, IncomingTable>();

  constructor(database: Database.Database, system: SystemMapping) {
    super(database);
    this.system = system;
    this.file = fileIdentity(database.name);
  }

  transaction<T>(work: () => T): T {
    this.requireInPlace();
    const all = () => {
      const result = work();
      restoreLastEvents(this.database, this.system, this.tables);
      return result;
    };
    return this.database.transaction(all).immediate();
  }

  /** What is written into a file that was deleted or replaced under us would be gone with this process. */
  private requireInPlace(): void {
    if (fileIdentity(this.database.name) === this.file) return;
    throw new LatchkeyError(
      'folder-unusable',
      `The mirror at ${this.database.name} was removed or replaced while it was open. Nothing was changed. Put the folder back and unlock this device again.`,
    );
  }

  setMeta(name: string, value: string): void {
    this.prepared(
      'INSERT INTO latchkey_meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    ).run(name, value);
  }

  get tables(): ReadonlyMap<string, MirroredTable> {
    this.known ??= new Map(
      this.all(query.selectFrom('latchkey_table').select(['name', 'definition']).where('snapshot', 'is not', null)).map(
        (row) => [row.name, JSON.parse(row.definition) as MirroredTable],
      ),
    );
    return this.known;
  }

  /** After tables came, went or changed: the normalized views are made anew over what there is. */
  rebuildViews(): void {
    this.known = null;
    for (const sql of viewStatements(this.system, this.tables)) this.database.exec(sql);
  }

  /** Full-text indexes and daily counts that are missing, or were made from another mapping, are made anew. */
  renewReadAids(): void {
    const made = new Map(
      this.all(query.selectFrom('latchkey_text').select(['table_name', 'definition'])).map((row) => [
        row.table_name,
        row.definition,
      ]),
    );
    const triggers = this.database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`).pluck().all();
    for (const table of this.tables.values()) {
      if ((made.get(table.name) ?? null) !== textDefinition(this.system, table))
        createTextIndex(this.database, this.system, table);
      if (hasDailyCounts(this.system, table) && !triggers.includes('latchkey_daily_insert'))
        createDailyCounts(this.database, this.system, table, null);
      if (hasLastEvents(this.system, table) && !triggers.includes('latchkey_last_event_insert'))
        createLastEvents(this.database, this.system, table, null);
      if (hasToldEvents(this.system, table) && !triggers.includes('latchkey_told_insert'))
        createToldEvents(this.database, this.system, table);
      if (!hasBlockVersions(this.database, this.system, table)) createBlockVersions(this.database, this.system, table);
    }
  }

  /** Whether a full-text index is not complete yet. */
  get isIndexing(): boolean {
    return incompleteTextIndexes(this.database).length > 0;
  }

  /** Adds a slice of rows to a full-text index that is not complete. */
  indexMore(): void {
    this.transaction(() => {
      const [name] = incompleteTextIndexes(this.database);
      const table = name === undefined ? undefined : this.tables.get(name);
      if (table) indexSlice(this.database, this.system, table);
    });
  }

  /** Joins some more of the parts that full-text indexes were made in. @returns false where there is no more to join */
  mergeMore(start: boolean): boolean {
    return this.transaction(() => {
      const names = this.all(query.selectFrom('latchkey_text').select('table_name')).map((row) => row.table_name);
      return names.filter((name) => mergeSlice(this.database, name, start)).length > 0;
    });
  }

  row(table: MirroredTable, key: string): StoredRow | null {
    const found = this.database
      .prepare(`SELECT * FROM ${quoteName(table.name)} WHERE ${keyPredicate(table)}`)
      .safeIntegers(true)
      .get(...keyParameters(table, key)) as StoredRow | undefined;
    return found ?? null;
  }

  /** @returns whether the row was not there before */
  putRow(table: MirroredTable, row: StoredRow): boolean {
    const names = table.columns.map((column) => quoteName(column.name));
    const values = table.columns.map((column) => row[column.name] ?? null);
    // An update in place rather than a replacement: the row keeps its row id, which the full-text index knows it by.
    const { changes } = this.database
      .prepare(
        `UPDATE ${quoteName(table.name)} SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE ${keyPredicate(table)}`,
      )
      .run(...values, ...keyParameters(table, keyOf(table, row)));
    if (changes > 0) return false;
    this.database
      .prepare(`INSERT INTO ${quoteName(table.name)} VALUES (${names.map(() => '?').join(', ')})`)
      .run(...values);
    this.countRows(table.name, 1);
    return true;
  }

  removeRow(table: MirroredTable, key: string): boolean {
    const { changes } = this.database
      .prepare(`DELETE FROM ${quoteName(table.name)} WHERE ${keyPredicate(table)}`)
      .run(...keyParameters(table, key));
    if (changes > 0) this.countRows(table.name, -changes);
    return changes > 0;
  }

  countRows(table: string, difference: number): void {
    this.database.prepare('UPDATE latchkey_table SET rows = rows + ? WHERE name = ?').run(difference, table);
  }

  /** An empty table beside the one that screens read: a first copy fills it, and `swapIn` puts it in place. */
  createIncoming(table: MirroredTable): IncomingTable {
    this.transaction(() => {
      this.database.exec(`DROP TABLE IF EXISTS ${quoteName(incomingName(table))}`);
      this.database.exec(tableSql(table, incomingName(table)));
      if (comesInOrder(this.system, table)) this.createKeyIndex(table, incomingName(table));
      this.database
        .prepare('INSERT INTO latchkey_table (name, definition) VALUES (?, ?) ON CONFLICT (name) DO NOTHING')
        .run(table.name, JSON.stringify(table));
    });
    const areEvents = table.name === this.system.activity?.table;
    return this.coming(table, 0, areEvents ? new EventTally(this.system.activity!, table) : null);
  }

  /** The incoming table of a copy that was broken off, without what came after its first `rows`. */
  resumeIncoming(table: MirroredTable, rows: number): IncomingTable {
    // Rows of a key that is not the row id were numbered from 1 as they came; of any other key later ones replace those that are there.
    if (!isRowId(table))
      this.database.prepare(`DELETE FROM ${quoteName(incomingName(table))} WHERE rowid > ?`).run(rows);
    return this.coming(table, rows, null);
  }

  private coming(table: MirroredTable, rows: number, tally: EventTally | null): IncomingTable {
    const incoming = new IncomingTable(this.database, table, rows, tally);
    this.incoming.set(table.name, incoming);
    return incoming;
  }

  countIncoming(table: MirroredTable): number {
    return this.database
      .prepare(`SELECT count(*) FROM ${quoteName(incomingName(table))}`)
      .pluck()
      .get() as number;
  }

  /** Puts a complete copy in place of what was there. Pending rows must have been taken off, and are put back by the caller. */
  swapIn(table: MirroredTable, rows: number, snapshot: string): void {
    const incoming = quoteName(incomingName(table));
    this.dropViews();
    this.database.exec(`DROP TABLE IF EXISTS ${quoteName(table.name)}`);
    this.database.exec(`ALTER TABLE ${incoming} RENAME TO ${quoteName(table.name)}`);
    if (!comesInOrder(this.system, table)) this.createKeyIndex(table, table.name);
    for (const sql of indexStatements(this.system, new Map([[table.name, table]]))) this.database.exec(sql);
    const tally = this.incoming.get(table.name)?.tally ?? null;
    createDailyCounts(this.database, this.system, table, tally);
    createLastEvents(this.database, this.system, table, tally);
    createToldEvents(this.database, this.system, table);
    this.incoming.delete(table.name);
    createTextIndex(this.database, this.system, table);
    createBlockVersions(this.database, this.system, table);
    this.database
      .prepare(
        `INSERT INTO latchkey_table (name, definition, rows, snapshot, wanted) VALUES (?, ?, ?, ?, 0)
         ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, rows = excluded.rows, snapshot = excluded.snapshot, wanted = 0`,
      )
      .run(table.name, JSON.stringify(table), rows, snapshot);
    this.rebuildViews();
  }

  private createKeyIndex(table: MirroredTable, on: string): void {
    if (isRowId(table)) return;
    // Of a table that is copied anew the one in place has an index as well, whose name cannot be changed.
    const names = ['latchkey_key', 'latchkey_key_again'].map((name) => `${name} ${table.name}`);
    const taken = this.database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?');
    const free = names.find((name) => !taken.get(name))!;
    this.database.exec(keyIndexStatement(this.system, table, free, on));
  }

  /** Of a table whose rows stay good, and whose columns are the same. */
  redefine(table: MirroredTable): void {
    this.database
      .prepare('UPDATE latchkey_table SET definition = ? WHERE name = ?')
      .run(JSON.stringify(table), table.name);
    this.known = null;
  }

  dropTable(name: string): void {
    this.dropViews();
    dropDailyCounts(this.database, this.system, name);
    dropLastEvents(this.database, this.system, name);
    dropToldEvents(this.database, this.system, name);
    dropTextIndex(this.database, name);
    dropBlockVersions(this.database, name);
    this.database.exec(`DROP TABLE IF EXISTS ${quoteName(name)}`);
    this.database.prepare('DELETE FROM latchkey_table WHERE name = ?').run(name);
    this.rebuildViews();
  }

  private dropViews(): void {
    const views = this.database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'view'`).pluck().all() as string[];
    for (const view of views) this.database.exec(`DROP VIEW ${quoteName(view)}`);
  }

  /** Takes pending changes off the tables: what is left is what central confirmed. Within a transaction that ends in `replayPending`. */
  unapplyPending(): void {
    for (const { table_name, row_key, row } of this.all(query.selectFrom('latchkey_confirmed').selectAll())) {
      const table = this.tables.get(table_name);
      if (!table) continue;
      if (row === null) this.removeRow(table, row_key);
      else this.putRow(table, parseRow(table, row));
    }
    this.database.exec('DELETE FROM latchkey_confirmed');
  }

  /** Puts the pending changes on top of the confirmed rows again, in the order in which they were made. */
  replayPending(): void {
    const pending = this.all(
      query
        .selectFrom('latchkey_pending')
        .innerJoin('latchkey_outbox', 'latchkey_outbox.command', 'latchkey_pending.command')
        .select(['table_name', 'row_key', 'op', 'shown'])
        .orderBy('latchkey_outbox.position')
        .orderBy('n'),
    );
    for (const { table_name, row_key, op, shown } of pending) {
      const table = this.tables.get(table_name);
      if (table) this.applyPending(table, row_key, op, JSON.parse(shown) as Record<string, Json>);
    }
  }

  /** Shows one pending change, keeping the confirmed row beside it. An update of a row that is gone shows nothing. */
  applyPending(
    table: MirroredTable,
    key: string,
    op: 'insert' | 'update' | 'delete',
    shown: Record<string, Json>,
  ): void {
    const row = this.row(table, key);
    this.database
      .prepare('INSERT INTO latchkey_confirmed VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
      .run(table.name, key, row === null ? null : serializeRow(table, row));
    if (op === 'delete') {
      this.removeRow(table, key);
      return;
    }
    if (op === 'update' && row === null) return;
    const next: StoredRow = { ...(row ?? keyRow(table, key)) };
    for (const column of table.columns) {
      if (Object.hasOwn(shown, column.name)) next[column.name] = fromJson(column, shown[column.name]!);
    }
    this.putRow(table, next);
  }
}

function fileIdentity(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

export function keyOf(table: MirroredTable, row: StoredRow): string {
  return keyText(table.key.map((name) => keyPart(table, name, row[name] ?? null)));
}

function keyPart(table: MirroredTable, name: string, stored: Stored): string {
  if (stored instanceof Uint8Array) return `\\x${Buffer.from(stored).toString('hex')}`;
  return columnNamed(table, name).storage === 'boolean' ? String(Number(stored) !== 0) : String(stored);
}

function columnNamed(table: MirroredTable, name: string): MirroredColumn {
  return table.columns.find((candidate) => candidate.name === name)!;
}

function keyRow(table: MirroredTable, key: string): StoredRow {
  const values = keyValues(table, key);
  return Object.fromEntries(table.key.map((name, place) => [name, storedKey(table, name, values[place]!)]));
}

export function storedKey(table: MirroredTable, name: string, text: string): Stored {
  const column = columnNamed(table, name);
  if (column.storage === 'real') return fromCentral('real', text);
  return fromJson(column, column.storage === 'boolean' ? text === 'true' : text);
}

export function keyPredicate(table: MirroredTable): string {
  return table.key.map((name) => `${quoteName(name)} = ?`).join(' AND ');
}

/** Values to look a row up by. */
export function keyParameters(table: MirroredTable, key: string): Stored[] {
  return keyValues(table, key).map((text, place) => storedKey(table, table.key[place]!, text));
}

export const sqliteTypes = {
  text: 'TEXT',
  timestamp: 'TEXT',
  timestamptz: 'TEXT',
  json: 'TEXT',
  integer: 'INTEGER',
  boolean: 'INTEGER',
  real: 'REAL',
  blob: 'BLOB',
};

/**
 * The key alone is enforced: a unique constraint of SQLite cannot be deferred (two swapped addresses would stop a pull), and the
 * parent of a foreign key may not be visible to this device. A single whole number is SQLite's own row id; any other key gets
 * an index, in general after the rows are in, so that a copy appends and nothing more.
 */
function tableSql(table: MirroredTable, name: string): string {
  const columns = table.columns.map((column) => {
    const primary = isRowId(table) && column.name === table.key[0] ? ' PRIMARY KEY' : '';
    return `${quoteName(column.name)} ${sqliteTypes[column.storage]}${primary}`;
  });
  return `CREATE TABLE ${quoteName(name)} (${columns.join(', ')})`;
}

/**
 * Rows of a log come in the order of time, or nearly so: an index that begins with it grows at its end, and is kept while they come.
 * Made afterwards it would hold all keys in memory at once.
 */
function comesInOrder(system: SystemMapping, table: MirroredTable): boolean {
  return table.window !== null && keyOrder(system, table)[0] === table.window.column;
}

function isRowId(table: MirroredTable): boolean {
  return table.key.length === 1 && table.columns.find((column) => column.name === table.key[0])?.storage === 'integer';
}

function serializeRow(table: MirroredTable, row: StoredRow): string {
  return JSON.stringify(
    Object.fromEntries(
      table.columns.map((column) => [
        column.name,
        toJson({ storage: plain(column.storage) }, row[column.name] ?? null),
      ]),
    ),
  );
}

function parseRow(table: MirroredTable, text: string): StoredRow {
  const row = JSON.parse(text) as Record<string, Json>;
  return Object.fromEntries(
    table.columns.map((column) => [
      column.name,
      fromJson({ storage: plain(column.storage) }, row[column.name] ?? null),
    ]),
  );
}

/** JSON columns are set aside as the text that they are, so that they come back to the byte. */
function plain(storage: MirroredTable['columns'][number]['storage']) {
  return storage === 'json' ? 'text' : storage;
}
