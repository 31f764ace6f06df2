import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Request } from '../../contract/index.ts';
import type { ReadContext } from '../handlers.ts';
import { hasDailyCounts } from '../mirror/daily-counts.ts';
import { query } from '../mirror/readable.ts';
import { contains, containsPattern } from '../mirror/search.ts';
import { isAmong, rowsContaining } from '../mirror/substrings.ts';
import { searchWords } from '../mirror/text-query.ts';
import { peopleWithEmail } from '../people/queries.ts';
import { hiddenColumns } from '../systems/hidden.ts';

type Filter = Request<'audit.facets'>;

/** A filter of the list with what its words stand for, looked up once. */
export interface Question {
  /** Ids that acted; null for anybody. */
  actors: string[] | null;
  /** Exact actions; null for any. */
  actions: string[] | null;
  /** Ids that an object may have been named by: the id itself, a person's email address, or the start of a key's value. */
  objects: string[] | null;
  search: string | null;
  /** Moments as text that sorts right against stored ones, whether they end in `Z` or not. */
  from: string | null;
  to: string | null;
  /** The name of the device that it was done on. */
  device: string | null;
  /** `host`: central's events that are not of Latchkey. `here`: commands that central's events do not tell of. Null for either. */
  origin: 'host' | 'here' | null;
}

/** All events. */
export const everything: Question = {
  actors: null,
  actions: null,
  objects: null,
  search: null,
  from: null,
  to: null,
  device: null,
  origin: null,
};

/** @throws LatchkeyError `invalid-input` for a moment that is none */
export function questionOf(context: ReadContext, filter: Filter): Question {
  return {
    actors: filter.actor ? actorsOf(context, filter.actor) : null,
    actions: filter.action && filter.action !== '*' ? actionsOf(context, filter.action) : null,
    objects: filter.object ? objectsOf(context, filter.object) : null,
    search: filter.search || null,
    from: filter.from === undefined ? null : momentBound(filter.from, 'from'),
    to: filter.to === undefined ? null : momentBound(filter.to, 'to'),
    device: filter.device || null,
    origin: filter.origin ?? null,
  };
}

/** What an event of central's audit table has to fulfil, beside the words that full text looks for. */
export function centralConditions(question: Question): RawBuilder<SqlBool>[] {
  const { actors, actions, objects, from, to, device, origin } = question;
  return [
    ...between('at', from, to),
    ...isOneOf('actor_id', actors),
    ...isOneOf('action', actions),
    ...(objects === null ? [] : [isAboutEvent(objects)]),
    ...(device === null ? [] : [isOfDevice(device)]),
    ...(origin === 'host' ? [isOfHost] : []),
  ];
}

/** Without full text: each word somewhere in the event, also inside of other words. */
export function centralContains(search: string): RawBuilder<SqlBool>[] {
  return wordsOf(search).map((word) => anyOf([contains('action', word), dataContains('data', word)]));
}

/** Commands of this device that a question asks for and whose events central does not have (yet). */
export function ownMatching(context: ReadContext, question: Question) {
  const { actors, actions, objects, search, from, to, device, origin } = question;
  const conditions = [
    ...(device !== null || origin === 'host' ? [sql<SqlBool>`0`] : []),
    ...between('made_at', from, to),
    ...(actors === null ? [] : [sql<SqlBool>`${Number(actors.includes(context.operator.id))}`]),
    ...isOneOf('name', actions),
    ...(objects === null ? [] : [isAboutCommand(objects)]),
    ...wordsOf(search ?? '').map((word) =>
      anyOf([
        contains('name', word),
        contains('summary', word),
        contains('reason', word),
        valuesContain(context, word),
      ]),
    ),
  ];
  return query
    .selectFrom('latchkey_outbox')
    .where('state', 'not in', ['in-force', 'observed'])
    .where((where) => where.and(conditions));
}

/** By id, by email address, or by a part of the name. */
function actorsOf(context: ReadContext, actor: string): string[] {
  const { mirror, system } = context;
  const people = query.selectFrom('latchkey_person').select('id');
  const acted = query.selectFrom('latchkey_last_event').select('actor').where('actor', '=', actor);
  if (mirror.first(people.where('id', '=', actor)) || mirror.first(acted)) return [actor];
  const named = actor.includes('@')
    ? people.where(sql<SqlBool>`email = ${actor} COLLATE NOCASE`)
    : people.where(isAmong(rowsContaining(context, system.people.table, actor, system.people.name) ?? []));
  return [actor, ...mirror.all(named).map(({ id }) => id)];
}

/** `person.*` means every action that starts with `person.`. */
function actionsOf({ mirror, system, tables }: ReadContext, action: string): string[] {
  if (!action.endsWith('*')) return [action];
  const start = action.slice(0, -1);
  const startsAlike = (column: 'action' | 'name') =>
    sql<SqlBool>`${sql.ref(column)} >= ${start} AND ${sql.ref(column)} < ${`${start}\u{10FFFF}`}`;
  const kept = hasDailyCounts(system, tables.get(system.activity?.table ?? ''))
    ? 'latchkey_daily'
    : 'latchkey_activity';
  const central = query.selectFrom(kept).select('action').distinct().where(startsAlike('action'));
  const own = query.selectFrom('latchkey_outbox').select('name as action').distinct().where(startsAlike('name'));
  return mirror.all(central.union(own)).map((row) => row.action ?? '');
}

function objectsOf(context: ReadContext, object: string): string[] {
  const keys = context.mirror.all(query.selectFrom('latchkey_api_key').select('id').where('prefix', '=', object));
  return [object, ...peopleWithEmail(context, object).map(({ id }) => id), ...keys.map(({ id }) => id)];
}

/** The words of a search; marks alone are looked for as they stand. */
function wordsOf(search: string): string[] {
  const words = searchWords(search);
  return words.length > 0 ? words.map((word) => word.replace(/\*$/, '')) : search === '' ? [] : [search];
}

function between(column: string, from: string | null, to: string | null): RawBuilder<SqlBool>[] {
  return [
    ...(from === null ? [] : [sql<SqlBool>`${sql.ref(column)} >= ${from}`]),
    ...(to === null ? [] : [sql<SqlBool>`${sql.ref(column)} <= ${to}`]),
  ];
}

function isOneOf(column: string, values: string[] | null): RawBuilder<SqlBool>[] {
  if (values === null) return [];
  if (values.length === 1) return [sql<SqlBool>`${sql.ref(column)} = ${values[0]}`];
  return [sql<SqlBool>`${sql.ref(column)} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`];
}

function anyOf(conditions: RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return sql<SqlBool>`(${sql.join(conditions, sql` OR `)})`;
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

const isOfHost = sql<SqlBool>`CASE WHEN json_valid(data) THEN json_type(data, '$.latchkey') IS NOT 'object' ELSE 1 END`;

function isOfDevice(device: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`(instr(data, ${JSON.stringify(device)}) > 0 AND CASE WHEN NOT json_valid(data) THEN 0
    ELSE json_extract(data, '$.latchkey.device') IS ${device} END)`;
}

/** Latchkey's events name their object and the rows they changed; the host's own events are about whatever they mention. */
function isAboutEvent(ids: string[]): RawBuilder<SqlBool> {
  const about = ids.map(
    (id) => sql<SqlBool>`(instr(data, ${JSON.stringify(id)}) > 0 AND CASE WHEN NOT json_valid(data) THEN 0
      WHEN json_type(data, '$.latchkey') IS NOT 'object' THEN 1
      ELSE json_extract(data, '$.latchkey.subject.key') IS ${id} OR EXISTS (
        SELECT 1 FROM json_each(data, '$.latchkey.changes') WHERE json_extract(value, '$.key') IS ${id}) END)`,
  );
  return anyOf(about);
}

function isAboutCommand(ids: string[]): RawBuilder<SqlBool> {
  const list = sql.join(ids);
  return sql<SqlBool>`(subject_key IN (${list}) OR EXISTS (
    SELECT 1 FROM json_each(changes, '$.changes') AS change, json_each(change.value, '$.key') AS part WHERE part.value IN (${list})))`;
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
