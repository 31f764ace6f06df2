import type pg from 'pg';
import type { DatabaseContents } from './backup-manifest.ts';
import { quotedNameOf } from './partitioned-tables.ts';

/**
 * What the open transaction sees of the database: rows of every table, sequences, logs, and how all is defined. Every row is counted.
 *
 * @param schemas those alone; all but PostgreSQL's own by default
 */
export async function databaseContentsOf(
  client: pg.Client,
  schemas: string[] | null = null,
): Promise<DatabaseContents> {
  await client.query(
    `SET LOCAL search_path = pg_catalog; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL row_security = off`,
  );
  const tables: DatabaseContents['tables'] = [];
  for (const table of await rootTables(client, schemas)) {
    const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${fromClause(table)}`);
    tables.push({ schema: table.schema, name: table.name, columns: table.columns, rows: Number(rows[0]!.n) });
  }
  return {
    tables,
    partitions: await partitionsOf(client, schemas),
    sequences: await sequencesOf(client, schemas),
    logs: await logsOf(client),
    catalogue: await catalogueOf(client, schemas),
  };
}

interface RootTable {
  schema: string;
  name: string;
  kind: string;
  /** Generated columns are left out: they come by themselves. */
  columns: string[];
}

function fromClause(table: RootTable): string {
  return table.kind === 'p' ? quotedNameOf(table) : `ONLY ${quotedNameOf(table)}`;
}

/** Views have no rows of their own, and partitions are part of their table. */
async function rootTables(client: pg.Client, schemas: string[] | null): Promise<RootTable[]> {
  const { rows } = await client.query<{ tables: RootTable[] | string }>(
    `SELECT coalesce(jsonb_agg(jsonb_build_object('schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'columns', (
       SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')) ORDER BY n.nspname, c.relname), '[]') AS tables
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND ${isOurs}`,
    [schemas],
  );
  return parsed(rows[0]!.tables);
}

const isOurs = `n.nspname !~ '^(pg_|information_schema$)' AND ($1::TEXT[] IS NULL OR n.nspname = ANY ($1))`;

async function partitionsOf(client: pg.Client, schemas: string[] | null): Promise<DatabaseContents['partitions']> {
  const { rows } = await client.query<{ partitions: DatabaseContents['partitions'] | string }>(
    `SELECT coalesce(jsonb_agg(jsonb_build_object('schema', n.nspname, 'name', c.relname, 'bound', pg_get_expr(c.relpartbound, c.oid),
       'parent', jsonb_build_object('schema', m.nspname, 'name', p.relname)) ORDER BY n.nspname, c.relname), '[]') AS partitions
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace m ON m.oid = p.relnamespace
     WHERE c.relispartition AND c.relkind <> 'i' AND c.relkind <> 'I' AND ${isOurs}`,
    [schemas],
  );
  return parsed(rows[0]!.partitions);
}

/** What they gave last, whoever's transaction it was: a copy must not give that again. */
async function sequencesOf(client: pg.Client, schemas: string[] | null): Promise<DatabaseContents['sequences']> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${isOurs} ORDER BY 1, 2`,
    [schemas],
  );
  const sequences: DatabaseContents['sequences'] = [];
  for (const sequence of rows) {
    const { rows: state } = await client.query<{ last: string; called: boolean }>(
      `SELECT last_value::TEXT AS last, is_called AS called FROM ${quotedNameOf(sequence)}`,
    );
    sequences.push({ ...sequence, last: state[0]!.last, isCalled: state[0]!.called });
  }
  return sequences;
}

async function logsOf(client: pg.Client): Promise<DatabaseContents['logs']> {
  const { rows: found } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('latchkey.audit_leaf') IS NOT NULL AS there`,
  );
  if (!found[0]!.there) return [];
  const { rows } = await client.query<{ organization: string; size: string; leaves: string; digest: string }>(
    `SELECT o.id AS organization, o.log_size AS size, count(l.idx) AS leaves,
       encode(sha256(coalesce(string_agg(l.leaf_hash, '' ORDER BY l.idx), '')), 'hex') AS digest
     FROM latchkey.organization o LEFT JOIN latchkey.audit_leaf l ON l.organization = o.id GROUP BY o.id, o.log_size ORDER BY o.id`,
  );
  return rows.map((row) => ({ ...row, size: Number(row.size), leaves: Number(row.leaves) }));
}

/**
 * Names and definitions, no numbers that another database would give otherwise. Of partitions what they take from their table is left
 * out: names of their indexes and constraints depend on how they came to be.
 */
async function catalogueOf(client: pg.Client, schemas: string[] | null): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `WITH n AS (SELECT n.oid, n.nspname FROM pg_namespace n WHERE ${isOurs}),
     c AS (SELECT c.*, n.nspname FROM pg_class c JOIN n ON n.oid = c.relnamespace),
     own AS (SELECT * FROM c WHERE NOT relispartition)
     SELECT line FROM (
       SELECT concat_ws(' ', CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
         format('%I.%I', nspname, relname), CASE WHEN relrowsecurity THEN 'row-security' END) AS line FROM c WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
       UNION ALL SELECT concat_ws(' ', 'column', format('%I.%I.%I', c.nspname, c.relname, a.attname), format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN 'not null' END, pg_get_expr(d.adbin, d.adrelid))
         FROM c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
       UNION ALL SELECT concat_ws(' ', 'constraint', format('%I.%I', own.nspname, own.relname), o.conname, pg_get_constraintdef(o.oid))
         FROM own JOIN pg_constraint o ON o.conrelid = own.oid WHERE o.contype <> 'n' AND o.conparentid = 0
       UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM own JOIN pg_index i ON i.indrelid = own.oid
       UNION ALL SELECT concat_ws(' ', 'trigger', t.tgenabled, pg_get_triggerdef(t.oid)) FROM own JOIN pg_trigger t ON t.tgrelid = own.oid WHERE NOT t.tgisinternal
       UNION ALL SELECT concat_ws(' ', 'policy', format('%I.%I', schemaname, tablename), policyname, permissive, roles, cmd, qual, with_check)
         FROM pg_policies JOIN n ON n.nspname = schemaname
       UNION ALL SELECT concat_ws(' ', 'function', p.oid::REGPROCEDURE, md5(p.prosrc), CASE WHEN p.prosecdef THEN 'security-definer' END)
         FROM pg_proc p JOIN n ON n.oid = p.pronamespace
     ) lines ORDER BY line COLLATE "C"`,
    [schemas],
  );
  return rows.map(({ line }) => line);
}

function parsed<T>(value: T | string): T {
  return typeof value === 'string' ? (JSON.parse(value) as T) : value;
}
