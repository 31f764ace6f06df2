import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { type Maintenance, maintain } from '../../src-main/core/central/maintain.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let device: TestDevice;

beforeAll(async () => {
  central = await testCentral();
  device = await central.device();
});
afterAll(() => central.close());

const run = (options: { keepWeeks?: number; dryRun?: boolean } = {}, client = central.client): Promise<Maintenance> =>
  maintain(client, { keepWeeks: 6, dryRun: false, ...options });
const rename = (name: string) =>
  central.client.query(`UPDATE api_service.users SET full_name = $1 WHERE email = 'dario@nordhaven.example'`, [name]);
const logged = async () =>
  (await central.client.query('SELECT count(*)::INT AS n, count(DISTINCT day)::INT AS days FROM latchkey.change'))
    .rows[0];

/** As much as a busy host leaves in some weeks: more than the upkeep takes at once, with younger changes in between. */
async function fillLog(): Promise<void> {
  await central.client.query(
    `INSERT INTO latchkey.change (organization_hash, day, table_id, organization, row_key)
     SELECT hashtext('elsewhere'), CURRENT_DATE - CASE WHEN n % 10 = 0 THEN 41 ELSE 43 END, 1, 'elsewhere', ARRAY[gen_random_uuid()::TEXT]
     FROM generate_series(1, 100000) AS n`,
  );
}

describe('the change log', () => {
  test('loses what is older than the weeks that are kept, in several transactions, and nothing younger', async () => {
    await rename('While away');
    await central.client.query('UPDATE latchkey.change SET day = day - 43');
    await fillLog();
    await rename('Lately');
    const before = await logged();
    const transaction = async () =>
      Number((await central.client.query('SELECT txid_snapshot_xmax(txid_current_snapshot()) AS n')).rows[0].n);
    const planned = await run({ dryRun: true });
    expect(planned).toMatchObject({ dryRun: true, forgotten: expect.any(Number) });
    expect(await logged()).toEqual(before);
    const began = await transaction();
    const done = await run();
    expect(done).toEqual({ ...planned, dryRun: false });
    // Three stretches at least, beside the vacuum's own transactions.
    expect((await transaction()) - began).toBeGreaterThan(3);
    expect(await logged()).toEqual({ n: before.n - done.forgotten, days: 2 });
    expect((await run()).forgotten).toBe(0);

    // It had not pulled what was forgotten.
    await device.core.call('sync.now', {});
    expect((await device.core.call('people.show', { person: 'dario@nordhaven.example' })).name).toBe('Lately');
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('keeps as many weeks as are asked for', async () => {
    expect((await run({ keepWeeks: 5, dryRun: true })).forgotten).toBe(10_000);
    expect((await run({ keepWeeks: 5 })).forgotten).toBe(10_000);
    await expect(central.client.query('SELECT latchkey.prune_changes(0)')).rejects.toMatchObject({ code: 'LK422' });
  });
});

test('a login whose enrollment expired unused is ended; one that can still be used is not', async () => {
  const invite = async (device: string, now?: Date) =>
    (
      await enroll(central.client, {
        url: central.url,
        organization: central.nordhaven,
        operator: 'astrid@nordhaven.example',
        device,
        role: 'auditor',
        now,
      })
    ).deviceId;
  const late = await invite('never came', new Date(Date.now() - 73 * 3_600_000));
  const early = await invite('may still come');
  const logins = async () =>
    (
      await central.client.query(
        `SELECT d.id, d.state, r.rolcanlogin AS login FROM latchkey.device d JOIN pg_roles r ON r.rolname = d.login
         WHERE d.id = ANY ($1) ORDER BY d.enrolled_at`,
        [[late, early]],
      )
    ).rows;
  const expired = [{ device: late, name: 'never came', expiredAt: expect.stringMatching(/^20.*Z$/) }];
  expect((await run({ dryRun: true })).expired).toEqual(expired);
  expect(await logins()).toMatchObject([
    { state: 'invited', login: true },
    { state: 'invited', login: true },
  ]);
  expect((await run()).expired).toEqual(expired);
  expect(await logins()).toEqual([
    { id: late, state: 'revoked', login: false },
    { id: early, state: 'invited', login: true },
  ]);
  expect((await run()).expired).toEqual([]);
});

describe('it gives way', () => {
  test('to work that holds a table: what cannot be vacuumed now is left out, and what waits gives up soon', async () => {
    const other = await central.connect();
    const all = (await run()).tables;
    expect(all).toContain('latchkey.command');
    await other.query('BEGIN; LOCK TABLE latchkey.command IN SHARE MODE');
    expect((await run()).tables).toEqual(all.filter((table) => table !== 'latchkey.command'));
    await other.query('ROLLBACK');
    await rename('Old');
    await central.client.query('UPDATE latchkey.change SET day = day - 43');
    await other.query('BEGIN; LOCK TABLE latchkey.change IN SHARE MODE');
    await expect(run()).rejects.toMatchObject({ code: 'central-busy', message: expect.stringContaining('2 seconds') });
    await other.query('ROLLBACK');
    expect((await central.client.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '0' }]);
    expect((await run()).forgotten).toBeGreaterThan(0);
    await other.end();
  });

  test('to nobody who may not: a login without rights is told so', async () => {
    const name = `nobody_${Date.now()}`;
    await central.client.query(`CREATE ROLE ${name} LOGIN PASSWORD 'nobody'`);
    const url = new URL(central.url);
    url.username = name;
    url.password = 'nobody';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await expect(run({}, client)).rejects.toMatchObject({ code: 'insufficient-privilege' });
    await client.end();
    await central.client.query(`DROP ROLE ${name}`);
  });
});
