import type { LogLine } from './access-log.ts';
import { hour, type Moment, minute, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import type { Person } from './people.ts';
import { type Random, weightedPicker } from './random.ts';
import { addressOf, userAgents } from './sessions.ts';

/** What happened to one row, as an audit table of changes tells it. */
export interface Change {
  moment: Moment;
  /** Null where the system itself did it. */
  actor: Person | null;
  table: string;
  id: string;
  action: 'create' | 'update' | 'delete';
  /** The changed columns. */
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
  address?: string;
  agent?: string;
}

/** What an audit table keeps of a year and no more; whatever is older was archived. */
export function withinLog<Item extends { moment: Moment }>(items: Item[], from: Moment, now: Moment): Item[] {
  return items.filter((item) => item.moment >= from && item.moment <= now).sort((a, b) => a.moment - b.moment);
}

export function inOrder(lines: LogLine[]): Row[] {
  return lines.sort((a, b) => a.moment - b.moment).map((line) => line.row);
}

/** A visit of somebody, from signing in to signing out. */
export interface Visit {
  id: string;
  person: Person;
  from: Moment;
  to: Moment;
  address: string;
  agent: string;
}

/** Visits that are over, of everybody who could sign in at the time; some people come daily, some hardly ever. */
export function generateVisits(random: Random, people: Person[], count: number, from: Moment, now: Moment): Visit[] {
  const span = (person: Person) => {
    const start = Math.max(from, person.createdAt + 3 * hour);
    const end = person.status === 'active' ? now - hour : person.updatedAt - hour;
    return { start, end };
  };
  const visitors = people
    .filter((person) => person.status !== 'invited' && span(person).end > span(person).start)
    .map((person) => ({ person, ...span(person), zeal: random.around(1, 0.7) }));
  const pick = weightedPicker(visitors, ({ start, end, zeal }) => zeal * (end - start));
  return Array.from({ length: visitors.length > 0 ? count : 0 }, (): Visit => {
    const { person, start, end } = pick(random);
    const came = workingMoment(random, start, end);
    const length = Math.round(random.around(90, 0.8)) * minute;
    return {
      id: random.uuid(),
      person,
      from: came,
      to: Math.min(came + length, end + hour - minute),
      address: addressOf(random, person),
      agent: random.pick(userAgents),
    };
  });
}

/** When each person was last there. */
export function lastVisits(visits: readonly { person: Person; from: Moment }[]): Map<string, Moment> {
  const last = new Map<string, Moment>();
  for (const { person, from } of visits) last.set(person.id, Math.max(from, last.get(person.id) ?? 0));
  return last;
}
