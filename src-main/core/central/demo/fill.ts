import type pg from 'pg';
import type { Moment } from './calendar.ts';
import { copyRows, type Row } from './copy.ts';

export interface DemoOptions<Scale> {
  /** What the dates are relative to: keys expire soon after it, logs end at it. */
  now: Date;
  seed?: number;
  /** Rows of the main organization; the other one has about a tenth. */
  scale?: Partial<Scale>;
  onProgress?: (step: string, done: number, total: number) => void;
}

export interface DemoPerson {
  id: string;
  email: string;
}

/** Whom a demo is shown to as whom. */
export interface DemoPeople {
  /** An administrator of the main organization: the person at the device. */
  operator: DemoPerson;
  /** Another administrator, for what takes two people. */
  secondOperator: DemoPerson;
  auditor: DemoPerson;
}

export interface Demo extends DemoPeople {
  organization: { id: string; name: string };
  /** Of the same database, and never to be seen by the first one's devices. */
  other: { id: string; name: string };
}

interface Filling {
  schema: string;
  /** Oldest line of the logs, and newest. */
  from: Moment;
  now: Moment;
  /** Parents first. */
  tables: readonly (readonly [name: string, rows: Row[]])[];
  /** Tables that the database has written into by itself meanwhile; those rows make way. */
  seeded?: readonly string[];
  /** The table that has rows where there is data already; by default `organizations`. */
  root?: string;
  onProgress?: (step: string, done: number, total: number) => void;
}

/**
 * Writes the rows of a demo into a database that has no data yet, with partitions for its logs. One transaction: all of
 * it or nothing. Throws if there is data already.
 *
 * @param client connected as the owner of the tables
 */
export async function fillTables(client: pg.Client, filling: Filling): Promise<void> {
  const { schema, tables } = filling;
  await client.query('BEGIN');
  try {
    // Whatever the server's zone and the database's search path are.
    await client.query("SET LOCAL TIME ZONE 'UTC'");
    await refuseUnlessEmpty(client, filling);
    await ensurePartitions(client, filling);
    await writeTables(client, filling);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  // Without statistics the first screens would be planned for empty tables.
  for (const [table] of tables) await client.query(`ANALYZE ${schema}.${table}`);
}

async function writeTables(client: pg.Client, filling: Filling): Promise<void> {
  const { schema, tables, seeded = [], onProgress = () => {} } = filling;
  const total = tables.reduce((sum, [, rows]) => sum + rows.length, 0);
  let before = 0;
  for (const [table, rows] of tables) {
    if (seeded.includes(table)) await client.query(`DELETE FROM ${schema}.${table}`);
    await copyRows(client, `${schema}.${table}`, rows, (done) => onProgress(table, before + done, total));
    before += rows.length;
  }
}

async function refuseUnlessEmpty(client: pg.Client, { schema, root = 'organizations' }: Filling): Promise<void> {
  const { rowCount } = await client.query(`SELECT FROM ${schema}.${root} LIMIT 1`);
  if (rowCount) throw new Error(`The demo needs an empty database, and this one has ${root} already.`);
}

/** The logs end at `now`, which need not be today. */
async function ensurePartitions(client: pg.Client, { schema, from, now }: Filling): Promise<void> {
  const monthsAhead = (moment: Moment) => {
    const then = new Date(moment);
    const today = new Date();
    return (then.getUTCFullYear() - today.getUTCFullYear()) * 12 + then.getUTCMonth() - today.getUTCMonth();
  };
  const back = Math.max(0, -monthsAhead(from));
  const ahead = Math.max(0, monthsAhead(now));
  await client.query(`SELECT ${schema}.ensure_log_partitions($1::INTEGER, $2::INTEGER)`, [back, ahead]);
}

export function named({ id, email }: DemoPerson): DemoPerson {
  return { id, email };
}
