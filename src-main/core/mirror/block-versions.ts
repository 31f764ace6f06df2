import type Database from 'better-sqlite3';
import { quoteName, quoteText } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import type { MirroredTable } from './catalogue.ts';

/** Rows of consecutive row ids that have one version (`latchkey_block`), as a power of two. */
export const versionedBlockBits = 8;

/** Columns by any part of which people and keys are found, as far as this device sees them; their id last. */
export function partColumns({ people, keys }: SystemMapping, table: MirroredTable | undefined): string[] {
  const role = people.role && 'column' in people.role.held ? people.role.held.column : null;
  const columns: (string | null)[] =
    table?.name === people.table
      ? [...people.name, people.email, role, people.id]
      : keys && table?.name === keys.table
        ? [keys.label, keys.prefix, keys.last4, keys.scopes, keys.id]
        : [];
  return columns.filter((name) => name !== null).filter((name) => table?.columns.some((seen) => seen.name === name));
}

/**
 * Gives each block of a table that was just put in place a version which none of its blocks had before, and has triggers count it up
 * in the transaction that changes what is searched: whoever remembers the rows of a block knows whether they still are as they were.
 */
export function createBlockVersions(database: Database.Database, system: SystemMapping, table: MirroredTable): void {
  dropBlockVersions(database, table.name);
  if (partColumns(system, table).length === 0) return;
  database
    .prepare(
      `INSERT INTO latchkey_block SELECT ?, rowid >> ${versionedBlockBits}, 0 FROM ${quoteName(table.name)} WHERE true
       GROUP BY 2 ON CONFLICT DO NOTHING`,
    )
    .run(table.name);
  for (const sql of triggerStatements(system, table)) database.exec(sql);
}

export function dropBlockVersions(database: Database.Database, table: string): void {
  for (const event of ['insert', 'update', 'delete'])
    database.exec(`DROP TRIGGER IF EXISTS ${quoteName(triggerName(event, table))}`);
  database.prepare('UPDATE latchkey_block SET version = version + 1 WHERE table_name = ?').run(table);
}

/** Whether the triggers are there, and made for the columns that are searched now. */
export function hasBlockVersions(database: Database.Database, system: SystemMapping, table: MirroredTable): boolean {
  const triggers = database.prepare(`SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?`).pluck();
  const present = new Set(triggers.all(table.name));
  return (
    partColumns(system, table).length === 0 || triggerStatements(system, table).every((trigger) => present.has(trigger))
  );
}

function triggerStatements(system: SystemMapping, table: MirroredTable): string[] {
  const differs = ['rowid', ...partColumns(system, table).map(quoteName)].map(
    (column) => `OLD.${column} IS NOT NEW.${column}`,
  );
  const changed = (row: 'OLD' | 'NEW') =>
    `INSERT INTO latchkey_block VALUES (${quoteText(table.name)}, ${row}.rowid >> ${versionedBlockBits}, 0)
      ON CONFLICT DO UPDATE SET version = version + 1;`;
  const trigger = (event: string, rest: string) =>
    `CREATE TRIGGER ${quoteName(triggerName(event, table.name))} AFTER ${event.toUpperCase()} ON ${quoteName(table.name)} ${rest}`;
  return [
    trigger('insert', `BEGIN ${changed('NEW')} END`),
    trigger('update', `WHEN ${differs.join(' OR ')} BEGIN ${changed('OLD')} ${changed('NEW')} END`),
    trigger('delete', `BEGIN ${changed('OLD')} END`),
  ];
}

function triggerName(event: string, table: string): string {
  return `latchkey_block_${event} ${table}`;
}
