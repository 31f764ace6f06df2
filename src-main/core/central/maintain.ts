import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { installedSystem, revokeDevice } from './enroll.ts';
import { recordSizes } from './operations/table-sizes.ts';
import { installError } from './own-objects.ts';

/** Of the change log, in one transaction: 4 MiB at PostgreSQL's usual 8 KiB a block, some ten thousand changes. */
const blocksPerBatch = 512;

/** A key whose end stands in Latchkey's books only. */
/** Of keys that are ended, in one transaction. */
const keysPerBatch = 500;

export interface EndedKey {
  organization: string;
  key: string;
  expiresAt: string;
  /** Why it is accepted still; null where it was revoked, or, in a dry run, is to be. */
  problem: string | null;
}

export interface Maintenance {
  keepWeeks: number;
  dryRun: boolean;
  /** Keys whose time was over and that the host accepted all the same: revoked in the host's own column. */
  endedKeys: EndedKey[];
  /** Changes older than the weeks that are kept: taken out of the log, or, in a dry run, to be taken out. */
  forgotten: number;
  /** Devices that never joined and whose enrollment has expired: their logins are ended. */
  expired: { device: string; name: string; expiredAt: string }[];
  /** Latchkey's own tables that were vacuumed and analyzed; those that other work held are left out. */
  tables: string[];
}

/**
 * The upkeep of Latchkey's own schema; of the host's tables nothing but their sizes is looked at. Each step is a short transaction of its own and waits two
 * seconds for a lock at most, so that it may be broken off and begun again at any time.
 *
 * @throws LatchkeyError `central-not-latchkey`, `central-busy`, `insufficient-privilege`
 */
export async function maintain(
  client: pg.Client,
  { keepWeeks, dryRun }: { keepWeeks: number; dryRun: boolean },
): Promise<Maintenance> {
  await installedSystem(client);
  return givingWay(client, async () => {
    // First: somebody who should not be let in any more is.
    const endedKeys = await endExpiredKeys(client, dryRun);
    const forgotten = await (dryRun ? countOldChanges(client, keepWeeks) : forgetOldChanges(client, keepWeeks));
    const expired = await expiredEnrollments(client);
    if (!dryRun) for (const { device } of expired) await revokeDevice(client, device);
    const tables = await ownTables(client);
    const vacuumed: string[] = [];
    for (const table of tables) if (dryRun || (await vacuum(client, table))) vacuumed.push(table);
    if (!dryRun) await recordSizes(client);
    return { keepWeeks, dryRun, endedKeys, forgotten, expired, tables: vacuumed };
  });
}

/**
 * Ends the keys whose time is over where the host does not look at that: the one part of the upkeep that is urgent.
 * @throws LatchkeyError `central-not-latchkey`, `central-busy`, `insufficient-privilege`
 */
export async function maintainKeys(client: pg.Client, { dryRun }: { dryRun: boolean }): Promise<EndedKey[]> {
  await installedSystem(client);
  return givingWay(client, () => endExpiredKeys(client, dryRun));
}

async function givingWay<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  try {
    // As autovacuum does: it gives way to the host's reads and writes.
    await client.query(`SET lock_timeout = '2s'; SET vacuum_cost_delay = '2ms'`);
    return await work();
  } catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw installError(error);
    throw new LatchkeyError(
      'central-busy',
      'Other work held one of Latchkey’s own tables for more than 2 seconds. What was done until then stays done. Run it again at a quieter moment.',
      { cause: error },
    );
  } finally {
    await client.query('RESET lock_timeout; RESET vacuum_cost_delay').catch(() => {});
  }
}

async function endExpiredKeys(client: pg.Client, dryRun: boolean): Promise<EndedKey[]> {
  const { rows: made } = await client.query<{ made: boolean }>(
    `SELECT to_regprocedure('latchkey.overdue_keys()') IS NOT NULL AS made`,
  );
  if (!made[0]!.made) return [];
  const ended: EndedKey[] = [];
  for (;;) {
    const { rows } = await client.query<EndedKey>(
      `SELECT organization, key, to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "expiresAt", problem
       FROM ${dryRun ? 'latchkey.overdue_keys() CROSS JOIN (SELECT NULL::TEXT AS problem) none' : `latchkey.end_expired_keys(${keysPerBatch})`}`,
    );
    ended.push(...rows);
    // Those that could not be ended come again.
    if (dryRun || rows.length < keysPerBatch || rows.some(({ problem }) => problem !== null)) return ended;
  }
}

async function countOldChanges(client: pg.Client, keepWeeks: number): Promise<number> {
  const { rows } = await client.query<{ old: string }>(
    'SELECT count(*) AS old FROM latchkey.change WHERE day < CURRENT_DATE - 7 * $1::INTEGER',
    [keepWeeks],
  );
  return Number(rows[0]!.old);
}

/** Once through the table, a stretch of blocks at a time: what is added meanwhile is not old. */
async function forgetOldChanges(client: pg.Client, keepWeeks: number): Promise<number> {
  const { rows } = await client.query<{ blocks: string }>(
    `SELECT pg_relation_size('latchkey.change') / current_setting('block_size')::BIGINT AS blocks`,
  );
  let forgotten = 0;
  for (let block = 0; block < Number(rows[0]!.blocks); block += blocksPerBatch) {
    const { rows: batch } = await client.query<{ forgotten: string }>(
      'SELECT latchkey.prune_changes($1, $2, $3) AS forgotten',
      [keepWeeks, block, blocksPerBatch],
    );
    forgotten += Number(batch[0]!.forgotten);
  }
  return forgotten;
}

async function expiredEnrollments(client: pg.Client): Promise<Maintenance['expired']> {
  const { rows } = await client.query<Maintenance['expired'][number]>(
    `SELECT id AS device, name, to_char(enrollment_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "expiredAt"
     FROM latchkey.device WHERE state = 'invited' AND enrollment_expires_at <= now() ORDER BY enrolled_at`,
  );
  return rows;
}

async function ownTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT oid::REGCLASS::TEXT AS name FROM pg_class WHERE relnamespace = 'latchkey'::REGNAMESPACE AND relkind = 'r' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** The file is not made shorter: that would need the table to itself. @returns whether it was done rather than skipped */
async function vacuum(client: pg.Client, table: string): Promise<boolean> {
  let skipped = false;
  const hear = () => {
    skipped = true;
  };
  client.on('notice', hear);
  try {
    await client.query(`VACUUM (ANALYZE, SKIP_LOCKED, TRUNCATE FALSE) ${table}`);
  } finally {
    client.off('notice', hear);
  }
  return !skipped;
}
