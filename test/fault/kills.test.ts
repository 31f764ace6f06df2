import { afterAll, beforeAll, describe, test } from 'vitest';
import { killPoints } from '../fixtures/kill/points.ts';
import { KillRig } from '../fixtures/kill/rig.ts';

/*
 * A real core in a process of its own, killed with `kill -9` at every step of its work and opened again: the mirror is whole, the queue drains
 * with no new write, every command is at central exactly once, and the mirror equals central.
 */
let rig: KillRig;
beforeAll(async () => {
  rig = await KillRig.open();
});
afterAll(() => rig.close());

describe('a core loses nothing when it is killed', () => {
  test.each(killPoints.map((point) => [point.name, point] as const))('%s', (_name, point) => rig.kill(point), 120_000);
});
