import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { connectAsDevice } from '../fixtures/device-login.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let device: TestDevice;
let login: pg.Client;

beforeAll(async () => {
  central = await testCentral();
  device = await central.device();
  login = await connectAsDevice(device);
});
afterAll(async () => {
  await login.end();
  await central.close();
});

const refused = (sql: string) =>
  expect(login.query(sql), sql).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|55000|LK\d{3})$/) });

describe("the device's own login, by plain SQL", () => {
  test.each(Object.keys(skyGenesis.tables))('cannot read or write the table api_service.%s', async (table) => {
    await refused(`SELECT * FROM api_service.${table}`);
    await refused(`DELETE FROM api_service.${table}`);
    await refused(`TRUNCATE api_service.${table}`);
  });

  test.each(Object.keys(skyGenesis.tables))('cannot write the views of %s', async (table) => {
    for (const schema of ['latchkey_mirror', 'latchkey_write']) {
      await refused(`INSERT INTO ${schema}.${table} DEFAULT VALUES`);
      await refused(`DELETE FROM ${schema}.${table}`);
      const { rows } = await central.client.query(
        `SELECT attname FROM pg_attribute WHERE attrelid = '${schema}.${table}'::REGCLASS AND attnum > 0`,
      );
      for (const { attname } of rows) await refused(`UPDATE ${schema}.${table} SET "${attname}" = NULL`);
    }
    await refused(`SELECT * FROM latchkey_write.${table}`);
    await refused(`SELECT * FROM latchkey_mirror.${table} FOR UPDATE`);
  });

  test('cannot tell by a query plan whether another organization has a value', async () => {
    await login.query('SET enable_seqscan = off');
    const plan = async (email: string) => {
      const { rows } = await login.query(
        `EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) SELECT 1 FROM latchkey_mirror.users WHERE email = '${email}'`,
      );
      return rows
        .map((row) => row['QUERY PLAN'])
        .join('\n')
        .replaceAll(email, 'X');
    };
    expect(await plan('ana@southbay.example')).toBe(await plan('nobody@southbay.example'));
    const { rows } = await login.query(
      `EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) SELECT * FROM latchkey_mirror.users_by_key(ARRAY['${(await central.person('ana@southbay.example')).id}'])`,
    );
    expect(rows.map((row) => row['QUERY PLAN']).join()).not.toContain('Removed');
    await login.query('RESET enable_seqscan');
  });

  test.each([
    'latchkey_owner',
    'latchkey_writer',
    'latchkey_admin',
    'latchkey_operator',
    'latchkey_auditor',
    'postgres',
  ])('cannot become %s', async (role) => {
    await expect(login.query(`SET ROLE ${role}`)).rejects.toMatchObject({ code: '42501' });
    await expect(login.query(`SET SESSION AUTHORIZATION ${role}`)).rejects.toMatchObject({ code: '42501' });
  });

  test.each(['change', 'command', 'audit_leaf', 'device', 'organization', 'epoch', 'installation', 'mirrored_table'])(
    'cannot touch latchkey.%s',
    async (table) => {
      await refused(`SELECT * FROM latchkey.${table}`);
      await refused(`DELETE FROM latchkey.${table}`);
    },
  );

  test('cannot call the functions that are not for devices', async () => {
    await refused(
      `SELECT latchkey.apply_change('users', ARRAY['id'], '{}', '{}', 'latchkey_admin', '{"op":"UPDATE"}')`,
    );
    await refused('SELECT latchkey.prune_changes(1)');
    await refused('SELECT latchkey.fingerprint()');
    await refused('CREATE TABLE latchkey.mine (x INT)');
    await refused('CREATE FUNCTION latchkey_mirror.mine() RETURNS INT LANGUAGE sql AS $$ SELECT 1 $$');
  });

  test.each([
    ['users', 'password_hash'],
    ['api_keys', 'key_value'],
    ['api_keys', 'private_key'],
    ['api_keys', 'key_hash'],
    ['api_keys', 'db_password_encrypted'],
    ['user_sessions', 'access_token'],
    ['user_sessions', 'refresh_token'],
    ['data_sources', 'password_hash'],
  ])('cannot read %s.%s', async (table, column) => {
    await expect(login.query(`SELECT ${column} FROM latchkey_mirror.${table}`)).rejects.toMatchObject({
      code: expect.stringMatching(/^(42501|42703)$/),
    });
  });

  test('sees its own organization alone, in every view', async () => {
    const { rows: people } = await login.query('SELECT email FROM latchkey_mirror.users');
    expect(people.length).toBe(5);
    expect(people.every(({ email }) => email.endsWith('@nordhaven.example'))).toBe(true);
    expect((await login.query('SELECT name FROM latchkey_mirror.organizations')).rows).toEqual([{ name: 'Nordhaven' }]);
    expect(
      (await login.query('SELECT label FROM latchkey_mirror.api_keys ORDER BY label')).rows.map((row) => row.label),
    ).toEqual(['billing-export', 'metrics']);
    expect((await login.query('SELECT DISTINCT content FROM latchkey_mirror.messages')).rows).toEqual([
      { content: 'About Rotation day' },
    ]);
    expect((await login.query('SELECT count(*)::INT AS n FROM latchkey_mirror.user_sessions')).rows).toEqual([
      { n: 5 },
    ]);
  });

  test('a function of its own in a condition learns nothing of rows that it may not see', async () => {
    await login.query(
      `CREATE FUNCTION pg_temp.spy(t TEXT) RETURNS BOOLEAN LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', t; RETURN TRUE; END $$`,
    );
    const seen: string[] = [];
    login.on('notice', (notice) => seen.push(String(notice.message)));
    await login.query('SELECT email FROM latchkey_mirror.users WHERE pg_temp.spy(email)');
    expect(seen.length).toBe(5);
    expect(seen.join()).not.toContain('southbay');
  });
});

describe('a push made by hand, past the client', () => {
  const entry = (command: string, changes: string, position: number, name = 'person.edit') => ({
    command,
    changes,
    position,
    name,
  });
  let position = 0;

  async function push(changes: object[], options: { hash?: string; id?: string } = {}) {
    const id = options.id ?? crypto.randomUUID();
    const text = JSON.stringify({ changes, reason: null, salt: 'c2FsdA', subject: { table: 'users', key: 'x' } });
    const { rows: hashed } = await login.query(`SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex') AS h`, [text]);
    position += 1;
    const made = entry(id, text, position);
    const bytes = JSON.stringify({
      v: 'latchkey/1',
      org: central.nordhaven,
      dev: device.id,
      seq: position,
      act: made.name,
      cmd: id,
      chg: { h: options.hash ?? hashed[0].h },
    });
    const { rows } = await login.query('SELECT latchkey.push($1, $2) AS answer', [
      JSON.stringify([{ position, entry: bytes }]),
      JSON.stringify([{ id, name: made.name, made_at: '2026-11-20T00:00:00Z', requires: [], changes: text }]),
    ]);
    return rows[0].answer.receipts[0];
  }

  const idOf = async (email: string) => (await central.person(email)).id as string;

  test('cannot change another organization’s row, and is not told that it exists', async () => {
    const foreign = await idOf('ana@southbay.example');
    const change = (key: string) => ({
      table: 'users',
      key: [key],
      op: 'update',
      base: { full_name: 'Ana Sousa' },
      set: { full_name: 'Mallory' },
    });
    const there = await push([change(foreign)]);
    const nowhere = await push([change(crypto.randomUUID())]);
    expect(there).toMatchObject({ state: 'conflict', context: { code: 'LK409', message: 'The row is not there.' } });
    const { key: _one, ...contextThere } = there.context;
    const { key: _two, ...contextNowhere } = nowhere.context;
    expect(contextThere).toEqual(contextNowhere);
    expect((await central.person('ana@southbay.example')).full_name).toBe('Ana Sousa');
  });

  test('cannot insert into another organization, nor move a row there', async () => {
    const insert = await push([
      {
        table: 'users',
        key: [crypto.randomUUID()],
        op: 'insert',
        base: null,
        set: { email: 'm@x.example', full_name: 'M', organization_id: central.southbay },
      },
    ]);
    expect(insert).toMatchObject({ state: 'refused' });
    const move = await push([
      {
        table: 'users',
        key: [await idOf('chloe@nordhaven.example')],
        op: 'update',
        base: { organization_id: central.nordhaven },
        set: { organization_id: central.southbay },
      },
    ]);
    expect(move).toMatchObject({ state: 'refused', context: { code: 'LK403' } });
    expect((await central.client.query(`SELECT 1 FROM api_service.users WHERE email = 'm@x.example'`)).rowCount).toBe(
      0,
    );
  });

  test('cannot refer to another organization’s row', async () => {
    const { rows } = await central.client.query(`SELECT id FROM api_service.api_keys WHERE label = 'ledger'`);
    const receipt = await push([
      {
        table: 'api_keys',
        key: [crypto.randomUUID()],
        op: 'insert',
        base: null,
        set: { organization_id: central.nordhaven, key_hash: 'a'.repeat(64), label: 'x', rotated_from: rows[0].id },
      },
    ]);
    expect(receipt).toMatchObject({ state: 'refused', context: { code: 'LK404' } });
  });

  test.each([
    ['a secret column', { table: 'users', op: 'update', set: { password_hash: 'x' } }, 'LK403'],
    ['a column that is not there', { table: 'users', op: 'update', set: { is_root: true } }, 'LK422'],
    [
      'a column of the table that no view shows',
      { table: 'api_keys', op: 'update', set: { private_key: 'x' } },
      'LK422',
    ],
    ['a table that is not there', { table: 'pg_authid', op: 'update', set: { rolsuper: true } }, 'LK422'],
    ['a deletion', { table: 'users', op: 'delete', set: {} }, 'LK422'],
  ])('cannot name %s', async (_what, change, code) => {
    const receipt = await push([{ base: {}, key: [await idOf('chloe@nordhaven.example')], ...change }]);
    expect(receipt).toMatchObject({ state: 'refused', context: { code } });
  });

  test('an entry that does not stand for the changes is refused, and so is an id that comes again with others', async () => {
    const change = {
      table: 'users',
      key: [await idOf('chloe@nordhaven.example')],
      op: 'update',
      base: { full_name: 'Chloé Martin' },
      set: { full_name: 'Changed' },
    };
    expect(await push([change], { hash: '0'.repeat(64) })).toMatchObject({
      state: 'refused',
      context: { code: 'LK412' },
    });
    const id = crypto.randomUUID();
    expect(await push([change], { id })).toMatchObject({ state: 'applied' });
    expect(await push([{ ...change, set: { full_name: 'Again' } }], { id })).toMatchObject({
      state: 'refused',
      context: { code: 'LK412' },
    });
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Changed');
  });

  test('an empty command, one of another name, and a push in an old snapshot write nothing', async () => {
    expect(await push([])).toMatchObject({ state: 'refused', context: { code: 'LK422' } });
    const key = [await idOf('chloe@nordhaven.example')];
    expect(await push([{ table: 'users', key, op: 'update', base: {}, set: {} }])).toMatchObject({
      state: 'refused',
      context: { code: 'LK422' },
    });
    expect(
      await push([{ table: 'users', key, op: 'update', base: {}, set: {}, from_acceptance: { status: -1 } }]),
    ).toMatchObject({ state: 'refused' });
    await login.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await expect(login.query(`SELECT latchkey.push('[]', '[]')`)).rejects.toMatchObject({ code: 'LK422' });
    await login.query('ROLLBACK');
    const { rows } = await central.client.query(
      `SELECT count(*)::INT AS n FROM api_service.audit_events WHERE event_data #>> '{latchkey,changes}' = '[]'`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  test('a log with a gap, a foreign log and too large a push are refused whole', async () => {
    const bytes = (seq: number, dev = device.id) =>
      JSON.stringify({ v: 'latchkey/1', org: central.nordhaven, dev, seq, act: 'x', cmd: crypto.randomUUID() });
    const send = (entries: object[], commands: object[] = []) =>
      login.query('SELECT latchkey.push($1, $2)', [JSON.stringify(entries), JSON.stringify(commands)]);
    await expect(send([{ position: position + 2, entry: bytes(position + 2) }])).rejects.toMatchObject({
      code: 'LK412',
    });
    await expect(send([{ position: position + 1, entry: bytes(position + 1, 'd999') }])).rejects.toMatchObject({
      code: 'LK412',
    });
    await expect(send([{ position: 1, entry: bytes(1) }])).rejects.toMatchObject({ code: 'LK414' });
    await expect(send([], Array(51).fill({ id: crypto.randomUUID(), name: 'x', changes: '{}' }))).rejects.toMatchObject(
      { code: 'LK413' },
    );
    await expect(
      login.query('SELECT latchkey.push($1, $2)', ['[]', `["${'x'.repeat(17_000_000)}"]`]),
    ).rejects.toMatchObject({ code: 'LK413' });
  });
});

describe('a revoked device', () => {
  test('is cut off at once, and its pushes are refused', async () => {
    const { revokeDevice } = await import('../../src-main/core/central/enroll.ts');
    const lost = await central.device({ name: 'lost laptop' });
    await lost.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'From a lost laptop' });
    const stolen = await connectAsDevice(lost);
    expect(await revokeDevice(central.client, 'lost laptop')).toEqual({ device: lost.id, name: 'lost laptop' });
    await expect(stolen.query('SELECT 1')).rejects.toThrow();
    await expect(lost.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-login-refused' });
    expect(await lost.core.call('status.get', {})).toMatchObject({ mode: 'attention', pending: 1 });
    await stolen.end().catch(() => {});
  });
});
