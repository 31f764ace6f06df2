import { dirname } from 'node:path';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { HistoryDevice } from '../fixtures/history/device.ts';
import { centralStep, type Player, refused } from '../fixtures/history/history.ts';
import { type HostStep, Hosts } from '../fixtures/history/host.ts';
import { checkConfirmed, checkQuiet, checkTwins, truthOf } from '../fixtures/history/invariants.ts';
import { type Ground, type Landscape, makeLandscape, people, rowId } from '../fixtures/history/landscape.ts';
import { runHistories } from '../fixtures/history/run.ts';

/*
 * Whichever way a mirror came to where it is, it holds the same rows, and so does central. `SEED=… RUNS=… FC_PATH=…` as for the other
 * histories.
 */
const runs = Number(process.env.RUNS ?? 12);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let landscape: Landscape;
beforeAll(async () => {
  landscape = await makeLandscape();
});
afterAll(() => landscape.close());

/** The same device's login, with a mirror of its own. */
async function withTwin(
  { number }: HistoryDevice,
  ground: Ground,
  fresh: boolean,
  work: (twin: HistoryDevice) => Promise<void>,
): Promise<void> {
  const admin = await ground.connect('twin');
  const twin = await HistoryDevice.start(number, ground, admin, { fresh, skew: 0 });
  try {
    await work(twin);
  } finally {
    await twin.end();
    await admin.end();
  }
}

/** A twin has its mirror brought up to date like any device; that it did not make the log that its device sent is said afterwards. */
async function pullAll(twin: HistoryDevice): Promise<void> {
  await twin.sync().catch((error: { code?: string }) => {
    if (error.code !== 'device-rewound') throw error;
  });
}

test.each<[string, Player]>([
  [
    'one whole first mirror',
    {
      atRest: (device, ground) =>
        withTwin(device, ground, true, async (twin) => {
          await pullAll(twin);
          checkTwins(device, twin);
        }),
    },
  ],
  [
    'one pull over all of it, begun again after its answers were lost',
    {
      atRest: (device, ground) =>
        withTwin(device, ground, false, async (twin) => {
          for (const nth of [4, 5, 6]) await twin.sync({ kind: 'cut-half-way', nth }).catch(() => {});
          await pullAll(twin);
          checkTwins(device, twin);
        }),
    },
  ],
])(
  'the pulls of a history end in the same mirror as %s',
  async (_what, player) => {
    const failure = await runHistories(landscape, { runs, seed, path: process.env.FC_PATH, player });
    expect(failure?.message ?? null).toBe(null);
  },
  200_000,
);

/** Looks at one property in random cases, and at smaller ones of a case that fails; says with what seed. */
async function holds<Case>(cases: fc.Arbitrary<Case>, property: (one: Case) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(cases, property), {
    numRuns: runs,
    seed,
    path: process.env.FC_PATH,
    interruptAfterTimeLimit: 150_000,
  });
}

const hostStep = (acts: HostStep['act'][], host: HostStep['host'][], rows: number[]): fc.Arbitrary<HostStep> =>
  fc.record({
    by: fc.constant('host'),
    host: fc.constantFrom(...host),
    act: fc.constantFrom(...acts),
    row: fc.constantFrom(...rows),
    word: fc.nat(3),
  });

/** Mostly what comes, goes and moves with a parent, and soon something else of the same: a group must be more than its last change. */
const changing = fc.oneof(
  { weight: 1, arbitrary: centralStep },
  {
    weight: 2,
    arbitrary: hostStep(
      [
        'move-conversation',
        'move-conversation',
        'put-conversation',
        'drop-conversation',
        'put-message',
        'move-message',
        'put-reaction',
        'put-participant',
        'move-person',
        'rename-person',
        'move-session',
      ],
      [0, 2, 2],
      [1, 1, 2],
    ),
  },
);

/** The sizes of the groups in which what is many goes; what is left over goes in one. */
const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 });

test('the same changes of central, pulled one by one, in groups or all at once, end in the same mirror', async () => {
  const cases = fc.record({
    number: fc.constantFrom(0, 2, 3, 4),
    steps: fc.array(changing, { minLength: 16, maxLength: 44 }),
    sizes,
  });
  await holds(cases, ({ number, steps, sizes }) =>
    landscape.on(async (ground) => {
      const admin = await ground.connect('truth');
      const hosts = new Hosts(ground);
      const device = () => HistoryDevice.start(number, ground, admin, { fresh: false, skew: 0 });
      const [each, grouped, once] = [await device(), await device(), await device()];
      try {
        const ends = new Set<number>();
        for (const size of sizes) ends.add(Math.max(0, ...ends) + size);
        for (const [place, step] of steps.entries()) {
          await hosts.act(step);
          await each.sync();
          if (ends.has(place + 1)) await grouped.sync();
        }
        await hosts.settle();
        for (const one of [each, grouped, once]) await one.sync();
        checkTwins(each, once);
        checkTwins(grouped, once);
        await checkConfirmed(once, truthOf(admin));
      } finally {
        for (const one of [each, grouped, once]) await one.end();
        await hosts.end();
        await admin.end();
      }
    }),
  );
}, 200_000);

type Made = [name: Parameters<HistoryDevice['call']>[0], input: object];
/** Mostly people and keys of the same few numbers, so that commands build on each other and hosts get in their way. */
const busy = [6, 6, 6, 7, 7, 5];
const person = fc.constantFrom(...busy).map((number) => people[number]!.id);
const key = fc.constantFrom(...busy).map((number) => rowId('e', number % 3));
const word = fc.nat(3);
/** Not those that are urgent: they go before what was made earlier, and how early depends on what is there to be overtaken. */
const made: fc.Arbitrary<Made> = fc.oneof(
  fc.tuple(person, word).map(([person, n]): Made => ['people.edit', { person, name: `Name ${n}` }]),
  fc.tuple(person, word).map(([person, n]): Made => ['people.edit', { person, email: `mail${n}@nordhaven.example` }]),
  fc
    .tuple(person, fc.constantFrom('user', 'admin', 'developer', 'member'))
    .map(([person, role]): Made => ['people.set-role', { person, role }]),
  person.map((person): Made => ['people.reactivate', { person }]),
  word.map((n): Made => ['people.create', { email: `new${n}@nordhaven.example`, name: `New ${n}`, role: 'user' }]),
  word.map((n): Made => ['keys.issue', { label: `issued ${n}`, scopes: ['a:read'] }]),
  fc.tuple(key, word).map(([key, n]): Made => ['keys.rotate', { key, overlapSeconds: n * 3_600 }]),
);
/** What the hosts did meanwhile, so that not all of it can be had: the same, to the value, at every central. */
const meanwhile = hostStep(
  [
    'rename-person',
    'set-status',
    'set-role',
    'set-email',
    'drop-person',
    'move-person',
    'set-key-label',
    'set-key-status',
    'move-key',
    'drop-key',
  ],
  [2],
  busy,
);

test('the same commands, pushed one by one, in groups with or without their answers, or all at once, end in the same rows of central', async () => {
  const cases = fc.record({
    commands: fc.array(made, { minLength: 12, maxLength: 60 }),
    meanwhile: fc.array(meanwhile, { minLength: 2, maxLength: 5 }),
    sizes,
    lost: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
  });
  await holds(cases, async ({ commands, meanwhile, sizes, lost }) => {
    const folder = await landscape.on((ground) => queuedIn(ground, commands));
    const sent = (sizes: number[], lost: boolean[]) =>
      landscape.on((ground) => centralAfter(ground, folder, meanwhile, sizes, lost));
    const whole = await sent([], []);
    expect(await sent(Array(commands.length).fill(1), []), 'one by one').toEqual(whole);
    expect(await sent(sizes, lost), 'in groups').toEqual(whole);
  });
}, 200_000);

/** Has the first device make commands without sending them. @returns the folder of its mirror */
async function queuedIn(ground: Ground, commands: Made[]): Promise<string> {
  const admin = await ground.connect('truth');
  const device = await HistoryDevice.start(0, ground, admin, { fresh: false, skew: 0 });
  for (const [name, input] of commands) {
    await device.call(name, input).catch((error: { code?: string }) => {
      if (!refused.has(error.code ?? '')) throw error;
    });
  }
  await device.end();
  await admin.end();
  return dirname(device.file);
}

/** Sends the queue of that folder to a central of its own, in groups; of those that are lost the device does not hear the answer. */
async function centralAfter(
  ground: Ground,
  folder: string,
  meanwhile: HostStep[],
  sizes: number[],
  lost: boolean[],
): Promise<unknown> {
  const admin = await ground.connect('truth');
  const hosts = new Hosts(ground);
  const devices = ground.devices.map((device) => ({ ...device, folder }));
  const device = await HistoryDevice.start(0, { ...ground, devices }, admin, { fresh: false, skew: 0 });
  const { database } = device.mirror;
  // A state that nobody looks for keeps them back.
  const keepBack = database.prepare(
    `UPDATE latchkey_outbox SET state = 'observed' WHERE state = 'queued' AND position > (
       SELECT position FROM latchkey_outbox WHERE state = 'queued' ORDER BY position LIMIT 1 OFFSET ?)`,
  );
  const giveBack = database.prepare(`UPDATE latchkey_outbox SET state = 'queued' WHERE state = 'observed'`);
  try {
    for (const step of meanwhile) await hosts.act(step);
    for (const [place, size] of sizes.entries()) {
      keepBack.run(size - 1);
      if (lost[place]) {
        await device
          .sync({ kind: 'cut-answer', nth: 0, matching: /latchkey\.push\(/ })
          .catch((error: { code: string }) => {
            expect(error.code).toBe('central-unreachable');
          });
      } else await device.sync();
      giveBack.run();
    }
    await device.sync();
    await device.sync();
    await checkQuiet(device, truthOf(admin));
    return await rowsOf(admin);
  } finally {
    await device.end();
    await hosts.end();
    await admin.end();
  }
}

/** What a central holds, less what it dates and numbers itself. */
async function rowsOf(admin: pg.Client): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {};
  const read = async (name: string, what: string) => {
    const found = await admin.query(`SELECT (${what})::TEXT AS line FROM ${name} t`);
    rows[name] = found.rows.map(({ line }) => line.replaceAll(/\d{4}-\d\d-\d\dT[^"]*/g, 'a moment')).sort();
  };
  for (const table of Object.keys(skyGenesis.tables))
    await read(`api_service.${table}`, table === 'audit_events' ? `to_jsonb(t) - 'id'` : 'to_jsonb(t)');
  await read('latchkey.command', 'jsonb_build_array(id, state, context)');
  // Notes come once a push, and what the host wrote meanwhile with whichever comes next.
  await read(
    '(SELECT * FROM latchkey.audit_leaf WHERE device IS NOT NULL)',
    `jsonb_build_array(organization, device, device_idx, convert_from(entry, 'UTF8'))`,
  );
  await read(
    `(SELECT command, convert_from(entry, 'UTF8')::JSONB AS said FROM latchkey.audit_leaf WHERE device IS NULL AND command IS NOT NULL)`,
    `jsonb_build_array(command, said -> 'out', said -> 'ref')`,
  );
  return rows;
}
