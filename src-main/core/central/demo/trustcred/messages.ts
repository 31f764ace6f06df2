import { day, hour, type Moment, minute, second, timestamp } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Random } from '../random.ts';
import type { Credential } from './credentials.ts';
import { activeIn, type Person } from './people.ts';
import { logSpan, type Profile } from './profile.ts';
import type { Verification } from './verifications.ts';

export interface Messages {
  notifications: Row[];
  preferences: Row[];
  texts: Row[];
}

/** What people were told in the last year, how, and how they want to be told. */
export function generateMessages(
  random: Random,
  profile: Profile,
  people: Person[],
  credentials: Credential[],
  verifications: Verification[],
  now: Moment,
): Messages {
  const from = now - logSpan;
  const byText = new Set(people.filter((_, index) => index % 5 === 1));
  const news = credentials
    .flatMap((credential) => newsOf(credential))
    .filter(({ moment }) => moment > from && moment < now - minute);
  const alerts = activeIn(people, 'admin').flatMap((admin) => alertsFor(admin, now));
  const requests = verifications
    .filter((verification) => verification.method === 'web_interface' && random.chance(0.1))
    .map((verification) => requestOf(verification));
  return {
    notifications: [...news, ...alerts, ...requests].map((item) => notificationRow(random, item, now)),
    preferences: people
      .filter((_, index) => index % 3 === 1)
      .flatMap((person) => types.map((type) => preferenceRow(random, person, type, byText.has(person)))),
    texts: textRows(
      random,
      profile,
      news.filter(({ person }) => byText.has(person)),
      activeIn(people, 'recipient')[0]!,
      now,
    ),
  };
}

const types = ['credential_issued', 'credential_revoked', 'verification_request', 'system_alert'] as const;

interface News {
  moment: Moment;
  person: Person;
  type: (typeof types)[number];
  title: string;
  message: string;
  metadata: Record<string, unknown>;
}

function newsOf({ id, schema, recipient, issuedAt, revokedAt, reason }: Credential): News[] {
  const { name } = schema.kind;
  const about = { person: recipient, metadata: { credential_id: id } };
  const news: News[] = [];
  if (issuedAt !== null) {
    const message = `« ${name} » vous a été décerné. Vous pouvez présenter ce titre dès maintenant.`;
    news.push({
      ...about,
      moment: issuedAt + 20 * second,
      type: 'credential_issued',
      title: `Nouveau titre : ${name}`,
      message,
    });
  }
  if (revokedAt !== null) {
    const message = `« ${name} » n’est plus valable. Motif : ${reason}.`;
    news.push({
      ...about,
      moment: revokedAt + 20 * second,
      type: 'credential_revoked',
      title: `Titre révoqué : ${name}`,
      message,
    });
  }
  return news;
}

function requestOf({ moment, credential, wallet }: Verification): News {
  return {
    moment,
    person: credential.recipient,
    type: 'verification_request',
    title: 'Un tiers vérifie votre titre',
    message: `Une vérification de « ${credential.schema.kind.name} » a été demandée par ${wallet ?? 'une personne sans compte'}.`,
    metadata: { credential_id: credential.id, verifier: wallet },
  };
}

/** A quiet month has one. */
function alertsFor(person: Person, now: Moment): News[] {
  return Array.from(
    { length: 12 },
    (_, index): News => ({
      moment: now - (12 - index) * 30 * day + 7 * hour,
      person,
      type: 'system_alert',
      title: index % 2 ? 'Une clé d’API expire bientôt' : 'Livraisons de webhook en échec',
      message: index % 2 ? 'Une clé expire dans 14 jours : prévoyez sa rotation.' : 'Le service distant a répondu 503.',
      metadata: { severity: 'warning' },
    }),
  ).filter(({ moment }) => moment > person.createdAt);
}

function notificationRow(random: Random, { moment, person, type, title, message, metadata }: News, now: Moment): Row {
  const readAt = moment + Math.floor(random.around(5 * hour, 1.2));
  const read = person.status === 'active' && readAt < now && random.chance(0.85);
  return {
    id: random.uuid(),
    user_id: person.id,
    type,
    title,
    message,
    metadata: { json: metadata },
    read_at: read ? timestamp(readAt) : null,
    sent_at: timestamp(moment),
  };
}

function preferenceRow(random: Random, person: Person, type: string, byText: boolean): Row {
  return {
    id: random.uuid(),
    user_id: person.id,
    notification_type: type,
    email_enabled: random.chance(0.9),
    sms_enabled: byText,
    push_enabled: random.chance(0.7),
    in_app_enabled: true,
    created_at: timestamp(person.createdAt),
  };
}

function textRows(random: Random, profile: Profile, news: News[], waiting: Person, now: Moment): Row[] {
  const row = (person: Person, message: string, createdAt: Moment, status: string, fields: Row = {}): Row => ({
    id: random.uuid(),
    user_id: person.id,
    phone_number: person.phone,
    message,
    status,
    provider: random.pick(['Swisscom', 'OVHcloud']),
    provider_message_id: status === 'pending' ? null : random.hex(24),
    error_message: null,
    sent_at: null,
    delivered_at: null,
    created_at: timestamp(createdAt),
    organization_id: profile.id,
    ...fields,
  });
  const done = news.map(({ person, title, moment }): Row => {
    const sent = { sent_at: timestamp(moment + 2 * second) };
    return random.chance(0.96)
      ? row(person, title, moment, 'delivered', {
          ...sent,
          delivered_at: timestamp(moment + random.integer(4, 50) * second),
        })
      : row(person, title, moment, 'failed', { ...sent, error_message: 'Absent subscriber' });
  });
  // On the way at this moment.
  const message = 'Votre code de connexion est en route.';
  return [
    ...done,
    row(waiting, message, now - 40 * second, 'sent', { sent_at: timestamp(now - 38 * second) }),
    row(waiting, message, now - 3 * second, 'pending'),
  ];
}
