import type pg from 'pg';
import { quoteName } from '../../quoting.ts';
import { type Interval, intervalOf, type Period, parseWallClock, type WallClock } from './partition-calendar.ts';

export interface Partition {
  schema: string;
  name: string;
  /** Null for the default partition, and where a bound is no moment. */
  period: Period | null;
  isDefault: boolean;
  /** As in `pg_class.relkind`. */
  kind: string;
  /** As the planner guesses; null where it was never analyzed. */
  estimatedRows: number | null;
  bytes: number;
}

/** A table of the host's that is partitioned by ranges of one moment, at any level of a partition tree. */
export interface PartitionedTable {
  schema: string;
  name: string;
  column: string;
  type: string;
  /** In which the bounds are midnights. */
  timeZone: string;
  /** In order of time. */
  partitions: Partition[];
  /** Of the newest partition. Null where there is none to go by. */
  interval: Interval | null;
  /** Its own bounds, where it is a partition itself; infinite where there are none. */
  within: Period;
  /** Why partitions of this table are left alone. */
  obstacle: string | null;
}

interface Described {
  schema: string;
  name: string;
  column: string;
  type: string;
  bound: string | null;
  partitions: { schema: string; name: string; kind: string; bound: string; estimatedRows: number; bytes: number }[];
}

/** Every table that is partitioned by time, whoever made it; Latchkey's and PostgreSQL's own schemas have none. */
export async function partitionedTables(client: pg.Client): Promise<PartitionedTable[]> {
  const { rows } = await client.query<{ zone: string }>(`SELECT current_setting('TimeZone') AS zone`);
  const inUtc = (await readTables(client, 'UTC')).map((table) => understand(table, 'UTC'));
  const { zone } = rows[0]!;
  if (zone === 'UTC' || inUtc.every(({ obstacle }) => obstacle === null)) return inUtc;
  const local = new Map((await readTables(client, zone)).map((table) => [nameOf(table), understand(table, zone)]));
  return inUtc.map((table) => {
    const other = local.get(nameOf(table));
    return table.obstacle !== null && table.type === 'timestamp with time zone' && other?.obstacle === null
      ? other
      : table;
  });
}

export function nameOf({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`;
}

export function quotedNameOf({ schema, name }: { schema: string; name: string }): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}

async function readTables(client: pg.Client, timeZone: string): Promise<Described[]> {
  await client.query('BEGIN READ ONLY');
  try {
    await client.query(
      `SET LOCAL timezone = ${client.escapeLiteral(timeZone)}; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL search_path = pg_catalog`,
    );
    const { rows } = await client.query<{ tables: Described[] | string }>(
      `SELECT coalesce(jsonb_agg(jsonb_build_object(
         'schema', n.nspname, 'name', c.relname, 'column', a.attname, 'type', format_type(a.atttypid, NULL),
         'bound', pg_get_expr(c.relpartbound, c.oid),
         'partitions', (
           SELECT coalesce(jsonb_agg(jsonb_build_object('schema', s.nspname, 'name', p.relname, 'kind', p.relkind,
             'bound', pg_get_expr(p.relpartbound, p.oid), 'estimatedRows', p.reltuples, 'bytes', pg_total_relation_size(p.oid))), '[]')
           FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid JOIN pg_namespace s ON s.oid = p.relnamespace
           WHERE i.inhparent = c.oid AND p.relpartbound IS NOT NULL)
       ) ORDER BY n.nspname, c.relname), '[]') AS tables
       FROM pg_partitioned_table t
       JOIN pg_class c ON c.oid = t.partrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = t.partattrs[0]
       WHERE t.partstrat = 'r' AND t.partnatts = 1 AND n.nspname !~ '^(pg_|latchkey($|_))'
         AND a.atttypid IN ('date'::REGTYPE, 'timestamp'::REGTYPE, 'timestamptz'::REGTYPE)`,
    );
    const { tables } = rows[0]!;
    return typeof tables === 'string' ? (JSON.parse(tables) as Described[]) : tables;
  } finally {
    await client.query('ROLLBACK');
  }
}

function understand({ schema, name, column, type, bound, partitions }: Described, timeZone: string): PartitionedTable {
  const read = partitions.map((partition): Partition & { bounds: Bounds } => ({
    schema: partition.schema,
    name: partition.name,
    kind: partition.kind,
    isDefault: partition.bound === 'DEFAULT',
    bounds: boundsOf(partition.bound),
    period: periodOf(boundsOf(partition.bound)),
    estimatedRows: partition.estimatedRows < 0 ? null : partition.estimatedRows,
    bytes: partition.bytes,
  }));
  read.sort((one, other) => Number(one.isDefault) - Number(other.isDefault) || startOf(one) - startOf(other));
  const dated = read.filter(({ isDefault }) => !isDefault);
  const newest = dated.findLast(({ period }) => period && Number.isFinite(period.from) && Number.isFinite(period.to));
  const interval = newest ? intervalOf(newest.period!) : null;
  const own = bound === null ? null : boundsOf(bound);
  return {
    schema,
    name,
    column,
    type,
    timeZone,
    partitions: read.map(({ bounds: _, ...partition }) => partition),
    interval,
    within: (own && periodOf(own)) ?? { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY },
    obstacle: obstacleOf(read, newest !== undefined && interval === null, timeZone),
  };
}

function obstacleOf(partitions: (Partition & { bounds: Bounds })[], isOdd: boolean, timeZone: string): string | null {
  const strange = partitions.find(({ isDefault, period }) => !isDefault && period === null);
  if (strange) return `the bounds of ${strange.name} are no moments that Latchkey can count on from`;
  const fallback = partitions.find(({ isDefault }) => isDefault);
  if (fallback && fallback.kind !== 'r') return `its default partition ${fallback.name} is not an ordinary table`;
  if (isOdd) return `the bounds of its newest partition lie at no full hour of ${timeZone}`;
  const uneven = partitions.find(({ period }) => period && isUneven(period.from, period.to));
  return uneven ? `the bounds of ${uneven.name} are no midnights of ${timeZone}` : null;
}

/** Days that begin at another hour than midnight belong to another time zone. Partitions of hours have all kinds of hours. */
function isUneven(from: WallClock, to: WallClock): boolean {
  const day = 86_400_000;
  if (!Number.isFinite(from) || !Number.isFinite(to)) return false;
  return (to - from) % day === 0 ? from % day !== 0 : to - from > day;
}

interface Bounds {
  from: string;
  to: string;
}

function boundsOf(bound: string): Bounds {
  const [, from = '', to = ''] = /^FOR VALUES FROM \((.+)\) TO \((.+)\)$/.exec(bound) ?? [];
  return { from, to };
}

function periodOf({ from, to }: Bounds): Period | null {
  const start = from === 'MINVALUE' || /^'-infinity'$/.test(from) ? Number.NEGATIVE_INFINITY : literal(from);
  const end = to === 'MAXVALUE' || /^'infinity'$/.test(to) ? Number.POSITIVE_INFINITY : literal(to);
  return start === null || end === null ? null : { from: start, to: end };
}

function literal(text: string): WallClock | null {
  const [, moment] = /^'(.+)'$/.exec(text) ?? [];
  return moment === undefined ? null : parseWallClock(moment);
}

function startOf({ period }: Partition): number {
  return period?.from ?? Number.POSITIVE_INFINITY;
}
