import { createGzip } from 'node:zlib';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { LatchkeyError } from '../../../contract/errors.ts';
import { quoteName } from '../../quoting.ts';
import { migratedSystemNames } from '../../systems/index.ts';
import { migrationStatus } from '../migrate.ts';
import { migrationSet } from '../migration-files.ts';
import type { BackupFolder, BackupManifest, DatabaseContents } from './backup-manifest.ts';
import { nameOf, quotedNameOf } from './partitioned-tables.ts';

/** A set of our migrations, as far as a database has them. */
export type AppliedSet = BackupManifest['migrations'][number];

/** Level 6 takes three times as long for a tenth less. */
const compression = 3;

/** The sets of migrations that made this database's schemas, that of the host's system first. Of files that were changed since none. */
export async function appliedSets(client: pg.Client): Promise<AppliedSet[]> {
  const sets: AppliedSet[] = [];
  for (const name of [...migratedSystemNames, 'latchkey']) {
    const { current, migrations } = await migrationStatus(client, name);
    if (current === 0 || migrations.some(({ changed }) => changed)) continue;
    const files = migrationSet(name).migrations.slice(0, current);
    sets.push({ set: name, applied: files.map(({ version, name, checksum }) => ({ version, name, checksum })) });
  }
  return sets;
}

/** The schemas that a portable backup holds: the host's, and Latchkey's own where it is installed, with those that it generates. */
export function portableSchemas(sets: { set: string }[]): string[] {
  return sets.flatMap(({ set }) => (set === 'latchkey' ? ownSchemas : migrationSet(set).schema));
}

const ownSchemas = ['latchkey', 'latchkey_mirror', 'latchkey_write'];

/**
 * A portable backup has rows and no definitions: those come from our migrations. So it is one only of a database that they made.
 *
 * @throws LatchkeyError `not-supported`, saying what is there that no migration of ours makes
 */
export async function refuseUnlessPortable(client: pg.Client, sets: AppliedSet[]): Promise<void> {
  const host = sets.find(({ set }) => set !== 'latchkey');
  if (!host) throw notPortable('its schema was not made by Latchkey’s migrations, or is not as they made it');
  const own = portableSchemas(sets);
  const { rows } = await client.query<{ schema: string; name: string; kind: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, CASE WHEN c.relkind = 'p' AND c.relispartition THEN 'nested' ELSE c.relkind::TEXT END AS kind
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^(pg_|information_schema$|latchkey_)' AND (c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition OR c.relkind IN ('f', 'p') AND c.relispartition)
     ORDER BY 1, 2`,
  );
  const texts = sets.flatMap(({ set }) => migrationSet(set).migrations.map(({ up }) => up));
  const isMade = ({ schema, name }: { schema: string; name: string }) =>
    own.includes(schema) &&
    (schema === 'latchkey' || name === 'schema_migration' || texts.some((text) => mentions(text, name)));
  const foreign = rows.filter((row) => row.kind === 'nested' || row.kind === 'f' || row.kind === 'm' || !isMade(row));
  if (foreign.length > 0)
    throw notPortable(`no migration of Latchkey’s made ${foreign.slice(0, 5).map(nameOf).join(', ')}`);
  const { rowCount } = await client.query('SELECT FROM pg_largeobject_metadata LIMIT 1');
  if (rowCount) throw notPortable('it has large objects');
}

function mentions(text: string, name: string): boolean {
  return new RegExp(`\\b${name.replace(/[^\w]/g, '\\$&')}\\b`).test(text);
}

function notPortable(why: string): LatchkeyError {
  return new LatchkeyError(
    'not-supported',
    `A portable backup of this database would not be whole: ${why}. Nothing was written. Use pg_dump: --method pg_dump.`,
    { field: 'method' },
  );
}

/** Writes the rows of every table, as the open transaction sees them, in COPY’s text format: it says the same to every version. */
export async function writeRows(client: pg.Client, contents: DatabaseContents, into: BackupFolder): Promise<void> {
  for (const [place, table] of contents.tables.entries()) {
    if (table.rows === 0) continue;
    const columns = table.columns.map(quoteName).join(', ');
    const source = client.query(copyTo(`COPY (SELECT ${columns} FROM ${quotedNameOf(table)}) TO STDOUT`));
    await into.write(rowsFile(place), source, createGzip({ level: compression }));
    if (source.rowCount !== table.rows)
      throw new LatchkeyError('internal', `${nameOf(table)} gave ${source.rowCount} rows of ${table.rows}.`);
  }
}

/** Of a table by its place in the manifest. */
export function rowsFile(place: number): string {
  return `rows/${String(place + 1).padStart(4, '0')}.copy.gz`;
}
