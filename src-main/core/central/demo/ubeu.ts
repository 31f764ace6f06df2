import type pg from 'pg';
import { day, type Moment, timestamp, workingMoment } from './calendar.ts';
import { type Change, generateVisits, inOrder, withinLog } from './change.ts';
import type { Row } from './copy.ts';
import { type Demo, type DemoOptions, fillTables, named } from './fill.ts';
import { generateKeys, type Key } from './keys.ts';
import { generatePeople, type Person, type Role } from './people.ts';
import { type Profile, tenthOf, usualScale } from './profile.ts';
import { type Random, seededRandom } from './random.ts';
import { enterpriseRows, keyRows } from './ubeu/enterprises.ts';
import { credentials, didDocuments, domains, type Identity, makeIdentity, userRows } from './ubeu/identities.ts';

export interface UbeuScale {
  /** Of the main enterprise. The second one has a tenth of them, and half as many are here for themselves. */
  people: number;
  keys: number;
  /** Times that somebody signed in. */
  visits: number;
}

export interface UbeuDemo extends Demo {
  /** Who belongs to which enterprise, and as what: the system itself does not say. */
  memberships: { enterprise: string; user: string; role: Role }[];
}

const usual: UbeuScale = { people: 250, keys: 40, visits: 14_000 };
const logSpan = 365 * day;

/**
 * Fills an empty ubeu database with two enterprises in force and three that are not, people with DIDs, domains and
 * credentials, keys, and a year of the log of transactions. The same `seed` and `now` give the same rows. One
 * transaction: all of it or nothing.
 *
 * `client` is connected as the owner of the tables. Throws if there are enterprises already, and for fewer than 8 people
 * or 6 keys, which could not show anything.
 */
export async function fillUbeuDemo(client: pg.Client, options: DemoOptions<UbeuScale>): Promise<UbeuDemo> {
  const now = options.now.getTime();
  const from = now - logSpan;
  const scale = { ...usual, ...options.scale };
  if (scale.people < 8 || scale.keys < 6) throw new RangeError('The demo needs at least 8 people and 6 keys.');
  const random = seededRandom(options.seed ?? 20_261_123);
  const [main, other, nobody] = profiles(random, scale, now);
  const members = [main, other].map((profile) => ({
    profile,
    people: generatePeople(random.fork(profile.domain), profile, now),
  }));
  const singles = generatePeople(random.fork(nobody.domain), nobody, now);
  const dids = random.fork('identities');
  const identities = [
    ...members.flatMap(({ profile, people }) => people.map((person) => makeIdentity(dids, person, profile.domain))),
    ...singles.map((person) => makeIdentity(dids, person, null)),
  ];
  const keys = members.flatMap(({ profile, people }) =>
    generateKeys(random.fork(`keys of ${profile.domain}`), profile, people, now, 'ubk_'),
  );
  const everyone = identities.map(({ person }) => person);
  const visits = momentsOf(generateVisits(random.fork('visits'), everyone, scale.visits, from, now));

  const tiers = [
    { profile: main, tier: 'enterprise' },
    { profile: other, tier: 'pro' },
  ];
  const told = {
    enterprise_accounts: enterpriseRows(random.fork('enterprises'), tiers, now),
    enterprise_api_keys: keyRows(keys),
    users: userRows(identities, visits, random.fork('users')),
    did_documents: didDocuments(random.fork('documents'), identities, now),
    domains: domains(random.fork('domains'), identities, now),
    credentials: credentials(random.fork('credentials'), identities, now),
  };
  const changes = Object.values(told).flatMap((table) => table.changes);
  await fillTables(client, {
    schema: 'public',
    root: 'enterprise_accounts',
    // The triggers have logged what was written just now.
    seeded: ['transaction_logs'],
    from,
    now,
    tables: [
      ...Object.entries(told).map(([table, { rows }]) => [table, rows] as const),
      ['transaction_logs', logRows(changes, { from, now }, identities, keys)],
    ],
    onProgress: options.onProgress,
  });

  const { people } = members[0]!;
  return {
    organization: { id: main.id, name: main.name },
    other: { id: other.id, name: other.name },
    operator: named(people[0]!),
    secondOperator: named(people[1]!),
    auditor: named(people.find((person) => person.role === 'auditor')!),
    memberships: members.flatMap(({ profile, people }) =>
      people.map((person) => ({ enterprise: profile.id, user: person.id, role: person.role })),
    ),
  };
}

function profiles(random: Random, scale: UbeuScale, now: Moment): [Profile, Profile, Profile] {
  const whole = { ...usualScale, people: scale.people, keys: scale.keys };
  const founded = (days: number) => workingMoment(random, now - days * day, now - (days - 10) * day);
  return [
    {
      ...{ id: random.uuid(), name: 'Nordhaven Énergie', countryCode: 'FR', domain: 'nordhaven.example' },
      ...{ network: '203.0.113', founded: founded(1_500), scale: whole },
    },
    {
      ...{ id: random.uuid(), name: 'Corvane Mobilité', countryCode: 'BE', domain: 'corvane.example' },
      ...{ network: '192.0.2', founded: founded(1_200), scale: tenthOf(whole) },
    },
    {
      ...{ id: random.uuid(), name: '', countryCode: '', domain: 'wallet.example', network: '198.51.100' },
      ...{ founded: founded(1_200), scale: { ...whole, people: Math.max(8, Math.round(scale.people / 2)) } },
    },
  ];
}

function momentsOf(visits: { person: Person; from: Moment }[]): Map<string, Moment[]> {
  const moments = new Map<string, Moment[]>();
  for (const { person, from } of visits) {
    const ofPerson = moments.get(person.id);
    if (ofPerson) ofPerson.push(from);
    else moments.set(person.id, [from]);
  }
  for (const ofPerson of moments.values()) ofPerson.sort((a, b) => a - b);
  return moments;
}

/** Each line with the user or the enterprise whose row it tells of, as the triggers find them. */
function logRows(changes: Change[], span: { from: Moment; now: Moment }, identities: Identity[], keys: Key[]): Row[] {
  const userOfDid = new Map(identities.map(({ did, person }) => [did, person.id]));
  const enterpriseOf = new Map(keys.map(({ id, organizationId }) => [id, organizationId]));
  // Rows that are older than the log are known by what they began with all the same.
  const userOf = new Map<string, string | undefined>();
  for (const { table, id, action, after } of changes) {
    if (action !== 'create') continue;
    if (table === 'credentials') userOf.set(id, userOfDid.get(String(after!.subject_did)));
    else if (table === 'did_documents' || table === 'domains') userOf.set(id, String(after!.user_id));
  }
  return inOrder(
    withinLog(changes, span.from, span.now).map((change) => ({
      moment: change.moment,
      row: {
        actor_id: change.actor?.id ?? null,
        user_id: change.table === 'users' ? change.id : (userOf.get(change.id) ?? null),
        enterprise_id: change.table === 'enterprise_accounts' ? change.id : (enterpriseOf.get(change.id) ?? null),
        entity_type: change.table,
        entity_id: change.id,
        action: change.action,
        changes: { json: { before: change.before, after: change.after } },
        database_user: 'ubeu_host',
        created_at: timestamp(change.moment),
      },
    })),
  );
}
