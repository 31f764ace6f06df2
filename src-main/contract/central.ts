import { z } from 'zod';
import { query } from './call.ts';
import { moment } from './values.ts';

/** Of a table without any part there are none. */
const counted = z.preprocess((value) => value ?? 0, z.number().int().min(0));

/** How central is doing: aggregates of its own, asked for each time and kept nowhere. */
export const centralHealth = z.object({
  now: moment,
  /** The newest of each kind that was recorded at central. */
  backups: z.array(
    z.object({
      kind: z.enum(['full', 'incremental']),
      method: z.enum(['portable', 'pg_dump', 'pg_basebackup']),
      finishedAt: moment,
      bytes: counted,
      encrypted: z.boolean(),
    }),
  ),
  /** The last time that somebody tried to restore one. */
  drill: z.object({ finishedAt: moment, passed: z.boolean(), backupMadeAt: moment }).nullable(),
  /** Of the write-ahead log, without which there is no recovery to a point in time. */
  archiving: z.object({
    mode: z.string(),
    lastArchivedAt: moment.nullable(),
    failures: z.number().int(),
    lastFailedAt: moment.nullable(),
  }),
  tables: z.array(
    z.object({
      name: z.string(),
      bytes: counted,
      /** As the planner estimates them. */
      rows: counted,
      deadRows: counted,
      vacuumedAt: moment.nullable(),
      analyzedAt: moment.nullable(),
      /** Indexes that nothing has used since statistics were last reset. */
      unusedIndexes: counted,
      grown: z.object({ bytes: z.number().int(), days: z.number().int() }).nullable(),
    }),
  ),
  /** Until when there are partitions for new rows. */
  partitions: z.array(z.object({ table: z.string(), until: moment })),
  retention: z.array(
    z.object({
      table: z.string(),
      days: z.number().int(),
      ranAt: moment,
      outdatedPartitions: z.number().int(),
      outdatedRows: z.number().int(),
    }),
  ),
  connections: z.object({ used: z.number().int(), limit: z.number().int() }),
  lockWaits: z.number().int(),
  /** Of Latchkey's change log. */
  changesBytes: counted,
  devices: z.object({ active: z.number().int(), silent: z.number().int() }),
});
export type CentralHealth = z.infer<typeof centralHealth>;

export const weakness = z.object({
  id: z.string(),
  severity: z.enum(['critical', 'high', 'medium', 'low']),
  title: z.string(),
  why: z.string(),
  detail: z.string(),
  /** How it can be mended: while the host runs, after its application, in steps, or by hand. */
  apply: z.enum(['online', 'application-first', 'by-plan', 'by-hand']),
});
export type Weakness = z.infer<typeof weakness>;

export const centralCalls = {
  /** Asks central: needs a connection, and the device of an administrator. */
  'central.health': query('unlocked', z.strictObject({}), centralHealth),
  /** The weaknesses that a database administrator last found and recorded; null where nobody has. Needs the same. */
  'central.posture': query(
    'unlocked',
    z.strictObject({}),
    z.object({ report: z.object({ ranAt: moment, findings: z.array(weakness) }).nullable() }),
  ),
};
