import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fix } from '../../src-main/core/central/posture/fix.ts';
import { posture } from '../../src-main/core/central/posture/posture.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const index = 'missing-foreign-key-index:items.box_id';
const unchecked = 'unvalidated-constraint:items.positive';
const unlogged = 'unlogged-table:scratch';

beforeEach(() =>
  database.client
    .query(
      `DROP SCHEMA IF EXISTS w CASCADE; CREATE SCHEMA w;
       CREATE TABLE w.boxes (id INTEGER PRIMARY KEY);
       CREATE TABLE w.items (id INTEGER PRIMARY KEY, box_id INTEGER REFERENCES w.boxes, other_id INTEGER REFERENCES w.boxes);
       ALTER TABLE w.items ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;
       CREATE UNLOGGED TABLE w.scratch (id INTEGER PRIMARY KEY);
       INSERT INTO w.boxes SELECT generate_series(1, 100); INSERT INTO w.items SELECT n, n % 100 + 1 FROM generate_series(1, 5000) n;`,
    )
    .then(() => undefined),
);

const run = (ids: string[], dryRun = false) => fix(database.client, ids, { schema: 'w', dryRun });
const ids = async () => (await posture(database.client, { schema: 'w' })).findings.map(({ id }) => id);
const second = async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return client;
};

test('mends what is safe, says what it ran, refuses the rest with the reason, and may be run again', async () => {
  const asked = [index, unchecked, unlogged];
  const planned = await run(asked, true);
  expect(planned.applied.map(({ id }) => id)).toEqual([index, unchecked].toSorted());
  expect(planned.refused).toEqual([{ id: unlogged, why: expect.stringContaining('locked meanwhile') }]);
  expect(await ids()).toEqual(expect.arrayContaining(asked));

  const done = await run(asked);
  expect(done).toEqual({ ...planned, dryRun: false });
  expect(done.applied.find(({ id }) => id === index)!.sql).toBe(
    'CREATE INDEX CONCURRENTLY "items_box_id_idx" ON w.items ("box_id");',
  );
  const after = await ids();
  expect(after).toContain(unlogged);
  expect(after).not.toContain(index);
  expect(after).not.toContain(unchecked);
  expect(await run(asked)).toMatchObject({ applied: [], failed: [], absent: [index, unchecked] });
});

test('takes the name of a check for all that it finds, and knows no other names', async () => {
  const done = await run(['missing-foreign-key-index']);
  expect(done.applied).toHaveLength(2);
  await expect(run(['missing-everything:items'])).rejects.toMatchObject({ code: 'invalid-input', field: 'fix' });
});

test('waits for an open transaction that an index must wait for, and holds up nobody meanwhile', async () => {
  const writer = await second();
  const reader = await second();
  await writer.query('BEGIN; UPDATE w.items SET box_id = 7 WHERE id = 1');
  const fixing = run([index]);
  // It has come as far as waiting for the writer.
  for (;;) {
    const { rowCount } = await reader.query(
      `SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'`,
    );
    if (rowCount === 1) break;
  }
  await reader.query(
    `SET lock_timeout = '1s'; UPDATE w.items SET box_id = 8 WHERE id = 2; INSERT INTO w.items VALUES (9001, 1)`,
  );
  await writer.query('COMMIT');
  expect(await fixing).toMatchObject({ applied: [{ id: index }], failed: [] });
  await writer.end();
  await reader.end();
});

test('gives up on a table that somebody holds, names why, and leaves nothing half done', async () => {
  const other = await second();
  await other.query('BEGIN; LOCK TABLE w.items IN SHARE ROW EXCLUSIVE MODE');
  const client = await second();
  const done = await fix(client, [unchecked], { schema: 'w' });
  expect(done).toMatchObject({ applied: [], failed: [{ id: unchecked, why: expect.stringContaining('six tries') }] });
  const { rows } = await client.query(
    `SELECT current_setting('lock_timeout') AS l, current_setting('search_path') AS p, current_setting('default_transaction_read_only') AS r`,
  );
  expect(rows).toEqual([{ l: '0', p: '"$user", public', r: 'off' }]);
  await other.query('ROLLBACK');
  await other.end();
  await client.end();
});

test('drops the index that could not be finished, and tells no value of a row', async () => {
  await database.client.query(
    `CREATE TABLE w.places (code TEXT NOT NULL, CONSTRAINT code UNIQUE (code)); INSERT INTO w.places VALUES ('Canary')`,
  );
  // The unique constraint lies, as one does after a collation changed below it.
  await database.client.query(
    `UPDATE pg_index SET indisunique = FALSE, indisready = FALSE, indislive = TRUE WHERE indexrelid = 'w.code'::REGCLASS`,
  );
  await database.client.query(`INSERT INTO w.places VALUES ('Canary')`);
  await database.client.query(`UPDATE pg_index SET indisunique = TRUE WHERE indexrelid = 'w.code'::REGCLASS`);
  const done = await run(['no-primary-key:places']);
  expect(done.failed).toEqual([
    { id: 'no-primary-key:places', why: expect.stringContaining('could not create unique index') },
  ]);
  expect(JSON.stringify(done)).not.toContain('Canary');
  const { rows } = await database.client.query(
    `SELECT relname FROM pg_class WHERE relnamespace = 'w'::REGNAMESPACE AND relname LIKE 'places%'`,
  );
  expect(rows).toEqual([{ relname: 'places' }]);
});

test('a row that breaks a constraint is a failure that says so; the constraint stays as it was', async () => {
  await database.client.query(
    'ALTER TABLE w.items DROP CONSTRAINT positive; INSERT INTO w.items VALUES (-1); ALTER TABLE w.items ADD CONSTRAINT positive CHECK (id > 0) NOT VALID',
  );
  expect((await run([unchecked])).failed).toEqual([
    { id: unchecked, why: expect.stringContaining('violated by some row') },
  ]);
  expect(await ids()).toContain(unchecked);
});

test('a login that may not is told so, and others go on', async () => {
  const name = `posture_${randomBytes(4).toString('hex')}`;
  await database.client.query(
    `CREATE ROLE ${name} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA w TO ${name}; GRANT SELECT ON ALL TABLES IN SCHEMA w TO ${name}`,
  );
  const url = new URL(database.url);
  url.username = name;
  url.password = 'x';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const done = await fix(client, [index, unchecked], { schema: 'w' });
  expect(done.applied).toEqual([]);
  expect(done.failed.map(({ why }) => why)).toEqual(['must be owner of table items', 'must be owner of table items']);
  await client.end();
  await database.client.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
});

test('by the command line: one document, 3 where something was refused, and 2 for what is no finding', async () => {
  const args = ['posture', '--schema', 'w', '--url', database.url];
  const json = recordedTerminal();
  expect(await runCommandLine([...args, '--fix', index, '--fix', unlogged, '--json'], json)).toBe(3);
  expect(json.document()).toMatchObject({ applied: [{ id: index }], refused: [{ id: unlogged }] });
  const words = recordedTerminal();
  expect(await runCommandLine([...args, '--fix', unchecked], words)).toBe(0);
  expect(words.printed).toEqual([`-- ${unchecked}\nALTER TABLE w.items VALIDATE CONSTRAINT "positive";`]);
  expect(words.said).toEqual(['1 mended, 0 refused, 0 failed.']);
  for (const wrong of [['--fix', 'nothing:at-all'], ['--dry-run'], ['--fix', index, '--sql']])
    expect(await runCommandLine([...args, ...wrong], recordedTerminal())).toBe(2);
});
