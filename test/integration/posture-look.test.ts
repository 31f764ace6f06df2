import { createHash } from 'node:crypto';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { type Finding, scriptOf } from '../../src-main/core/central/posture/finding.ts';
import { type Posture, posture } from '../../src-main/core/central/posture/posture.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { freshDatabase, startTestServer } from '../fixtures/central.ts';
import { database, found, idsOf, isOfServer, mend, postureDatabase, role, seed } from '../fixtures/posture.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

postureDatabase();

/** Every one of these stands somewhere in the clear: none may be told. */
const canaries = {
  password: 'Canary-Password-1',
  token: `canary_live_${'a1B2'.repeat(6)}`,
  key: 'Canary Private Words',
  pem: '-----BEGIN PRIVATE KEY-----\nCanaryMIIEvQ==\n-----END PRIVATE KEY-----',
};

/** What the databases published behind the documents look like: tokens, keys and secrets in the clear, no policy, no check. */
const published = `
  CREATE TABLE organizations (id UUID PRIMARY KEY, name VARCHAR(255) NOT NULL UNIQUE, country_code CHAR(2), created_at TIMESTAMP);
  CREATE TABLE users (id UUID PRIMARY KEY, organization_id UUID REFERENCES organizations ON DELETE CASCADE, email VARCHAR(255) NOT NULL UNIQUE, full_name VARCHAR(255),
    password_hash TEXT NOT NULL, role VARCHAR(50), status VARCHAR(50), created_at TIMESTAMP, updated_at TIMESTAMP);
  CREATE TABLE user_sessions (id UUID PRIMARY KEY, user_id UUID REFERENCES users ON DELETE CASCADE, access_token TEXT NOT NULL, refresh_token TEXT, expires_at TIMESTAMP NOT NULL,
    ip_address INET, user_agent TEXT, created_at TIMESTAMP);
  CREATE TABLE api_keys (id UUID PRIMARY KEY, organization_id UUID REFERENCES organizations ON DELETE CASCADE, key_value TEXT NOT NULL UNIQUE,
    key_type VARCHAR(20) NOT NULL CHECK (key_type IN ('client', 'server', 'database')), label VARCHAR(255), permissions TEXT[], status VARCHAR(50), public_key TEXT, private_key TEXT,
    certificate_fingerprint VARCHAR(128), private_key_path TEXT, db_password_encrypted TEXT, client_scopes TEXT[], expires_at TIMESTAMP, last_used_at TIMESTAMP, created_at TIMESTAMP, updated_at TIMESTAMP);
  CREATE TABLE api_access_log (id BIGSERIAL PRIMARY KEY, api_key_id UUID REFERENCES api_keys ON DELETE SET NULL, user_id UUID REFERENCES users ON DELETE SET NULL, ip_address INET, "timestamp" TIMESTAMP);
  CREATE TABLE audit_events (id BIGSERIAL PRIMARY KEY, actor_id UUID REFERENCES users, organization_id UUID REFERENCES organizations, event_type VARCHAR(255), event_data JSONB, created_at TIMESTAMP);
  CREATE TABLE data_sources (id UUID PRIMARY KEY, name VARCHAR(255) NOT NULL, username VARCHAR(255) NOT NULL, password_hash TEXT NOT NULL, organization_id UUID REFERENCES organizations ON DELETE CASCADE);
  CREATE TABLE webhooks (id UUID PRIMARY KEY, organization_id UUID NOT NULL REFERENCES organizations ON DELETE CASCADE, url VARCHAR(500) NOT NULL, secret_key VARCHAR(255) NOT NULL);
  CREATE TABLE organization_branding (id UUID PRIMARY KEY, organization_id UUID NOT NULL REFERENCES organizations ON DELETE CASCADE, ssl_certificate BYTEA, ssl_private_key BYTEA);
  CREATE TABLE erp_integrations (id UUID PRIMARY KEY, organization_id UUID NOT NULL REFERENCES organizations ON DELETE CASCADE, api_key_encrypted BYTEA, api_secret_encrypted BYTEA);
  INSERT INTO organizations VALUES ('00000000-0000-0000-0000-000000000001', 'North');
  INSERT INTO users SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', n || '@north.example', 'N', '$2b$12$' || repeat('a', 53), CASE n WHEN 1 THEN 'admin' ELSE 'user' END, 'active' FROM generate_series(1, 5) n;
  INSERT INTO user_sessions SELECT gen_random_uuid(), id, '${canaries.token}' || left(id::TEXT, 2), NULL, now() FROM users;
  INSERT INTO api_keys (id, organization_id, key_value, key_type, private_key, db_password_encrypted)
    SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '${canaries.token}' || n, 'client', CASE n WHEN 400 THEN '${canaries.pem}' END, '${canaries.password}' FROM generate_series(1, 400) n;
  INSERT INTO data_sources SELECT gen_random_uuid(), 'main', 'app', '${canaries.key}', '00000000-0000-0000-0000-000000000001';
  INSERT INTO webhooks SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'https://x.example', '${canaries.password}';
  INSERT INTO organization_branding SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '\\x3082010a'::BYTEA, '${canaries.pem}'::BYTEA;
  INSERT INTO erp_integrations SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '\\xdeadbeef01ff8890ab3344ff'::BYTEA, '${canaries.password}'::BYTEA;
  INSERT INTO audit_events (event_type, event_data) VALUES ('user.updated', '{"password": "${canaries.password}"}'), ('user.updated', '{"password": "changed", "api_key": "sha256:${'0'.repeat(64)}"}');
`;

describe('a database as they are in the field', () => {
  const secrets = [
    'plaintext-secrets:api_keys.db_password_encrypted',
    'plaintext-secrets:api_keys.key_value',
    'plaintext-secrets:api_keys.private_key',
    'plaintext-secrets:data_sources.password_hash',
    'plaintext-secrets:erp_integrations.api_secret_encrypted',
    'plaintext-secrets:organization_branding.ssl_private_key',
    'plaintext-secrets:user_sessions.access_token',
    'plaintext-secrets:webhooks.secret_key',
  ];

  test('has all of its secrets in the clear found, in bytes and among nothing but empty fields, and tells none', async () => {
    await seed(published);
    const report = await posture(database.client, { schema: 'w' });
    expect(report.system).toBeNull();
    expect(idsOf(report.findings.filter(({ check }) => check === 'plaintext-secrets'))).toEqual(secrets);
    expect(
      report.findings
        .filter(({ check }) => check === 'plaintext-secrets')
        .every(({ severity }) => severity === 'critical'),
    ).toBe(true);
    expect(idsOf(report.findings)).toEqual(
      expect.arrayContaining([
        'secrets-in-data:audit_events.event_data',
        'missing-lineage:api_keys',
        'missing-revocation:api_keys',
        'unconstrained-status:users.status',
        'unconstrained-status:users.role',
        'row-security-off:users',
        'row-security-off:user_sessions',
        'missing-foreign-key-index:user_sessions.user_id',
        'email-case:users.email',
        'cascading-deletes:api_keys.organization_id',
        'timestamps-without-zone:user_sessions',
        'no-last-administrator-guard:users',
        'audit-append-only:audit_events',
      ]),
    );
    expect(idsOf(report.findings)).not.toContain('weak-password-hash:users.password_hash');
    const everything = JSON.stringify(report.findings) + report.findings.map(({ steps }) => scriptOf(steps)).join();
    for (const canary of [...Object.values(canaries), '@north.example', '$2b$12$'])
      expect(everything).not.toContain(canary);
  });

  test('is told by the command line: one document, exit 3, no value on either stream', async () => {
    await seed(published);
    const args = ['posture', '--schema', 'w', '--url', database.url];
    const json = recordedTerminal();
    expect(await runCommandLine([...args, '--json'], json)).toBe(3);
    const document = json.document() as unknown as Posture & { findings: (Finding & { sql: string })[] };
    expect(document.counts.critical).toBeGreaterThanOrEqual(secrets.length);
    expect(document.findings.find(({ id }) => id === 'missing-foreign-key-index:user_sessions.user_id')).toEqual({
      id: 'missing-foreign-key-index:user_sessions.user_id',
      check: 'missing-foreign-key-index',
      severity: 'low',
      title: 'A foreign key has no index',
      why: expect.stringContaining('DELETE'),
      where: 'w.user_sessions.user_id',
      detail: expect.stringContaining('ON DELETE CASCADE'),
      apply: 'online',
      first: null,
      sql: 'CREATE INDEX CONCURRENTLY "user_sessions_user_id_idx" ON w.user_sessions ("user_id");',
    });
    const words = recordedTerminal();
    expect(await runCommandLine(args, words)).toBe(3);
    for (const id of secrets) expect(words.printed.join('\n')).toContain(id);
    expect(words.printed.at(-1)).toMatch(/\d+ checks of schema w: \d+ critical/);
    const script = recordedTerminal();
    expect(await runCommandLine([...args, '--sql'], script)).toBe(3);
    expect(script.printed.join('\n')).toContain('CREATE INDEX CONCURRENTLY');
    for (const terminal of [json, words, script])
      for (const canary of Object.values(canaries))
        expect([...terminal.printed, ...terminal.said].join('\n')).not.toContain(canary);
  });

  test('whoever may read little gets what the catalogue tells, and a list of what could not be looked at', async () => {
    await seed(
      `${published} GRANT USAGE ON SCHEMA w TO ${role}; GRANT SELECT ON users TO ${role}; ALTER TABLE users ENABLE ROW LEVEL SECURITY;`,
    );
    const url = new URL(database.url);
    url.username = role;
    url.password = 'posture';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const report = await posture(client, { schema: 'w' });
    await client.end();
    const all = idsOf(await found());
    const seen = idsOf(report.findings.filter((finding) => !isOfServer(finding)));
    expect(seen).toEqual(all.filter((id) => !/^(plaintext-secrets|secrets-in-data|no-last-administrator)/.test(id)));
    const notSeen = report.notSeen.map(({ check, where, why }) => `${check} ${where}: ${why}`);
    expect(notSeen).toEqual(
      expect.arrayContaining([
        'plaintext-secrets api_keys.key_value: this login may not read it',
        'plaintext-secrets users.password_hash: row-level security hides rows from this login',
        'secrets-in-data audit_events: this login may not read it',
        'md5-password pg_authid: only a superuser may read it',
        'weak-host-rule pg_hba.conf: only a superuser may read it',
      ]),
    );
  });

  test('of which somebody has a table to themself is looked at but for that one', async () => {
    await seed(published);
    const all = idsOf(await found());
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('BEGIN; LOCK TABLE w.users, w.webhooks IN ACCESS EXCLUSIVE MODE');
    const report = await posture(database.client, { schema: 'w' }).finally(() => other.end());
    const seen = idsOf(report.findings.filter((finding) => !isOfServer(finding)));
    // Whose rows refer to a table that cannot be read may belong to an organization by way of it.
    expect(seen).toEqual(all.filter((id) => !/:(users|webhooks)\b|^row-security-off:user_sessions$/.test(id)));
    const why = 'other work holds it';
    expect(report.notSeen).toEqual(
      expect.arrayContaining([
        { check: 'all', where: 'users', why },
        { check: 'all', where: 'webhooks', why },
      ]),
    );
  });

  test('cannot be written by the look at it, and the session is as before', async () => {
    const { client } = database;
    await seed(published);
    const asked: string[] = [];
    const watched = new Proxy(client, {
      get(target, property) {
        if (property !== 'query') return Reflect.get(target, property, target);
        return async (text: string, values?: unknown[]) => {
          const { rows } = await target.query('SHOW transaction_read_only');
          if (!/^(SET|RESET) /.test(text)) asked.push(`${rows[0].transaction_read_only} ${text}`);
          return target.query(text, values);
        };
      },
    });
    await found('w', watched);
    expect(asked.length).toBeGreaterThan(40);
    expect(asked.filter((text) => !text.startsWith('on '))).toEqual([]);
    const { rows } = await client.query(
      `SELECT current_setting('default_transaction_read_only') AS r, current_setting('search_path') AS p, current_setting('statement_timeout') AS s`,
    );
    expect(rows).toEqual([{ r: 'off', p: '"$user", public', s: '0' }]);
  });
});

test('a view where Latchkey keeps its own is not read: it would run as whoever looks', async () => {
  const fresh = await freshDatabase();
  await fresh.client.query(
    `CREATE SCHEMA one; CREATE TABLE one.boxes (id INTEGER PRIMARY KEY); CREATE SCHEMA latchkey;
     CREATE FUNCTION latchkey.run() RETURNS JSONB LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run as %', current_user; END $$;
     CREATE VIEW latchkey.installation AS SELECT latchkey.run() AS mapping`,
  );
  expect(await posture(fresh.client)).toMatchObject({ schema: 'one', system: null });
  await fresh.drop();
});

test('a schema that is not named is the only one with tables, or is asked for', async () => {
  const fresh = await freshDatabase();
  await expect(posture(fresh.client)).rejects.toMatchObject({ code: 'invalid-input', field: 'schema' });
  await fresh.client.query('CREATE SCHEMA one; CREATE TABLE one.boxes (id INTEGER PRIMARY KEY)');
  expect((await posture(fresh.client)).schema).toBe('one');
  await fresh.client.query('CREATE SCHEMA two; CREATE TABLE two.boxes (id INTEGER PRIMARY KEY)');
  await expect(posture(fresh.client)).rejects.toThrow('one, two');
  await expect(posture(fresh.client, { schema: 'three' })).rejects.toMatchObject({ code: 'not-found' });
  await fresh.drop();
});

describe('the server', () => {
  test('a login of MD5, and settings of the database: what was set where is changed there', async () => {
    const { client, name } = database;
    await seed('CREATE TABLE boxes (id INTEGER PRIMARY KEY)');
    const other = `${role}_md5`;
    await client.query(
      `SET password_encryption = 'md5'; CREATE ROLE ${other} LOGIN PASSWORD 'x'; RESET password_encryption`,
    );
    await client.query(
      `ALTER DATABASE ${name} SET log_statement = 'all'; ALTER DATABASE ${name} SET log_min_duration_statement = 0; ALTER DATABASE ${name} SET password_encryption = 'md5'`,
    );
    const look = async () => {
      const fresh = new pg.Client({ connectionString: database.url });
      await fresh.connect();
      const { findings } = await posture(fresh, { schema: 'w' });
      await fresh.end();
      return findings.filter(({ check }) => /^(md5|logged)/.test(check));
    };
    const before = await look();
    expect(idsOf(before)).toEqual([
      'logged-secrets:log_min_duration_statement',
      'logged-secrets:log_parameter_max_length',
      'logged-secrets:log_statement',
      'md5-password-setting:password_encryption',
      `md5-password:${other}`,
    ]);
    for (const finding of before.filter(({ id }) => id !== 'logged-secrets:log_parameter_max_length'))
      await mend(finding);
    await client.query(`ALTER DATABASE ${name} SET log_parameter_max_length = 0; ALTER ROLE ${other} PASSWORD 'y'`);
    expect(await look()).toEqual([]);
    await client.query(`DROP ROLE ${other}; ALTER DATABASE ${name} RESET ALL`);
  });

  test('a slot that nobody uses, and an extension that is older than its files', async () => {
    const { client } = database;
    const slot = `${role}_slot`;
    await seed('CREATE TABLE boxes (id INTEGER PRIMARY KEY)');
    await client.query(
      `CREATE EXTENSION citext VERSION '1.4'; SELECT pg_create_physical_replication_slot('${slot}', TRUE)`,
    );
    try {
      const look = async () =>
        (await posture(client, { schema: 'w' })).findings.filter(
          ({ check }) => check === 'idle-slot' || check === 'outdated-extension',
        );
      const before = await look();
      expect(idsOf(before)).toEqual([`idle-slot:${slot}`, 'outdated-extension:citext']);
      for (const finding of before) await mend(finding);
      expect(await look()).toEqual([]);
    } finally {
      await client.query(
        `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}'; DROP EXTENSION citext`,
      );
    }
  });

  test('one that is reachable from elsewhere, without encryption, by weak rules, and archives nothing', async () => {
    const rules = [
      'host all postgres 127.0.0.1/32 scram-sha-256',
      'host all guest 127.0.0.1/32 trust',
      'host all guest 192.0.2.0/24 trust',
      'host all app 192.0.2.0/24 password',
      'host all safe 192.0.2.0/24 scram-sha-256',
    ].join('\n');
    // 192.0.2.1 is an address for documentation: the server cannot take it, says so, and goes on.
    const server = await startTestServer(
      { listen_addresses: '127.0.0.1,192.0.2.1', hba_file: 'weak_hba.conf', archive_mode: 'on' },
      { 'weak_hba.conf': `${rules}\n` },
    );
    const client = new pg.Client({ connectionString: server.superuserUrl });
    try {
      await client.connect();
      await client.query('CREATE TABLE boxes (id INTEGER PRIMARY KEY)');
      const { findings } = await posture(client, { schema: 'public' });
      expect(findings.map(({ id, severity, apply }) => `${severity} ${id} ${apply}`)).toEqual(
        expect.arrayContaining([
          'high unencrypted-connections:ssl by-hand',
          'critical weak-host-rule:line 3 by-hand',
          'high weak-host-rule:line 4 by-hand',
          'medium weak-host-rule:line 2 by-hand',
          'medium no-archiving:archive_mode by-hand',
          'critical durability-off:fsync by-hand',
        ]),
      );
      expect(findings.filter(({ check }) => check === 'weak-host-rule')).toHaveLength(3);
      // What the server is started with no SQL changes.
      expect(findings.find(({ id }) => id === 'durability-off:fsync')).toMatchObject({
        steps: [],
        first: expect.stringContaining('command line'),
      });
    } finally {
      await client.end();
      await server.stop();
    }
  });
});

test('hashes, ciphertexts, references and marks are no alarm; a digest that may be a token is told as such', async () => {
  const digest = createHash('sha256').update('x').digest('hex');
  const values: Record<string, string[]> = {
    password_hash: [
      `$2b$12$${'a'.repeat(53)}`,
      '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA',
      'pbkdf2_sha256$600000$s$h',
      'scrypt:32768:8:1$s$h',
      '!',
      '',
    ],
    client_secret: [
      'vault:secret/data/x#y',
      'arn:aws:secretsmanager:eu-west-1:1:secret:x',
      'projects/p/secrets/s/versions/1',
      'gAAAAABk'.padEnd(100, 'x'),
      'ENC[AES256_GCM,data:x]',
      'op://vault/item/field',
      '[REDACTED]',
    ],
    api_token: [`sha256:${digest}`, `sha512$${digest}${digest}`],
    // A ciphertext in base64 of more than one kind.
    smtp_password_encrypted: ['Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4', digest],
    token: [digest],
  };
  await seed(
    `CREATE TABLE credentials_of_things (id SERIAL PRIMARY KEY, ${Object.keys(values)
      .map((name) => `${name} TEXT`)
      .join(
        ', ',
      )}, token_count TEXT DEFAULT '17', password_changed_at TEXT DEFAULT 'today', key TEXT DEFAULT 'theme', device_token TEXT DEFAULT 'abc', public_key TEXT DEFAULT 'ssh-rsa AAAA');`,
  );
  for (const [name, forms] of Object.entries(values))
    for (const form of forms)
      await database.client.query(`INSERT INTO w.credentials_of_things (${name}) VALUES ($1)`, [form]);
  const report = await posture(database.client, { schema: 'w' });
  expect(idsOf(report.findings.filter((finding) => !isOfServer(finding)))).toEqual([]);
  expect(report.notSeen).toEqual([
    { check: 'plaintext-secrets', where: 'credentials_of_things.token', why: expect.stringContaining('look the same') },
  ]);
});

test('a large table is looked at from both ends, and no row between', async () => {
  await seed(
    `CREATE TABLE logins (id INTEGER PRIMARY KEY, password TEXT, filler TEXT);
     INSERT INTO logins SELECT n, CASE WHEN n > 19990 THEN 'Canary' || n ELSE '$2b$12$' || repeat('a', 53) END, repeat('x', 500) FROM generate_series(1, 20000) n; ANALYZE logins;`,
  );
  const read = async () => {
    await database.client.query('SELECT pg_stat_force_next_flush()');
    return Number(
      (
        await database.client.query(
          `SELECT seq_tup_read AS n FROM pg_stat_user_tables WHERE relid = 'w.logins'::REGCLASS`,
        )
      ).rows[0].n,
    );
  };
  const before = await read();
  expect(idsOf(await found())).toEqual(['plaintext-secrets:logins.password']);
  expect((await read()) - before).toBeLessThan(2_000);
});
