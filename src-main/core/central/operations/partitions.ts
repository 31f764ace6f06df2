import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { quoteName } from '../../quoting.ts';
import { installError } from '../own-objects.ts';
import { attachAhead, moveOutOfDefault, type NewPartition } from './new-partitions.ts';
import {
  type Interval,
  intervalOf,
  intervalWords,
  moved,
  type Period,
  parseWallClock,
  partitionName,
  periodsBetween,
  startOfMonth,
  type WallClock,
  wallClockText,
} from './partition-calendar.ts';
import { nameOf, type PartitionedTable, partitionedTables, quotedNameOf } from './partitioned-tables.ts';
import { takingTurns } from './short-transaction.ts';

/** Quarterly upkeep, and a month in which nobody gets round to it. */
export const usualMonthsAhead = 4;

/** More than this many at once is a bound or a clock that is not what it seems. */
const mostAtOnce = 1_000;

export interface PartitionUpkeep {
  dryRun: boolean;
  monthsAhead: number;
  tables: PartitionReport[];
}

/** Moments are text on the wall clock of `timeZone`; null stands for no bound. */
export interface PartitionReport {
  table: string;
  column: string;
  timeZone: string;
  interval: string | null;
  partitions: { name: string; from: string | null; to: string | null; estimatedRows: number | null; bytes: number }[];
  /** Between two partitions. */
  gaps: { from: string; to: string }[];
  /** The first period from now on that no partition covers. Null where there is no end to them. */
  nextMissing: string | null;
  /** Rows that no partition took. */
  inDefault: { partition: string; rows: number; oldest: string | null; newest: string | null } | null;
  /** Partitions that were made, or in a dry run are to be; with the rows that came out of the default partition. */
  made: { name: string; from: string; to: string; rows: number }[];
  /** Rows that stay in the default partition: of no moment, or of one beyond the months ahead. */
  leftInDefault: number;
  /** Why this table was left as it is. */
  problem: string | null;
}

/**
 * Looks at every table of the database that is partitioned by time, and makes the partitions that will be needed. Rows that wait in a
 * default partition come into their own: where a partition is missing in the past, it is made if there are rows for it.
 *
 * Each step is a transaction that waits for no lock longer than 0.8 s. A table that could not be done is named in the report, and the
 * others are done.
 *
 * @throws LatchkeyError `central-busy` where another upkeep runs, `insufficient-privilege`
 */
export async function keepPartitions(
  client: pg.Client,
  { dryRun, monthsAhead = usualMonthsAhead }: { dryRun: boolean; monthsAhead?: number },
): Promise<PartitionUpkeep> {
  try {
    return await takingTurns(client, async () => {
      const tables: PartitionReport[] = [];
      for (const table of await partitionedTables(client)) tables.push(await keep(client, table, dryRun, monthsAhead));
      return { dryRun, monthsAhead, tables };
    });
  } catch (error) {
    throw installError(error);
  }
}

/** How the partitions stand, without a look into default partitions that would take long. */
export async function partitionReports(client: pg.Client): Promise<PartitionReport[]> {
  const reports: PartitionReport[] = [];
  for (const table of await partitionedTables(client)) {
    const fallback = table.partitions.find(({ isDefault, kind }) => isDefault && kind === 'r');
    const { rowCount } = fallback
      ? await client.query(`SELECT FROM ONLY ${quotedNameOf(fallback)} LIMIT 1`)
      : { rowCount: 0 };
    const waiting = fallback && { partition: fallback.name, rows: rowCount ?? 0, oldest: null, newest: null, days: [] };
    reports.push(reportOf(table, await wallClock(client, table), waiting ?? null));
  }
  return reports;
}

async function keep(
  client: pg.Client,
  table: PartitionedTable,
  dryRun: boolean,
  monthsAhead: number,
): Promise<PartitionReport> {
  const today = await wallClock(client, table);
  const waiting = await waitingRows(client, table);
  const report = reportOf(table, today, waiting);
  if (table.obstacle !== null) return report;
  try {
    const plan = planned(table, today, monthsAhead, waiting?.days ?? []);
    await refuseTakenNames(client, plan);
    if (!dryRun) await make(client, table, plan);
    const made = plan.map(({ name, period, rows }) => ({
      name: name.name,
      from: wallClockText(period.from),
      to: wallClockText(period.to),
      rows,
    }));
    const last = plan.at(-1)?.period.to ?? Number.NEGATIVE_INFINITY;
    return {
      ...report,
      made,
      leftInDefault: (waiting?.rows ?? 0) - made.reduce((sum, { rows }) => sum + rows, 0),
      nextMissing: report.nextMissing && wallClockText(Math.max(parseWallClock(report.nextMissing)!, last)),
    };
  } catch (error) {
    return { ...report, problem: problemOf(error) };
  }
}

/** What cannot be done with one table leaves the others to be done. */
function problemOf(error: unknown): string {
  const known = installError(error);
  if (known.code === 'insufficient-privilege' || (error as { code?: string }).code === '42501') throw known;
  return known.message;
}

/** Of today in the zone of a table's bounds. */
async function wallClock(client: pg.Client, { timeZone }: PartitionedTable): Promise<WallClock> {
  const { rows } = await client.query<{ today: string }>(
    `SELECT to_char(now() AT TIME ZONE $1, 'YYYY-MM-DD HH24:00:00') AS today`,
    [timeZone],
  );
  return parseWallClock(rows[0]!.today)!;
}

interface WaitingRows {
  partition: string;
  rows: number;
  oldest: string | null;
  newest: string | null;
  /** Rows by day, or by hour where partitions are shorter than days. */
  days: { start: WallClock; rows: number }[];
}

async function waitingRows(client: pg.Client, table: PartitionedTable): Promise<WaitingRows | null> {
  const fallback = table.partitions.find(({ isDefault }) => isDefault);
  if (fallback?.kind !== 'r') return null;
  const column = quoteName(table.column);
  const unit = table.interval?.unit === 'hour' ? 'hour' : 'day';
  await client.query('BEGIN READ ONLY');
  try {
    await client.query(
      `SET LOCAL timezone = ${client.escapeLiteral(table.timeZone)}; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL row_security = off`,
    );
    const { rows } = await client.query<{ start: string | null; oldest: string; newest: string; rows: string }>(
      `SELECT date_trunc('${unit}', ${column})::TEXT AS start, min(${column})::TEXT AS oldest, max(${column})::TEXT AS newest, count(*) AS rows
       FROM ONLY ${quotedNameOf(fallback)} GROUP BY date_trunc('${unit}', ${column}) ORDER BY date_trunc('${unit}', ${column})`,
    );
    const dated = rows.filter((row) => row.start !== null);
    return {
      partition: fallback.name,
      rows: rows.reduce((sum, row) => sum + Number(row.rows), 0),
      oldest: dated[0]?.oldest ?? null,
      newest: dated.at(-1)?.newest ?? null,
      days: dated.flatMap((row) => {
        const start = parseWallClock(row.start!);
        return start === null ? [] : [{ start, rows: Number(row.rows) }];
      }),
    };
  } finally {
    await client.query('ROLLBACK');
  }
}

function reportOf(table: PartitionedTable, today: WallClock, waiting: WaitingRows | null): PartitionReport {
  const text = (moment: WallClock) => (Number.isFinite(moment) ? wallClockText(moment) : null);
  const gaps = gapsOf(table);
  const end = lastEnd(table);
  const gapAhead = gaps.find(({ to }) => to > today);
  const nextMissing = Math.max(gapAhead?.from ?? end, startOfMonth(today));
  return {
    table: nameOf(table),
    column: table.column,
    timeZone: table.timeZone,
    interval: table.interval && intervalWords(table.interval),
    partitions: table.partitions
      .filter(({ isDefault }) => !isDefault)
      .map(({ name, period, estimatedRows, bytes }) => ({
        name,
        from: period && text(period.from),
        to: period && text(period.to),
        estimatedRows,
        bytes,
      })),
    gaps: gaps.map(({ from, to }) => ({ from: wallClockText(from), to: wallClockText(to) })),
    nextMissing: nextMissing >= table.within.to ? null : text(nextMissing),
    inDefault: waiting && {
      partition: waiting.partition,
      rows: waiting.rows,
      oldest: waiting.oldest,
      newest: waiting.newest,
    },
    made: [],
    leftInDefault: waiting?.rows ?? 0,
    problem: table.obstacle,
  };
}

function datedPeriods(table: PartitionedTable): Period[] {
  return table.partitions.flatMap(({ period, isDefault }) => (period && !isDefault ? [period] : []));
}

function gapsOf(table: PartitionedTable): Period[] {
  const periods = datedPeriods(table);
  return periods.flatMap(({ from }, place) => {
    const before = periods[place - 1];
    return before && before.to < from ? [{ from: before.to, to: from }] : [];
  });
}

function lastEnd(table: PartitionedTable): WallClock {
  return datedPeriods(table).at(-1)?.to ?? Number.NEGATIVE_INFINITY;
}

interface Planned extends NewPartition {
  rows: number;
}

/** Months where no partition shows another interval. */
const monthly: Interval = { unit: 'month', count: 1 };

/** What is missing from now on, and what is missing before where rows wait for it. */
function planned(
  table: PartitionedTable,
  today: WallClock,
  monthsAhead: number,
  waiting: WaitingRows['days'],
): Planned[] {
  const interval = table.interval ?? monthly;
  const horizon = moved(startOfMonth(today), monthly, monthsAhead + 1);
  const rowsIn = ({ from, to }: Period) =>
    waiting.reduce((sum, { start, rows }) => (start >= from && start < to ? sum + rows : sum), 0);
  const wanted = (period: Period) => period.to > today || rowsIn(period) > 0;
  const first = datedPeriods(table)[0];
  const anchor = first ? first.from : startOfMonth(today);
  const end = first ? lastEnd(table) : anchor;
  const periods = [
    ...earlier(anchor, interval, waiting[0]?.start ?? anchor),
    ...gapsOf(table).flatMap((gap) => [...periodsBetween(gap.from, gap.to, interval)]),
    ...ahead(end, interval, horizon),
  ].filter((period) => wanted(period) && period.from >= table.within.from && period.to <= table.within.to);
  if (periods.length > mostAtOnce)
    throw new LatchkeyError(
      'would-violate',
      `${periods.length} partitions are missing, of one ${intervalWords(interval)} each: more than ${mostAtOnce} are not made at once. Nothing was changed. Look at the rows in the default partition and at the server’s clock.`,
    );
  const sibling = table.partitions.findLast(
    ({ period, isDefault }) => !isDefault && period && Number.isFinite(period.from) && Number.isFinite(period.to),
  );
  return periods.map((period) => ({
    period,
    rows: rowsIn(period),
    name: {
      schema: sibling?.schema ?? table.schema,
      name: partitionName(
        table.name,
        intervalOf(period) ?? interval,
        period.from,
        sibling && { name: sibling.name, from: sibling.period!.from },
      ),
    },
  }));
}

/** Whole intervals before a moment, as far back as rows go. */
function earlier(anchor: WallClock, interval: Interval, oldest: WallClock): Period[] {
  const periods: Period[] = [];
  for (let to = anchor; oldest < to; ) {
    const from = moved(to, interval, -1);
    periods.unshift({ from, to });
    to = from;
  }
  return periods;
}

function ahead(end: WallClock, interval: Interval, horizon: WallClock): Period[] {
  const periods: Period[] = [];
  for (let from = end; from < horizon; ) {
    const to = moved(from, interval, 1);
    periods.push({ from, to });
    from = to;
  }
  return periods;
}

async function refuseTakenNames(client: pg.Client, plan: Planned[]): Promise<void> {
  const names = plan.map(({ name }) => quotedNameOf(name));
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM unnest($1::TEXT[]) AS name WHERE to_regclass(name) IS NOT NULL',
    [names],
  );
  if (rows.length > 0 || new Set(names).size < names.length)
    throw new LatchkeyError(
      'would-violate',
      `There is something else called ${rows.map(({ name }) => name).join(', ') || 'as one of the missing partitions'}. No partition of this table was made. Rename it, or attach it yourself.`,
    );
}

/** One lock for all of them where rows are to be moved; otherwise one by one. */
async function make(client: pg.Client, table: PartitionedTable, plan: Planned[]): Promise<void> {
  if (plan.some(({ rows }) => rows > 0)) await moveOutOfDefault(client, table, plan);
  else for (const partition of plan) await attachAhead(client, table, partition);
}
