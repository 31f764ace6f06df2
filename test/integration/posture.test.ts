import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Finding, scriptOf } from '../../src-main/core/central/posture/finding.ts';
import { type Posture, posture } from '../../src-main/core/central/posture/posture.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { type FreshDatabase, freshDatabase, startTestServer } from '../fixtures/central.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

let database: FreshDatabase;
const role = `posture_${randomBytes(4).toString('hex')}`;

beforeAll(async () => {
  database = await freshDatabase();
  await database.client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'posture'`);
});
afterAll(async () => {
  await database.client.query(`DROP SCHEMA IF EXISTS w CASCADE; DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await database.drop();
});

/** Findings that are not of the schema: the test's own server is what it is. */
const isOfServer = ({ check, id }: Finding) =>
  /^(durability-off|no-archiving|logged-secrets|md5-|weak-host|unencrypted|checksums|idle-slot|outdated)/.test(check) ||
  id === 'powerful-owner:postgres';

async function found(schema = 'w', client = database.client): Promise<Finding[]> {
  return (await posture(client, { schema })).findings.filter((finding) => !isOfServer(finding));
}

const idsOf = (findings: Finding[]) => findings.map(({ id }) => id).toSorted();

async function seed(sql: string): Promise<void> {
  await database.client.query(
    `DROP SCHEMA IF EXISTS w CASCADE; DROP EXTENSION IF EXISTS pgcrypto; CREATE SCHEMA w; SET search_path = w; ${sql}`,
  );
  await database.client.query('RESET search_path');
}

async function mend({ steps }: Finding, client = database.client): Promise<void> {
  for (const step of steps) {
    if (step.length === 1) await client.query(step[0]!);
    else await client.query(['BEGIN', ...step, 'COMMIT'].join(';'));
  }
}

const organizations = `CREATE TABLE organizations (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  INSERT INTO organizations VALUES (1, 'North'), (2, 'South');`;
const users = `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL CHECK (email = lower(email)), UNIQUE (email));`;
const isolated = (table: string) =>
  `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON ${table} USING (organization_id = current_setting('app.organization_id')::INTEGER);`;
const hidden = 'CREATE POLICY own ON organizations USING (FALSE); ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;';
const auditTriggers = (table: string) =>
  `CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
   CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse();`;

interface Case {
  id: string;
  seed: string;
  /** Of what else is true of it. */
  beside?: string[];
  severity?: Finding['severity'];
  apply?: Finding['apply'];
  /** What SQL cannot mend. */
  unmended?: true;
  /** Rows that were there before the SQL and must be there after it. */
  rows?: [table: string, count: number];
}

const cases: Case[] = [
  {
    id: 'weak-password-hash:users.password_hash',
    seed: `${users} ALTER TABLE users ADD password_hash TEXT; INSERT INTO users SELECT n, n || '@x.example', md5(n::TEXT) FROM generate_series(1, 3) n;`,
    severity: 'high',
    rows: ['users', 3],
  },
  {
    id: 'weak-key-hash:api_tokens.token_hash',
    seed: `CREATE TABLE api_tokens (id INTEGER PRIMARY KEY, token_hash VARCHAR(40), expires_at TIMESTAMPTZ, revoked_at TIMESTAMPTZ, rotated_from INTEGER);`,
    severity: 'medium',
  },
  {
    id: 'weak-key-hash:api_tokens.token_hash',
    seed: `CREATE TABLE api_tokens (id INTEGER PRIMARY KEY, token_hash TEXT, expires_at TIMESTAMPTZ, revoked_at TIMESTAMPTZ, rotated_from INTEGER);
      INSERT INTO api_tokens VALUES (1, md5('a'));`,
    severity: 'high',
    unmended: true,
  },
  {
    id: 'secrets-in-data:notes.body',
    seed: `CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (1, 'Use postgres://app:Canary99@db.example/x, please.');`,
    severity: 'high',
    unmended: true,
  },
  {
    id: 'secrets-in-data:audit_logs.changes',
    seed: `CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, changes JSONB); INSERT INTO audit_logs VALUES (1, '{"after": {"password": "Canary99"}}'); ${auditTriggers('audit_logs')}`,
    unmended: true,
  },
  {
    id: 'readable-secrets:everyone',
    seed: `${users} ALTER TABLE users ADD password_hash TEXT; CREATE VIEW everyone AS SELECT id, password_hash FROM users; GRANT SELECT ON everyone TO PUBLIC;`,
    severity: 'high',
  },
  {
    id: 'missing-revocation:api_keys',
    seed: `CREATE TABLE api_keys (id INTEGER PRIMARY KEY, key_hash TEXT, expires_at TIMESTAMPTZ, rotated_from INTEGER);`,
    severity: 'medium',
    apply: 'online',
  },
  {
    id: 'unconstrained-status:invoices.status',
    seed: `CREATE TABLE invoices (id INTEGER PRIMARY KEY, status TEXT); INSERT INTO invoices VALUES (1, 'paid'), (2, 'due'), (3, NULL);`,
    rows: ['invoices', 3],
  },
  {
    id: 'unconstrained-status:invoices.status',
    seed: `CREATE TABLE invoices (id INTEGER PRIMARY KEY, status TEXT); INSERT INTO invoices VALUES (1, 'Canary99! something that is no word');`,
    apply: 'by-hand',
    unmended: true,
  },
  {
    id: 'no-last-administrator-guard:users',
    seed: `${organizations} ${hidden} CREATE TABLE users (id INTEGER PRIMARY KEY, organization_id INTEGER NOT NULL REFERENCES organizations ON DELETE CASCADE,
        email TEXT UNIQUE CHECK (email = lower(email)), role TEXT CHECK (role IN ('admin', 'member')), status TEXT CHECK (status IN ('active', 'gone')));
      CREATE INDEX ON users (organization_id); ${isolated('users')}
      INSERT INTO users VALUES (1, 1, 'a@x.example', 'admin', 'active'), (2, 1, 'b@x.example', 'admin', 'active'), (3, 2, 'c@x.example', 'admin', 'active');`,
  },
  {
    id: 'audit-rights:audit_logs',
    seed: `CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, action TEXT); GRANT SELECT, INSERT, UPDATE, DELETE ON audit_logs TO ${role}; ${auditTriggers('audit_logs')}`,
    severity: 'high',
  },
  {
    id: 'audit-rights:audit_logs',
    seed: `CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, action TEXT); GRANT UPDATE (action) ON audit_logs TO PUBLIC; ${auditTriggers('audit_logs')}`,
    beside: ['public-rights:audit_logs'],
    severity: 'critical',
  },
  {
    id: 'audit-append-only:audit_logs',
    seed: `${users} CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, action TEXT, user_id INTEGER REFERENCES users ON DELETE SET NULL); CREATE INDEX ON audit_logs (user_id);
      INSERT INTO users VALUES (1, 'a@x.example'); INSERT INTO audit_logs VALUES (1, 'login', 1);`,
    rows: ['audit_logs', 1],
  },
  {
    id: 'cascading-deletes:audit_logs.user_id',
    seed: `${users} CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users ON DELETE CASCADE); CREATE INDEX ON audit_logs (user_id); ${auditTriggers('audit_logs')}
      INSERT INTO users VALUES (1, 'a@x.example'); INSERT INTO audit_logs VALUES (1, 1);`,
    severity: 'high',
    rows: ['audit_logs', 1],
  },
  {
    id: 'cascading-deletes:api_keys.user_id',
    seed: `${users} CREATE TABLE api_keys (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, expires_at TIMESTAMPTZ, revoked_at TIMESTAMPTZ, rotated_from INTEGER);
      CREATE INDEX ON api_keys (user_id);`,
    severity: 'medium',
  },
  {
    id: 'disabled-trigger:bills.stamp',
    seed: `CREATE TABLE bills (id INTEGER PRIMARY KEY); CREATE FUNCTION stamp() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER stamp BEFORE INSERT ON bills FOR EACH ROW EXECUTE FUNCTION stamp(); ALTER TABLE bills DISABLE TRIGGER stamp;`,
  },
  {
    id: 'row-security-off:items',
    seed: `${organizations} ${hidden} CREATE TABLE boxes (id INTEGER PRIMARY KEY, organization_id INTEGER REFERENCES organizations); CREATE INDEX ON boxes (organization_id); ${isolated('boxes')}
      CREATE TABLE items (id INTEGER PRIMARY KEY, box_id INTEGER REFERENCES boxes); CREATE INDEX ON items (box_id);`,
    severity: 'high',
  },
  {
    id: 'policy-admits-all:boxes.all',
    seed: `${organizations} ${hidden} CREATE TABLE boxes (id INTEGER PRIMARY KEY, organization_id INTEGER REFERENCES organizations); CREATE INDEX ON boxes (organization_id); ${isolated('boxes')}
      CREATE POLICY "all" ON boxes USING (TRUE) WITH CHECK (TRUE);`,
    severity: 'high',
  },
  {
    id: 'owner-is-unbound:boxes',
    seed: `${organizations} ${hidden} CREATE TABLE boxes (id INTEGER PRIMARY KEY, organization_id INTEGER REFERENCES organizations); CREATE INDEX ON boxes (organization_id); ${isolated('boxes')}
      GRANT ALL ON SCHEMA w TO ${role}; ALTER TABLE boxes OWNER TO ${role};`,
    severity: 'medium',
  },
  {
    id: 'partition-bypasses-row-security:boxes_1',
    seed: `${organizations} ${hidden} CREATE TABLE boxes (id INTEGER PRIMARY KEY, organization_id INTEGER REFERENCES organizations) PARTITION BY RANGE (id); CREATE INDEX ON boxes (organization_id);
      CREATE TABLE boxes_1 PARTITION OF boxes FOR VALUES FROM (0) TO (9); ${isolated('boxes')} GRANT SELECT ON boxes, boxes_1 TO ${role};`,
    severity: 'high',
  },
  {
    id: 'view-bypasses-row-security:box_names',
    seed: `${organizations} ${hidden} CREATE TABLE boxes (id INTEGER PRIMARY KEY, organization_id INTEGER REFERENCES organizations); CREATE INDEX ON boxes (organization_id); ${isolated('boxes')}
      CREATE VIEW box_names AS SELECT id FROM boxes; GRANT SELECT ON box_names TO ${role}; CREATE VIEW own_boxes WITH (security_invoker) AS SELECT id FROM boxes; GRANT SELECT ON own_boxes TO ${role};`,
    severity: 'high',
  },
  {
    id: 'untenanted-table:visits',
    seed: `${organizations} ${hidden} CREATE TABLE boxes (id INTEGER PRIMARY KEY, organization_id INTEGER REFERENCES organizations); CREATE INDEX ON boxes (organization_id); ${isolated('boxes')}
      CREATE TABLE visits (id INTEGER PRIMARY KEY, ip_address INET); CREATE TABLE countries (code TEXT PRIMARY KEY);`,
    // Once it belongs to an organization, something must keep it apart.
    severity: 'low',
  },
  {
    id: `powerful-owner:${role}`,
    seed: `CREATE TABLE boxes (id INTEGER PRIMARY KEY); GRANT ALL ON SCHEMA w TO ${role}; ALTER TABLE boxes OWNER TO ${role}; ALTER ROLE ${role} BYPASSRLS CREATEROLE;`,
    severity: 'high',
  },
  {
    id: 'public-rights:boxes',
    seed: 'CREATE TABLE boxes (id INTEGER PRIMARY KEY); GRANT SELECT ON boxes TO PUBLIC; GRANT USAGE ON SCHEMA w TO PUBLIC;',
    severity: 'medium',
  },
  {
    id: 'open-schema:w',
    seed: 'CREATE TABLE boxes (id INTEGER PRIMARY KEY); GRANT CREATE ON SCHEMA w TO PUBLIC;',
    severity: 'high',
    apply: 'online',
  },
  {
    id: 'open-schema:w',
    seed: `CREATE TABLE boxes (id INTEGER PRIMARY KEY); GRANT CREATE ON SCHEMA w TO PUBLIC; CREATE TABLE theirs (id INTEGER PRIMARY KEY); ALTER TABLE theirs OWNER TO ${role};`,
    apply: 'application-first',
  },
  {
    id: 'definer-search-path:box_count()',
    seed: `CREATE TABLE boxes (id INTEGER PRIMARY KEY); CREATE FUNCTION box_count() RETURNS BIGINT LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM boxes';`,
    severity: 'high',
    apply: 'online',
  },
  {
    id: 'definer-for-all:box_count()',
    seed: `CREATE TABLE boxes (id INTEGER PRIMARY KEY); CREATE FUNCTION box_count() RETURNS BIGINT LANGUAGE sql SECURITY DEFINER SET search_path = w, pg_temp AS 'SELECT count(*) FROM boxes'; GRANT USAGE ON SCHEMA w TO PUBLIC;`,
    severity: 'medium',
  },
  {
    id: 'email-not-unique:users.email',
    seed: `${organizations} ${hidden} CREATE TABLE users (id INTEGER PRIMARY KEY, organization_id INTEGER REFERENCES organizations, email TEXT); CREATE INDEX ON users (organization_id); ${isolated('users')}
      INSERT INTO users VALUES (1, 1, 'a@x.example'), (2, 2, 'A@x.example');`,
  },
  {
    id: 'email-case:users.email',
    seed: `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);`,
  },
  {
    id: 'no-primary-key:places',
    seed: `CREATE TABLE places (code TEXT NOT NULL UNIQUE); INSERT INTO places VALUES ('a');`,
    apply: 'online',
    rows: ['places', 1],
  },
  {
    id: 'no-primary-key:places',
    seed: 'CREATE TABLE places (code TEXT NOT NULL); CREATE UNIQUE INDEX ON places (code);',
    apply: 'online',
  },
  {
    id: 'no-primary-key:places',
    seed: `CREATE TABLE places (code TEXT); INSERT INTO places VALUES ('a'), ('a');`,
    apply: 'application-first',
    rows: ['places', 2],
  },
  {
    id: 'missing-foreign-key-index:items.box+place',
    seed: `CREATE TABLE boxes (box INTEGER, place INTEGER, PRIMARY KEY (box, place)); CREATE TABLE items (id INTEGER PRIMARY KEY, box INTEGER, place INTEGER, FOREIGN KEY (box, place) REFERENCES boxes);
      CREATE INDEX ON items (box) WHERE place > 3; CREATE TABLE other_items (id INTEGER PRIMARY KEY, box INTEGER, place INTEGER, FOREIGN KEY (box, place) REFERENCES boxes); CREATE INDEX ON other_items (place, box);`,
    apply: 'online',
  },
  {
    id: 'missing-foreign-key-index:visits.box_id',
    seed: `CREATE TABLE boxes (id INTEGER PRIMARY KEY); CREATE TABLE visits (id INTEGER PRIMARY KEY, box_id INTEGER REFERENCES boxes) PARTITION BY RANGE (id);
      CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (9); CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM (9) TO (99);`,
    apply: 'online',
  },
  {
    id: 'invalid-index:boxes_name',
    seed: `CREATE TABLE boxes (id INTEGER PRIMARY KEY, name TEXT); CREATE UNIQUE INDEX boxes_name ON boxes (name); UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'boxes_name'::REGCLASS;`,
    severity: 'high',
    apply: 'online',
  },
  {
    id: 'unvalidated-constraint:boxes.positive',
    seed: 'CREATE TABLE boxes (id INTEGER PRIMARY KEY); ALTER TABLE boxes ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;',
    apply: 'online',
  },
  {
    id: 'unvalidated-constraint:boxes.positive',
    seed: 'CREATE TABLE boxes (id INTEGER PRIMARY KEY, CONSTRAINT positive CHECK (id > 0) NOT ENFORCED);',
    severity: 'medium',
  },
  {
    id: 'unlogged-table:boxes',
    seed: 'CREATE UNLOGGED TABLE boxes (id INTEGER PRIMARY KEY); INSERT INTO boxes VALUES (1);',
    rows: ['boxes', 1],
  },
  {
    id: 'timestamps-without-zone:boxes',
    seed: `CREATE TABLE boxes (id INTEGER PRIMARY KEY, made_at TIMESTAMP, seen_at TIMESTAMP(3)); INSERT INTO boxes VALUES (1, '2026-03-29 02:30', now());`,
    rows: ['boxes', 1],
  },
  {
    id: 'integer-key-overflow:boxes.id',
    seed: `CREATE TABLE boxes (id SERIAL PRIMARY KEY); SELECT setval('boxes_id_seq', 2000000000); CREATE TABLE items (id BIGINT PRIMARY KEY, box_id INTEGER REFERENCES boxes); CREATE INDEX ON items (box_id);`,
    severity: 'critical',
  },
  {
    id: 'integer-key-overflow:boxes.id',
    seed: 'CREATE TABLE boxes (id SMALLINT PRIMARY KEY); INSERT INTO boxes VALUES (20000);',
    severity: 'medium',
  },
  {
    id: 'sequence-near-end:bill_number',
    seed: `CREATE TABLE bills (number BIGINT PRIMARY KEY); CREATE SEQUENCE bill_number AS INTEGER; SELECT setval('bill_number', 1700000000);`,
    severity: 'high',
    apply: 'online',
  },
  {
    id: 'unpartitioned-log:access_events',
    seed: `CREATE TABLE access_events (id BIGINT PRIMARY KEY); ${auditTriggers('access_events')} UPDATE pg_class SET reltuples = 20000000 WHERE oid = 'access_events'::REGCLASS;`,
    unmended: true,
  },
  {
    id: 'default-partition-rows:visits_default',
    seed: `CREATE TABLE visits (id BIGINT GENERATED ALWAYS AS IDENTITY, at TIMESTAMPTZ NOT NULL, twice BIGINT GENERATED ALWAYS AS (2) STORED, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE visits_default PARTITION OF visits DEFAULT; INSERT INTO visits (at) SELECT '2026-01-31 23:00+00'::TIMESTAMPTZ + n * INTERVAL '1 hour' FROM generate_series(0, 9) n;`,
    rows: ['visits', 10],
  },
];

describe('each weakness is found by itself, and its SQL mends it', () => {
  beforeEach(() => database.client.query(`ALTER ROLE ${role} NOBYPASSRLS NOCREATEROLE`).then(() => undefined));

  test.each(cases.map((one, n) => [`${n + 1}: ${one.id}`, one] as const))('%s', async (_title, one) => {
    await seed(one.seed);
    const before = await found();
    expect(idsOf(before)).toEqual([one.id, ...(one.beside ?? [])].toSorted());
    const finding = before.find(({ id }) => id === one.id)!;
    expect(finding).toMatchObject({ check: one.id.split(':')[0], where: expect.any(String) });
    for (const words of [finding.title, finding.why, finding.detail]) expect(words).toMatch(/^\S.{2,}/);
    if (one.severity) expect(finding.severity).toBe(one.severity);
    if (one.apply) expect(finding.apply).toBe(one.apply);
    // Who must do something first is told what.
    expect(finding.first === null).toBe(finding.apply === 'online');
    if (one.unmended) {
      return;
    }
    expect(finding.steps).not.toEqual([]);
    await mend(finding);
    expect(idsOf(await found())).not.toContain(one.id);
    if (!one.rows) return;
    const [table, count] = one.rows;
    const { rows } = await database.client.query(`SELECT count(*)::INTEGER AS n FROM w.${table}`);
    expect(rows[0].n).toBe(count);
  });
});

describe('what the SQL leaves behind does what it says', () => {
  test('an append-only table lets a person go, and nothing else', async () => {
    await seed(cases.find(({ id }) => id === 'audit-append-only:audit_logs')!.seed);
    await mend((await found())[0]!);
    const { client } = database;
    for (const statement of [
      `UPDATE w.audit_logs SET action = 'other'`,
      'DELETE FROM w.audit_logs',
      'TRUNCATE w.audit_logs',
    ])
      await expect(client.query(statement)).rejects.toMatchObject({ code: '23001' });
    await client.query(`INSERT INTO w.audit_logs VALUES (2, 'logout', 1); DELETE FROM w.users`);
    expect((await client.query('SELECT action, user_id FROM w.audit_logs ORDER BY id')).rows).toEqual([
      { action: 'login', user_id: null },
      { action: 'logout', user_id: null },
    ]);
  });

  test('the last administrator stays, even where two remove each other; an organization may go as a whole', async () => {
    await seed(cases.find(({ id }) => id === 'no-last-administrator-guard:users')!.seed);
    await mend((await found())[0]!);
    const { client } = database;
    const refused = { code: '23514' };
    await client.query(`UPDATE w.users SET role = 'member' WHERE id = 1`);
    for (const statement of [
      `UPDATE w.users SET role = 'member' WHERE id = 2`,
      `UPDATE w.users SET status = 'gone' WHERE id = 2`,
    ])
      await expect(client.query(statement)).rejects.toMatchObject(refused);
    await client.query(`UPDATE w.users SET role = 'admin' WHERE id = 1`);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await client.query(`BEGIN; DELETE FROM w.users WHERE id = 1`);
    await other.query(`BEGIN; DELETE FROM w.users WHERE id = 2`);
    const commits = await Promise.allSettled([client.query('COMMIT'), other.query('COMMIT')]);
    expect(commits.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await other.end();
    await client.query('DELETE FROM w.organizations WHERE id = 2');
    expect((await client.query('SELECT FROM w.users WHERE organization_id = 1')).rowCount).toBe(1);
  });

  test('a policy keeps organizations apart by a path of two tables', async () => {
    await seed(
      cases
        .find(({ id }) => id === 'row-security-off:items')!
        .seed.concat('INSERT INTO boxes VALUES (1, 1), (2, 2); INSERT INTO items VALUES (10, 1), (20, 2);')
        .concat(`GRANT USAGE ON SCHEMA w TO ${role}; GRANT SELECT ON boxes, items TO ${role};`),
    );
    await mend((await found())[0]!);
    const { client } = database;
    await client.query(`BEGIN; SET LOCAL ROLE ${role}; SELECT set_config('app.organization_id', '2', TRUE)`);
    expect((await client.query('SELECT id FROM w.items')).rows).toEqual([{ id: 20 }]);
    await client.query('ROLLBACK');
  });

  test('moments stay the moments that they were, taken for UTC', async () => {
    await seed(cases.find(({ id }) => id === 'timestamps-without-zone:boxes')!.seed);
    await database.client.query(`SET TimeZone = 'Europe/Lisbon'`);
    await mend((await found())[0]!);
    const { rows } = await database.client.query(`SELECT (made_at AT TIME ZONE 'UTC')::TEXT AS at FROM w.boxes`);
    expect(rows).toEqual([{ at: '2026-03-29 02:30:00' }]);
    await database.client.query('RESET TimeZone');
  });
});

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
