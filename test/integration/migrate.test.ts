import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  migrateSystem,
  migrationStatus,
  plannedSql,
  runMigrationsInTransaction,
} from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';

const system = 'sky-genesis';
let database: FreshDatabase;

beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

/** Everything that a migration could leave behind, as sorted lines. */
async function catalogue(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT 'schema ' || nspname AS line FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
     UNION ALL SELECT 'relation ' || c.oid::REGCLASS FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_|^information_schema$'
     UNION ALL SELECT 'function ' || p.oid::REGPROCEDURE FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname !~ '^pg_|^information_schema$'
     UNION ALL SELECT 'type ' || t.oid::REGTYPE FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname !~ '^pg_|^information_schema$'
     ORDER BY line`,
  );
  return rows.map((row) => row.line);
}

describe('migrating a system', () => {
  test('goes all the way up, a second time does nothing, and all the way down leaves the catalogue as it was', async () => {
    const before = await catalogue(database.client);
    const up = await migrateSystem(database.client, system, 'up');
    const { latest, current, migrations } = await migrationStatus(database.client, system);
    expect(up.map((step) => step.version)).toEqual(migrations.map((row) => row.version));
    expect(current).toBe(latest);
    expect(migrations.every((row) => row.appliedAt !== null && !row.changed)).toBe(true);
    expect(await migrateSystem(database.client, system, 'up')).toEqual([]);

    const down = await migrateSystem(database.client, system, 'down');
    expect(down.map((step) => step.version)).toEqual(up.map((step) => step.version).reverse());
    expect(await catalogue(database.client)).toEqual(before);
  });

  test('every step down and up again ends in the same catalogue', async () => {
    await migrateSystem(database.client, system, 'up');
    const top = await catalogue(database.client);
    const { latest } = await migrationStatus(database.client, system);
    for (let version = latest - 1; version >= 0; version--) {
      await migrateSystem(database.client, system, { to: version });
      expect((await migrationStatus(database.client, system)).current).toBe(version);
      await migrateSystem(database.client, system, 'up');
      expect(await catalogue(database.client)).toEqual(top);
    }
  });

  test('refuses to go on from a file that was changed after it had been applied, and names it', async () => {
    await migrateSystem(database.client, system, { to: 2 });
    await database.client.query(`UPDATE api_service.schema_migration SET checksum = 'other' WHERE version = 1`);
    await expect(migrateSystem(database.client, system, 'up')).rejects.toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining('0001_'),
    });
    expect((await migrationStatus(database.client, system)).migrations[0]).toMatchObject({ changed: true });
  });

  test('refuses a schema that a newer Latchkey made', async () => {
    await migrateSystem(database.client, system, 'up');
    await database.client.query(
      `INSERT INTO api_service.schema_migration (version, name, checksum) VALUES (999, 'later', 'x')`,
    );
    await expect(migrateSystem(database.client, system, 'up')).rejects.toMatchObject({ code: 'central-too-new' });
    expect((await migrationStatus(database.client, system)).current).toBe(999);
  });

  test('a step that fails is rolled back whole, and the steps before it stand', async () => {
    await migrateSystem(database.client, system, { to: 1 });
    await database.client.query('CREATE TABLE public.holds (id UUID REFERENCES api_service.organizations (id))');
    await expect(migrateSystem(database.client, system, 'down')).rejects.toMatchObject({
      code: 'central-refused',
      message: expect.stringContaining('0001_'),
    });
    expect((await migrationStatus(database.client, system)).current).toBe(1);
    const { rows } = await database.client.query('SELECT count(*)::INT AS n FROM api_service.users');
    expect(rows).toEqual([{ n: 0 }]);
  });

  test('two runners at once take turns', async () => {
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    try {
      const [one, two] = await Promise.all([
        migrateSystem(database.client, system, 'up'),
        migrateSystem(other, system, 'up'),
      ]);
      const { migrations } = await migrationStatus(database.client, system);
      expect([...one, ...two].map((step) => step.version).sort((a, b) => a - b)).toEqual(
        migrations.map((row) => row.version),
      );
    } finally {
      await other.end();
    }
  });

  test('inside a caller’s transaction nothing stays when the caller rolls back', async () => {
    const before = await catalogue(database.client);
    await database.client.query('BEGIN');
    expect(await runMigrationsInTransaction(database.client, system, 'up')).not.toEqual([]);
    await database.client.query('ROLLBACK');
    expect(await catalogue(database.client)).toEqual(before);
  });

  test('what a dry run prints does the same when it is run as it stands', async () => {
    await database.client.query(plannedSql(system));
    const { current, latest, migrations } = await migrationStatus(database.client, system);
    expect(current).toBe(latest);
    expect(migrations.some((row) => row.changed)).toBe(false);
    await database.client.query(plannedSql(system, latest, 'down'));
    expect((await migrationStatus(database.client, system)).current).toBe(0);
  });

  test.each([-1, 1.5, 1000])('version %s is refused as input', async (to) => {
    await expect(migrateSystem(database.client, system, { to })).rejects.toMatchObject({ code: 'invalid-input' });
  });

  test('a system that nobody knows is refused, naming those there are', async () => {
    await expect(migrateSystem(database.client, 'nope', 'up')).rejects.toMatchObject({
      code: 'unknown-system',
      message: expect.stringContaining(system),
    });
  });

  test('a login without the right gets words about rights', async () => {
    const role = `reader_${database.name}`;
    await database.client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'`);
    const url = new URL(database.url);
    url.username = role;
    url.password = 'reader';
    const reader = new pg.Client({ connectionString: url.href });
    await reader.connect();
    try {
      await expect(migrateSystem(reader, system, 'up')).rejects.toMatchObject({ code: 'insufficient-privilege' });
    } finally {
      await reader.end();
      await database.client.query(`DROP ROLE ${role}`);
    }
  });
});
