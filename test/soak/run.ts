import setUpServer from '../fixtures/global-setup.ts';
import { makeLandscape } from '../fixtures/history/landscape.ts';
import { type Failure, runHistories, scrubbed } from '../fixtures/history/run.ts';
import { killPoints } from '../fixtures/kill/points.ts';
import { KillRig } from '../fixtures/kill/rig.ts';

/*
 * Histories and kills without end, or for as long as `RUNS`, `KILLS` and `MINUTES` say. `SEED` starts elsewhere. A failure is kept,
 * and the soak goes on.
 */
const number = (name: string) => (process.env[name] === undefined ? undefined : Number(process.env[name]));
const minutes = number('MINUTES') ?? Number.POSITIVE_INFINITY;
/** With neither given, both go on in turns until the time is up; with one of them given, the other is left out. */
const bounded = process.env.RUNS !== undefined || process.env.KILLS !== undefined;
const limit = (name: string) => number(name) ?? (bounded ? 0 : Number.POSITIVE_INFINITY);
const limits = { histories: limit('RUNS'), kills: limit('KILLS') };
const killsPerTurn = 10;
const historiesPerTurn = 200;
const seed = number('SEED') ?? Date.now() % 2 ** 31;
const progressMilliseconds = 10_000;

const began = performance.now();
let reported = began;
const failures = new Map<string, Failure & { times: number }>();
let ended = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    ended = true;
  });

console.log(`seed ${seed}`);
const done = { histories: 0, kills: 0 };
const stopServer = await setUpServer();
try {
  while (!isOver() && (done.histories < limits.histories || done.kills < limits.kills)) {
    await soakHistories(Math.min(limits.histories, done.histories + historiesPerTurn));
    await soakKills(Math.min(limits.kills, done.kills + killsPerTurn));
  }
} finally {
  await stopServer();
}
console.log(`${progress()}, from seed ${seed}`);
for (const { kind, times, replay } of failures.values()) console.log(`✗ ${times} times: ${kind}\n  ${replay}`);
process.exit(failures.size === 0 ? 0 : 1);

async function soakHistories(until: number): Promise<void> {
  if (done.histories >= until) return;
  const landscape = await makeLandscape();
  while (!isOver() && done.histories < until) {
    const failure = await runHistories(landscape, { runs: 1, seed: seed + done.histories });
    if (failure) keep(failure);
    done.histories += 1;
    report();
  }
  await landscape.close();
}

async function soakKills(until: number): Promise<void> {
  let rig: KillRig | null = null;
  while (!isOver() && done.kills < until) {
    const random = randomFrom(seed + done.kills);
    const point = killPoints[Math.floor(random() * killPoints.length)]!;
    rig ??= await KillRig.open();
    try {
      await rig.kill(point, random);
    } catch (error) {
      const { message, stack } = error as Error;
      const replay = `SEED=${seed + done.kills} KILLS=1 npm run soak`;
      keep({
        kind: `killed ${point.name}: ${scrubbed(message)}`,
        message: `killed ${point.name}: ${stack}\n\nreplay with: ${replay}\n`,
        replay,
      });
      await rig.close();
      rig = null;
    }
    done.kills += 1;
    report();
  }
  await rig?.close();
}

function isOver(): boolean {
  return ended || performance.now() - began > minutes * 60_000;
}

function progress(): string {
  return `${done.histories} histories, ${done.kills} kills, ${failures.size} kinds of failures, ${Math.round((performance.now() - began) / 1000)} s`;
}

function report(): void {
  if (performance.now() - reported < progressMilliseconds) return;
  console.log(progress());
  reported = performance.now();
}

/** Mulberry32: which point a kill is at, and when, follow from the seed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function keep(failure: Failure): void {
  const known = failures.get(failure.kind);
  if (known) {
    known.times += 1;
    return;
  }
  failures.set(failure.kind, { ...failure, times: 1 });
  console.log(`✗ ${failure.message}`);
}
