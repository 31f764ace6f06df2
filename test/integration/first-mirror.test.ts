import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Progress, Status } from '../../src-main/contract/device.ts';
import type { Output } from '../../src-main/contract/index.ts';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { openCore } from '../../src-main/core/open.ts';
import { type BareDevice, bareDevice, joinedIdentity } from '../fixtures/bare-device.ts';
import { passphrase, type TestCentral, testCentral } from '../fixtures/organization.ts';

const rows = 24_000;
const rowsPerSnapshot = 8_000;
const open: BareDevice[] = [];
let central: TestCentral;

beforeAll(async () => {
  central = await testCentral();
  const { client, nordhaven } = central;
  await client.query(
    `INSERT INTO api_service.audit_events (organization_id, actor_id, event_type, event_data, created_at)
     SELECT $1, u.id, 'user.login', jsonb_build_object('n', n, 'text', repeat('sign-in from afar ', 16)), now() - n * INTERVAL '1 minute'
     FROM generate_series(1, $2::INTEGER) n, (SELECT id FROM api_service.users WHERE organization_id = $1 LIMIT 1) u`,
    [nordhaven, rows],
  );
  await client.query(
    `INSERT INTO api_service.ai_inference_log (organization_id, input_size, output_size, latency_ms)
     SELECT $1, n, n, n FROM generate_series(1, $2::INTEGER) n`,
    [nordhaven, rows],
  );
});
afterAll(async () => {
  for (const { side } of open) await side.close();
  await central.close();
});

async function device(more: Parameters<typeof bareDevice>[2] = {}): Promise<BareDevice> {
  const made = bareDevice(central, await joinedIdentity(central), { rowsPerSnapshot, ...more });
  open.push(made);
  return made;
}

const sync = ({ side }: BareDevice) => side.handle('sync.now', {}) as Promise<Status>;
const progress = ({ told }: BareDevice) => told.flatMap(({ progress }) => (progress ? [progress] : []));
const steps = (device: BareDevice) => [...new Set(progress(device).map(({ step }) => step))];
const complete = ({ mirror }: BareDevice) =>
  mirror.database.prepare('SELECT name FROM latchkey_table WHERE snapshot IS NOT NULL ORDER BY name').pluck().all();
const arrived = ({ mirror }: BareDevice, table: string) =>
  mirror.database.prepare(`SELECT count(*) FROM "latchkey_incoming_${table}"`).pluck().get() as number;
const lastProgress = (device: BareDevice): Progress => progress(device).at(-1)!;
async function isEqual({ side }: BareDevice): Promise<boolean> {
  return ((await side.handle('mirror.check', { repair: false })) as Output<'mirror.check'>).equal;
}

/** Waits until some of that part of a table has arrived, and not all of it. */
async function amid(device: BareDevice, table: string, part: number): Promise<void> {
  const until = Date.now() + 20_000;
  const isThere = () => lastProgress(device)?.step.startsWith(`Copying ${table}, part ${part} `);
  while (!isThere() && Date.now() < until) await pause(0);
  const before = arrived(device, table);
  while (arrived(device, table) === before && Date.now() < until) await pause(0);
  expect(lastProgress(device).step).toMatch(`Copying ${table}, part ${part} `);
}

test('a first mirror tells what it copies, how much of it there is once that is counted, and how far it is', async () => {
  const one = await device();
  await sync(one);
  const told = progress(one);
  const isCounted = told.findIndex(({ rowsExpected }) => rowsExpected > 0);
  const expected = told[isCounted]!.rowsExpected;
  expect(expected).toBeGreaterThan(2 * rows);
  // Small tables come while the large ones are being counted.
  expect(told.slice(0, isCounted).map(({ step }) => step)).toContain('Indexing users');
  expect(
    told.slice(0, isCounted).every(({ rows, secondsLeft }) => rows < rowsPerSnapshot && secondsLeft === null),
  ).toBe(true);
  expect(told.slice(isCounted).every(({ rowsExpected }) => rowsExpected === expected)).toBe(true);
  expect(told.at(-1)).toMatchObject({ rows: expected, rowsExpected: expected });
  expect(told.map((at) => at.rows)).toEqual(told.map((at) => at.rows).toSorted((a, b) => a - b));
  expect(told.at(-1)!.bytes).toBeGreaterThan(rows * 300);
  expect(steps(one)).toEqual(
    expect.arrayContaining(['Copying users', 'Copying audit_events, part 3 of 3', 'Indexing audit_events']),
  );
  expect(await isEqual(one)).toBe(true);
});

test('a first mirror of small tables alone knows from the start how much there is', async () => {
  const one = await device({ rowsPerSnapshot: 2_000_000 });
  await sync(one);
  const told = progress(one);
  expect(told[0]!.rowsExpected).toBeGreaterThan(2 * rows);
  expect(new Set(told.map(({ rowsExpected }) => rowsExpected)).size).toBe(1);
  expect(told.at(-1)!.rows).toBe(told[0]!.rowsExpected);
  expect(await isEqual(one)).toBe(true);
});

describe('a first mirror that is broken off amid a large table', () => {
  const ways = [
    ['by the operator', (one: BareDevice) => one.side.handle('sync.cancel', {}), { code: 'cancelled' }],
    [
      'by a lost connection',
      () =>
        central.client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'`,
        ),
      { code: 'central-unreachable' },
    ],
  ] as const;

  test.each(ways)('%s goes on where it was, and fetches nothing again', async (_how, breakOff, error) => {
    const whole = await device();
    await sync(whole);
    const one = await device();
    const first = sync(one).catch((reason: unknown) => reason);
    await amid(one, 'audit_events', 3);
    await breakOff(one);
    expect(await first).toMatchObject(error);
    expect(complete(one)).toContain('users');
    expect(complete(one)).not.toContain('audit_events');
    const bytesBefore = lastProgress(one).bytes;
    const stepsBefore = steps(one).filter((step) => step.startsWith('Indexing'));
    one.told.length = 0;

    expect(await sync(one)).toMatchObject({ mode: 'idle', problem: null });

    expect(steps(one)).not.toContain('Copying audit_events, part 2 of 3');
    expect(steps(one)).toContain('Copying audit_events, part 3 of 3');
    for (const step of stepsBefore) expect(steps(one)).not.toContain(step);
    // Of the part that was broken off alone something is fetched twice.
    expect(lastProgress(one).bytes + bytesBefore).toBeLessThan(1.3 * lastProgress(whole).bytes);
    expect(await isEqual(one)).toBe(true);
  });

  test('equals central in the end, also where central changed meanwhile what had arrived and what had not', async () => {
    const one = await device();
    const first = sync(one).catch((reason: unknown) => reason);
    await amid(one, 'ai_inference_log', 2);
    await one.side.handle('sync.cancel', {});
    expect(await first).toMatchObject({ code: 'cancelled' });
    expect(arrived(one, 'ai_inference_log')).toBeLessThan(rows);
    await central.client.query(`DELETE FROM api_service.ai_inference_log WHERE id % 97 = 0`);
    await central.client.query(`UPDATE api_service.ai_inference_log SET id = -id WHERE id % 89 = 0`);
    await central.client.query(`UPDATE api_service.ai_inference_log SET latency_ms = 1 WHERE id % 83 = 0`);
    await sync(one);
    expect(await isEqual(one)).toBe(true);
  });

  test('starts over with a table that was defined otherwise meanwhile', async () => {
    const one = await device();
    const first = sync(one).catch((reason: unknown) => reason);
    await amid(one, 'audit_events', 3);
    await one.side.handle('sync.cancel', {});
    await first;
    // The catalogue's fingerprint names the partitions.
    await central.client.query(
      `CREATE TABLE api_service.audit_events_later PARTITION OF api_service.audit_events FOR VALUES FROM ('2097-01-01') TO ('2098-01-01')`,
    );
    one.told.length = 0;
    await sync(one);
    expect(steps(one)).toContain('Copying audit_events, part 1 of 3');
    expect(await isEqual(one)).toBe(true);
  });
});

test.each([
  ['FULL', 2],
  ['OFF', 0],
])('a copy leaves %s, by which a mirror waits for the disk, as it was', async (name, value) => {
  const one = await device();
  one.mirror.database.pragma(`synchronous = ${name}`);
  await sync(one);
  expect(one.mirror.database.pragma('synchronous', { simple: true })).toBe(value);
});

test('a window that stopped its first mirror is left in peace until it asks for more', async () => {
  const one = await device({ background: true });
  await amid(one, 'audit_events', 2);
  const status = (await one.side.handle('sync.cancel', {})) as Status;
  expect(status).toMatchObject({ progress: null, problem: { code: 'cancelled' } });
  const told = one.told.length;
  await pause(1_500);
  expect(one.told.length).toBe(told);
  expect(await sync(one)).toMatchObject({ mode: 'idle', problem: null });
});

test('while a large table is copied, screens read what has arrived', async () => {
  const { file } = await enroll(central.client, {
    url: central.url,
    organization: central.nordhaven,
    operator: 'astrid@nordhaven.example',
    device: 'reader',
    role: 'admin',
  });
  const core = await openCore({ dataFolder: central.folder(), ports: { secretStore: null, clock: Date.now } });
  try {
    await core.call('device.join', { enrollment: file, passphrase });
    const read: Promise<number[]>[] = [];
    core.subscribe((event) => {
      if (event.type !== 'status' || !event.status.progress?.step.startsWith('Copying audit_events')) return;
      const people = core.call('people.list', {}).then(({ total }) => total);
      const entries = core.call('audit.list', {}).then(({ items }) => items.length);
      read.push(Promise.all([people, entries]));
    });
    await core.call('sync.now', {});
    expect(read.length).toBeGreaterThan(0);
    expect((await Promise.all(read)).every(([people, entries]) => people === 5 && entries === 0)).toBe(true);
    expect((await core.call('audit.list', {})).items.length).toBeGreaterThan(0);
  } finally {
    await core.close();
  }
});
