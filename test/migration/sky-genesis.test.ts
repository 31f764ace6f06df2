import { createHash } from 'node:crypto';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fillSkyGenesisDemo } from '../../src-main/core/central/demo/sky-genesis.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { documentedTables } from './sky-genesis-tables.ts';
import { testSystemSchema } from './system-schema.ts';

const system = 'sky-genesis';
let database: FreshDatabase;
let client: pg.Client;

async function open(): Promise<void> {
  database = await freshDatabase();
  client = database.client;
}

function databaseForEachTest(): void {
  beforeEach(open);
  afterEach(() => database.drop());
}

function databaseForAllTests(): void {
  beforeAll(open);
  afterAll(() => database.drop());
}

async function rowsOf<Row extends pg.QueryResultRow = Record<string, unknown>>(
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return (await client.query<Row>(sql, values)).rows;
}

async function only<Value>(sql: string, values: unknown[] = []): Promise<Value> {
  const rows = await rowsOf(sql, values);
  return Object.values(rows[0]!)[0] as Value;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

testSystemSchema({ system, schema: 'api_service', documentedTables, leastLines: 300 });

describe('migrating', () => {
  databaseForEachTest();

  test('goes back and forth with data in it', async () => {
    await migrateSystem(client, system, 'up');
    const scale = { people: 30, keys: 20, auditEvents: 200, accessLog: 300 };
    await fillSkyGenesisDemo(client, { now: new Date(), scale });
    await migrateSystem(client, system, { to: 7 });
    await migrateSystem(client, system, 'up');
    expect(await only('SELECT count(*)::INTEGER FROM api_service.api_keys')).toBeGreaterThan(20);
    await migrateSystem(client, system, 'down');
  });
});

describe('automation', () => {
  databaseForAllTests();
  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
  });

  test('every table with updated_at has it set by the database', async () => {
    const tables = await rowsOf<{ name: string; triggered: boolean }>(
      `SELECT c.relname AS name, EXISTS (
         SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgfoid = 'api_service.update_timestamp'::REGPROC
       ) AS triggered
       FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'updated_at'
       WHERE c.relnamespace = 'api_service'::REGNAMESPACE AND c.relkind IN ('r', 'p')`,
    );
    expect(tables.map((table) => table.name).sort()).toEqual(
      ['api_keys', 'conversations', 'data_sources', 'messages', 'organizations', 'users'].sort(),
    );
    expect(tables.every((table) => table.triggered)).toBe(true);
  });

  test('an update moves updated_at, whatever the writer said', async () => {
    await client.query(
      `INSERT INTO api_service.organizations (name, updated_at) VALUES ('Vieille Tour', '2001-01-01')`,
    );
    await client.query(`UPDATE api_service.organizations SET country_code = 'FR', updated_at = '1999-01-01'`);
    expect(await only(`SELECT updated_at > now() - INTERVAL '1 minute' FROM api_service.organizations`)).toBe(true);
  });

  test('a conversation knows its newest message, and a late one does not take it back', async () => {
    const conversation = await only<string>(
      `INSERT INTO api_service.conversations (type) VALUES ('group') RETURNING id`,
    );
    const say = (moment: string) =>
      client.query('INSERT INTO api_service.messages (conversation_id, content, created_at) VALUES ($1, $2, $3)', [
        conversation,
        'Bonjour',
        moment,
      ]);
    const newest = () => only('SELECT last_message_at::TEXT FROM api_service.conversations');
    expect(await newest()).toBeNull();
    await say('2026-03-01 10:00:00');
    expect(await newest()).toBe('2026-03-01 10:00:00');
    await say('2026-02-01 10:00:00');
    expect(await newest()).toBe('2026-03-01 10:00:00');
  });

  test.each([
    ['users', `INSERT INTO api_service.users (email, password_hash, role) VALUES ('a@b.example', '!', 'emperor')`],
    ['users', `INSERT INTO api_service.users (email, password_hash, status) VALUES ('a@b.example', '!', 'gone')`],
    ['api_keys', `INSERT INTO api_service.api_keys (key_value, key_type) VALUES ('x', 'browser')`],
    ['api_keys', `INSERT INTO api_service.api_keys (key_value, status) VALUES ('x', 'asleep')`],
    ['conversations', `INSERT INTO api_service.conversations (type) VALUES ('broadcast')`],
    ['conversation_participants', `INSERT INTO api_service.conversation_participants (role) VALUES ('king')`],
    ['api_access_log', 'INSERT INTO api_service.api_access_log (response_status) VALUES (7)'],
  ])('a value that %s does not know is refused: %s', async (_, sql) => {
    await expect(client.query(sql)).rejects.toMatchObject({ code: '23514' });
  });
});

describe('API keys', () => {
  databaseForEachTest();

  const clear = 'sk_live_9QmTz4Y1bVw7Xr2KdJ8sLh5N';

  test('a clear key is stored as its hash, with the marks to recognize it by', async () => {
    await migrateSystem(client, system, 'up');
    await client.query('INSERT INTO api_service.api_keys (key_value) VALUES ($1)', [clear]);
    expect(await rowsOf('SELECT key_value, key_hash, key_prefix, key_last4, status FROM api_service.api_keys')).toEqual(
      [
        {
          key_value: `sha256:${sha256(clear)}`,
          key_hash: sha256(clear),
          key_prefix: 'sk_live_',
          key_last4: 'Lh5N',
          status: 'active',
        },
      ],
    );
  });

  test('the documented INSERT works as it stands', async () => {
    await migrateSystem(client, system, 'up');
    await client.query(`INSERT INTO api_service.organizations (name, country_code) VALUES ('Your Company', 'US')`);
    await client.query(
      `INSERT INTO api_service.api_keys (organization_id, key_value, label, permissions)
       VALUES ((SELECT id FROM api_service.organizations WHERE name = 'Your Company'), 'sk_admin_' || repeat('ab', 32), 'Admin Key', ARRAY['read', 'write', 'admin'])`,
    );
    expect(await only(`SELECT api_service.api_key_is_valid('sk_admin_' || repeat('ab', 32))`)).toBe(true);
  });

  test('a hash alone is enough, at insert and when the key is replaced', async () => {
    await migrateSystem(client, system, 'up');
    await client.query('INSERT INTO api_service.api_keys (key_hash) VALUES ($1)', [sha256('one')]);
    expect(await only('SELECT key_value FROM api_service.api_keys')).toBe(`sha256:${sha256('one')}`);
    await client.query('UPDATE api_service.api_keys SET key_hash = $1', [sha256('two')]);
    expect(await only('SELECT key_value FROM api_service.api_keys')).toBe(`sha256:${sha256('two')}`);
    await client.query('UPDATE api_service.api_keys SET key_value = $1', [`sha256:${sha256('three')}`]);
    expect(await only('SELECT key_hash FROM api_service.api_keys')).toBe(sha256('three'));
  });

  test('the marks of an old key do not survive on a new one', async () => {
    await migrateSystem(client, system, 'up');
    await client.query('INSERT INTO api_service.api_keys (key_value) VALUES ($1)', [clear]);
    await client.query('UPDATE api_service.api_keys SET key_value = $1', ['pk_test_0123456789abcdefghijKLMN']);
    expect(await rowsOf('SELECT key_prefix, key_last4 FROM api_service.api_keys')).toEqual([
      { key_prefix: 'pk_test_', key_last4: 'KLMN' },
    ]);
    await client.query(`UPDATE api_service.api_keys SET key_value = 'short'`);
    expect(await rowsOf('SELECT key_prefix, key_last4 FROM api_service.api_keys')).toEqual([
      { key_prefix: null, key_last4: null },
    ]);
  });

  test('a hash and a value that disagree are refused', async () => {
    await migrateSystem(client, system, 'up');
    const both = client.query('INSERT INTO api_service.api_keys (key_hash, key_value) VALUES ($1, $2)', [
      sha256('one'),
      `sha256:${sha256('two')}`,
    ]);
    await expect(both).rejects.toMatchObject({ code: '23514' });
  });

  test('a private key is refused, a vault reference is not', async () => {
    await migrateSystem(client, system, 'up');
    const insert = (privateKey: string) =>
      client.query('INSERT INTO api_service.api_keys (key_value, private_key) VALUES ($1, $2)', [clear, privateKey]);
    await expect(insert('-----BEGIN PRIVATE KEY-----')).rejects.toMatchObject({ code: '23514', column: 'private_key' });
    await insert('vault:secret/api/billing#private_key');
  });

  test('validity is a predicate in time, over the presented key and never the stored one', async () => {
    await migrateSystem(client, system, 'up');
    const valid = async (state: string, presented = clear, at = '2026-06-15 12:00:00') => {
      await client.query('DELETE FROM api_service.api_keys');
      await client.query('INSERT INTO api_service.api_keys (key_value) VALUES ($1)', [clear]);
      if (state) await client.query(`UPDATE api_service.api_keys SET ${state}`);
      return only('SELECT api_service.api_key_is_valid($1, $2)', [presented, at]);
    };
    expect(await valid('')).toBe(true);
    expect(await valid(`status = 'retiring', expires_at = '2026-06-15 12:00:01'`)).toBe(true);
    expect(await valid(`status = 'retiring', expires_at = '2026-06-15 12:00:00'`)).toBe(false);
    expect(await valid(`expires_at = '2026-06-14'`)).toBe(false);
    expect(await valid(`revoked_at = '2026-06-14'`)).toBe(false);
    for (const status of ['suspended', 'compromised', 'revoked', 'expired'])
      expect(await valid(`status = '${status}'`)).toBe(false);
    expect(await valid('status = NULL')).toBe(false);
    expect(await valid('', 'sk_live_something_else')).toBe(false);
    expect(await valid('', `sha256:${sha256(clear)}`)).toBe(false);
    expect(await valid('', sha256(clear))).toBe(false);
    expect(await only('SELECT api_service.api_key_is_valid(NULL)')).toBe(false);
    expect(await only('SELECT api_service.api_key_is_valid($1)', [clear])).toBe(true);
  });

  test('the moment is UTC, whatever zone the session is in', async () => {
    await migrateSystem(client, system, 'up');
    await client.query(
      `INSERT INTO api_service.api_keys (key_value, expires_at) VALUES ($1, now() AT TIME ZONE 'UTC' + INTERVAL '1 minute')`,
      [clear],
    );
    for (const zone of ['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      await client.query(`SET TIME ZONE '${zone}'`);
      expect(await only('SELECT api_service.api_key_is_valid($1)', [clear]), zone).toBe(true);
    }
  });

  describe('in a database that is in use', () => {
    beforeEach(() => migrateSystem(client, system, { to: 7 }));

    test('the keys that are there go on working, and none stays in the clear', async () => {
      await client.query('INSERT INTO api_service.api_keys (key_value, label) VALUES ($1, $2)', [clear, 'old']);
      await migrateSystem(client, system, 'up');
      expect(await only('SELECT api_service.api_key_is_valid($1)', [clear])).toBe(true);
      expect(await only('SELECT key_value FROM api_service.api_keys')).toBe(`sha256:${sha256(clear)}`);
      expect(await only('SELECT status FROM api_service.api_keys')).toBe('active');
    });

    test('a private key in the clear blocks neither the migration nor the host, but no new one comes in', async () => {
      await client.query(`INSERT INTO api_service.api_keys (key_value, private_key) VALUES ('k', 'PEM')`);
      const warnings: string[] = [];
      client.on('notice', (notice) => warnings.push(notice.message ?? ''));
      await migrateSystem(client, system, 'up');
      expect(warnings).toContain('1 API keys hold a private key in the clear');
      await client.query('UPDATE api_service.api_keys SET usage_count = usage_count + 1');
      await client.query(`UPDATE api_service.api_keys SET private_key = 'PEM', label = 'same'`);
      const another = client.query(`UPDATE api_service.api_keys SET private_key = 'another PEM'`);
      await expect(another).rejects.toMatchObject({ code: '23514' });
      await client.query(`UPDATE api_service.api_keys SET private_key = 'vault:secret/k'`);
    });

    test('going back keeps the hashes, and never lets a revoked key in again', async () => {
      await migrateSystem(client, system, 'up');
      await client.query(
        `INSERT INTO api_service.api_keys (key_value, label, status) VALUES ('good', 'good', 'active'), ('bad', 'bad', 'revoked')`,
      );
      await migrateSystem(client, system, { to: 7 });
      const values = await rowsOf('SELECT key_value FROM api_service.api_keys ORDER BY label DESC');
      expect(values[0]).toEqual({ key_value: `sha256:${sha256('good')}` });
      expect(values[1]!.key_value).toMatch(/^sha256:[0-9a-f]{64}$/);

      await migrateSystem(client, system, 'up');
      expect(await only(`SELECT api_service.api_key_is_valid('good')`)).toBe(true);
      expect(await only(`SELECT api_service.api_key_is_valid('bad')`)).toBe(false);
    });
  });
});

describe('session tokens', () => {
  databaseForEachTest();

  test('are stored as hashes, those from before as well', async () => {
    await migrateSystem(client, system, { to: 9 });
    const insert = (access: string, refresh: string | null) =>
      client.query(
        'INSERT INTO api_service.user_sessions (access_token, refresh_token, expires_at) VALUES ($1, $2, now())',
        [access, refresh],
      );
    await insert('old access', 'old refresh');
    await migrateSystem(client, system, 'up');
    await insert('new access', null);
    expect(
      await rowsOf('SELECT access_token, refresh_token FROM api_service.user_sessions ORDER BY refresh_token'),
    ).toEqual([
      { access_token: `sha256:${sha256('old access')}`, refresh_token: `sha256:${sha256('old refresh')}` },
      { access_token: `sha256:${sha256('new access')}`, refresh_token: null },
    ]);
    await client.query(`UPDATE api_service.user_sessions SET access_token = 'renewed' WHERE refresh_token IS NULL`);
    expect(
      await only(
        `SELECT count(*)::INTEGER FROM api_service.user_sessions WHERE access_token = 'sha256:' || api_service.secret_digest('renewed')`,
      ),
    ).toBe(1);
  });
});

describe('the logs', () => {
  databaseForEachTest();

  beforeEach(async () => {
    await migrateSystem(client, system, 'up');
  });

  const partitions = (parent: string) =>
    rowsOf<{ name: string }>(
      'SELECT inhrelid::REGCLASS::TEXT AS name FROM pg_inherits WHERE inhparent = $1::REGCLASS ORDER BY 1',
      [`api_service.${parent}`],
    ).then((rows) => rows.map((row) => row.name));

  test.each(['api_access_log', 'audit_events'])(
    '%s has seven months back, two ahead, and a default',
    async (parent) => {
      const names = await partitions(parent);
      expect(names).toHaveLength(1 + 7 + 1 + 2);
      expect(names).toContain(`api_service.${parent}_default`);
      const month = await only<string>(`SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')`);
      expect(names).toContain(`api_service.${parent}_${month}`);
    },
  );

  test('missing months are made once', async () => {
    expect(await only('SELECT api_service.ensure_log_partitions(7, 2)')).toBe(0);
    expect(await only('SELECT api_service.ensure_log_partitions(8, 4)')).toBe(6);
    expect(await only('SELECT api_service.ensure_log_partitions(8, 4)')).toBe(0);
    const absurd = client.query('SELECT api_service.ensure_log_partitions(-1, 2)');
    await expect(absurd).rejects.toMatchObject({ code: '22023' });
  });

  test('rows that waited in the default partition move into their month', async () => {
    await client.query(
      `INSERT INTO api_service.audit_events (event_type, created_at)
       SELECT 'early.' || n, now() AT TIME ZONE 'UTC' + INTERVAL '3 months' FROM generate_series(1, 5) AS n`,
    );
    expect(await only('SELECT count(*)::INTEGER FROM api_service.audit_events_default')).toBe(5);
    const before = await rowsOf('SELECT * FROM api_service.audit_events ORDER BY id');
    await client.query('SELECT api_service.ensure_log_partitions(0, 4)');
    expect(await only('SELECT count(*)::INTEGER FROM api_service.audit_events_default')).toBe(0);
    expect(await rowsOf('SELECT * FROM api_service.audit_events ORDER BY id')).toEqual(before);
  });

  test('a line that names no organization gets that of its key, else of its user', async () => {
    const organization = (name: string) =>
      only<string>('INSERT INTO api_service.organizations (name) VALUES ($1) RETURNING id', [name]);
    const ours = await organization('Ours');
    const theirs = await organization('Theirs');
    const key = await only(
      'INSERT INTO api_service.api_keys (key_value, organization_id) VALUES ($1, $2) RETURNING id',
      ['k', ours],
    );
    const user = await only(
      `INSERT INTO api_service.users (email, password_hash, organization_id) VALUES ('a@b.example', '!', $1) RETURNING id`,
      [theirs],
    );
    const logged = (columns: string, values: unknown[]) =>
      only(
        `INSERT INTO api_service.api_access_log (${columns}) VALUES (${values.map((_, i) => `$${i + 1}`)}) RETURNING organization_id`,
        values,
      );
    expect(await logged('api_key_id, user_id', [key, user])).toBe(ours);
    expect(await logged('user_id', [user])).toBe(theirs);
    expect(await logged('user_id, organization_id', [user, ours])).toBe(ours);
    expect(await logged('response_status', [200])).toBeNull();
    const inference = 'INSERT INTO api_service.ai_inference_log (user_id) VALUES ($1) RETURNING organization_id';
    expect(await only(inference, [user])).toBe(theirs);
  });
});

describe('isolation of the application', () => {
  databaseForAllTests();

  const tenantTables = [
    ...['organizations', 'users', 'user_sessions', 'api_keys', 'api_access_log', 'data_sources', 'ai_inference_log'],
    ...['audit_events', 'conversations', 'conversation_participants', 'messages', 'message_attachments'],
    ...['message_reactions', 'message_reads'],
  ];
  const sharedTables = ['infra_nodes', 'service_registry', 'api_routes', 'ai_models'];
  let ours: string;
  let theirs: string;

  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
    const scale = { people: 250, keys: 12, auditEvents: 400, accessLog: 400 };
    const demo = await fillSkyGenesisDemo(client, { now: new Date(), scale });
    ours = demo.organization.id;
    theirs = demo.other.id;
  });

  async function workFor(organization: string | null): Promise<void> {
    await client.query('RESET ROLE');
    await client.query(`SELECT set_config('api_service.organization_id', $1, false)`, [organization ?? '']);
    await client.query('SET ROLE sky_genesis_app');
  }
  const count = (table: string) => only<number>(`SELECT count(*)::INTEGER FROM api_service.${table}`);

  afterEach(async () => {
    await client.query('RESET ROLE');
  });

  test('one organization sees its own rows, the other its own, and together they are all', async () => {
    for (const table of tenantTables) {
      await client.query('RESET ROLE');
      const everything = await count(table);
      await workFor(ours);
      const mine = await count(table);
      await workFor(theirs);
      const others = await count(table);
      expect(mine, table).toBeGreaterThan(0);
      expect(others, table).toBeGreaterThan(0);
      expect(mine + others, table).toBe(everything);
    }
  });

  test('who has not said whom they work for sees nothing, and reference data is for everybody', async () => {
    await workFor(null);
    for (const table of tenantTables) expect(await count(table), table).toBe(0);
    for (const table of sharedTables) expect(await count(table), table).toBeGreaterThan(0);
  });

  test('nothing is written for another organization', async () => {
    const theirUser = await only('SELECT id FROM api_service.users WHERE organization_id = $1 LIMIT 1', [theirs]);
    const theirTalk = await only('SELECT id FROM api_service.conversations WHERE organization_id = $1 LIMIT 1', [
      theirs,
    ]);
    const theirMessage = await only('SELECT id FROM api_service.messages WHERE conversation_id = $1 LIMIT 1', [
      theirTalk,
    ]);
    await workFor(ours);
    const refused: [string, unknown[]][] = [
      [
        `INSERT INTO api_service.users (email, password_hash, organization_id) VALUES ('x@y.example', '!', $1)`,
        [theirs],
      ],
      [`INSERT INTO api_service.api_keys (key_value, organization_id) VALUES ('x', $1)`, [theirs]],
      [`INSERT INTO api_service.audit_events (event_type, organization_id) VALUES ('x', $1)`, [theirs]],
      ['INSERT INTO api_service.api_access_log (user_id, organization_id) VALUES ($1, $2)', [theirUser, theirs]],
      ['INSERT INTO api_service.api_access_log (user_id) VALUES ($1)', [theirUser]],
      [
        `INSERT INTO api_service.user_sessions (user_id, access_token, expires_at) VALUES ($1, 't', now())`,
        [theirUser],
      ],
      [`INSERT INTO api_service.messages (conversation_id, content) VALUES ($1, 'x')`, [theirTalk]],
      [`INSERT INTO api_service.message_reactions (message_id, reaction) VALUES ($1, 'x')`, [theirMessage]],
      ['UPDATE api_service.users SET organization_id = $1', [theirs]],
      ['UPDATE api_service.audit_events SET event_type = $1', ['rewritten']],
      ['DELETE FROM api_service.api_access_log WHERE $1::TEXT IS NOT NULL', ['all']],
      [`UPDATE api_service.infra_nodes SET name = $1`, ['mine']],
    ];
    for (const [sql, values] of refused)
      await expect(client.query(sql, values), sql).rejects.toMatchObject({ code: '42501' });
    const reached = await client.query('UPDATE api_service.users SET full_name = $1 WHERE id = $2', ['x', theirUser]);
    expect(reached.rowCount).toBe(0);
  });

  test('what belongs to the organization can be written, and a call by nobody is logged', async () => {
    await workFor(ours);
    const user = await only('SELECT id FROM api_service.users LIMIT 1');
    await client.query('INSERT INTO api_service.api_access_log (user_id, response_status) VALUES ($1, 200)', [user]);
    await client.query('INSERT INTO api_service.api_access_log (response_status) VALUES (200)');
    await client.query(`INSERT INTO api_service.audit_events (event_type, organization_id) VALUES ('x', $1)`, [ours]);
    const key = await only<string>(
      `INSERT INTO api_service.api_keys (key_value, organization_id) VALUES ('mine', $1) RETURNING key_value`,
      [ours],
    );
    expect(key).toBe(`sha256:${sha256('mine')}`);
  });

  test('a partition is no way around, and a key is recognized before anybody says whose it is', async () => {
    await client.query(`INSERT INTO api_service.api_keys (key_value, organization_id) VALUES ('presented', $1)`, [
      ours,
    ]);
    await workFor(null);
    await expect(client.query('SELECT FROM api_service.audit_events_default')).rejects.toMatchObject({ code: '42501' });
    expect(await only(`SELECT api_service.api_key_is_valid('presented')`)).toBe(true);
    expect(await only(`SELECT api_service.api_key_is_valid('guessed')`)).toBe(false);
  });

  test('the owner is not bound by it', async () => {
    expect(
      await only(`SELECT bool_or(relforcerowsecurity) FROM pg_class WHERE relnamespace = 'api_service'::REGNAMESPACE`),
    ).toBe(false);
  });
});
