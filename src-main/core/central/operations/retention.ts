import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { quoteName } from '../../quoting.ts';
import { installedSystem } from '../enroll.ts';
import { installError } from '../own-objects.ts';
import { Archive, type ArchivedFile } from './archive.ts';
import { type Period, parseWallClock, wallClockText } from './partition-calendar.ts';
import {
  nameOf,
  type Partition,
  type PartitionedTable,
  partitionedTables,
  quotedNameOf,
} from './partitioned-tables.ts';
import {
  isOutdated,
  type RetentionPolicy,
  type RetentionRequest,
  type RetentionRule,
  resolvePolicy,
} from './retention-policy.ts';
import { inShortTransaction, takingTurns } from './short-transaction.ts';

/** Of a table, looked through in one transaction: a megabyte at PostgreSQL's usual 8 KiB a block, some thousand rows. */
const blocksPerBatch = 128;
/** Against a partition that is written to while it is put into the archive. */
const mostArchivings = 3;
const longestPauseMilliseconds = 1_000;

export interface Retention {
  dryRun: boolean;
  /** Where deleted rows were put. */
  archive: { folder: string; files: ArchivedFile[] } | null;
  tables: RetentionReport[];
  /** Policies of the host that could not be honoured, and why. */
  ignored: string[];
}

export interface RetentionReport {
  table: string;
  column: string;
  days: number;
  source: string;
  organization: string | null;
  /** Whole partitions that were dropped, or in a dry run are to be. */
  partitions: { name: string; from: string | null; to: string; rows: number; bytes: number }[];
  /** Rows that were deleted one by one, or are to be. */
  rows: number;
  /** Of all that goes. */
  oldest: string | null;
  /** Foreign keys by which rows of other tables go with them. */
  cascades: string[];
  /** Why this table was left, or left half done. */
  problem: string | null;
}

/**
 * Deletes what is older than a policy keeps. Partitions that are older as a whole are dropped; one that the limit falls into stays until
 * all of it is older, and what waits in a default partition is deleted row by row. Rows go in short transactions with pauses between,
 * so that the host goes on; with an archive they are on disk, and read back, before they are gone.
 *
 * @throws LatchkeyError `invalid-input`, `would-violate` for an audit log below its minimum, `central-busy`, `insufficient-privilege`
 */
export async function retain(
  client: pg.Client,
  { dryRun, archive: directory, ...request }: RetentionRequest & { dryRun: boolean; archive?: string },
): Promise<Retention> {
  try {
    return await takingTurns(client, async () => {
      const { policy, found } = await outdatedByPolicy(client, request);
      const archive = directory !== undefined && !dryRun ? await Archive.create(client, directory) : null;
      const tables: RetentionReport[] = [];
      for (const { rule, outdated } of found)
        tables.push(dryRun ? outdated.report : await remove(client, rule, outdated, archive));
      if (!dryRun) await remember(client, policy.rules, tables);
      return {
        dryRun,
        archive: archive && { folder: archive.folder, files: archive.files },
        tables,
        ignored: policy.ignored,
      };
    });
  } catch (error) {
    throw installError(error);
  }
}

/** What a policy would delete as things are. @throws LatchkeyError `invalid-input` where there is no policy, `would-violate` */
export async function outdatedByPolicy(
  client: pg.Client,
  request: RetentionRequest,
): Promise<{ policy: RetentionPolicy; found: { rule: RetentionRule; outdated: Outdated }[] }> {
  const system = await installedSystem(client).catch(() => null);
  const policy = await resolvePolicy(client, system, request);
  if (policy.rules.length === 0 && policy.ignored.length === 0)
    throw new LatchkeyError(
      'invalid-input',
      'There is no policy here: no --policy, no --keep, none of an earlier run, and no table retention_policies. Nothing was changed.',
      { field: 'policy' },
    );
  const partitioned = new Map((await partitionedTables(client)).map((table) => [nameOf(table), table]));
  const found: { rule: RetentionRule; outdated: Outdated }[] = [];
  for (const rule of policy.rules)
    found.push({ rule, outdated: await outdatedOf(client, rule, policy.rules, partitioned) });
  return { policy, found };
}

interface Outdated {
  report: RetentionReport;
  /** With the table that each is a partition of. */
  whole: { table: PartitionedTable; partition: Partition; rows: number }[];
  /** Tables without partitions, in which rows are to be looked for. */
  loose: { schema: string; name: string }[];
  condition: string;
}

async function outdatedOf(
  client: pg.Client,
  rule: RetentionRule,
  rules: RetentionRule[],
  partitioned: Map<string, PartitionedTable>,
): Promise<Outdated> {
  const own = rules.filter((other) => nameOf(other) === nameOf(rule) && other.organization);
  const days = Math.max(rule.days, ...(rule.organization ? [] : own.map((other) => other.days)));
  const table = partitioned.get(nameOf(rule));
  const condition = rule.organization ? isOutdated(rule) : withoutOwn(rule, own);
  const parts =
    table && !rule.organization && table.column === rule.column
      ? splitPartitions(table, await cutoff(client, days, table.timeZone), partitioned)
      : { whole: [], loose: await leaves(client, rule) };
  const column = quoteName(rule.column);
  const whole: Outdated['whole'] = [];
  const oldest: string[] = [];
  const count = async (from: string, where: string) => {
    const { rows } = await client.query<{ n: string; oldest: string | null }>(
      `SELECT count(*) AS n, to_char(min(${column}), 'YYYY-MM-DD"T"HH24:MI:SS') AS oldest FROM ${from} WHERE ${where}`,
    );
    if (rows[0]!.oldest !== null) oldest.push(rows[0]!.oldest);
    return Number(rows[0]!.n);
  };
  let rows = 0;
  await client.query('BEGIN READ ONLY; SET LOCAL row_security = off');
  try {
    for (const part of parts.whole) whole.push({ ...part, rows: await count(quotedNameOf(part.partition), 'TRUE') });
    for (const relation of parts.loose) rows += await count(`ONLY ${quotedNameOf(relation)}`, condition);
  } finally {
    await client.query('ROLLBACK');
  }
  return {
    whole,
    loose: parts.loose,
    condition,
    report: {
      table: nameOf(rule),
      column: rule.column,
      days: rule.days,
      source: rule.source,
      organization: rule.organization?.id ?? null,
      partitions: whole.map(({ partition, rows: held }) => described(partition, held)),
      rows,
      oldest: oldest.sort()[0] ?? null,
      cascades: await cascades(client, rule),
      problem: null,
    },
  };
}

/** A rule for all leaves alone what an organization has a rule of its own for. */
function withoutOwn(rule: RetentionRule, own: RetentionRule[]): string {
  const [first] = own;
  if (!first) return isOutdated(rule);
  const column = quoteName(first.organization!.column);
  const ids = own.map(({ organization }) => `'${organization!.id.replaceAll("'", "''")}'`);
  return `${isOutdated(rule)} AND (${column}::TEXT IN (${ids.join(', ')})) IS NOT TRUE`;
}

function described({ name, period, bytes }: Partition, rows: number): RetentionReport['partitions'][number] {
  const { from, to } = period as Period;
  return { name, from: Number.isFinite(from) ? wallClockText(from) : null, to: wallClockText(to), rows, bytes };
}

/** The start of the oldest day (UTC) that is kept, on the wall clock of a zone. */
async function cutoff(client: pg.Client, days: number, timeZone: string): Promise<number> {
  const { rows } = await client.query<{ cutoff: string }>(
    `SELECT to_char((date_trunc('day', now() AT TIME ZONE 'UTC') - make_interval(days => $1)) AT TIME ZONE 'UTC' AT TIME ZONE $2, 'YYYY-MM-DD HH24:MI:SS') AS cutoff`,
    [days, timeZone],
  );
  return parseWallClock(rows[0]!.cutoff)!;
}

/** Partitions that are older as a whole, and where else old rows may lie: in default partitions, and deeper down. */
function splitPartitions(
  table: PartitionedTable,
  limit: number,
  partitioned: Map<string, PartitionedTable>,
): { whole: { table: PartitionedTable; partition: Partition }[]; loose: { schema: string; name: string }[] } {
  const whole: { table: PartitionedTable; partition: Partition }[] = [];
  const loose: { schema: string; name: string }[] = [];
  for (const partition of table.partitions) {
    const { period, isDefault, kind } = partition;
    if (period && !isDefault && period.to <= limit && kind !== 'f') whole.push({ table, partition });
    else if (kind === 'p') {
      const below = partitioned.get(nameOf(partition));
      if (!below || below.column !== table.column) continue;
      const parts = splitPartitions(below, limit, partitioned);
      whole.push(...parts.whole);
      loose.push(...parts.loose);
    } else if (isDefault && kind === 'r') loose.push(partition);
  }
  return { whole, loose };
}

/** Every table that holds rows of this one itself. */
async function leaves(client: pg.Client, rule: RetentionRule): Promise<{ schema: string; name: string }[]> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_partition_tree($1::REGCLASS) t
     JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'
     UNION SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::REGCLASS AND c.relkind = 'r'
     ORDER BY 1, 2`,
    [quotedNameOf(rule)],
  );
  return rows;
}

async function cascades(client: pg.Client, rule: RetentionRule): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT format('%s.%s (%s)', n.nspname, c.relname, CASE f.confdeltype WHEN 'c' THEN 'deleted' ELSE 'set to null' END) AS name
     FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE f.confrelid = $1::REGCLASS AND f.contype = 'f' AND f.conparentid = 0 AND f.confdeltype IN ('c', 'n') ORDER BY 1`,
    [quotedNameOf(rule)],
  );
  return rows.map(({ name }) => name);
}

async function remove(
  client: pg.Client,
  rule: RetentionRule,
  { report, whole, loose, condition }: Outdated,
  archive: Archive | null,
): Promise<RetentionReport> {
  const done: RetentionReport = { ...report, partitions: [], rows: 0 };
  try {
    for (const { table, partition, rows } of whole) {
      const dropped = await dropPartition(client, table, partition, archive);
      done.partitions.push(described(partition, dropped ?? rows));
    }
    for (const relation of loose)
      await deleteRows(client, rule, relation, { condition, archive }, (deleted) => {
        done.rows += deleted;
      });
    return done;
  } catch (error) {
    const known = errorOf(error, rule);
    if (known.code === 'insufficient-privilege' || known.code === 'disk-full' || known.code === 'folder-unusable')
      throw known;
    return { ...done, problem: known.message };
  }
}

function errorOf(error: unknown, rule: RetentionRule): LatchkeyError {
  if ((error as { code?: string }).code !== '23503') return installError(error);
  const { message } = error as { message: string };
  return new LatchkeyError(
    'would-violate',
    `Rows of another table refer to rows of ${nameOf(rule)} that are old enough to go (${message}). What was done until then stays done.`,
    { cause: error },
  );
}

/** @returns how many rows went with it; null where nobody counted */
async function dropPartition(
  client: pg.Client,
  table: PartitionedTable,
  partition: Partition,
  archive: Archive | null,
): Promise<number | null> {
  const name = quotedNameOf(partition);
  const detach = `ALTER TABLE ${quotedNameOf(table)} DETACH PARTITION ${name}`;
  // Locks nobody out, and so waits for as long as it must; PostgreSQL has it where there is no default partition.
  const isGentle = !table.partitions.some(({ isDefault }) => isDefault);
  if (!archive) {
    if (isGentle) await detachGently(client, detach, name);
    await inShortTransaction(client, async () => {
      if (!isGentle) await client.query(detach);
      await client.query(`DROP TABLE ${name}`);
    });
    return null;
  }
  for (let archivings = 1; archivings <= mostArchivings; archivings++) {
    const { digest } = await contentOf(client, name);
    const names = { table: nameOf(table), partition: nameOf(partition) };
    await inUtc(client, () => archive.write(client, names, `SELECT * FROM ${name}`));
    if (isGentle && archivings === 1) await detachGently(client, detach, name);
    const rows = await inShortTransaction(client, async () => {
      await client.query(`LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE`);
      const now = await contentOf(client, name);
      if (now.digest !== digest) return null;
      if (!isGentle) await client.query(detach);
      await client.query(`DROP TABLE ${name}`);
      return now.rows;
    });
    if (rows !== null) return rows;
  }
  throw new LatchkeyError(
    'central-busy',
    `${nameOf(partition)} is being written to: it was another one after each of ${mostArchivings} times that it was archived. It was kept${isGentle ? ', detached' : ''}.`,
  );
}

async function detachGently(client: pg.Client, detach: string, name: string): Promise<void> {
  const { rows } = await client.query<{ pending: boolean }>(
    'SELECT inhdetachpending AS pending FROM pg_inherits WHERE inhrelid = $1::REGCLASS',
    [name],
  );
  await client.query(`SET lock_timeout = '60s'`);
  try {
    await client.query(`${detach} ${rows[0]?.pending ? 'FINALIZE' : 'CONCURRENTLY'}`);
  } finally {
    await client.query('RESET lock_timeout');
  }
}

/** What tells one content of a table from another: which versions of rows lie where. */
async function contentOf(client: pg.Client, name: string): Promise<{ rows: number; digest: string }> {
  const { rows } = await client.query<{ rows: string; digest: string }>(
    `SELECT count(*) AS rows, concat_ws(' ', count(*), sum(hashtextextended(concat_ws(' ', tableoid, ctid, xmin), 0))) AS digest FROM ${name}`,
  );
  return { rows: Number(rows[0]!.rows), digest: rows[0]!.digest };
}

/** An archive says the same whatever the server's settings are. */
async function inUtc<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL row_security = off`,
  );
  try {
    return await work();
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Once through the table, a stretch of blocks at a time; the host gets as much time in between as each took. */
async function deleteRows(
  client: pg.Client,
  rule: RetentionRule,
  relation: { schema: string; name: string },
  { condition, archive }: { condition: string; archive: Archive | null },
  onDeleted: (rows: number) => void,
): Promise<void> {
  const name = quotedNameOf(relation);
  const { rows } = await client.query<{ blocks: string }>(
    `SELECT pg_relation_size($1::REGCLASS) / current_setting('block_size')::BIGINT AS blocks`,
    [name],
  );
  let file: Awaited<ReturnType<Archive['open']>> | null = null;
  try {
    for (let block = 0; block < Number(rows[0]!.blocks); block += blocksPerBatch) {
      const where = `ctid >= '(${block},0)'::TID AND ctid < '(${Math.min(block + blocksPerBatch, 4_294_967_295)},0)'::TID AND ${condition}`;
      if (archive && !file) {
        const { rowCount } = await client.query(`SELECT FROM ONLY ${name} WHERE ${where} LIMIT 1`);
        if (rowCount === 0) continue;
        file = await archive.open({ table: nameOf(rule), partition: nameOf(relation) });
      }
      const statement = `DELETE FROM ONLY ${name} WHERE ${where}`;
      const started = performance.now();
      const batch = await inShortTransaction(client, async () =>
        file
          ? await file.add(client, `${statement} RETURNING *`)
          : { rows: (await client.query(statement)).rowCount ?? 0, keep: () => {} },
      );
      batch.keep();
      onDeleted(batch.rows);
      if (batch.rows > 0) await pause(Math.min(performance.now() - started, longestPauseMilliseconds));
    }
  } finally {
    await file?.close();
  }
}

/** What `central health` and the next run go by. */
async function remember(client: pg.Client, rules: RetentionRule[], reports: RetentionReport[]): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('latchkey.retention') IS NOT NULL AS there`,
  );
  if (!rows[0]!.there) return;
  for (const [place, rule] of rules.entries()) {
    const { partitions, rows: loose } = reports[place]!;
    if (!rule.isRemembered) continue;
    await client.query(
      `INSERT INTO latchkey.retention (relation, column_name, days, ran_at, deleted_rows) VALUES ($1, $2, $3, now(), $4)
       ON CONFLICT (relation) DO UPDATE SET column_name = excluded.column_name, days = excluded.days, ran_at = excluded.ran_at, deleted_rows = excluded.deleted_rows`,
      [nameOf(rule), rule.column, rule.days, partitions.reduce((sum, one) => sum + one.rows, loose)],
    );
  }
}
