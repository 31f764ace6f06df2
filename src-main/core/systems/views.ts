import type { MirroredTable } from '../mirror/catalogue.ts';
import { quoteName, quoteText } from '../quoting.ts';
import { expiryOf, type KeyColumn, lineageOf } from './key-columns.ts';
import type { KeyMapping, PeopleMapping, RoleMapping, RoleRows, SystemMapping, TableMapping, Word } from './system.ts';

type Tables = ReadonlyMap<string, MirroredTable>;

/**
 * SQL that makes the normalized views (mirror/schema.ts) over the mirrored tables of one system. To be run again whenever
 * the set of tables or columns changes.
 *
 * A view is there even where this device may not see its table (no rows) or one of its columns (NULL), so that no reader
 * has to ask first. What lists sort and filter by is a plain column reference: SQLite then uses the mirrored table's indexes.
 */
export function viewStatements(system: SystemMapping, tables: Tables): string[] {
  return [
    ...view('latchkey_person', personView(system, tables)),
    ...view('latchkey_role', roleView(system, tables)),
    ...view('latchkey_session', sessionView(system, tables)),
    ...view('latchkey_api_key', keyView(system, tables)),
    ...view('latchkey_activity', activityView(system, tables)),
  ];
}

/**
 * SQL that makes the indexes which the mapping asks for, and those by which children are found when their parent goes. One over a
 * column that is not mirrored is left out. Central may mirror tables that this device's mapping does not have.
 */
export function indexStatements(system: SystemMapping, tables: Tables): string[] {
  const statements: string[] = [];
  for (const [name, table] of tables) {
    const present = new Set(table.columns.map((column) => column.name));
    for (const columns of indexed(table, system.tables[name])) {
      if (!columns.every((column) => present.has(column))) continue;
      if (columns === keyOrder(system, table)) continue;
      const index = quoteName(`latchkey_index ${name}(${columns.join(',')})`);
      const terms = columns.map((column) => quoteName(column) + collation(system, name, column));
      statements.push(`CREATE INDEX IF NOT EXISTS ${index} ON ${quoteName(name)} (${terms.join(', ')})`);
    }
  }
  for (const [name, column] of namedById(system)) {
    if (tables.get(name)?.columns.find((one) => one.name === column)?.storage !== 'integer') continue;
    const index = quoteName(`latchkey_index ${name}(${column} as text)`);
    statements.push(`CREATE INDEX IF NOT EXISTS ${index} ON ${quoteName(name)} (${asText(quoteName(column))})`);
  }
  return statements;
}

/** Columns that features look rows up by, as texts. */
function namedById({ people, keys, sessions }: SystemMapping): [table: string, column: string][] {
  const named: [string, string | null | undefined][] = [
    [people.table, people.id],
    [sessions?.table ?? '', sessions?.id],
    [sessions?.table ?? '', sessions?.person],
    [keys?.table ?? '', keys?.id],
    [keys?.table ?? '', keys?.rotatedFrom],
    [keys?.beside?.table ?? '', keys?.beside?.key],
    [keys?.beside?.table ?? '', keys?.beside?.rotatedFrom],
  ];
  return named.filter((one): one is [string, string] => one[1] != null);
}

/**
 * SQL of the index that enforces a table's key.
 * @param name of the index
 * @param on the table's name, or that of its copy that is being made
 */
export function keyIndexStatement(system: SystemMapping, table: MirroredTable, name: string, on: string): string {
  const columns = keyOrder(system, table).map(quoteName).join(', ');
  return `CREATE UNIQUE INDEX ${quoteName(name)} ON ${quoteName(on)} (${columns})`;
}

/** The order in which a table's key is indexed: as the mapping asks for it, so that one index serves both. */
export function keyOrder(system: SystemMapping, { name, key }: MirroredTable): string[] {
  const isKey = (columns: string[]) => columns.length === key.length && key.every((column) => columns.includes(column));
  const isPlain = (columns: string[]) => columns.every((column) => collation(system, name, column) === '');
  return system.tables[name]?.indexes?.find((columns) => isKey(columns) && isPlain(columns)) ?? key;
}

function indexed({ parent }: MirroredTable, { indexes = [] }: Partial<TableMapping> = {}): string[][] {
  if (parent === null || indexes.some(([first]) => first === parent.column)) return indexes;
  return [...indexes, [parent.column]];
}

/** Names and addresses are sorted and looked up whatever their case, which only an index of the same collation serves. */
function collation({ people, keys }: SystemMapping, table: string, column: string): string {
  const caseless =
    (table === people.table && (column === people.email || (people.name.length === 1 && column === people.name[0]))) ||
    (keys !== null && table === keys.table && column === keys.label);
  return caseless ? ' COLLATE NOCASE' : '';
}

function personView({ people }: SystemMapping, tables: Tables): string {
  const from = source(tables, people.table);
  const status = from.column(people.status?.column ?? null);
  return from.select({
    row_id: from.rowId,
    id: from.text(people.id),
    email: from.column(people.email),
    name: nameOf(people.name.map(from.column)),
    role: roleOf(people, from.column(people.id), tables),
    state: stateOfPerson(people, status, from.column(people.deletedAt)),
    status: wordOf(from.text(people.status?.column), Object.values(people.status?.words ?? {}).flat()),
    created_at: from.column(people.createdAt),
    updated_at: from.column(people.updatedAt),
    last_login_at: from.column(people.lastSeenAt),
  });
}

function nameOf(columns: string[]): string {
  if (columns.length <= 1) return columns[0] ?? 'NULL';
  return `nullif(trim(${columns.map((column) => `coalesce(${column}, '')`).join(` || ' ' || `)}), '')`;
}

/** A person's highest role. One of rows that the mapping does not name ranks lowest. */
function roleOf({ role, table }: PeopleMapping, id: string, tables: Tables): string {
  if (role === null) return 'NULL';
  if ('column' in role.held) return source(tables, table).text(role.held.column);
  const { held } = role;
  if (id === 'NULL' || !tables.has(held.table) || !tables.has(held.roles.table)) return 'NULL';
  return `(SELECT ${joinedRole(held)}.${quoteName(held.roles.name)} FROM ${quoteName(held.table)}
    JOIN ${quoteName(held.roles.table)} ON ${joinedRole(held)}.${quoteName(held.roles.id)} = ${quoteName(held.table)}.${quoteName(held.role)}
    WHERE ${quoteName(held.table)}.${quoteName(held.person)} = ${id}
    ORDER BY ${rankOf(role, `${joinedRole(held)}.${quoteName(held.roles.name)}`)} DESC LIMIT 1)`;
}

function joinedRole({ roles }: RoleRows): string {
  return quoteName(roles.table);
}

function rankOf({ values }: RoleMapping, name: string): string {
  return `CASE ${name} ${values.map((value, place) => `WHEN ${quoteText(value)} THEN ${place}`).join(' ')} ELSE -1 END`;
}

/** A word that nobody mapped must not look like access. */
function stateOfPerson({ status, deletedAt }: PeopleMapping, column: string, deleted: string): string {
  const state = status ? stateOf(column, status.words, 'deactivated') : quoteText('active');
  return deletedAt === null ? state : `CASE WHEN ${deleted} IS NOT NULL THEN 'deactivated' ELSE ${state} END`;
}

function roleView({ people: { role } }: SystemMapping, tables: Tables): string {
  if (role === null) return 'SELECT NULL AS "name", NULL AS "position" WHERE 0';
  if ('table' in role.held && tables.has(role.held.roles.table)) {
    const { roles } = role.held;
    const name = quoteName(roles.name);
    return `SELECT ${name} AS "name", ${rankOf(role, name)} AS "position" FROM ${quoteName(roles.table)}`;
  }
  return role.values
    .map((name, position) => `SELECT ${quoteText(name)} AS "name", ${position} AS "position"`)
    .join(' UNION ALL ');
}

function sessionView({ sessions }: SystemMapping, tables: Tables): string {
  const from = source(tables, sessions?.table);
  return from.select({
    id: from.text(sessions?.id),
    person_id: from.text(sessions?.person),
    address: from.column(sessions?.address),
    agent: from.column(sessions?.agent),
    created_at: from.column(sessions?.createdAt),
    expires_at: from.column(sessions?.expiresAt),
  });
}

function keyView({ keys }: SystemMapping, tables: Tables): string {
  const from = source(tables, keys?.table);
  const beside = source(tables, keys?.beside?.table);
  const of = (place: KeyColumn | null | undefined) => (place?.isBeside ? beside : from);
  const [expiry, lineage] = [keys && expiryOf(keys), keys && lineageOf(keys)];
  const besideKey = beside.column(keys?.beside?.key);
  const join =
    besideKey === 'NULL' || !keys ? '' : `LEFT JOIN ${beside.relation} ON ${besideKey} = ${from.column(keys.id)}`;
  const columns = {
    row_id: from.rowId,
    id: from.text(keys?.id),
    label: from.column(keys?.label),
    prefix: from.column(keys?.prefix),
    last4: from.column(keys?.last4),
    scopes: from.column(keys?.scopes),
    status: wordOf(from.text(keys?.status.column), Object.values(keys?.status.words ?? {}).flat()),
    state: keys ? stateOfKey(keys, tables) : 'NULL',
    created_at: from.column(keys?.createdAt),
    last_used_at: from.column(keys?.lastUsedAt),
    expires_at: of(expiry).column(expiry?.column),
    revoked_at: from.column(keys?.revokedAt),
    rotated_from: of(lineage).text(lineage?.column),
    certificate_type: from.column(keys?.certificate?.type),
    certificate_fingerprint: from.column(keys?.certificate?.fingerprint),
    public_key: from.column(keys?.certificate?.publicKey),
  };
  return from.select(columns, join);
}

/**
 * Not known to be let in and not known to be over: it can be revoked, and not rotated. Where the system has no word for it, the old version
 * of a rotated key that has an end is in its overlap, and one that central's upkeep ended has expired.
 */
function stateOfKey(keys: KeyMapping, tables: Tables): string {
  const [from, beside] = [source(tables, keys.table), source(tables, keys.beside?.table)];
  const state = stateOf(from.column(keys.status.column), keys.status.words, 'suspended');
  const [lineage, expiry] = [lineageOf(keys), expiryOf(keys)];
  const successors = source(tables, lineage?.table, 'newer');
  const [predecessor, id] = [successors.column(lineage?.column), from.column(keys.id)];
  const end = (expiry?.isBeside ? beside : from).column(expiry?.column);
  const ended = beside.column(keys.beside?.endedAt);
  const cases: string[] = [];
  if (keys.status.words.retiring.length === 0 && predecessor !== 'NULL' && end !== 'NULL') {
    const isReplaced = `EXISTS (SELECT 1 FROM ${successors.relation} WHERE ${predecessor} = ${id})`;
    cases.push(`WHEN 'active' THEN CASE WHEN ${end} IS NOT NULL AND ${isReplaced} THEN 'retiring' ELSE 'active' END`);
  }
  if (ended !== 'NULL') cases.push(`WHEN 'revoked' THEN CASE WHEN ${ended} IS NULL THEN 'revoked' ELSE 'expired' END`);
  return cases.length === 0 ? state : `CASE ${state} ${cases.join(' ')} ELSE ${state} END`;
}

/** The id stays as it is stored: text made of a number would neither sort as one nor find its row by the primary key. */
function activityView({ activity }: SystemMapping, tables: Tables): string {
  const from = source(tables, activity?.table);
  return from.select({
    row_id: from.rowId,
    id: from.column(activity?.id),
    at: from.column(activity?.at),
    actor_id: from.column(activity?.actor),
    action: from.column(activity?.action),
    data: from.column(activity?.data),
  });
}

/** What a view may take from one mirrored table, whether or not it is mirrored. */
function source(tables: Tables, name: string | undefined, alias?: string) {
  const table = name === undefined ? undefined : tables.get(name);
  const storage = new Map(table?.columns.map((column) => [column.name, column.storage]));
  const called = quoteName(alias ?? table?.name ?? '');
  const column = (one: string | null | undefined) => (one && storage.has(one) ? `${called}.${quoteName(one)}` : 'NULL');
  return {
    relation: `${quoteName(table?.name ?? '')}${alias === undefined ? '' : ` ${called}`}`,
    rowId: table ? `${called}.rowid` : 'NULL',
    column,
    /** What is known by a text whatever it is stored as: a number may be larger than JavaScript's own. */
    text: (one: string | null | undefined) =>
      one && storage.get(one) === 'integer' ? asText(column(one)) : column(one),
    select(columns: Record<string, string>, join = ''): string {
      const list = Object.entries(columns).map(([name, expression]) => `${expression} AS ${quoteName(name)}`);
      return `SELECT ${list.join(', ')} ${table ? `FROM ${called} ${join}` : 'WHERE 0'}`;
    },
  };
}

function asText(column: string): string {
  return `CAST(${column} AS TEXT)`;
}

function stateOf(column: string, words: Record<string, Word[]>, otherwise: string): string {
  const cases = Object.entries(words)
    .filter(([, names]) => names.length > 0)
    .map(([state, names]) => `WHEN ${column} IN (${names.map(wordSql).join(', ')}) THEN ${quoteText(state)}`);
  return `CASE ${cases.join(' ')} ELSE ${quoteText(otherwise)} END`;
}

function wordSql(word: Word): string {
  return typeof word === 'boolean' ? String(Number(word)) : quoteText(word);
}

/** The system's own word, as people read it: of a boolean column too. */
function wordOf(column: string, words: Word[]): string {
  return words.some((word) => typeof word === 'boolean')
    ? `CASE ${column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END`
    : column;
}

function view(name: string, select: string): string[] {
  return [`DROP VIEW IF EXISTS ${quoteName(name)}`, `CREATE VIEW ${quoteName(name)} AS ${select}`];
}
