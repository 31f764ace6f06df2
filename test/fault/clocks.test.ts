import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { openCore } from '../../src-main/core/open.ts';
import { type BareDevice, bareDevice, joinedIdentity } from '../fixtures/bare-device.ts';
import { passphrase, type TestCentral, testCentral } from '../fixtures/organization.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

let central: TestCentral;
beforeAll(async () => {
  central = await testCentral();
});
afterAll(() => central.close());

const sync = ({ side }: BareDevice) => side.handle('sync.now', {});
let count = 0;
const edit = async ({ side }: BareDevice) => {
  count += 1;
  const name = `Chloé ${count}`;
  const { command } = (await side.handle('people.edit', { person: 'chloe@nordhaven.example', name })) as {
    command: string;
  };
  return { name, command };
};
const entries = (mirror: WritableMirror) =>
  (mirror.database.prepare('SELECT bytes FROM latchkey_entry ORDER BY position').pluck().all() as Buffer[]).map(
    (bytes) => JSON.parse(bytes.toString('utf8')) as { hlc: string; ts: string; seq: number; cmd: string },
  );

describe.each([
  ['an hour ahead', hour, '60 minutes ahead'],
  ['an hour behind', -hour, '60 minutes behind'],
  ['a day ahead', day, '24 hours ahead'],
  ['a day behind', -day, '24 hours behind'],
  ['a year ahead', year, '365 days ahead'],
  ['a year behind', -year, '365 days behind'],
])('a device whose clock is %s', (_what, offset, words) => {
  test('is refused nothing, says so, and its skew is recorded', async () => {
    const one = bareDevice(central, await joinedIdentity(central), { now: () => Date.now() + offset });
    expect(await sync(one)).toMatchObject({ mode: 'attention', central: { reachable: true } });
    const { name, command } = await edit(one);
    const status = (await sync(one)) as { clockOffset: number };
    expect(status).toMatchObject({
      mode: 'attention',
      pending: 0,
      conflicts: 0,
      problem: { code: 'clock-off', message: expect.stringContaining(words) },
    });
    expect(Math.abs(status.clockOffset - offset)).toBeLessThan(5_000);
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe(name);
    const { rows } = await central.client.query(
      'SELECT state, made_at::TIMESTAMPTZ - received_at AS skew, abs(extract(epoch FROM received_at - now())) < 60 AS timely FROM latchkey.command WHERE id = $1',
      [command],
    );
    expect(rows).toMatchObject([{ state: 'applied', timely: true }]);
    expect(Math.abs(Date.parse(entries(one.mirror)[0]!.ts) - Date.now() - offset)).toBeLessThan(minute);
    expect((await one.side.handle('mirror.check', { repair: false })) as object).toMatchObject({ equal: true });
    await one.side.close();
  });
});

test('a clock that is a little off is told, and nobody is bothered', async () => {
  const one = bareDevice(central, await joinedIdentity(central), { now: () => Date.now() + 30_000 });
  const status = (await sync(one)) as { clockOffset: number };
  expect(status).toMatchObject({ mode: 'idle', problem: null });
  expect(Math.abs(status.clockOffset - 30_000)).toBeLessThan(5_000);
  await one.side.close();
});

test('a clock that is set right again ends the attention', async () => {
  let offset = -day;
  const one = bareDevice(central, await joinedIdentity(central), { now: () => Date.now() + offset });
  expect(await sync(one)).toMatchObject({ mode: 'attention', problem: { code: 'clock-off' } });
  offset = 0;
  expect(await sync(one)).toMatchObject({ mode: 'idle', problem: null });
  await one.side.close();
});

test('a clock that jumps back and forth, restarts included, keeps the log in order, ids apart, and everything moving', async () => {
  let offset = 0;
  const identity = await joinedIdentity(central);
  let one = bareDevice(central, identity, { now: () => Date.now() + offset });
  await sync(one);
  for (const next of [0, year, -year, hour, -day, -10 * year, 3 * day, 0]) {
    offset = next;
    const before = await edit(one);
    offset -= minute;
    const after = await edit(one);
    expect(before.command).not.toBe(after.command);
    const { folder, databaseKey } = one;
    await one.side.close();
    one = bareDevice(central, identity, { folder, databaseKey, now: () => Date.now() + offset });
    expect(await sync(one)).toMatchObject({ pending: 0, conflicts: 0 });
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe(after.name);
    // What the host does arrives whatever this clock says.
    await central.client.query(`UPDATE api_service.users SET full_name = $1 WHERE email = 'oskar@nordhaven.example'`, [
      `Oskar ${count}`,
    ]);
    await sync(one);
    expect(
      one.mirror.database.prepare(`SELECT name FROM latchkey_person WHERE email = 'oskar@nordhaven.example'`).get(),
    ).toEqual({ name: `Oskar ${count}` });
  }
  const log = entries(one.mirror);
  expect(log.length).toBe(16);
  expect(log.map((entry) => entry.seq)).toEqual(log.map((_entry, place) => place + 1));
  expect(log.map((entry) => entry.hlc)).toEqual([...log.map((entry) => entry.hlc)].sort());
  expect(new Set(log.map((entry) => entry.hlc)).size).toBe(log.length);
  expect(new Set(log.map((entry) => entry.cmd)).size).toBe(log.length);
  expect((await one.side.handle('mirror.check', { repair: false })) as object).toMatchObject({ equal: true });
  await one.side.close();
});

test.each([
  ['a year ahead', year],
  ['a year behind', -year],
])("what counts from acceptance counts by central's clock, on a device %s", async (_what, offset) => {
  const device = await central.device({ clock: () => Date.now() + offset });
  await device.core.call('sync.set-offline', { workOffline: true });
  const { subject: key } = await device.core.call('keys.issue', { label: `clock ${offset}`, scopes: ['a:read'] });
  await device.core.call('keys.rotate', { key, overlapSeconds: 3_600 });
  await device.core.call('sync.set-offline', { workOffline: false });
  await device.core.call('sync.now', {});
  const { rows } = await central.client.query(
    `SELECT extract(epoch FROM expires_at - (now() AT TIME ZONE 'UTC'))::INT AS left FROM api_service.api_keys
     WHERE id = $1 OR rotated_from = $1 ORDER BY 1`,
    [key],
  );
  const near = (seconds: number) => expect.toSatisfy((left: number) => left > seconds - 120 && left <= seconds);
  expect(rows).toEqual([{ left: near(3_600) }, { left: near(365 * 86_400) }]);
});

test('a leaver loses every session, though the clock of the device says that all have expired', async () => {
  const device = await central.device({ clock: () => Date.now() + year });
  await device.core.call('people.deactivate', { person: 'dario@nordhaven.example', reason: 'Left the company' });
  await device.core.call('sync.now', {});
  const { rows } = await central.client.query(
    `SELECT s.expires_at <= now() AT TIME ZONE 'UTC' AS ended FROM api_service.user_sessions s JOIN api_service.users u ON u.id = s.user_id WHERE u.email = 'dario@nordhaven.example'`,
  );
  expect(rows).toEqual([{ ended: true }]);
});

test('the skew is known to a device that is opened without a connection', async () => {
  const device = await central.device({ clock: () => Date.now() + day });
  await device.core.call('sync.set-offline', { workOffline: true });
  await device.core.close();
  const core = await openCore({
    dataFolder: device.folder,
    ports: { secretStore: null, clock: () => Date.now() + day },
  });
  await core.call('device.unlock', { passphrase });
  const { clockOffset } = await core.call('status.get', {});
  expect(Math.abs(Number(clockOffset) - day)).toBeLessThan(minute);
  await core.close();
});
