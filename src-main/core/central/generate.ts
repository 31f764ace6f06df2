import { quoteName, quoteText } from '../quoting.ts';
import type { Capability, SystemMapping, TableMapping } from '../systems/system.ts';
import { derivedName } from './derived-name.ts';
import { changeFunction, type HostColumn, type HostTable, relationOf, truncateFunction } from './host-tables.ts';

/** Stands in the change log for every organization. */
const everybody = `'*'`;

/** The organization that a row belongs to, as SQL over the row `alias`; NULL where its parent is gone. */
export function organizationOf(system: SystemMapping, mapping: TableMapping, row: string, depth = 1): string {
  const { tenancy } = mapping;
  if (tenancy.class === 'shared' || tenancy.class === 'database') return everybody;
  if (tenancy.class === 'root') return `${row}.${quoteName(system.organization!.id)}::TEXT`;
  if (tenancy.class === 'organization') return `${row}.${quoteName(tenancy.column)}::TEXT`;
  const parent = system.tables[tenancy.parent]!;
  const alias = `parent_${depth}`;
  return `(SELECT ${organizationOf(system, parent, alias, depth + 1)} FROM ${relationOf(system, { name: tenancy.parent })} ${alias} WHERE ${alias}.${quoteName(tenancy.parentKey)} = ${row}.${quoteName(tenancy.column)})`;
}

/** The rows that the connected device's organization may see, as SQL over the host's table `t`. */
function visibility(system: SystemMapping, table: HostTable, mapping: TableMapping, row = 't', depth = 1): string {
  const organization = `(SELECT latchkey.current_organization())`;
  const { tenancy } = mapping;
  if (tenancy.class === 'shared' || tenancy.class === 'database') return `${organization} IS NOT NULL`;
  if (tenancy.class === 'root')
    return `${row}.${quoteName(system.organization!.id)} = ${organization}::${table.organizationType}`;
  if (tenancy.class === 'organization')
    return `${row}.${quoteName(tenancy.column)} = ${organization}::${table.organizationType}`;
  const alias = `parent_${depth}`;
  return `${row}.${quoteName(tenancy.column)} IN (SELECT ${alias}.${quoteName(tenancy.parentKey)} FROM ${relationOf(system, { name: tenancy.parent })} ${alias} WHERE ${visibility(system, table, system.tables[tenancy.parent]!, alias, depth + 1)})`;
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
  const visible = `SELECT ${readable} FROM ${write} t WHERE ${youth(table)}`;
  const readers = (mapping.readers ?? allReaders).map(readerRole).join(', ');
  const statements = [
    `CREATE VIEW ${write} WITH (security_barrier = TRUE) AS
  SELECT ${columns.map((column) => `t.${quoteName(column)}`).join(', ')}
  FROM ${relationOf(system, table)} t
  WHERE ${visibility(system, table, mapping)}
  WITH CASCADED CHECK OPTION`,
    `GRANT SELECT, INSERT, UPDATE ON ${write} TO latchkey_writer`,
    `CREATE VIEW latchkey_mirror.${quoteName(table.name)} WITH (security_barrier = TRUE) AS ${visible} OFFSET 0`,
    `GRANT SELECT ON latchkey_mirror.${quoteName(table.name)} TO ${readers}`,
    ...lookupSql(table, '_by_key', { rows: rowsByKey(table, visible), parameters: table.key.length, readers }),
  ];
  const { tenancy } = mapping;
  if (tenancy.class === 'path') {
    const parent = table.columns.find(({ name }) => name === tenancy.column)!;
    const rows = rowsByParent(parent, visible);
    const settings = ' SET plan_cache_mode = force_custom_plan';
    statements.push(...lookupSql(table, '_by_parent', { rows, parameters: 1, readers, settings }));
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

/**
 * SQL of the visible rows with the keys in $1, $2, … (one text array per column of the key). No join gets past the fence of the view: it
 * would read the whole organization. A condition does where its equality is leakproof, and reaches the key's index: so each row is looked
 * up by itself, behind a fence (OFFSET 0) that keeps this from becoming a join again.
 */
function rowsByKey({ key }: HostTable, from: string): string {
  const columns = key.map((column) => `t.${quoteName(column.name)}`);
  const values = key.map((column, place) => `k.k${place}::${column.type}`);
  const arrays = key.map((_, place) => `$${place + 1}`).join(', ');
  const keys = `unnest(${arrays}) AS k (${key.map((_, place) => `k${place}`).join(', ')})`;
  if (!key.every(isLeakproof))
    return `${from} AND (${columns.join(', ')}) IN (SELECT ${values.join(', ')} FROM ${keys})`;
  const equal = columns.map((column, place) => `${column} = ${values[place]}`).join(' AND ');
  return `SELECT found.* FROM ${keys} CROSS JOIN LATERAL (${from} AND ${equal} OFFSET 0) found`;
}

/**
 * SQL of the visible rows that refer to one of the parents in $1. Hosts may have no index there: then all are read, once, each looked up
 * in a hash, which takes a plan for these very parents.
 */
function rowsByParent(column: HostColumn, from: string): string {
  const parents = isLeakproof(column)
    ? `ANY ($1::${column.base}[])`
    : `ANY (SELECT k.k0::${column.type} FROM unnest($1) AS k (k0))`;
  return `${from} AND t.${quoteName(column.name)} = ${parents}`;
}

/** Whether PostgreSQL marks the equality of a column's type as leakproof. */
function isLeakproof({ base }: HostColumn): boolean {
  return /^(uuid|smallint|integer|bigint|oid|boolean|date|text|character varying|timestamp with(out)? time zone)$/.test(
    base,
  );
}

/** A function that gives rows of a table's view. */
function lookupSql(
  table: HostTable,
  suffix: '_by_key' | '_by_parent',
  {
    rows,
    parameters,
    readers,
    settings = '',
  }: { rows: string; parameters: number; readers: string; settings?: string },
): string[] {
  // Without names, which a column of the table could bear too.
  const signature = `latchkey_mirror.${quoteName(derivedName(table.name, suffix))}(${Array(parameters).fill('TEXT[]').join(', ')})`;
  return [
    `CREATE FUNCTION ${signature} RETURNS SETOF latchkey_mirror.${quoteName(table.name)}
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp${settings} AS $rows$
BEGIN
  RETURN QUERY ${rows};
END
$rows$`,
    `REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION ${signature} TO ${readers}`,
  ];
}

/** Types whose text is the same whatever the host's session settings are. */
const steadyTypes =
  /^(uuid|smallint|integer|bigint|oid|text|character.*|name|"char"|boolean|numeric|inet|cidr|macaddr|macaddr8|bit.*|time without time zone|pg_lsn|xid8|.*\bcitext)$/;

/** A key column as the change log holds it: the one text that a mirror holds for the same value. */
function keyColumnText(row: string, { name, base, kind }: HostColumn): string {
  const value = `${row}.${quoteName(name)}`;
  if (base === 'timestamp without time zone')
    return inCommonYears(value, `to_char(${value}, 'YYYY-MM-DD"T"HH24:MI:SS.US')`);
  if (base === 'timestamp with time zone')
    return inCommonYears(value, `to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`);
  if (base === 'date') return inCommonYears(value, `to_char(${value}, 'YYYY-MM-DD')`);
  return kind === 'e' || steadyTypes.test(base) ? `${value}::TEXT` : `latchkey.text_of(${value})`;
}

/** to_char makes NULL of infinities, and drops the era: what lies outside of the years 1 to 9999 keeps PostgreSQL's own text. */
function inCommonYears(value: string, text: string): string {
  return `CASE WHEN ${value} >= '0001-01-01' AND ${value} < '10000-01-01' THEN ${text} ELSE latchkey.text_of(${value}) END`;
}

export interface TrackingSql {
  functions: string[];
  /** Creates the table's own triggers, which fire in every session. */
  triggers: string[];
  /** Creates those that its partitions still need. */
  partitionTriggers: string[];
  /** Logs that any row may have changed. */
  everything: string;
}

/** How a change of the log's `move` came about: the bits that `latchkey.changes_since` adds up. */
const stayed = '0';
const inserted = '1';
const left = '2';
const movedIn = '4';

/**
 * The functions and triggers that append to the change log whenever a row of the table changes. What they read of the host stands in a
 * block of its own: where a host renamed or dropped what they go by, its writes succeed all the same, and the log says of the whole table
 * that it changed. That block writes nothing, so it costs no transaction id.
 */
export function trackingSql(system: SystemMapping, table: HostTable, tableId: number): TrackingSql {
  const relation = relationOf(system, table);
  const track = `latchkey.${quoteName(changeFunction(table.name))}`;
  const truncated = `latchkey.${quoteName(truncateFunction(table.name))}`;
  const everything = entrySql(tableId, { organization: everybody, move: left });
  const append = (row: 'OLD' | 'NEW', move: string) => appendSql(system, table, tableId, row, move);
  const functions = [
    `CREATE OR REPLACE FUNCTION ${track}() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $track$
DECLARE
  moved BOOLEAN;${parentVariables(table)}
BEGIN
  BEGIN
    moved := ${movedSql(table)};${parentsSql(system, table)}
  EXCEPTION WHEN syntax_error_or_access_rule_violation THEN
    ${everything}
    RETURN NULL;
  END;
  IF NOT moved THEN
    ${append('NEW', stayed)}
  ELSIF TG_OP = 'INSERT' THEN
    ${append('NEW', arrival(system, table))}
  ELSE
    ${append('OLD', left)}
    IF TG_OP = 'UPDATE' THEN
      ${append('NEW', movedIn)}
    END IF;
  END IF;
  RETURN NULL;
END
$track$`,
    `CREATE OR REPLACE FUNCTION ${truncated}() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $track$
BEGIN
  ${everything}
  RETURN NULL;
END
$track$`,
  ];
  const onTruncate = (target: string) => [
    `CREATE OR REPLACE TRIGGER "00_latchkey_truncate" AFTER TRUNCATE ON ${target} FOR EACH STATEMENT EXECUTE FUNCTION ${truncated}()`,
    `ALTER TABLE ONLY ${target} ENABLE ALWAYS TRIGGER "00_latchkey_truncate"`,
  ];
  // The name sorts before the foreign keys' own triggers: a deleted parent is logged before its children go.
  const triggers = [
    `CREATE OR REPLACE TRIGGER "00_latchkey_change" AFTER INSERT OR UPDATE OR DELETE ON ${relation} FOR EACH ROW EXECUTE FUNCTION ${track}()`,
    `ALTER TABLE ${relation} ENABLE ALWAYS TRIGGER "00_latchkey_change"`,
    ...onTruncate(relation),
  ];
  return { functions, triggers, partitionTriggers: table.untrackedPartitions.flatMap(onTruncate), everything };
}

/** Columns by which a row has its place: its key, and what its organization comes from. */
export function decisiveColumns({ key, columns, mapping: { tenancy } }: HostTable): HostColumn[] {
  if (!('column' in tenancy) || key.some(({ name }) => name === tenancy.column)) return key;
  return [...key, ...columns.filter(({ name }) => name === tenancy.column)];
}

/**
 * Whether the row has another place than before, as it has when it comes or goes. Byte for byte: 1.0 and 1.00 are equal as numbers, and
 * two keys in a mirror. Names every column that the trigger reads, so that it is here that a missing one is noticed.
 */
function movedSql(table: HostTable): string {
  const decisive = decisiveColumns(table);
  const differs = decisive.map(({ name, base }) => {
    const column = quoteName(name);
    if (equalIsSame.test(base)) return `OLD.${column} IS DISTINCT FROM NEW.${column}`;
    if (/^(text|character varying)\b/.test(base))
      return `OLD.${column} COLLATE "C" IS DISTINCT FROM NEW.${column} COLLATE "C"`;
    return null;
  });
  if (differs.every((one) => one !== null)) return differs.join(' OR ');
  const tuple = (row: string) => `ROW(${decisive.map(({ name }) => `${row}.${quoteName(name)}`).join(', ')})::RECORD`;
  return `${tuple('OLD')} OPERATOR(pg_catalog.*<>) ${tuple('NEW')}`;
}

const equalIsSame = /^(uuid|smallint|integer|bigint|oid|boolean)$/;

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
  if (tenancy.class !== 'path')
    return entrySql(tableId, { organization: organizationOf(system, mapping, row), rowKey, move });
  const organization = organizationVariable(row);
  const parent = `${row}.${quoteName(tenancy.column)}`;
  const unsure = row === 'OLD' ? `unsure AND ${organization} IS NOT NULL` : `unsure OR ${organization} IS NULL`;
  return `${entrySql(tableId, { organization, rowKey, move })}
    IF ${parent} IS NOT NULL AND (${unsure}) THEN
      INSERT INTO latchkey.change (table_id, move, row_key, parent) VALUES (${tableId}, ${move}, ${rowKey}, ${parent}::TEXT);
    END IF;`;
}

/**
 * One entry, or none where the row belongs to nobody. The condition is part of the statement, and little is kept in variables: each
 * expression that PL/pgSQL evaluates by itself is about a hundredth of what a small write of the host takes in all.
 */
function entrySql(
  tableId: number,
  { organization, rowKey = 'NULL', move }: { organization: string; rowKey?: string; move: string },
): string {
  return `INSERT INTO latchkey.change (organization_hash, table_id, move, organization, row_key)
      SELECT hashtext(${organization} COLLATE "C"), ${tableId}, ${move}, ${organization}, ${rowKey} WHERE ${organization} IS NOT NULL;`;
}

/** Such a transaction may not see where a parent has moved to, nor be stopped by the foreign key that would tell. */
const unsureTransaction = `(current_setting('transaction_isolation') IN ('repeatable read', 'serializable') OR current_setting('session_replication_role') = 'replica')`;

/** For rows whose organization is their parent's. */
function parentVariables({ mapping }: HostTable): string {
  if (mapping.tenancy.class !== 'path') return '';
  return `
  unsure CONSTANT BOOLEAN := ${unsureTransaction};
  old_organization TEXT;
  new_organization TEXT;`;
}

/** Looks the parents' organization up, where what was renamed or dropped of them does not make the host's write fail. */
function parentsSql(system: SystemMapping, { mapping }: HostTable): string {
  if (mapping.tenancy.class !== 'path') return '';
  return `
    IF moved AND TG_OP <> 'INSERT' THEN
      old_organization := ${organizationOf(system, mapping, 'OLD')};
    END IF;
    IF TG_OP <> 'DELETE' THEN
      new_organization := ${organizationOf(system, mapping, 'NEW')};
    END IF;`;
}

function organizationVariable(row: 'OLD' | 'NEW'): string {
  return row === 'OLD' ? 'old_organization' : 'new_organization';
}

/**
 * How an inserted row is logged. A foreign key that is checked at once makes every writer of children see their parent first. Without
 * one, and where triggers are off, a writer may be under way who did not, as with a parent that came from another organization.
 */
function arrival(system: SystemMapping, { name, childrenAreChecked }: HostTable): string {
  if (!isParent(system, name)) return inserted;
  return childrenAreChecked ? `CASE WHEN ${unsureTransaction} THEN ${movedIn} ELSE ${inserted} END` : movedIn;
}

function isParent(system: SystemMapping, name: string): boolean {
  return Object.values(system.tables).some(({ tenancy }) => tenancy.class === 'path' && tenancy.parent === name);
}

/** A sidecar refers to the host's rows without a foreign key, or with one into another schema. */
function referenceOfSidecar({ mapping: { sidecar, tenancy } }: HostTable): HostTable['references'] {
  if (!sidecar || tenancy.class !== 'path') return [];
  return [{ column: tenancy.column, table: tenancy.parent, target: tenancy.parentKey }];
}

/** The rows of latchkey.mirrored_table: what push decides by. */
export function mirroredTableRow(system: SystemMapping, table: HostTable) {
  const { mapping } = table;
  const mirrored = new Set(Object.keys(system.tables));
  return {
    name: table.name,
    relation: relationOf(system, table),
    key: table.key.map((column) => column.name),
    parent:
      mapping.tenancy.class === 'path'
        ? { column: mapping.tenancy.column, table: mapping.tenancy.parent, target: mapping.tenancy.parentKey }
        : null,
    writeOnly: mapping.writeOnly ?? [],
    window: mapping.window ?? null,
    rules: {
      ...(mapping.sidecar && { sidecar: true }),
      groups: mapping.groups ?? [],
      restrictive: mapping.restrictive ?? {},
      earliest: mapping.earliest ?? [],
      references: [...table.references, ...referenceOfSidecar(table)].filter((one) => mirrored.has(one.table)),
    },
  };
}
