import type pg from 'pg';
import { installedSystem } from '../enroll.ts';
import { installError } from '../own-objects.ts';
import { quotedNameOf } from './partitioned-tables.ts';
import { takingTurns } from './short-transaction.ts';

/** An index is built anew where it takes over twice what its rows need, and a mebibyte more. */
const bloat = { factor: 2, bytes: 1_048_576 };

export interface HostUpkeep {
  dryRun: boolean;
  /** Tables and partitions that were vacuumed and analyzed, or in a dry run are to be. */
  tables: string[];
  /** Left out, because other work held them or this login may not. */
  skipped: string[];
  indexes: { name: string; bytesBefore: number; bytesAfter: number | null }[];
  problems: string[];
}

interface Relation {
  schema: string;
  name: string;
  isPartitioned: boolean;
}

/**
 * The upkeep of the host's tables that Latchkey mirrors: VACUUM and ANALYZE with the delays of autovacuum, and, where it is asked for,
 * REINDEX CONCURRENTLY. None of it keeps the host from reading or writing, and a table that other work holds is left for the next time.
 *
 * @param reindex indexes that are bloated, or all of them
 * @throws LatchkeyError `central-not-latchkey`, `central-busy`, `insufficient-privilege`
 */
export async function maintainHost(
  client: pg.Client,
  { dryRun, reindex }: { dryRun: boolean; reindex: 'bloated' | 'all' | null },
): Promise<HostUpkeep> {
  await installedSystem(client);
  try {
    return await takingTurns(client, async () => {
      await client.query(`SET lock_timeout = '60s'; SET vacuum_cost_delay = '2ms'`);
      const upkeep: HostUpkeep = { dryRun, tables: [], skipped: [], indexes: [], problems: [] };
      const relations = await mirroredRelations(client);
      for (const relation of relations) {
        const isDone = dryRun || (await vacuum(client, relation));
        (isDone ? upkeep.tables : upkeep.skipped).push(`${relation.schema}.${relation.name}`);
      }
      if (reindex) await rebuildIndexes(client, upkeep, relations, reindex);
      return upkeep;
    });
  } catch (error) {
    throw installError(error);
  } finally {
    await client.query('RESET lock_timeout; RESET vacuum_cost_delay').catch(() => {});
  }
}

/** Partitions first, so that what is known of them is new when their table is looked at. */
async function mirroredRelations(client: pg.Client): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'p' AS "isPartitioned"
     FROM (SELECT relation::OID FROM latchkey.mirrored_table UNION SELECT relation FROM latchkey.mirrored_partition) mirrored
     JOIN pg_class c ON c.oid = mirrored.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') ORDER BY c.relkind = 'p', n.nspname, c.relname`,
  );
  return rows;
}

/** A partitioned table has no rows to vacuum, and statistics of its own that autovacuum never makes. @returns false where it was skipped */
async function vacuum(client: pg.Client, relation: Relation): Promise<boolean> {
  let isSkipped = false;
  const hear = ({ message }: { message?: string }) => {
    isSkipped ||= /skipping/.test(message ?? '');
  };
  client.on('notice', hear);
  try {
    const name = quotedNameOf(relation);
    await client.query(
      relation.isPartitioned
        ? `ANALYZE (SKIP_LOCKED) ${name}`
        : `VACUUM (ANALYZE, SKIP_LOCKED, TRUNCATE FALSE) ${name}`,
    );
  } finally {
    client.off('notice', hear);
  }
  return !isSkipped;
}

async function rebuildIndexes(
  client: pg.Client,
  upkeep: HostUpkeep,
  relations: Relation[],
  which: 'bloated' | 'all',
): Promise<void> {
  const names = relations.filter(({ isPartitioned }) => !isPartitioned).map(quotedNameOf);
  if (!upkeep.dryRun) await dropLeftovers(client, names);
  for (const index of await indexesOf(client, names)) {
    const isBloated = index.bytes > index.needed * bloat.factor && index.bytes - index.needed > bloat.bytes;
    if (which === 'bloated' && !isBloated) continue;
    const entry = { name: index.name, bytesBefore: index.bytes, bytesAfter: null as number | null };
    if (!upkeep.dryRun) {
      try {
        await client.query(`REINDEX INDEX CONCURRENTLY ${index.name}`);
      } catch (error) {
        upkeep.problems.push(`${index.name}: ${(error as Error).message}`);
        await dropLeftovers(client, names);
        continue;
      }
      const { rows } = await client.query<{ bytes: string }>('SELECT pg_relation_size($1::REGCLASS) AS bytes', [
        index.name,
      ]);
      entry.bytesAfter = Number(rows[0]!.bytes);
    }
    upkeep.indexes.push(entry);
  }
}

interface Index {
  name: string;
  bytes: number;
  /** A rough guess of what a new one would take; all that it has where nobody can tell. */
  needed: number;
}

/** Of B-trees: 12 bytes of overhead a row, pages that are nine tenths full, and no regard for what is stored once for equal rows. */
async function indexesOf(client: pg.Client, tables: string[]): Promise<Index[]> {
  const { rows } = await client.query<{ name: string; bytes: string; needed: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_relation_size(c.oid) AS bytes,
       CASE WHEN a.amname = 'btree' AND c.reltuples >= 0
         THEN ceil((c.reltuples * (12 + ceil(width.bytes / 8.0) * 8) / 0.9) / 8000 + 2) * current_setting('block_size')::BIGINT
         ELSE pg_relation_size(c.oid) END::BIGINT AS needed
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam
     JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace m ON m.oid = t.relnamespace
     CROSS JOIN LATERAL (
       SELECT sum(coalesce(s.avg_width, 16)) AS bytes FROM unnest(i.indkey::SMALLINT[]) AS k (attnum)
       LEFT JOIN pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = k.attnum
       LEFT JOIN pg_stats s ON s.schemaname = m.nspname AND s.tablename = t.relname AND s.attname = b.attname AND NOT s.inherited) width
     WHERE i.indrelid = ANY (SELECT name::REGCLASS FROM unnest($1::TEXT[]) AS name) AND i.indisvalid AND NOT i.indisexclusion
     ORDER BY 2 DESC, 1`,
    [tables],
  );
  return rows.map(({ name, bytes, needed }) => ({ name, bytes: Number(bytes), needed: Number(needed) }));
}

/** What a REINDEX CONCURRENTLY that was broken off leaves: it costs every write, and serves nobody. */
async function dropLeftovers(client: pg.Client, tables: string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indrelid = ANY (SELECT name::REGCLASS FROM unnest($1::TEXT[]) AS name) AND NOT i.indisvalid AND c.relname ~ '_cc(new|old)\\d*$'
       AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.relid = i.indrelid)`,
    [tables],
  );
  for (const { name } of rows) await client.query(`DROP INDEX CONCURRENTLY ${name}`);
}
