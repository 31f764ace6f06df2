import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import { textIndexName } from '../mirror/text-index.ts';
import {
  anyPhrase,
  anyWhole,
  isTextIndexed,
  newestRanges,
  type RowRange,
  rowsBetween,
  type TextCondition,
  wordsCondition,
} from '../mirror/text-query.ts';
import { dailyCounts, isCounted } from './daily.ts';
import { centralConditions, centralContains, everything, type Question } from './matching.ts';

/** Where an event stands in the order of the list, newest first, and its row. */
export interface Place {
  at: string | null;
  id: string | number;
  row_id: number;
}

export interface Places {
  places: Place[];
  /** How many events there are in all; at least, where `more` says so. */
  total: number;
  more: boolean;
}

/** How far beyond a page events are looked for, to say how many there are. */
const lookAhead = 500;
/** How far they are counted where all that is asked is who or what: one list of the index then tells. */
const countAhead = 10_000;
/** Beyond so many actors or actions the rows themselves are asked. */
const mostWords = 100;

/** A page of central's events. All roads give the same events in the same order; they differ in what they read to get there. */
export function centralPlaces(context: ReadContext, question: Question, offset: number, limit: number): Places {
  if (question.origin === 'here') return { places: [], total: 0, more: false };
  if (isCountable(context, question)) return counted(context, question, offset, limit);
  const text = textQuestion(context, question);
  return text ? found(context, question, text, offset, limit) : read(context, question, offset, limit);
}

/** Whether daily counts say how many events a question asks for. */
export function isCountable(context: ReadContext, question: Question): boolean {
  const { actors, objects, search, device, origin } = question;
  return [actors, objects, search, device, origin].every((one) => one === null) && isCounted(context);
}

/** What full text knows of a question, and what is left to ask of its rows. */
interface TextQuestion {
  condition: TextCondition;
  rest: RawBuilder<SqlBool>[];
}

/** Null where full text is no help, or not complete yet. */
function textQuestion({ mirror, system }: ReadContext, question: Question): TextQuestion | null {
  const { actors, actions, objects, search, device } = question;
  if (!system.activity) return null;
  const { table, actor, action } = system.activity;
  const isFew = (values: string[] | null) => values !== null && values.length <= mostWords;
  const done = device === null ? null : anyPhrase([device]);
  const helps = search !== null || objects !== null || done !== null || isFew(actors) || isFew(actions);
  if (!helps || !isTextIndexed(mirror, table)) return null;
  const words = search === null ? null : wordsCondition(mirror, table, search);
  const about = objects === null ? null : anyPhrase(objects);
  if ((search !== null && words === null) || (objects !== null && about === null)) return null;
  const by = isFew(actors) ? anyWhole(actor, actors!) : null;
  const kind = isFew(actions) ? anyWhole(action, actions!) : null;
  return {
    condition: [words, about, done, by, kind]
      .filter((one) => one !== null)
      .map((one) => `(${one})`)
      .join(' AND '),
    rest: centralConditions({ ...question, actors: by ? null : actors, actions: kind ? null : actions }),
  };
}

/**
 * By full text: all of a few; else from the newest row on, as many as the page needs, and whatever lies elsewhere and can be newer
 * than those. Row ids follow time roughly, and need not.
 */
function found(context: ReadContext, question: Question, text: TextQuestion, offset: number, limit: number): Places {
  const most = offset + limit + lookAhead;
  const few = rowIdsOf(context, text.condition, most);
  if (few.length < most) {
    const places = placesOf(context, few, text.rest).sort(newestFirst);
    return { places: places.slice(offset, offset + limit), total: places.length, more: false };
  }
  // What is asked of the rows themselves has to be counted by them.
  const isCounted = text.rest.length === 0;
  const { places, more } = newestOf(context, question, text, isCounted ? offset + limit : most);
  const page = places.slice(offset, offset + limit);
  if (!isCounted) return { places: page, total: places.length, more };
  const isWhole = question.search === null && question.objects === null;
  const far = isWhole ? offset + limit + countAhead : most;
  const total = isWhole ? countOf(context, text.condition, far) : most;
  return { places: page, total, more: total === far };
}

/** What a person did last, newest first. */
export function newestEventsOf(
  context: ReadContext,
  actor: string,
  limit: number,
): { id: string; action: string | null; at: string | null }[] {
  const { places } = centralPlaces(context, { ...everything, actors: [actor] }, 0, limit);
  const rowIds = places.map(({ row_id }) => row_id);
  const actions = context.mirror.all(
    query.selectFrom('latchkey_activity').where('row_id', 'in', rowIds).select(['row_id', 'action']),
  );
  const byRow = new Map(actions.map(({ row_id, action }) => [row_id, action]));
  return places.map(({ id, at, row_id }) => ({ id: String(id), action: byRow.get(row_id) ?? null, at }));
}

/** The newest `needed`, in order, perhaps with some that are older. `more`: not everything was looked for. */
function newestOf(
  context: ReadContext,
  { from, to }: Question,
  text: TextQuestion,
  needed: number,
): { places: Place[]; more: boolean } {
  const { table } = context.system.activity!;
  const bounds = rowsBetween(context.mirror, table, { from, to });
  if (!bounds) return { places: [], more: false };
  const places = foundIn(context, text, bounds, needed);
  if (places.length < needed) return { places: places.sort(newestFirst), more: false };
  // Every row beyond the lowest of these was looked at.
  const lowest = Math.min(...places.map(({ row_id }) => row_id));
  const last = () => places[needed - 1]!.at ?? '';
  places.sort(newestFirst);
  const left = { from: bounds.from, to: lowest - 1 };
  for (const { newest, ranges } of newestRanges(context.mirror, table, { from: laterOf(from, last()), to }, left)) {
    if (last() > newest) return { places, more: true };
    for (const range of ranges) for (const place of foundIn(context, text, range)) places.push(place);
    places.sort(newestFirst);
  }
  return { places, more: true };
}

function laterOf(from: string | null, moment: string): string {
  return from !== null && from > moment ? from : moment;
}

function rowIdsOf(context: ReadContext, condition: TextCondition, most: number): number[] {
  const index = sql.table(textIndexName(context.system.activity!.table));
  const matches = sql`SELECT rowid AS row_id FROM ${index} WHERE ${index} MATCH ${condition} LIMIT ${most}`;
  return rows<{ row_id: number }>(context, matches).map(({ row_id }) => row_id);
}

function countOf(context: ReadContext, condition: TextCondition, most: number): number {
  const index = sql.table(textIndexName(context.system.activity!.table));
  const matches = sql`SELECT count(*) AS n FROM (SELECT 1 FROM ${index} WHERE ${index} MATCH ${condition} LIMIT ${most})`;
  return rows<{ n: number }>(context, matches)[0]!.n;
}

function placesOf(context: ReadContext, rowIds: number[], rest: RawBuilder<SqlBool>[]): Place[] {
  const these = sql<SqlBool>`row_id IN (SELECT value FROM json_each(${JSON.stringify(rowIds)}))`;
  const where = sql.join([these, ...rest], sql` AND `);
  return rows<Place>(context, sql`SELECT at, id, row_id FROM latchkey_activity WHERE ${where}`);
}

/** The matches in a range, those of the greatest row ids first. */
function foundIn(context: ReadContext, { condition, rest }: TextQuestion, range: RowRange, most?: number): Place[] {
  const index = sql.table(textIndexName(context.system.activity!.table));
  const all = [
    sql`${index} MATCH ${condition}`,
    // Written out: a bound number is a floating one to SQLite, and no bound of row ids to full text.
    sql`${index}.rowid BETWEEN ${sql.lit(range.from)} AND ${sql.lit(range.to)}`,
    sql`row_id = ${index}.rowid`,
    ...rest,
  ];
  const newestRows = most === undefined ? sql`` : sql` ORDER BY ${index}.rowid DESC LIMIT ${most}`;
  return rows<Place>(
    context,
    sql`SELECT at, id, row_id FROM ${index} CROSS JOIN latchkey_activity WHERE ${sql.join(all, sql` AND `)}${newestRows}`,
  );
}

/** From the day on which the page begins: a million events are skipped by their counts. */
function counted(context: ReadContext, question: Question, offset: number, limit: number): Places {
  const days = new Map<string, number>();
  for (const { day, events } of dailyCounts(context, question)) days.set(day, (days.get(day) ?? 0) + events);
  const total = [...days.values()].reduce((sum, events) => sum + events, 0);
  if (offset >= total) return { places: [], total, more: false };
  const { skipped, last } = skippedDays(days, offset);
  const beforeLast = last === null ? [] : [sql<SqlBool>`at < ${last}`];
  const left = offset - skipped;
  const text = question.actions === null ? null : textQuestion(context, question);
  if (!text) {
    const places = stream(context, [...centralConditions(question), ...beforeLast], limit, left);
    return { places, total, more: false };
  }
  const { places } = newestOf(
    context,
    last === null ? question : { ...question, to: last },
    { condition: text.condition, rest: [...text.rest, ...beforeLast] },
    left + limit,
  );
  return { places: places.slice(left, left + limit), total, more: false };
}

/** Whole days that lie before a page, newest first, and the last of them. */
function skippedDays(days: ReadonlyMap<string, number>, offset: number): { skipped: number; last: string | null } {
  let skipped = 0;
  let last: string | null = null;
  // Events without a moment come last, and are not before any.
  if (days.has('')) return { skipped, last };
  for (const [day, events] of days) {
    if (skipped + events > offset) break;
    skipped += events;
    last = day;
  }
  return { skipped, last };
}

/** From the newest event on, whatever it takes. */
function read(context: ReadContext, question: Question, offset: number, limit: number): Places {
  const conditions = [...centralConditions(question), ...centralContains(question.search ?? '')];
  const most = offset + limit + lookAhead;
  const places = stream(context, conditions, most, 0);
  return { places: places.slice(offset, offset + limit), total: places.length, more: places.length === most };
}

function stream(context: ReadContext, conditions: RawBuilder<SqlBool>[], limit: number, offset: number): Place[] {
  const where = conditions.length === 0 ? sql`` : sql`WHERE ${sql.join(conditions, sql` AND `)}`;
  return rows<Place>(
    context,
    sql`SELECT at, id, row_id FROM latchkey_activity ${where} ORDER BY at DESC, id DESC LIMIT ${limit} OFFSET ${offset}`,
  );
}

function newestFirst(one: Place, other: Place): number {
  const [first, second] = [one.at ?? '', other.at ?? ''];
  if (first !== second) return first > second ? -1 : 1;
  return one.id === other.id ? 0 : one.id > other.id ? -1 : 1;
}

function rows<Row>({ mirror }: ReadContext, statement: RawBuilder<unknown>): Row[] {
  return mirror.all({ compile: () => statement.compile(query) } as {
    compile(): ReturnType<typeof statement.compile>;
  }) as Row[];
}
