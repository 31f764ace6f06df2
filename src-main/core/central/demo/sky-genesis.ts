import type pg from 'pg';
import { type AccessLog, generateAccessLog, type LogLine, logSpan } from './access-log.ts';
import { generateAuditEvents } from './audit-events.ts';
import { day, type Moment, timestamp, workingMoment } from './calendar.ts';
import { inOrder } from './change.ts';
import type { Row } from './copy.ts';
import { type Demo, type DemoOptions, fillTables, named } from './fill.ts';
import { dataSourceRows, generatePlatform } from './infrastructure.ts';
import { generateKeys, type Key, keyRow, noteUse } from './keys.ts';
import { generateMessaging, type Messaging } from './messaging.ts';
import { generateModels, inferenceRows, modelRow } from './models.ts';
import { generatePeople, type Person, personRow } from './people.ts';
import { type Profile, type Scale, tenthOf, usualScale } from './profile.ts';
import { type Random, seededRandom } from './random.ts';
import { generateRoutes, type Route, routeRow } from './routes.ts';
import { sessionRows } from './sessions.ts';

/**
 * Fills an empty sky-genesis database with a believable organization and a smaller second one: people, keys in every
 * state, and half a year of logs. The same `seed` and `now` give the same rows. One transaction: all of it or nothing.
 *
 * `client` is connected as the owner of the tables. Throws if there is an organization already, and for fewer than
 * 8 people or 6 keys, which could not show anything.
 */
export async function fillSkyGenesisDemo(client: pg.Client, options: DemoOptions<Scale>): Promise<Demo> {
  const now = options.now.getTime();
  const scale = { ...usualScale, ...options.scale };
  if (scale.people < 8 || scale.keys < 6) throw new RangeError('The demo needs at least 8 people and 6 keys.');
  const random = seededRandom(options.seed ?? 20_261_114);
  const [main, other] = profiles(random, scale, now);
  const platform = generatePlatform(random.fork('platform'), main.founded, now);
  const routes = generateRoutes(random.fork('routes'));
  const tenants = [main, other].map((profile) => generateTenant(random.fork(profile.domain), profile, routes, now));

  const tables = { ...platformTables(random, platform, routes, tenants, now), ...tenantTables(tenants) };
  await fillTables(client, {
    schema: 'api_service',
    from: now - logSpan,
    now,
    tables: insertionOrder.map((table) => [table, tables[table] ?? []] as const),
    onProgress: options.onProgress,
  });

  const { people } = tenants[0]!;
  return {
    organization: { id: main.id, name: main.name },
    other: { id: other.id, name: other.name },
    operator: named(people[0]!),
    secondOperator: named(people[1]!),
    auditor: named(people.find((person) => person.role === 'auditor')!),
  };
}

/** Parents first. */
const insertionOrder = [
  'organizations',
  'users',
  'user_sessions',
  'infra_nodes',
  'service_registry',
  'data_sources',
  'api_routes',
  'api_keys',
  'ai_models',
  'ai_inference_log',
  'conversations',
  'conversation_participants',
  'messages',
  'message_attachments',
  'message_reactions',
  'message_reads',
  'audit_events',
  'api_access_log',
];

interface Tenant {
  profile: Profile;
  people: Person[];
  keys: Key[];
  sessions: Row[];
  dataSources: Row[];
  messaging: Messaging;
  accessLog: AccessLog;
  auditEvents: LogLine[];
}

function profiles(random: Random, scale: Scale, now: Moment): [Profile, Profile] {
  const main: Profile = {
    id: random.uuid(),
    name: 'Nordhaven Énergie',
    countryCode: 'FR',
    domain: 'nordhaven.example',
    network: '203.0.113',
    founded: workingMoment(random, now - 1_500 * day, now - 1_490 * day),
    scale,
  };
  const other: Profile = {
    id: random.uuid(),
    name: 'Corvane Mobilité',
    countryCode: 'BE',
    domain: 'corvane.example',
    network: '192.0.2',
    founded: workingMoment(random, now - 900 * day, now - 890 * day),
    scale: tenthOf(scale),
  };
  return [main, other];
}

function generateTenant(random: Random, profile: Profile, routes: Route[], now: Moment): Tenant {
  const people = generatePeople(random.fork('people'), profile, now);
  const keys = generateKeys(random.fork('keys'), profile, people, now);
  const calls = { people, keys, count: profile.scale.accessLog };
  const accessLog = generateAccessLog(random.fork('access log'), calls, routes, now);
  noteUse(random.fork('use'), keys, accessLog.uses);
  return {
    profile,
    people,
    keys,
    accessLog,
    sessions: sessionRows(random.fork('sessions'), people, now),
    dataSources: dataSourceRows(random.fork('data sources'), profile, now),
    messaging: generateMessaging(random.fork('messaging'), profile, people, now),
    auditEvents: generateAuditEvents(random.fork('audit'), { people, keys }, profile.scale.auditEvents, now),
  };
}

function platformTables(
  random: Random,
  platform: { nodes: Row[]; services: Row[] },
  routes: Route[],
  tenants: Tenant[],
  now: Moment,
): Record<string, Row[]> {
  const { founded } = tenants[0]!.profile;
  const models = generateModels(random.fork('models'), founded);
  const developers = tenants[0]!.people.filter((person) => person.role === 'developer' && person.status === 'active');
  const owners = developers.length > 0 ? developers : tenants[0]!.people;
  const releases = random.fork('releases');
  const everyone = tenants.flatMap((tenant) => tenant.people);
  return {
    infra_nodes: platform.nodes,
    service_registry: platform.services,
    api_routes: routes.map((route, index) => routeRow(releases, route, index, founded)),
    ai_models: models.map((model) => modelRow(random.fork(model.id), model, owners)),
    ai_inference_log: inferenceRows(random.fork('inference'), models, everyone, now),
  };
}

function tenantTables(tenants: Tenant[]): Record<string, Row[]> {
  const messaging = <Part extends keyof Messaging>(part: Part) => tenants.flatMap((tenant) => tenant.messaging[part]);
  return {
    organizations: tenants.map(({ profile }) => ({
      id: profile.id,
      name: profile.name,
      country_code: profile.countryCode,
      created_at: timestamp(profile.founded),
      updated_at: timestamp(profile.founded),
    })),
    users: tenants.flatMap((tenant) => tenant.people.map(personRow)),
    user_sessions: tenants.flatMap((tenant) => tenant.sessions),
    data_sources: tenants.flatMap((tenant) => tenant.dataSources),
    api_keys: tenants.flatMap((tenant) => tenant.keys.map((key) => keyRow(key, tenant.profile))),
    conversations: messaging('conversations'),
    conversation_participants: messaging('participants'),
    messages: messaging('messages'),
    message_attachments: messaging('attachments'),
    message_reactions: messaging('reactions'),
    message_reads: messaging('reads'),
    // Numbered as they were written: by time, whoever's they are. The sequences count along.
    audit_events: inOrder(tenants.flatMap((tenant) => tenant.auditEvents)),
    api_access_log: inOrder(tenants.flatMap((tenant) => tenant.accessLog.lines)),
  };
}
