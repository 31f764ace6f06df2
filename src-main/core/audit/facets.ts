import { sql } from 'kysely';
import type { Output } from '../../contract/index.ts';
import type { ReadContext } from '../handlers.ts';
import { asMoment } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import { dailyCounts } from './daily.ts';
import { ownMatching, type Question } from './matching.ts';
import { centralPlaces, isCountable } from './places.ts';

/** So many of central's newest events are looked at. Days and actions are counted all, where daily counts can tell. */
const lookedAt = 2_000;

type Facets = Output<'audit.facets'>;

/** One event or several that are alike. */
interface Alike {
  day: string;
  action: string;
  actor: string | null;
  origin: 'device' | 'host' | 'here';
  device: string | null;
  count: number;
}

/** When, what, who and where: counted over central's events and this device's commands as the list mixes them. */
export function facetsOf(context: ReadContext, question: Question): Facets {
  const own = ownAlike(context, question);
  const { events, more, since } = newestEvents(context, question);
  const seen = [...own, ...events];
  const counted =
    more && isCountable(context, question)
      ? [...own, ...dailyCounts(context, question).map(({ events: count, ...rest }) => ({ ...rest, count }))]
      : null;
  const whole = !more || counted !== null;
  const days = tallied(counted ?? seen, ({ day }) => day).filter(({ one }) => one.day !== '');
  const actions = tallied(counted ?? seen, ({ action }) => action).filter(({ one }) => one.action !== '');
  const actors = tallied(seen, ({ actor }) => actor ?? '');
  const names = namesOf(
    context,
    actors.flatMap(({ one }) => one.actor ?? []),
  );
  const origins = tallied(seen, ({ origin, device }) => `${origin} ${device}`);
  return {
    days: {
      items: days
        .map(({ one, count }) => ({ day: one.day, count }))
        .sort((one, other) => (one.day < other.day ? -1 : 1)),
      whole,
    },
    actions: { items: actions.map(({ one, count }) => ({ action: one.action, count })), whole },
    actors: {
      items: actors.map(({ one, count }) => ({
        actor: one.actor,
        name: one.actor === null ? null : (names.get(one.actor) ?? null),
        count,
      })),
      whole: !more,
    },
    origins: {
      items: origins.map(({ one, count }) => ({ origin: one.origin, device: one.device, count })),
      whole: !more,
    },
    newest: more ? { entries: seen.reduce((sum, { count }) => sum + count, 0), since } : null,
  };
}

/** Greatest first; what is as frequent by its name, so that it does not move about. */
function tallied<One extends { count: number }>(
  all: One[],
  nameOf: (one: One) => string,
): { one: One; count: number }[] {
  const groups = new Map<string, { one: One; count: number }>();
  for (const one of all) {
    const group = groups.get(nameOf(one));
    if (group) group.count += one.count;
    else groups.set(nameOf(one), { one, count: one.count });
  }
  return [...groups]
    .sort(([name, { count }], [otherName, other]) => other.count - count || (name < otherName ? -1 : 1))
    .map(([, group]) => group);
}

function ownAlike(context: ReadContext, question: Question): Alike[] {
  const own = ownMatching(context, question)
    .select((all) => [
      sql<string>`substr(made_at, 1, 10)`.as('day'),
      'name as action',
      sql<string>`${context.operator.id}`.as('actor'),
      sql<'here'>`'here'`.as('origin'),
      sql<null>`NULL`.as('device'),
      all.fn.countAll<number>().as('count'),
    ])
    .groupBy(['day', 'action']);
  return context.mirror.all(own);
}

function newestEvents(
  context: ReadContext,
  question: Question,
): { events: Alike[]; more: boolean; since: string | null } {
  const { places, total, more } = centralPlaces(context, question, 0, lookedAt);
  const rowIds = JSON.stringify(places.map(({ row_id }) => row_id));
  const events = query
    .selectFrom('latchkey_activity')
    .where(sql<boolean>`row_id IN (SELECT value FROM json_each(${rowIds}))`)
    .select([
      sql<string>`substr(coalesce(at, ''), 1, 10)`.as('day'),
      sql<string>`coalesce("action", '')`.as('action'),
      'actor_id as actor',
      sql<'device' | 'host'>`CASE WHEN NOT coalesce(json_valid(data), 0) THEN 'host'
        WHEN json_type(data, '$.latchkey') IS 'object' THEN 'device' ELSE 'host' END`.as('origin'),
      sql<string | null>`CASE WHEN json_valid(data) THEN json_extract(data, '$.latchkey.device') END`.as('device'),
      sql<number>`1`.as('count'),
    ]);
  return {
    events: context.mirror.all(events),
    more: more || total > places.length,
    since: asMoment(places.at(-1)?.at ?? null),
  };
}

function namesOf({ mirror }: ReadContext, people: string[]): Map<string, string> {
  const named = query
    .selectFrom('latchkey_person')
    .select(['id', 'name', 'email'])
    .where(sql<boolean>`id IN (SELECT value FROM json_each(${JSON.stringify(people)}))`);
  return new Map(mirror.all(named).map(({ id, name, email }) => [id, name ?? email]));
}
