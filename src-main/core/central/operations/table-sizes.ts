import type pg from 'pg';
import { inShortTransaction } from './short-transaction.ts';

/** Kept for a year: what growth is told by. */
const keptDays = 366;

/**
 * Notes how large each table is today, partitions with their table, and forgets what is over a year old. Where somebody holds a table for
 * long, nothing is noted this time.
 */
export async function recordSizes(client: pg.Client): Promise<void> {
  try {
    await inShortTransaction(client, () => noteSizes(client));
  } catch (error) {
    if ((error as { code?: string }).code !== 'central-busy') throw error;
  }
}

async function noteSizes(client: pg.Client): Promise<void> {
  await client.query(
    `INSERT INTO latchkey.table_size (relation, bytes)
     SELECT n.nspname || '.' || c.relname, sum(pg_total_relation_size(p.oid))
     FROM pg_class p
     JOIN pg_class c ON c.oid = coalesce(pg_partition_root(p.oid)::OID, p.oid)
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE p.relkind IN ('r', 'm') AND p.relpersistence <> 't' AND n.nspname !~ '^(pg_|information_schema$)'
     GROUP BY n.nspname, c.relname HAVING sum(pg_total_relation_size(p.oid)) IS NOT NULL
     ON CONFLICT (relation, day) DO UPDATE SET bytes = excluded.bytes`,
  );
  await client.query(`DELETE FROM latchkey.table_size WHERE day < (now() AT TIME ZONE 'UTC')::DATE - ${keptDays}`);
}
