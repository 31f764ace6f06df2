import type pg from 'pg';
import { day, type Moment, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import { type Demo, type DemoOptions, type DemoPerson, fillTables } from './fill.ts';
import { type Random, seededRandom } from './random.ts';
import { generateApprovals } from './trustcred/approvals.ts';
import { generateAudit, registrationRows } from './trustcred/audit.ts';
import { credentialRow, generateCredentials, generateSchemas, schemaRow } from './trustcred/credentials.ts';
import { integrationRows } from './trustcred/integrations.ts';
import { generateKeys, keyRow } from './trustcred/keys.ts';
import { generateMessages } from './trustcred/messages.ts';
import { generateModels, measurementRows } from './trustcred/metrics.ts';
import {
  activeIn,
  generateFounder,
  generatePeople,
  generateUnaffiliated,
  type Person,
  personRow,
  walletAddress,
} from './trustcred/people.ts';
import { logSpan, type Profile, type Scale, tenthOf, usualScale } from './trustcred/profile.ts';
import { generateSessions, sessionRow } from './trustcred/sessions.ts';
import { generateTemplates, reviewRows, type Template, templateRow } from './trustcred/templates.ts';
import { dailyRows, generateVerifications, verificationRow } from './trustcred/verifications.ts';
import { generateWebhooks } from './trustcred/webhooks.ts';

/**
 * Fills an empty trustcred database with a university that issues credentials, a smaller federation of trades, and a few
 * organizations that have only just begun or were stopped: people, keys and credentials in every state, and a year of
 * logs. The same `seed` and `now` give the same rows. One transaction: all of it or nothing.
 *
 * `client` is connected as the owner of the tables. Throws if there is an organization already, and for fewer than
 * 20 people, 6 keys or 30 credentials, which could not show anything.
 */
export async function fillTrustcredDemo(client: pg.Client, options: DemoOptions<Scale>): Promise<Demo> {
  const now = options.now.getTime();
  const scale = { ...usualScale, ...options.scale };
  if (scale.people < 20 || scale.keys < 6 || scale.credentials < 30)
    throw new RangeError('The demo needs at least 20 people, 6 keys and 30 credentials.');
  const random = seededRandom(options.seed ?? 20_261_121);
  const categories = await marketplaceCategories(client);
  const [main, other] = issuers(random, scale, now);
  const tenants = [main, other].map((profile) => generateTenant(random.fork(profile.domain), profile, categories, now));
  const parts = [
    platformTables(random.fork('platform'), now),
    ...tenants.map(({ tables }) => tables),
    ...bystanders(random, now).map((profile) => bystanderTables(random.fork(profile.domain), profile, now)),
    {
      template_reviews: tenants.flatMap((tenant) => {
        const open = tenants.flatMap(({ templates }) => templates).filter(({ isPublic }) => isPublic);
        const known = new Set([...tenant.templates, ...open]);
        return reviewRows(random.fork(`reviews of ${tenant.profile.domain}`), tenant.people, [...known], now);
      }),
    },
  ];
  await fillTables(client, {
    schema: 'public',
    from: now - logSpan,
    now,
    tables: insertionOrder.map((table) => [table, parts.flatMap((part) => part[table] ?? [])] as const),
    seeded: ['issuer_categories', 'retention_policies'],
    onProgress: options.onProgress,
  });

  const [first, second] = tenants[0]!.people;
  return {
    organization: { id: main.id, name: main.name },
    other: { id: other.id, name: other.name },
    operator: named(first!),
    secondOperator: named(second!),
    // The document has no role for auditors; verifiers are those who only look.
    auditor: named(activeIn(tenants[0]!.people, 'verifier')[0]!),
  };
}

type Tables = Record<string, Row[]>;

/** Parents first. The marketplace's categories come with the schema. */
const insertionOrder = [
  'organizations',
  'issuer_categories',
  'retention_policies',
  'users',
  'user_sessions',
  'api_keys',
  'credential_schemas',
  'credential_templates',
  'template_reviews',
  'multisig_requirements',
  'credentials',
  'credential_approvals',
  'approval_workflows',
  'workflow_instances',
  'custom_credential_templates',
  'custom_fields',
  'organization_branding',
  'ldap_configurations',
  'ldap_user_mappings',
  'erp_integrations',
  'webhooks',
  'webhook_deliveries',
  'notification_preferences',
  'notifications',
  'sms_deliveries',
  'credential_analytics',
  'real_time_analytics',
  'analytics_models',
  'model_predictions',
  'verification_logs',
  'enhanced_audit_logs',
  'audit_logs',
];

interface Tenant {
  profile: Profile;
  people: Person[];
  templates: Template[];
  tables: Tables;
}

function issuers(random: Random, scale: Scale, now: Moment): [Profile, Profile] {
  const main: Profile = {
    id: random.uuid(),
    name: 'Université de Valmont',
    type: 'educational',
    status: 'active',
    domain: 'valmont.example',
    network: '203.0.113',
    founded: workingMoment(random, now - 1_500 * day, now - 1_490 * day),
    scale,
  };
  const other: Profile = {
    id: random.uuid(),
    name: 'Fédération arvane des métiers',
    type: 'association',
    status: 'active',
    domain: 'metiers-arve.example',
    network: '192.0.2',
    founded: workingMoment(random, now - 1_100 * day, now - 1_090 * day),
    scale: tenthOf(scale),
  };
  return [main, other];
}

/** Organizations in the states that the two issuers are not in, of the types that they are not of. */
function bystanders(random: Random, now: Moment): Profile[] {
  const bystander = (name: string, domain: string, type: Profile['type'], status: Profile['status'], age: number) => ({
    id: random.uuid(),
    name,
    type,
    status,
    domain,
    network: '198.51.100',
    founded: now - age * day,
    scale: { people: 1, keys: 0, credentials: 0, verifications: 0, auditEvents: 0 },
  });
  return [
    bystander('Brennac Formation', 'brennac.example', 'corporate', 'pending', 60),
    bystander('Canton de Mornay', 'mornay.example', 'government', 'active', 340),
    bystander('Institut Delorme', 'delorme.example', 'professional', 'suspended', 800),
    bystander('Académie Oriel', 'oriel.example', 'professional', 'revoked', 900),
  ];
}

function generateTenant(random: Random, profile: Profile, categories: Map<string, string>, now: Moment): Tenant {
  const people = generatePeople(random.fork('people'), profile, now);
  const sessions = generateSessions(random.fork('sessions'), people, now);
  const keys = generateKeys(random.fork('keys'), profile, people, now);
  const schemas = generateSchemas(random.fork('schemas'), profile);
  const templates = generateTemplates(random.fork('templates'), schemas);
  const credentials = generateCredentials(random.fork('credentials'), profile, schemas, people, now);
  const approvals = generateApprovals(random.fork('approvals'), profile, schemas, credentials, people, now);
  const verifications = generateVerifications(random.fork('verifications'), profile, credentials, people, now);
  const webhooks = generateWebhooks(random.fork('webhooks'), profile, credentials, verifications, now);
  const messages = generateMessages(random.fork('messages'), profile, people, credentials, verifications, now);
  const models = generateModels(random.fork('models'), profile, verifications, now);
  const audit = generateAudit(random.fork('audit'), profile, { people, keys, credentials, sessions }, now);
  const rows = random.fork('rows');
  const tables: Tables = {
    ...organizationTables(random.fork('organization'), profile),
    ...integrationRows(random.fork('integrations'), profile, people, now),
    users: people.map(personRow),
    user_sessions: sessions.map((session) => sessionRow(rows, session)),
    api_keys: keys.map((key) => keyRow(key, profile)),
    credential_schemas: schemas.map((schema) => schemaRow(rows, schema, profile)),
    credential_templates: templates.map((template) => templateRow(template, profile, categories)),
    multisig_requirements: approvals.requirements,
    credentials: credentials.map((credential) => credentialRow(rows, credential, profile)),
    credential_approvals: approvals.approvals,
    approval_workflows: approvals.workflows,
    workflow_instances: approvals.instances,
    webhooks: webhooks.webhooks,
    webhook_deliveries: webhooks.deliveries,
    notification_preferences: messages.preferences,
    notifications: messages.notifications,
    sms_deliveries: messages.texts,
    credential_analytics: dailyRows(random.fork('days'), profile, credentials, verifications, now),
    real_time_analytics: measurementRows(random.fork('measurements'), profile, verifications, now),
    analytics_models: models.models,
    model_predictions: models.predictions,
    verification_logs: verifications.map((verification) => verificationRow(rows, verification, profile)),
    enhanced_audit_logs: audit.enhanced,
    audit_logs: audit.plain,
  };
  return { profile, people, templates, tables };
}

function platformTables(random: Random, now: Moment): Tables {
  const people = generateUnaffiliated(random.fork('people'), now - 1_600 * day, now);
  const sessions = generateSessions(random.fork('sessions'), people, now);
  return {
    users: people.map(personRow),
    user_sessions: sessions.map((session) => sessionRow(random, session)),
  };
}

function bystanderTables(random: Random, profile: Profile, now: Moment): Tables {
  const founder = generateFounder(random.fork('people'), profile, now);
  return {
    ...organizationTables(random.fork('organization'), profile),
    users: [personRow(founder)],
    audit_logs: registrationRows(random.fork('audit'), profile, founder, now),
  };
}

function organizationTables(random: Random, profile: Profile): Tables {
  const created = timestamp(profile.founded);
  return {
    organizations: [
      {
        id: profile.id,
        name: profile.name,
        type: profile.type,
        domain: profile.domain,
        verified: profile.status !== 'pending',
        stacks_address: walletAddress(random),
        metadata_uri: `https://${profile.domain}/.well-known/issuer.json`,
        status: profile.status,
        created_at: created,
        updated_at: created,
      },
    ],
    issuer_categories: issuerCategories[profile.type].map((category) => ({
      id: random.uuid(),
      issuer_id: profile.id,
      category,
      created_at: created,
    })),
    retention_policies: retention.map(([type, days, reason]) => ({
      id: random.uuid(),
      organization_id: profile.id,
      data_type: type,
      retention_period_days: days,
      retention_reason: reason,
      active: true,
      created_at: created,
    })),
  };
}

const issuerCategories: Record<Profile['type'], string[]> = {
  educational: ['Education', 'Research', 'Continuing education'],
  association: ['Membership', 'Professional certification'],
  professional: ['Professional certification'],
  government: ['Public administration'],
  corporate: ['Employment'],
};

const retention: [type: string, days: number, reason: string][] = [
  ['audit_logs', 2_555, 'SOC 2, ISO 27001: audit trail of seven years'],
  ['enhanced_audit_logs', 2_555, 'SOC 2, ISO 27001: audit trail of seven years'],
  ['verification_logs', 1_095, 'Disputes about a credential; GDPR art. 5 (1) e'],
  ['model_predictions', 365, 'Explaining a prediction; GDPR art. 22'],
  ['notifications', 365, 'GDPR art. 5 (1) e: storage limitation'],
  ['sms_deliveries', 180, 'GDPR art. 5 (1) e: storage limitation'],
  ['user_sessions', 90, 'Security investigations; GDPR art. 5 (1) e'],
  ['webhook_deliveries', 90, 'GDPR art. 5 (1) e: storage limitation'],
  ['real_time_analytics', 90, 'Dashboards; daily figures are kept'],
];

async function marketplaceCategories(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; id: string }>('SELECT name, id FROM public.template_categories');
  return new Map(rows.map(({ name, id }) => [name, id]));
}

function named(person: Person): DemoPerson {
  return { id: person.id, email: person.email };
}
