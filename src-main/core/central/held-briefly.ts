import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteText } from '../quoting.ts';

/** For one lock. Whoever wants the same table meanwhile waits behind us, and so does who wants one that we have already. */
const lockTimeoutMs = 200;
/** For all of it, waiting included. */
const timeoutMs = (statements: number) => Math.max(700, statements);
const pauseMs = 300;

const inTheWay = ['55P03' /* lock_not_available */, '40P01' /* deadlock_detected */];

export const usualWaitSeconds = 60;

/**
 * Runs statements that lock the host's tables in one go, at the end of the transaction that is open: their locks last until it ends. Where a
 * transaction of the host is in the way, they let go of everything they have and come again, so that nobody waits for us while we wait.
 *
 * @param options.waitSeconds for how long they come again
 * @throws LatchkeyError `central-refused`, naming what was in the way
 */
export async function holdBriefly(
  client: pg.Client,
  statements: string[],
  { waitSeconds = usualWaitSeconds, onPhase }: { waitSeconds?: number; onPhase?: (phase: string) => void },
): Promise<void> {
  if (statements.length === 0) return;
  const { rows } = await client.query<{ before: string }>(`SELECT current_setting('statement_timeout') AS before`);
  const work = `DO ${quoteText(`BEGIN\n${statements.join(';\n')};\nEND`)}`;
  const deadline = Date.now() + waitSeconds * 1_000;
  const longest = timeoutMs(statements.length);
  for (let told = ''; ; ) {
    await client.query('SAVEPOINT unlocked');
    const started = performance.now();
    try {
      await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL statement_timeout = ${longest}`);
      await client.query(work);
      await client.query(`SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = ${quoteText(rows[0]!.before)}`);
      await client.query('RELEASE SAVEPOINT unlocked');
      return;
    } catch (error) {
      const { code = '' } = error as { code?: string };
      // Cancelled sooner than that, it was by somebody.
      const isTimeout = code === '57014' && performance.now() - started >= longest;
      if (!isTimeout && !inTheWay.includes(code)) throw error;
      await client.query('ROLLBACK TO SAVEPOINT unlocked; RELEASE SAVEPOINT unlocked');
      const holder = await longestOpen(client);
      if (Date.now() >= deadline)
        throw new LatchkeyError(
          'central-refused',
          `Other work holds tables that Latchkey must hold for a moment${holder === null ? '' : `: ${holder}`}. Nothing was changed, after ${waitSeconds} s of trying. Try again when that is over, or for longer with --wait.`,
          { cause: error },
        );
      const waits = `waiting for ${holder ?? 'other work on the tables'}`;
      if (waits !== told) onPhase?.(waits);
      told = waits;
      await pause(pauseMs);
    }
  }
}

/** The transaction of somebody else's that has been open the longest with a lock on a table, a writer's before a reader's, in words. */
async function longestOpen(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query<{ words: string }>(
    `SELECT format('%s, in use by process %s (%s) in a transaction that is open since %s', l.relation::REGCLASS, a.pid,
         concat_ws(', ', nullif(a.application_name, ''), a.usename, a.state), to_char(a.xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS" UTC"')) AS words
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid AND a.pid <> pg_backend_pid()
     JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p') AND c.relnamespace <> 'pg_catalog'::REGNAMESPACE
     WHERE l.locktype = 'relation' AND l.granted AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
     ORDER BY clock_timestamp() - a.xact_start < $1 * INTERVAL '1 ms', l.mode IN ('AccessShareLock', 'RowShareLock'), a.xact_start, c.relname LIMIT 1`,
    [lockTimeoutMs],
  );
  return rows[0]?.words ?? null;
}
