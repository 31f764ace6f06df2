import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Request } from '../../contract/index.ts';
import type { ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import { contains, containsFolded, containsPattern } from '../mirror/search.ts';
import { hiddenColumns } from '../outbox/queries.ts';
import { peopleWithEmail } from '../people/queries.ts';

type Filter = Pick<Request<'audit.list'>, 'actor' | 'action' | 'object' | 'search' | 'from' | 'to'>;

/** Events of central's audit table that a filter asks for. */
export function centralMatching(context: ReadContext, filter: Filter) {
  const conditions = [
    ...between('at', filter),
    ...acted(context, filter, sql.ref('actor_id')),
    ...actionIs('action', filter),
    ...objects(context, filter).map(isAboutEvent),
    ...containsAny(filter, [contains('action', filter.search ?? ''), dataContains('data', filter.search ?? '')]),
  ];
  return query.selectFrom('latchkey_activity').where((where) => where.and(conditions));
}

/** Commands of this device that a filter asks for and whose events central does not have (yet). */
export function ownMatching(context: ReadContext, filter: Filter) {
  const search = filter.search ?? '';
  const conditions = [
    ...between('made_at', filter),
    ...acted(context, filter, sql`${context.operator.id}`),
    ...actionIs('name', filter),
    ...objects(context, filter).map(isAboutCommand),
    ...containsAny(filter, [
      contains('name', search),
      contains('summary', search),
      contains('reason', search),
      valuesContain(context, search),
    ]),
  ];
  return query
    .selectFrom('latchkey_outbox')
    .where('state', 'not in', ['in-force', 'observed'])
    .where((where) => where.and(conditions));
}

function between(column: string, { from, to }: Filter): RawBuilder<SqlBool>[] {
  return [
    ...(from === undefined ? [] : [sql<SqlBool>`${sql.ref(column)} >= ${momentBound(from, 'from')}`]),
    ...(to === undefined ? [] : [sql<SqlBool>`${sql.ref(column)} <= ${momentBound(to, 'to')}`]),
  ];
}

/**
 * A moment that a person or a script gave, as text that sorts right against stored ones, whether they end in `Z` or not.
 * A day alone means all of it.
 * @throws LatchkeyError `invalid-input` at the field
 */
function momentBound(given: string, field: 'from' | 'to'): string {
  const parts = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.exec(
    given.trim(),
  );
  const [, day, minute, second = '00', fraction = '', zone = 'Z'] = parts ?? [];
  const whole = Date.parse(`${day}T${minute ?? '00:00'}:${second}${zone.replace(/(\d{2}):?(\d{2})$/, '$1:$2')}`);
  if (!day || Number.isNaN(whole))
    throw new LatchkeyError(
      'invalid-input',
      `“${given}” is not a moment. Give a day such as 2026-11-20, or a moment such as 2026-11-20T18:39:28Z.`,
      { field },
    );
  const isWholeDay = minute === undefined && field === 'to';
  const seconds = new Date(isWholeDay ? whole + 86_399_000 : whole).toISOString().slice(0, 19);
  const moment = `${seconds}.${isWholeDay ? '999999' : fraction.padEnd(6, '0')}`;
  return field === 'to' ? `${moment}Z` : moment;
}

/** By id, by email address, or by a part of the name. */
function acted(context: ReadContext, { actor }: Filter, column: RawBuilder<unknown>): RawBuilder<SqlBool>[] {
  if (!actor) return [];
  const people = query.selectFrom('latchkey_person').select('id');
  const named = actor.includes('@')
    ? people.where(sql<SqlBool>`email = ${actor} COLLATE NOCASE`)
    : people.where(containsFolded(context.mirror, 'name', actor));
  return [sql<SqlBool>`(${column} = ${actor} OR ${column} IN (${named}))`];
}

/** `person.*` means every action that starts with `person.`; as a range, so that an index serves it. */
function actionIs(column: string, { action }: Filter): RawBuilder<SqlBool>[] {
  if (!action) return [];
  if (!action.endsWith('*')) return [sql<SqlBool>`${sql.ref(column)} = ${action}`];
  const start = action.slice(0, -1);
  return [sql<SqlBool>`${sql.ref(column)} >= ${start} AND ${sql.ref(column)} < ${`${start}\u{10FFFF}`}`];
}

/** The ids that an object may have been named by: the id itself, a person's email address, or the start of a key's value. */
function objects(context: ReadContext, { object }: Filter): string[][] {
  if (!object) return [];
  const keys = context.mirror.all(query.selectFrom('latchkey_api_key').select('id').where('prefix', '=', object));
  return [[object, ...peopleWithEmail(context, object).map(({ id }) => id), ...keys.map(({ id }) => id)]];
}

/** Latchkey's events name their object and the rows they changed; the host's own events are about whatever they mention. */
function isAboutEvent(ids: string[]): RawBuilder<SqlBool> {
  const about = ids.map(
    (id) => sql<SqlBool>`(instr(data, ${JSON.stringify(id)}) > 0 AND CASE WHEN NOT json_valid(data) THEN 0
      WHEN json_type(data, '$.latchkey') IS NOT 'object' THEN 1
      ELSE json_extract(data, '$.latchkey.subject.key') IS ${id} OR EXISTS (
        SELECT 1 FROM json_each(data, '$.latchkey.changes') WHERE json_extract(value, '$.key') IS ${id}) END)`,
  );
  return sql<SqlBool>`(${sql.join(about, sql` OR `)})`;
}

function isAboutCommand(ids: string[]): RawBuilder<SqlBool> {
  const list = sql.join(ids);
  return sql<SqlBool>`(subject_key IN (${list}) OR EXISTS (
    SELECT 1 FROM json_each(changes, '$.changes') AS change, json_each(change.value, '$.key') AS part WHERE part.value IN (${list})))`;
}

function containsAny({ search }: Filter, conditions: RawBuilder<SqlBool>[]): RawBuilder<SqlBool>[] {
  return search ? [sql<SqlBool>`(${sql.join(conditions, sql` OR `)})`] : [];
}

/** Data is JSON text, in which quotes and backslashes are escaped. */
function dataContains(column: string, term: string): RawBuilder<SqlBool> {
  return contains(column, JSON.stringify(term).slice(1, -1));
}

/** Searches the values of a command, not its salt and not the values that are never shown. */
function valuesContain({ system }: ReadContext, term: string): RawBuilder<SqlBool> {
  const hidden = Object.keys(system.tables).flatMap((table) => hiddenColumns(system, table));
  return sql<SqlBool>`EXISTS (SELECT 1 FROM json_tree(changes, '$.changes')
    WHERE type = 'text' AND coalesce(key, '') NOT IN (${sql.join(['', ...hidden])})
      AND atom LIKE ${containsPattern(term)} ESCAPE '\\')`;
}
