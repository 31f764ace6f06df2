import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { inShortTransaction } from '../operations/short-transaction.ts';
import type { Step } from './finding.ts';

/**
 * Nobody but maintenance waits behind a CREATE INDEX CONCURRENTLY that waits, and it has to wait for every transaction that is
 * open: a longer patience costs the host nothing.
 */
const concurrentLockTimeout = '60s';
const concurrentAttempts = 5;

/**
 * Runs steps one after the other, each in a transaction of its own that waits 0.8 s for a lock and is tried again; what PostgreSQL
 * does concurrently is run outside of any. What was done until an error stays done, but for an index that was not finished.
 *
 * @throws LatchkeyError `central-busy`; errors of PostgreSQL
 */
export async function applySteps(client: pg.Client, steps: Step[]): Promise<void> {
  for (const step of steps) {
    const [only] = step;
    if (step.length === 1 && /\bCONCURRENTLY\b/.test(only!)) await applyConcurrently(client, only!);
    else if (step.length === 1 && /^ALTER SYSTEM\b/.test(only!)) await client.query(only!);
    else
      await inShortTransaction(client, async () => {
        for (const statement of step) await client.query(statement);
      });
  }
}

async function applyConcurrently(client: pg.Client, statement: string): Promise<void> {
  await client.query(`SET lock_timeout = '${concurrentLockTimeout}'; SET search_path = pg_catalog`);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query(statement);
        return;
      } catch (error) {
        await dropUnfinished(client, statement);
        const { code } = error as { code?: string };
        if (attempt === concurrentAttempts || (code !== '55P03' && code !== '40P01')) throw error;
        await pause(500 * attempt);
      }
    }
  } finally {
    await client.query('RESET lock_timeout; RESET search_path').catch(() => {});
  }
}

/** What failed half-way left an index behind that every write would pay for and no query use. */
async function dropUnfinished(client: pg.Client, statement: string): Promise<void> {
  const made = /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY ("(?:[^"]|"")+") ON ((?:"(?:[^"]|"")+"|\w+))\./.exec(statement);
  if (!made) return;
  const [, name, schema] = made;
  const { rows } = await client.query<{ unfinished: boolean }>(
    'SELECT NOT indisvalid AS unfinished FROM pg_index WHERE indexrelid = to_regclass($1)',
    [`${schema}.${name}`],
  );
  if (rows[0]?.unfinished) await client.query(`DROP INDEX CONCURRENTLY ${schema}.${name}`);
}
