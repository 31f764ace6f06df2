import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSnapshot } from '../../src-main/core/sync/snapshot.ts';
import type { HistoryDevice } from '../fixtures/history/device.ts';
import { type Landscape, makeLandscape } from '../fixtures/history/landscape.ts';
import { runHistories } from '../fixtures/history/run.ts';

/*
 * Random histories of three to five devices of two organizations, and of a host whose transactions stay open meanwhile. `SEED=… RUNS=…`
 * lives through others; the message of a failure says how to replay it.
 */
const runs = Number(process.env.RUNS ?? 200);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let landscape: Landscape;
beforeAll(async () => {
  landscape = await makeLandscape();
});
afterAll(() => landscape.close());

test('random histories come to rest with equal mirrors, and every command with one receipt', async () => {
  const failure = await runHistories(landscape, { runs, seed, path: process.env.FC_PATH });
  expect(failure?.message ?? null).toBe(null);
}, 900_000);

test('with a number for a cursor they lose rows, and are seen to', async () => {
  // As if whatever began before the last pull ended had been seen by it, as `xid > last` has it.
  const afterSync = ({ mirror }: HistoryDevice) => {
    const end = parseSnapshot(mirror.meta('cursor')!).xmax;
    mirror.setMeta('cursor', `${end}:${end}:`);
  };
  const failure = await runHistories(landscape, { runs: 150, seed: 1, player: { afterSync }, shrink: false });
  expect(failure?.message).toMatch(/the mirror of device \d is not what central shows it/);
}, 300_000);
