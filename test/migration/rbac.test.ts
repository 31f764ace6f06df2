import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { freshDatabase } from '../fixtures/central.ts';
import { describeSchema } from './describe-schema.ts';
import { testDocumentedDetails, testMonthlyLog } from './public-schema.ts';
import { documentedConstraints, documentedDefaults, documentedIndexes, documentedTables } from './rbac-tables.ts';
import { systemDatabase } from './system-database.ts';
import { testSystemSchema } from './system-schema.ts';

const system = 'rbac';
const database = systemDatabase(system);
const { rowsOf, only, count, changed, refused, asRole, asOwner } = database;

const everyTable = [
  ...['users', 'roles', 'user_roles', 'permissions', 'role_permissions', 'sessions', 'user_profiles', 'posts'],
  ...['comments', 'resources', 'audit_logs'],
];

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function addUser(name: string): Promise<string> {
  return only(`INSERT INTO users (email, name, password_hash) VALUES ($1, $2, '!') RETURNING id`, [
    `${name}@desk.example`,
    name,
  ]);
}

function addRole(name: string): Promise<string> {
  return only('INSERT INTO roles (id, name) VALUES (gen_random_uuid(), $1) RETURNING id', [name]);
}

async function giveRole(user: string, role: string): Promise<void> {
  await rowsOf('INSERT INTO user_roles (user_id, role_id) SELECT $1, id FROM roles WHERE name = $2', [user, role]);
}

/** A user who has a role with these permissions alone. */
async function addUserWho(name: string, ...permissions: string[]): Promise<string> {
  const user = await addUser(name);
  const role = await addRole(`role of ${name}`);
  await rowsOf(
    'INSERT INTO role_permissions (role_id, permission_id) SELECT $1, id FROM permissions WHERE name = ANY ($2)',
    [role, permissions],
  );
  await giveRole(user, `role of ${name}`);
  return user;
}

async function addSession(user: string, token: string, expiresAt: string): Promise<void> {
  await rowsOf(
    `INSERT INTO sessions (id, user_id, token_hash, expires_at) VALUES (gen_random_uuid(), $1, $2, ${expiresAt})`,
    [user, sha256(token)],
  );
}

/** A row of the user's in every table that users have rows in. */
async function addBelongings(user: string, name: string): Promise<void> {
  await addSession(user, `token of ${name}`, `now() + INTERVAL '1 day'`);
  await rowsOf('INSERT INTO user_profiles (id, user_id, bio) VALUES (gen_random_uuid(), $1, $2)', [user, name]);
  await rowsOf('INSERT INTO resources (user_id, name, resource_type) VALUES ($1, $2, $3)', [user, name, 'folder']);
  await rowsOf(`INSERT INTO audit_logs (user_id, action, new_values) VALUES ($1, 'create', '{"name": "x"}')`, [user]);
  await rowsOf(`INSERT INTO posts (user_id, title) VALUES ($1, $2)`, [user, `draft of ${name}`]);
  const post = await only(
    `INSERT INTO posts (user_id, title, status, published_at) VALUES ($1, $2, 'published', now()) RETURNING id`,
    [user, `post of ${name}`],
  );
  await rowsOf(`INSERT INTO comments (post_id, user_id, content) VALUES ($1, $2, 'First!')`, [post, user]);
}

testSystemSchema({ system, schema: 'public', documentedTables, leastLines: 300 });
testDocumentedDetails({ system, documentedIndexes, documentedDefaults, documentedConstraints });
testMonthlyLog({
  system,
  table: 'audit_logs',
  insert: `INSERT INTO audit_logs (action, created_at) VALUES ('update', $1)`,
});

describe('migrating with data', () => {
  database.forEachTest();

  test('back and forth keeps what there is', async () => {
    const user = await addUser('ines');
    await giveRole(user, 'admin');
    await addBelongings(user, 'ines');
    const everything = async () => {
      const rows: unknown[] = [];
      for (const table of everyTable) rows.push(await rowsOf(`SELECT * FROM ${table}`));
      return rows;
    };
    const before = await everything();
    await database.migrate({ to: 9 });
    await database.migrate('up');
    expect(await everything()).toEqual(before);
    await database.migrate('down');
  });

  test('partitioning takes the log along, with its numbers, its months and what has no date', async () => {
    await database.migrate({ to: 9 });
    const user = await addUser('ines');
    await rowsOf(
      `INSERT INTO audit_logs (user_id, action, created_at)
       SELECT $1, 'action ' || n, now() - n * INTERVAL '10 days' FROM generate_series(0, 40) AS n`,
      [user],
    );
    await rowsOf(`INSERT INTO audit_logs (action, created_at) VALUES ('undated', NULL)`);
    const dated = 'SELECT id, user_id, action, created_at::TEXT FROM audit_logs WHERE user_id IS NOT NULL ORDER BY id';
    const before = await rowsOf(dated);

    await database.migrate({ to: 10 });
    expect(await rowsOf(dated)).toEqual(before);
    expect(await rowsOf('SELECT action, created_at::TEXT FROM audit_logs_default')).toEqual([
      { action: 'undated', created_at: '1970-01-01 00:00:00' },
    ]);
    expect(await only<string>(`INSERT INTO audit_logs (action) VALUES ('next') RETURNING id`)).toBe('43');

    await database.migrate({ to: 9 });
    expect(await rowsOf(dated)).toEqual(before);
    expect(await only<string>(`INSERT INTO audit_logs (action) VALUES ('next') RETURNING id`)).toBe('44');
    expect(await only(`SELECT pg_get_serial_sequence('audit_logs', 'id')`)).toBe('public.audit_logs_id_seq');
  });
});

describe('uuid_generate_v4()', () => {
  test.each([
    ['the extension', 'CREATE EXTENSION "uuid-ossp" SCHEMA public'],
    [
      'a function of somebody else',
      `CREATE FUNCTION public.uuid_generate_v4() RETURNS UUID LANGUAGE sql AS 'SELECT gen_random_uuid()'`,
    ],
  ])('where %s brings it, is used and left there', async (_, create) => {
    const { client, drop } = await freshDatabase();
    try {
      await client.query(create);
      const before = await describeSchema(client, 'public');
      await migrateSystem(client, system, 'up');
      await client.query(`INSERT INTO users (email, name, password_hash) VALUES ('a@b.example', 'a', '!')`);
      await migrateSystem(client, system, 'down');
      expect(await describeSchema(client, 'public')).toEqual(before);
    } finally {
      await drop();
    }
  });
});

describe('what the documentation promises', () => {
  database.forEachTest();

  test('an update moves updated_at by the documented trigger, whatever the writer said', async () => {
    const triggers = await rowsOf<{ definition: string }>(
      `SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger
       WHERE tgfoid = 'public.update_updated_at'::REGPROC AND tgrelid = 'users'::REGCLASS`,
    );
    expect(triggers).toEqual([
      {
        definition:
          'CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION update_updated_at()',
      },
    ]);
    const user = await addUser('ines');
    await addBelongings(user, 'ines');
    for (const table of ['users', 'posts', 'resources']) {
      await rowsOf(`UPDATE ${table} SET updated_at = '1999-01-01'`);
      expect(await only(`SELECT bool_and(updated_at > now() - INTERVAL '1 minute') FROM ${table}`), table).toBe(true);
    }
  });

  test('e-mail, role name, token hash and a role of a user are each unique', async () => {
    const user = await addUser('ines');
    await giveRole(user, 'admin');
    await addSession(user, 't', 'now()');
    const twice = [
      `INSERT INTO users (email, name, password_hash) VALUES ('ines@desk.example', 'other', '!')`,
      `INSERT INTO roles (id, name) VALUES (gen_random_uuid(), 'admin')`,
      'INSERT INTO user_roles (user_id, role_id) SELECT user_id, role_id FROM user_roles',
      'INSERT INTO sessions SELECT gen_random_uuid(), user_id, token_hash, NULL, NULL, expires_at FROM sessions',
    ];
    for (const sql of twice) await refused(sql, [], '23505');
  });

  test('values that no list knows are refused', async () => {
    const user = await addUser('ines');
    const refusals: [string, unknown[]][] = [
      [`INSERT INTO users (email, name, password_hash) VALUES ('nobody', 'a', '!')`, []],
      [`INSERT INTO users (email, name, password_hash) VALUES ('a@b.example', ' ', '!')`, []],
      [`INSERT INTO posts (user_id, title, status) VALUES ($1, 'x', 'lost')`, [user]],
      [`INSERT INTO posts (user_id, title, status) VALUES ($1, 'x', 'published')`, [user]],
      [`INSERT INTO resources (user_id, name, resource_type, status) VALUES ($1, 'x', 'folder', 'lost')`, [user]],
      [`INSERT INTO permissions (name, resource, action) VALUES ('everything', 'posts', 'read')`, []],
    ];
    for (const [sql, values] of refusals) await refused(sql, values, '23514');
  });

  test('a post takes its comments along, and a user who wrote or did something stays', async () => {
    const user = await addUser('ines');
    await addBelongings(user, 'ines');
    await refused('DELETE FROM users', [], '23503');
    await rowsOf('DELETE FROM posts');
    expect(await count('comments')).toBe(0);
    for (const table of ['resources', 'user_profiles']) await rowsOf(`DELETE FROM ${table}`);
    await refused('DELETE FROM users', [], '23503');
    await rowsOf('DELETE FROM audit_logs');
    await giveRole(user, 'admin');
    await rowsOf('DELETE FROM users');
    expect(await count('sessions')).toBe(0);
    expect(await count('user_roles')).toBe(0);
  });

  test('the system role has every permission that a policy asks for', async () => {
    const asked = await rowsOf<{ name: string }>(
      `SELECT DISTINCT substring(concat(qual, with_check) FROM $$current_user_may\\('([a-z_:]+)'$$) AS name
       FROM pg_policies WHERE concat(qual, with_check) LIKE '%current_user_may%' ORDER BY 1`,
    );
    const held = await rowsOf<{ name: string }>(
      `SELECT p.name FROM permissions AS p JOIN role_permissions AS rp ON rp.permission_id = p.id
       JOIN roles AS r ON r.id = rp.role_id WHERE r.name = 'admin' AND r.is_system ORDER BY 1`,
    );
    expect(asked.length).toBeGreaterThan(5);
    expect(held).toEqual(asked);
  });
});

describe('the documented queries', () => {
  database.forAllTests();
  let user: string;

  beforeAll(async () => {
    user = await addUser('ines');
    await giveRole(user, 'admin');
    await addRole('editor');
    await giveRole(user, 'editor');
    await rowsOf(
      `INSERT INTO resources (user_id, name, resource_type, status, created_at)
       SELECT $1, 'resource ' || n, 'folder', CASE WHEN n % 5 = 0 THEN 'archived' ELSE 'active' END, now() - n * INTERVAL '1 hour'
       FROM generate_series(1, 50) AS n`,
      [user],
    );
  });

  test('get a user with roles', async () => {
    const sql = `SELECT u.*, array_agg(r.name) AS roles FROM users u
      LEFT JOIN user_roles ur ON u.id = ur.user_id LEFT JOIN roles r ON ur.role_id = r.id
      WHERE u.email = $1 GROUP BY u.id`;
    const [found] = await rowsOf<{ name: string; roles: string }>(sql, ['ines@desk.example']);
    expect(found!.name).toBe('ines');
    expect(String(found!.roles)).toMatch(/admin/);
    expect(String(found!.roles)).toMatch(/editor/);
  });

  test('list resources a page at a time, by the index and nothing else', async () => {
    const sql = `SELECT * FROM resources WHERE user_id = $1 AND status = 'active' ORDER BY created_at DESC LIMIT $2 OFFSET $3`;
    const page = async (offset: number) =>
      (await rowsOf<{ name: string }>(sql, [user, 10, offset])).map((row) => row.name);
    expect([...(await page(0)), ...(await page(10)), ...(await page(20)), ...(await page(30))]).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1)
        .filter((n) => n % 5 !== 0)
        .map((n) => `resource ${n}`),
    );
    await rowsOf('SET enable_seqscan = off');
    const plan = (await rowsOf<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, [user, 10, 0])).map(
      (line) => line['QUERY PLAN'],
    );
    await rowsOf('RESET enable_seqscan');
    expect(plan.join('\n')).toMatch(/Index Scan using idx_resources_user_status/);
    expect(plan.join('\n')).not.toMatch(/Sort|Filter/);
  });
});

describe('the database roles', () => {
  database.forEachTest();
  let admin: string;
  let ines: string;
  let otto: string;
  const workFor = (user: string | null) => asRole('rbac_app', { 'rbac.user_id': user });
  const personal = ['users', 'user_roles', 'sessions', 'audit_logs', 'resources'];

  beforeEach(async () => {
    admin = await addUser('admin');
    await giveRole(admin, 'admin');
    ines = await addUserWho('ines');
    otto = await addUserWho('otto');
    await addBelongings(ines, 'ines');
    await addBelongings(otto, 'otto');
  });
  afterEach(asOwner);

  test('through the application a user sees what is theirs, nobody sees nothing, an administrator all', async () => {
    await workFor(ines);
    for (const table of personal) expect(await count(table), table).toBe(1);
    expect(await only('SELECT name FROM users')).toBe('ines');
    await workFor(randomUUID());
    for (const table of personal) expect(await count(table), table).toBe(0);
    await workFor(null);
    for (const table of [...personal, 'posts', 'comments', 'user_profiles']) expect(await count(table), table).toBe(0);
    await workFor(admin);
    expect(await count('users')).toBe(3);
    expect(await count('user_roles')).toBe(3);
    for (const table of ['sessions', 'audit_logs', 'resources']) expect(await count(table), table).toBe(2);
    expect(await count('posts')).toBe(4);
  });

  test('a permission opens what it names, and nothing else', async () => {
    const opens: Record<string, [string, number]> = {
      'users:read': ['users', 4],
      'sessions:write': ['sessions', 2],
      'resources:read': ['resources', 2],
      'audit_logs:read': ['audit_logs', 2],
    };
    for (const [permission, [table, rows]] of Object.entries(opens)) {
      await asOwner();
      const user = await addUserWho(permission, permission);
      await workFor(user);
      expect(await count(table), permission).toBe(rows);
      const others = Object.values(opens).filter(([other]) => other !== table && other !== 'users');
      for (const [other] of others) expect(await count(other), `${permission}, ${other}`).toBe(0);
      await asOwner();
      await rowsOf('DELETE FROM users WHERE id = $1', [user]);
    }
  });

  test('drafts are their author’s, published posts and their comments everybody’s', async () => {
    await workFor(ines);
    expect(await rowsOf('SELECT title FROM posts ORDER BY title')).toEqual([
      { title: 'draft of ines' },
      { title: 'post of ines' },
      { title: 'post of otto' },
    ]);
    expect(await count('comments')).toBe(2);
    expect(await changed(`UPDATE posts SET content = 'x'`)).toBe(2);
    expect(await changed(`UPDATE comments SET content = 'x'`)).toBe(1);
    const comment = `INSERT INTO comments (post_id, user_id, content) VALUES ($1, $2, 'Second!')`;
    const post = await only(`SELECT id FROM posts WHERE title = 'post of otto'`);
    await rowsOf(comment, [post, ines]);
    await refused(comment, [post, otto]);
    await asOwner();
    const draft = await only(`SELECT id FROM posts WHERE title = 'draft of otto'`);
    await workFor(ines);
    await refused(comment, [draft, ines]);
    await workFor(null);
    expect(await count('comments')).toBe(0);
  });

  test('nobody reaches what is another’s, or gives themselves a role or a permission', async () => {
    await workFor(ines);
    expect(await changed(`UPDATE users SET name = 'x' WHERE id = $1`, [otto])).toBe(0);
    expect(await changed('UPDATE sessions SET expires_at = now() WHERE user_id = $1', [otto])).toBe(0);
    expect(await changed('DELETE FROM sessions')).toBe(1);
    expect(await changed('DELETE FROM resources')).toBe(1);
    expect(await changed('DELETE FROM user_roles')).toBe(0);
    expect(await changed('DELETE FROM roles')).toBe(0);
    expect(await changed('DELETE FROM role_permissions')).toBe(0);
    const refusals: [string, unknown[]][] = [
      [`INSERT INTO users (email, name, password_hash) VALUES ('x@desk.example', 'x', '!')`, []],
      [`INSERT INTO user_roles (user_id, role_id) SELECT $1, id FROM roles WHERE name = 'admin'`, [ines]],
      [
        `INSERT INTO role_permissions (role_id, permission_id)
         SELECT r.id, p.id FROM roles AS r, permissions AS p WHERE r.name = 'role of ines'`,
        [],
      ],
      [`INSERT INTO roles (id, name) VALUES (gen_random_uuid(), 'emperor')`, []],
      [`INSERT INTO permissions (name, resource, action) VALUES ('a:b', 'a', 'b')`, []],
      [`INSERT INTO resources (user_id, name, resource_type) VALUES ($1, 'x', 'folder')`, [otto]],
      ['UPDATE posts SET user_id = $1', [otto]],
      ['DELETE FROM users', []],
    ];
    for (const [sql, values] of refusals) await refused(sql, values);
  });

  test('a deactivated administrator is none, and does not switch themselves on again', async () => {
    await rowsOf('UPDATE users SET is_active = false WHERE id = $1', [admin]);
    await workFor(admin);
    expect(await count('users')).toBe(1);
    expect(await changed('UPDATE users SET is_active = true')).toBe(0);
  });

  test('an administrator manages users and roles, but not the role of the schema', async () => {
    await workFor(admin);
    const added = await addUserWho('added', 'users:read');
    expect(await changed('UPDATE users SET is_active = false WHERE id = $1', [added])).toBe(1);
    expect(await changed(`DELETE FROM roles WHERE name = 'role of added'`)).toBe(1);
    expect(await changed(`UPDATE roles SET description = 'x' WHERE is_system`)).toBe(0);
    expect(await changed(`DELETE FROM role_permissions`)).toBe(0);
  });

  test('the log is written in one’s own name, and changed by none of the three', async () => {
    const write = `INSERT INTO audit_logs (user_id, action) VALUES ($1, 'update')`;
    await workFor(ines);
    await rowsOf(write, [ines]);
    await rowsOf(write, [null]);
    await refused(write, [otto]);
    for (const role of ['rbac_app', 'rbac_admin', 'rbac_readonly']) {
      await asRole(role, { 'rbac.user_id': admin });
      await refused(`UPDATE audit_logs SET action = 'rewritten'`);
      await refused('DELETE FROM audit_logs');
      await refused('TRUNCATE audit_logs');
      await refused('SELECT FROM audit_logs_default');
      await refused('SELECT ensure_log_partitions(7, 2)');
    }
  });

  test('analytics reads every row and no secret, and writes nothing', async () => {
    await asRole('rbac_readonly', { 'rbac.user_id': null });
    expect(await count('users')).toBe(3);
    expect(await only('SELECT count(email)::INTEGER FROM users')).toBe(3);
    expect(await only('SELECT count(expires_at)::INTEGER FROM sessions')).toBe(2);
    for (const table of everyTable.filter((table) => table !== 'users' && table !== 'sessions'))
      expect((await rowsOf(`SELECT * FROM ${table}`)).length, table).toBeGreaterThan(0);
    await refused('SELECT password_hash FROM users');
    await refused('SELECT token_hash FROM sessions');
    await refused('SELECT * FROM users');
    await refused(`SELECT user_for_login('ines@desk.example')`);
    for (const table of everyTable) await refused(`DELETE FROM ${table}`);
    await refused(`INSERT INTO roles (id, name) VALUES (gen_random_uuid(), 'x')`);
  });

  test('migrations may add tables and move rows', async () => {
    await asRole('rbac_admin', { 'rbac.user_id': null });
    await rowsOf('CREATE TABLE added (user_id UUID REFERENCES users (id))');
    await rowsOf('INSERT INTO added SELECT id FROM users');
    expect(await changed(`UPDATE users SET phone = '+33 1 99 00 00 00'`)).toBe(3);
    await refused('DROP TABLE users');
    await rowsOf('DROP TABLE added');
  });

  test('who comes in by login or session is found before anybody has said who works, while in force', async () => {
    const ways = async () => [
      await rowsOf(`SELECT id, password_hash FROM user_for_login('ines@desk.example')`),
      await only('SELECT user_for_session($1)', [sha256('token of ines')]),
    ];
    await workFor(null);
    expect(await ways()).toEqual([[{ id: ines, password_hash: '!' }], ines]);
    expect(await only('SELECT user_for_session($1)', [sha256('guessed')])).toBeNull();
    for (const change of ['false', 'NULL']) {
      await asOwner();
      await rowsOf(`UPDATE users SET is_active = ${change} WHERE id = $1`, [ines]);
      await workFor(null);
      expect(await ways(), change).toEqual([[], null]);
    }
    await asOwner();
    await rowsOf(`UPDATE users SET is_active = true`);
    await rowsOf(`UPDATE sessions SET expires_at = (now() AT TIME ZONE 'UTC') - INTERVAL '1 second'`);
    await workFor(null);
    expect(await ways()).toEqual([[{ id: ines, password_hash: '!' }], null]);
  });
});
