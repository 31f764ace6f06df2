import { createHash } from 'node:crypto';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { testSystemSchema } from './system-schema.ts';
import { insertOrganization, type OrganizationRows } from './trustcred-rows.ts';
import { documentedKeys, documentedTables } from './trustcred-tables.ts';

const system = 'trustcred';
const logs = [
  ...['audit_logs', 'enhanced_audit_logs', 'model_predictions', 'real_time_analytics', 'sms_deliveries'],
  ...['verification_logs', 'webhook_deliveries'],
];
let database: FreshDatabase;
let client: pg.Client;

async function open(): Promise<void> {
  database = await freshDatabase();
  client = database.client;
}

function databaseForEachTest(): void {
  beforeEach(open);
  afterEach(() => database.drop());
}

function databaseForAllTests(): void {
  beforeAll(open);
  afterAll(() => database.drop());
}

/** Each test's changes are undone after it. */
function inTransactions(): void {
  beforeEach(() => client.query('BEGIN'));
  afterEach(async () => {
    await client.query('ROLLBACK');
    await client.query('RESET ROLE');
  });
}

/** Within a transaction, which goes on. */
async function expectRefused(sql: string, values: unknown[], error: object): Promise<void> {
  await client.query('SAVEPOINT before');
  await expect(client.query(sql, values), sql).rejects.toMatchObject(error);
  await client.query('ROLLBACK TO before');
}

async function rowsOf<Row extends pg.QueryResultRow = Record<string, unknown>>(
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return (await client.query<Row>(sql, values)).rows;
}

async function only<Value>(sql: string, values: unknown[] = []): Promise<Value> {
  const rows = await rowsOf(sql, values);
  return Object.values(rows[0]!)[0] as Value;
}

const count = (from: string) => only<number>(`SELECT count(*)::INTEGER FROM public.${from}`);

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

testSystemSchema({ system, schema: 'public', documentedTables, leastLines: 1_000 });

describe('the tables', () => {
  databaseForAllTests();
  beforeAll(() => migrateSystem(client, system, 'up'));

  test('are the 33 of the documentation', async () => {
    const tables = await rowsOf<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'public'::REGNAMESPACE AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'schema_migration'`,
    );
    expect(tables.map((table) => table.name).sort()).toEqual(Object.keys(documentedTables).sort());
    expect(tables).toHaveLength(33);
  });

  test('have the keys of the published database, and the id as their primary key', async () => {
    const keys = await rowsOf<{ name: string }>(
      `SELECT conrelid::REGCLASS || ': ' || pg_get_constraintdef(oid) AS name FROM pg_constraint
       WHERE connamespace = 'public'::REGNAMESPACE AND contype IN ('p', 'f', 'u')`,
    );
    const names = keys.map((key) => key.name);
    expect(names).toEqual(expect.arrayContaining(documentedKeys));
    for (const table of Object.keys(documentedTables))
      expect(
        names.filter((name) => name.startsWith(`${table}: PRIMARY KEY (id`)),
        table,
      ).toHaveLength(1);
  });

  test('keep every moment with its zone', async () => {
    expect(
      await rowsOf(
        `SELECT table_name, column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'`,
      ),
    ).toEqual([]);
  });

  test('that are logs are partitioned by month, and nothing references them', async () => {
    const partitioned = await rowsOf<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE AND relkind = 'p' ORDER BY 1`,
    );
    expect(partitioned.map((table) => table.name)).toEqual(logs);
    expect(
      await rowsOf(
        `SELECT conname FROM pg_constraint WHERE contype = 'f' AND confrelid IN (SELECT oid FROM pg_class WHERE relkind = 'p')`,
      ),
    ).toEqual([]);
  });

  test('find templates by their words', async () => {
    const { organization, schema } = await insertOrganization(client, 'words');
    await client.query(
      `INSERT INTO public.credential_templates (name, description, organization_id, schema_id, template_data)
       VALUES ('Diplôme', 'Master of Engineering', $1, $2, '{}')`,
      [organization, schema],
    );
    const search = `FROM public.credential_templates
      WHERE to_tsvector('simple', name || ' ' || COALESCE(description, '')) @@ plainto_tsquery('simple', 'engineering diplôme')`;
    expect(await only(`SELECT count(*)::INTEGER ${search}`)).toBe(1);
    await client.query('BEGIN');
    await client.query('SET LOCAL enable_seqscan = off');
    const plan = await rowsOf<Record<string, string>>(`EXPLAIN SELECT ${search}`);
    await client.query('ROLLBACK');
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('credential_templates_text_idx');
  });
});

describe('migrating', () => {
  databaseForEachTest();

  test('goes back and forth with data in it', async () => {
    const steps = await migrateSystem(client, system, 'up');
    await insertOrganization(client, 'one');
    for (let version = steps.length - 1; version >= 3; version--) await migrateSystem(client, system, { to: version });
    await insertOrganization(client, 'two');
    await migrateSystem(client, system, 'up');
    for (const table of ['organizations', 'users', 'user_sessions', 'credentials', 'api_keys', ...logs])
      expect(await count(table), table).toBe(2);
    // What a new organization starts with came to the one from before as well, and once.
    expect(await count('issuer_categories')).toBe(2);
    expect(await count('retention_policies')).toBe(18);
    expect(await count(`user_sessions WHERE session_token !~ '^sha256:[0-9a-f]{64}$'`)).toBe(0);
    await migrateSystem(client, system, 'down');
  });

  test('brings keys that were switched off into the life cycle as suspended', async () => {
    await migrateSystem(client, system, { to: 5 });
    await insertOrganization(client, 'one');
    await client.query('UPDATE public.api_keys SET active = NULL');
    await migrateSystem(client, system, 'up');
    expect(await rowsOf('SELECT active, status FROM public.api_keys')).toEqual([
      { active: false, status: 'suspended' },
    ]);
  });

  test('back never lets anybody in again who was shut out', async () => {
    await migrateSystem(client, system, 'up');
    await insertOrganization(client, 'one');
    const { user } = await insertOrganization(client, 'two');
    await client.query(`UPDATE public.api_keys SET status = 'revoked' WHERE key_hash = $1`, [sha256('two')]);
    await client.query(`UPDATE public.users SET status = 'deactivated' WHERE id = $1`, [user]);
    await migrateSystem(client, system, { to: 4 });
    expect(await only('SELECT key_hash FROM public.api_keys WHERE active')).toBe(sha256('one'));
    expect(await count('user_sessions WHERE expires_at > now()')).toBe(1);
    expect(await count(`user_sessions WHERE expires_at > now() AND user_id = '${user}'`)).toBe(0);
  });
});

describe('automation', () => {
  databaseForAllTests();
  let rows: OrganizationRows;
  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
    rows = await insertOrganization(client, 'one');
  });

  test('every table with updated_at has it set by the database', async () => {
    const tables = await rowsOf<{ name: string; triggered: boolean }>(
      `SELECT c.relname AS name, EXISTS (
         SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgfoid = 'public.update_timestamp'::REGPROC
       ) AS triggered
       FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'updated_at'
       WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p') ORDER BY 1`,
    );
    expect(tables.map((table) => table.name)).toEqual([
      ...['credential_schemas', 'credential_templates', 'credentials', 'custom_credential_templates'],
      ...['organization_branding', 'organizations', 'users'],
    ]);
    expect(tables.every((table) => table.triggered)).toBe(true);
    for (const { name } of tables) {
      await client.query(`UPDATE public.${name} SET updated_at = '1999-01-01'`);
      expect(await only(`SELECT min(updated_at) > now() - INTERVAL '1 minute' FROM public.${name}`), name).toBe(true);
    }
  });

  test('the marketplace has its headings, and headings under them', async () => {
    expect(await count('template_categories WHERE parent_category_id IS NULL')).toBe(6);
    expect(
      await only(
        `SELECT parent.name FROM public.template_categories AS child
         JOIN public.template_categories AS parent ON parent.id = child.parent_category_id WHERE child.name = 'Degrees'`,
      ),
    ).toBe('Education');
  });

  test('a new organization starts with a retention policy for every log, and the category of its type', async () => {
    const policies = await rowsOf<{ data_type: string }>(
      'SELECT data_type FROM public.retention_policies WHERE organization_id = $1 AND active',
      [rows.organization],
    );
    const names = policies.map((policy) => policy.data_type);
    expect(names).toEqual(expect.arrayContaining(logs));
    expect(Object.keys(documentedTables)).toEqual(expect.arrayContaining(names));
    for (const type of ['educational', 'professional', 'government', 'corporate', 'association']) {
      const id = await only<string>('INSERT INTO public.organizations (name, type) VALUES ($1, $1) RETURNING id', [
        type,
      ]);
      expect(await count(`issuer_categories WHERE issuer_id = '${id}' AND category <> ''`), type).toBe(1);
    }
  });

  test('an audit row must be kept as long as its organization says, unless its writer says so', async () => {
    await client.query(
      `UPDATE public.retention_policies SET retention_period_days = 10 WHERE data_type = 'enhanced_audit_logs'`,
    );
    const until = (organization: string | null, given: string | null = null) =>
      only(
        `INSERT INTO public.enhanced_audit_logs (organization_id, action, resource_type, created_at, retention_until)
         VALUES ($1, 'x', 'y', '2026-03-01 23:30:00Z', $2) RETURNING retention_until::TEXT`,
        [organization, given],
      );
    expect(await until(rows.organization)).toBe('2026-03-11');
    expect(await until(rows.organization, '2030-01-01')).toBe('2030-01-01');
    expect(await until(null)).toBeNull();
  });

  test.each([
    ['organizations', `UPDATE public.organizations SET type = 'guild'`],
    ['organizations', `UPDATE public.organizations SET status = 'asleep'`],
    ['users', `UPDATE public.users SET role = 'emperor'`],
    ['users', `UPDATE public.users SET status = 'gone'`],
    ['users', `UPDATE public.users SET email = 'nobody'`],
    ['credentials', `UPDATE public.credentials SET status = 'lost'`],
    ['credentials', `UPDATE public.credentials SET data_hash = 'no hash'`],
    ['credentials', `UPDATE public.credentials SET expires_at = issued_at`],
    ['verification_logs', `UPDATE public.verification_logs SET verification_method = 'telepathy'`],
    ['notifications', `UPDATE public.notifications SET type = 'gossip'`],
    ['credential_approvals', `UPDATE public.credential_approvals SET approval_status = 'perhaps'`],
    ['template_reviews', 'UPDATE public.template_reviews SET rating = 6'],
    ['template_reviews', 'UPDATE public.template_reviews SET rating = 0'],
    ['sms_deliveries', `UPDATE public.sms_deliveries SET status = 'flying'`],
    ['sms_deliveries', `UPDATE public.sms_deliveries SET phone_number = '0199000000'`],
    ['erp_integrations', `UPDATE public.erp_integrations SET sync_direction = 'sideways'`],
    ['workflow_instances', `UPDATE public.workflow_instances SET status = 'stuck'`],
    ['api_keys', `UPDATE public.api_keys SET status = 'asleep'`],
    ['api_keys', 'UPDATE public.api_keys SET rotated_from = id'],
    ['webhooks', `UPDATE public.webhooks SET url = 'http://example.example'`],
    ['enhanced_audit_logs', 'UPDATE public.enhanced_audit_logs SET risk_score = 101'],
    ['retention_policies', 'UPDATE public.retention_policies SET retention_period_days = 0'],
    ['multisig_requirements', 'UPDATE public.multisig_requirements SET required_signatures = 0'],
    ['organization_branding', `UPDATE public.organization_branding SET primary_color = 'blue'`],
  ])('a value that %s does not know is refused: %s', async (_, sql) => {
    await expect(client.query(sql)).rejects.toMatchObject({ code: '23514' });
  });
});

describe('secrets', () => {
  databaseForAllTests();
  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
    await insertOrganization(client, 'one');
  });

  test.each([
    ['api_keys.key_hash', `'tck_9QmTz4Y1bVw7Xr2KdJ8sLh5N'`],
    ['users.password_hash', `'correct horse battery staple'`],
    ['webhooks.secret_key', `'whsec_9QmTz4Y1bVw7'`],
    ['ldap_configurations.bind_password_encrypted', `'hunter2'`],
    ['erp_integrations.api_key_encrypted', `'hunter2'`],
    ['erp_integrations.api_secret_encrypted', `'hunter2'`],
    ['organization_branding.ssl_private_key', `'-----BEGIN PRIVATE KEY-----'`],
  ])('%s refuses a clear one: %s', async (column, value) => {
    const [table, name] = column.split('.');
    const update = client.query(`UPDATE public.${table} SET ${name} = ${value}`);
    await expect(update).rejects.toMatchObject({ code: '23514' });
  });

  test.each([
    ['users.password_hash', `'$2b$12$' || repeat('a', 53)`],
    ['webhooks.secret_key', `'vault:secret/hook#2'`],
    ['ldap_configurations.bind_password_encrypted', `'vault:secret/ldap#2'`],
    ['erp_integrations.api_key_encrypted', `'vault:secret/erp'`],
    ['organization_branding.ssl_private_key', 'NULL'],
  ])('%s takes what it is for: %s', async (column, value) => {
    const [table, name] = column.split('.');
    expect((await client.query(`UPDATE public.${table} SET ${name} = ${value}`)).rowCount).toBe(1);
  });

  test('a session token is stored as its hash, the first and the next', async () => {
    const stored = () => only('SELECT session_token FROM public.user_sessions');
    expect(await stored()).toBe(`sha256:${sha256('token of one')}`);
    await client.query(`UPDATE public.user_sessions SET session_token = 'renewed'`);
    expect(await stored()).toBe(`sha256:${sha256('renewed')}`);
    await client.query('UPDATE public.user_sessions SET session_token = session_token');
    expect(await stored()).toBe(`sha256:${sha256('renewed')}`);
  });

  test('are said to be secret where they stand', async () => {
    const described = await rowsOf<{ name: string }>(
      `SELECT c.relname || '.' || a.attname AS name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
       WHERE c.relnamespace = 'public'::REGNAMESPACE AND col_description(c.oid, a.attnum) LIKE 'Secret: %' ORDER BY 1`,
    );
    expect(described.map((column) => column.name)).toEqual([
      'api_keys.key_hash',
      'credentials.encrypted_data',
      'erp_integrations.api_key_encrypted',
      'erp_integrations.api_secret_encrypted',
      'ldap_configurations.bind_password_encrypted',
      'organization_branding.ssl_private_key',
      'user_sessions.session_token',
      'users.password_hash',
      'webhooks.secret_key',
    ]);
  });
});

describe('API keys', () => {
  databaseForAllTests();
  const presented = 'tck_9QmTz4Y1bVw7Xr2KdJ8sLh5N';
  let rows: OrganizationRows;

  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
    rows = await insertOrganization(client, 'one');
    await client.query(`UPDATE public.api_keys SET key_hash = $1, permissions = '["credentials:read"]'`, [
      sha256(presented),
    ]);
  });
  inTransactions();

  const change = (state: string) => client.query(`UPDATE public.api_keys SET ${state}`);
  const letIn = async (key = presented, at = 'now') =>
    (await rowsOf('SELECT * FROM public.authenticate_api_key($1, $2)', [key, at])).length > 0;
  const state = async () => (await rowsOf('SELECT active, status FROM public.api_keys'))[0];

  test('tell for whom they are let in, and with which rights', async () => {
    expect(await rowsOf('SELECT * FROM public.authenticate_api_key($1)', [presented])).toEqual([
      { api_key_id: rows.key, organization_id: rows.organization, permissions: ['credentials:read'] },
    ]);
    expect(await letIn('tck_something_else')).toBe(false);
    expect(await letIn(sha256(presented))).toBe(false);
  });

  test('are let in until they expire, and while they are in force', async () => {
    await change(`status = 'retiring', expires_at = '2026-06-15 12:00:00Z'`);
    expect(await letIn(presented, '2026-06-15 11:59:59Z')).toBe(true);
    expect(await letIn(presented, '2026-06-15 12:00:00Z')).toBe(false);
    await change('expires_at = NULL');
    for (const status of ['suspended', 'compromised', 'expired', 'revoked']) {
      await change(`status = '${status}'`);
      expect(await letIn(), status).toBe(false);
    }
  });

  test('are refused by the query that a host of the published schema asks', async () => {
    const host = `SELECT organization_id, permissions FROM api_keys
      WHERE key_hash = $1 AND active AND (expires_at IS NULL OR expires_at > now())`;
    expect(await rowsOf(host, [sha256(presented)])).toHaveLength(1);
    await change(`status = 'revoked'`);
    expect(await rowsOf(host, [sha256(presented)])).toHaveLength(0);
  });

  test('are not let in for an organization that is suspended', async () => {
    await client.query(`UPDATE public.organizations SET status = 'suspended'`);
    expect(await letIn()).toBe(false);
  });

  test('have a state that follows a host that knows active alone', async () => {
    await change('active = false');
    expect(await state()).toEqual({ active: false, status: 'suspended' });
    await change('active = true');
    expect(await state()).toEqual({ active: true, status: 'active' });
    await change(`status = 'retiring'`);
    await change('active = true');
    expect(await state()).toEqual({ active: true, status: 'retiring' });
  });

  test('are revoked once: the moment is kept, and there is no way back', async () => {
    await change(`status = 'revoked'`);
    expect(await only('SELECT revoked_at IS NOT NULL FROM public.api_keys')).toBe(true);
    for (const way of [
      `status = 'active'`,
      'active = true',
      'revoked_at = NULL',
      `status = 'active', revoked_at = NULL`,
    ])
      await expectRefused(`UPDATE public.api_keys SET ${way}`, [], { code: '23514', column: 'revoked_at' });
    expect(await letIn()).toBe(false);
  });

  test('with a moment of revocation are revoked, and compromised ones stay so', async () => {
    await change('revoked_at = now()');
    expect(await state()).toEqual({ active: false, status: 'revoked' });
    await change(`status = 'compromised'`);
    expect(await state()).toEqual({ active: false, status: 'compromised' });
  });
});

describe('sessions and sign-in', () => {
  databaseForAllTests();
  let rows: OrganizationRows;

  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
    rows = await insertOrganization(client, 'one');
  });
  inTransactions();

  const session = (at = 'now') => rowsOf('SELECT * FROM public.authenticate_session($1, $2)', ['token of one', at]);
  const account = () => rowsOf('SELECT * FROM public.sign_in_account($1)', ['ADA@One.example']);

  test('tell who is signed in, and whose password to compare', async () => {
    expect(await session()).toEqual([
      { session_id: rows.session, user_id: rows.user, organization_id: rows.organization, role: 'issuer' },
    ]);
    expect(await account()).toMatchObject([{ user_id: rows.user, organization_id: rows.organization }]);
    expect(await rowsOf('SELECT * FROM public.authenticate_session($1)', [`sha256:${sha256('token of one')}`])).toEqual(
      [],
    );
  });

  test.each(['invited', 'suspended', 'deactivated'])('somebody who is %s is not let in', async (status) => {
    await client.query('UPDATE public.users SET status = $1', [status]);
    expect(await session()).toEqual([]);
    expect(await account()).toEqual([]);
  });

  test('nobody of an organization that is revoked is let in', async () => {
    await client.query(`UPDATE public.organizations SET status = 'revoked'`);
    expect(await session()).toEqual([]);
    expect(await account()).toEqual([]);
  });

  test('a session ends when it runs out or is ended', async () => {
    expect(await session('2100-01-01')).toEqual([]);
    await client.query('UPDATE public.user_sessions SET revoked_at = now()');
    expect(await session()).toEqual([]);
  });

  test('no two accounts differ in the case of their address alone', async () => {
    const second = client.query(`INSERT INTO public.users (email, role) VALUES ('Ada@one.example', 'recipient')`);
    await expect(second).rejects.toMatchObject({ code: '23505' });
  });
});

describe('the logs', () => {
  databaseForAllTests();

  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
  });
  inTransactions();

  test.each(logs)('%s has a month back, three ahead, and a default', async (parent) => {
    const partitions = await rowsOf<{ name: string }>(
      'SELECT inhrelid::REGCLASS::TEXT AS name FROM pg_inherits WHERE inhparent = $1::REGCLASS',
      [`public.${parent}`],
    );
    const names = partitions.map((partition) => partition.name);
    expect(names).toHaveLength(1 + 1 + 1 + 3);
    expect(names).toContain(`${parent}_default`);
    expect(names).toContain(await only(`SELECT $1 || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM')`, [parent]));
  });

  test('missing months are made once', async () => {
    expect(await only('SELECT public.ensure_log_partitions(1, 3)')).toBe(0);
    expect(await only('SELECT public.ensure_log_partitions(2, 5)')).toBe(3 * logs.length);
    expect(await only('SELECT public.ensure_log_partitions(2, 5)')).toBe(0);
    const absurd = client.query('SELECT public.ensure_log_partitions(-1, 2)');
    await expect(absurd).rejects.toMatchObject({ code: '22023' });
  });

  test('months begin at midnight UTC, whatever zone the caller is in', async () => {
    await client.query(`SET TIME ZONE 'Pacific/Kiritimati'`);
    await client.query('SELECT public.ensure_log_partitions(0, 4)');
    await client.query(`SET TIME ZONE 'UTC'`);
    const bounds = await rowsOf<{ bound: string }>(
      `SELECT pg_get_expr(relpartbound, oid) AS bound FROM pg_class
       WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.audit_logs'::REGCLASS) AND relname !~ 'default'`,
    );
    expect(bounds).toHaveLength(6);
    for (const { bound } of bounds)
      expect(bound).toMatch(/^FOR VALUES FROM \('\d{4}-\d\d-01 00:00:00\+00'\) TO \('\d{4}-\d\d-01 00:00:00\+00'\)$/);
  });

  test('rows that waited in the default partition move into their month', async () => {
    await client.query(
      `INSERT INTO public.audit_logs (action, resource_type, created_at)
       SELECT 'early', 'x', now() + INTERVAL '5 months' FROM generate_series(1, 5)`,
    );
    expect(await count('audit_logs_default')).toBe(5);
    const before = await rowsOf('SELECT * FROM public.audit_logs ORDER BY id');
    await client.query('SELECT public.ensure_log_partitions(0, 6)');
    expect(await count('audit_logs_default')).toBe(0);
    expect(await rowsOf('SELECT * FROM public.audit_logs ORDER BY id')).toEqual(before);
  });

  test('a line that names no organization gets that of what it is about', async () => {
    const { organization } = await insertOrganization(client, 'one');
    for (const table of ['verification_logs', 'webhook_deliveries', 'sms_deliveries', 'model_predictions'])
      expect(await only(`SELECT organization_id FROM public.${table}`), table).toBe(organization);
  });
});

describe('isolation of the application', () => {
  databaseForAllTests();

  // Analytics has no business with these at all.
  const notForAnalytics = ['ldap_configurations', 'ldap_user_mappings', 'erp_integrations', 'organization_branding'];
  const evidence = [
    'audit_logs',
    'enhanced_audit_logs',
    'verification_logs',
    'webhook_deliveries',
    'model_predictions',
  ];
  const tenantTables = Object.keys(documentedTables).filter((table) => table !== 'template_categories');
  let ours: OrganizationRows;
  let theirs: OrganizationRows;

  beforeAll(async () => {
    await migrateSystem(client, system, 'up');
    ours = await insertOrganization(client, 'ours');
    theirs = await insertOrganization(client, 'theirs');
    // Of nobody: staff of the platform, and what happened before anybody was known.
    await client.query(`INSERT INTO public.users (email, role) VALUES ('root@platform.example', 'super_admin')`);
    for (const table of ['audit_logs', 'enhanced_audit_logs'])
      await client.query(`INSERT INTO public.${table} (action, resource_type) VALUES ('user.login_failed', 'session')`);
  });

  async function workFor(organization: string | null, role = 'trustcred_app'): Promise<void> {
    await client.query('RESET ROLE');
    await client.query(`SELECT set_config('trustcred.organization_id', $1, false)`, [organization ?? '']);
    await client.query(`SET ROLE ${role}`);
  }

  inTransactions();

  const expectForbidden = (sql: string, values: unknown[] = []) => expectRefused(sql, values, { code: '42501' });

  test.each(['trustcred_app', 'trustcred_analytics'])('%s sees its own organization on every table', async (role) => {
    for (const table of tenantTables) {
      if (role === 'trustcred_analytics' && notForAnalytics.includes(table)) {
        await workFor(ours.organization, role);
        await expectForbidden(`SELECT FROM public.${table}`);
        continue;
      }
      await client.query('RESET ROLE');
      const nobodys = { users: 1, audit_logs: 1, enhanced_audit_logs: 1 }[table] ?? 0;
      const everything = await count(table);
      await workFor(ours.organization, role);
      const mine = await count(table);
      await workFor(theirs.organization, role);
      const others = await count(table);
      expect(mine, table).toBeGreaterThan(0);
      expect(others, table).toBeGreaterThan(0);
      expect(mine + others + nobodys, table).toBe(everything);
    }
  });

  test('who has not said whom they work for sees nothing, and reference data is for everybody', async () => {
    await workFor(null);
    for (const table of tenantTables) expect(await count(table), table).toBe(0);
    expect(await count('template_categories')).toBe(12);
  });

  test('nothing is written for another organization', async () => {
    await workFor(ours.organization);
    const refused: [string, unknown[]][] = [
      [
        `INSERT INTO public.users (email, role, organization_id) VALUES ('x@y.example', 'admin', $1)`,
        [theirs.organization],
      ],
      [`INSERT INTO public.users (email, role) VALUES ('x@y.example', 'admin')`, []],
      [`UPDATE public.users SET role = 'super_admin'`, []],
      ['UPDATE public.users SET organization_id = $1', [theirs.organization]],
      [`INSERT INTO public.user_sessions (user_id, session_token, expires_at) VALUES ($1, 't', now())`, [theirs.user]],
      [
        `INSERT INTO public.api_keys (organization_id, name, key_hash, permissions) VALUES ($1, 'x', repeat('0', 64), '[]')`,
        [theirs.organization],
      ],
      [
        `INSERT INTO public.verification_logs (credential_id, verification_result) VALUES ($1, '{}')`,
        [theirs.credential],
      ],
      [
        `INSERT INTO public.verification_logs (credential_id, organization_id, verification_result) VALUES ($1, $2, '{}')`,
        [theirs.credential, ours.organization],
      ],
      [
        `INSERT INTO public.webhook_deliveries (webhook_id, organization_id, event_type, payload, success) VALUES ($1, $2, 'x', '{}', true)`,
        [theirs.webhook, ours.organization],
      ],
      [
        `INSERT INTO public.sms_deliveries (user_id, organization_id, phone_number, message) VALUES ($1, $2, '+33199000000', 'x')`,
        [theirs.user, ours.organization],
      ],
      [
        `INSERT INTO public.model_predictions (model_id, organization_id, input_data, prediction_result) VALUES ($1, $2, '{}', '{}')`,
        [theirs.model, ours.organization],
      ],
      [
        `INSERT INTO public.audit_logs (organization_id, action, resource_type) VALUES ($1, 'x', 'y')`,
        [theirs.organization],
      ],
      [`INSERT INTO public.audit_logs (user_id, action, resource_type) VALUES ($1, 'x', 'y')`, [ours.user]],
      [
        `INSERT INTO public.credential_approvals (credential_id, approver_id) VALUES ($1, $2)`,
        [theirs.credential, ours.user],
      ],
      [
        `INSERT INTO public.ldap_user_mappings (ldap_config_id, ldap_user_id, local_user_id) VALUES ($1, 'x', $2)`,
        [ours.directory, theirs.user],
      ],
      [
        `INSERT INTO public.workflow_instances (workflow_id, resource_type, resource_id) VALUES ($1, 'x', 'y')`,
        [theirs.workflow],
      ],
      [
        `INSERT INTO public.template_reviews (template_id, reviewer_id, rating) VALUES ($1, $2, 1)`,
        [theirs.template, ours.user],
      ],
      [`INSERT INTO public.template_categories (name) VALUES ('mine')`, []],
    ];
    for (const [sql, values] of refused) await expectForbidden(sql, values);
    const reached = await client.query(`UPDATE public.users SET full_name = 'x' WHERE id = $1`, [theirs.user]);
    expect(reached.rowCount).toBe(0);
  });

  test('evidence is written, and neither changed nor taken away', async () => {
    await workFor(ours.organization);
    await client.query(
      `INSERT INTO public.audit_logs (organization_id, user_id, action, resource_type) VALUES ($1, $2, 'x', 'y')`,
      [ours.organization, ours.user],
    );
    await client.query(`INSERT INTO public.audit_logs (action, resource_type) VALUES ('user.login_failed', 'session')`);
    await client.query(`INSERT INTO public.verification_logs (credential_id, verification_result) VALUES ($1, '{}')`, [
      ours.credential,
    ]);
    for (const table of evidence) {
      await expectForbidden(`UPDATE public.${table} SET id = gen_random_uuid()`);
      await expectForbidden(`DELETE FROM public.${table}`);
      await expectForbidden(`TRUNCATE public.${table}`);
    }
    // Deleting these would take log rows along, or take names out of them.
    for (const table of ['organizations', 'users', 'user_sessions', 'api_keys', 'credential_schemas', 'credentials'])
      await expectForbidden(`DELETE FROM public.${table}`);
    await expectForbidden('UPDATE public.organizations SET verified = true');
    await expectForbidden(`UPDATE public.organizations SET status = 'active'`);
    await client.query(`UPDATE public.organizations SET name = 'Ours, renamed'`);
  });

  test('a public template is there for all to read and review, and stays its owner’s', async () => {
    await client.query('UPDATE public.credential_templates SET is_public = true WHERE id = $1', [theirs.template]);
    await workFor(ours.organization);
    expect(await count('credential_templates')).toBe(2);
    expect(await count('template_reviews')).toBe(2);
    await client.query('INSERT INTO public.template_reviews (template_id, reviewer_id, rating) VALUES ($1, $2, 4)', [
      theirs.template,
      ours.user,
    ]);
    const own = 'WHERE template_id = $1';
    expect(
      (await client.query(`UPDATE public.template_reviews SET rating = 1 ${own}`, [theirs.template])).rowCount,
    ).toBe(1);
    const changed = await client.query(`UPDATE public.credential_templates SET name = 'x' WHERE id = $1`, [
      theirs.template,
    ]);
    expect(changed.rowCount).toBe(0);
    await workFor(theirs.organization);
    expect(await count('credential_templates')).toBe(1);
    expect(await count('template_reviews')).toBe(2);
  });

  test('a partition is no way around, and callers are recognized before anybody says whose they are', async () => {
    await workFor(null);
    await expectForbidden('SELECT FROM public.audit_logs_default');
    await expectForbidden(`SELECT public.ensure_log_partitions(1, 1)`);
    const session = `SELECT user_id FROM public.authenticate_session('token of ours')`;
    expect(await rowsOf(session)).toEqual([{ user_id: ours.user }]);
    const key = `SELECT * FROM public.authenticate_api_key('ours')`;
    expect(await rowsOf(key)).toMatchObject([{ organization_id: ours.organization }]);
    await workFor(null, 'trustcred_analytics');
    await expectForbidden(session);
    await expectForbidden(key);
    await expectForbidden(`SELECT * FROM public.sign_in_account('ada@ours.example')`);
  });

  test('analytics reads figures, and no secret, no person’s address, nothing to write', async () => {
    await workFor(ours.organization, 'trustcred_analytics');
    const hidden = await rowsOf<{ name: string; readable: boolean }>(
      `SELECT c.relname || '.' || a.attname AS name, has_column_privilege('trustcred_analytics', c.oid, a.attnum, 'SELECT') AS readable
       FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
       WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND (
         col_description(c.oid, a.attnum) LIKE 'Secret: %'
         OR a.attname IN ('email', 'profile', 'full_name', 'phone_number', 'ip_address', 'recipient_address', 'message')
       )`,
    );
    expect(hidden.length).toBeGreaterThan(15);
    expect(hidden.filter((column) => column.readable)).toEqual([]);
    const writable = await rowsOf(
      `SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p')
         AND (has_table_privilege('trustcred_analytics', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
           OR has_any_column_privilege('trustcred_analytics', c.oid, 'INSERT, UPDATE'))`,
    );
    expect(writable).toEqual([]);
    expect(
      await rowsOf(`SELECT role, count(*)::INTEGER AS people FROM public.users WHERE status = 'active' GROUP BY role`),
    ).toEqual([{ role: 'issuer', people: 1 }]);
  });

  test('every table is isolated, and the owner is not bound by it', async () => {
    expect(
      await rowsOf(
        `SELECT c.relname FROM pg_class AS c
         WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname <> 'schema_migration' AND NOT (
             c.relrowsecurity AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid)
           )`,
      ),
    ).toEqual([]);
    expect(
      await only(`SELECT bool_or(relforcerowsecurity) FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE`),
    ).toBe(false);
  });
});
