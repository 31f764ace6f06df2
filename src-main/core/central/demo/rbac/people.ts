import { hour, type Moment, minute, timestamp } from '../calendar.ts';
import type { Change } from '../change.ts';
import type { Row } from '../copy.ts';
import { type Person, type Role, somebodyAt } from '../people.ts';
import type { Random } from '../random.ts';

/** Nobody is deleted here: whoever left, and whoever is kept out for a while, is not active. */
const isActive = (person: Person) => person.status === 'active' || person.status === 'invited';

export function userRow(random: Random, person: Person, lastLogin: Moment | undefined): Row {
  return {
    id: person.id,
    email: person.email,
    password_hash: person.passwordHash,
    name: person.fullName,
    // Numbers that France keeps for films.
    phone: random.chance(0.7) ? `+33 6 39 98 ${random.integer(10, 99)} ${random.integer(10, 99)}` : null,
    is_active: isActive(person),
    is_verified: person.status !== 'invited',
    last_login: lastLogin === undefined ? null : timestamp(lastLogin),
    created_at: timestamp(person.createdAt),
    updated_at: timestamp(person.updatedAt),
  };
}

/** Roles of the organization's own, beside the one of the schema, with what they permit. */
export const ownRoles = [
  {
    name: 'manager',
    description: 'Looks after people',
    permissions: ['users:read', 'users:write', 'sessions:write', 'resources:read'],
  },
  { name: 'editor', description: 'Looks after what is published', permissions: ['posts:write', 'users:read'] },
  {
    name: 'auditor',
    description: 'Reads, and changes nothing',
    permissions: ['users:read', 'resources:read', 'audit_logs:read'],
  },
  { name: 'support', description: 'Helps people sign in', permissions: ['users:read', 'sessions:write'] },
  { name: 'member', description: 'Everybody else', permissions: ['users:read'] },
];

export const rolesFor: Record<Role, string[]> = {
  admin: ['admin'],
  operator: ['manager', 'editor'],
  auditor: ['auditor'],
  developer: ['editor'],
  support: ['support', 'member'],
  member: ['member'],
  user: ['member'],
};

/** How a person came to be as they are. */
export function userChanges(random: Random, person: Person, administrators: Person[]): Change[] {
  const others = administrators.filter((candidate) => candidate !== person);
  const change = (moment: Moment, before: Record<string, unknown>, after: Record<string, unknown>): Change => ({
    ...{ moment, action: 'update', before, after, table: 'users', id: person.id },
    actor: somebodyAt(random, others, moment),
  });
  const changes: Change[] = [
    {
      ...change(person.createdAt, {}, { email: person.email, name: person.fullName, is_active: true }),
      action: 'create',
      before: undefined,
    },
  ];
  if (person.status === 'invited') return changes;
  const verified = change(person.createdAt + 25 * minute, { is_verified: false }, { is_verified: true });
  changes.push({ ...verified, actor: person });
  if (!isActive(person)) changes.push(change(person.updatedAt, { is_active: true }, { is_active: false }));
  else if (person.updatedAt > person.createdAt + hour) {
    const typedInHaste = person.fullName
      .normalize('NFD')
      .replace(/\p{Mark}/gu, '')
      .toLowerCase();
    changes.push({ ...change(person.updatedAt, { name: typedInHaste }, { name: person.fullName }), actor: person });
  }
  return changes;
}
