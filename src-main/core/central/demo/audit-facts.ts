import type { AuditEvent } from './audit-event.ts';
import type { Moment } from './calendar.ts';
import { keyHistory } from './key-history.ts';
import type { Key } from './keys.ts';
import type { Person } from './people.ts';
import { lockout, personHistory } from './person-history.ts';
import type { Random } from './random.ts';

/**
 * The events that must have happened for people and keys to be as they are: whoever opens a key's or a person's
 * history finds it agrees with the row.
 */
export function factualEvents(random: Random, people: Person[], keys: Key[], now: Moment): AuditEvent[] {
  const active = people.filter((person) => person.status === 'active');
  const administrators = active.filter((person) => person.role === 'admin');
  const officers = active.filter((person) => person.role === 'admin' || person.role === 'operator');
  return [
    ...keyHistory(random, keys, officers),
    ...people.flatMap((person) => personHistory(random, person, administrators)),
    ...lockout(random, people, now),
  ];
}
