import { afterAll, beforeAll, expect, test } from 'vitest';
import { HistoryDevice } from '../fixtures/history/device.ts';
import type { Player } from '../fixtures/history/history.ts';
import { checkTwins } from '../fixtures/history/invariants.ts';
import { type Ground, type Landscape, makeLandscape } from '../fixtures/history/landscape.ts';
import { runHistories } from '../fixtures/history/run.ts';

/* Whichever way a mirror came to where it is, it holds the same rows. `SEED=… RUNS=…` as for the other histories. */
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
