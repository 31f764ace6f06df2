import pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src-main/core/central/posture/finding.ts';
import { database, found, idsOf, mend, postureDatabase, role, seed } from '../fixtures/posture.ts';

postureDatabase();

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
