import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runPhase } from '../../src-main/core/central/posture/plan-run.ts';
import type { Phase, PlanOptions } from '../../src-main/core/central/posture/plan-steps.ts';
import { posture } from '../../src-main/core/central/posture/posture.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { catalogueSnapshot } from '../fixtures/catalogue-snapshot.ts';
import { type FreshDatabase, freshDatabase, startTestServer } from '../fixtures/central.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

let database: FreshDatabase;
/** As which the host's application logs in: it owns nothing. */
const application = `posture_${randomBytes(4).toString('hex')}`;

beforeAll(async () => {
  database = await freshDatabase();
  await database.client.query(`CREATE ROLE ${application} LOGIN PASSWORD 'x'`);
});
afterAll(async () => {
  await database.client.query(`DROP OWNED BY ${application} CASCADE; DROP ROLE ${application}`);
  await database.drop();
});

const query = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
  (await database.client.query<Row>(sql, values)).rows;
const run = (id: string, phase: Phase, options: PlanOptions = {}) =>
  runPhase(database.client, id, phase, { schema: 'w', quietHours: 0, ...options });
const ids = async () => (await posture(database.client, { schema: 'w' })).findings.map(({ id }) => id);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function seed(sql: string): Promise<void> {
  await query(
    'DROP SCHEMA IF EXISTS latchkey_posture CASCADE; DROP SCHEMA IF EXISTS w CASCADE; CREATE SCHEMA w; SET search_path = w',
  );
  await query(sql);
  await query(
    `RESET search_path; GRANT USAGE ON SCHEMA w TO ${application}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA w TO ${application}`,
  );
}

async function asApplication(): Promise<pg.Client> {
  const url = new URL(database.url);
  url.username = application;
  url.password = 'x';
  const client = new pg.Client({ connectionString: url.href });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const keys = `CREATE TABLE api_keys (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), key_value VARCHAR(64) NOT NULL UNIQUE, status TEXT CHECK (status IN ('active', 'revoked')));
  INSERT INTO api_keys (key_value, status) SELECT 'canary_live_' || md5(n::TEXT), 'active' FROM generate_series(1, 2500) n;`;
const keyPlan = 'plaintext-secrets:api_keys.key_value';

describe('keys in the clear', () => {
  test('get their hashes beside them, from old writers and new ones; then what stood in the clear goes', async () => {
    await seed(keys);
    expect(await ids()).toEqual(
      expect.arrayContaining([keyPlan, 'missing-expiry:api_keys', 'missing-lineage:api_keys']),
    );
    const expanded = await run(keyPlan, 'expand');
    expect(expanded.done.find(({ rows }) => rows > 0)).toEqual({
      what: 'Hashes of what stands in key_value',
      rows: 2500,
    });
    expect(
      await query(
        `SELECT count(*)::INTEGER AS n FROM w.api_keys WHERE key_hash = encode(sha256(convert_to(key_value, 'UTF8')), 'hex') AND key_prefix = left(key_value, 8)`,
      ),
    ).toEqual([{ n: 2500 }]);
    // What else a key needs is there as well.
    expect((await ids()).filter((id) => /^missing-(expiry|lineage|revocation)/.test(id))).toEqual([]);

    const host = await asApplication();
    await host.query(`INSERT INTO w.api_keys (key_value) VALUES ('canary_live_of_an_old_writer')`);
    await host.query(
      `UPDATE w.api_keys SET key_value = 'canary_live_changed_in_place' WHERE key_value = 'canary_live_of_an_old_writer'`,
    );
    await host.query(`INSERT INTO w.api_keys (key_hash) VALUES ($1)`, [sha256('of a new writer')]);
    const found = (secret: string) =>
      host.query('SELECT key_value FROM w.api_keys WHERE key_hash = $1', [sha256(secret)]);
    expect((await found('canary_live_changed_in_place')).rowCount).toBe(1);
    expect((await found('of a new writer')).rows).toEqual([{ key_value: null }]);
    expect(
      (await query<{ plan: string }>(`EXPLAIN SELECT FROM w.api_keys WHERE key_hash = 'x'`))
        .map((row) => Object.values(row)[0])
        .join(),
    ).toContain('api_keys_key_hash_key');

    // Again: nothing is left to do.
    expect((await run(keyPlan, 'expand')).done.every(({ rows }) => rows === 0)).toBe(true);

    const contracted = await run(keyPlan, 'contract');
    expect(contracted.done.find(({ rows }) => rows > 0)).toEqual({ what: 'What stood in key_value goes', rows: 2501 });
    expect(
      await query('SELECT count(key_value)::INTEGER AS clear, count(key_hash)::INTEGER AS hashes FROM w.api_keys'),
    ).toEqual([{ clear: 0, hashes: 2502 }]);
    expect((await found('canary_live_changed_in_place')).rowCount).toBe(1);
    await expect(host.query(`INSERT INTO w.api_keys (key_value) VALUES ('canary')`)).rejects.toMatchObject({
      code: '23514',
    });
    await host.query(`UPDATE w.api_keys SET status = 'revoked'`);
    expect(await ids()).not.toContain(keyPlan);
    expect(await query(`SELECT to_regnamespace('latchkey_posture') AS kept`)).toEqual([{ kept: null }]);
    await host.end();
    for (const told of [expanded, contracted]) expect(JSON.stringify(told)).not.toContain('canary');
  });

  test('leave nothing of the plan in the catalogue but the new columns; with --drop the old one is gone too', async () => {
    await seed(keys);
    const before = new Set(await catalogueSnapshot(database.client));
    await run(keyPlan, 'expand');
    await run(keyPlan, 'contract', { drop: true });
    const after = await catalogueSnapshot(database.client);
    const left = after.filter((line) => !before.has(line) && !/^(grant |column w.api_keys_key_hash_key )/.test(line));
    expect(left.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'column w.api_keys expires_at',
      'column w.api_keys key_hash',
      'column w.api_keys key_prefix',
      'column w.api_keys revoked_at',
      'column w.api_keys rotated_from',
      'index CREATE UNIQUE',
      'relation w.api_keys_key_hash_key i',
    ]);
    expect(
      await query(`SELECT attname FROM pg_attribute WHERE attrelid = 'w.api_keys'::REGCLASS AND attname = 'key_value'`),
    ).toEqual([]);
  });

  test('are not emptied while something writes or reads them, or a hash is missing: all reasons at once, and nothing changed', async () => {
    await seed(keys);
    await expect(run(keyPlan, 'contract')).rejects.toMatchObject({
      code: 'would-violate',
      details: { reasons: ['The first step, expand, was not taken here.'] },
    });
    await run(keyPlan, 'expand');
    // The plan itself is as young as a write.
    await expect(run(keyPlan, 'contract', { quietHours: 24 })).rejects.toMatchObject({
      details: { reasons: [expect.stringContaining('24 hours must go by')] },
    });
    await query(`UPDATE latchkey_posture.plan SET expanded_at = now() - INTERVAL '30 days'`);
    const host = await asApplication();
    await host.query(`UPDATE w.api_keys SET status = 'revoked'`);
    await query(
      `CREATE VIEW w.listed AS SELECT key_value FROM w.api_keys;
       CREATE FUNCTION w.finds(TEXT) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM w.api_keys WHERE key_value = $1)';
       CREATE FUNCTION w.other(TEXT) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM pg_class WHERE relname = $1)';
       CREATE POLICY seen ON w.api_keys USING (key_value <> 'x');
       ALTER TABLE w.api_keys DISABLE TRIGGER USER; UPDATE w.api_keys SET key_hash = NULL WHERE id = (SELECT min(id::TEXT)::UUID FROM w.api_keys); ALTER TABLE w.api_keys ENABLE TRIGGER USER`,
    );
    const refused = await run(keyPlan, 'contract', { quietHours: 24 }).catch((error) => error);
    expect(refused.details.reasons).toEqual([
      '1 rows have no hash, or another one than that of the secret. Run expand again.',
      'The function w.finds(text) names it.',
      'The policy seen reads it.',
      'The view w.listed reads it.',
    ]);
    await query('DROP VIEW w.listed; DROP FUNCTION w.finds(TEXT); DROP POLICY seen ON w.api_keys');
    await run(keyPlan, 'expand');
    await host.query(`INSERT INTO w.api_keys (key_value) VALUES ('canary written in the clear')`);
    await expect(run(keyPlan, 'contract', { quietHours: 24 })).rejects.toMatchObject({
      details: { reasons: [expect.stringMatching(/^api_keys.key_value was written at \d{4}-/)] },
    });
    expect(await query('SELECT count(key_value)::INTEGER AS n FROM w.api_keys')).toEqual([{ n: 2501 }]);
    await host.end();
  });

  test('beside a hash of the host’s own: it is the host’s, and stays', async () => {
    await seed(
      `CREATE TABLE api_keys (id INTEGER PRIMARY KEY, key_value TEXT, key_hash TEXT, expires_at TIMESTAMPTZ, key_sha256 TEXT); INSERT INTO api_keys SELECT n, 'canary-' || n, 'hmac-sha256:' || n FROM generate_series(1, 5) n;`,
    );
    await run(keyPlan, 'expand');
    await run(keyPlan, 'expand');
    await query(`UPDATE w.api_keys SET key_value = 'canary-changed' WHERE id = 5`);
    await run(keyPlan, 'contract');
    expect(
      await query('SELECT id, key_value, key_hash, key_digest, key_sha256 FROM w.api_keys WHERE id > 3 ORDER BY id'),
    ).toEqual([
      { id: 4, key_value: null, key_hash: 'hmac-sha256:4', key_digest: sha256('canary-4'), key_sha256: null },
      { id: 5, key_value: null, key_hash: 'hmac-sha256:5', key_digest: sha256('canary-changed'), key_sha256: null },
    ]);
    await expect(run('missing-expiry:api_keys', 'expand')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('go on from where a broken-off run left them', async () => {
    await seed(
      `CREATE TABLE tokens (owner INTEGER, place TEXT, token BYTEA, PRIMARY KEY (owner, place)); INSERT INTO tokens SELECT n / 100, n::TEXT, convert_to('canary-token-' || n, 'UTF8') FROM generate_series(1, 3000) n;
       CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN IF NEW.owner = 20 THEN RAISE EXCEPTION 'canary-refusal'; END IF; RETURN NEW; END $$;`,
    );
    const id = 'plaintext-secrets:tokens.token';
    expect(await ids()).toContain(id);
    await query('CREATE TRIGGER refuse BEFORE UPDATE ON w.tokens FOR EACH ROW EXECUTE FUNCTION w.refuse()');
    await expect(run(id, 'expand')).rejects.toMatchObject({
      code: 'central-refused',
      message: expect.stringContaining('stays done; run it again'),
    });
    const done = (await query<{ n: number }>('SELECT count(token_hash)::INTEGER AS n FROM w.tokens'))[0]!.n;
    expect(done).toBeGreaterThanOrEqual(1000);
    expect(done).toBeLessThan(3000);
    await query('DROP TRIGGER refuse ON w.tokens');
    expect((await run(id, 'expand')).done.find(({ rows }) => rows > 0)!.rows).toBe(3000 - done);
    expect(
      await query(`SELECT count(*)::INTEGER AS n FROM w.tokens WHERE token_hash = encode(sha256(token), 'hex')`),
    ).toEqual([{ n: 3000 }]);
    await run(id, 'contract');
    expect(await ids()).not.toContain(id);
  });

  test('are moved while the host writes: no write of it waits a second, none is lost', async () => {
    await seed(keys.replace('2500', '20000'));
    const host = await asApplication();
    await host.query(`SET lock_timeout = '1s'`);
    let written = 0;
    let isDone = false;
    const writing = (async () => {
      while (!isDone) {
        await host.query('INSERT INTO w.api_keys (key_value) VALUES ($1)', [`canary_live_written_${written}`]);
        await host.query(`UPDATE w.api_keys SET status = 'revoked' WHERE key_value = $1`, [
          `canary_live_written_${written}`,
        ]);
        written++;
      }
    })();
    await run(keyPlan, 'expand');
    isDone = true;
    await writing;
    expect(written).toBeGreaterThan(0);
    expect(
      await query(
        `SELECT count(*)::INTEGER AS n FROM w.api_keys WHERE key_hash = encode(sha256(convert_to(key_value, 'UTF8')), 'hex')`,
      ),
    ).toEqual([{ n: 20000 + written }]);
    await host.end();
  });
});

test('passwords are hashed slowly, and still open what they opened', async () => {
  await seed(
    `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE CHECK (email = lower(email)), password TEXT NOT NULL); INSERT INTO users SELECT n, n || '@x.example', 'Canary-' || n FROM generate_series(1, 4) n;`,
  );
  const id = 'plaintext-secrets:users.password';
  await run(id, 'expand');
  await query(`INSERT INTO w.users VALUES (5, '5@x.example', 'Canary-5')`);
  expect(
    await query(
      `SELECT bool_and(public.crypt('Canary-' || id, password_hash) = password_hash) AS opens, count(*)::INTEGER AS n, min(password_hash) LIKE '$2a$12$%' AS slow FROM w.users`,
    ),
  ).toEqual([{ opens: true, n: 5, slow: true }]);
  await run(id, 'contract');
  expect((await ids()).filter((one) => one.includes('users.password'))).toEqual([]);
});

test('what the host presents elsewhere goes to a vault: by whoever runs the host, row by row, before anything is emptied', async () => {
  await seed(
    `CREATE TABLE webhooks (id INTEGER PRIMARY KEY, secret_key VARCHAR(255) NOT NULL); INSERT INTO webhooks SELECT n, 'Canary-secret-' || n FROM generate_series(1, 3) n;`,
  );
  const id = 'plaintext-secrets:webhooks.secret_key';
  await run(id, 'expand');
  await query(`UPDATE w.webhooks SET secret_key_ref = 'vault:secret/data/webhooks#' || id WHERE id < 3`);
  await expect(run(id, 'contract')).rejects.toMatchObject({
    details: { reasons: ['1 rows hold a secret and no reference to a vault.'] },
  });
  await query(`UPDATE w.webhooks SET secret_key_ref = 'vault:secret/data/webhooks#' || id`);
  await run(id, 'contract');
  expect(
    await query('SELECT count(secret_key)::INTEGER AS clear, count(secret_key_ref)::INTEGER AS kept FROM w.webhooks'),
  ).toEqual([{ clear: 0, kept: 3 }]);
  expect(await ids()).not.toContain(id);
});

test('sessions get an expiry of so many days, whoever writes them; at the end none is without', async () => {
  await seed(
    `CREATE TABLE sessions (id INTEGER PRIMARY KEY, token_hash TEXT, user_agent TEXT); INSERT INTO sessions SELECT generate_series(1, 1500);`,
  );
  const id = 'missing-expiry:sessions';
  expect(await ids()).toContain(id);
  await run(id, 'expand', { days: 3 });
  expect(await ids()).not.toContain(id);
  const host = await asApplication();
  await host.query('INSERT INTO w.sessions (id) VALUES (9001)');
  expect(
    await query(
      `SELECT count(*)::INTEGER AS n FROM w.sessions WHERE expires_at BETWEEN now() + INTERVAL '71 hours' AND now() + INTERVAL '73 hours'`,
    ),
  ).toEqual([{ n: 1501 }]);
  await host.query('UPDATE w.sessions SET expires_at = NULL WHERE id = 1');
  await expect(run(id, 'contract')).rejects.toMatchObject({
    details: { reasons: ['1 rows never expire. Run expand again, or give them an expiry.'] },
  });
  await run(id, 'expand', { days: 3 });
  await run(id, 'contract');
  await expect(host.query('UPDATE w.sessions SET expires_at = NULL')).rejects.toMatchObject({ code: '23502' });
  expect(
    await query(`SELECT conname FROM pg_constraint WHERE conrelid = 'w.sessions'::REGCLASS AND contype = 'c'`),
  ).toEqual([]);
  await host.end();
});

test('keys get a lineage, and no key replaces itself by way of others', async () => {
  await seed(
    'CREATE TABLE api_keys (id INTEGER PRIMARY KEY, key_hash TEXT, expires_at TIMESTAMPTZ, revoked_at TIMESTAMPTZ); INSERT INTO api_keys SELECT generate_series(1, 5);',
  );
  const id = 'missing-lineage:api_keys';
  expect(await ids()).toEqual(expect.arrayContaining([id]));
  await run(id, 'expand');
  await run(id, 'expand');
  expect((await ids()).filter((one) => /api_keys/.test(one))).toEqual([]);
  await expect(query('UPDATE w.api_keys SET rotated_from = id')).rejects.toMatchObject({ code: '23514' });
  await expect(query('UPDATE w.api_keys SET rotated_from = 77')).rejects.toMatchObject({ code: '23503' });
  await query('UPDATE w.api_keys SET rotated_from = CASE id WHEN 1 THEN 3 ELSE id - 1 END WHERE id < 4');
  await expect(run(id, 'contract')).rejects.toMatchObject({
    details: { reasons: ['3 keys replace themselves by way of others.'] },
  });
  await query('UPDATE w.api_keys SET rotated_from = NULL WHERE id = 1');
  await run(id, 'contract');
});

describe('the files', () => {
  const command = async (...args: string[]) => {
    const terminal = recordedTerminal();
    const code = await runCommandLine(['posture', '--schema', 'w', '--url', database.url, ...args], terminal);
    return { code, terminal, text: [...terminal.printed, ...terminal.said].join('\n') };
  };
  /** As psql does it: one statement after the other, and stop at an error. */
  const execute = async (path: string) => {
    const parts = readFileSync(path, 'utf8').split(/\n\n/);
    for (const part of parts.filter((text) => !text.startsWith('\\') && text.replace(/^--.*$/gm, '').trim() !== ''))
      await query(part);
    await query('RESET search_path; RESET lock_timeout');
  };

  test('do the same, run one after the other', async () => {
    await seed(keys);
    const folder = join(mkdtempSync(join(tmpdir(), 'latchkey-plan-')), 'plans');
    const { code, text } = await command('--plan', keyPlan, '--to', folder, '--quiet-hours', '0');
    expect(code).toBe(0);
    const names = readdirSync(folder).toSorted();
    expect(names).toEqual(
      ['1-expand', '2-change', '3-contract'].map((name) => `plaintext-secrets.api_keys.key_value.${name}.sql`),
    );
    for (const name of names) expect(text).toContain(name);
    const [expand, change, contract] = names.map((name) => join(folder, name)) as [string, string, string];
    await expect(execute(contract)).rejects.toThrow('latchkey_posture.plan');
    await execute(expand);
    expect(await query('SELECT count(key_hash)::INTEGER AS n FROM w.api_keys')).toEqual([{ n: 2500 }]);
    expect(readFileSync(change, 'utf8')).toMatch(/^-- .*WHERE "key_hash" = encode\(sha256/m);
    await query('CREATE VIEW w.listed AS SELECT key_value FROM w.api_keys');
    await expect(execute(contract)).rejects.toThrow('The view w.listed reads it.');
    await query('DROP VIEW w.listed');
    await execute(contract);
    expect(await ids()).not.toContain(keyPlan);
    expect(
      await query('SELECT count(key_value)::INTEGER AS clear, count(key_hash)::INTEGER AS hashes FROM w.api_keys'),
    ).toEqual([{ clear: 0, hashes: 2500 }]);
  });

  test('end no comment, no text and no body where a name tries to', async () => {
    const column = `$body$' \n; api_token`;
    const name = `"${column}"`;
    await seed(
      `CREATE TABLE api_keys (id INTEGER PRIMARY KEY, ${name} TEXT, expires_at TIMESTAMPTZ); INSERT INTO api_keys SELECT n, 'canary-' || n FROM generate_series(1, 5) n;`,
    );
    const id = `plaintext-secrets:api_keys.${column}`;
    expect(await ids()).toContain(id);
    await run(id, 'expand');
    await run(id, 'contract');
    expect(await query(`SELECT count(${name})::INTEGER AS clear, count(*)::INTEGER AS n FROM w.api_keys`)).toEqual([
      { clear: 0, n: 5 },
    ]);
    await query(
      `ALTER TABLE w.api_keys DROP CONSTRAINT ${(await query<{ name: string }>(`SELECT quote_ident(conname) AS name FROM pg_constraint WHERE conrelid = 'w.api_keys'::REGCLASS AND conname LIKE '%empty'`))[0]!.name}; UPDATE w.api_keys SET ${name} = 'canary'`,
    );
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-plan-'));
    expect((await command('--plan', id, '--to', folder, '--quiet-hours', '0')).code).toBe(0);
    for (const file of readdirSync(folder).toSorted()) await execute(join(folder, file));
    expect(await query(`SELECT count(${name})::INTEGER AS clear FROM w.api_keys`)).toEqual([{ clear: 0 }]);
    const script = (await command('--sql')).terminal.printed.join('\n');
    expect(script.split('\n').filter((line) => line.startsWith('; api_token'))).toEqual([]);
  });

  test('are the SQL of the finding, are printed without a folder, and never overwrite another plan', async () => {
    await seed(keys);
    const finding = (await posture(database.client, { schema: 'w' })).findings.find(({ id }) => id === keyPlan)!;
    for (const words of ['CREATE UNIQUE INDEX CONCURRENTLY', '24 hours', 'DELETE FROM latchkey_posture.plan'])
      expect(finding.sql).toContain(words);
    const printed = await command('--plan', keyPlan);
    expect(printed.code).toBe(0);
    expect(printed.terminal.printed.join('\n')).toBe(finding.sql);
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-plan-'));
    writeFileSync(join(folder, 'plaintext-secrets.api_keys.key_value.2-change.sql'), 'mine');
    const refused = await command('--plan', keyPlan, '--to', folder, '--json');
    expect(refused.code).toBe(2);
    expect(refused.terminal.document()).toMatchObject({ error: { code: 'invalid-input', field: 'to' } });
    expect(readdirSync(folder)).toEqual(['plaintext-secrets.api_keys.key_value.2-change.sql']);
    for (const shown of [printed.text, finding.sql]) expect(shown).not.toContain('canary');
  });

  test('and by the command line itself: progress for people, one document for programs, 1 where something stands in the way', async () => {
    await seed(keys);
    const expanded = await command('--plan', keyPlan, '--apply', 'expand');
    expect(expanded.code).toBe(0);
    expect(expanded.terminal.printed).toContain('Hashes of what stands in key_value: 2500 rows.');
    const refused = await command('--plan', keyPlan, '--apply', 'contract', '--json');
    expect(refused.code).toBe(1);
    expect(refused.terminal.document()).toMatchObject({
      error: { code: 'would-violate', details: { reasons: [expect.stringContaining('24 hours')] } },
    });
    const contracted = await command('--plan', keyPlan, '--apply', 'contract', '--quiet-hours', '0', '--json');
    expect(contracted.code).toBe(0);
    expect(contracted.terminal.document()).toMatchObject({
      id: keyPlan,
      phase: 'contract',
      done: expect.arrayContaining([{ what: 'What stood in key_value goes', rows: 2500 }]),
    });
    for (const wrong of [
      ['--to', 'x'],
      ['--apply', 'expand'],
      ['--drop'],
      ['--plan', keyPlan, '--fix', 'x'],
      ['--plan', keyPlan, '--apply', 'expand', '--to', 'x'],
      ['--plan', 'email-case:users.email'],
    ])
      expect((await command(...wrong)).code).toBe(2);
    expect((await command('--plan', 'plaintext-secrets:nothing.here')).code).toBe(1);
  });
});

test('whoever may not change the table leaves nothing behind', async () => {
  await seed(keys);
  await query(`GRANT CREATE ON DATABASE ${database.name} TO ${application}`);
  const client = await asApplication();
  await expect(runPhase(client, keyPlan, 'expand', { schema: 'w' })).rejects.toMatchObject({
    code: 'insufficient-privilege',
    message: expect.stringContaining('must be owner of table api_keys'),
  });
  await client.end();
  expect(await query(`SELECT to_regnamespace('latchkey_posture') AS made`)).toEqual([{ made: null }]);
});

test('what somebody else put where a plan keeps its state is neither run nor read', async () => {
  await seed(keys);
  await query(`GRANT CREATE ON DATABASE ${database.name} TO ${application}`);
  const client = await asApplication();
  await client.query(
    `CREATE SCHEMA latchkey_posture; CREATE TABLE latchkey_posture.plan (id TEXT PRIMARY KEY, expanded_at TIMESTAMPTZ);
     CREATE FUNCTION latchkey_posture.run() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run as %', current_user; END $$;
     CREATE TRIGGER run BEFORE INSERT ON latchkey_posture.plan FOR EACH ROW EXECUTE FUNCTION latchkey_posture.run()`,
  );
  await client.end();
  for (const phase of ['expand', 'contract'] as const)
    await expect(run(keyPlan, phase)).rejects.toMatchObject({
      code: 'would-violate',
      details: { reasons: [expect.stringContaining(`belongs to ${application}`)] },
    });
  expect(
    (
      await query<{ n: number }>(
        `SELECT count(*)::INTEGER AS n FROM pg_attribute WHERE attrelid = 'w.api_keys'::REGCLASS AND attname = 'key_hash'`,
      )
    )[0]!.n,
  ).toBe(0);
});

test('what no program can change in steps is said to be by hand, with the reason', async () => {
  await seed(
    `CREATE TABLE keyless (token TEXT); INSERT INTO keyless VALUES ('Canary');
     CREATE TABLE api_keys (token TEXT PRIMARY KEY, expires_at TIMESTAMPTZ, revoked_at TIMESTAMPTZ, rotated_from TEXT); INSERT INTO api_keys VALUES ('Canary');
     CREATE TABLE sessions (id INTEGER PRIMARY KEY, token TEXT, expires_at TIMESTAMPTZ) PARTITION BY RANGE (id); CREATE TABLE sessions_1 PARTITION OF sessions FOR VALUES FROM (0) TO (9); INSERT INTO sessions VALUES (1, 'Canary');`,
  );
  const { findings } = await posture(database.client, { schema: 'w' });
  const told = findings
    .filter(({ check }) => check === 'plaintext-secrets')
    .map(({ id, apply, sql, first }) => `${id} ${apply} ${sql}${first?.split(': ')[1]}`);
  expect(told.toSorted()).toEqual([
    'plaintext-secrets:api_keys.token by-hand it is part of the primary key.',
    'plaintext-secrets:keyless.token by-hand it has no primary key. Mend no-primary-key:keyless first.',
    'plaintext-secrets:sessions.token by-hand it is partitioned.',
  ]);
  await expect(run('plaintext-secrets:keyless.token', 'expand')).rejects.toMatchObject({ code: 'not-supported' });
  expect(await query(`SELECT to_regnamespace('latchkey_posture') AS made`)).toEqual([{ made: null }]);
});

test('a login whose statements read the old column, as pg_stat_statements knows it, stands in the way until they are reset', async () => {
  const server = await startTestServer({ shared_preload_libraries: 'pg_stat_statements' });
  const client = new pg.Client({ connectionString: server.superuserUrl });
  try {
    await client.connect();
    await client.query(
      `CREATE EXTENSION pg_stat_statements; CREATE SCHEMA w; SET search_path = w, public; ${keys} CREATE ROLE app; GRANT USAGE ON SCHEMA w TO app; GRANT SELECT ON api_keys TO app`,
    );
    const step = (phase: Phase) => runPhase(client, keyPlan, phase, { schema: 'w', quietHours: 0 });
    await step('expand');
    await client.query('SET ROLE app');
    await client.query('SELECT id FROM w.api_keys WHERE key_value = $1', ['canary']);
    await client.query('RESET ROLE');
    await expect(step('contract')).rejects.toMatchObject({
      details: { reasons: [expect.stringMatching(/^app ran a statement that names it, 1 times/)] },
    });
    await client.query('SELECT pg_stat_statements_reset()');
    await step('contract');
  } finally {
    await client.end();
    await server.stop();
  }
});
