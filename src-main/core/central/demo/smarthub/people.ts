import { hour, type Moment, minute, timestamp } from '../calendar.ts';
import type { Change } from '../change.ts';
import type { Row } from '../copy.ts';
import { type Person, type Role, somebodyAt } from '../people.ts';
import type { Random } from '../random.ts';

/** Deactivated people are deleted softly here, and whoever is kept out for a while is not active. */
const isActive = (person: Person) => person.status === 'active' || person.status === 'invited';
const isDeleted = (person: Person) => person.status === 'deactivated';

export function userRow(random: Random, person: Person, lastLogin: Moment | undefined): Row {
  const verifiedAt = person.status === 'invited' ? null : timestamp(person.createdAt + 25 * minute);
  return {
    id: person.id,
    email: person.email,
    username: usernameOf(person),
    password_hash: person.passwordHash,
    first_name: person.given,
    last_name: person.fullName.slice(person.given.length + 1),
    avatar_url: random.chance(0.6)
      ? `https://static.${person.email.split('@')[1]}/avatars/${random.hex(16)}.webp`
      : null,
    is_active: isActive(person),
    email_verified: verifiedAt !== null,
    email_verified_at: verifiedAt,
    last_login_at: lastLogin === undefined ? null : timestamp(lastLogin),
    created_at: timestamp(person.createdAt),
    updated_at: timestamp(person.updatedAt),
    deleted_at: isDeleted(person) ? timestamp(person.updatedAt) : null,
  };
}

/** Roles of the organization's own, beside those of the schema. */
export const ownRoles = [
  { name: 'dispatcher', description: 'Plans and assigns work orders' },
  { name: 'accounting', description: 'Contracts and what is invoiced of them' },
];

const rolesFor: Record<Role, string[]> = {
  admin: ['admin', 'user'],
  operator: ['moderator', 'user'],
  auditor: ['viewer'],
  developer: ['user'],
  support: ['user', 'dispatcher'],
  member: ['user'],
  user: ['user'],
};

export function rolesOf(random: Random, person: Person): string[] {
  if (person.role === 'member' && random.chance(0.15)) return ['user', 'accounting'];
  return person.role === 'user' && random.chance(0.2) ? ['viewer'] : rolesFor[person.role];
}

/** How a person came to be as they are. */
export function userChanges(random: Random, person: Person, administrators: Person[]): Change[] {
  const others = administrators.filter((candidate) => candidate !== person);
  const change = (
    action: Change['action'],
    moment: Moment,
    before?: Record<string, unknown>,
    after?: Record<string, unknown>,
  ) => ({
    ...{ moment, action, before, after, table: 'users', id: person.id, address: person.address },
    actor: somebodyAt(random, others, moment),
  });
  const created = change('create', person.createdAt, undefined, {
    email: person.email,
    username: usernameOf(person),
    is_active: true,
  });
  if (person.status === 'invited') return [created];
  const verified: Change = {
    ...change('update', person.createdAt + 25 * minute, { email_verified: false }, { email_verified: true }),
    actor: person,
  };
  const changes = [created, verified];
  if (isDeleted(person)) {
    const after = { is_active: false, deleted_at: timestamp(person.updatedAt) };
    changes.push(change('delete', person.updatedAt, { is_active: true, deleted_at: null }, after));
  } else if (!isActive(person))
    changes.push(change('update', person.updatedAt, { is_active: true }, { is_active: false }));
  else if (person.updatedAt > person.createdAt + hour)
    changes.push({ ...change('update', person.updatedAt, ...profileChange(random, person)), actor: person });
  return changes;
}

/** The name as it was typed at first. */
function profileChange(
  random: Random,
  person: Person,
): [before: Record<string, unknown>, after: Record<string, unknown>] {
  const column = random.pick(['first_name', 'last_name'] as const);
  const value = column === 'first_name' ? person.given : person.fullName.slice(person.given.length + 1);
  const typedInHaste = value
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
  return [{ [column]: typedInHaste }, { [column]: value }];
}

function usernameOf(person: Person): string {
  return person.email.split('@')[0]!;
}
