import { type LogLine, logSpan } from './access-log.ts';
import { factualEvents } from './audit-facts.ts';
import { routineEvents } from './audit-routine.ts';
import { type Moment, timestamp } from './calendar.ts';
import type { Key } from './keys.ts';
import type { Person } from './people.ts';
import type { Random } from './random.ts';

/** Exactly `count` events of the last 180 days: what happened to people and keys, and the routine between. */
export function generateAuditEvents(
  random: Random,
  organization: { people: Person[]; keys: Key[] },
  count: number,
  now: Moment,
): LogLine[] {
  const { people, keys } = organization;
  const from = now - logSpan;
  const facts = factualEvents(random.fork('facts'), people, keys, now)
    .filter((event) => event.moment >= from && event.moment <= now)
    .sort((a, b) => b.moment - a.moment)
    .slice(0, count);
  const routine = routineEvents(random.fork('routine'), people, count - facts.length, from, now);
  return [...facts, ...routine].map((event) => ({
    moment: event.moment,
    row: {
      actor_id: event.actor?.id ?? null,
      organization_id: people[0]!.organizationId,
      event_type: event.type,
      event_data: { json: event.data },
      created_at: timestamp(event.moment),
    },
  }));
}
