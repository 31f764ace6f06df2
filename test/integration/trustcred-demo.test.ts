import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Demo } from '../../src-main/core/central/demo/fill.ts';
import { fillTrustcredDemo } from '../../src-main/core/central/demo/trustcred.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';

const now = new Date();
const moment = `'${now.toISOString()}'::TIMESTAMPTZ`;
const progress: { step: string; done: number; total: number }[] = [];
let database: FreshDatabase;
let demo: Demo;

beforeAll(async () => {
  database = await freshDatabase();
  await migrateSystem(database.client, 'trustcred', 'up');
  const onProgress = (step: string, done: number, total: number) => progress.push({ step, done, total });
  demo = await fillTrustcredDemo(database.client, { now, onProgress });
});
afterAll(() => database.drop());

async function values(sql: string, parameters: unknown[] = []): Promise<unknown[]> {
  const { rows } = await database.client.query<Record<string, unknown>>(sql, parameters);
  return rows.map((row) => Object.values(row)[0]);
}

async function count(from: string, parameters: unknown[] = []): Promise<number> {
  const [found] = await values(`SELECT count(*)::INTEGER FROM public.${from}`, parameters);
  return found as number;
}

describe('the main issuer', () => {
  const of = (column: string) => `WHERE ${column} = '${demo.organization.id}'`;

  test('is as large as promised', async () => {
    expect(await count(`users ${of('organization_id')}`)).toBe(300);
    expect(await count(`api_keys ${of('organization_id')}`)).toBe(40);
    expect(await count(`credentials ${of('issuer_id')}`)).toBe(1_500);
    expect(await count(`verification_logs ${of('organization_id')}`)).toBe(9_000);
    expect(await count(`audit_logs ${of('organization_id')}`)).toBe(9_000);
    for (const log of ['webhook_deliveries', 'real_time_analytics'])
      expect(await count(`${log} ${of('organization_id')}`), log).toBeGreaterThan(1_000);
    for (const log of ['enhanced_audit_logs', 'model_predictions', 'sms_deliveries'])
      expect(await count(`${log} ${of('organization_id')}`), log).toBeGreaterThan(100);
  });

  test('has two administrators and somebody who looks, all active', async () => {
    const found = async ({ id, email }: { id: string; email: string }) => {
      const sql = 'SELECT role, status, organization_id FROM public.users WHERE id = $1 AND email = $2';
      return (await database.client.query(sql, [id, email])).rows[0];
    };
    const home = { status: 'active', organization_id: demo.organization.id };
    expect(await found(demo.operator)).toEqual({ role: 'admin', ...home });
    expect(await found(demo.secondOperator)).toEqual({ role: 'admin', ...home });
    expect(await found(demo.auditor)).toEqual({ role: 'verifier', ...home });
    expect(demo.operator.id).not.toBe(demo.secondOperator.id);
  });

  test('has people with names of many languages, under addresses that reach nobody', async () => {
    expect(await count(`users ${of('organization_id')} AND email !~ '^[a-z.-]+@(etu[.])?valmont[.]example$'`)).toBe(0);
    expect(await count(`users WHERE email !~ '[.]example$'`)).toBe(0);
    expect(await count(`users ${of('organization_id')} AND full_name ~ '[^ -~]'`)).toBeGreaterThan(75);
    expect(
      await values(`SELECT count(DISTINCT full_name)::INTEGER FROM public.users ${of('organization_id')}`),
    ).toEqual([300]);
  });

  test('has keys that expire in every window, and an overlap under way', async () => {
    const expiring = (from: number, to: number) =>
      count(
        `api_keys ${of('organization_id')} AND active AND expires_at > ${moment} + INTERVAL '${from} days'
         AND expires_at <= ${moment} + INTERVAL '${to} days'`,
      );
    for (const [from, to] of [
      [0, 14],
      [14, 30],
      [30, 60],
      [60, 90],
    ] as const)
      expect(await expiring(from, to), `${from} to ${to} days`).toBeGreaterThanOrEqual(3);
    expect(
      await count(
        `api_keys AS new JOIN public.api_keys AS old ON old.id = new.rotated_from
         WHERE old.status = 'retiring' AND new.status = 'active' AND new.created_at < old.expires_at AND new.name = old.name`,
      ),
    ).toBeGreaterThan(1);
  });

  test('has a certificate that is one, and no private key', async () => {
    const [certificate] = await values(
      `SELECT ssl_certificate FROM public.organization_branding ${of('organization_id')}`,
    );
    expect(new X509Certificate(certificate as Buffer).subjectAltName).toBe('DNS:diplomes.valmont.example');
    expect(
      await values(
        `SELECT convert_from(ssl_private_key, 'UTF8') FROM public.organization_branding ${of('organization_id')}`,
      ),
    ).toEqual(['vault:secret/valmont/diplomes#private_key']);
  });
});

describe('the second issuer', () => {
  test('is about a tenth of the first', async () => {
    expect(await count('users WHERE organization_id = $1', [demo.other.id])).toBe(30);
    expect(await count('api_keys WHERE organization_id = $1', [demo.other.id])).toBe(6);
    expect(await count('credentials WHERE issuer_id = $1', [demo.other.id])).toBe(150);
    expect(await count('audit_logs WHERE organization_id = $1', [demo.other.id])).toBe(900);
  });

  test('shares nothing with the first but what is public', async () => {
    const shared = [
      'credentials AS c JOIN public.credential_schemas AS s ON s.id = c.schema_id WHERE s.organization_id <> c.issuer_id',
      'credentials AS c JOIN public.users AS u ON u.id = c.recipient_user_id WHERE u.organization_id <> c.issuer_id',
      'verification_logs AS l JOIN public.credentials AS c ON c.id = l.credential_id WHERE c.issuer_id <> l.organization_id',
      'verification_logs AS l JOIN public.users AS u ON u.id = l.verifier_user_id WHERE u.organization_id <> l.organization_id',
      'audit_logs AS l JOIN public.users AS u ON u.id = l.user_id WHERE u.organization_id <> l.organization_id',
      'enhanced_audit_logs AS l JOIN public.user_sessions AS s ON s.id = l.session_id WHERE s.user_id <> l.user_id',
      'credential_approvals AS a JOIN public.credentials AS c ON c.id = a.credential_id JOIN public.users AS u ON u.id = a.approver_id WHERE u.organization_id <> c.issuer_id',
      'api_keys AS k JOIN public.users AS u ON u.id = k.owner_id WHERE u.organization_id <> k.organization_id',
      'ldap_user_mappings AS m JOIN public.ldap_configurations AS d ON d.id = m.ldap_config_id JOIN public.users AS u ON u.id = m.local_user_id WHERE u.organization_id <> d.organization_id',
      'webhook_deliveries AS d JOIN public.webhooks AS w ON w.id = d.webhook_id WHERE w.organization_id <> d.organization_id',
      'sms_deliveries AS d JOIN public.users AS u ON u.id = d.user_id WHERE u.organization_id <> d.organization_id',
      'model_predictions AS p JOIN public.analytics_models AS m ON m.id = p.model_id WHERE m.organization_id <> p.organization_id',
      'template_reviews AS r JOIN public.credential_templates AS t ON t.id = r.template_id JOIN public.users AS u ON u.id = r.reviewer_id WHERE u.organization_id <> t.organization_id AND NOT t.is_public',
    ];
    for (const from of shared) expect(await count(from), from).toBe(0);
    expect(
      await count(
        'template_reviews AS r JOIN public.credential_templates AS t ON t.id = r.template_id JOIN public.users AS u ON u.id = r.reviewer_id WHERE u.organization_id <> t.organization_id',
      ),
    ).toBeGreaterThan(0);
  });
});

describe('the database', () => {
  test('has rows in every table', async () => {
    const tables = await values(
      `SELECT relname FROM pg_class
       WHERE relnamespace = 'public'::REGNAMESPACE AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'schema_migration'`,
    );
    expect(tables).toHaveLength(33);
    for (const table of tables) expect(await count(table as string), table as string).toBeGreaterThan(0);
  });

  test.each([
    ['organizations', 'type', ['association', 'corporate', 'educational', 'government', 'professional']],
    ['organizations', 'status', ['active', 'pending', 'revoked', 'suspended']],
    ['users', 'role', ['admin', 'issuer', 'recipient', 'super_admin', 'verifier']],
    ['users', 'status', ['active', 'deactivated', 'invited', 'suspended']],
    ['api_keys', 'status', ['active', 'compromised', 'expired', 'retiring', 'revoked', 'suspended']],
    ['credentials', 'status', ['active', 'expired', 'pending', 'revoked']],
    ['verification_logs', 'verification_method', ['api', 'mobile_app', 'qr_code', 'web_interface']],
    ['notifications', 'type', ['credential_issued', 'credential_revoked', 'system_alert', 'verification_request']],
    ['credential_approvals', 'approval_status', ['approved', 'pending', 'rejected']],
    ['workflow_instances', 'status', ['approved', 'cancelled', 'in_progress', 'rejected']],
    ['sms_deliveries', 'status', ['delivered', 'failed', 'pending', 'sent']],
    ['erp_integrations', 'sync_direction', ['bidirectional', 'inbound', 'outbound']],
    ['webhook_deliveries', 'success', [false, true]],
    ['template_reviews', 'rating', [1, 2, 3, 4, 5]],
  ])('%s have every %s there is', async (table, column, known) => {
    expect(await values(`SELECT DISTINCT ${column} FROM public.${table} ORDER BY 1`)).toEqual(known);
  });

  test('has a year of logs, each line in its month, and none from the future', async () => {
    for (const [log, date] of [
      ['verification_logs', 'verified_at'],
      ['audit_logs', 'created_at'],
      ['enhanced_audit_logs', 'created_at'],
      ['webhook_deliveries', 'created_at'],
      ['sms_deliveries', 'created_at'],
      ['real_time_analytics', 'timestamp'],
      ['model_predictions', 'prediction_timestamp'],
    ] as const) {
      expect(await count(`${log}_default`), log).toBe(0);
      expect(await count(`${log} WHERE "${date}" > ${moment}`), log).toBe(0);
      expect(await count(`${log} WHERE "${date}" < ${moment} - INTERVAL '367 days'`), log).toBe(0);
      expect(
        await values(`SELECT count(DISTINCT date_trunc('month', "${date}"))::INTEGER >= 12 FROM public.${log}`),
        log,
      ).toEqual([true]);
    }
  });

  test('has no moment in the future that is not a promise', async () => {
    const columns = await database.client.query<{ table: string; column: string }>(
      `SELECT table_name AS table, column_name AS column FROM information_schema.columns
       JOIN pg_class ON oid = format('public.%I', table_name)::REGCLASS AND NOT relispartition
       WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' AND table_name <> 'schema_migration'
         AND column_name <> 'expires_at'`,
    );
    expect(columns.rows.length).toBeGreaterThan(50);
    // The schema's own rows are as old as the database.
    for (const { table, column } of columns.rows.filter((found) => found.table !== 'template_categories'))
      expect(await count(`${table} WHERE "${column}" > ${moment}`), `${table}.${column}`).toBe(0);
  });

  test('tells one story: nothing happens before its cause or after its end', async () => {
    const never = [
      'credentials AS c JOIN public.users AS u ON u.id = c.recipient_user_id WHERE c.created_at < u.created_at',
      'credentials WHERE issued_at < created_at OR revoked_at < issued_at OR revoked_at > expires_at',
      `credentials WHERE (status = 'revoked') <> (revoked_at IS NOT NULL)`,
      `credentials WHERE status = 'expired' AND expires_at > ${moment} OR status = 'active' AND expires_at <= ${moment}`,
      `credentials WHERE (status = 'pending') <> (issued_at IS NULL)`,
      `credential_approvals AS a JOIN public.credentials AS c ON c.id = a.credential_id WHERE c.issued_at IS NOT NULL AND (a.approval_status <> 'approved' OR a.approved_at > c.issued_at)`,
      'verification_logs AS l JOIN public.credentials AS c ON c.id = l.credential_id WHERE c.issued_at IS NULL OR l.verified_at < c.issued_at',
      `verification_logs AS l JOIN public.credentials AS c ON c.id = l.credential_id WHERE (l.verification_result ->> 'valid')::BOOLEAN AND l.verified_at > LEAST(c.revoked_at, c.expires_at)`,
      'audit_logs AS l JOIN public.users AS u ON u.id = l.user_id WHERE l.created_at < u.created_at',
      `audit_logs AS l JOIN public.users AS u ON u.id = l.user_id WHERE u.status <> 'active' AND l.created_at > u.updated_at`,
      `audit_logs AS l JOIN public.users AS u ON u.id = l.user_id WHERE l.action = 'user.login' AND l.created_at > u.last_login`,
      'user_sessions AS s JOIN public.users AS u ON u.id = s.user_id WHERE s.created_at < u.created_at OR s.created_at > u.last_login OR s.expires_at < s.created_at OR s.revoked_at < s.created_at',
      `user_sessions AS s JOIN public.users AS u ON u.id = s.user_id WHERE u.status <> 'active' AND s.revoked_at IS NULL AND s.expires_at > u.updated_at`,
      'api_keys WHERE last_used < created_at OR last_used > LEAST(revoked_at, expires_at)',
      'webhook_deliveries AS d JOIN public.webhooks AS w ON w.id = d.webhook_id WHERE d.created_at < w.created_at OR d.created_at > w.last_triggered',
      'notifications AS n JOIN public.users AS u ON u.id = n.user_id WHERE n.sent_at < u.created_at OR n.read_at < n.sent_at',
      'template_reviews AS r JOIN public.credential_templates AS t ON t.id = r.template_id JOIN public.users AS u ON u.id = r.reviewer_id WHERE r.created_at < GREATEST(t.created_at, u.created_at)',
      'workflow_instances WHERE completed_at < started_at',
      'ldap_user_mappings WHERE last_sync_at < created_at',
    ];
    for (const from of never) expect(await count(from), from).toBe(0);
  });

  test('adds up: daily figures are those of the rows', async () => {
    const [verified] = await values(`SELECT sum(verification_requests)::INTEGER FROM public.credential_analytics`);
    expect(verified).toBe(
      await count(
        `verification_logs AS l WHERE EXISTS (SELECT FROM public.credential_analytics AS d
           WHERE d.organization_id = l.organization_id AND d.date = (l.verified_at AT TIME ZONE 'UTC')::DATE)`,
      ),
    );
    expect(verified).toBeGreaterThan(9_000);
    expect(
      await count(
        `credential_analytics AS d WHERE d.credentials_issued <> (SELECT count(*) FROM public.credentials AS c
           WHERE c.issuer_id = d.organization_id AND (c.issued_at AT TIME ZONE 'UTC')::DATE = d.date)
         OR d.credentials_revoked <> (SELECT count(*) FROM public.credentials AS c
           WHERE c.issuer_id = d.organization_id AND (c.revoked_at AT TIME ZONE 'UTC')::DATE = d.date)`,
      ),
    ).toBe(0);
  });

  test('gives every organization its retention, and audit rows their end by it', async () => {
    expect(await count('retention_policies')).toBe(9 * (await count('organizations')));
    expect(
      await count(
        `enhanced_audit_logs WHERE retention_until IS DISTINCT FROM (created_at AT TIME ZONE 'UTC')::DATE + 2555`,
      ),
    ).toBe(0);
  });

  test('has statistics', async () => {
    expect(
      await values(`SELECT reltuples::INTEGER FROM pg_class WHERE oid = 'public.verification_logs'::REGCLASS`),
    ).toEqual([9_900]);
  });
});

describe('filling', () => {
  test('tells how far it is, up to the last row', () => {
    const done = progress.map((event) => event.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ step: 'audit_logs', done: progress[0]!.total });
  });

  test('refuses a database that has an organization, and leaves it as it is', async () => {
    await expect(fillTrustcredDemo(database.client, { now })).rejects.toThrow('empty database');
    expect(await count('organizations')).toBe(6);
  });

  test('gives the same rows for the same seed and moment, and others for another seed', async () => {
    const scale = { people: 40, keys: 25, credentials: 120, verifications: 300, auditEvents: 300 };
    const past = new Date('2026-03-10T09:30:00Z');
    const first = await digestOfDemo({ now: past, seed: 7, scale });
    expect(Object.keys(first)).toHaveLength(32);
    expect(await digestOfDemo({ now: past, seed: 7, scale })).toEqual(first);
    const other = await digestOfDemo({ now: past, seed: 8, scale });
    for (const table of Object.keys(first)) expect(other[table], table).not.toBe(first[table]);
  });
});

async function digestOfDemo(options: Parameters<typeof fillTrustcredDemo>[1]): Promise<Record<string, string>> {
  const fresh = await freshDatabase();
  try {
    await migrateSystem(fresh.client, 'trustcred', 'up');
    await fillTrustcredDemo(fresh.client, options);
    const digests: Record<string, string> = {};
    for (const table of new Set(progress.map((event) => event.step))) {
      const { rows } = await fresh.client.query<{ digest: string }>(
        `SELECT md5(string_agg(t::TEXT, ';' ORDER BY t::TEXT)) AS digest FROM public.${table} AS t`,
      );
      digests[table] = rows[0]!.digest;
    }
    return digests;
  } finally {
    await fresh.drop();
  }
}
