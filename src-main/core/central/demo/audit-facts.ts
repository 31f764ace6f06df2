import { day, hour, type Moment, minute, workingMoment } from './calendar.ts';
import type { Key } from './keys.ts';
import type { Person, Role } from './people.ts';
import type { Random } from './random.ts';

/** An audit event before it is written down. */
export interface AuditEvent {
  moment: Moment;
  actor: Person | null;
  type: string;
  data: Record<string, unknown>;
}

/**
 * The events that must have happened for people and keys to be as they are: whoever opens a key's or a person's
 * history finds it agrees with the row.
 */
export function factualEvents(random: Random, people: Person[], keys: Key[], now: Moment): AuditEvent[] {
  const administrators = people.filter((person) => person.status === 'active' && person.role === 'admin');
  const officers = people.filter(
    (person) => person.status === 'active' && (person.role === 'admin' || person.role === 'operator'),
  );
  return [
    ...keys.flatMap((key) => keyEvents(random, key, keys, officers)),
    ...people.flatMap((person) => personEvents(random, person, administrators)),
    ...roleChanges(random, people, administrators, now),
    ...lockout(random, people, now),
  ];
}

function keyEvents(random: Random, key: Key, keys: Key[], officers: Person[]): AuditEvent[] {
  const events: AuditEvent[] = [];
  const identity = { api_key_id: key.id, label: key.deployment.label, key_prefix: key.marks.prefix };
  const by = () => ({ actor: random.pick(officers) });
  if (key.rotatedFrom === null) {
    events.push({
      ...by(),
      moment: key.createdAt,
      type: 'api_key.created',
      data: { ...identity, after: { permissions: key.deployment.workload.scopes, quota_limit: key.quota } },
    });
  } else {
    const previous = keys.find((candidate) => candidate.id === key.rotatedFrom)!;
    const leaked = previous.status === 'revoked';
    events.push({
      ...by(),
      moment: key.createdAt,
      type: 'api_key.rotated',
      data: {
        ...identity,
        reason: leaked ? random.pick(revocationReasons) : 'Rotation planifiée (politique de 365 jours)',
        before: { api_key_id: previous.id, key_prefix: previous.marks.prefix, status: 'active' },
        after: { api_key_id: key.id, key_prefix: key.marks.prefix, status: 'active', previous_status: 'retiring' },
      },
    });
  }
  if (key.revokedAt !== null) {
    const before = { status: key.retiredAt === null ? 'active' : 'retiring' };
    const reason = random.pick(revocationReasons);
    events.push({
      ...by(),
      moment: key.revokedAt,
      type: 'api_key.revoked',
      data: { ...identity, reason, before, after: { status: 'revoked' } },
    });
  }
  if (key.status === 'suspended' || key.status === 'expired') {
    events.push({
      moment: key.updatedAt,
      actor: key.status === 'expired' ? null : random.pick(officers),
      type: `api_key.${key.status}`,
      data: { ...identity, before: { status: 'active' }, after: { status: key.status } },
    });
  }
  if (key.certificate) {
    const { type, fingerprint } = key.certificate;
    events.push({
      ...by(),
      moment: key.createdAt + 20 * minute,
      type: 'certificate.attached',
      data: {
        ...identity,
        before: { certificate_fingerprint: null },
        after: { certificate_type: type, certificate_fingerprint: fingerprint },
      },
    });
  }
  return events;
}

const revocationReasons = [
  'Clé publiée par erreur dans un dépôt interne',
  'Contract with the integration partner ended',
  'Found in a build log by the secret scanner',
  'Owner left the company',
  'Remplacée après audit trimestriel',
];

function personEvents(random: Random, person: Person, administrators: Person[]): AuditEvent[] {
  const identity = { user_id: person.id, email: person.email };
  const events: AuditEvent[] = [];
  const others = administrators.filter((candidate) => candidate !== person);
  const by = () => ({ actor: random.pick(others.length > 0 ? others : administrators) });
  events.push({
    ...by(),
    moment: person.createdAt,
    type: 'user.invited',
    data: { ...identity, after: { role: person.role, status: 'invited' } },
  });
  if (person.status === 'invited') return events;
  events.push({
    actor: person,
    moment: person.createdAt + random.integer(20, 2_000) * minute,
    type: 'user.activated',
    data: { ...identity, before: { status: 'invited' }, after: { status: 'active' } },
  });
  if (person.status === 'suspended' || person.status === 'deactivated' || person.status === 'inactive') {
    const reason = random.pick(departures[person.status]);
    events.push({
      ...by(),
      moment: person.updatedAt,
      type: person.status === 'suspended' ? 'user.suspended' : 'user.deactivated',
      data: { ...identity, reason, before: { status: 'active' }, after: { status: person.status } },
    });
  }
  return events;
}

const departures = {
  suspended: ['Long leave', 'Enquête interne en cours', 'Device reported stolen'],
  deactivated: ['Left the company', 'Fin de contrat', 'Contractor engagement ended', 'Départ à la retraite'],
  inactive: ['No sign-in for 90 days', 'Compte de service remplacé'],
};

const ladder: Role[] = ['user', 'member', 'support', 'developer', 'operator'];

/** Somebody's present role is where their last change led. */
function roleChanges(random: Random, people: Person[], administrators: Person[], now: Moment): AuditEvent[] {
  const promoted = people.filter((person) => ladder.includes(person.role) && person.status === 'active');
  return random.sample(promoted, Math.round(people.length * 0.12)).map((person) => {
    const earlier = random.pick(ladder.filter((role) => role !== person.role));
    const from = Math.max(person.createdAt + day, now - 180 * day);
    return {
      moment: Math.min(now, workingMoment(random, from, now)),
      actor: random.pick(administrators),
      type: 'role.changed',
      data: { user_id: person.id, email: person.email, before: { role: earlier }, after: { role: person.role } },
    };
  });
}

/** Guessing at one account from one address, until it locked: what a security team looks for. */
function lockout(random: Random, people: Person[], now: Moment): AuditEvent[] {
  const victim = people.find((person) => person.status === 'locked');
  if (!victim) return [];
  const address = '192.0.2.77';
  const end = Math.min(victim.updatedAt, now - hour);
  const attempts = Array.from({ length: 24 }, (_, index): AuditEvent => {
    const moment = end - (24 - index) * random.integer(6_000, 9_000);
    return {
      moment,
      actor: null,
      type: 'user.login_failed',
      data: { email: victim.email, ip: address, reason: 'invalid_password', attempt: index + 1 },
    };
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
