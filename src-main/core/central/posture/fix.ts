import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { takingTurns } from '../operations/short-transaction.ts';
import { applySteps } from './apply.ts';
import type { Finding } from './finding.ts';
import { checkIds, type PostureOptions, posture } from './posture.ts';

export interface Fixed {
  dryRun: boolean;
  /** In the order in which they were run; in a dry run, what would be. */
  applied: { id: string; sql: string }[];
  /** Findings that are not for a program to mend while the host runs, and why. */
  refused: { id: string; why: string }[];
  /** What PostgreSQL refused, and why. What was done until then stays done. */
  failed: { id: string; why: string }[];
  /** What was asked for and is not found, as after an earlier run. */
  absent: string[];
}

/**
 * Mends findings that can be mended while the host runs, and refuses the others. Safe to run again.
 *
 * @param ids of findings, or of checks for all that they find
 * @throws LatchkeyError `invalid-input` where there is no such check, `central-busy` where another run is under way
 */
export async function fix(
  client: pg.Client,
  ids: string[],
  options: PostureOptions & { dryRun?: boolean } = {},
): Promise<Fixed> {
  for (const id of ids)
    if (!checkIds.includes(id.split(':')[0]!))
      throw new LatchkeyError(
        'invalid-input',
        `There is no finding “${id}”: no check is called so. Nothing was changed. See latchkey posture.`,
        { field: 'fix' },
      );
  return takingTurns(client, () => fixInTurn(client, ids, options));
}

async function fixInTurn(
  client: pg.Client,
  ids: string[],
  options: PostureOptions & { dryRun?: boolean },
): Promise<Fixed> {
  const { dryRun = false } = options;
  const { findings } = await posture(client, options);
  const asked = (finding: Finding) => ids.includes(finding.id) || ids.includes(finding.check);
  const chosen = findings.filter(asked);
  const done: Fixed = {
    dryRun,
    applied: [],
    refused: [],
    failed: [],
    absent: ids.filter((id) => !chosen.some((finding) => finding.id === id || finding.check === id)),
  };
  for (const finding of chosen) {
    const { id, apply, first, steps, sql } = finding;
    if (apply !== 'online') done.refused.push({ id, why: first ?? 'No SQL mends it.' });
    else if (dryRun) done.applied.push({ id, sql });
    else
      try {
        await applySteps(client, steps);
        done.applied.push({ id, sql });
      } catch (error) {
        // Its details may quote values of the row.
        done.failed.push({ id, why: (error as Error).message });
      }
  }
  return dryRun || done.applied.length === 0 ? done : withoutThoseThatRemain(client, options, done);
}

/** Only what is found no more counts as mended. A setting is seen by new sessions alone. */
async function withoutThoseThatRemain(client: pg.Client, options: PostureOptions, done: Fixed): Promise<Fixed> {
  const after = new Set((await posture(client, options)).findings.map(({ id }) => id));
  const isThere = ({ id, sql }: Fixed['applied'][number]) =>
    after.has(id) && !/^ALTER (SYSTEM|DATABASE|ROLE) .*\bSET\b/.test(sql);
  return {
    ...done,
    applied: done.applied.filter((one) => !isThere(one)),
    failed: [
      ...done.failed,
      ...done.applied
        .filter(isThere)
        .map(({ id }) => ({ id, why: 'Its SQL was run, and the weakness is there still.' })),
    ],
  };
}
