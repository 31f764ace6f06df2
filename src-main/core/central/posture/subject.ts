import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { quoteName } from '../../quoting.ts';
import type { SystemMapping } from '../../systems/system.ts';
import { isOrganizationReference, organizationTableOf, type TableClass, tableClassOf } from './vocabulary.ts';

export interface Column {
  name: string;
  /** As a column definition spells it. */
  type: string;
  /** Below all domains. */
  base: string;
  notNull: boolean;
  /** Of enumerated types and domains with checks: no value but theirs can stand there. */
  isConstrained: boolean;
  fillsItself: boolean;
  isGenerated: boolean;
}

export interface Reference {
  name: string;
  columns: string[];
  /** Of the table that is referred to. */
  schema: string;
  table: string;
  targets: string[];
  onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';
  onUpdate: Reference['onDelete'];
  isDeferrable: boolean;
}

export interface Index {
  name: string;
  /** Null stands for an expression. */
  columns: (string | null)[];
  definition: string;
  isUnique: boolean;
  isValid: boolean;
  /** Of a constraint, rather than by itself. */
  isConstraint: boolean;
  predicate: string | null;
  /** Whether it takes texts that differ in case alone for equal. */
  ignoresCase: boolean;
}

export interface Constraint {
  name: string;
  kind: 'check' | 'foreign key' | 'not null';
  columns: string[];
  definition: string;
  isValidated: boolean;
  isEnforced: boolean;
}

export interface Trigger {
  name: string;
  isEnabled: boolean;
  onUpdate: boolean;
  onDelete: boolean;
  onTruncate: boolean;
  isBefore: boolean;
  source: string;
}

export interface Policy {
  name: string;
  isPermissive: boolean;
  command: 'all' | 'select' | 'insert' | 'update' | 'delete';
  /** `PUBLIC` is everybody. */
  roles: string[];
  using: string | null;
  withCheck: string | null;
}

export interface Grant {
  grantee: string;
  privilege: string;
}

export interface Table {
  oid: string;
  name: string;
  /** Quoted, with its schema. */
  sql: string;
  class: TableClass;
  owner: string;
  isPartitioned: boolean;
  /** How it is partitioned, as `RANGE (created_at)`. */
  partitionKey: string | null;
  /** The table that it is a partition of. */
  partitionOf: string | null;
  isDefaultPartition: boolean;
  isUnlogged: boolean;
  rowSecurity: boolean;
  forcesRowSecurity: boolean;
  /** Estimated, with those of all partitions. */
  rows: number;
  bytes: number;
  columns: Column[];
  key: string[];
  references: Reference[];
  indexes: Index[];
  constraints: Constraint[];
  triggers: Trigger[];
  policies: Policy[];
  /** To others than its owner and Latchkey's own roles, which nobody logs in as. */
  grants: Grant[];
}

export interface Role {
  name: string;
  canLogIn: boolean;
  isSuperuser: boolean;
  bypassesRowSecurity: boolean;
  createsRoles: boolean;
  /** Made by initdb: cannot lose its rights. */
  isBootstrap: boolean;
}

/** Which organization rows of a table belong to. */
export type TableTenancy =
  | { class: 'root' }
  | { class: 'organization'; column: string }
  | { class: 'path'; column: string; parent: string; parentKey: string }
  | { class: 'shared' };

/** What the checks look at: one schema of a database, read once, and the means to ask more. */
export interface Subject {
  client: pg.Client;
  schema: string;
  system: SystemMapping | null;
  version: number;
  hasLatchkey: boolean;
  /** The schemas that these extensions are in; null where they are not installed. */
  pgcrypto: string | null;
  statements: string | null;
  /** Whether every login may look into the schema. */
  isOpen: boolean;
  /** Other schemas with objects of the host's. */
  otherSchemas: string[];
  /** With partitions. */
  relations: Table[];
  /** Without partitions. */
  tables: Table[];
  roles: Map<string, Role>;
  organization: Table | null;
  tenancy: Map<string, TableTenancy>;
  /** Plans that were begun here, by what they are kept under, with the column that each made. */
  plans: Map<string, string>;
  /** Tables of which not even the catalogue can be read, because somebody has them to themself. */
  unread: string[];
}

const ownSchemas = ['latchkey', 'latchkey_mirror', 'latchkey_write', 'latchkey_posture'];

/**
 * Reads the catalogue of one schema, in a session that searches pg_catalog alone.
 * @param system the design that it is known to have; names and types tell the rest
 * @throws LatchkeyError `not-found` where there is no such schema
 */
export async function readSubject(client: pg.Client, schema: string, system: SystemMapping | null): Promise<Subject> {
  const [found] = await rowsOf<{
    present: boolean;
    version: number;
    hasLatchkey: boolean;
    pgcrypto: string | null;
    statements: string | null;
    isOpen: boolean | null;
    otherSchemas: string[];
  }>(
    client,
    `SELECT to_regnamespace(quote_ident($1)) IS NOT NULL AS present, current_setting('server_version_num')::INTEGER AS version,
       to_regclass('latchkey.installation') IS NOT NULL AS "hasLatchkey",
       (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pgcrypto') AS pgcrypto,
       (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements' AND current_setting('pg_stat_statements.max', TRUE) IS NOT NULL) AS statements,
       (SELECT bool_or(a.grantee = 0 AND a.privilege_type = 'USAGE')
        FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a WHERE n.nspname = $1) AS "isOpen",
       (SELECT coalesce(jsonb_agg(n.nspname ORDER BY n.nspname), '[]') FROM pg_namespace n
        WHERE n.nspname <> $1 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> ALL ($2)
          AND (EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid) OR EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid))
       ) AS "otherSchemas"`,
    [schema, ownSchemas],
  );
  if (!found?.present)
    throw new LatchkeyError('not-found', `There is no schema ${schema} in this database. Nothing was changed.`, {
      field: 'schema',
    });
  const { relations, unread } = await readTables(client, schema);
  const tables = relations.filter(({ partitionOf }) => partitionOf === null);
  const roles = await rowsOf<Role>(
    client,
    `SELECT rolname AS name, rolcanlogin AS "canLogIn", rolsuper AS "isSuperuser", rolbypassrls AS "bypassesRowSecurity",
       rolcreaterole AS "createsRoles", oid = 10 AS "isBootstrap" FROM pg_roles`,
  );
  const { present, ...facts } = found;
  const subject: Subject = {
    client,
    schema,
    system,
    ...facts,
    isOpen: facts.isOpen === true,
    relations,
    tables,
    unread,
    plans: await plansUnderWay(client),
    roles: new Map(roles.map((role) => [role.name, role])),
    organization: tables.find(({ name }) => name === organizationName(system, tables)) ?? null,
    tenancy: new Map(),
  };
  markActivity(subject);
  subject.tenancy = tenancyOf(subject);
  return subject;
}

/** Of what is our own: in somebody else's schema a view or a policy could run whatever its maker put there. */
async function plansUnderWay(client: pg.Client): Promise<Map<string, string>> {
  const [kept] = await rowsOf<{ readable: boolean }>(
    client,
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = n.nspowner
       WHERE c.oid = to_regclass('latchkey_posture.plan') AND (o.rolsuper OR o.rolname = current_user)
         AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) AS readable`,
  );
  if (!kept?.readable) return new Map();
  const rows = await rowsOf<{ id: string; made: string }>(client, 'SELECT id, made FROM latchkey_posture.plan');
  return new Map(rows.map(({ id, made }) => [id, made]));
}

/** PostgreSQL locks a table to tell what a check or an index of it says. So where one is held, each is asked about by itself. */
async function readTables(client: pg.Client, schema: string): Promise<{ relations: Table[]; unread: string[] }> {
  const read = (names: string[] | null) =>
    rowsOf<Omit<Table, 'class'>>(client, tablesSql, [schema, ownRolePattern, names]);
  const found: Omit<Table, 'class'>[] = [];
  const unread: string[] = [];
  try {
    found.push(...(await read(null)));
  } catch (error) {
    if (!isHeldByOthers(error)) throw error;
    const names = await rowsOf<{ name: string }>(
      client,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relkind IN ('r', 'p') ORDER BY 1`,
      [schema],
    );
    for (const { name } of names)
      try {
        found.push(...(await read([name])));
      } catch (heldOne) {
        if (!isHeldByOthers(heldOne)) throw heldOne;
        unread.push(name);
      }
  }
  const relations = found.map((table) => {
    const columns = table.columns.map(({ name }) => name);
    return { ...table, class: tableClassOf(table.name, columns) };
  });
  return { relations, unread };
}

function isHeldByOthers(error: unknown): boolean {
  return (error as { code?: string }).code === '55P03';
}

/** A system that says that it has no organizations has none, whatever its tables are called. */
function organizationName(system: SystemMapping | null, tables: Table[]): string | null {
  return system ? (system.organization?.table ?? null) : organizationTableOf(tables);
}

/** The rows of a query, with JSON's types whatever parsers the connection has. */
export async function rowsOf<T>(client: pg.Client, sql: string, values: unknown[] = []): Promise<T[]> {
  const { rows } = await client.query<{ rows: string }>(
    `SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]')::TEXT AS rows FROM (${sql}) r`,
    values,
  );
  return JSON.parse(rows[0]!.rows) as T[];
}

/** Schemas that hold tables of the host's. */
export async function hostSchemas(client: pg.Client): Promise<string[]> {
  const rows = await rowsOf<{ name: string }>(
    client,
    `SELECT n.nspname AS name FROM pg_catalog.pg_namespace n
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> ALL ($1)
       AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')) ORDER BY 1`,
    [ownSchemas],
  );
  return rows.map(({ name }) => name);
}

/** A table of the subject by its name. */
export function tableNamed(subject: Subject, name: string): Table | null {
  return subject.tables.find((table) => table.name === name) ?? null;
}

export function columnNamed(table: Table, name: string): Column | null {
  return table.columns.find((column) => column.name === name) ?? null;
}

/** Roles that are given rights on a table and that somebody may log in as, PUBLIC among them. */
export function granteesOf(table: Table): string[] {
  return [...new Set(table.grants.map(({ grantee }) => grantee))];
}

/** The names of a statement's columns, quoted. */
export function listOf(columns: string[]): string {
  return columns.map(quoteName).join(', ');
}

export function isTextual(column: Column): boolean {
  return /^(text|character varying|character|citext|.*\.citext)\b/.test(column.base) && !column.base.endsWith('[]');
}

/** The system says which table its audit entries are in, whatever it is called. */
function markActivity({ system, tables }: Subject): void {
  const activity = tables.find(({ name }) => name === system?.activity?.table);
  if (activity) activity.class = 'audit';
}

/**
 * As the mapping says where the columns that it names are there; else by foreign keys: to the organizations' table, to a table that
 * belongs to one, and so on. Empty in a schema without organizations.
 */
function tenancyOf({ system, tables, organization }: Subject): Map<string, TableTenancy> {
  const tenancy = new Map<string, TableTenancy>();
  if (!organization) return tenancy;
  tenancy.set(organization.name, { class: 'root' });
  for (const table of tables) {
    const mapped = system && Object.hasOwn(system.tables, table.name) ? system.tables[table.name]?.tenancy : undefined;
    if (mapped?.class === 'shared') tenancy.set(table.name, mapped);
    if (mapped && 'column' in mapped && columnNamed(table, mapped.column)) tenancy.set(table.name, mapped);
  }
  for (const table of tables) {
    if (tenancy.has(table.name)) continue;
    const reference = table.references.find(
      ({ table: to, columns }) => to === organization.name && columns.length === 1,
    );
    const column = reference?.columns[0] ?? organizationColumnOf(table);
    if (column !== undefined) tenancy.set(table.name, { class: 'organization', column });
  }
  for (let grew = true; grew; ) {
    grew = false;
    for (const table of tables) {
      if (tenancy.has(table.name)) continue;
      const way = table.references
        .filter(({ columns, table: parent }) => columns.length === 1 && owns(tenancy.get(parent)))
        .toSorted((a, b) => Number(isNullable(table, a)) - Number(isNullable(table, b)))[0];
      if (!way) continue;
      tenancy.set(table.name, {
        class: 'path',
        column: way.columns[0]!,
        parent: way.table,
        parentKey: way.targets[0]!,
      });
      grew = true;
    }
  }
  return tenancy;
}

function organizationColumnOf(table: Table): string | undefined {
  return table.columns.find(({ name }) => isOrganizationReference(name))?.name;
}

function owns(tenancy: TableTenancy | undefined): boolean {
  return tenancy !== undefined && tenancy.class !== 'shared' && tenancy.class !== 'root';
}

function isNullable(table: Table, reference: Reference): boolean {
  return !columnNamed(table, reference.columns[0]!)?.notNull;
}

const ownRolePattern = '^latchkey_(owner|writer|device|admin|operator|auditor|reads_.*|d_[0-9a-f]{16})$';

const action = (letter: string) =>
  `(CASE ${letter} WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'set default' END)`;

const namesOf = (relation: string, numbers: string) =>
  `(SELECT coalesce(jsonb_agg(a.attname ORDER BY nth.n), '[]') FROM unnest(${numbers}) WITH ORDINALITY nth (attnum, n)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = nth.attnum)`;

const tablesSql = `
  SELECT c.oid::TEXT AS oid, c.relname AS name, format('%I.%I', $1::TEXT, c.relname) AS sql, pg_get_userbyid(c.relowner) AS owner,
    c.relkind = 'p' AS "isPartitioned",
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partitionKey",
    CASE WHEN c.relispartition THEN (SELECT p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid) END AS "partitionOf",
    coalesce(c.relispartition AND pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', FALSE) AS "isDefaultPartition",
    c.relpersistence = 'u' AS "isUnlogged", c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "forcesRowSecurity",
    size.rows, size.pages * current_setting('block_size')::FLOAT8 AS bytes,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'base', format_type(coalesce(nullif(base.typbasetype, 0), a.atttypid), CASE WHEN base.typtype = 'd' THEN base.typtypmod ELSE a.atttypmod END),
        'notNull', a.attnotnull,
        'isConstrained', base.typtype = 'e' OR EXISTS (SELECT FROM pg_constraint d WHERE d.contypid = a.atttypid),
        'fillsItself', a.attidentity <> '' OR a.atthasdef, 'isGenerated', a.attgenerated <> '') ORDER BY a.attnum), '[]')
      FROM pg_attribute a JOIN pg_type base ON base.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT coalesce((SELECT ${namesOf('c.oid', 'k.conkey')} FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p'), '[]')) AS key,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', f.conname, 'columns', ${namesOf('f.conrelid', 'f.conkey')}, 'schema', rn.nspname, 'table', r.relname,
        'targets', ${namesOf('f.confrelid', 'f.confkey')}, 'onDelete', ${action('f.confdeltype')}, 'onUpdate', ${action('f.confupdtype')},
        'isDeferrable', f.condeferrable) ORDER BY f.conname), '[]')
      FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
      WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0) AS "references",
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', x.relname, 'definition', pg_get_indexdef(i.indexrelid), 'isUnique', i.indisunique, 'isValid', i.indisvalid, 'isConstraint', EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')),
        'predicate', pg_get_expr(i.indpred, i.indrelid),
        'ignoresCase', pg_get_indexdef(i.indexrelid) ~* '(lower|upper)\\(' OR EXISTS (
          SELECT FROM unnest(i.indcollation) l (oid) JOIN pg_collation o ON o.oid = l.oid WHERE NOT o.collisdeterministic)
          OR EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = i.indexrelid AND format_type(t.atttypid, -1) ~ 'citext$'),
        'columns', (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(i.indkey::INT2[]) WITH ORDINALITY k (attnum, n)
          LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 WHERE k.n <= i.indnkeyatts)
      ) ORDER BY x.relname), '[]')
      FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid) AS indexes,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', k.conname, 'kind', CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' ELSE 'not null' END,
        'columns', ${namesOf('k.conrelid', 'k.conkey')}, 'definition', pg_get_constraintdef(k.oid), 'isValidated', k.convalidated,
        'isEnforced', to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false') ORDER BY k.conname), '[]')
      FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'n') AND k.conparentid = 0 AND k.coninhcount = 0) AS constraints,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', g.tgname, 'isEnabled', g.tgenabled <> 'D', 'isBefore', g.tgtype & 2 <> 0, 'onDelete', g.tgtype & 8 <> 0, 'onUpdate', g.tgtype & 16 <> 0,
        'onTruncate', g.tgtype & 32 <> 0, 'source', p.prosrc) ORDER BY g.tgname), '[]')
      FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgname !~ '^00_latchkey_') AS triggers,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', y.polname, 'isPermissive', y.polpermissive,
        'command', CASE y.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END,
        'roles', (SELECT jsonb_agg(CASE WHEN m.oid = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(m.oid) END) FROM unnest(y.polroles) m (oid)),
        'using', pg_get_expr(y.polqual, y.polrelid), 'withCheck', pg_get_expr(y.polwithcheck, y.polrelid)) ORDER BY y.polname), '[]')
      FROM pg_policy y WHERE y.polrelid = c.oid) AS policies,
    (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('grantee', g.grantee, 'privilege', g.privilege)), '[]') FROM (
        SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END AS grantee, a.privilege_type AS privilege
        FROM (SELECT c.relacl AS acl UNION ALL SELECT t.attacl FROM pg_attribute t WHERE t.attrelid = c.oid AND NOT t.attisdropped) l, aclexplode(l.acl) a
        WHERE a.grantee <> c.relowner) g WHERE g.grantee !~ $2) AS grants
  FROM pg_class c
  CROSS JOIN LATERAL (
    WITH RECURSIVE tree AS (SELECT c.oid AS relation UNION ALL SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.relation)
    SELECT coalesce(sum(greatest(x.reltuples, 0)::FLOAT8), 0) AS rows, coalesce(sum(greatest(x.relpages, 0)::FLOAT8), 0) AS pages
    FROM tree JOIN pg_class x ON x.oid = tree.relation AND x.relkind <> 'p') size
  WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p')
    AND ($3::TEXT[] IS NULL OR c.relname = ANY ($3)) ORDER BY c.relname`;
