import type pg from 'pg';
import { day, type Moment, minute, second, timestamp, workingMoment } from './calendar.ts';
import { type Change, generateVisits, inOrder, lastVisits, type Visit, withinLog } from './change.ts';
import type { Row } from './copy.ts';
import { type DemoOptions, type DemoPeople, fillTables, named } from './fill.ts';
import { generatePeople, type Person, somebodyAt } from './people.ts';
import { type Profile, usualScale } from './profile.ts';
import { type Random, seededRandom } from './random.ts';
import { generateComments, generatePosts, generateResources, profileRows } from './rbac/content.ts';
import { ownRoles, rolesFor, userChanges, userRow } from './rbac/people.ts';
import { generateSessions, type Session } from './sessions.ts';

export interface RbacScale {
  people: number;
  posts: number;
  resources: number;
  /** Visits of people, each two lines of the log. */
  visits: number;
}

/** What the audit table tells: changes of rows by their names, and comings and goings by theirs. */
type Entry = Omit<Change, 'action'> & { action: Change['action'] | 'login' | 'logout' | 'login_failed' };

const usual: RbacScale = { people: 250, posts: 260, resources: 600, visits: 8_000 };
const logSpan = 365 * day;

/**
 * Fills an empty rbac database with a believable organization: people, roles and what they permit, what people write and
 * own, and a year of the log. The same `seed` and `now` give the same rows. One transaction: all of it or nothing.
 *
 * `client` is connected as the owner of the tables. Throws if there are users already, and for fewer than 8 people, who
 * could not show anything.
 */
export async function fillRbacDemo(client: pg.Client, options: DemoOptions<RbacScale>): Promise<DemoPeople> {
  const now = options.now.getTime();
  const from = now - logSpan;
  const scale = { ...usual, ...options.scale };
  if (scale.people < 8) throw new RangeError('The demo needs at least 8 people.');
  const random = seededRandom(options.seed ?? 20_261_122);
  const profile = profileOf(random, scale, now);
  const people = generatePeople(random.fork('people'), profile, now);
  const administrators = people.filter((person) => person.role === 'admin');
  const setting = { staff: people.filter((person) => person.status === 'active'), founded: profile.founded, now };
  const sessions = generateSessions(random.fork('sessions'), people, now);
  const visits = generateVisits(random.fork('visits'), people, scale.visits, from, now);
  const lastLogins = lastVisits([...visits, ...sessions.map(({ person, createdAt }) => ({ person, from: createdAt }))]);
  const posts = generatePosts(random.fork('posts'), scale.posts, setting);
  const comments = generateComments(random.fork('comments'), posts.posts, setting);
  const resources = generateResources(random.fork('resources'), scale.resources, setting);
  const access = await accessTables(client, random.fork('access'), people, administrators, profile.founded);

  const facts = random.fork('facts');
  const entries: Entry[] = [
    ...people.flatMap((person) => userChanges(facts, person, administrators)),
    ...access.changes,
    ...posts.changes,
    ...comments.changes,
    ...resources.changes,
    ...visits.flatMap(visitEntries),
    ...sessions.map(sessionEntry),
    ...visits.flatMap((visit) => (facts.chance(0.04) ? mistypedPasswords(facts, visit) : [])),
    ...people.filter((person) => person.status === 'locked').flatMap((person) => guessing(facts, person)),
  ];
  const rows = random.fork('rows');
  await fillTables(client, {
    schema: 'public',
    root: 'users',
    seeded: ['roles', 'permissions'],
    from,
    now,
    tables: [
      ['users', people.map((person) => userRow(rows, person, lastLogins.get(person.id)))],
      ['roles', access.roles],
      ['user_roles', access.userRoles],
      ['permissions', access.permissions],
      ['role_permissions', access.rolePermissions],
      ['sessions', sessions.map((session) => sessionRow(rows, session))],
      ['user_profiles', profileRows(rows, people)],
      ['posts', posts.rows],
      ['comments', comments.rows],
      ['resources', resources.rows],
      ['audit_logs', auditRows(withinLog(entries, from, now))],
    ],
    onProgress: options.onProgress,
  });
  return {
    operator: named(people[0]!),
    secondOperator: named(people[1]!),
    auditor: named(people.find((person) => person.role === 'auditor')!),
  };
}

function profileOf(random: Random, scale: RbacScale, now: Moment): Profile {
  return {
    id: random.uuid(),
    name: 'Mutuelle des Quais',
    countryCode: 'BE',
    domain: 'mutuelledesquais.example',
    network: '203.0.113',
    founded: workingMoment(random, now - 1_500 * day, now - 1_490 * day),
    scale: { ...usualScale, people: scale.people },
  };
}

interface Access {
  roles: Row[];
  permissions: Row[];
  rolePermissions: Row[];
  userRoles: Row[];
  changes: Change[];
}

/** What the schema brought keeps its ids, and is as old as the organization. */
async function accessTables(
  client: pg.Client,
  random: Random,
  people: Person[],
  administrators: Person[],
  founded: Moment,
): Promise<Access> {
  const since = { created_at: timestamp(founded) };
  const { rows: seededRoles } = await client.query<{ id: string; name: string; description: string }>(
    'SELECT id, name, description FROM public.roles ORDER BY name',
  );
  const { rows: permissions } = await client.query<
    Record<'id' | 'name' | 'resource' | 'action' | 'description', string>
  >('SELECT id, name, resource, action, description FROM public.permissions ORDER BY name');
  const roles = [
    ...seededRoles.map((role) => ({ ...role, is_system: true, permissions: permissions.map(({ name }) => name) })),
    ...ownRoles.map((role) => ({ id: random.uuid(), is_system: false, ...role })),
  ];
  const permissionIds = new Map(permissions.map(({ id, name }) => [name, id]));
  const first = administrators[0]!;
  const grantedAt = first.createdAt + 2 * 60 * minute;
  const access: Access = {
    roles: roles.map(({ id, name, description, is_system }) => ({ id, name, description, is_system, ...since })),
    permissions: permissions.map((permission) => ({ ...permission, ...since })),
    rolePermissions: roles.flatMap((role) =>
      role.permissions.map((name) => ({
        role_id: role.id,
        permission_id: permissionIds.get(name)!,
        granted_at: timestamp(role.is_system ? founded : grantedAt),
        granted_by: role.is_system ? null : first.id,
      })),
    ),
    userRoles: [],
    changes: [],
  };
  for (const person of people) {
    for (const [index, name] of rolesFor[person.role].entries()) {
      const role = roles.find((candidate) => candidate.name === name)!;
      const moment = person.createdAt + (index + 1) * minute;
      // Nobody was there to give the first administrator a role.
      const giver = person === first ? null : somebodyAt(random, administrators, moment);
      access.userRoles.push({
        ...{ user_id: person.id, role_id: role.id },
        assigned_at: timestamp(moment),
        assigned_by: giver?.id ?? null,
      });
      access.changes.push({
        ...{ moment, actor: giver, table: 'user_roles', id: person.id },
        action: 'create',
        after: { role_id: role.id, role: name },
      });
    }
  }
  return access;
}

function sessionRow(random: Random, session: Session): Row {
  return {
    id: session.id,
    user_id: session.person.id,
    token_hash: random.hex(64),
    ip_address: session.address,
    user_agent: session.agent,
    expires_at: timestamp(session.expiresAt),
    created_at: timestamp(session.createdAt),
  };
}

function sessionEntry({ id, person, createdAt, address }: Session): Entry {
  return { moment: createdAt, actor: person, table: 'sessions', id, action: 'login', address };
}

function visitEntries({ id, person, from, to, address }: Visit): Entry[] {
  const entry = { actor: person, table: 'sessions', id, address };
  return [
    { ...entry, moment: from, action: 'login' },
    { ...entry, moment: to, action: 'logout' },
  ];
}

/** Nobody is signed in yet, so nobody is named as the one who did it. */
function failure(person: Person, moment: Moment, address: string): Entry {
  const after = { reason: 'invalid_password' };
  return { moment, actor: null, table: 'users', id: person.id, action: 'login_failed', after, address };
}

function mistypedPasswords(random: Random, { person, from, address }: Visit): Entry[] {
  return Array.from({ length: random.integer(1, 3) }, (_, index) =>
    failure(person, from - (index + 1) * random.integer(6, 25) * second, address),
  );
}

/** At one account from one address, until it was locked: what a security team looks for. */
function guessing(random: Random, person: Person): Entry[] {
  return Array.from({ length: 24 }, (_, index) =>
    failure(person, person.updatedAt - (24 - index) * 7 * second + random.integer(0, 3_000), '192.0.2.77'),
  );
}

function auditRows(entries: Entry[]): Row[] {
  return inOrder(
    entries.map((entry) => ({
      moment: entry.moment,
      row: {
        user_id: entry.actor?.id ?? null,
        action: entry.action,
        entity_type: entry.table,
        entity_id: entry.id,
        old_values: entry.before === undefined ? null : { json: entry.before },
        new_values: entry.after === undefined ? null : { json: entry.after },
        ip_address: entry.address ?? entry.actor?.address ?? null,
        created_at: timestamp(entry.moment),
      },
    })),
  );
}
