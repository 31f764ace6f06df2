import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName } from '../quoting.ts';
import type { SystemMapping, TableMapping } from '../systems/system.ts';
import { derivedName } from './derived-name.ts';

export interface HostColumn {
  name: string;
  /** With its schema, as PostgreSQL spells it for a session that searches pg_catalog alone. */
  type: string;
  /** The type below all domains, and its kind (`pg_type.typtype`). */
  base: string;
  kind: string;
}

/** The facts of a host's table that the generated SQL rests on. */
export interface HostTable {
  name: string;
  mapping: TableMapping;
  oid: string;
  columns: HostColumn[];
  key: HostColumn[];
  /** Its partitions at every level, as quoted names. */
  partitions: string[];
  sequences: string[];
  rowSecurity: boolean;
  /** Whether its row-level security lets latchkey_owner through already. */
  admitsOwner: boolean;
  /** Whether its own triggers are there and fire in every session. */
  isTracked: boolean;
  /** Partitions of which a TRUNCATE would go unnoticed. */
  untrackedPartitions: string[];
  references: { column: string; table: string; target: string }[];
  /** Columns of foreign keys that are checked at once, with the table that each refers to. */
  checked: { column: string; table: string }[];
  /** Whether every table whose rows belong to this one's has such a foreign key. */
  childrenAreChecked: boolean;
  organizationType: string;
}

/** Where a table lives: with the host, or beside it in Latchkey's own schema. */
export function schemaOf(system: SystemMapping, table: string): string {
  return system.tables[table]?.sidecar ? 'latchkey' : system.schema;
}

/** A table at central, quoted, with its schema. */
export function relationOf(system: SystemMapping, { name }: { name: string }): string {
  return `${quoteName(schemaOf(system, name))}.${quoteName(name)}`;
}

/** Names of the trigger functions of a table, in schema latchkey. */
export const changeFunction = (table: string) => derivedName(`track_${table}`);
export const truncateFunction = (table: string) => derivedName(`truncated_${table}`);

/** What the catalogue says of a table beyond that, for telling whether it can be mirrored at all. */
interface Found extends Omit<HostTable, 'name' | 'mapping' | 'childrenAreChecked' | 'organizationType'> {
  relationKind: string;
  isPartition: boolean;
  isUnlogged: boolean;
  heirs: string[];
  foreignPartitions: string[];
  /** Columns of the key whose equality lies outside of pg_catalog, where nothing of ours looks. */
  incomparable: string[];
}

/**
 * Reads what the mapping names, in a session that searches pg_catalog alone.
 * @throws LatchkeyError `schema-mismatch`, naming every table and column that the mapping expects and the database lacks, and all
 * that could not be mirrored faithfully
 */
export async function readHostTables(client: pg.Client, system: SystemMapping): Promise<HostTable[]> {
  const problems = mappingProblems(system);
  const tables: HostTable[] = [];
  for (const [name, mapping] of Object.entries(system.tables)) {
    const found = await readTable(client, schemaOf(system, name), name);
    if (!found) {
      problems.push(`there is no table ${system.schema}.${name}`);
      continue;
    }
    const table: HostTable = { name, mapping, childrenAreChecked: false, organizationType: 'text', ...found };
    tables.push(table);
    problems.push(...tableProblems(table, found));
  }
  problems.push(...requiredProblems(system, tables), ...tenancyTypeProblems(tables));
  const { organization } = system;
  const root = tables.find(({ name }) => name === organization?.table);
  const type = organization === null ? 'text' : root?.columns.find(({ name }) => name === organization.id)?.type;
  if (problems.length > 0 || type === undefined) {
    throw new LatchkeyError(
      'schema-mismatch',
      `This database is not ${system.title} as Latchkey knows it: ${problems.join('; ')}. Nothing was changed.`,
      { details: { problems } },
    );
  }
  for (const table of tables) {
    table.organizationType = type;
    table.childrenAreChecked = tables.every(({ mapping: { tenancy }, checked }) => {
      if (tenancy.class !== 'path' || tenancy.parent !== table.name) return true;
      return checked.some((reference) => reference.column === tenancy.column && reference.table === table.name);
    });
  }
  return tables;
}

/** The tables of a schema that are there, of those that a mapping names. */
export async function presentTables(client: pg.Client, system: SystemMapping): Promise<Map<string, HostColumn[]>> {
  const present = new Map<string, HostColumn[]>();
  for (const name of Object.keys(system.tables)) {
    const found = await readTable(client, schemaOf(system, name), name);
    if (found) present.set(name, found.columns);
  }
  return present;
}

/** What a mapping names and a database does not have: `users.status`, or a table. What the installation makes is not missed. */
export function missingFrom(system: SystemMapping, present: ReadonlyMap<string, HostColumn[]>): string[] {
  const required = requiredColumns(system);
  return Object.entries(system.tables).flatMap(([name, mapping]) => {
    if (mapping.sidecar) return [];
    const columns = present.get(name);
    if (!columns) return [name];
    const named = [...new Set([...namedColumns(mapping), ...(required[name] ?? []), ...(mapping.search?.words ?? [])])];
    return named
      .filter((column) => !columns.some((there) => there.name === column))
      .map((column) => `${name}.${column}`);
  });
}

function mappingProblems(system: SystemMapping): string[] {
  const problems: string[] = [];
  const byFolded = new Map<string, string>();
  for (const [name, { tenancy }] of Object.entries(system.tables)) {
    if (/^latchkey_/i.test(name)) problems.push(`${name}: names that start with latchkey_ are reserved`);
    if (/^sqlite_/i.test(name))
      problems.push(`${name}: names that start with sqlite_ are SQLite's own, so a mirror cannot hold it`);
    const twin = byFolded.get(folded(name));
    if (twin !== undefined)
      problems.push(`${twin} and ${name} differ in case alone, which a mirror cannot: leave one out of the mapping`);
    byFolded.set(folded(name), name);
    if (tenancy.class === 'database' && system.organization !== null)
      problems.push(
        `${name} belongs to the whole database, and its organizations are rows of ${system.organization.table}`,
      );
    if ((tenancy.class === 'root' || tenancy.class === 'organization') && system.organization === null)
      problems.push(`${name} belongs to an organization, and the mapping names no table of organizations`);
    if (tenancy.class !== 'path') continue;
    if (!Object.hasOwn(system.tables, tenancy.parent))
      problems.push(`${name} belongs to rows of ${tenancy.parent}, which the mapping does not have`);
    else if (isCircular(system, name)) problems.push(`${name} belongs to itself by way of ${tenancy.parent}`);
  }
  return problems;
}

/** SQLite's names are the same in either case of ASCII letters, and of those alone. */
function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function isCircular(system: SystemMapping, start: string): boolean {
  const seen = new Set<string>();
  for (let name = start; !seen.has(name); ) {
    seen.add(name);
    const tenancy = system.tables[name]?.tenancy;
    if (tenancy?.class !== 'path') return false;
    name = tenancy.parent;
  }
  return true;
}

const relationKinds: Record<string, string> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  c: 'a composite type',
  S: 'a sequence',
};

function tableProblems(table: HostTable, found: Found): string[] {
  const { name, mapping, key, columns } = table;
  const kind = relationKinds[found.relationKind];
  if (kind !== undefined) return [`${name} is ${kind}, whose changes nobody here would see`];
  const problems: string[] = [];
  if (key.length === 0) problems.push(`${name} has no primary key`);
  if (found.isPartition) problems.push(`${name} is a partition: map the table that it belongs to`);
  if (found.isUnlogged) problems.push(`${name} is unlogged: a crash of the server empties it without a trace`);
  if (found.heirs.length > 0)
    problems.push(
      `${name} is inherited by ${found.heirs.join(', ')}: rows there have no key in common and no triggers`,
    );
  for (const partition of found.foreignPartitions)
    problems.push(`${name} has the foreign partition ${partition}, whose changes nobody here would see`);
  for (const column of found.incomparable)
    problems.push(`the key of ${name} has the column ${column}, of a type that has no equality of PostgreSQL's own`);
  for (const column of namedColumns(mapping)) {
    if (!columns.some((present) => present.name === column)) problems.push(`${name} has no column ${column}`);
  }
  const hidden = new Set([...(mapping.secret ?? []), ...(mapping.writeOnly ?? []), ...insertDefaultsOf(mapping)]);
  for (const column of key) {
    if (hidden.has(column.name))
      problems.push(`${name}.${column.name} is part of the key, so devices must be able to read it`);
  }
  const shown = columns.filter((column) => !hidden.has(column.name));
  for (const [place, column] of shown.entries()) {
    const twin = shown.slice(0, place).find((other) => folded(other.name) === folded(column.name));
    if (twin)
      problems.push(
        `${name} has the columns ${twin.name} and ${column.name}, which differ in case alone: a mirror cannot, so declare one of them secret`,
      );
  }
  return problems;
}

function insertDefaultsOf(mapping: TableMapping): string[] {
  return Object.keys(mapping.insertDefaults ?? {});
}

function namedColumns(mapping: TableMapping): string[] {
  const { tenancy } = mapping;
  const rights = Object.values(mapping.rights ?? {}).flatMap((right) => [
    ...(right.insert ?? []),
    ...(right.update ?? []),
  ]);
  const named = [
    ...('column' in tenancy ? [tenancy.column] : []),
    ...rights,
    ...(mapping.secret ?? []),
    ...(mapping.window ? [mapping.window.column] : []),
    ...(mapping.writeOnly ?? []),
    ...insertDefaultsOf(mapping),
  ];
  return [...new Set(named)];
}

/** Columns that push and the tenancy of every table rest on. */
function requiredProblems(system: SystemMapping, tables: HostTable[]): string[] {
  return Object.entries(requiredColumns(system)).flatMap(([name, columns]) => {
    const table = tables.find((one) => one.name === name);
    if (!table) return Object.hasOwn(system.tables, name) ? [] : [`the mapping does not have the table ${name}`];
    return columns
      .filter((column) => !table.columns.some((present) => present.name === column))
      .map((column) => `${name} has no column ${column}`);
  });
}

/** Per table the columns without which there is nothing to install. */
export function requiredColumns(system: SystemMapping): Record<string, string[]> {
  const { organization, people, keys, sessions, activity } = system;
  const required: Record<string, string[]> = {};
  const need = (table: string, columns: string[]) => {
    required[table] = [...new Set([...(required[table] ?? []), ...columns])];
  };
  const named = (...columns: (string | null | undefined)[]) => columns.filter((column) => column != null);
  if (organization) need(organization.table, [organization.id, organization.name]);
  need(people.table, named(people.id, people.email, people.organization, people.status?.column, people.deletedAt));
  const held = people.role?.held;
  if (held && 'column' in held) need(people.table, [held.column]);
  if (held && 'table' in held) {
    need(held.table, [held.person, held.role]);
    need(held.roles.table, [held.roles.id, held.roles.name]);
  }
  if (keys) need(keys.table, [keys.id, keys.status.column]);
  if (sessions) need(sessions.table, [sessions.id, sessions.person, sessions.expiresAt]);
  if (activity) need(activity.table, named(activity.actor, activity.organization, activity.action, activity.data));
  for (const { tenancy } of Object.values(system.tables)) {
    if (tenancy.class === 'path') need(tenancy.parent, [tenancy.parentKey]);
  }
  return required;
}

/** Types of which two values are equal only if their texts are: rows of a parent are found by such a text. */
const exactTypes = /^(uuid|smallint|integer|bigint|text|character varying.*|name|macaddr|macaddr8)$/;

function tenancyTypeProblems(tables: HostTable[]): string[] {
  return tables.flatMap(({ name, mapping: { tenancy }, columns }) => {
    if (tenancy.class !== 'path') return [];
    const type = columns.find((column) => column.name === tenancy.column)?.base;
    return type === undefined || exactTypes.test(type)
      ? []
      : [`${name}.${tenancy.column} is ${type}: the way to a parent is a uuid, a whole number or text`];
  });
}

async function readTable(client: pg.Client, schema: string, name: string): Promise<Found | null> {
  const { rows } = await client.query<{ facts: Found | string | null }>(
    `SELECT jsonb_build_object(
       'oid', c.oid::TEXT,
       'relationKind', c.relkind,
       'isPartition', c.relispartition,
       'isUnlogged', c.relpersistence = 'u',
       'rowSecurity', c.relrowsecurity,
       'admitsOwner', EXISTS (SELECT 1 FROM pg_catalog.pg_policy y WHERE y.polrelid = c.oid AND y.polname = 'latchkey'),
       'isTracked', (SELECT count(*) FROM ${firing} WHERE g.tgrelid = c.oid AND f.proname IN ($3, $4)) = 2,
       'heirs', (SELECT coalesce(jsonb_agg(h.relname ORDER BY h.relname), '[]')
         FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class h ON h.oid = i.inhrelid WHERE i.inhparent = c.oid AND c.relkind = 'r'),
       'columns', (SELECT coalesce(jsonb_agg(${columnFacts} ORDER BY a.attnum), '[]')
         FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       'key', (SELECT coalesce(jsonb_agg(${columnFacts} ORDER BY k.n), '[]') FROM ${keyColumns}),
       'incomparable', (SELECT coalesce(jsonb_agg(a.attname ORDER BY k.n), '[]') FROM ${keyColumns}
         JOIN pg_catalog.pg_opclass o ON o.oid = k.opclass
         WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_amop e JOIN pg_catalog.pg_operator x ON x.oid = e.amopopr
             WHERE e.amopfamily = o.opcfamily AND e.amopstrategy = 3 AND x.oprnamespace = 'pg_catalog'::REGNAMESPACE)
           AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_cast t
             WHERE t.castsource = o.opcintype AND t.casttarget = 'pg_catalog.text'::REGTYPE AND t.castcontext = 'i')),
       'partitions', (SELECT coalesce(jsonb_agg(${qualified('p')} ORDER BY p.relname), '[]')
         FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE t.level > 0 AND p.relkind <> 'f'),
       'untrackedPartitions', (SELECT coalesce(jsonb_agg(${qualified('p')} ORDER BY p.relname), '[]')
         FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class p ON p.oid = t.relid
         WHERE t.level > 0 AND p.relkind <> 'f' AND NOT EXISTS (SELECT 1 FROM ${firing} WHERE g.tgrelid = p.oid AND f.proname = $4)),
       'foreignPartitions', (SELECT coalesce(jsonb_agg(p.relname ORDER BY p.relname), '[]')
         FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE p.relkind = 'f' AND t.level > 0),
       'sequences', (SELECT coalesce(jsonb_agg(DISTINCT ${qualified('s')}), '[]')
         FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
         WHERE d.refobjid = c.oid AND d.classid = 'pg_catalog.pg_class'::REGCLASS AND d.deptype IN ('a', 'i')),
       'references', (SELECT coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'table', r.relname, 'target', b.attname) ORDER BY a.attnum), '[]')
         FROM pg_catalog.pg_constraint f
         JOIN pg_catalog.pg_class r ON r.oid = f.confrelid AND r.relnamespace = c.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
         JOIN pg_catalog.pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1]
         WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0 AND cardinality(f.conkey) = 1),
       'checked', (SELECT coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'table', r.relname)), '[]')
         FROM pg_catalog.pg_constraint f
         JOIN pg_catalog.pg_class r ON r.oid = f.confrelid AND r.relnamespace = c.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)
         WHERE f.conrelid = c.oid AND f.contype = 'f' AND NOT f.condeferrable
           AND pg_catalog.to_jsonb(f) ->> 'conenforced' IS DISTINCT FROM 'false')
     ) AS facts
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind NOT IN ('i', 'I', 't')`,
    [schema, name, changeFunction(name), truncateFunction(name)],
  );
  const facts = rows[0]?.facts ?? null;
  return typeof facts === 'string' ? (JSON.parse(facts) as Found) : facts;
}

const qualified = (relation: string) =>
  `format('%I.%I', (SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = ${relation}.relnamespace), ${relation}.relname)`;

/** Triggers of ours that fire whatever a session sets `session_replication_role` to. */
const firing = `pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc f
  ON f.oid = g.tgfoid AND f.pronamespace = to_regnamespace('latchkey') AND g.tgenabled = 'A'`;

const columnFacts = `jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) || (
  WITH RECURSIVE below AS (
    SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.oid, t.typtype, t.typbasetype FROM below b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
  )
  SELECT jsonb_build_object('base', format_type(oid, NULL), 'kind', typtype) FROM below WHERE typtype <> 'd')`;

/** Columns of the primary key; what an index only INCLUDEs is not part of it. */
const keyColumns = `pg_catalog.pg_index i
  CROSS JOIN LATERAL unnest(i.indkey::SMALLINT[], i.indclass::OID[]) WITH ORDINALITY AS k (attnum, opclass, n)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum AND i.indrelid = c.oid AND i.indisprimary AND k.n <= i.indnkeyatts`;
