import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signedCheckpoint } from '../../src-main/core/audit/device-log.ts';
import { LogTree } from '../../src-main/core/audit/log-tree.ts';
import { connectToCentral } from '../../src-main/core/central/connection.ts';
import type { Intent, Json } from '../../src-main/core/command/intent.ts';
import { actorOf } from '../../src-main/core/identity.ts';
import { HistoryDevice } from '../fixtures/history/device.ts';
import { checkQuiet, truthOf } from '../fixtures/history/invariants.ts';
import { type Ground, type Landscape, makeLandscape, people } from '../fixtures/history/landscape.ts';

/* Nothing jams a queue: whatever one command is, those behind it get their answers, each exactly one. */
let landscape: Landscape;
beforeAll(async () => {
  landscape = await makeLandscape();
});
afterAll(() => landscape.close());

/** With one administrator's device; what must hold at rest is checked when the work is done. */
async function withDevice(
  work: (device: HistoryDevice, admin: pg.Client, ground: Ground) => Promise<void>,
): Promise<void> {
  await landscape.on(async (ground) => {
    const admin = await ground.connect('truth');
    const device = await HistoryDevice.start(0, ground, admin, { fresh: false, skew: 0 });
    try {
      await work(device, admin, ground);
      await device.sync();
      await checkQuiet(device, truthOf(admin));
    } finally {
      await device.end();
      await admin.end();
    }
  });
}

const edit = (person: number, set: Record<string, Json>): Intent => ({
  name: 'person.edit',
  summary: 'Changed somebody',
  subject: { table: 'users', key: [people[person]!.id] },
  changes: [{ table: 'users', key: [people[person]!.id], op: 'update', set }],
});
const rename = (device: HistoryDevice, person: number, name: string) =>
  device.call('people.edit', { person: people[person]!.id, name });
const states = ({ mirror }: HistoryDevice) =>
  mirror.database.prepare('SELECT state FROM latchkey_outbox ORDER BY position').pluck().all();
const queued = ({ mirror }: HistoryDevice) =>
  mirror.database
    .prepare(
      `SELECT o.command AS id, name, made_at, requires, changes, CAST(bytes AS TEXT) AS entry, e.position FROM latchkey_outbox o
       JOIN latchkey_entry e USING (command) WHERE state = 'queued' ORDER BY o.position`,
    )
    .all() as {
    id: string;
    name: string;
    made_at: string;
    requires: string;
    changes: string;
    entry: string;
    position: number;
  }[];
const sent = (commands: ReturnType<typeof queued>) =>
  commands.map(({ id, name, made_at, requires, changes }) => ({
    id,
    name,
    made_at,
    requires: JSON.parse(requires),
    changes,
  }));
const entries = (commands: ReturnType<typeof queued>) => commands.map(({ position, entry }) => ({ position, entry }));
const pushed = async (device: HistoryDevice, client: pg.Client, log: { position: number }[], commands: unknown[]) => {
  const last = log.at(-1)?.position ?? 0;
  const note = signedCheckpoint(actorOf(device.identity), last, new LogTree(device.mirror, 'device').root(last));
  const { rows } = await client.query('SELECT latchkey.push($1, $2, $3) AS answer', [
    JSON.stringify(log),
    JSON.stringify(commands),
    note,
  ]);
  return (JSON.parse(rows[0].answer).receipts as { id: string; state: string }[]).map(({ id, state }) => [id, state]);
};

test.each<[string, Record<string, Json>]>([
  ['breaks a constraint', { status: 'no such status' }],
  ['has a value of the wrong type', { role: { nested: [1, null] } }],
  ['takes an address that is taken', { email: people[5]!.email }],
  ['has a value that no text may hold', { role: 'a\u0000b' }],
])('a command in the middle of the queue that %s is refused, and those around it are applied', async (_what, set) => {
  await withDevice(async (device, admin) => {
    await rename(device, 4, 'Before');
    // The unique address is known here too, so a command that no feature would have made stands for it.
    device.mirror.database.exec(`UPDATE users SET email = 'elsewhere' WHERE id = '${people[5]!.id}'`);
    device.queue(edit(6, set));
    device.mirror.database.exec(`UPDATE users SET email = '${people[5]!.email}' WHERE id = '${people[5]!.id}'`);
    await rename(device, 7, 'After');
    await device.sync();
    expect(states(device)).toEqual(['in-force', 'refused', 'in-force']);
    const { rows } = await admin.query(
      `SELECT full_name FROM api_service.users WHERE full_name IN ('Before', 'After') ORDER BY 1`,
    );
    expect(rows.map((row) => row.full_name)).toEqual(['After', 'Before']);
  });
});

test('the answer to a push is lost three times, and every command is applied once', async () => {
  await withDevice(async (device) => {
    await rename(device, 4, 'Once');
    for (const _time of [1, 2, 3]) {
      const losing = device.sync({ kind: 'cut-answer', nth: 0, matching: /latchkey\.push\(/ });
      await losing.catch((error: { code: string }) => expect(error.code).toBe('central-unreachable'));
    }
    await rename(device, 5, 'Then');
    await device.sync();
    expect(states(device)).toEqual(['in-force', 'in-force']);
  });
});

test('a command that is made while the answer to a push is on its way goes with the next one, and its entry too', async () => {
  await withDevice(async (device) => {
    await rename(device, 4, 'On its way');
    await device.sync({ kind: 'held', nth: 0, matching: /latchkey\.push\(/ });
    await rename(device, 4, 'Made meanwhile');
    await rename(device, 5, 'And another');
    await device.settle();
    await device.sync();
    expect(states(device)).toEqual(['in-force', 'in-force', 'in-force']);
  });
});

test('the same push over two connections at once gives the same receipts, and applies once', async () => {
  await withDevice(async (device, admin, ground) => {
    // Whoever comes second waits for the first one here, as at any central.
    await admin.query(`ALTER FUNCTION latchkey.push(TEXT, TEXT, TEXT) SET lock_timeout = '2s'`);
    for (const person of [4, 5, 6]) await rename(device, person, 'Twice');
    const commands = queued(device);
    const clients = await Promise.all([1, 2].map(() => connectToCentral(ground.devices[0]!.identity.central)));
    const answers = await Promise.all(
      clients.map((client) => pushed(device, client, entries(commands), sent(commands))),
    );
    await Promise.all(clients.map((client) => client.end()));
    expect(answers[0]).toEqual(commands.map(({ id }) => [id, 'applied']));
    expect(answers[1]).toEqual(answers[0]);
  });
});

test('commands out of order wait for what they build on, and nothing else does', async () => {
  await withDevice(async (device, _admin, ground) => {
    await rename(device, 4, 'First');
    await rename(device, 4, 'Second');
    await rename(device, 5, 'Apart');
    const commands = queued(device);
    const [first, second, apart] = [commands[0]!, commands[1]!, commands[2]!];
    const client = await connectToCentral(ground.devices[0]!.identity.central);
    const ids = commands.map(({ id }) => id);
    expect(await pushed(device, client, entries(commands), sent([second, apart, first]))).toEqual([
      [ids[1], 'waiting'],
      [ids[2], 'applied'],
      [ids[0], 'applied'],
    ]);
    expect(await pushed(device, client, [], sent([second]))).toEqual([[ids[1], 'applied']]);
    await client.end();
  });
});

test('a command that builds on one that never comes waits, and those behind it do not', async () => {
  await landscape.on(async (ground) => {
    const admin = await ground.connect('truth');
    const device = await HistoryDevice.start(0, ground, admin, { fresh: false, skew: 0 });
    await rename(device, 4, 'Orphan');
    device.mirror.database.prepare('UPDATE latchkey_outbox SET requires = ?').run(JSON.stringify([randomUUID()]));
    await rename(device, 5, 'Behind');
    await device.sync();
    await device.sync();
    expect(states(device)).toEqual(['local', 'in-force']);
    await device.end();
    await admin.end();
  });
});
