import { day, hour, type Moment, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import { drawNames } from '../names.ts';
import { bcryptShaped } from '../people.ts';
import type { Random } from '../random.ts';
import type { OrganizationType, Profile } from './profile.ts';
import { wordingOf } from './wording.ts';

export type Role = 'admin' | 'issuer' | 'verifier' | 'recipient' | 'super_admin';
type Status = 'invited' | 'active' | 'suspended' | 'deactivated';

export interface Person {
  id: string;
  /** Null for staff of the platform, and for recipients on their own. */
  organizationId: string | null;
  email: string;
  fullName: string;
  role: Role;
  status: Status;
  passwordHash: string | null;
  /** Of the wallet that this person's credentials are issued to. */
  wallet: string | null;
  profile: Record<string, unknown>;
  emailVerified: boolean;
  mfa: boolean;
  createdAt: Moment;
  updatedAt: Moment;
  lastLogin: Moment | null;
  /** Where this person mostly signs in from. */
  address: string;
  phone: string;
}

/** Roles of which an organization has a few; everybody else receives credentials. */
const roleShares: { role: Role; share: number; least: number }[] = [
  { role: 'admin', share: 0.014, least: 3 },
  { role: 'issuer', share: 0.07, least: 3 },
  { role: 'verifier', share: 0.03, least: 1 },
];

const statusShares: { status: Status; share: number; least: number }[] = [
  { status: 'deactivated', share: 0.06, least: 1 },
  { status: 'invited', share: 0.04, least: 1 },
  { status: 'suspended', share: 0.015, least: 1 },
];

/** The first three are active administrators; at least three issuers and a verifier are active as well. */
export function generatePeople(random: Random, profile: Profile, now: Moment): Person[] {
  const roles = rolesOf(profile.scale.people);
  const statuses = statusesOf(random, roles);
  return drawNames(random.fork('names'), profile.scale.people).map((name, index) => {
    const role = roles[index]!;
    const email = `${name.mailbox}@${role === 'recipient' ? 'etu.' : ''}${profile.domain}`;
    const address = `${profile.network}.${random.integer(10, 240)}`;
    return makePerson(random, { ...name, email, role, status: statuses[index]!, address }, profile, now);
  });
}

/** The one person of an organization that has only just begun, or has stopped. */
export function generateFounder(random: Random, profile: Profile, now: Moment): Person {
  const [name] = drawNames(random.fork('names'), 1);
  const email = `${name!.mailbox}@${profile.domain}`;
  const draft = { ...name!, email, role: 'admin', status: 'active', address: `${profile.network}.10` } as const;
  return makePerson(random, draft, profile, now);
}

/** Staff of the platform, and a few people who came to be recipients without an organization. */
export function generateUnaffiliated(random: Random, founded: Moment, now: Moment): Person[] {
  return drawNames(random.fork('names'), 7).map((name, index) => {
    const platform = index < 3;
    const role = platform ? 'super_admin' : 'recipient';
    const email = `${name.mailbox}@${platform ? 'platform.example' : 'mail.example'}`;
    const address = `192.0.2.${200 + index}`;
    const person = { ...name, email, role, status: index === 2 ? 'deactivated' : 'active', address } as const;
    return makePerson(random, person, { id: null, type: null, founded }, now);
  });
}

export function personRow(person: Person): Row {
  return {
    id: person.id,
    email: person.email,
    stacks_address: person.wallet,
    organization_id: person.organizationId,
    role: person.role,
    profile: { json: person.profile },
    email_verified: person.emailVerified,
    mfa_enabled: person.mfa,
    last_login: person.lastLogin === null ? null : timestamp(person.lastLogin),
    created_at: timestamp(person.createdAt),
    updated_at: timestamp(person.updatedAt),
    full_name: person.fullName,
    status: person.status,
    password_hash: person.passwordHash,
  };
}

/** Active people in these roles, who may act for the organization. */
export function activeIn(people: Person[], ...roles: Role[]): Person[] {
  return people.filter((person) => person.status === 'active' && roles.includes(person.role));
}

/** Up to when this person could still do something. */
export function activeUntil(person: Person, now: Moment): Moment {
  return person.status === 'active' ? now : person.updatedAt;
}

/** One of `people` who had joined by then; the first of them joined first. */
export function somebodyAt(random: Random, people: Person[], moment: Moment): Person {
  const joined = people.filter((person) => person.createdAt < moment);
  return joined.length > 0 ? random.pick(joined) : people[0]!;
}

/** Crockford's alphabet behind the prefix of the main chain, as addresses of Stacks wallets are written. */
export function walletAddress(random: Random): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return `SP${Array.from(random.bytes(39), (byte) => alphabet[byte % 32]).join('')}`;
}

interface Draft {
  full: string;
  email: string;
  role: Role;
  status: Status;
  address: string;
}

function makePerson(
  random: Random,
  { full, email, role, status, address }: Draft,
  organization: { id: string | null; type: OrganizationType | null; founded: Moment },
  now: Moment,
): Person {
  const dates = datesOf(random, organization.founded, status, role, now);
  const invited = status === 'invited';
  const receives = role === 'recipient';
  const hasWallet = !invited && random.chance(receives ? 0.6 : 0.15);
  return {
    id: random.uuid(),
    organizationId: organization.id,
    email,
    fullName: full,
    role,
    status,
    // Who has a wallet may do without a password, and nobody has one before accepting the invitation.
    passwordHash: invited || (hasWallet && random.chance(0.4)) ? null : bcryptShaped(random),
    wallet: hasWallet ? walletAddress(random) : null,
    profile: { locale: locale(random), ...occupationOf(random, role, organization.type) },
    emailVerified: !invited && random.chance(0.95),
    mfa: !invited && random.chance(receives ? 0.2 : 0.85),
    ...dates,
    address,
    // France keeps 01 99 00 free for films and books (Arcep, decision 2018-0881).
    phone: `+3319900${random.integer(1_000, 9_999)}`,
  };
}

function occupationOf(random: Random, role: Role, type: OrganizationType | null): Record<string, string> {
  if (type === null) return role === 'super_admin' ? { department: 'Plateforme' } : {};
  const { programs, departments } = wordingOf(type);
  if (role !== 'recipient') return { department: random.pick(departments) };
  return { program: random.pick(programs), matriculation: `${random.integer(100_000, 999_999)}` };
}

function locale(random: Random): string {
  return random.pick(['fr-CH', 'fr-FR', 'fr-FR', 'de-CH', 'en-GB', 'it-CH']);
}

function rolesOf(count: number): Role[] {
  const roles = roleShares.flatMap(({ role, share, least }) =>
    Array<Role>(Math.max(least, Math.round(count * share))).fill(role),
  );
  const others = Array<Role>(Math.max(0, count - roles.length)).fill('recipient');
  return [...roles, ...others].slice(0, count);
}

function statusesOf(random: Random, roles: Role[]): Status[] {
  const statuses = roles.map((): Status => 'active');
  const firstIssuer = roles.indexOf('issuer');
  const mayLeave = [...roles.keys()].filter(
    (index) =>
      roles[index] !== 'admin' &&
      !(index >= firstIssuer && index < firstIssuer + 3) &&
      index !== roles.indexOf('verifier'),
  );
  const wanted = statusShares.flatMap(({ status, share, least }) =>
    Array<Status>(Math.max(least, Math.round(roles.length * share))).fill(status),
  );
  for (const [position, index] of random.sample(mayLeave, wanted.length).entries()) {
    statuses[index] = wanted[position]!;
  }
  return statuses;
}

function datesOf(random: Random, founded: Moment, status: Status, role: Role, now: Moment) {
  if (status === 'invited') {
    const createdAt = workingMoment(random, now - 14 * day, now - hour);
    return { createdAt, updatedAt: createdAt, lastLogin: null };
  }
  const createdAt =
    role === 'admin' || role === 'super_admin'
      ? workingMoment(random, founded, founded + 40 * day)
      : role === 'issuer' || role === 'verifier'
        ? workingMoment(random, founded + 40 * day, now - 400 * day)
        : workingMoment(random, founded + 60 * day, now - 40 * day);
  const changed = status !== 'active' || random.chance(0.3);
  const updatedAt = changed
    ? workingMoment(random, Math.max(createdAt + 2 * day, now - 300 * day), now - 2 * hour)
    : createdAt;
  const last = status === 'active' ? now : updatedAt;
  const recent = role === 'recipient' ? 200 * day : 9 * day;
  const lastLogin = workingMoment(random, Math.max(createdAt + hour, last - recent), last - 20 * 60_000);
  return { createdAt, updatedAt, lastLogin };
}
