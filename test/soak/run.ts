import setUpServer from '../fixtures/global-setup.ts';
import { makeLandscape } from '../fixtures/history/landscape.ts';
import { type Failure, runHistories } from '../fixtures/history/run.ts';

/*
 * Histories and kills without end, or for as long as `RUNS`, `KILLS` and `MINUTES` say. `SEED` starts elsewhere. A failure is kept,
 * and the soak goes on.
 */
const number = (name: string) => (process.env[name] === undefined ? undefined : Number(process.env[name]));
const minutes = number('MINUTES') ?? Number.POSITIVE_INFINITY;
const limits = { histories: number('RUNS') ?? Number.POSITIVE_INFINITY };
const seed = number('SEED') ?? Date.now() % 2 ** 31;
const progressMilliseconds = 10_000;

const began = performance.now();
const failures = new Map<string, Failure & { times: number }>();
let ended = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    ended = true;
  });

const stopServer = await setUpServer();
try {
  await soakHistories();
} finally {
  await stopServer();
}
process.exitCode = failures.size === 0 ? 0 : 1;

async function soakHistories(): Promise<void> {
  const landscape = await makeLandscape();
  let done = 0;
  let reported = performance.now();
  while (!ended && done < limits.histories && performance.now() - began < minutes * 60_000) {
    const failure = await runHistories(landscape, { runs: 1, seed: seed + done });
    if (failure) keep(failure);
    done += 1;
    if (performance.now() - reported > progressMilliseconds) {
      console.log(
        `${done} histories, ${failures.size} kinds of failures, ${Math.round((performance.now() - began) / 1000)} s`,
      );
      reported = performance.now();
    }
  }
  await landscape.close();
  console.log(`${done} histories from seed ${seed}`);
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
