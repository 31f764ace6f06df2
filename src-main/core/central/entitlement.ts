import { quoteName, quoteText } from '../quoting.ts';
import type { PeopleMapping, SystemMapping, Word } from '../systems/system.ts';
import { organizationOf } from './generate.ts';
import { type HostTable, relationOf } from './host-tables.ts';

/**
 * SQL of the two functions by which push knows people, in this system's terms. They read what the connected device's organization may see:
 * - `latchkey.standing_of(person)`: whether somebody is active, and the highest of their roles; nothing where they are not there;
 * - `latchkey.is_administered()`: whether somebody active is an administrator. True where the system knows no roles.
 */
export function entitlementSql({ people }: SystemMapping, tables: HostTable[]): string[] {
  const table = tables.find(({ name }) => name === people.table)!;
  const id = table.columns.find(({ name }) => name === people.id)!;
  return [
    // By the column's own type, so that the row is found by its index: every push asks this.
    ...ownFunction(
      { name: 'standing_of(TEXT)', signature: 'standing_of(p_person TEXT, OUT is_active BOOLEAN, OUT role TEXT)' },
      `SELECT ${activeSql(people)}, ${roleSql(people)} INTO is_active, role
  FROM latchkey_write.${quoteName(people.table)} p WHERE p.${quoteName(people.id)} = p_person::${id.type}`,
    ),
    ...ownFunction(
      { name: 'is_administered()', signature: 'is_administered() RETURNS BOOLEAN' },
      `RETURN ${administeredSql(people)}`,
    ),
  ];
}

function ownFunction({ name, signature }: { name: string; signature: string }, body: string): string[] {
  return [
    `CREATE OR REPLACE FUNCTION latchkey.${signature}
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $entitlement$
BEGIN
  ${body};
END
$entitlement$`,
    `REVOKE ALL ON FUNCTION latchkey.${name} FROM PUBLIC`,
  ];
}

/** Whether the person `p` may come in, as the host's own login decides it. */
function activeSql({ status, deletedAt }: PeopleMapping): string {
  const conditions = [
    ...(status ? [isOneOf(`p.${quoteName(status.column)}`, status.words.active)] : []),
    ...(deletedAt === null ? [] : [`p.${quoteName(deletedAt)} IS NULL`]),
  ];
  return conditions.length === 0 ? 'TRUE' : `coalesce(${conditions.join(' AND ')}, FALSE)`;
}

/**
 * SQL of the active people with an email address ($1) in an organization ($2), whatever its case, with the highest of their roles:
 * `id`, `email`, `role`. Over the host's own tables, for whoever may read those.
 */
export function operatorSql(system: SystemMapping): string {
  const { people } = system;
  const organization = organizationOf(system, system.tables[people.table]!, 'p');
  return `SELECT p.${quoteName(people.id)}::TEXT AS id, p.${quoteName(people.email)}::TEXT AS email, ${roleSql(people, (name) => relationOf(system, { name }))} AS role
     FROM ${relationOf(system, { name: people.table })} p
     WHERE lower(p.${quoteName(people.email)}) = lower($1) AND ${activeSql(people)} AND ${organization} IN ($2, '*')`;
}

/** SQL of the highest role that a person ($1) has now. Over the host's own tables. */
export function presentRoleSql(system: SystemMapping): string {
  const { people } = system;
  return `SELECT ${roleSql(people, (name) => relationOf(system, { name }))} AS role
     FROM ${relationOf(system, { name: people.table })} p WHERE p.${quoteName(people.id)}::TEXT = $1`;
}

/** The highest role of the person `p`; one that the mapping does not name ranks lowest. */
function roleSql(
  { id, role }: PeopleMapping,
  relation = (name: string) => `latchkey_write.${quoteName(name)}`,
): string {
  if (role === null) return 'NULL::TEXT';
  if ('column' in role.held) return `p.${quoteName(role.held.column)}::TEXT`;
  const { table, person, role: reference, roles } = role.held;
  const ranks = `ARRAY[${role.values.map(quoteText).join(', ')}]::TEXT[]`;
  const name = `r.${quoteName(roles.name)}::TEXT`;
  return `(SELECT ${name} FROM ${relation(table)} h
      JOIN ${relation(roles.table)} r ON r.${quoteName(roles.id)} = h.${quoteName(reference)}
      WHERE h.${quoteName(person)} = p.${quoteName(id)} ORDER BY coalesce(array_position(${ranks}, ${name}), 0) DESC, ${name} LIMIT 1)`;
}

function administeredSql(people: PeopleMapping): string {
  const { role, table } = people;
  if (role === null) return 'TRUE';
  const names = role.administrators;
  const from = `latchkey_write.${quoteName(table)} p`;
  if ('column' in role.held)
    return `EXISTS (SELECT FROM ${from} WHERE ${isOneOf(`p.${quoteName(role.held.column)}`, names)} AND ${activeSql(people)})`;
  const { table: rows, person, role: reference, roles } = role.held;
  return `EXISTS (SELECT FROM latchkey_write.${quoteName(rows)} h
    JOIN latchkey_write.${quoteName(roles.table)} r ON r.${quoteName(roles.id)} = h.${quoteName(reference)}
    JOIN ${from} ON p.${quoteName(people.id)} = h.${quoteName(person)}
    WHERE ${isOneOf(`r.${quoteName(roles.name)}`, names)} AND ${activeSql(people)})`;
}

/** Whether a column holds one of the system's words for a state. */
export function isOneOf(column: string, words: readonly Word[]): string {
  if (words.length === 0) return 'FALSE';
  return `${column} IN (${words.map((word) => (typeof word === 'boolean' ? String(word).toUpperCase() : quoteText(word))).join(', ')})`;
}
