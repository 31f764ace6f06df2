import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName, quoteText } from '../quoting.ts';
import { type Migration, type MigrationSet, migrationSet } from './migration-files.ts';

/** `up` to the newest version, `down` to nothing, or to a version in either direction. */
export type MigrationGoal = 'up' | 'down' | { to: number };

export interface MigrationStep {
  version: number;
  name: string;
  direction: 'up' | 'down';
}

export interface MigrationStatus {
  set: string;
  schema: string;
  /** 0 where nothing is applied. */
  current: number;
  latest: number;
  /** `changed`: the file is no longer what was applied. */
  migrations: { version: number; name: string; appliedAt: string | null; changed: boolean }[];
}

interface Applied {
  version: number;
  name: string;
  checksum: string;
  appliedAt: string;
}

/**
 * Brings a system's schema to a version, each step with its record in a transaction of its own: a step that fails leaves
 * those before it. Two runners at once take turns.
 *
 * @param name a system, or `latchkey`
 * @returns the steps that were taken
 * @throws LatchkeyError `schema-mismatch` where an applied file was changed, `central-too-new`, `insufficient-privilege`, `central-refused`
 */
export async function migrateSystem(client: pg.Client, name: string, goal: MigrationGoal): Promise<MigrationStep[]> {
  const set = migrationSet(name);
  const target = versionOf(set, goal);
  const taken: MigrationStep[] = [];
  for (;;) {
    await client.query('BEGIN');
    try {
      // A step that waits for a lock makes the host's own work wait behind it: better to give up and try again later.
      await client.query(`SET LOCAL lock_timeout = '30s'`);
      const step = await takeStep(client, set, target);
      await client.query('COMMIT');
      if (!step) return taken;
      taken.push(step);
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }
}

/** The same inside the caller's open transaction, for an installer that does everything or nothing. */
export async function runMigrationsInTransaction(
  client: pg.Client,
  name: string,
  goal: MigrationGoal,
): Promise<MigrationStep[]> {
  const set = migrationSet(name);
  const target = versionOf(set, goal);
  const taken: MigrationStep[] = [];
  for (let step = await takeStep(client, set, target); step; step = await takeStep(client, set, target))
    taken.push(step);
  return taken;
}

export async function migrationStatus(client: pg.Client, name: string): Promise<MigrationStatus> {
  const set = migrationSet(name);
  const applied = new Map((await readApplied(client, set)).map((row) => [row.version, row]));
  const known = set.migrations.map(({ version, name, checksum }) => {
    const row = applied.get(version);
    applied.delete(version);
    return {
      version,
      name,
      appliedAt: row?.appliedAt ?? null,
      changed: row !== undefined && (row.checksum !== checksum || row.name !== name),
    };
  });
  const unknown = [...applied.values()].map(({ version, name, appliedAt }) => ({
    version,
    name,
    appliedAt,
    changed: true,
  }));
  const migrations = [...known, ...unknown];
  return {
    set: set.name,
    schema: set.schema,
    current: Math.max(0, ...migrations.filter((row) => row.appliedAt !== null).map((row) => row.version)),
    latest: set.migrations.length,
    migrations,
  };
}

/** What going from one version to another would run, for reading. */
export function plannedSql(name: string, from = 0, goal: MigrationGoal = 'up'): string {
  const set = migrationSet(name);
  const target = versionOf(set, goal);
  const statements: string[] = [];
  for (let version = from; version !== target; version += target > version ? 1 : -1) {
    const up = target > version;
    const migration = migrationNumbered(set, up ? version + 1 : version);
    const steps = up ? upStatements(set, migration) : downStatements(set, migration, version === 1);
    statements.push(`-- ${fileOf(migration, up ? 'up' : 'down')}\nBEGIN;`, ...steps.map(terminated), 'COMMIT;\n');
  }
  return statements.join('\n');
}

async function takeStep(client: pg.Client, set: MigrationSet, target: number): Promise<MigrationStep | null> {
  await waitForTurn(client, set);
  const applied = await readApplied(client, set);
  refuseChanged(set, applied);
  const current = applied.at(-1)?.version ?? 0;
  if (current === target) return null;
  const direction = target > current ? 'up' : 'down';
  const migration = migrationNumbered(set, direction === 'up' ? current + 1 : current);
  const statements =
    direction === 'up' ? upStatements(set, migration) : downStatements(set, migration, applied.length === 1);
  try {
    for (const statement of statements) await client.query(statement);
  } catch (error) {
    throw stepError(error, set, fileOf(migration, direction));
  }
  return { version: migration.version, name: migration.name, direction };
}

/** The file comes first: the first one of a system creates the schema that the record lives in. */
function upStatements(set: MigrationSet, { version, name, up, checksum }: Migration): string[] {
  const record = `CREATE TABLE ${recordOf(set)} (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  checksum TEXT NOT NULL
)`;
  return [
    up,
    ...(version === 1 ? [record] : []),
    `INSERT INTO ${recordOf(set)} (version, name, checksum) VALUES (${version}, ${quoteText(name)}, ${quoteText(checksum)})`,
  ];
}

function downStatements(set: MigrationSet, { version, down }: Migration, last: boolean): string[] {
  if (!last) return [down, `DELETE FROM ${recordOf(set)} WHERE version = ${version}`];
  // The record goes before the file, which may drop the schema around it; a schema that is still there goes after it.
  if (set.schema === 'public') return [`DROP TABLE ${recordOf(set)}`, down];
  return [
    `DROP TABLE ${recordOf(set)}`,
    down,
    `DO $$ BEGIN IF to_regnamespace(${quoteText(quoteName(set.schema))}) IS NOT NULL THEN DROP SCHEMA ${quoteName(set.schema)}; END IF; END $$`,
  ];
}

async function readApplied(client: pg.Client, set: MigrationSet): Promise<Applied[]> {
  const { rows: found } = await client.query<{ present: string | null }>(
    `SELECT to_regclass(${quoteText(recordOf(set))})::TEXT AS present`,
  );
  if (found[0]?.present == null) return [];
  const { rows } = await client.query<Record<keyof Applied, string>>(
    `SELECT version, name, checksum, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "appliedAt"
     FROM ${recordOf(set)} ORDER BY version`,
  );
  return rows.map((row) => ({ ...row, version: Number(row.version) }));
}

function refuseChanged(set: MigrationSet, applied: Applied[]): void {
  for (const { version, name, checksum } of applied) {
    const file = set.migrations[version - 1];
    if (!file)
      throw new LatchkeyError(
        'central-too-new',
        `The schema ${set.schema} is at version ${applied.at(-1)?.version}; this Latchkey knows ${set.name} up to ${set.migrations.length}. Nothing was changed. Use a newer Latchkey.`,
      );
    if (file.checksum !== checksum || file.name !== name)
      throw new LatchkeyError(
        'schema-mismatch',
        `The migration ${fileOf(file, 'up')} of ${set.name} was changed after it had been applied (as “${name}”). Nothing was changed. Put the file back as it was and add a new migration instead.`,
        { details: { version, applied: checksum, file: file.checksum } },
      );
  }
}

/** Held until the transaction ends. The two numbers mean “a Latchkey migration” and which set. */
async function waitForTurn(client: pg.Client, set: MigrationSet): Promise<void> {
  try {
    await client.query(`SELECT pg_advisory_xact_lock(1279608393, hashtext(${quoteText(set.schema)}))`);
  } catch (error) {
    throw stepError(error, set, 'the lock that lets one runner work at a time');
  }
}

function versionOf(set: MigrationSet, goal: MigrationGoal): number {
  const version = goal === 'up' ? set.migrations.length : goal === 'down' ? 0 : goal.to;
  if (Number.isInteger(version) && version >= 0 && version <= set.migrations.length) return version;
  throw new LatchkeyError(
    'invalid-input',
    `${set.name} has the versions 0 to ${set.migrations.length}, not ${version}. Nothing was changed.`,
    { field: 'to' },
  );
}

function migrationNumbered(set: MigrationSet, version: number): Migration {
  const migration = set.migrations[version - 1];
  if (migration) return migration;
  throw new LatchkeyError('internal', `${set.name} has no migration ${version}.`);
}

function recordOf(set: MigrationSet): string {
  return `${quoteName(set.schema)}.schema_migration`;
}

function fileOf({ version, name }: Migration, direction: 'up' | 'down'): string {
  return `${String(version).padStart(4, '0')}_${name}.${direction}.sql`;
}

function terminated(sql: string): string {
  return `${sql.trim().replace(/;$/, '')};`;
}

function stepError(error: unknown, set: MigrationSet, where: string): LatchkeyError {
  const { code, message } = error as { code?: string; message: string };
  const kept = 'This step was rolled back; the steps before it stand.';
  const details = { sqlstate: code, set: set.name, step: where };
  if (code === '42501')
    return new LatchkeyError(
      'insufficient-privilege',
      `This login may not do what ${where} of ${set.name} needs (${message}). ${kept} Use the owner of the schema.`,
      { details, cause: error },
    );
  if (code === '55P03')
    return new LatchkeyError(
      'central-refused',
      `${where} of ${set.name} waited more than 30 seconds for other work on the database. ${kept} Try again at a quieter moment.`,
      { details, cause: error },
    );
  return new LatchkeyError('central-refused', `PostgreSQL refused ${where} of ${set.name}: ${message}. ${kept}`, {
    details,
    cause: error,
  });
}
