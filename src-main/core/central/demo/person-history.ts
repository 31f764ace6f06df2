import type { AuditEvent } from './audit-event.ts';
import { hour, type Moment, minute } from './calendar.ts';
import { type Person, type Role, somebodyAt } from './people.ts';
import type { Random } from './random.ts';

/** How a person came to be as they are: invited, come, perhaps changed, perhaps gone. */
export function personHistory(random: Random, person: Person, administrators: Person[]): AuditEvent[] {
  const others = administrators.filter((candidate) => candidate !== person);
  const event = (type: string, moment: Moment, data: Record<string, unknown>): AuditEvent => ({
    moment,
    type,
    actor: type === 'user.activated' ? person : somebodyAt(random, others, moment),
    data: { user_id: person.id, email: person.email, ...data },
  });

  const invited = event('user.invited', person.createdAt, { after: { role: person.role, status: 'invited' } });
  if (person.status === 'invited') return [invited];
  const activated = event('user.activated', person.createdAt + random.integer(20, 2_000) * minute, {
    before: { status: 'invited' },
    after: { status: 'active' },
  });
  const events = [invited, activated];
  if (person.status === 'suspended' || person.status === 'deactivated' || person.status === 'inactive') {
    const type = person.status === 'suspended' ? 'user.suspended' : 'user.deactivated';
    const reason = random.pick(departures[person.status]);
    const change = { before: { status: 'active' }, after: { status: person.status } };
    events.push(event(type, person.updatedAt, { reason, ...change }));
  } else if (person.status === 'active' && person.updatedAt > person.createdAt) {
    events.push(lastChange(random, event, person));
  }
  return events;
}

const departures = {
  suspended: ['Long leave', 'Enquête interne en cours', 'Device reported stolen'],
  deactivated: ['Left the company', 'Fin de contrat', 'Contractor engagement ended', 'Départ à la retraite'],
  inactive: ['No sign-in for 90 days', 'Compte de service remplacé'],
};

const ladder: Role[] = ['user', 'member', 'support', 'developer', 'operator'];

/** What the row's last update was: the role it has now, or the name written properly. */
function lastChange(
  random: Random,
  event: (type: string, moment: Moment, data: Record<string, unknown>) => AuditEvent,
  person: Person,
): AuditEvent {
  if (ladder.includes(person.role) && random.chance(0.45)) {
    const before = { role: random.pick(ladder.filter((role) => role !== person.role)) };
    return event('role.changed', person.updatedAt, { before, after: { role: person.role } });
  }
  const typedInHaste = person.fullName
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
  const before = { full_name: typedInHaste };
  return event('user.updated', person.updatedAt, { before, after: { full_name: person.fullName } });
}

/** Guessing at one account from one address, until it locked: what a security team looks for. */
export function lockout(random: Random, people: Person[], now: Moment): AuditEvent[] {
  const victim = people.find((person) => person.status === 'locked');
  if (!victim) return [];
  const address = '192.0.2.77';
  const end = Math.min(victim.updatedAt, now - hour);
  const attempts = Array.from({ length: 24 }, (_, index): AuditEvent => {
    const moment = end - (24 - index) * 7_500 + random.integer(-1_500, 1_500);
    const data = { email: victim.email, ip: address, reason: 'invalid_password', attempt: index + 1 };
    return { moment, actor: null, type: 'user.login_failed', data };
  });
  const locked: AuditEvent = {
    moment: end,
    actor: null,
    type: 'user.locked',
    data: {
      user_id: victim.id,
      email: victim.email,
      ip: address,
      reason: 'too_many_attempts',
      before: { status: 'active' },
      after: { status: 'locked' },
    },
  };
  return [...attempts, locked];
}
