import { day, type Moment, minute, second, timestamp } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Random } from '../random.ts';
import type { Credential } from './credentials.ts';
import { logSpan, type Profile } from './profile.ts';
import type { Verification } from './verifications.ts';

interface Webhook {
  id: string;
  name: string;
  url: string;
  events: string[];
  active: boolean;
  createdAt: Moment;
}

interface Delivery {
  moment: Moment;
  webhook: Webhook;
  row: Row;
}

/** Where the organization wants to be told of what, and a year of telling. */
export function generateWebhooks(
  random: Random,
  profile: Profile,
  credentials: Credential[],
  verifications: Verification[],
  now: Moment,
): { webhooks: Row[]; deliveries: Row[] } {
  const webhooks = webhooksOf(random, profile, now);
  const happened = [
    ...credentials.flatMap(({ id, issuedAt, revokedAt }) => [
      { type: 'credential.issued', moment: issuedAt, id },
      { type: 'credential.revoked', moment: revokedAt, id },
    ]),
    ...verifications
      .filter(() => random.chance(0.15))
      .map(({ moment, credential }) => ({ type: 'credential.verified', moment, id: credential.id })),
  ];
  const deliveries: Delivery[] = [];
  for (const { type, moment, id } of happened) {
    if (moment === null || moment < now - logSpan) continue;
    for (const webhook of webhooks) {
      if (!webhook.active || !webhook.events.includes(type) || webhook.createdAt > moment) continue;
      const payload = { event: type, credential_id: id, occurred_at: new Date(moment).toISOString() };
      deliveries.push(...attempts(random, profile, webhook, type, payload, moment, now));
    }
  }
  return {
    webhooks: webhooks.map((webhook) => webhookRow(webhook, profile, deliveries)),
    deliveries: deliveries.map((delivery) => delivery.row),
  };
}

function webhooksOf(random: Random, profile: Profile, now: Moment): Webhook[] {
  const webhook = (name: string, path: string, events: string[], active: boolean, age: number): Webhook => ({
    id: random.uuid(),
    name,
    url: `https://${path}.${profile.domain}/hooks/trustcred`,
    events,
    active,
    createdAt: Math.max(profile.founded + 20 * day, now - age * day),
  });
  return [
    webhook('Scolarité', 'scolarite', ['credential.issued', 'credential.revoked'], true, 700),
    webhook('Statistiques', 'donnees', ['credential.verified'], true, 300),
    webhook('Ancien portail', 'portail', ['credential.issued'], false, 650),
  ];
}

/** Once, and again five minutes later where the other side did not take it. */
function attempts(
  random: Random,
  profile: Profile,
  webhook: Webhook,
  type: string,
  payload: Record<string, unknown>,
  happenedAt: Moment,
  now: Moment,
): Delivery[] {
  const attempt = (moment: Moment, status: number | null): Delivery => {
    const success = status === 200;
    const time = status === null ? 10_000 : Math.max(12, Math.round(random.around(140, 0.5)));
    return {
      moment,
      webhook,
      row: {
        id: random.uuid(),
        webhook_id: webhook.id,
        event_type: type,
        payload: { json: payload },
        response_status: status,
        response_body: success ? 'ok' : null,
        delivery_time_ms: time,
        success,
        error_message: success ? null : status === null ? 'Timed out after 10 seconds' : 'Service Unavailable',
        created_at: timestamp(moment),
        organization_id: profile.id,
      },
    };
  };
  const first = happenedAt + random.integer(1, 6) * second;
  const made = random.chance(0.97)
    ? [attempt(first, 200)]
    : [attempt(first, random.chance(0.5) ? 503 : null), attempt(first + 5 * minute, 200)];
  return made.filter(({ moment }) => moment <= now);
}

function webhookRow(webhook: Webhook, profile: Profile, deliveries: Delivery[]): Row {
  const last = deliveries.reduce(
    (latest, { moment, webhook: of }) => (of === webhook ? Math.max(latest, moment) : latest),
    0,
  );
  return {
    id: webhook.id,
    organization_id: profile.id,
    name: webhook.name,
    url: webhook.url,
    events: { json: webhook.events },
    secret_key: `vault:secret/${profile.domain.split('.')[0]}/webhooks/${webhook.id.slice(0, 8)}#signing_key`,
    active: webhook.active,
    retry_count: 3,
    last_triggered: last === 0 ? null : timestamp(last),
    created_at: timestamp(webhook.createdAt),
  };
}
