import type pg from 'pg';
import { quoteName, quoteText } from '../../quoting.ts';
import { type Period, wallClockText } from './partition-calendar.ts';
import { type PartitionedTable, quotedNameOf } from './partitioned-tables.ts';
import { inShortTransaction } from './short-transaction.ts';

export interface NewPartition {
  name: { schema: string; name: string };
  period: Period;
}

/**
 * Makes a table beside the partitioned one, and attaches it: that lets the host read and write, where CREATE TABLE … PARTITION OF would
 * shut everybody out.
 */
export async function attachAhead(client: pg.Client, table: PartitionedTable, partition: NewPartition): Promise<void> {
  await inShortTransaction(
    client,
    async () => {
      await createBeside(client, table, partition);
      await client.query(attachSql(table, partition));
    },
    table,
  );
}

/** Rows that were copied before the lock was taken, as they stood then. */
const copiedRows = 'pg_temp.latchkey_copied';
/** How many rows there are under the lock, and where those lie that are looked at more closely. */
const looked = 'pg_temp.latchkey_looked';
/** All others, as they stand under the lock; and those that stay. */
const otherRows = 'pg_temp.latchkey_others';
const keptRows = 'pg_temp.latchkey_kept';
/** Of the copy against a host that goes on writing; the last one keeps its writers waiting. */
const mostCopies = 4;

/**
 * Makes partitions for rows that wait in the default one, and moves them there. Rows are copied while the host goes on; then, under one
 * lock that keeps its writers waiting, what was added meanwhile is copied too, the default partition is emptied, and all of them are
 * attached. The lock is held for one scan of the default partition.
 */
export async function moveOutOfDefault(
  client: pg.Client,
  table: PartitionedTable,
  partitions: NewPartition[],
): Promise<void> {
  try {
    await client.query(`CREATE TEMPORARY TABLE IF NOT EXISTS latchkey_copied (place TID, version XID)`);
    for (const partition of partitions)
      await inShortTransaction(client, () => createBeside(client, table, partition, { isBound: true }), table);
    for (let copies = 1; ; copies++) {
      await emptyCopies(client, partitions);
      const copied = await copyFromDefault(client, table, partitions);
      const isLast = copies === mostCopies;
      if (await inShortTransaction(client, () => swap(client, table, partitions, copied, isLast), table)) return;
    }
  } catch (error) {
    await dropUnattached(client, partitions);
    throw error;
  } finally {
    await client.query(`DROP TABLE IF EXISTS ${copiedRows}`).catch(() => {});
  }
}

/**
 * A table like the host's other partitions: with the columns, defaults, indexes and checks of the whole table, its foreign keys, its owner,
 * and where the newest partition lies.
 *
 * @param options.isBound checks from its first row that it has rows of its period alone, which attaching then need not do
 */
async function createBeside(
  client: pg.Client,
  table: PartitionedTable,
  partition: NewPartition,
  { isBound = false }: { isBound?: boolean } = {},
): Promise<void> {
  const parent = quotedNameOf(table);
  const name = quotedNameOf(partition.name);
  await client.query(`CREATE TABLE ${name} (LIKE ${parent} INCLUDING ALL EXCLUDING IDENTITY)`);
  if (isBound)
    await client.query(`ALTER TABLE ${name} ADD CONSTRAINT ${boundName} CHECK (${isWithin(table, partition.period)})`);
  const { rows } = await client.query<{ statement: string }>(
    `WITH parent AS (SELECT c.oid, c.relowner FROM pg_class c WHERE c.oid = $1::REGCLASS),
       sibling AS (
         SELECT p.reloptions, t.spcname FROM parent JOIN pg_inherits i ON i.inhparent = parent.oid JOIN pg_class p ON p.oid = i.inhrelid
         LEFT JOIN pg_tablespace t ON t.oid = p.reltablespace
         WHERE p.relkind = 'r' ORDER BY pg_get_expr(p.relpartbound, p.oid) = 'DEFAULT', p.oid DESC LIMIT 1)
     SELECT statement FROM (
       SELECT 1 AS turn, format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2::TEXT, f.conname, pg_get_constraintdef(f.oid)) AS statement
         FROM pg_constraint f, parent WHERE f.conrelid = parent.oid AND f.contype = 'f' AND ${isBound}
       UNION ALL
       SELECT 2, format('ALTER TABLE %s SET TABLESPACE %I', $2, spcname) FROM sibling WHERE spcname IS NOT NULL
       UNION ALL
       SELECT 2, format('ALTER TABLE %s SET (%s)', $2, array_to_string(reloptions, ', ')) FROM sibling WHERE reloptions IS NOT NULL
       UNION ALL
       SELECT 3, format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION latchkey.%I()', g.tgname, $2, f.proname)
         FROM ${truncateTrigger}
       UNION ALL
       SELECT 4, format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', $2, g.tgname) FROM ${truncateTrigger}
       UNION ALL
       SELECT 5, format('ALTER TABLE %s OWNER TO %I', $2, r.rolname) FROM parent JOIN pg_roles r ON r.oid = parent.relowner
         WHERE r.rolname <> current_user
     ) statements ORDER BY turn`,
    [parent, name],
  );
  for (const { statement } of rows) await client.query(statement);
}

/** Latchkey's, on the whole table: a partition has its own, by which TRUNCATE of it alone is noticed. */
const truncateTrigger = `parent JOIN pg_trigger g ON g.tgrelid = coalesce(pg_partition_root(parent.oid)::OID, parent.oid)
  AND g.tgname = '00_latchkey_truncate' JOIN pg_proc f ON f.oid = g.tgfoid AND f.pronamespace = to_regnamespace('latchkey')`;

const boundName = quoteName('latchkey_bound');

/** As PostgreSQL itself states a partition's bound, so that it knows this to imply it. */
function isWithin(table: PartitionedTable, { from, to }: Period): string {
  const column = quoteName(table.column);
  const type = table.type;
  return `${column} IS NOT NULL AND ${column} >= ${quoteText(wallClockText(from))}::${type} AND ${column} < ${quoteText(wallClockText(to))}::${type}`;
}

function attachSql(table: PartitionedTable, { name, period: { from, to } }: NewPartition): string {
  return `ALTER TABLE ${quotedNameOf(table)} ATTACH PARTITION ${quotedNameOf(name)} FOR VALUES FROM (${quoteText(wallClockText(from))}) TO (${quoteText(wallClockText(to))})`;
}

async function emptyCopies(client: pg.Client, partitions: NewPartition[]): Promise<void> {
  // Under the lock a few rows are looked up in it; while it is filled it would be in the way.
  await client.query('DROP INDEX IF EXISTS pg_temp.latchkey_copied_place');
  const tables = [copiedRows, ...partitions.map(({ name }) => quotedNameOf(name))];
  await client.query(`TRUNCATE ${tables.join(', ')}`);
}

interface Copied {
  rows: number;
  /** What any transaction before this one wrote, all copies saw. */
  horizon: string;
}

async function copyFromDefault(
  client: pg.Client,
  table: PartitionedTable,
  partitions: NewPartition[],
): Promise<Copied> {
  const copied: Copied = { rows: 0, horizon: '' };
  for (const partition of partitions) {
    const { rows, horizon } = await copyPartition(client, table, partition);
    copied.rows += rows;
    // Of the first copy, the oldest.
    copied.horizon ||= horizon;
  }
  await client.query(`CREATE INDEX latchkey_copied_place ON ${copiedRows} (place)`);
  await client.query(`ANALYZE ${copiedRows}`);
  return copied;
}

/** In one snapshot, so that what is noted is what was copied. */
async function copyPartition(client: pg.Client, table: PartitionedTable, partition: NewPartition): Promise<Copied> {
  const fallback = defaultOf(table);
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  try {
    await client.query(
      `SET LOCAL row_security = off; SET LOCAL search_path = pg_catalog; SET LOCAL timezone = ${quoteText(table.timeZone)}`,
    );
    const columns = await writtenColumns(client, table);
    const where = isWithin(table, partition.period);
    const { rows } = await client.query<{ horizon: string }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot())::XID::TEXT AS horizon',
    );
    await client.query(
      `INSERT INTO ${quotedNameOf(partition.name)} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ONLY ${fallback} WHERE ${where}`,
    );
    const { rowCount } = await client.query(
      `INSERT INTO ${copiedRows} SELECT ctid, xmin FROM ONLY ${fallback} WHERE ${where}`,
    );
    await client.query('COMMIT');
    return { rows: rowCount!, horizon: rows[0]!.horizon };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/**
 * The rest, in one transaction.
 * @param mayCopyAgain also where rows that were copied have changed since, so that all are copied once more
 * @returns whether it was done; not where rows have changed
 */
async function swap(
  client: pg.Client,
  table: PartitionedTable,
  partitions: NewPartition[],
  copied: Copied,
  mayCopyAgain: boolean,
): Promise<boolean> {
  const parent = quotedNameOf(table);
  const fallback = defaultOf(table);
  const columns = await writtenColumns(client, table);
  // The whole table first: a writer holds a lock on it while waiting for one on the default partition. Readers go on.
  await client.query(`LOCK TABLE ONLY ${parent} IN SHARE ROW EXCLUSIVE MODE`);
  await client.query(`LOCK TABLE ONLY ${fallback} IN SHARE ROW EXCLUSIVE MODE`);
  const within = partitions.map(({ period }) => `(${isWithin(table, period)})`).join(' OR ');
  // One scan: what an earlier transaction wrote is copied, if it was to be. Of what is left every row is looked up.
  await client.query(
    `CREATE TEMPORARY TABLE latchkey_looked ON COMMIT DROP AS
     SELECT count(*) AS rows, array_agg(ctid) FILTER (WHERE age(xmin) <= age(${quoteText(copied.horizon)}::XID) OR NOT (${within})) AS places
     FROM ONLY ${fallback}`,
  );
  await client.query(`SET LOCAL work_mem = '128MB'`);
  const { rowCount: others } = await client.query(
    `CREATE TEMPORARY TABLE latchkey_others ON COMMIT DROP AS SELECT ${columns} FROM ONLY ${fallback} d
     WHERE d.ctid = ANY ((SELECT places FROM ${looked})::TID[]) AND NOT EXISTS (SELECT FROM ${copiedRows} c WHERE c.place = d.ctid AND c.version = d.xmin)`,
  );
  const { rows: all } = await client.query<{ rows: string }>(`SELECT rows FROM ${looked}`);
  let rest = otherRows;
  if (Number(all[0]!.rows) - others! !== copied.rows) {
    if (!mayCopyAgain) return false;
    await emptyCopies(client, partitions);
    rest = `ONLY ${fallback}`;
  }
  for (const { name, period } of partitions)
    await client.query(
      `INSERT INTO ${quotedNameOf(name)} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${rest} WHERE ${isWithin(table, period)}`,
    );
  await client.query(
    `CREATE TEMPORARY TABLE latchkey_kept ON COMMIT DROP AS SELECT ${columns} FROM ${rest} WHERE NOT (${within})`,
  );
  await client.query(`ALTER TABLE ${parent} DETACH PARTITION ${fallback}`);
  await client.query(`TRUNCATE ONLY ${fallback}`);
  await client.query(`INSERT INTO ${fallback} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${keptRows}`);
  for (const partition of partitions) {
    await client.query(attachSql(table, partition));
    await client.query(`ALTER TABLE ${quotedNameOf(partition.name)} DROP CONSTRAINT ${boundName}`);
  }
  await client.query(`ALTER TABLE ${parent} ATTACH PARTITION ${fallback} DEFAULT`);
  return true;
}

async function dropUnattached(client: pg.Client, partitions: NewPartition[]): Promise<void> {
  for (const { name } of partitions) {
    const { rows } = await client
      .query('SELECT FROM pg_class WHERE oid = to_regclass($1) AND NOT relispartition', [quotedNameOf(name)])
      .catch(() => ({ rows: [] }));
    if (rows.length > 0) await client.query(`DROP TABLE ${quotedNameOf(name)}`).catch(() => {});
  }
}

function defaultOf(table: PartitionedTable): string {
  return quotedNameOf(table.partitions.find(({ isDefault }) => isDefault)!);
}

async function writtenColumns(client: pg.Client, table: PartitionedTable): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
     FROM pg_attribute WHERE attrelid = $1::REGCLASS AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [quotedNameOf(table)],
  );
  return rows[0]!.columns;
}
