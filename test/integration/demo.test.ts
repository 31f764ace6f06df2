import { createPublicKey } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Demo } from '../../src-main/core/central/demo/fill.ts';
import { fillSkyGenesisDemo } from '../../src-main/core/central/demo/sky-genesis.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';

const now = new Date();
const moment = now.toISOString().replace('T', ' ').replace('Z', '');
const progress: { step: string; done: number; total: number }[] = [];
let database: FreshDatabase;
let client: pg.Client;
let demo: Demo;

beforeAll(async () => {
  database = await freshDatabase();
  client = database.client;
  await migrateSystem(client, 'sky-genesis', 'up');
  const onProgress = (step: string, done: number, total: number) => progress.push({ step, done, total });
  demo = await fillSkyGenesisDemo(client, { now, onProgress });
});
afterAll(() => database.drop());

async function rowsOf<Row extends pg.QueryResultRow = Record<string, unknown>>(
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return (await client.query<Row>(sql, values)).rows;
}

/** How many rows of a table an organization has, or how many of them a condition picks. `$1` is the organization. */
async function count(from: string, organization = demo.organization.id): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(`SELECT count(*)::INTEGER AS count FROM api_service.${from}`, [
    organization,
  ]);
  return row!.count;
}

/** Rows of the whole database that should not be there. */
async function wrong(from: string): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(`SELECT count(*)::INTEGER AS count FROM api_service.${from}`);
  return row!.count;
}

const ofOrganization = 'WHERE organization_id = $1';

describe('the main organization', () => {
  test('is as large as promised', async () => {
    expect(await count(`users ${ofOrganization}`)).toBe(250);
    expect(await count(`api_keys ${ofOrganization}`)).toBe(60);
    expect(await count(`audit_events ${ofOrganization}`)).toBe(20_000);
    expect(await count(`api_access_log ${ofOrganization}`)).toBe(50_000);
    expect(
      await count('user_sessions WHERE user_id IN (SELECT id FROM api_service.users WHERE organization_id = $1)'),
    ).toBe(40);
  });

  test('has people in believable roles and states, under addresses that reach nobody', async () => {
    const people = await rowsOf<{ email: string; full_name: string; role: string; status: string }>(
      `SELECT email, full_name, role, status FROM api_service.users ${ofOrganization}`,
      [demo.organization.id],
    );
    const having = (role: string) => people.filter((person) => person.role === role).length;
    const being = (status: string) => people.filter((person) => person.status === status).length;
    expect(having('admin')).toBe(4);
    expect(having('operator')).toBeGreaterThanOrEqual(5);
    expect(having('auditor')).toBeGreaterThanOrEqual(2);
    expect(having('member') + having('user')).toBeGreaterThan(125);
    expect(being('active')).toBeGreaterThan(200);
    for (const status of ['invited', 'suspended', 'locked', 'inactive', 'deactivated'])
      expect(being(status), status).toBeGreaterThan(0);

    expect(people.every((person) => /^[a-z.-]+@nordhaven\.example$/.test(person.email))).toBe(true);
    expect(new Set(people.map((person) => person.full_name)).size).toBeGreaterThan(240);
    expect(people.filter((person) => /[^ -~]/.test(person.full_name)).length).toBeGreaterThan(75);
  });

  test('has two administrators and an auditor to work with, all active', async () => {
    const found = async ({ id, email }: { id: string; email: string }) => {
      const sql = 'SELECT role, status, organization_id FROM api_service.users WHERE id = $1 AND email = $2';
      return (await rowsOf(sql, [id, email]))[0];
    };
    const home = { status: 'active', organization_id: demo.organization.id };
    expect(await found(demo.operator)).toEqual({ role: 'admin', ...home });
    expect(await found(demo.secondOperator)).toEqual({ role: 'admin', ...home });
    expect(await found(demo.auditor)).toEqual({ role: 'auditor', ...home });
    expect(demo.operator.id).not.toBe(demo.secondOperator.id);
  });

  test('has keys that expire in every window, some out of force, some in overlap', async () => {
    const within = (from: number, to: number) =>
      count(
        `api_keys ${ofOrganization} AND status IN ('active', 'retiring')
         AND expires_at > TIMESTAMP '${moment}' + INTERVAL '${from} days' AND expires_at <= TIMESTAMP '${moment}' + INTERVAL '${to} days'`,
      );
    expect(await within(0, 14)).toBe(6);
    for (const [from, to] of [
      [14, 30],
      [30, 60],
      [60, 90],
    ] as const)
      expect(await within(from, to)).toBeGreaterThanOrEqual(5);
    expect(await count(`api_keys ${ofOrganization} AND status = 'expired' AND expires_at < '${moment}'`)).toBe(2);
    expect(await count(`api_keys ${ofOrganization} AND status = 'revoked' AND revoked_at < '${moment}'`)).toBe(3);

    const overlapping = await rowsOf<{ same: boolean; used: boolean }>(
      `SELECT old.label = new.label AND old.permissions = new.permissions AND old.owner_id = new.owner_id AS same,
         new.last_used_at IS NOT NULL AS used
       FROM api_service.api_keys AS new JOIN api_service.api_keys AS old ON old.id = new.rotated_from
       WHERE new.organization_id = $1 AND old.status = 'retiring' AND new.status = 'active' AND new.created_at < old.expires_at`,
      [demo.organization.id],
    );
    expect(overlapping).toHaveLength(3);
    expect(overlapping.every((pair) => pair.same)).toBe(true);
    // One new key is not in use yet: the case that an overlap must not end on.
    expect(overlapping.filter((pair) => !pair.used)).toHaveLength(1);
  });

  test('has certificates with real public keys, and no private key anywhere', async () => {
    const certificates = await rowsOf<{
      type: string;
      fingerprint: string;
      public_key: string;
      path: string;
      private_key: string;
    }>(
      `SELECT certificate_type AS type, certificate_fingerprint AS fingerprint, public_key, private_key_path AS path, private_key
       FROM api_service.api_keys ${ofOrganization} AND certificate_type IS NOT NULL`,
      [demo.organization.id],
    );
    expect(certificates).toHaveLength(12);
    const kinds = { RSA: 'rsa', ECDSA: 'ec', Ed25519: 'ed25519' } as Record<string, string>;
    for (const { type, fingerprint, public_key, path, private_key } of certificates) {
      expect(createPublicKey(public_key).asymmetricKeyType).toBe(kinds[type]);
      expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
      expect(path).toMatch(/^\/etc\//);
      expect(private_key).toMatch(/^vault:/);
    }
    expect(new Set(certificates.map((certificate) => certificate.type)).size).toBe(3);
    expect(new Set(certificates.map((certificate) => certificate.public_key)).size).toBe(12);
  });
});

describe('the second organization', () => {
  test('is about a tenth of the first', async () => {
    const { id } = demo.other;
    expect(await count(`users ${ofOrganization}`, id)).toBe(25);
    expect(await count(`api_keys ${ofOrganization}`, id)).toBe(6);
    expect(await count(`audit_events ${ofOrganization}`, id)).toBe(2_000);
    expect(await count(`api_access_log ${ofOrganization}`, id)).toBe(5_000);
    expect(await count(`conversations ${ofOrganization}`, id)).toBeGreaterThan(1);
  });

  test('shares nothing with the first', async () => {
    expect(
      await wrong(
        'api_access_log AS l JOIN api_service.api_keys AS k ON k.id = l.api_key_id WHERE k.organization_id <> l.organization_id',
      ),
    ).toBe(0);
    expect(
      await wrong(
        'audit_events AS e JOIN api_service.users AS u ON u.id = e.actor_id WHERE u.organization_id <> e.organization_id',
      ),
    ).toBe(0);
    expect(
      await wrong(
        'messages AS m JOIN api_service.conversations AS c ON c.id = m.conversation_id JOIN api_service.users AS u ON u.id = m.sender_id WHERE u.organization_id <> c.organization_id',
      ),
    ).toBe(0);
    expect(
      await wrong(
        'api_keys AS k JOIN api_service.users AS u ON u.id = k.owner_id WHERE u.organization_id <> k.organization_id',
      ),
    ).toBe(0);
  });
});

describe('the database', () => {
  test('has rows in every table', async () => {
    const tables = await rowsOf<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'api_service'::REGNAMESPACE AND relkind IN ('r', 'p') AND NOT relispartition`,
    );
    expect(tables.length).toBeGreaterThanOrEqual(18);
    for (const { name } of tables) expect(await wrong(name), name).toBeGreaterThan(0);
    expect(await wrong('ai_inference_log')).toBeGreaterThan(2_000);
    expect(await wrong('messages')).toBeGreaterThan(1_500);
  });

  test('has statistics, and logs in their months', async () => {
    const [row] = await rowsOf(
      `SELECT reltuples::INTEGER AS rows FROM pg_class WHERE oid = 'api_service.api_access_log'::REGCLASS`,
    );
    expect(row).toEqual({ rows: 55_000 });
    expect(await wrong('api_access_log_default')).toBe(0);
    expect(await wrong('audit_events_default')).toBe(0);
  });

  test('takes new rows: the sequences have counted along, in the order of time', async () => {
    const [line] = await rowsOf(
      'INSERT INTO api_service.api_access_log (response_status) VALUES (200) RETURNING id::INTEGER',
    );
    expect(line).toEqual({ id: 55_001 });
    expect(
      await wrong(
        'audit_events AS a JOIN api_service.audit_events AS b ON b.id = a.id + 1 WHERE b.created_at < a.created_at',
      ),
    ).toBe(0);
    await client.query('DELETE FROM api_service.api_access_log WHERE id = 55001');
  });

  test('tells one story: nothing happens before its cause or after its end', async () => {
    const never = [
      `api_access_log WHERE "timestamp" > '${moment}'`,
      `audit_events WHERE created_at > '${moment}'`,
      'api_access_log AS l JOIN api_service.api_keys AS k ON k.id = l.api_key_id WHERE l."timestamp" < k.created_at',
      'api_access_log AS l JOIN api_service.api_keys AS k ON k.id = l.api_key_id WHERE l.response_status < 400 AND l."timestamp" > LEAST(k.expires_at, k.revoked_at)',
      'api_keys AS k WHERE k.last_used_at < (SELECT max(l."timestamp") FROM api_service.api_access_log AS l WHERE l.api_key_id = k.id AND l.response_status < 400)',
      'audit_events AS e JOIN api_service.users AS u ON u.id = e.actor_id WHERE e.created_at < u.created_at',
      `audit_events AS e JOIN api_service.users AS u ON u.id = e.actor_id WHERE u.status IN ('deactivated', 'suspended') AND e.created_at > u.updated_at`,
      'messages AS m JOIN api_service.users AS u ON u.id = m.sender_id WHERE m.created_at < u.created_at',
      'messages AS m JOIN api_service.messages AS answered ON answered.id = m.reply_to_id WHERE answered.created_at > m.created_at OR answered.conversation_id <> m.conversation_id',
      'conversations AS c WHERE last_message_at <> (SELECT max(m.created_at) FROM api_service.messages AS m WHERE m.conversation_id = c.id)',
      'user_sessions WHERE expires_at < created_at',
    ];
    for (const from of never) expect(await wrong(from), from).toBe(0);
  });

  test('has changes with before and after, and histories that end where the row stands', async () => {
    expect(
      await wrong(`audit_events WHERE event_type = 'role.changed' AND event_data ? 'before' AND event_data ? 'after'`),
    ).toBeGreaterThan(20);
    for (const type of [
      'user.login',
      'user.login_failed',
      'api_key.created',
      'api_key.rotated',
      'api_key.revoked',
      'user.deactivated',
    ])
      expect(await wrong(`audit_events WHERE event_type = '${type}'`), type).toBeGreaterThan(0);
    expect(
      await wrong(
        `audit_events AS e JOIN api_service.users AS u ON u.id = (e.event_data ->> 'user_id')::UUID
         WHERE e.event_type = 'role.changed' AND e.event_data -> 'after' ->> 'role' <> u.role`,
      ),
    ).toBe(0);
  });

  test('is busiest on working days', async () => {
    const weekend = await wrong('audit_events WHERE extract(ISODOW FROM created_at) >= 6');
    expect(weekend / (await wrong('audit_events'))).toBeLessThan(0.1);
  });

  test('keeps no clear secret', async () => {
    expect(await wrong(`api_keys WHERE key_value !~ '^sha256:[0-9a-f]{64}$'`)).toBe(0);
    expect(await wrong(`user_sessions WHERE access_token !~ '^sha256:' OR refresh_token !~ '^sha256:'`)).toBe(0);
    expect(await wrong(`users WHERE password_hash !~ '^([$]2b[$]12[$][./A-Za-z0-9]{53}|!)$'`)).toBe(0);
    expect(await wrong(`data_sources WHERE password_hash !~ '^vault:'`)).toBe(0);
  });
});

describe('filling', () => {
  test('tells how far it is, up to the last row', () => {
    const done = progress.map((event) => event.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ step: 'api_access_log', done: progress[0]!.total });
  });

  test('refuses a database that has an organization, and leaves it as it is', async () => {
    await expect(fillSkyGenesisDemo(client, { now })).rejects.toThrow('empty database');
    expect(await wrong('organizations')).toBe(2);
  });

  test('gives the same rows for the same seed and moment, and others for another seed', async () => {
    const scale = { people: 40, keys: 25, auditEvents: 300, accessLog: 500 };
    const past = new Date('2026-03-10T09:30:00Z');
    const first = await digestOfDemo({ now: past, seed: 7, scale });
    expect(await digestOfDemo({ now: past, seed: 7, scale })).toEqual(first);
    const other = await digestOfDemo({ now: past, seed: 8, scale });
    for (const table of Object.keys(first)) expect(other[table], table).not.toBe(first[table]);
  });
});

async function digestOfDemo(options: Parameters<typeof fillSkyGenesisDemo>[1]): Promise<Record<string, string>> {
  const fresh = await freshDatabase();
  try {
    await migrateSystem(fresh.client, 'sky-genesis', 'up');
    await fillSkyGenesisDemo(fresh.client, options);
    const digests: Record<string, string> = {};
    for (const table of new Set(progress.map((event) => event.step))) {
      const { rows } = await fresh.client.query<{ digest: string }>(
        `SELECT md5(string_agg(t::TEXT, ';' ORDER BY t::TEXT)) AS digest FROM api_service.${table} AS t`,
      );
      digests[table] = rows[0]!.digest;
    }
    return digests;
  } finally {
    await fresh.drop();
  }
}
