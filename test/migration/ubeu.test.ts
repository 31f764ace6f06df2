import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testDocumentedDetails, testMonthlyLog } from './public-schema.ts';
import { systemDatabase } from './system-database.ts';
import { testSystemSchema } from './system-schema.ts';
import { documentedConstraints, documentedDefaults, documentedTables } from './ubeu-tables.ts';

const system = 'ubeu';
const database = systemDatabase(system);
const { rowsOf, only, count, changed, refused, asRole, asOwner } = database;

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function didOf(name: string): string {
  return `did:hedera:testnet:${name}`;
}

/** A user with a DID and a domain. */
async function addUser(name: string): Promise<string> {
  const id = randomUUID();
  await rowsOf('INSERT INTO users (id, email, primary_did, hcs_topic_id) VALUES ($1, $2, $3, $4)', [
    id,
    `${name}@wallet.example`,
    didOf(name),
    '0.0.1001',
  ]);
  await rowsOf('INSERT INTO did_documents (id, user_id, did_identifier) VALUES (gen_random_uuid(), $1, $2)', [
    id,
    didOf(name),
  ]);
  await rowsOf('INSERT INTO domains (id, user_id, domain_name) VALUES (gen_random_uuid(), $1, $2)', [
    id,
    `${name}.ubeu`,
  ]);
  return id;
}

function addCredential(subject: string, issuer: string, type: string): Promise<string> {
  return only(
    `INSERT INTO credentials (id, subject_did, issuer_did, credential_type, issued_at)
     VALUES (gen_random_uuid(), $1, $2, $3, now()) RETURNING id`,
    [didOf(subject), didOf(issuer), type],
  );
}

/** An enterprise with one key. */
async function addEnterprise(name: string): Promise<string> {
  const id = randomUUID();
  await rowsOf('INSERT INTO enterprise_accounts (id, organization_name, parent_domain) VALUES ($1, $2, $3)', [
    id,
    name,
    `${name}.example`,
  ]);
  await rowsOf(
    `INSERT INTO enterprise_api_keys (id, enterprise_id, name, permissions, key_hash)
     VALUES (gen_random_uuid(), $1, $2, '["credentials:read"]', $3)`,
    [id, name, sha256(`key of ${name}`)],
  );
  return id;
}

testSystemSchema({ system, schema: 'public', documentedTables, leastLines: 250 });
testDocumentedDetails({ system, documentedDefaults, documentedConstraints });
testMonthlyLog({
  system,
  table: 'transaction_logs',
  insert: `INSERT INTO transaction_logs (entity_type, entity_id, action, created_at) VALUES ('users', gen_random_uuid(), 'update', $1)`,
});

describe('migrating with data', () => {
  database.forEachTest();

  test('back and forth keeps what there is, but for the hashes of keys', async () => {
    await addUser('ines');
    await addCredential('ines', 'ines', 'PersonCredential');
    await addEnterprise('nordhaven');
    await database.migrate({ to: 3 });
    await database.migrate('up');
    for (const table of [
      'users',
      'did_documents',
      'domains',
      'credentials',
      'enterprise_accounts',
      'enterprise_api_keys',
    ])
      expect(await count(table), table).toBe(1);
    expect(await count('transaction_logs')).toBe(0);
    expect(await only('SELECT key_hash FROM enterprise_api_keys')).toBeNull();
    await database.migrate('down');
  });
});

describe('what the documentation promises', () => {
  database.forEachTest();

  test('e-mail, DID, domain, parent domain and key hash are each unique', async () => {
    await addUser('ines');
    await addEnterprise('nordhaven');
    const twice = [
      `INSERT INTO users SELECT gen_random_uuid(), email, primary_did, hcs_topic_id FROM users`,
      'INSERT INTO did_documents SELECT gen_random_uuid(), user_id, did_identifier FROM did_documents',
      'INSERT INTO domains SELECT gen_random_uuid(), user_id, domain_name FROM domains',
      'INSERT INTO enterprise_accounts SELECT gen_random_uuid(), organization_name, parent_domain FROM enterprise_accounts',
      `INSERT INTO enterprise_api_keys (id, name, key_hash) SELECT gen_random_uuid(), 'x', key_hash FROM enterprise_api_keys`,
    ];
    for (const sql of twice) await refused(sql, [], '23505');
  });

  test.each([
    `UPDATE users SET status = 'gone'`,
    `UPDATE did_documents SET status = 'gone'`,
    `UPDATE did_documents SET did_identifier = 'ines'`,
    `UPDATE domains SET status = 'gone'`,
    `UPDATE credentials SET status = 'gone'`,
    'UPDATE credentials SET expires_at = issued_at',
    `UPDATE enterprise_accounts SET status = 'gone'`,
    `UPDATE enterprise_api_keys SET key_hash = 'clear'`,
  ])('a value that makes no sense is refused: %s', async (sql) => {
    await addUser('ines');
    await addCredential('ines', 'ines', 'PersonCredential');
    await addEnterprise('nordhaven');
    await refused(sql, [], '23514');
  });
});

describe('the log of transactions', () => {
  database.forEachTest();

  type Line = { entity_type: string; action: string; changes: Record<string, Record<string, unknown>> };
  const lines = () => rowsOf<Line>('SELECT entity_type, action, changes FROM transaction_logs ORDER BY id');

  test('has every change of every table', async () => {
    const user = await addUser('ines');
    const credential = await addCredential('ines', 'ines', 'PersonCredential');
    const enterprise = await addEnterprise('nordhaven');
    const tables = await rowsOf<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'public'::REGNAMESPACE AND relkind IN ('r', 'p') AND NOT relispartition
         AND relname NOT IN ('schema_migration', 'transaction_logs')`,
    );
    expect((await lines()).map((line) => line.entity_type).sort()).toEqual(tables.map((table) => table.name).sort());

    await rowsOf('DELETE FROM transaction_logs');
    await rowsOf(`UPDATE credentials SET status = 'revoked'`);
    await rowsOf(`UPDATE credentials SET status = 'revoked'`);
    await rowsOf(`UPDATE users SET email = NULL`);
    await rowsOf('DELETE FROM credentials');
    expect(await lines()).toEqual([
      {
        entity_type: 'credentials',
        action: 'update',
        changes: { before: { status: 'active' }, after: { status: 'revoked' } },
      },
      {
        entity_type: 'users',
        action: 'update',
        changes: { before: { email: 'ines@wallet.example' }, after: { email: null } },
      },
      {
        entity_type: 'credentials',
        action: 'delete',
        changes: { before: expect.objectContaining({ id: credential, status: 'revoked' }) },
      },
    ]);
    expect(await rowsOf(`SELECT DISTINCT user_id, enterprise_id FROM transaction_logs`)).toEqual([
      { user_id: user, enterprise_id: null },
    ]);
    await rowsOf(`UPDATE enterprise_api_keys SET active = false`);
    await rowsOf(`UPDATE enterprise_accounts SET status = 'suspended'`);
    expect(await rowsOf(`SELECT DISTINCT enterprise_id FROM transaction_logs WHERE user_id IS NULL`)).toEqual([
      { enterprise_id: enterprise },
    ]);
  });

  test('says who did it and by which login', async () => {
    const user = await addUser('ines');
    await asRole('ubeu_app', { 'ubeu.user_id': user, 'ubeu.enterprise_id': null });
    await rowsOf('UPDATE users SET last_login_at = now()');
    await asOwner();
    const sql = `SELECT actor_id, database_user = session_user AS by_this_login,
        abs(extract(EPOCH FROM created_at - now() AT TIME ZONE 'UTC')) < 60 AS just_now
      FROM transaction_logs WHERE action = 'update'`;
    expect(await rowsOf(sql)).toEqual([{ actor_id: user, by_this_login: true, just_now: true }]);
  });

  test('tells that a key was replaced, and neither hash', async () => {
    await addEnterprise('nordhaven');
    await rowsOf('UPDATE enterprise_api_keys SET key_hash = $1', [sha256('other')]);
    await rowsOf('UPDATE enterprise_api_keys SET key_hash = NULL');
    const replaced = (await lines()).filter((line) => line.action === 'update').map((line) => line.changes);
    expect(replaced).toEqual([
      { before: { key_hash: '(secret)' }, after: { key_hash: '(secret)' } },
      { before: { key_hash: '(secret)' }, after: { key_hash: null } },
    ]);
    expect(await only(`SELECT count(*)::INTEGER FROM transaction_logs WHERE changes::TEXT ~ '[0-9a-f]{64}'`)).toBe(0);
  });
});

describe('isolation of the application', () => {
  database.forEachTest();
  let ines: string;
  let otto: string;
  let nordhaven: string;
  let corvane: string;
  const workFor = (who: { user?: string; enterprise?: string }) =>
    asRole('ubeu_app', { 'ubeu.user_id': who.user ?? null, 'ubeu.enterprise_id': who.enterprise ?? null });
  const ofUsers = ['users', 'did_documents', 'domains'];
  const ofEnterprises = ['enterprise_accounts', 'enterprise_api_keys'];

  beforeEach(async () => {
    ines = await addUser('ines');
    otto = await addUser('otto');
    await addUser('issuer');
    await addCredential('ines', 'issuer', 'EmployeeCredential');
    await addCredential('otto', 'issuer', 'EmployeeCredential');
    nordhaven = await addEnterprise('nordhaven');
    corvane = await addEnterprise('corvane');
  });
  afterEach(asOwner);

  test('a user sees their own, an enterprise its own, and nobody nothing', async () => {
    await workFor({ user: ines });
    for (const table of [...ofUsers, 'credentials']) expect(await count(table), table).toBe(1);
    for (const table of ofEnterprises) expect(await count(table), table).toBe(0);
    expect(await only('SELECT count(*)::INTEGER FROM transaction_logs')).toBe(4);
    await workFor({ enterprise: nordhaven });
    for (const table of ofEnterprises) expect(await count(table), table).toBe(1);
    for (const table of [...ofUsers, 'credentials']) expect(await count(table), table).toBe(0);
    expect(await only('SELECT organization_name FROM enterprise_accounts')).toBe('nordhaven');
    expect(await only('SELECT count(*)::INTEGER FROM transaction_logs')).toBe(2);
    await workFor({});
    for (const table of [...ofUsers, 'credentials', ...ofEnterprises, 'transaction_logs'])
      expect(await count(table), table).toBe(0);
  });

  test('nobody reaches what is another’s', async () => {
    await workFor({ user: ines });
    expect(await changed(`UPDATE users SET email = 'x@y.example' WHERE id = $1`, [otto])).toBe(0);
    await refused('UPDATE domains SET user_id = $1', [otto]);
    await refused('UPDATE users SET id = gen_random_uuid()');
    await refused(`INSERT INTO domains (id, user_id, domain_name) VALUES (gen_random_uuid(), $1, 'x.ubeu')`, [otto]);
    await refused(
      `INSERT INTO did_documents (id, user_id, did_identifier) VALUES (gen_random_uuid(), $1, 'did:hedera:x')`,
      [otto],
    );
    await refused(`INSERT INTO enterprise_api_keys (id, enterprise_id, name) VALUES (gen_random_uuid(), $1, 'x')`, [
      nordhaven,
    ]);
    await workFor({ enterprise: nordhaven });
    await refused('UPDATE enterprise_api_keys SET enterprise_id = $1', [corvane]);
    expect(await changed('UPDATE enterprise_api_keys SET active = false')).toBe(1);
    await rowsOf(`INSERT INTO enterprise_api_keys (id, enterprise_id, name) VALUES (gen_random_uuid(), $1, 'more')`, [
      nordhaven,
    ]);
    await refused(
      `INSERT INTO enterprise_accounts (id, organization_name, parent_domain) VALUES (gen_random_uuid(), 'x', 'x.example')`,
    );
  });

  test('a subject holds a credential, and its issuer alone issues and revokes', async () => {
    const issuer = await only<string>(`SELECT id FROM users WHERE primary_did = $1`, [didOf('issuer')]);
    await workFor({ user: ines });
    expect(await changed(`UPDATE credentials SET status = 'revoked'`)).toBe(0);
    const issue = `INSERT INTO credentials (id, subject_did, issuer_did) VALUES (gen_random_uuid(), $1, $2)`;
    await refused(issue, [didOf('ines'), didOf('issuer')]);
    await workFor({ user: issuer });
    expect(await count('credentials')).toBe(2);
    expect(await changed(`UPDATE credentials SET status = 'revoked' WHERE subject_did = $1`, [didOf('ines')])).toBe(1);
    await rowsOf(issue, [didOf('otto'), didOf('issuer')]);
    await refused(issue, [didOf('otto'), didOf('ines')]);
  });

  test('whoever signs up comes in as themselves', async () => {
    const signUp = `INSERT INTO users (id, primary_did, hcs_topic_id, status) VALUES ($1, $2, '0.0.7', $3) RETURNING id`;
    const id = randomUUID();
    await workFor({ user: id });
    await refused(signUp, [randomUUID(), didOf('new'), 'active']);
    await refused(signUp, [id, didOf('new'), 'suspended']);
    expect(await only(signUp, [id, didOf('new'), 'pending'])).toBe(id);
  });

  test('who was suspended does not put themselves in force again', async () => {
    for (const status of ['suspended', 'deactivated', null]) {
      await asOwner();
      await rowsOf('UPDATE users SET status = $1 WHERE id = $2', [status, ines]);
      await workFor({ user: ines });
      expect(await changed(`UPDATE users SET status = 'active'`), String(status)).toBe(0);
    }
    await asOwner();
    await rowsOf(`UPDATE enterprise_accounts SET status = 'suspended'`);
    await workFor({ enterprise: nordhaven });
    expect(await changed(`UPDATE enterprise_accounts SET status = 'active'`)).toBe(0);
  });

  test('the log is neither written nor rewritten, and nothing is deleted', async () => {
    for (const who of [{ user: ines }, { enterprise: nordhaven }]) {
      await workFor(who);
      await refused(`INSERT INTO transaction_logs (entity_type, entity_id, action) VALUES ('users', $1, 'update')`, [
        ines,
      ]);
      await refused(`UPDATE transaction_logs SET changes = NULL`);
      await refused('TRUNCATE transaction_logs');
      await refused('SELECT FROM transaction_logs_default');
      await refused('SELECT ensure_log_partitions(7, 2)');
      for (const table of [...ofUsers, 'credentials', ...ofEnterprises, 'transaction_logs'])
        await refused(`DELETE FROM ${table}`);
    }
  });

  test('who comes in by DID or key is found before anybody has said who works, while in force', async () => {
    const byDid = () => only('SELECT user_for_did($1)', [didOf('ines')]);
    const byKey = () => only('SELECT enterprise_for_api_key($1)', [sha256('key of nordhaven')]);
    const once = async (change: string, way: () => Promise<unknown>) => {
      await asOwner();
      await rowsOf(change);
      await workFor({});
      return way();
    };
    await workFor({});
    expect(await byDid()).toBe(ines);
    expect(await byKey()).toBe(nordhaven);
    expect(await only('SELECT enterprise_for_api_key($1)', [sha256('guessed')])).toBeNull();

    expect(await once(`UPDATE users SET status = 'suspended'`, byDid)).toBeNull();
    expect(await once('UPDATE users SET status = NULL', byDid)).toBeNull();
    expect(await once(`UPDATE users SET status = 'active'`, byDid)).toBe(ines);
    expect(await once(`UPDATE did_documents SET status = 'deactivated'`, byDid)).toBeNull();

    expect(await once('UPDATE enterprise_api_keys SET active = false', byKey)).toBeNull();
    expect(await once('UPDATE enterprise_api_keys SET active = NULL', byKey)).toBeNull();
    expect(await once('UPDATE enterprise_api_keys SET active = true', byKey)).toBe(nordhaven);
    expect(await once(`UPDATE enterprise_accounts SET status = 'closed'`, byKey)).toBeNull();
  });
});
