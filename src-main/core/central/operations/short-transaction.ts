import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';

/** Whoever waits for a lock makes everybody wait who comes after: under a second, with some way to go until the host's own limits. */
const lockTimeout = '800ms';
const pauses = [250, 500, 1_000, 2_000, 4_000];

/**
 * Runs `work` in a transaction of its own, in which nothing waits for a lock for longer than 0.8 s. Where a lock cannot be had everything
 * is rolled back, and tried again after a pause; six times in all. Row-level security that would hide rows is an error.
 *
 * @throws LatchkeyError `central-busy`
 */
export async function inShortTransaction<T>(
  client: pg.Client,
  work: () => Promise<T>,
  { timeZone = 'UTC' }: { timeZone?: string } = {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    await client.query('BEGIN');
    try {
      await client.query(
        `SET LOCAL lock_timeout = '${lockTimeout}'; SET LOCAL search_path = pg_catalog; SET LOCAL row_security = off;
         SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL client_min_messages = 'warning'; SET LOCAL timezone = ${client.escapeLiteral(timeZone)}`,
      );
      const result = await work();
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      if (!isBusy(error)) throw error;
      const wait = pauses[attempt];
      if (wait === undefined)
        throw new LatchkeyError(
          'central-busy',
          'Other work held what this needs, in each of six tries of 0.8 seconds. What was done until then stays done. Run it again at a quieter moment.',
          { cause: error },
        );
      await pause(wait * (0.75 + Math.random() / 2));
    }
  }
}

function isBusy(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === '55P03' || code === '40P01';
}

/**
 * One operation of the upkeep at a time in a database.
 * @throws LatchkeyError `central-busy` where another one is under way
 */
export async function takingTurns<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  const { rows } = await client.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_lock(1279608393, hashtext('latchkey central operations')) AS mine`,
  );
  if (!rows[0]!.mine)
    throw new LatchkeyError(
      'central-busy',
      'Another run of Latchkey’s upkeep is under way in this database. Nothing was changed. Wait until it is done.',
    );
  try {
    return await work();
  } finally {
    await client
      .query(`SELECT pg_advisory_unlock(1279608393, hashtext('latchkey central operations'))`)
      .catch(() => {});
  }
}
