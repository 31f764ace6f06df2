import { describe, expect, test } from 'vitest';
import { revokeDevice } from '../../src-main/core/central/enroll.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { central, connectAsDevice, deviceLogin, login } from '../fixtures/device-login.ts';

deviceLogin();

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

describe('a revoked device', () => {
  test('is cut off at once, and its pushes are refused', async () => {
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
