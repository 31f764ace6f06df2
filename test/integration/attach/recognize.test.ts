import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { install, uninstall } from '../../../src-main/core/central/install.ts';
import { migrateSystem } from '../../../src-main/core/central/migrate.ts';
import { recognizedSystem } from '../../../src-main/core/central/recognize.ts';
import { migratedSystemNames } from '../../../src-main/core/systems/index.ts';
import { catalogueSnapshot } from '../../fixtures/catalogue-snapshot.ts';
import { type FreshDatabase, freshDatabase } from '../../fixtures/central.ts';
import { makePublished, published } from '../../fixtures/published/published.ts';

let database: FreshDatabase;
const run = (sql: string) => database.client.query(sql);
/** Roles belong to the whole server, on which other tests have theirs. */
const ofHost = (lines: string[]) => lines.filter((line) => !line.startsWith('role '));
const recognized = async () => (await recognizedSystem(database.client)).name;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

describe('a database is found out by its tables', () => {
  test.each(migratedSystemNames)('%s, as our migrations make it', async (name) => {
    await migrateSystem(database.client, name, 'up');
    expect(await recognized()).toBe(name);
    const before = await catalogueSnapshot(database.client);
    expect((await install(database.client, null)).system.name).toBe(name);
    const { rows: open } = await run(`SELECT c.relname || '.' || a.attname AS "column"
      FROM pg_description d JOIN pg_class c ON c.oid = d.objoid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
      JOIN pg_class v ON v.relnamespace = 'latchkey_mirror'::REGNAMESPACE AND v.relname = c.relname
      JOIN pg_attribute s ON s.attrelid = v.oid AND s.attname = a.attname WHERE d.description LIKE 'Secret%'`);
    expect(open, 'columns that are described as secret and that devices may read').toEqual([]);
    await uninstall(database.client);
    expect(ofHost(await catalogueSnapshot(database.client))).toEqual(ofHost(before));
  });

  test('beside tables of somebody else, in other schemas and in its own', async () => {
    await makePublished(database.client, published.find(({ system }) => system === 'trustcred-published')!);
    await run(
      'CREATE SCHEMA shop; CREATE TABLE shop.users (id INTEGER PRIMARY KEY); CREATE TABLE public.orders (id INTEGER)',
    );
    expect(await recognized()).toBe('trustcred-published');
  });

  test('two in one database: the one that comes first, and the other by its name', async () => {
    await migrateSystem(database.client, 'smarthub', 'up');
    await migrateSystem(database.client, 'sky-genesis', 'up');
    expect(await recognized()).toBe('sky-genesis');
  });

  test('nothing that is known: the nearest is named with what it lacks, and nothing is changed', async () => {
    await makePublished(database.client, published[0]!);
    await run('ALTER TABLE api_service.users RENAME COLUMN status TO state; DROP TABLE api_service.device_metrics');
    const before = await catalogueSnapshot(database.client);
    await expect(install(database.client, null)).rejects.toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining(
        'Nearest to it is Sky Genesis Enterprise (as published), of which it lacks users.status, device_metrics. Nothing was changed.',
      ),
    });
    expect(ofHost(await catalogueSnapshot(database.client))).toEqual(ofHost(before));
  });

  test('an empty database', async () => {
    await expect(install(database.client, null)).rejects.toMatchObject({ code: 'schema-mismatch' });
  });
});
