import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { ReadContext } from '../handlers.ts';
import { hasDailyCounts } from '../mirror/daily-counts.ts';
import { query } from '../mirror/readable.ts';
import { centralConditions, everything, type Question } from './matching.ts';

/** Events of central's audit table on a day (UTC) with an action. */
export interface DailyCount {
  day: string;
  action: string;
  events: number;
}

/** What daily counts can answer: anybody's events of some actions between two moments. */
export type CountedQuestion = Pick<Question, 'actions' | 'from' | 'to'>;

export function isCounted({ system, tables }: ReadContext): boolean {
  return hasDailyCounts(system, tables.get(system.activity?.table ?? ''));
}

/**
 * How many events there were by day and action, newest day first; exactly what counting the rows would say. Days that lie only
 * in part between the moments are counted by their rows.
 */
export function dailyCounts(context: ReadContext, question: CountedQuestion): DailyCount[] {
  if (!isCounted(context)) return scannedCounts(context, question);
  const { mirror } = context;
  const { actions, from, to } = question;
  const first = from === null ? null : dayOf(from);
  const last = to === null ? null : dayOf(to);
  let days = query.selectFrom('latchkey_daily').selectAll().orderBy('day', 'desc').orderBy('action');
  if (actions) days = days.where('action', 'in', actions);
  if (first !== null) days = days.where('day', '>=', first);
  // What has no moment at all is before nothing.
  if (last !== null) days = days.where('day', '<=', last).where('day', '<>', '');
  const whole = mirror.all(days);
  const inPart = [
    ...(from !== null && first !== null && from > `${first}T00:00:00.000000` ? [first] : []),
    ...(to !== null && last !== null && to < `${last}T23:59:59.999999` ? [last] : []),
  ];
  if (inPart.length === 0) return whole;
  const parts = new Map(inPart.map((day) => [day, countedRows({ mirror }, day, question)]));
  return whole.flatMap((row) => {
    const part = parts.get(row.day);
    if (!part) return [row];
    const events = part.get(row.action) ?? 0;
    return events === 0 ? [] : [{ ...row, events }];
  });
}

/** Where this device does not see what counts are kept by. */
function scannedCounts({ mirror }: ReadContext, { actions, from, to }: CountedQuestion): DailyCount[] {
  const conditions = centralConditions({ ...everything, actions, from, to });
  return mirror.all(
    query
      .selectFrom('latchkey_activity')
      .where((where) => where.and(conditions))
      .select((all) => [
        sql<string>`substr(coalesce(at, ''), 1, 10)`.as('day'),
        sql<string>`coalesce("action", '')`.as('action'),
        all.fn.countAll<number>().as('events'),
      ])
      .groupBy([sql`1`, sql`2`])
      .orderBy(sql`1`, 'desc')
      .orderBy(sql`2`),
  );
}

/** Events of a part of a day, by action. */
function countedRows(
  { mirror }: Pick<ReadContext, 'mirror'>,
  day: string,
  { from, to }: CountedQuestion,
): Map<string, number> {
  const bounds: RawBuilder<SqlBool>[] = [sql`at >= ${day}`, sql`at <= ${endOfDay(day)}`];
  if (from !== null) bounds.push(sql`at >= ${from}`);
  if (to !== null) bounds.push(sql`at <= ${to}`);
  const counts = query
    .selectFrom('latchkey_activity')
    .where((where) => where.and(bounds))
    .select((all) => [sql<string>`coalesce("action", '')`.as('action'), all.fn.countAll<number>().as('events')])
    .groupBy(sql`1`);
  return new Map(mirror.all(counts).map(({ action, events }) => [action, events]));
}

function dayOf(moment: string): string {
  return moment.slice(0, 10);
}

/** A text that is not before any moment of the day, and before the next day's first. */
function endOfDay(day: string): string {
  return `${day}\u{10FFFF}`;
}
