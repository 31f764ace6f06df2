import { day, hour, type Moment, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import { drawNames } from './names.ts';
import type { Profile } from './profile.ts';
import type { Random } from './random.ts';

export type Role = 'admin' | 'operator' | 'auditor' | 'developer' | 'support' | 'member' | 'user';
export type PersonStatus = 'invited' | 'active' | 'suspended' | 'locked' | 'inactive' | 'deactivated';

export interface Person {
  id: string;
  organizationId: string;
  email: string;
  fullName: string;
  given: string;
  role: Role;
  status: PersonStatus;
  passwordHash: string;
  createdAt: Moment;
  updatedAt: Moment;
  /** Where this person mostly signs in from. */
  address: string;
}

/** Roles of which an organization has a few; whoever is left over is a plain user. */
const roleShares: { role: Role; share: number; least: number }[] = [
  { role: 'admin', share: 0.016, least: 2 },
  { role: 'auditor', share: 0.016, least: 1 },
  { role: 'operator', share: 0.032, least: 1 },
  { role: 'developer', share: 0.18, least: 1 },
  { role: 'support', share: 0.08, least: 1 },
  { role: 'member', share: 0.42, least: 1 },
];

const statusShares: { status: PersonStatus; share: number; least: number }[] = [
  { status: 'deactivated', share: 0.05, least: 1 },
  { status: 'invited', share: 0.04, least: 1 },
  { status: 'suspended', share: 0.016, least: 0 },
  { status: 'inactive', share: 0.008, least: 0 },
  { status: 'locked', share: 0.008, least: 0 },
];

/**
 * The first two are active administrators, and the first came before everybody else; at least one auditor and one
 * operator are active as well.
 */
export function generatePeople(random: Random, profile: Profile, now: Moment): Person[] {
  const roles = rolesOf(profile.scale.people);
  const statuses = statusesOf(random, roles);
  return drawNames(random.fork('names'), profile.scale.people).map((name, index) => {
    const status = statuses[index]!;
    const { createdAt, updatedAt } = datesOf(random, profile, status, roles[index]!, index === 0, now);
    return {
      id: random.uuid(),
      organizationId: profile.id,
      email: `${name.mailbox}@${profile.domain}`,
      fullName: name.full,
      given: name.given,
      role: roles[index]!,
      status,
      // Nobody has a password before accepting the invitation, and no password matches '!'.
      passwordHash: status === 'invited' ? '!' : bcryptShaped(random),
      createdAt,
      updatedAt,
      address: `${profile.network}.${random.integer(10, 240)}`,
    };
  });
}

export function personRow(person: Person): Row {
  return {
    id: person.id,
    organization_id: person.organizationId,
    email: person.email,
    full_name: person.fullName,
    password_hash: person.passwordHash,
    role: person.role,
    status: person.status,
    created_at: timestamp(person.createdAt),
    updated_at: timestamp(person.updatedAt),
  };
}

/** One of `people` who had joined by then; the first of them joined first. */
export function somebodyAt(random: Random, people: Person[], moment: Moment): Person {
  const joined = people.filter((person) => person.createdAt < moment);
  return joined.length > 0 ? random.pick(joined) : people[0]!;
}

function rolesOf(count: number): Role[] {
  const roles = roleShares.flatMap(({ role, share, least }) =>
    Array<Role>(Math.max(least, Math.round(count * share))).fill(role),
  );
  const others = Array<Role>(Math.max(0, count - roles.length)).fill('user');
  return [...roles, ...others].slice(0, count);
}

function statusesOf(random: Random, roles: Role[]): PersonStatus[] {
  const statuses = roles.map((): PersonStatus => 'active');
  const mayLeave = [...roles.keys()].filter(
    (index) => roles[index] !== 'admin' && index !== roles.indexOf('auditor') && index !== roles.indexOf('operator'),
  );
  const wanted = statusShares.flatMap(({ status, share, least }) =>
    Array<PersonStatus>(Math.max(least, Math.round(roles.length * share))).fill(status),
  );
  for (const [position, index] of random.sample(mayLeave, wanted.length).entries()) {
    statuses[index] = wanted[position]!;
  }
  return statuses;
}

function datesOf(random: Random, profile: Profile, status: PersonStatus, role: Role, isFirst: boolean, now: Moment) {
  const joined = (from: Moment, to: Moment) => workingMoment(random, from, to);
  if (status === 'invited') {
    const createdAt = joined(now - 14 * day, now - hour);
    return { createdAt, updatedAt: createdAt };
  }
  // Administrators were there from the start; one in eight of the others is new this half year.
  const recent = role !== 'admin' && status === 'active' && random.chance(0.12);
  const createdAt =
    role === 'admin'
      ? joined(profile.founded + (isFirst ? 0 : 6 * day), profile.founded + (isFirst ? 5 : 60) * day)
      : recent
        ? joined(now - 180 * day, now - 3 * day)
        : joined(profile.founded + 30 * day, now - 200 * day);
  const changed = status !== 'active' || random.chance(0.4);
  return { createdAt, updatedAt: changed ? joined(Math.max(createdAt, now - 170 * day), now - hour) : createdAt };
}

/** Looks like bcrypt at cost 12, and matches no password: hashing 250 real ones would take a minute. */
export function bcryptShaped(random: Random): string {
  const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const characters = Array.from(random.bytes(53), (byte) => alphabet[byte % 64]);
  return `$2b$12$${characters.join('')}`;
}
