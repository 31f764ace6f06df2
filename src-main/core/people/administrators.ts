import { sql } from 'kysely';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Json } from '../command/intent.ts';
import type { ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import { called, type PersonRow } from './person-named.ts';

/**
 * Refuses a change that would leave the organization without an administrator, as far as this mirror knows. Advice alone:
 * another device may demote another administrator at the same time, so central counts again when it applies.
 *
 * @throws LatchkeyError `would-remove-last-administrator`
 */
export function keepAnAdministrator(
  context: ReadContext,
  person: PersonRow,
  set: Record<string, Json>,
  field: string,
): void {
  if (matching(context, context.system.people.id, person.id, {}) === 0) return;
  if (matching(context, context.system.people.id, person.id, set) > 0) return;
  if (matching(context) > 1) return;
  throw new LatchkeyError(
    'would-remove-last-administrator',
    `${called(person)} is the last active administrator: without one nobody could administer ${context.organization.name} any more. Nothing was changed. Make somebody else an administrator first.`,
    { field },
  );
}

/** How many administrators there are: all, or among the one row named by `column` and `id` as it would be after `set`. */
function matching(context: ReadContext, column?: string, id?: string, set: Record<string, Json> = {}): number {
  const { table: name, where } = context.system.lastAdministrator;
  const table = context.tables.get(name);
  if (!table) return 0;
  const columns = sql.join(
    table.columns.map(({ name: each }) =>
      Object.hasOwn(set, each) ? sql`${set[each]} AS ${sql.id(each)}` : sql.id(each),
    ),
  );
  const one = column === undefined ? sql`` : sql`WHERE ${sql.id(column)} = ${id}`;
  const { sql: text, parameters } =
    sql`SELECT count(*) FROM (SELECT ${columns} FROM ${sql.id(name)} ${one}) WHERE ${sql.raw(where)}`.compile(query);
  return context.mirror.database
    .prepare(text)
    .pluck()
    .get(...parameters) as number;
}
