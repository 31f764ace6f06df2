import { hour, type Moment, minute, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import { type Random, weightedPicker } from '../random.ts';
import { userAgents } from '../sessions.ts';
import type { Credential } from './credentials.ts';
import type { Key } from './keys.ts';
import { activeIn, type Person, type Role, somebodyAt } from './people.ts';
import { logSpan, type Profile } from './profile.ts';
import type { Session } from './sessions.ts';

interface AuditEvent {
  moment: Moment;
  action: string;
  /** Null where nobody is signed in, or the system does it. */
  actor: Person | null;
  resource: [type: string, id: string];
  details: Record<string, unknown>;
  session?: Session;
}

interface Setting {
  people: Person[];
  keys: Key[];
  credentials: Credential[];
  sessions: Session[];
}

/**
 * A year of what must have happened for people, keys and credentials to be as they are, and the routine between; and of
 * what compliance asks for, the enhanced trail.
 */
export function generateAudit(
  random: Random,
  profile: Profile,
  setting: Setting,
  now: Moment,
): { plain: Row[]; enhanced: Row[] } {
  const from = now - logSpan;
  const { auditEvents: count } = profile.scale;
  const facts = factualEvents(random.fork('facts'), setting)
    .filter(({ moment }) => moment >= from && moment <= now)
    .sort((a, b) => b.moment - a.moment)
    .slice(0, Math.floor(count * 0.8));
  const routine = routineEvents(random.fork('routine'), setting, count - facts.length, from, now);
  const events = [...facts, ...routine].sort((a, b) => a.moment - b.moment);
  const signIns = setting.sessions.flatMap((session) => sessionEvents(session));
  const sensitive = events.filter(({ action }) => isSensitive(action));
  return {
    plain: events.map((event) => auditRow(random, profile, event)),
    enhanced: [...signIns, ...sensitive]
      .sort((a, b) => a.moment - b.moment)
      .map((event) => enhancedRow(random, profile, event)),
  };
}

/** For an organization of which there is little to tell: that it came, and what became of it. */
export function registrationRows(random: Random, profile: Profile, founder: Person, now: Moment): Row[] {
  const event = (action: string, moment: Moment): AuditEvent => ({
    moment,
    action,
    actor: action === 'organization.registered' ? founder : null,
    resource: ['organization', profile.id],
    details: { name: profile.name, status: profile.status },
  });
  const events = [event('organization.registered', founder.createdAt + minute)];
  if (profile.status !== 'pending') events.push(event('organization.verified', founder.createdAt + 30 * hour));
  if (profile.status === 'suspended' || profile.status === 'revoked')
    events.push(event(`organization.${profile.status}`, workingMoment(random, now - logSpan / 2, now - hour)));
  return events.filter(({ moment }) => moment > now - logSpan).map((made) => auditRow(random, profile, made));
}

function factualEvents(random: Random, { people, keys, credentials }: Setting): AuditEvent[] {
  const administrators = activeIn(people, 'admin');
  const issuers = activeIn(people, 'issuer', 'admin');
  return [
    ...people.flatMap((person) => personHistory(random, person, administrators)),
    ...keys.flatMap((key) => keyHistory(random, key, administrators)),
    ...credentials.flatMap((credential) => credentialHistory(random, credential, issuers)),
  ];
}

function personHistory(random: Random, person: Person, administrators: Person[]): AuditEvent[] {
  const event = (action: string, moment: Moment, details: Record<string, unknown>): AuditEvent => ({
    moment,
    action,
    actor: action === 'user.activated' ? person : somebodyAt(random, administrators, moment),
    resource: ['user', person.id],
    details: { email: person.email, ...details },
  });
  const invited = event('user.invited', person.createdAt, { after: { role: person.role, status: 'invited' } });
  if (person.status === 'invited') return [invited];
  const change = { before: { status: 'invited' }, after: { status: 'active' } };
  const events = [invited, event('user.activated', person.createdAt + random.integer(10, 55) * minute, change)];
  if (person.status === 'active') return events;
  const ended = { before: { status: 'active' }, after: { status: person.status }, reason: random.pick(departures) };
  return [...events, event(`user.${person.status}`, person.updatedAt, ended)];
}

const departures = ['Fin de contrat', 'Left the university', 'Compte compromis', 'Départ à la retraite'];

function keyHistory(random: Random, key: Key, administrators: Person[]): AuditEvent[] {
  const event = (action: string, moment: Moment, details: Record<string, unknown>): AuditEvent => ({
    moment,
    action,
    actor: action === 'api_key.expired' ? null : somebodyAt(random, administrators, moment),
    resource: ['api_key', key.id],
    details: { name: key.name, key_prefix: key.marks.prefix, key_last4: key.marks.last4, ...details },
  });
  const first = key.rotatedFrom
    ? event('api_key.rotated', key.createdAt, { rotated_from: key.rotatedFrom.id })
    : event('api_key.created', key.createdAt, { permissions: key.permissions });
  if (key.revokedAt !== null) {
    const reason = key.status === 'compromised' ? 'Trouvée dans un dépôt public' : 'Plus utilisée';
    return [first, event('api_key.revoked', key.revokedAt, { reason, after: { status: key.status } })];
  }
  if (key.status === 'expired')
    return [first, event('api_key.expired', key.expiresAt!, { after: { status: 'expired' } })];
  return [first];
}

function credentialHistory(random: Random, credential: Credential, issuers: Person[]): AuditEvent[] {
  const event = (action: string, moment: Moment, details: Record<string, unknown>): AuditEvent => ({
    moment,
    action,
    actor: somebodyAt(random, issuers, moment),
    resource: ['credential', credential.id],
    details: { schema: credential.schema.kind.name, ...details },
  });
  const events = [event('credential.requested', credential.createdAt, { recipient: credential.recipient.id })];
  if (credential.issuedAt !== null) events.push(event('credential.issued', credential.issuedAt, {}));
  if (credential.revokedAt !== null)
    events.push(event('credential.revoked', credential.revokedAt, { reason: credential.reason }));
  return events;
}

function sessionEvents(session: Session): AuditEvent[] {
  const { person, createdAt, revokedAt } = session;
  const event = (action: string, moment: Moment): AuditEvent => ({
    moment,
    action,
    actor: person,
    resource: ['session', session.id],
    details: { method: person.mfa ? 'password+totp' : person.passwordHash === null ? 'wallet' : 'password' },
    session,
  });
  const started = event('session.started', createdAt);
  return revokedAt === null ? [started] : [started, event('session.ended', revokedAt)];
}

interface Routine {
  action: string;
  /** Of the resource. */
  type: string;
  /** Occurrences relative to the others. */
  weight: number;
  /** Whose it is; everybody's by default. */
  by?: Role[];
}

const routines: Routine[] = [
  { action: 'user.login', type: 'session', weight: 50 },
  { action: 'user.login_failed', type: 'session', weight: 5 },
  { action: 'credential.viewed', type: 'credential', weight: 24 },
  { action: 'report.exported', type: 'report', weight: 3, by: ['admin', 'issuer', 'verifier'] },
  { action: 'profile.updated', type: 'user', weight: 4 },
  { action: 'permission.denied', type: 'credential', weight: 2, by: ['verifier', 'recipient'] },
];

const pickRoutine = weightedPicker(routines, (routine) => routine.weight);

function routineEvents(random: Random, setting: Setting, count: number, from: Moment, now: Moment): AuditEvent[] {
  const seen = setting.people.filter(
    (person) => person.lastLogin !== null && person.lastLogin > from && person.createdAt < now - 2 * hour,
  );
  const staff = seen.filter((person) => person.role !== 'recipient');
  return Array.from({ length: count }, (): AuditEvent => {
    const { action, type, by } = pickRoutine(random);
    const able = by ? seen.filter(({ role }) => by.includes(role)) : random.chance(0.6) ? staff : seen;
    const actor = random.pick(able);
    const moment = workingMoment(random, Math.max(from, actor.createdAt + hour), actor.lastLogin!);
    const credential = random.pick(setting.credentials);
    const resource = type === 'credential' ? credential.id : type === 'user' ? actor.id : random.uuid();
    return {
      moment,
      action,
      actor: action === 'user.login_failed' ? null : actor,
      resource: [type, resource],
      details: detailsOf(random, action, actor),
    };
  });
}

function detailsOf(random: Random, action: string, actor: Person): Record<string, unknown> {
  if (action === 'user.login_failed')
    return { email: actor.email, reason: random.pick(['invalid_password', 'invalid_password', 'totp_mismatch']) };
  if (action === 'report.exported')
    return { report: random.pick(['issued', 'verifications', 'expiring']), format: random.pick(['csv', 'xlsx']) };
  if (action === 'permission.denied') return { permission: 'credentials:revoke', role: actor.role };
  return action === 'profile.updated' ? { field: random.pick(['locale', 'phone', 'department']) } : {};
}

function isSensitive(action: string): boolean {
  return (
    action.startsWith('api_key.') ||
    ['user.login_failed', 'user.suspended', 'user.deactivated', 'credential.revoked', 'permission.denied'].includes(
      action,
    )
  );
}

function auditRow(random: Random, profile: Profile, { moment, action, actor, resource, details }: AuditEvent): Row {
  const away = actor === null || random.chance(0.15);
  return {
    id: random.uuid(),
    user_id: actor?.id ?? null,
    organization_id: profile.id,
    action,
    resource_type: resource[0],
    resource_id: resource[1],
    details: { json: details },
    ip_address: away ? `198.51.100.${random.integer(2, 250)}` : actor.address,
    user_agent: action === 'api_key.expired' ? null : random.pick(userAgents),
    created_at: timestamp(moment),
  };
}

function enhancedRow(random: Random, profile: Profile, event: AuditEvent): Row {
  const { session } = event;
  const place = random.pick(event.action === 'user.login_failed' ? [...places, ...farAway] : places);
  const row = auditRow(random, profile, event);
  return {
    ...row,
    session_id: session?.id ?? null,
    ip_address: session?.address ?? row.ip_address!,
    user_agent: session?.agent ?? row.user_agent!,
    geolocation: { json: place },
    risk_score: riskOf(random, event.action, farAway.includes(place)),
    compliance_tags: { json: event.action.startsWith('credential.') ? ['SOC2', 'GDPR'] : ['SOC2', 'ISO27001'] },
  };
}

const places = [
  { country: 'CH', city: 'Genève' },
  { country: 'CH', city: 'Lausanne' },
  { country: 'FR', city: 'Annecy' },
  { country: 'FR', city: 'Lyon' },
];
const farAway = [{ country: 'BR', city: 'São Paulo' }];

function riskOf(random: Random, action: string, far: boolean): number {
  if (action === 'user.login_failed') return far ? random.integer(70, 95) : random.integer(20, 55);
  if (action === 'api_key.revoked' || action === 'permission.denied') return random.integer(35, 65);
  return random.integer(0, 20);
}
