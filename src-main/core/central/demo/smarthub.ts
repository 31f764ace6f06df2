import type pg from 'pg';
import { day, hour, type Moment, minute, timestamp, workingMoment } from './calendar.ts';
import { type Change, generateVisits, inOrder, lastVisits, type Visit, withinLog } from './change.ts';
import type { Row } from './copy.ts';
import { type DemoOptions, type DemoPeople, fillTables, named } from './fill.ts';
import { generateKeys } from './keys.ts';
import { generatePeople, type Person, somebodyAt } from './people.ts';
import { type Profile, usualScale } from './profile.ts';
import { type Random, seededRandom } from './random.ts';
import { generateSessions, type Session } from './sessions.ts';
import { generateEntities } from './smarthub/entities.ts';
import { keyChanges, keyRow } from './smarthub/keys.ts';
import { ownRoles, rolesOf, userChanges, userRow } from './smarthub/people.ts';

export interface SmartHubScale {
  people: number;
  keys: number;
  entities: number;
  /** Visits of people, each two lines of the log. */
  visits: number;
  /** Times that somebody noted down to have looked at an entity. */
  checks: number;
}

const usual: SmartHubScale = { people: 250, keys: 60, entities: 400, visits: 6_000, checks: 6_000 };
const logSpan = 365 * day;

/**
 * Fills an empty smarthub database with a believable organization: people, keys in every state, business entities, and a
 * year of the log. The same `seed` and `now` give the same rows. One transaction: all of it or nothing.
 *
 * `client` is connected as the owner of the tables. Throws if there are users already, and for fewer than 8 people or 6
 * keys, which could not show anything.
 */
export async function fillSmartHubDemo(client: pg.Client, options: DemoOptions<SmartHubScale>): Promise<DemoPeople> {
  const now = options.now.getTime();
  const from = now - logSpan;
  const scale = { ...usual, ...options.scale };
  if (scale.people < 8 || scale.keys < 6) throw new RangeError('The demo needs at least 8 people and 6 keys.');
  const random = seededRandom(options.seed ?? 20_261_121);
  const profile = profileOf(random, scale, now);
  const people = generatePeople(random.fork('people'), profile, now);
  const keys = generateKeys(random.fork('keys'), profile, people, now, 'shk_');
  const sessions = generateSessions(random.fork('sessions'), people, now);
  const visits = generateVisits(random.fork('visits'), people, scale.visits, from, now);
  const lastLogins = lastVisits([...visits, ...sessions.map(({ person, createdAt }) => ({ person, from: createdAt }))]);
  const entityCounts = { count: scale.entities, checks: scale.checks };
  const entities = generateEntities(random.fork('entities'), people, entityCounts, {
    founded: profile.founded,
    from,
    now,
  });
  const administrators = people.filter((person) => person.role === 'admin');
  const roles = await roleRows(client, random.fork('roles'), profile.founded);
  const held = heldRoles(random.fork('held roles'), people, administrators, roles);

  const facts = random.fork('facts');
  const changes = [
    ...people.flatMap((person) => userChanges(facts, person, administrators)),
    ...keys.flatMap(keyChanges),
    ...held.changes,
    ...entities.changes,
    ...visits.flatMap(visitChanges),
    ...sessions.map(sessionChange),
  ];
  const userRows = random.fork('user rows');
  await fillTables(client, {
    schema: 'public',
    root: 'users',
    seeded: ['roles'],
    from,
    now,
    tables: [
      ['users', people.map((person) => userRow(userRows, person, lastLogins.get(person.id)))],
      ['roles', roles],
      ['user_roles', held.rows],
      ['api_keys', keys.map((key) => keyRow(userRows, key, now))],
      ['sessions', sessions.map((session) => sessionRow(userRows, session))],
      ['entities', entities.rows],
      ['audit_logs', auditRows(random.fork('audit'), withinLog(changes, from, now))],
    ],
    onProgress: options.onProgress,
  });
  return {
    operator: named(people[0]!),
    secondOperator: named(people[1]!),
    auditor: named(people.find((person) => person.role === 'auditor')!),
  };
}

function profileOf(random: Random, scale: SmartHubScale, now: Moment): Profile {
  return {
    id: random.uuid(),
    name: 'Chaleur du Nord',
    countryCode: 'FR',
    domain: 'chaleurdunord.example',
    network: '203.0.113',
    founded: workingMoment(random, now - 1_500 * day, now - 1_490 * day),
    scale: { ...usualScale, people: scale.people, keys: scale.keys },
  };
}

/** The roles that the schema brought keep their ids, and are as old as the organization. */
async function roleRows(client: pg.Client, random: Random, founded: Moment): Promise<Row[]> {
  const { rows: seeded } = await client.query<{ id: string; name: string; description: string }>(
    'SELECT id, name, description FROM public.roles ORDER BY name',
  );
  const dates = { created_at: timestamp(founded), updated_at: timestamp(founded) };
  return [
    ...seeded.map((role) => ({ ...role, is_system: true, ...dates })),
    ...ownRoles.map((role) => ({ id: random.uuid(), ...role, is_system: false, ...dates })),
  ];
}

function heldRoles(
  random: Random,
  people: Person[],
  administrators: Person[],
  roles: Row[],
): { rows: Row[]; changes: Change[] } {
  const idOf = new Map(roles.map((role) => [role.name as string, role.id as string]));
  const rows: Row[] = [];
  const changes: Change[] = [];
  for (const person of people) {
    for (const [index, role] of rolesOf(random, person).entries()) {
      const id = random.uuid();
      const roleId = idOf.get(role)!;
      const moment = person.createdAt + (index + 1) * minute;
      // Nobody was there to give the first administrator a role.
      const giver = person === administrators[0] ? null : somebodyAt(random, administrators, moment);
      rows.push({
        ...{ id, user_id: person.id, role_id: roleId },
        assigned_at: timestamp(moment),
        assigned_by: giver?.id ?? null,
      });
      const after = { user_id: person.id, role: role };
      changes.push({ moment, actor: giver, table: 'user_roles', id, action: 'create', after, address: giver?.address });
    }
  }
  return { rows, changes };
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

function sessionChange({ id, person, createdAt, expiresAt, address, agent }: Session): Change {
  const after = { expires_at: timestamp(expiresAt) };
  return { moment: createdAt, actor: person, table: 'sessions', id, action: 'create', after, address, agent };
}

function visitChanges({ id, person, from, to, address, agent }: Visit): Change[] {
  const change = { actor: person, table: 'sessions', id, address, agent };
  return [
    { ...change, moment: from, action: 'create', after: { expires_at: timestamp(from + 12 * hour) } },
    { ...change, moment: to, action: 'delete', before: { expires_at: timestamp(from + 12 * hour) } },
  ];
}

function auditRows(random: Random, changes: Change[]): Row[] {
  return inOrder(
    changes.map((change) => ({
      moment: change.moment,
      row: {
        id: random.uuid(),
        user_id: change.actor?.id ?? null,
        entity_type: change.table,
        entity_id: change.id,
        action: change.action.toUpperCase(),
        changes: { json: { before: change.before, after: change.after } },
        ip_address: change.address ?? change.actor?.address ?? null,
        user_agent: change.agent ?? null,
        created_at: timestamp(change.moment),
      },
    })),
  );
}
