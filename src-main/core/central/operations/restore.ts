import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { LatchkeyError } from '../../../contract/errors.ts';
import { quoteName, quoteText } from '../../quoting.ts';
import type { SystemMapping } from '../../systems/system.ts';
import { install } from '../install.ts';
import { migrateSystem } from '../migrate.ts';
import { migrationSet } from '../migration-files.ts';
import { upgrade } from '../upgrade.ts';
import { type DatabaseContents, type OpenBackup, readSealed } from './backup-manifest.ts';
import { nameOf, quotedNameOf } from './partitioned-tables.ts';
import { rowsFile } from './portable-backup.ts';
import { environmentOf, programFor, startProgram } from './postgres-programs.ts';

/** @throws LatchkeyError `would-violate` where a database holds anything already */
export async function refuseUnlessEmpty(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^(pg_|information_schema$)' LIMIT 1`,
  );
  if (rows[0])
    throw new LatchkeyError(
      'would-violate',
      `A backup is restored into an empty database, and this one has ${rows[0].name} already. Nothing was changed. Name another one with --into.`,
      { field: 'into' },
    );
}

/** Roles belong to the cluster: those that are missing are made, without a login. @returns their names */
async function makeRoles(client: pg.Client, names: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM unnest($1::TEXT[]) AS name WHERE to_regrole(quote_ident(name)) IS NULL',
    [names],
  );
  for (const { name } of rows) await client.query(`CREATE ROLE ${quoteName(name)} NOLOGIN`);
  return rows.map(({ name }) => name);
}

/**
 * Restores what pg_dump wrote.
 * @returns roles that had to be made: their passwords and memberships are in no backup of a database
 * @throws LatchkeyError `not-found`, `not-supported` for pg_restore, `central-refused` with its last words, `backup-damaged`
 */
export async function restoreDump(
  client: pg.Client,
  backup: OpenBackup,
  { bin, tlsCaFile }: { bin?: string; tlsCaFile?: string },
): Promise<string[]> {
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(backup.manifest.program ?? '')?.[1] ?? 0);
  const program = await programFor('pg_restore', { major, why: 'this backup was made by pg_dump' }, bin);
  const made = await makeRoles(client, backup.manifest.roles);
  const { child, done } = startProgram(
    program,
    ['--exit-on-error', '--no-tablespaces', '--no-password', `--dbname=${client.database}`],
    environmentOf(client, tlsCaFile),
    ['pipe', 'ignore'],
  );
  try {
    await Promise.all([pipeline(readSealed(backup, 'database.dump'), child.stdin!), done]);
  } catch (error) {
    child.kill();
    // What it says of its own end is more than that its input broke off.
    await done.catch((own: unknown) => {
      throw error instanceof LatchkeyError ? error : own;
    });
    throw error;
  }
  return made;
}

/**
 * Restores a portable backup into an empty database: runs the migrations that it names, puts its rows in, and installs Latchkey beside
 * them as it was. Rows go in with triggers and foreign keys off, which takes a superuser.
 *
 * @throws LatchkeyError `schema-mismatch` where this Latchkey's migrations make something else than the backup holds, `backup-damaged`
 */
export async function restorePortable(client: pg.Client, backup: OpenBackup): Promise<void> {
  const { migrations, latchkey, contents } = backup.manifest;
  for (const { set, applied } of migrations) refuseOtherMigrations(set, applied);
  const host = migrations.find(({ set }) => set !== 'latchkey')!;
  await client.query(`SET search_path = pg_catalog; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'`);
  try {
    await migrateSystem(client, host.set, { to: host.applied.length });
    await rebuildPartitions(client, contents);
    const places = contents.tables.map((table, place) => ({ table, place }));
    await putRows(
      client,
      backup,
      places.filter(({ table }) => table.schema !== 'latchkey'),
    );
    if (latchkey) {
      const mapping = inOrder(latchkey.mapping as unknown as SystemMapping, contents);
      await install(client, mapping);
      await putRows(
        client,
        backup,
        places.filter(({ table }) => table.schema === 'latchkey'),
      );
      // Functions that name a table by its number are made again, with the numbers that the backup has.
      await upgrade(client, mapping);
    }
    for (const sequence of contents.sequences)
      await client.query(`SELECT setval($1::REGCLASS, $2, $3)`, [
        quotedNameOf(sequence),
        sequence.last,
        sequence.isCalled,
      ]);
  } finally {
    await client.query('RESET search_path; RESET datestyle; RESET timezone').catch(() => {});
  }
}

/** A mapping was kept as JSONB, which forgets in which order the columns of a table of Latchkey's own were made. */
function inOrder(mapping: SystemMapping, contents: DatabaseContents): SystemMapping {
  const tables = Object.entries(mapping.tables).map(([name, table]) => {
    const made = contents.tables.find((one) => one.schema === 'latchkey' && one.name === name);
    if (!table.sidecar || !made) return [name, table];
    const { columns } = table.sidecar;
    const ordered = made.columns.flatMap((column) =>
      columns[column] === undefined ? [] : [[column, columns[column]]],
    );
    return [name, { ...table, sidecar: { ...table.sidecar, columns: Object.fromEntries(ordered) } }];
  });
  return { ...mapping, tables: Object.fromEntries(tables) };
}

function refuseOtherMigrations(set: string, applied: { version: number; name: string; checksum: string }[]): void {
  const files = migrationSet(set).migrations;
  const other = applied.find(({ version, checksum }) => files[version - 1]?.checksum !== checksum);
  if (other)
    throw new LatchkeyError(
      'schema-mismatch',
      `The backup was made on the migration ${other.version} (${other.name}) of ${set}, which this Latchkey has otherwise or not at all. Nothing was restored. Use the Latchkey that made it.`,
    );
}

/** Migrations make partitions around the day that they run on; a backup has those of its own days. */
async function rebuildPartitions(client: pg.Client, { partitions }: DatabaseContents): Promise<void> {
  const { rows } = await client.query<{ schema: string; name: string; bound: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relispartition AND c.relkind = 'r'`,
  );
  const isAlike = (one: { schema: string; name: string; bound: string }) => (other: typeof one) =>
    nameOf(one) === nameOf(other) && one.bound === other.bound;
  for (const made of rows) if (!partitions.some(isAlike(made))) await client.query(`DROP TABLE ${quotedNameOf(made)}`);
  for (const partition of partitions.filter((wanted) => !rows.some(isAlike(wanted))))
    await client.query(
      `CREATE TABLE ${quotedNameOf(partition)} PARTITION OF ${quotedNameOf(partition.parent)} ${partition.bound}`,
    );
}

interface Placed {
  table: DatabaseContents['tables'][number];
  place: number;
}

async function putRows(client: pg.Client, backup: OpenBackup, tables: Placed[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM unnest($1::TEXT[]) AS name WHERE to_regclass(name) IS NULL',
    [tables.map(({ table }) => quotedNameOf(table))],
  );
  if (rows.length > 0)
    throw new LatchkeyError(
      'schema-mismatch',
      `The backup holds ${rows.map(({ name }) => name).join(', ')}, which Latchkey’s migrations do not make. Use pg_dump for this database.`,
    );
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL session_replication_role = replica`);
    // It refuses that for honest mistakes; what the new tables hold is nothing but what making them left there.
    const guard = (state: string) => client.query(`ALTER TABLE latchkey.audit_leaf ${state} TRIGGER "00_latchkey_log"`);
    const isGuarded = tables.some(({ table }) => nameOf(table) === 'latchkey.audit_leaf');
    if (isGuarded) await guard('DISABLE');
    await client.query(`TRUNCATE ${tables.map(({ table }) => quotedNameOf(table)).join(', ')}`);
    if (isGuarded) await guard('ENABLE ALWAYS');
    const isChangeLog = ({ table }: Placed) => nameOf(table) === 'latchkey.change';
    for (const one of tables) if (one.table.rows > 0 && !isChangeLog(one)) await copyIn(client, backup, one);
    // Last: what was put into tables that are tracked was logged.
    for (const one of tables.filter(isChangeLog)) {
      await client.query('TRUNCATE latchkey.change');
      if (one.table.rows > 0) await copyIn(client, backup, one);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function copyIn(client: pg.Client, backup: OpenBackup, { table, place }: Placed): Promise<void> {
  const { rows } = await client.query<{ missing: string }>(
    `SELECT c AS missing FROM unnest($2::TEXT[]) AS c
     WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = $1::REGCLASS AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped)`,
    [quotedNameOf(table), table.columns],
  );
  if (rows[0])
    throw new LatchkeyError(
      'schema-mismatch',
      `The backup holds the column ${nameOf(table)}.${rows[0].missing}, which Latchkey’s migrations do not make. Use pg_dump for this database.`,
    );
  const columns = table.columns.map(quoteName).join(', ');
  const sink = client.query(copyFrom(`COPY ${quotedNameOf(table)} (${columns}) FROM STDIN`));
  await pipeline(readSealed(backup, rowsFile(place)), createGunzip(), sink);
}

/** Devices whose logins are in this cluster may connect to the database that has been put in place of theirs. */
export async function admitDevices(client: pg.Client): Promise<{ admitted: number; missing: string[] }> {
  const { rows } = await client.query<{ name: string; login: string; there: boolean }>(
    `SELECT name, login, to_regrole(quote_ident(login)) IS NOT NULL AS there FROM latchkey.device WHERE state <> 'revoked' ORDER BY enrolled_at`,
  );
  for (const { login, there } of rows)
    if (there)
      await client.query(
        `DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), ${quoteText(login)}); END $$`,
      );
  return {
    admitted: rows.filter(({ there }) => there).length,
    missing: rows.filter(({ there }) => !there).map(({ name }) => name),
  };
}
