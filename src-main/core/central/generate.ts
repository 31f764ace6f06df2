import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName, quoteText } from '../quoting.ts';
import type { Capability, SystemMapping, TableMapping } from '../systems/system.ts';

/** The facts of a host's table that the generated SQL rests on. */
export interface HostTable {
  name: string;
  mapping: TableMapping;
  columns: { name: string; type: string }[];
  key: { name: string; type: string }[];
  partitions: string[];
  sequences: string[];
  rowSecurity: boolean;
  references: { column: string; table: string; target: string }[];
  /** Columns of foreign keys that are checked at once, with the table that each refers to. */
  checked: { column: string; table: string }[];
  /** Whether every table whose rows belong to this one's has such a foreign key. */
  childrenAreChecked: boolean;
  organizationType: string;
}

/** @throws LatchkeyError `schema-mismatch`, naming every table and column that the mapping expects and the database lacks. */
export async function readHostTables(client: pg.Client, system: SystemMapping): Promise<HostTable[]> {
  const problems: string[] = [];
  const found = new Map<string, HostTable>();
  for (const [name, mapping] of Object.entries(system.tables)) {
    if (name.startsWith('latchkey_')) problems.push(`${name}: names that start with latchkey_ are reserved`);
    const table = await readHostTable(client, system.schema, name, mapping);
    if (!table) {
      problems.push(`there is no table ${system.schema}.${name}`);
      continue;
    }
    if (table.key.length === 0) problems.push(`${name} has no primary key`);
    for (const column of namedColumns(mapping)) {
      if (!table.columns.some((present) => present.name === column)) problems.push(`${name} has no column ${column}`);
    }
    found.set(name, table);
  }
  const root = found.get(system.organization.table)?.columns.find((column) => column.name === system.organization.id);
  if (problems.length > 0 || !root) {
    throw new LatchkeyError(
      'schema-mismatch',
      `This database is not ${system.title} as Latchkey knows it: ${problems.join('; ')}. Nothing was changed.`,
      {
        details: { problems },
      },
    );
  }
  for (const table of found.values()) {
    table.organizationType = root.type;
    table.childrenAreChecked = [...found.values()].every(({ mapping: { tenancy }, checked }) => {
      if (tenancy.class !== 'path' || tenancy.parent !== table.name) return true;
      return checked.some((reference) => reference.column === tenancy.column && reference.table === table.name);
    });
  }
  return [...found.values()];
}

function namedColumns(mapping: TableMapping): string[] {
  const tenancy =
    mapping.tenancy.class === 'organization' || mapping.tenancy.class === 'path' ? [mapping.tenancy.column] : [];
  const rights = Object.values(mapping.rights ?? {}).flatMap((right) => [
    ...(right.insert ?? []),
    ...(right.update ?? []),
  ]);
  return [
    ...new Set([
      ...tenancy,
      ...rights,
      ...(mapping.secret ?? []),
      ...(mapping.window ? [mapping.window.column] : []),
      ...(mapping.writeOnly ?? []),
      ...Object.keys(mapping.insertDefaults ?? {}),
    ]),
  ];
}

async function readHostTable(
  client: pg.Client,
  schema: string,
  name: string,
  mapping: TableMapping,
): Promise<HostTable | null> {
  const { rows } = await client.query<{ facts: string | object | null }>(
    `SELECT (SELECT jsonb_build_object(
       'rowSecurity', c.relrowsecurity,
       'columns', (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
         FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       'key', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY k.n), '[]')
         FROM pg_catalog.pg_index i CROSS JOIN LATERAL unnest(i.indkey::SMALLINT[]) WITH ORDINALITY AS k (attnum, n)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
         WHERE i.indrelid = c.oid AND i.indisprimary),
       'partitions', (SELECT coalesce(jsonb_agg(p.oid::REGCLASS::TEXT ORDER BY p.relname), '[]')
         FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE t.level > 0),
       'sequences', (SELECT coalesce(jsonb_agg(DISTINCT d.objid::REGCLASS::TEXT), '[]')
         FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
         WHERE d.refobjid = c.oid AND d.classid = 'pg_class'::REGCLASS AND d.deptype IN ('a', 'i')),
       'references', (SELECT coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'table', r.relname, 'target', b.attname) ORDER BY a.attnum), '[]')
         FROM pg_catalog.pg_constraint f
         JOIN pg_catalog.pg_class r ON r.oid = f.confrelid AND r.relnamespace = c.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
         JOIN pg_catalog.pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1]
         WHERE f.conrelid = c.oid AND f.contype = 'f' AND cardinality(f.conkey) = 1),
       'checked', (SELECT coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'table', r.relname)), '[]')
         FROM pg_catalog.pg_constraint f
         JOIN pg_catalog.pg_class r ON r.oid = f.confrelid AND r.relnamespace = c.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)
         WHERE f.conrelid = c.oid AND f.contype = 'f' AND NOT f.condeferrable
           AND pg_catalog.to_jsonb(f) ->> 'conenforced' IS DISTINCT FROM 'false')
     ) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')) AS facts`,
    [schema, name],
  );
  const facts = rows[0]?.facts;
  if (!facts) return null;
  const parsed = typeof facts === 'string' ? JSON.parse(facts) : facts;
  return { name, mapping, organizationType: 'text', childrenAreChecked: false, ...parsed };
}

/** The organization that a row belongs to, as SQL over the row `alias`; NULL where its parent is gone. */
function organizationOf(system: SystemMapping, mapping: TableMapping, row: string): string {
  const { tenancy } = mapping;
  if (tenancy.class === 'shared') return `'*'`;
  if (tenancy.class === 'root') return `${row}.${quoteName(system.organization.id)}::TEXT`;
  if (tenancy.class === 'organization') return `${row}.${quoteName(tenancy.column)}::TEXT`;
  const parent = system.tables[tenancy.parent]!;
  const alias = `p_${tenancy.parent}`;
  return `(SELECT ${organizationOf(system, parent, quoteName(alias))} FROM ${quoteName(system.schema)}.${quoteName(tenancy.parent)} ${quoteName(alias)} WHERE ${quoteName(alias)}.${quoteName(tenancy.parentKey)} = ${row}.${quoteName(tenancy.column)})`;
}

/** The rows that the connected device's organization may see, as SQL over the host's table `t`. */
function visibility(system: SystemMapping, table: HostTable, mapping: TableMapping, row = 't'): string {
  const organization = `(SELECT latchkey.current_organization())`;
  const { tenancy } = mapping;
  if (tenancy.class === 'shared') return `${organization} IS NOT NULL`;
  if (tenancy.class === 'root')
    return `${row}.${quoteName(system.organization.id)} = ${organization}::${table.organizationType}`;
  if (tenancy.class === 'organization')
    return `${row}.${quoteName(tenancy.column)} = ${organization}::${table.organizationType}`;
  const alias = `p_${tenancy.parent}`;
  return `${row}.${quoteName(tenancy.column)} IN (SELECT ${quoteName(alias)}.${quoteName(tenancy.parentKey)} FROM ${quoteName(system.schema)}.${quoteName(tenancy.parent)} ${quoteName(alias)} WHERE ${visibility(system, table, system.tables[tenancy.parent]!, quoteName(alias))})`;
}

/**
 * What stands between devices and a table:
 * - `latchkey_write.<table>`, through which push writes: exactly the organization's rows, before and after;
 * - `latchkey_mirror.<table>`, which devices read: its readable columns, behind a fence. Without the fence a condition of the reader's
 *   own could be matched by an index before the organization is looked at, and EXPLAIN would count the rows of others;
 * - `latchkey_mirror.<table>_by_key` (and `_by_parent`), for pulls: index lookups inside a function, which EXPLAIN cannot look into.
 */
export function viewSql(system: SystemMapping, table: HostTable): string[] {
  const { mapping } = table;
  const secret = new Set(mapping.secret ?? []);
  const write = `latchkey_write.${quoteName(table.name)}`;
  const columns = table.columns.filter((column) => !secret.has(column.name)).map((column) => column.name);
  const hidden = new Set([...(mapping.writeOnly ?? []), ...Object.keys(mapping.insertDefaults ?? {})]);
  const readable = columns
    .filter((column) => !hidden.has(column))
    .map((column) => `t.${quoteName(column)}`)
    .join(', ');
  const young = youth(table);
  const readers = (mapping.readers ?? allReaders).map(readerRole).join(', ');
  const statements = [
    `CREATE VIEW ${write} WITH (security_barrier = TRUE) AS
  SELECT ${columns.map((column) => `t.${quoteName(column)}`).join(', ')}
  FROM ${quoteName(system.schema)}.${quoteName(table.name)} t
  WHERE ${visibility(system, table, mapping)}
  WITH CASCADED CHECK OPTION`,
    `GRANT SELECT, INSERT, UPDATE ON ${write} TO latchkey_writer`,
    `CREATE VIEW latchkey_mirror.${quoteName(table.name)} WITH (security_barrier = TRUE) AS SELECT ${readable} FROM ${write} t WHERE ${young} OFFSET 0`,
    `GRANT SELECT ON latchkey_mirror.${quoteName(table.name)} TO ${readers}`,
    ...lookupSql(table, `${table.name}_by_key`, readable, table.key, readers),
  ];
  if (mapping.tenancy.class === 'path') {
    const { column } = mapping.tenancy;
    statements.push(
      ...lookupSql(
        table,
        `${table.name}_by_parent`,
        readable,
        table.columns.filter((one) => one.name === column),
        readers,
      ),
    );
  }
  for (const [column, value] of Object.entries(mapping.insertDefaults ?? {})) {
    statements.push(`ALTER VIEW ${write} ALTER COLUMN ${quoteName(column)} SET DEFAULT ${quoteText(value)}`);
  }
  for (const [capability, right] of Object.entries(mapping.rights ?? {})) {
    if (right.insert)
      statements.push(`GRANT INSERT (${right.insert.map(quoteName).join(', ')}) ON ${write} TO latchkey_${capability}`);
    if (right.update)
      statements.push(`GRANT UPDATE (${right.update.map(quoteName).join(', ')}) ON ${write} TO latchkey_${capability}`);
  }
  return statements;
}

const allReaders: Capability[] = ['admin', 'operator', 'auditor'];

/** What devices of a capability may read hangs on this role, of which their logins are members. It can write nothing. */
export function readerRole(capability: Capability): string {
  return `latchkey_reads_${capability}`;
}

/** The condition for a log's rows that are young enough to be mirrored, over `t`. Whole days of UTC, so that it changes once a day. */
function youth({ mapping, columns }: HostTable): string {
  if (!mapping.window) return 'TRUE';
  const { column, days } = mapping.window;
  const moment = `date_trunc('day', now() AT TIME ZONE 'UTC') - INTERVAL '${Math.trunc(days)} days'`;
  const type = columns.find(({ name }) => name === column)!.type;
  const start = type.includes('with time zone') ? `(${moment}) AT TIME ZONE 'UTC'` : `(${moment})::${type}`;
  return `(t.${quoteName(column)} >= ${start} OR t.${quoteName(column)} IS NULL)`;
}

/** A function that gives the visible rows with the given values in some columns, one text array per column. */
function lookupSql(
  table: HostTable,
  name: string,
  readable: string,
  by: { name: string; type: string }[],
  readers: string,
): string[] {
  const parameters = by.map((_, place) => `p${place} TEXT[]`).join(', ');
  const names = by.map((_, place) => `k${place}`).join(', ');
  const values = by.map((column, place) => `k.k${place}::${column.type}`).join(', ');
  return [
    `CREATE FUNCTION latchkey_mirror.${quoteName(name)}(${parameters}) RETURNS SETOF latchkey_mirror.${quoteName(table.name)}
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $rows$
BEGIN
  RETURN QUERY SELECT ${readable} FROM latchkey_write.${quoteName(table.name)} t
    WHERE ${youth(table)} AND (${by.map((column) => `t.${quoteName(column.name)}`).join(', ')}) IN (SELECT ${values} FROM unnest(${by.map((_, place) => `p${place}`).join(', ')}) AS k (${names}));
END
$rows$`,
    `REVOKE ALL ON FUNCTION latchkey_mirror.${quoteName(name)}(${by.map(() => 'TEXT[]').join(', ')}) FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION latchkey_mirror.${quoteName(name)}(${by.map(() => 'TEXT[]').join(', ')}) TO ${readers}`,
  ];
}

/** A key column as the change log holds it: the one text that a mirror holds for the same value, whatever the host's session settings. */
function keyColumnText(row: string, column: { name: string; type: string }): string {
  const value = `${row}.${quoteName(column.name)}`;
  if (column.type.startsWith('timestamp') && column.type.includes('without'))
    return inCommonYears(value, `to_char(${value}, 'YYYY-MM-DD"T"HH24:MI:SS.US')`);
  if (column.type.startsWith('timestamp'))
    return inCommonYears(value, `to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`);
  if (column.type === 'date') return inCommonYears(value, `to_char(${value}, 'YYYY-MM-DD')`);
  return `${value}::TEXT`;
}

/** to_char makes NULL of infinities, and drops the era: what lies outside of the years 1 to 9999 keeps PostgreSQL's own text. */
function inCommonYears(value: string, text: string): string {
  return `CASE WHEN ${value} >= '0001-01-01' AND ${value} < '10000-01-01' THEN ${text} ELSE ${value}::TEXT END`;
}

/** How a change of the log's `move` came about: the bits that `latchkey.changes_since` adds up. */
const stayed = '0';
const inserted = '1';
const left = '2';
const movedIn = '4';

/** The function and triggers that append to the change log whenever a row of the table changes. */
export function trackingSql(
  system: SystemMapping,
  table: HostTable,
  tableId: number,
): { functions: string[]; triggers: string[] } {
  const relation = `${quoteName(system.schema)}.${quoteName(table.name)}`;
  const track = `latchkey.${quoteName(`track_${table.name}`)}`;
  const truncated = `latchkey.${quoteName(`truncated_${table.name}`)}`;
  const { tenancy } = table.mapping;
  const decisive = [...table.key.map((column) => column.name), ...('column' in tenancy ? [tenancy.column] : [])].map(
    quoteName,
  );
  const tuple = (row: string) => `ROW(${decisive.map((column) => `${row}.${column}`).join(', ')})`;
  const append = (row: 'OLD' | 'NEW', move: string) => appendSql(system, table, tableId, row, move);
  const functions = [
    `CREATE FUNCTION ${track}() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $track$
DECLARE
  organization TEXT;${unsureSql(system, table)}
BEGIN
  IF TG_OP = 'INSERT' THEN
    ${append('NEW', arrival(system, table))}
  ELSIF TG_OP = 'DELETE' THEN
    ${append('OLD', left)}
  ELSIF ${tuple('OLD')} IS DISTINCT FROM ${tuple('NEW')} THEN
    ${append('OLD', left)}
    ${append('NEW', movedIn)}
  ELSE
    ${append('NEW', stayed)}
  END IF;
  RETURN NULL;
END
$track$`,
    `CREATE FUNCTION ${truncated}() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $track$
BEGIN
  INSERT INTO latchkey.change (organization, table_id, move) VALUES ('*', ${tableId}, ${left});
  RETURN NULL;
END
$track$`,
  ];
  // The name sorts before the foreign keys' own triggers: a deleted parent is logged before its children go.
  const triggers = [
    `CREATE TRIGGER "00_latchkey_change" AFTER INSERT OR UPDATE OR DELETE ON ${relation} FOR EACH ROW EXECUTE FUNCTION ${track}()`,
    `ALTER TABLE ${relation} ENABLE ALWAYS TRIGGER "00_latchkey_change"`,
    ...[relation, ...table.partitions].flatMap((target) => [
      `CREATE TRIGGER "00_latchkey_truncate" AFTER TRUNCATE ON ${target} FOR EACH STATEMENT EXECUTE FUNCTION ${truncated}()`,
      `ALTER TABLE ONLY ${target} ENABLE ALWAYS TRIGGER "00_latchkey_truncate"`,
    ]),
  ];
  return { functions, triggers };
}

/**
 * Logs one row for the organization that the transaction finds it to belong to. Where a row's organization is its parent's and the
 * transaction cannot be sure of what it finds, whoever sees the parent once this is committed is told as well. A deleted row whose parent
 * is not there went with it, in a cascade.
 */
function appendSql(
  system: SystemMapping,
  { mapping, key }: HostTable,
  tableId: number,
  row: 'OLD' | 'NEW',
  move: string,
): string {
  const { tenancy } = mapping;
  const rowKey = `ARRAY[${key.map((column) => keyColumnText(row, column)).join(', ')}]`;
  const known = `organization := ${organizationOf(system, mapping, row)};
    IF organization IS NOT NULL THEN
      INSERT INTO latchkey.change (organization, table_id, row_key, move) VALUES (organization, ${tableId}, ${rowKey}, ${move});
    END IF;`;
  if (tenancy.class !== 'path') return known;
  const parent = `${row}.${quoteName(tenancy.column)}`;
  const unsure = row === 'OLD' ? 'unsure AND organization IS NOT NULL' : 'unsure OR organization IS NULL';
  return `${known}
    IF ${parent} IS NOT NULL AND (${unsure}) THEN
      INSERT INTO latchkey.change (table_id, row_key, move, parent) VALUES (${tableId}, ${rowKey}, ${move}, ${parent}::TEXT);
    END IF;`;
}

/** Such a transaction may not see where a parent has moved to, nor be stopped by the foreign key that would tell. */
function unsureSql(system: SystemMapping, { name, mapping }: HostTable): string {
  if (mapping.tenancy.class !== 'path' && !isParent(system, name)) return '';
  return `
  unsure CONSTANT BOOLEAN := current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
    OR current_setting('session_replication_role') = 'replica';`;
}

/**
 * How an inserted row is logged. A foreign key that is checked at once makes every writer of children see their parent first. Without
 * one, and where triggers are off, a writer may be under way who did not, as with a parent that came from another organization.
 */
function arrival(system: SystemMapping, { name, childrenAreChecked }: HostTable): string {
  if (!isParent(system, name)) return inserted;
  return childrenAreChecked ? `CASE WHEN unsure THEN ${movedIn} ELSE ${inserted} END` : movedIn;
}

function isParent(system: SystemMapping, name: string): boolean {
  return Object.values(system.tables).some(({ tenancy }) => tenancy.class === 'path' && tenancy.parent === name);
}

/** The rows of latchkey.mirrored_table: what push decides by. */
export function mirroredTableRow(system: SystemMapping, table: HostTable) {
  const { mapping } = table;
  const mirrored = new Set(Object.keys(system.tables));
  return {
    name: table.name,
    relation: `${quoteName(system.schema)}.${quoteName(table.name)}`,
    key: table.key.map((column) => column.name),
    parent:
      mapping.tenancy.class === 'path'
        ? { column: mapping.tenancy.column, table: mapping.tenancy.parent, target: mapping.tenancy.parentKey }
        : null,
    writeOnly: mapping.writeOnly ?? [],
    window: mapping.window ?? null,
    rules: {
      groups: mapping.groups ?? [],
      restrictive: mapping.restrictive ?? {},
      earliest: mapping.earliest ?? [],
      references: table.references.filter((reference) => mirrored.has(reference.table)),
    },
  };
}
