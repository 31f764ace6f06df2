import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Output } from '../../src-main/contract/index.ts';
import type { Identity } from '../../src-main/core/identity.ts';
import { type BareDevice, bareDevice, joinedIdentity } from '../fixtures/bare-device.ts';
import { type Direction, type Fault, type FaultyWire, faultyWire } from '../fixtures/faulty-wire.ts';
import { type TestCentral, testCentral } from '../fixtures/organization.ts';

/** Short enough to see a dead wire noticed in a test; where a test must not depend on it, it is long instead. */
const patience = { connectMilliseconds: 700, silenceMilliseconds: 240 };
const endlessPatience = { connectMilliseconds: 3_600_000, silenceMilliseconds: 3_600_000 };
const unreachable = { code: 'central-unreachable', message: expect.stringContaining('was kept') };
const directions: Direction[] = ['to-central', 'to-device'];

let central: TestCentral;
let wire: FaultyWire;
let identity: Identity;
const open: BareDevice[] = [];
let count = 0;

beforeAll(async () => {
  central = await testCentral();
  wire = await faultyWire(central.url);
  identity = await joinedIdentity(central, { url: wire.through(central.url) });
});
afterEach(async () => {
  await wire.mend();
  for (const device of open.splice(0)) await device.side.close();
});
afterAll(async () => {
  await wire.close();
  await central.close();
});

const device = (more: Parameters<typeof bareDevice>[2] = {}) => {
  const made = bareDevice(central, identity, { patience, ...more });
  open.push(made);
  return made;
};
/** A device of its own login, so that its log begins at its beginning. */
const joined = async (more: Parameters<typeof bareDevice>[2] = {}) => {
  const made = bareDevice(central, await joinedIdentity(central, { url: wire.through(central.url) }), {
    patience,
    ...more,
  });
  open.push(made);
  return made;
};
const sync = ({ side }: BareDevice) => side.handle('sync.now', {});
const equal = async ({ side }: BareDevice) =>
  ((await side.handle('mirror.check', { repair: false })) as Output<'mirror.check'>).equal;
const edit = async ({ side }: BareDevice, person: string, name: string) =>
  (await side.handle('people.edit', { person: `${person}@nordhaven.example`, name })) as { command: string };
const name = async (person: string) => (await central.person(`${person}@nordhaven.example`)).full_name;
const receipts = async (commands: string[]) =>
  (await central.client.query('SELECT id FROM latchkey.command WHERE id = ANY ($1::UUID[])', [commands])).rowCount;
const toldByHost = async (commands: string[]) =>
  (
    await central.client.query(
      `SELECT FROM api_service.audit_events WHERE event_data #>> '{latchkey,command}' = ANY ($1)`,
      [commands],
    )
  ).rowCount;

/** Places to break a conversation of so many bytes: close together where it begins, then all over it. */
function places(total: number, howMany: number): number[] {
  return [
    0,
    1,
    9,
    ...Array.from({ length: howMany }, (_, n) => Math.floor((total * (n + 1)) / (howMany + 1))),
    total - 1,
  ];
}

describe.each(directions)('a wire that breaks %s', (direction) => {
  test('anywhere in the first mirror, is gone on with, and the mirror equals central', async () => {
    const whole = device();
    wire.passed();
    await sync(whole);
    const total = wire.passed()[direction];
    const broken = device();
    let breaks = 0;
    for (const afterBytes of places(total, 14)) {
      wire.breaks({ direction, afterBytes, how: breaks % 2 === 0 ? 'cut' : 'reset' });
      await sync(broken).then(
        () => {},
        (error) => {
          breaks += 1;
          expect(error).toMatchObject(unreachable);
        },
      );
    }
    expect(breaks).toBeGreaterThan(3);
    await wire.mend();
    await sync(broken);
    expect(await equal(broken)).toBe(true);

    // A conversation is now and then some bytes shorter than another: moments and numbers of transactions have more digits or fewer.
    for (const afterBytes of places(total, 7).filter((place) => place < total - 1)) {
      const fresh = bareDevice(central, identity, { patience });
      wire.breaks({ direction, afterBytes, how: 'reset' });
      await expect(sync(fresh)).rejects.toMatchObject(unreachable);
      await wire.mend();
      expect(await sync(fresh)).toMatchObject({ mode: 'idle', problem: null, mirror: { tables: 18 } });
      await fresh.side.close();
    }
  });

  test('anywhere in a push or a pull, loses nothing and doubles nothing', async () => {
    const one = await joined();
    await sync(one);
    const round = async (fault: Fault | null) => {
      count += 1;
      const commands = [
        (await edit(one, 'chloe', `Chloé ${count}`)).command,
        (await edit(one, 'dario', `Dario ${count}`)).command,
      ];
      await central.client.query(
        `UPDATE api_service.users SET created_at = now() + $1 * INTERVAL '1 second' WHERE email IN ('oskar@nordhaven.example', 'chloe@nordhaven.example')`,
        [count],
      );
      if (fault) wire.breaks(fault);
      await sync(one).catch((error: unknown) => expect(error).toMatchObject(unreachable));
      await wire.mend();
      expect(await sync(one)).toMatchObject({ mode: 'idle', pending: 0, conflicts: 0, problem: null });
      expect([await name('chloe'), await name('dario')]).toEqual([`Chloé ${count}`, `Dario ${count}`]);
      expect([await receipts(commands), await toldByHost(commands)]).toEqual([2, 2]);
    };
    await round(null);
    wire.passed();
    await round(null);
    const total = wire.passed()[direction];
    for (const how of ['cut', 'reset'] as const)
      for (const afterBytes of places(total, 16)) await round({ direction, afterBytes, how });
    // The fresh connection that follows a lost one is spared: one break is then not even noticed.
    for (const afterBytes of places(total, 8)) await round({ direction, afterBytes, how: 'cut', connections: 1 });
    expect(await equal(one)).toBe(true);
  });
});

test('the answer to a push is lost after central committed: it is asked for again, and nothing is done twice', async () => {
  const one = await joined();
  await sync(one);
  const { command } = await edit(one, 'chloe', 'Once');
  wire.losesAnswer('latchkey.push', async () => (await receipts([command])) === 1);
  wire.breaks({ direction: 'to-device', afterBytes: 0, how: 'reset', connections: 1 });
  await one.side.handle('sync.now', {}).catch((error: unknown) => expect(error).toMatchObject(unreachable));
  expect(await name('chloe')).toBe('Once');
  // What another one writes meanwhile must not be overwritten by the repetition.
  await central.client.query(
    `UPDATE api_service.users SET full_name = 'By somebody else' WHERE email = 'chloe@nordhaven.example'`,
  );
  await wire.mend();
  expect(await sync(one)).toMatchObject({ mode: 'idle', pending: 0, conflicts: 0 });
  expect(await name('chloe')).toBe('By somebody else');
  expect([await receipts([command]), await toldByHost([command])]).toEqual([1, 1]);
  expect(await equal(one)).toBe(true);
});

describe('a wire that is half-open', () => {
  test('is noticed when it never answers', async () => {
    const one = device();
    wire.breaks({ direction: 'to-device', afterBytes: 0, how: 'stall' });
    await expect(sync(one)).rejects.toMatchObject(unreachable);
    expect(one.told.at(-1)).toMatchObject({
      mode: 'offline',
      central: { reachable: false },
      problem: { code: 'central-unreachable', message: expect.stringContaining('does not answer') },
    });
  });

  test.each(directions)('is noticed when it stops %s anywhere, and the queue drains afterwards', async (direction) => {
    const one = await joined();
    await sync(one);
    wire.passed();
    await edit(one, 'chloe', `Before ${direction}`);
    await sync(one);
    const total = wire.passed()[direction];
    for (const afterBytes of [0, 9, Math.floor(total / 3), Math.floor(total / 2), total - 1]) {
      count += 1;
      await edit(one, 'chloe', `Chloé ${count}`);
      wire.breaks({ direction, afterBytes, how: 'stall' });
      await sync(one).then(
        () => {},
        (error) => expect(error).toMatchObject(unreachable),
      );
      await wire.mend();
      expect(await sync(one)).toMatchObject({ mode: 'idle', pending: 0, conflicts: 0 });
      expect(await name('chloe')).toBe(`Chloé ${count}`);
    }
  });

  test('is noticed in the middle of a copy', async () => {
    const whole = device();
    wire.passed();
    await sync(whole);
    const total = wire.passed()['to-device'];
    const one = device();
    wire.breaks({ direction: 'to-device', afterBytes: Math.floor(total * 0.6), how: 'stall' });
    await expect(sync(one)).rejects.toMatchObject(unreachable);
    await wire.mend();
    expect(await sync(one)).toMatchObject({ mode: 'idle' });
    expect(await equal(one)).toBe(true);
  });

  test('on one connection alone is left for another one, and nobody notices', async () => {
    const one = device();
    await sync(one);
    wire.breaks({ direction: 'to-device', afterBytes: 0, how: 'stall', connections: 1 });
    expect(await sync(one)).toMatchObject({ mode: 'idle', problem: null });
  });

  test.each([
    ['going offline', ({ side }: BareDevice) => side.handle('sync.set-offline', { workOffline: true })],
    ['closing the device', ({ side }: BareDevice) => side.close()],
  ])('does not keep anybody from %s', async (what, leave) => {
    for (const afterBytes of [0, 200, 2_000]) {
      const one = device({ patience: endlessPatience });
      wire.breaks({ direction: 'to-device', afterBytes, how: 'stall' });
      const outcome = sync(one).then(
        () => 'synced',
        (error: { code: string }) => error.code,
      );
      await pause(150);
      await leave(one);
      expect(await outcome).toBe('offline');
      await wire.mend();
      if (what === 'closing the device') open.splice(open.indexOf(one), 1);
    }
  });

  test('does not keep anybody from leaving an idle connection or a check of the mirror', async () => {
    const one = device({ patience: endlessPatience });
    await sync(one);
    wire.breaks({ direction: 'to-device', afterBytes: 0, how: 'stall' });
    expect(await one.side.handle('sync.set-offline', { workOffline: true })).toMatchObject({ mode: 'offline' });
    await wire.mend();
    await one.side.handle('sync.set-offline', { workOffline: false });
    await sync(one);

    wire.breaks({ direction: 'to-device', afterBytes: 3_000, how: 'stall' });
    const check = one.side.handle('mirror.check', { repair: false }).then(
      () => 'checked',
      (error: { code: string }) => error.code,
    );
    await pause(150);
    expect(await one.side.handle('sync.set-offline', { workOffline: true })).toMatchObject({ mode: 'offline' });
    expect(await check).toBe('offline');
    await one.side.handle('sync.set-offline', { workOffline: false });
  });
});

test('central that is long at work is waited for, on the same connection', async () => {
  // What the wires of before, which are half-open, left in a transaction ends by itself after minutes.
  await central.client.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
  );
  const one = device();
  await sync(one);
  const backends = async () =>
    (
      await central.client.query(
        `SELECT pid FROM pg_stat_activity WHERE usename = $1 AND application_name = 'latchkey' ORDER BY pid`,
        [identity.central.user],
      )
    ).rows;
  const before = await backends();
  await central.client.query(`UPDATE api_service.users SET full_name = 'Held' WHERE email = 'oskar@nordhaven.example'`);
  const holder = new pg.Client({ connectionString: central.url });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE api_service.users IN ACCESS EXCLUSIVE MODE');
    const outcome = sync(one);
    await pause(patience.silenceMilliseconds * 4);
    await holder.query('COMMIT');
    expect(await outcome).toMatchObject({ mode: 'idle', problem: null });
  } finally {
    await holder.end();
  }
  expect(await backends()).toEqual(before);
});

describe('a wire that is slow', () => {
  test.each([
    ['one byte at a time', { piece: 1 }],
    ['50 kB a second', { piece: 1_000, delay: 20 }],
    ['10 ms away', { delay: 10 }],
  ])('%s, brings the first mirror and takes a push', async (_what, pace) => {
    const one = await joined();
    wire.slows(pace);
    expect(await sync(one)).toMatchObject({ mode: 'idle', mirror: { tables: 18 } });
    count += 1;
    await edit(one, 'chloe', `Slowly ${count}`);
    expect(await sync(one)).toMatchObject({ pending: 0 });
    expect(await name('chloe')).toBe(`Slowly ${count}`);
    await wire.mend();
    expect(await equal(one)).toBe(true);
  });
});

describe('a device that syncs by itself', () => {
  const becomes = async (one: BareDevice, wanted: (status: BareDevice['told'][number]) => boolean) => {
    for (let last = -1; ; ) {
      if (one.told.length - 1 !== last && wanted(one.told.at(-1)!)) return one.told.at(-1)!;
      last = one.told.length - 1;
      await pause(20);
    }
  };

  test.each<[string, () => Promise<void> | void]>([
    ['is refused for a while', () => wire.refuses()],
    ['is reset again and again', () => wire.breaks({ direction: 'to-device', afterBytes: 500, how: 'reset' })],
    ['is half-open for a while', () => wire.breaks({ direction: 'to-device', afterBytes: 0, how: 'stall' })],
  ])('drains its queue with no new write and no help, after the wire %s', async (_what, make) => {
    const one = await joined({ background: true });
    await becomes(one, ({ mode }) => mode === 'idle');
    await make();
    count += 1;
    const { command } = await edit(one, 'chloe', `By itself ${count}`);
    const meanwhile = await becomes(one, ({ mode, problem }) => mode === 'offline' && problem !== null);
    expect(meanwhile).toMatchObject({ pending: 1, central: { reachable: false }, problem: unreachable });
    await wire.mend();
    await becomes(one, ({ mode, pending }) => mode === 'idle' && pending === 0);
    expect(await name('chloe')).toBe(`By itself ${count}`);
    expect(await receipts([command])).toBe(1);
  });
});
