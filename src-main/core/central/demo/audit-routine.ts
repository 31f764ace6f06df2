import type { AuditEvent } from './audit-event.ts';
import { day, type Moment, minute, workingMoment } from './calendar.ts';
import type { Person } from './people.ts';
import { type Random, weightedPicker } from './random.ts';
import { userAgents } from './sessions.ts';

interface Setting {
  random: Random;
  people: Person[];
}

interface Routine {
  type: string;
  /** Occurrences relative to the others. */
  weight: number;
  data(setting: Setting, actor: Person): Record<string, unknown>;
  /** Done by administrators and operators alone. */
  privileged?: boolean;
  /** Nobody is signed in yet. */
  anonymous?: boolean;
}

const routines: Routine[] = [
  { type: 'user.login', weight: 460, data: signIn },
  {
    type: 'user.logout',
    weight: 170,
    data: ({ random }) => ({ duration_minutes: Math.round(random.around(190, 0.5)) }),
  },
  { type: 'session.refreshed', weight: 150, data: (_, actor) => ({ ip: actor.address }) },
  { type: 'user.login_failed', weight: 42, anonymous: true, data: failedSignIn },
  { type: 'report.exported', weight: 40, data: reportExport },
  {
    type: 'document.viewed',
    weight: 48,
    data: ({ random }) => ({ document: `FAC-${random.integer(2024, 2026)}-${random.integer(10_000, 99_999)}` }),
  },
  {
    type: 'password.changed',
    weight: 16,
    data: (_, actor) => ({ user_id: actor.id, email: actor.email, method: 'self_service' }),
  },
  {
    type: 'mfa.enrolled',
    weight: 7,
    data: ({ random }, actor) => ({
      user_id: actor.id,
      email: actor.email,
      before: { methods: ['totp'] },
      after: { methods: ['totp', random.pick(['webauthn', 'sms'])] },
    }),
  },
  { type: 'permission.denied', weight: 12, data: deniedAccess },
  {
    type: 'session.revoked',
    weight: 9,
    privileged: true,
    data: ({ random, people }) => ({
      user_id: random.pick(people).id,
      sessions: random.integer(1, 3),
      reason: random.pick(['Device lost', 'Mot de passe réinitialisé', 'Requested by the user']),
    }),
  },
  {
    type: 'data_source.tested',
    weight: 10,
    privileged: true,
    data: ({ random }) => ({
      name: random.pick(['Entrepôt de données', 'Facturation (réplica)', 'CRM', 'Grand livre']),
      latency_ms: Math.round(random.around(30, 0.5)),
      ok: random.chance(0.97),
    }),
  },
  { type: 'settings.changed', weight: 0.4, privileged: true, data: settingChange },
];

const pickRoutine = weightedPicker(routines, (routine) => routine.weight);

/** The daily noise around the facts: `count` events between `from` and `now`, by people who could act at the time. */
export function routineEvents(
  random: Random,
  people: Person[],
  count: number,
  from: Moment,
  now: Moment,
): AuditEvent[] {
  const joined = people.filter((person) => person.status !== 'invited');
  const officers = joined.filter(
    (person) => person.status === 'active' && (person.role === 'admin' || person.role === 'operator'),
  );
  const setting: Setting = { random, people: joined };
  return Array.from({ length: count }, (): AuditEvent => {
    const routine = pickRoutine(random);
    const actor = random.pick(routine.privileged ? officers : joined);
    const start = Math.max(from, Math.min(actor.createdAt + 2 * day, now - minute));
    const end = actor.status === 'active' ? now : Math.max(start, actor.updatedAt - minute);
    return {
      moment: workingMoment(random, start, end),
      actor: routine.anonymous ? null : actor,
      type: routine.type,
      data: routine.data(setting, actor),
    };
  });
}

function signIn({ random }: Setting, actor: Person): Record<string, unknown> {
  return {
    ip: random.chance(0.82) ? actor.address : `198.51.100.${random.integer(2, 250)}`,
    method: random.pick(['password+totp', 'password+totp', 'webauthn', 'sso']),
    user_agent: random.pick(userAgents),
  };
}

function failedSignIn({ random }: Setting, actor: Person): Record<string, unknown> {
  return {
    email: actor.email,
    ip: random.chance(0.7) ? actor.address : `192.0.2.${random.integer(2, 250)}`,
    reason: random.pick([
      'invalid_password',
      'invalid_password',
      'invalid_password',
      'totp_mismatch',
      'unknown_device',
    ]),
  };
}

function reportExport({ random }: Setting): Record<string, unknown> {
  return {
    report: random.pick([
      'consumption-by-site',
      'unpaid-invoices',
      'outages-monthly',
      'carbon-balance',
      'tariff-comparison',
    ]),
    format: random.pick(['csv', 'xlsx', 'pdf']),
    rows: Math.round(random.around(900, 1.1)),
  };
}

function deniedAccess({ random }: Setting, actor: Person): Record<string, unknown> {
  return {
    permission: random.pick(['api_keys:write', 'people:write', 'ledger:write', 'audit:read']),
    role: actor.role,
    ip: actor.address,
  };
}

function settingChange({ random }: Setting): Record<string, unknown> {
  const [setting, before, after] = random.pick([
    ['session_lifetime_minutes', 720, 480],
    ['password_minimum_length', 10, 14],
    ['api_key_default_lifetime_days', 730, 365],
    ['mfa_required', false, true],
    ['audit_retention_days', 365, 1095],
  ] as const);
  return { setting, before: { value: before }, after: { value: after } };
}
