import { describe, expect, test } from 'vitest';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { openCore } from '../../src-main/core/open.ts';
import { plainPorts } from '../../src-main/core/ports.ts';
import { central, connectAsDevice, device, deviceLogin, login } from '../fixtures/device-login.ts';
import { passphrase } from '../fixtures/organization.ts';

deviceLogin();

const rename = (name: string) =>
  central.client.query(`UPDATE api_service.users SET full_name = $1 WHERE email = 'dario@nordhaven.example'`, [name]);
const age = (days: number) => central.client.query('UPDATE latchkey.change SET day = day - $1::INTEGER', [days]);
const snapshot = async () => (await login.query('SELECT pg_current_snapshot()::TEXT AS now')).rows[0].now;
const changesSince = async (since: string, by = login) =>
  (await by.query('SELECT table_name, row_key FROM latchkey.changes_since($1::pg_snapshot)', [since])).rows;

test('a device is greeted without a look at all that one transaction changed', async () => {
  await central.client.query(
    `INSERT INTO api_service.audit_events (organization_id, event_type) SELECT $1, 'user.login' FROM generate_series(1, 3000)`,
    [central.nordhaven],
  );
  const { rows } = await login.query(`SELECT latchkey.hello() ->> 'newest_change' AS newest`);
  await login.query('BEGIN');
  const answer = await login.query(`SELECT latchkey.hello(0, $1) -> 'known_change' AS known`, [rows[0].newest]);
  const read = await login.query(
    `SELECT (seq_tup_read + idx_tup_fetch)::INTEGER AS rows FROM pg_stat_xact_user_tables WHERE relid = 'latchkey.change'::REGCLASS`,
  );
  await login.query('COMMIT');
  expect(answer.rows).toEqual([{ known: true }]);
  expect(read.rows[0].rows).toBeLessThan(20);
});

describe('pruning the change log', () => {
  test('forgets what is older than the retained weeks, and nothing younger', async () => {
    const before = await snapshot();
    await rename('Long ago');
    await age(43);
    await rename('Lately');
    const { rows } = await central.client.query('SELECT latchkey.prune_changes() AS forgotten');
    expect(Number(rows[0].forgotten)).toBeGreaterThan(0);
    expect(await changesSince(before)).toHaveLength(1);
    expect((await central.client.query('SELECT latchkey.prune_changes() AS forgotten')).rows).toEqual([
      { forgotten: '0' },
    ]);
  });

  test('makes a device that did not pull for longer take a fresh copy', async () => {
    await device.core.call('sync.now', {});
    await rename('While away');
    await age(43);
    await central.client.query('SELECT latchkey.prune_changes()');
    await device.core.call('sync.now', {});
    expect((await device.core.call('people.show', { person: 'dario@nordhaven.example' })).name).toBe('While away');
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('takes nothing from a pull that is under way', async () => {
    const before = await snapshot();
    await rename('Under way');
    await age(43);
    await login.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await login.query('SELECT latchkey.hello(0)');
    await central.client.query('SELECT latchkey.prune_changes()');
    expect(await changesSince(before)).toHaveLength(1);
    await login.query('COMMIT');
    expect(await changesSince(before)).toHaveLength(0);
  });
});

test('two organizations that its index cannot tell apart see nothing of each other', async () => {
  const { rows } = await central.client.query<{ mine: string; other: string }>(
    `SELECT min(id) AS mine, max(id) AS other FROM (SELECT gen_random_uuid()::TEXT AS id FROM generate_series(1, 500000)) made
     GROUP BY hashtext(id) HAVING count(*) > 1 LIMIT 1`,
  );
  const { mine, other } = rows[0]!;
  await central.client.query(`INSERT INTO api_service.organizations (id, name) VALUES ($1, 'Mine'), ($2, 'Other')`, [
    mine,
    other,
  ]);
  await central.client.query(
    `INSERT INTO api_service.users (organization_id, email, password_hash, role, status)
     VALUES ($1, 'a@mine.example', 'x', 'admin', 'active'), ($2, 'a@other.example', 'x', 'admin', 'active')`,
    [mine, other],
  );
  const { file, deviceId } = await enroll(central.client, {
    url: central.url,
    organization: mine,
    operator: 'a@mine.example',
    device: 'twin',
    role: 'admin',
  });
  const folder = central.folder();
  const core = await openCore({ dataFolder: folder, ports: plainPorts });
  try {
    await core.call('device.join', { enrollment: file, passphrase });
    const twin = await connectAsDevice({ core, folder, id: deviceId, enrollment: file });
    try {
      const before = await snapshot();
      await central.client.query(`UPDATE api_service.users SET full_name = 'Changed' WHERE email LIKE 'a@%.example'`);
      const { rows: seen } = await twin.query(`SELECT id::TEXT FROM latchkey_mirror.users`);
      expect(seen).toHaveLength(1);
      expect(await changesSince(before, twin)).toEqual([{ table_name: 'users', row_key: [seen[0].id] }]);
    } finally {
      await twin.end();
    }
  } finally {
    await core.close();
  }
});
