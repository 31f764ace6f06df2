import { describe, expect, test } from 'vitest';
import { fillRbacDemo } from '../../src-main/core/central/demo/rbac.ts';
import { testSystemDemo } from './system-demo.ts';

describe('the demo of rbac', () => {
  const { rowsOf, count, filled } = testSystemDemo({
    system: 'rbac',
    fill: fillRbacDemo,
    small: { people: 40, posts: 30, resources: 40, visits: 100 },
    log: { table: 'audit_logs', moment: 'created_at' },
    states: {
      'users.is_active': [true, false],
      'users.is_verified': [true, false],
      'roles.is_system': [true, false],
      'posts.status': ['draft', 'published', 'archived'],
      'resources.status': ['active', 'inactive', 'archived'],
      'audit_logs.action': ['create', 'update', 'login', 'logout', 'login_failed'],
    },
    secrets: { 'users.password_hash': /^(\$2b\$12\$[./A-Za-z0-9]{53}|!)$/, 'sessions.token_hash': /^[0-9a-f]{64}$/ },
  });

  test('has two administrators and an auditor to work with, all in force', async () => {
    const { operator, secondOperator, auditor } = filled();
    const roles = async ({ id, email }: { id: string; email: string }) => {
      const sql = `SELECT array_agg(r.name::TEXT ORDER BY r.name) AS roles FROM users AS u
        JOIN user_roles AS ur ON ur.user_id = u.id JOIN roles AS r ON r.id = ur.role_id
        WHERE u.id = $1 AND u.email = $2 AND u.is_active AND u.is_verified`;
      return (await rowsOf<{ roles: string[] }>(sql, [id, email]))[0]!.roles;
    };
    expect(await roles(operator)).toEqual(['admin']);
    expect(await roles(secondOperator)).toEqual(['admin']);
    expect(await roles(auditor)).toEqual(['auditor']);
    expect(operator.id).not.toBe(secondOperator.id);
  });

  test('has everybody in a role, every role held by somebody, and every permission granted', async () => {
    expect(await count('users AS u WHERE NOT EXISTS (SELECT FROM user_roles AS ur WHERE ur.user_id = u.id)')).toBe(0);
    expect(await count('roles AS r WHERE NOT EXISTS (SELECT FROM user_roles AS ur WHERE ur.role_id = r.id)')).toBe(0);
    expect(
      await count('permissions AS p WHERE NOT EXISTS (SELECT FROM role_permissions AS r WHERE r.permission_id = p.id)'),
    ).toBe(0);
    const administrator = `role_permissions AS rp JOIN roles AS r ON r.id = rp.role_id WHERE r.name = 'admin'`;
    expect(await count(administrator)).toBe(await count('permissions'));
    expect(await count('users WHERE NOT is_active')).toBeGreaterThan(8);
  });

  test('has more than a page of resources for the person at the device', async () => {
    const sql = `SELECT count(*)::INTEGER AS count FROM resources WHERE user_id = $1 AND status = 'active'`;
    expect((await rowsOf<{ count: number }>(sql, [filled().operator.id]))[0]!.count).toBeGreaterThan(30);
  });

  test('tells one story: nothing happens before its cause or after its end', async () => {
    const never = [
      'audit_logs AS l JOIN users AS u ON u.id = l.user_id WHERE l.created_at < u.created_at',
      'audit_logs AS l JOIN users AS u ON u.id = l.user_id WHERE NOT u.is_active AND l.created_at > u.updated_at',
      'audit_logs AS a JOIN audit_logs AS b ON b.id = a.id + 1 WHERE b.created_at < a.created_at',
      'posts AS p JOIN users AS u ON u.id = p.user_id WHERE p.created_at < u.created_at',
      'posts WHERE published_at < created_at OR updated_at < published_at',
      'comments AS c JOIN posts AS p ON p.id = c.post_id WHERE c.created_at < p.published_at OR p.published_at IS NULL',
      `comments AS c JOIN posts AS p ON p.id = c.post_id WHERE p.status = 'archived' AND c.created_at > p.updated_at`,
      'comments AS c JOIN users AS u ON u.id = c.user_id WHERE c.created_at < u.created_at',
      'resources AS r JOIN users AS u ON u.id = r.user_id WHERE r.created_at < u.created_at OR r.updated_at < r.created_at',
      'user_profiles AS p JOIN users AS u ON u.id = p.user_id WHERE p.created_at < u.created_at',
      'user_roles AS ur JOIN users AS u ON u.id = ur.assigned_by WHERE ur.assigned_at < u.created_at',
      'role_permissions AS rp JOIN users AS u ON u.id = rp.granted_by WHERE rp.granted_at < u.created_at',
      'users AS u JOIN sessions AS s ON s.user_id = u.id WHERE u.last_login < s.created_at',
      'users WHERE last_login < created_at OR updated_at < created_at',
      'sessions WHERE expires_at < created_at',
    ];
    for (const from of never) expect(await count(from), from).toBe(0);
  });

  test('has histories that end where the row stands, and an account that somebody guessed at', async () => {
    for (const kind of ['users', 'user_roles', 'sessions', 'posts', 'comments', 'resources'])
      expect(await count(`audit_logs WHERE entity_type = '${kind}'`), kind).toBeGreaterThan(20);
    const newest = (kind: string) => `(SELECT DISTINCT ON (entity_id) entity_id, new_values ->> 'status' AS status
      FROM audit_logs WHERE entity_type = '${kind}' AND new_values ? 'status' ORDER BY entity_id, created_at DESC, id DESC) AS l`;
    for (const kind of ['posts', 'resources']) {
      const joined = `${newest(kind)} JOIN ${kind} AS r ON r.id = l.entity_id`;
      expect(await count(joined), kind).toBeGreaterThan(50);
      expect(await count(`${joined} WHERE r.status <> l.status`), kind).toBe(0);
    }
    const guessed = `(SELECT entity_id FROM audit_logs WHERE action = 'login_failed' AND ip_address = '192.0.2.77'
      GROUP BY entity_id HAVING count(*) >= 20) AS g JOIN users AS u ON u.id = g.entity_id WHERE NOT u.is_active`;
    expect(await count(guessed)).toBeGreaterThan(0);
    expect(await count('audit_logs')).toBeGreaterThan(15_000);
  });

  test('takes new lines: the sequence has counted along', async () => {
    const [{ last } = { last: 0 }] = await rowsOf<{ last: number }>('SELECT max(id)::INTEGER AS last FROM audit_logs');
    const [line] = await rowsOf(`INSERT INTO audit_logs (action) VALUES ('update') RETURNING id::INTEGER`);
    expect(line).toEqual({ id: last + 1 });
  });
});
