import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommandLine } from '../../../src-main/hosts/cli/command-line.ts';
import { nothing, type OwnHost, ownHost } from '../../fixtures/own-mapping.ts';
import { recordedTerminal } from '../../fixtures/terminal.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const mapping = {
  name: 'works',
  title: 'Works',
  schema: 'works',
  organization: null,
  tables: Object.fromEntries(names.map((name) => [name, { tenancy: { class: 'database' } }])),
  people: {
    table: 'a',
    id: 'id',
    email: 'note',
    name: [],
    role: null,
    status: null,
    deletedAt: null,
    lastSeenAt: null,
    organization: null,
    createdAt: null,
    updatedAt: null,
  },
  ...nothing,
};

let host: OwnHost;
let busy: pg.Client;
let other: pg.Client;
let before: string[];

const connected = async () => {
  const client = new pg.Client({ connectionString: host.url, application_name: 'night batch' });
  client.on('error', () => {});
  await client.connect();
  return client;
};
beforeEach(async () => {
  host = await ownHost(
    `CREATE SCHEMA works; ${names.map((name) => `CREATE TABLE works.${name} (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO works.${name} VALUES (1, 'old');`).join(' ')}
     ALTER TABLE works.b ENABLE ROW LEVEL SECURITY;`,
  );
  busy = await connected();
  other = await connected();
  before = await host.catalogue();
});
afterEach(async () => {
  await busy.end();
  await other.end();
  await host.close();
});

/** Everybody else's work goes on while something of Latchkey's waits for the one table that is held. */
async function goesOn(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (const name of names.filter((one) => one !== 'd')) {
      await other.query(`UPDATE works.${name} SET note = 'round ${round}' WHERE id = 1`);
      await other.query(`SELECT * FROM works.${name}`);
    }
}

test('installing and removing let the host work while one of its transactions holds a table', async () => {
  for (const verb of ['install', 'uninstall']) {
    await busy.query(`BEGIN; UPDATE works.d SET note = 'long' WHERE id = 1`);
    let isDone = false;
    const work = (verb === 'install' ? host.install(mapping) : host.latchkey('central', 'uninstall')).finally(() => {
      isDone = true;
    });
    await untilItWaits();
    await goesOn(20);
    expect(isDone).toBe(false);
    await busy.query('COMMIT');
    expect(await work).toMatchObject({ code: 0 });
    await goesOn(1);
  }
  expect(await host.catalogue()).toEqual(before);
});

test('who is in the way for too long is named, and nothing was changed', async () => {
  await busy.query(`BEGIN; UPDATE works.d SET note = 'long' WHERE id = 1`);
  const refused = {
    code: 1,
    value: {
      error: {
        code: 'central-refused',
        message: expect.stringMatching(
          /works\.d, in use by process \d+ \(night batch, .*idle in transaction\).*Nothing was changed/,
        ),
      },
    },
  };
  expect(await host.install(mapping, '--wait', '0')).toMatchObject(refused);
  expect(await host.catalogue()).toEqual(before);
  await busy.query('COMMIT');
  expect(await host.install(mapping)).toMatchObject({ code: 0 });
  const installed = await host.catalogue();
  await busy.query(`BEGIN; UPDATE works.d SET note = 'long' WHERE id = 1`);
  expect(await host.latchkey('central', 'uninstall', '--wait', '0')).toMatchObject({ code: 1 });
  expect(await host.catalogue()).toEqual(installed);
  await busy.query('COMMIT');
});

test('what is being done is said beside the result, with counts, and not to a script', async () => {
  const file = host.mapping(mapping);
  const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: host.url } });
  expect(await runCommandLine(['central', 'install', '--mapping', file], terminal)).toBe(0);
  expect(terminal.said).toEqual([
    'roles and schemas',
    '5 tables of works read: rights on them',
    'views of 5 tables',
    'functions that track 5 tables',
    '21 statements that hold the tables for a moment: triggers, and 1 policy',
  ]);
  expect(terminal.printed.join('\n')).toContain('installed beside works');
  expect((await host.latchkey('central', 'uninstall')).said).toEqual([]);
});

test('the SQL of a dry run that had to come again is that of the try that went through', async () => {
  await busy.query(`BEGIN; UPDATE works.d SET note = 'long' WHERE id = 1`);
  const dry = host.latchkey('central', 'install', '--mapping', host.mapping(mapping), '--dry-run');
  await untilItWaits();
  await busy.query('COMMIT');
  const { sql } = (await dry).value as { sql: string };
  expect(sql.match(/CREATE POLICY/g)).toHaveLength(1);
  expect(sql.match(/ROLLBACK/g)).toBeNull();
  expect(await host.catalogue()).toEqual(before);
  await host.client.query(sql);
  expect((await host.latchkey('central', 'status')).value).toMatchObject({ tables: 5, untracked: [] });
});

/** Until something waits for a table of the host's. */
async function untilItWaits(): Promise<void> {
  for (;;) {
    const { rows } = await host.client.query(
      `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'works.d'::REGCLASS`,
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
