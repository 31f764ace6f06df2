import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { inShortTransaction, takingTurns } from '../operations/short-transaction.ts';
import { applySteps } from './apply.ts';
import { planOf } from './plan.ts';
import type { Phase, Plan, PlanOptions } from './plan-steps.ts';
import { type PostureOptions, reading, subjectOf } from './posture.ts';
import { rowsOf } from './subject.ts';

export interface PhaseRun {
  id: string;
  phase: Phase;
  /** What was done, in words, and how many rows were changed by it. */
  done: { what: string; rows: number }[];
}

/** @throws LatchkeyError as `planOf` and `posture` do */
export function planFor(client: pg.Client, id: string, options: PostureOptions & PlanOptions): Promise<Plan> {
  return reading(client, async () => planOf(await subjectOf(client, options), id, options));
}

/**
 * Carries out one phase of a plan: rows in batches by their key, each in a transaction of its own, so that it may be broken off at any
 * time and run again. Nothing waits for a lock on the table for longer than 0.8 s, nor holds one that keeps readers or writers out for
 * longer than a change of the catalogue takes.
 *
 * @param tell how far it is, now and then
 * @throws LatchkeyError `would-violate` where a condition does not hold, with all of them; `central-busy`; as `planOf` does
 */
export async function runPhase(
  client: pg.Client,
  id: string,
  phase: Phase,
  options: PostureOptions & PlanOptions,
  tell: (words: string) => void = () => {},
): Promise<PhaseRun> {
  return takingTurns(client, async () => {
    const plan = await planFor(client, id, options);
    await requireConditions(client, plan, phase);
    const done: PhaseRun['done'] = [];
    try {
      for (const step of plan.phases[phase]) {
        if (step.kind === 'condition') continue;
        tell(`${step.what} …`);
        if (step.kind === 'statements') await applySteps(client, step.steps);
        const rows = step.kind === 'batches' ? await runBatches(client, step.batch, tell) : 0;
        done.push({ what: step.what, rows });
      }
    } catch (error) {
      throw phaseError(error, done);
    }
    return { id, phase, done };
  });
}

/** All that stand in the way at once, rather than one a run. */
async function requireConditions(client: pg.Client, plan: Plan, phase: Phase): Promise<void> {
  const conditions = plan.phases[phase].filter((step) => step.kind === 'condition');
  const reasons: string[] = [];
  await reading(client, async () => {
    // A table of millions is read once for each.
    await client.query(`SET statement_timeout = '30min'`);
    for (const { query, isGate } of conditions) {
      reasons.push(...(await reasonsOf(client, query)));
      if (isGate && reasons.length > 0) break;
    }
  });
  if (reasons.length > 0)
    throw new LatchkeyError('would-violate', `${reasons.join(' ')} Nothing was changed.`, { details: { reasons } });
}

async function reasonsOf(client: pg.Client, query: string): Promise<string[]> {
  try {
    return (await rowsOf<{ reason: string }>(client, query)).map(({ reason }) => reason);
  } catch (error) {
    if ((error as { code?: string }).code === '42P01') return ['The first step, expand, was not taken here.'];
    throw error;
  }
}

/** What PostgreSQL says of a row in its details may be a secret, so that its message alone is told. */
function phaseError(error: unknown, done: PhaseRun['done']): LatchkeyError {
  const { code, message } = error as { code?: string; message: string };
  if (error instanceof LatchkeyError) return error;
  return new LatchkeyError(
    code === '42501' ? 'insufficient-privilege' : 'central-refused',
    `PostgreSQL refused: ${message}. What was done before it stays done; run it again when that is put right.`,
    { details: { sqlstate: code, done }, cause: error },
  );
}

async function runBatches(client: pg.Client, batch: string, tell: (words: string) => void): Promise<number> {
  let changed = 0;
  let reached: string[] | null = null;
  for (let n = 1; ; n++) {
    const { rows } = await inShortTransaction(client, () =>
      client.query<{ rows: number; reached: string[] | null }>(batch, [reached]),
    );
    changed += rows[0]!.rows;
    reached = rows[0]!.reached;
    if (reached === null) return changed;
    if (n % 20 === 0) tell(`  ${changed} rows`);
  }
}
