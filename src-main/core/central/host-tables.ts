import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName } from '../quoting.ts';
import { knownSystem } from '../systems/index.ts';
import { listed, placeOf } from '../systems/places.ts';
import type { SystemMapping, TableMapping } from '../systems/system.ts';
import { derivedName } from './derived-name.ts';
import { columnProblems, folded, mappingProblems, namedColumns, type Problem } from './mapping-problems.ts';

export interface HostColumn {
  name: string;
  /** With its schema, as PostgreSQL spells it for a session that searches pg_catalog alone. */
  type: string;
  /** The type below all domains, and its kind (`pg_type.typtype`). */
  base: string;
  kind: string;
  /** Of an enum. */
  labels: string[] | null;
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
  /** Columns of which no two rows have the same value. */
  unique: string[];
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
 *
 * @param isComplete whether every column that the mapping names must be there, and not only those that nothing works without
 * @throws LatchkeyError `schema-mismatch`, naming every table and column that the mapping expects and the database lacks, and all
 * that could not be mirrored faithfully; of a mapping of somebody's own with the places in it
 */
export async function readHostTables(
  client: pg.Client,
  system: SystemMapping,
  isComplete: boolean,
): Promise<HostTable[]> {
  const problems = mappingProblems(system);
  const tables: HostTable[] = [];
  if (!(await hasSchema(client, system.schema)))
    throw mismatch(system, [...problems, { place: 'schema', text: `there is no schema ${system.schema}` }]);
  for (const [name, mapping] of Object.entries(system.tables)) {
    const found = await readTable(client, schemaOf(system, name), name);
    if (!found) {
      problems.push({ place: placeOf(['tables', name]), text: `there is no table ${system.schema}.${name}` });
      continue;
    }
    const table: HostTable = { name, mapping, childrenAreChecked: false, organizationType: 'text', ...found };
    tables.push(table);
    problems.push(...tableProblems(table, found).map((text) => ({ place: placeOf(['tables', name]), text })));
  }
  const isTable = (name: string) => tables.some((table) => table.name === name && table.columns.length > 0);
  for (const { table, column, place, isNeeded } of namedColumns(system)) {
    if (!(isNeeded || isComplete) || !isTable(table)) continue;
    if (!tables.some(({ name, columns }) => name === table && columns.some((there) => there.name === column)))
      problems.push({ place, text: `${table} has no column ${column}` });
  }
  problems.push(...columnProblems(system, tables));
  const { organization } = system;
  const root = tables.find(({ name }) => name === organization?.table);
  const type = organization === null ? 'text' : root?.columns.find(({ name }) => name === organization.id)?.type;
  if (problems.length > 0 || type === undefined) throw mismatch(system, problems);
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

async function hasSchema(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [name]);
  return rows.length > 0;
}

/** Where several places are wrong in the same way, that is said once. */
function mismatch(system: SystemMapping, found: Problem[]): LatchkeyError {
  const places = new Map<string, string[]>();
  for (const { place, text } of found) places.set(text, [...(places.get(text) ?? []), place]);
  const isOurs = knownSystem(system.name) !== null;
  const problems = [...places].map(([text, at]) => (isOurs ? text : `${at.join(', ')}: ${text}`));
  return new LatchkeyError(
    'schema-mismatch',
    `This database is not ${system.title} as ${isOurs ? 'Latchkey knows it' : 'the mapping says'}: ${listed(problems)}. Nothing was changed.`,
    { details: { problems } },
  );
}

/** What a mapping names and a database does not have: `users.status`, or a table. What the installation makes is not missed. */
export function missingFrom(system: SystemMapping, present: ReadonlyMap<string, HostColumn[]>): string[] {
  const named = namedColumns(system);
  return Object.entries(system.tables).flatMap(([name, { sidecar }]) => {
    if (sidecar) return [];
    const columns = present.get(name);
    if (!columns) return [name];
    const wanted = new Set(named.filter(({ table }) => table === name).map(({ column }) => column));
    return [...wanted]
      .filter((column) => !columns.some((there) => there.name === column))
      .map((column) => `${name}.${column}`);
  });
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
  const { secret = [], writeOnly = [], insertDefaults = {} } = mapping;
  const hidden = new Set([...secret, ...writeOnly, ...Object.keys(insertDefaults)]);
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
       'unique', (SELECT coalesce(jsonb_agg(DISTINCT a.attname), '[]') FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
         WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL),
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
  SELECT jsonb_build_object('base', format_type(oid, NULL), 'kind', typtype, 'labels',
    (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = below.oid)) FROM below WHERE typtype <> 'd')`;

/** Columns of the primary key; what an index only INCLUDEs is not part of it. */
const keyColumns = `pg_catalog.pg_index i
  CROSS JOIN LATERAL unnest(i.indkey::SMALLINT[], i.indclass::OID[]) WITH ORDINALITY AS k (attnum, opclass, n)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum AND i.indrelid = c.oid AND i.indisprimary AND k.n <= i.indnkeyatts`;
