import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testDocumentedDetails, testMonthlyLog } from './public-schema.ts';
import { documentedConstraints, documentedDefaults, documentedIndexes, documentedTables } from './smarthub-tables.ts';
import { systemDatabase } from './system-database.ts';
import { testSystemSchema } from './system-schema.ts';

const system = 'smarthub';
const database = systemDatabase(system);
const { rowsOf, only, count, changed, refused, asRole, asOwner } = database;

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function addUser(username: string): Promise<string> {
  return only(`INSERT INTO users (email, username, password_hash) VALUES ($1, $2, '!') RETURNING id`, [
    `${username}@hub.example`,
    username,
  ]);
}

async function giveRole(user: string, role: string): Promise<void> {
  await rowsOf('INSERT INTO user_roles (user_id, role_id) SELECT $1, id FROM roles WHERE name = $2', [user, role]);
}

async function addKey(user: string, key: string, change = ''): Promise<string> {
  const id = await only<string>('INSERT INTO api_keys (user_id, key_hash, name) VALUES ($1, $2, $3) RETURNING id', [
    user,
    sha256(key),
    key,
  ]);
  if (change) await rowsOf(`UPDATE api_keys SET ${change} WHERE id = $1`, [id]);
  return id;
}

testSystemSchema({ system, schema: 'public', documentedTables, leastLines: 250 });
testDocumentedDetails({ system, documentedIndexes, documentedDefaults, documentedConstraints });
testMonthlyLog({
  system,
  table: 'audit_logs',
  insert: `INSERT INTO audit_logs (entity_type, entity_id, action, created_at) VALUES ('users', gen_random_uuid(), 'UPDATE', $1)`,
});

describe('migrating with data', () => {
  database.forEachTest();

  test('back and forth keeps people, roles, keys, sessions, entities and the log', async () => {
    const user = await addUser('ines');
    await giveRole(user, 'admin');
    const old = await addKey(user, 'old');
    await rowsOf('UPDATE api_keys SET is_active = false, revoked_at = now() WHERE id = $1', [old]);
    const next = await addKey(user, 'next');
    await rowsOf('UPDATE api_keys SET rotated_from = $1 WHERE id = $2', [old, next]);
    await rowsOf(`INSERT INTO sessions (user_id, token_hash, expires_at) VALUES ($1, 'x', now())`, [user]);
    await rowsOf(`INSERT INTO entities (entity_type, name, owner_id) VALUES ('site', 'Quai 7', $1)`, [user]);
    await rowsOf(
      `INSERT INTO audit_logs (user_id, entity_type, entity_id, action) VALUES ($1, 'users', $1, 'CREATE')`,
      [user],
    );
    await database.migrate({ to: 7 });
    expect(await rowsOf('SELECT name, is_active FROM api_keys ORDER BY name')).toEqual([
      { name: 'next', is_active: true },
      { name: 'old', is_active: false },
    ]);
    await database.migrate('up');
    for (const table of ['users', 'user_roles', 'sessions', 'entities', 'audit_logs'])
      expect(await count(table), table).toBe(1);
    await database.migrate('down');
  });
});

describe('what the documentation promises', () => {
  database.forEachTest();

  test('the four roles are there, as system roles', async () => {
    expect(await rowsOf('SELECT name, description, is_system FROM roles ORDER BY name')).toEqual([
      { name: 'admin', description: 'Full system access', is_system: true },
      { name: 'moderator', description: 'Moderation capabilities', is_system: true },
      { name: 'user', description: 'Standard user access', is_system: true },
      { name: 'viewer', description: 'Read-only access', is_system: true },
    ]);
  });

  test.each(['nobody', 'nobody@', '@hub.example', 'no body@hub.example', 'a@b', 'a@b.c'])(
    'email_format refuses %j',
    async (email) => {
      await refused(`INSERT INTO users (email, username, password_hash) VALUES ($1, 'a', '!')`, [email], '23514');
    },
  );

  test('key_length refuses what is no SHA-256', async () => {
    const user = await addUser('ines');
    for (const hash of ['', 'short', sha256('x').slice(1)])
      await refused('INSERT INTO api_keys (user_id, key_hash) VALUES ($1, $2)', [user, hash], '23514');
  });

  test('e-mail, username, role name, key hash and a role of a user are each unique', async () => {
    const user = await addUser('ines');
    await giveRole(user, 'viewer');
    await addKey(user, 'k');
    const twice = [
      `INSERT INTO users (email, username, password_hash) VALUES ('ines@hub.example', 'other', '!')`,
      `INSERT INTO users (email, username, password_hash) VALUES ('other@hub.example', 'ines', '!')`,
      `INSERT INTO roles (name) VALUES ('viewer')`,
      'INSERT INTO api_keys (user_id, key_hash) SELECT user_id, key_hash FROM api_keys',
      'INSERT INTO user_roles (user_id, role_id) SELECT user_id, role_id FROM user_roles',
    ];
    for (const sql of twice) await refused(sql, [], '23505');
  });

  test.each([
    `INSERT INTO entities (entity_type, name, status) VALUES ('site', 'x', 'lost')`,
    `INSERT INTO entities (entity_type, name) VALUES ('site', ' ')`,
    `INSERT INTO entities (entity_type, name, data) VALUES ('site', 'x', '[]')`,
  ])('an entity that makes no sense is refused: %s', (sql) => refused(sql, [], '23514'));

  test('a user who goes takes roles, keys and sessions along, and the log keeps what they did', async () => {
    const user = await addUser('ines');
    await giveRole(user, 'user');
    await addKey(user, 'k');
    await rowsOf(`INSERT INTO sessions (user_id, token_hash, expires_at) VALUES ($1, 'x', now())`, [user]);
    await rowsOf(
      `INSERT INTO audit_logs (user_id, entity_type, entity_id, action) VALUES ($1, 'users', $1, 'DELETE')`,
      [user],
    );
    await rowsOf('DELETE FROM users');
    for (const table of ['user_roles', 'api_keys', 'sessions']) expect(await count(table), table).toBe(0);
    expect(await rowsOf('SELECT user_id, entity_id FROM audit_logs')).toEqual([{ user_id: null, entity_id: user }]);
  });

  test('every table with updated_at has it set by the database, whatever the writer said', async () => {
    const tables = await rowsOf<{ name: string; triggered: boolean }>(
      `SELECT c.relname AS name, EXISTS (
         SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgfoid = 'public.update_timestamp'::REGPROC
       ) AS triggered
       FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'updated_at'
       WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind = 'r' ORDER BY 1`,
    );
    expect(tables).toEqual(['api_keys', 'entities', 'roles', 'users'].map((name) => ({ name, triggered: true })));
    await addUser('ines');
    await rowsOf(`UPDATE users SET updated_at = '1999-01-01'`);
    expect(await only(`SELECT updated_at > now() - INTERVAL '1 minute' FROM users`)).toBe(true);
  });

  test('a revoked key is inactive, and stays so', async () => {
    const key = await addKey(await addUser('ines'), 'k');
    await refused('UPDATE api_keys SET revoked_at = now()', [], '23514');
    await rowsOf('UPDATE api_keys SET revoked_at = now(), is_active = false');
    await refused('UPDATE api_keys SET is_active = true', [], '23514');
    await refused('UPDATE api_keys SET rotated_from = $1', [key], '23514');
  });
});

describe('the documented queries', () => {
  database.forAllTests();
  let user: string;

  beforeAll(async () => {
    user = await addUser('ines');
    await giveRole(user, 'admin');
    await giveRole(user, 'moderator');
    await addKey(user, 'endless');
    await addKey(user, 'expiring', `expires_at = now() + INTERVAL '1 day'`);
    await addKey(user, 'expired', `expires_at = now() - INTERVAL '1 second'`);
    await addKey(user, 'inactive', 'is_active = false');
    await addKey(user, 'undecided', 'is_active = NULL');
    await rowsOf(
      `INSERT INTO sessions (user_id, token_hash, expires_at) VALUES
         ($1, 'open', now() + INTERVAL '1 hour'), ($1, 'over', now() - INTERVAL '1 hour')`,
      [user],
    );
    await rowsOf(
      `INSERT INTO audit_logs (user_id, entity_type, entity_id, action, changes, created_at)
       SELECT $1, 'users', $1, 'UPDATE', '{"before": {"is_active": true}, "after": {"is_active": false}}', now() - n * INTERVAL '1 hour'
       FROM generate_series(1, 60) AS n`,
      [user],
    );
  });

  test('find a user with roles', async () => {
    const sql = `SELECT u.id, u.email, u.username, ARRAY_AGG(r.name) AS roles
      FROM users u LEFT JOIN user_roles ur ON u.id = ur.user_id LEFT JOIN roles r ON ur.role_id = r.id
      WHERE u.id = $1 GROUP BY u.id`;
    const [found] = await rowsOf<{ username: string; roles: string[] }>(sql, [user]);
    expect(found).toMatchObject({ username: 'ines' });
    expect(found!.roles.sort()).toEqual(['admin', 'moderator']);
  });

  test("get a user's API keys, and none that is expired or inactive", async () => {
    const sql = `SELECT * FROM api_keys
      WHERE user_id = $1 AND is_active = true AND (expires_at IS NULL OR expires_at > NOW()) ORDER BY created_at DESC`;
    const names = (await rowsOf<{ name: string }>(sql, [user])).map((key) => key.name);
    expect(names.sort()).toEqual(['endless', 'expiring']);
  });

  test('give the audit trail of an entity, the newest fifty', async () => {
    const sql = `SELECT * FROM audit_logs WHERE entity_type = 'users' AND entity_id = $1 ORDER BY created_at DESC LIMIT 50`;
    const lines = await rowsOf<{ created_at: Date; changes: unknown }>(sql, [user]);
    expect(lines).toHaveLength(50);
    const moments = lines.map((line) => line.created_at.getTime());
    expect(moments).toEqual([...moments].sort((a, b) => b - a));
    expect(lines[0]!.changes).toEqual({ before: { is_active: true }, after: { is_active: false } });
  });

  test('give the active sessions', async () => {
    const sql = 'SELECT * FROM sessions WHERE user_id = $1 AND expires_at > NOW() ORDER BY created_at DESC';
    expect((await rowsOf<{ token_hash: string }>(sql, [user])).map((row) => row.token_hash)).toEqual(['open']);
  });
});

describe('isolation of the application', () => {
  database.forEachTest();
  let admin: string;
  let moderator: string;
  let ines: string;
  let otto: string;
  const workFor = (user: string | null) => asRole('smarthub_app', { 'smarthub.user_id': user });

  beforeEach(async () => {
    [admin, moderator, ines, otto] = [
      await addUser('admin'),
      await addUser('moderator'),
      await addUser('ines'),
      await addUser('otto'),
    ];
    await giveRole(admin, 'admin');
    await giveRole(moderator, 'moderator');
    await giveRole(ines, 'user');
    await giveRole(otto, 'viewer');
    for (const [user, name] of [
      [ines, 'ines'],
      [otto, 'otto'],
    ] as const) {
      await addKey(user, `key of ${name}`);
      await rowsOf(`INSERT INTO sessions (user_id, token_hash, expires_at) VALUES ($1, $2, now() + INTERVAL '1 day')`, [
        user,
        sha256(`token of ${name}`),
      ]);
      await rowsOf(`INSERT INTO entities (entity_type, name, owner_id) VALUES ('site', $2, $1)`, [user, name]);
      await rowsOf(
        `INSERT INTO audit_logs (user_id, entity_type, entity_id, action) VALUES ($1, 'users', $1, 'CREATE')`,
        [user],
      );
    }
  });
  afterEach(asOwner);

  test('a user sees what is theirs, nobody sees nothing, an administrator all', async () => {
    const personal = ['users', 'user_roles', 'api_keys', 'sessions', 'audit_logs'];
    await workFor(ines);
    for (const table of personal) expect(await count(table), table).toBe(1);
    expect(await only('SELECT username FROM users')).toBe('ines');
    await workFor(null);
    for (const table of [...personal, 'entities']) expect(await count(table), table).toBe(0);
    await workFor(admin);
    expect(await count('users')).toBe(4);
    expect(await count('user_roles')).toBe(4);
    for (const table of ['api_keys', 'sessions', 'audit_logs']) expect(await count(table), table).toBe(2);
  });

  test('the documented policy holds for any role that may read', async () => {
    await rowsOf('GRANT SELECT ON users TO pg_monitor');
    await asRole('pg_monitor', { 'smarthub.user_id': otto });
    expect(await rowsOf('SELECT username FROM users')).toEqual([{ username: 'otto' }]);
  });

  test('a deactivated or deleted administrator is none, and does not switch themselves on again', async () => {
    for (const change of ['is_active = false', 'is_active = NULL', 'is_active = true, deleted_at = now()']) {
      await asOwner();
      await rowsOf(`UPDATE users SET ${change} WHERE id = $1`, [admin]);
      await workFor(admin);
      expect(await count('users'), change).toBe(1);
      expect(await changed('UPDATE users SET is_active = true, deleted_at = NULL'), change).toBe(0);
    }
  });

  test('nobody reaches what is another’s, or gives themselves a role', async () => {
    await workFor(ines);
    for (const table of ['api_keys', 'sessions'])
      expect(await changed(`UPDATE ${table} SET expires_at = now() WHERE user_id = $1`, [otto]), table).toBe(0);
    expect(await changed(`UPDATE users SET last_name = 'x' WHERE id = $1`, [otto])).toBe(0);
    expect(await changed('DELETE FROM sessions')).toBe(1);
    await refused('UPDATE api_keys SET user_id = $1', [otto]);
    await refused(`INSERT INTO api_keys (user_id, key_hash) VALUES ($1, $2)`, [otto, sha256('mine')]);
    await refused(`INSERT INTO sessions (user_id, token_hash, expires_at) VALUES ($1, 'x', now())`, [otto]);
    await refused(`INSERT INTO user_roles (user_id, role_id) SELECT $1, id FROM roles WHERE name = 'admin'`, [ines]);
    await refused(`INSERT INTO users (email, username, password_hash) VALUES ('x@hub.example', 'x', '!')`);
    await refused(`INSERT INTO roles (name) VALUES ('emperor')`);
    expect(await changed('DELETE FROM user_roles')).toBe(0);
  });

  test('people keep their own profile, keys and entities', async () => {
    await workFor(ines);
    expect(await changed(`UPDATE users SET first_name = 'Inês', last_login_at = now()`)).toBe(1);
    await addKey(ines, 'another');
    expect(await changed(`UPDATE api_keys SET is_active = false WHERE name = 'another'`)).toBe(1);
    await rowsOf(`INSERT INTO entities (entity_type, name, owner_id) VALUES ('site', 'mine', $1)`, [ines]);
  });

  test('entities are seen by all, and changed by their owner and moderators, never by a viewer', async () => {
    const rename = `UPDATE entities SET name = name || '!'`;
    await workFor(ines);
    expect(await count('entities')).toBe(2);
    expect(await changed(rename)).toBe(1);
    await workFor(otto);
    expect(await count('entities')).toBe(2);
    expect(await changed(rename)).toBe(0);
    await refused(`INSERT INTO entities (entity_type, name, owner_id) VALUES ('site', 'x', $1)`, [otto]);
    await workFor(moderator);
    expect(await changed(rename)).toBe(2);
  });

  test('an administrator manages users, roles and who has them, but not the roles of the schema', async () => {
    await workFor(admin);
    const added = await addUser('added');
    await rowsOf(`INSERT INTO roles (name) VALUES ('auditor')`);
    await giveRole(added, 'auditor');
    expect(await changed('UPDATE users SET is_active = false WHERE id = $1', [otto])).toBe(1);
    expect(await changed('DELETE FROM roles')).toBe(1);
    expect(await changed(`UPDATE roles SET description = 'x'`)).toBe(0);
    await refused(`INSERT INTO roles (name, is_system) VALUES ('root', true)`);
  });

  test('the log is written in one’s own name, and never changed', async () => {
    const write = `INSERT INTO audit_logs (user_id, entity_type, entity_id, action) VALUES ($1, 'users', gen_random_uuid(), 'UPDATE')`;
    for (const user of [ines, admin]) {
      await workFor(user);
      await rowsOf(write, [user]);
      await rowsOf(write, [null]);
      await refused(write, [otto]);
      await refused(`UPDATE audit_logs SET action = 'rewritten'`);
      await refused('DELETE FROM audit_logs');
      await refused('TRUNCATE audit_logs');
      await refused('SELECT FROM audit_logs_default');
      await refused(`SELECT ensure_log_partitions(7, 2)`);
    }
  });

  test('users and keys are not deleted, whoever asks', async () => {
    for (const user of [ines, admin]) {
      await workFor(user);
      for (const table of ['users', 'api_keys', 'entities']) await refused(`DELETE FROM ${table}`);
    }
  });

  test('who comes in by login, session or key is found before anybody has said who works, while in force', async () => {
    const ways = async () => [
      await rowsOf(`SELECT id, password_hash FROM user_for_login('ines@hub.example')`),
      await only('SELECT user_for_session($1)', [sha256('token of ines')]),
      await only('SELECT user_for_api_key($1)', [sha256('key of ines')]),
    ];
    await workFor(null);
    expect(await ways()).toEqual([[{ id: ines, password_hash: '!' }], ines, ines]);
    expect(await only('SELECT user_for_api_key($1)', [sha256('guessed')])).toBeNull();
    for (const change of ['is_active = false', 'is_active = NULL', 'is_active = true, deleted_at = now()']) {
      await asOwner();
      await rowsOf(`UPDATE users SET ${change} WHERE id = $1`, [ines]);
      await workFor(null);
      expect(await ways(), change).toEqual([[], null, null]);
    }
  });

  test('a key or a session out of force lets nobody in, in whatever zone the session is', async () => {
    const soon = `(now() AT TIME ZONE 'UTC') + INTERVAL '1 minute'`;
    const past = `(now() AT TIME ZONE 'UTC') - INTERVAL '1 minute'`;
    const comesIn = async (table: 'api_keys' | 'sessions', change: string) => {
      await asOwner();
      await rowsOf(`UPDATE ${table} SET ${change} WHERE user_id = $1`, [ines]);
      await workFor(null);
      const answers = new Set<unknown>();
      for (const zone of ['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
        await rowsOf(`SET TIME ZONE '${zone}'`);
        answers.add(
          table === 'api_keys'
            ? await only('SELECT user_for_api_key($1)', [sha256('key of ines')])
            : await only('SELECT user_for_session($1)', [sha256('token of ines')]),
        );
      }
      return [...answers];
    };
    expect(await comesIn('api_keys', `expires_at = ${soon}`)).toEqual([ines]);
    expect(await comesIn('api_keys', `expires_at = ${past}`)).toEqual([null]);
    expect(await comesIn('api_keys', 'expires_at = NULL')).toEqual([ines]);
    expect(await comesIn('api_keys', 'is_active = NULL')).toEqual([null]);
    expect(await comesIn('api_keys', 'is_active = false, revoked_at = now()')).toEqual([null]);
    expect(await comesIn('sessions', `expires_at = ${soon}`)).toEqual([ines]);
    expect(await comesIn('sessions', `expires_at = ${past}`)).toEqual([null]);
  });

  test('who is not one of the ids sees nothing', async () => {
    await workFor(randomUUID());
    for (const table of ['users', 'user_roles', 'api_keys', 'sessions', 'audit_logs'])
      expect(await count(table), table).toBe(0);
  });
});
