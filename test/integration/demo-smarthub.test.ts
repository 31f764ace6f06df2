import { describe, expect, test } from 'vitest';
import { fillSmartHubDemo } from '../../src-main/core/central/demo/smarthub.ts';
import { testSystemDemo } from './system-demo.ts';

describe('the demo of smarthub', () => {
  const { moment, rowsOf, count, filled } = testSystemDemo({
    system: 'smarthub',
    fill: fillSmartHubDemo,
    small: { people: 40, keys: 25, entities: 40, visits: 100, checks: 100 },
    log: { table: 'audit_logs', moment: 'created_at' },
    states: {
      'users.is_active': [true, false],
      'users.email_verified': [true, false],
      'roles.is_system': [true, false],
      'api_keys.is_active': [true, false],
      'entities.status': ['draft', 'active', 'archived'],
      'audit_logs.action': ['CREATE', 'UPDATE', 'DELETE'],
    },
    secrets: {
      'users.password_hash': /^(\$2b\$12\$[./A-Za-z0-9]{53}|!)$/,
      'api_keys.key_hash': /^[0-9a-f]{64}$/,
      'sessions.token_hash': /^[0-9a-f]{64}$/,
    },
  });

  test('has two administrators and an auditor to work with, all in force', async () => {
    const { operator, secondOperator, auditor } = filled();
    const roles = async ({ id, email }: { id: string; email: string }) => {
      const sql = `SELECT array_agg(r.name::TEXT ORDER BY r.name) AS roles FROM users AS u
        JOIN user_roles AS ur ON ur.user_id = u.id JOIN roles AS r ON r.id = ur.role_id
        WHERE u.id = $1 AND u.email = $2 AND u.is_active AND u.email_verified AND u.deleted_at IS NULL`;
      return (await rowsOf<{ roles: string[] }>(sql, [id, email]))[0]!.roles;
    };
    expect(await roles(operator)).toEqual(['admin', 'user']);
    expect(await roles(secondOperator)).toEqual(['admin', 'user']);
    expect(await roles(auditor)).toEqual(['viewer']);
    expect(operator.id).not.toBe(secondOperator.id);
  });

  test('has everybody in a role, and every role held by somebody', async () => {
    expect(await count('users AS u WHERE NOT EXISTS (SELECT FROM user_roles AS ur WHERE ur.user_id = u.id)')).toBe(0);
    expect(await count('roles AS r WHERE NOT EXISTS (SELECT FROM user_roles AS ur WHERE ur.role_id = r.id)')).toBe(0);
    expect(await count('users WHERE deleted_at IS NOT NULL')).toBeGreaterThan(5);
    expect(await count('users WHERE deleted_at IS NULL AND NOT is_active')).toBeGreaterThan(3);
    expect(await count('users WHERE is_active AND NOT email_verified AND last_login_at IS NULL')).toBeGreaterThan(3);
  });

  test('has keys that expire in every window, some out of force, some in overlap', async () => {
    const inForce = `api_keys WHERE is_active AND expires_at > '${moment}'`;
    for (const [from, to] of [
      [0, 14],
      [14, 30],
      [30, 60],
      [60, 90],
    ])
      expect(
        await count(
          `${inForce} AND expires_at BETWEEN TIMESTAMP '${moment}' + INTERVAL '${from} days' AND TIMESTAMP '${moment}' + INTERVAL '${to} days'`,
        ),
      ).toBeGreaterThanOrEqual(5);
    expect(await count(`api_keys WHERE expires_at < '${moment}' AND NOT is_active`)).toBeGreaterThan(1);
    expect(await count('api_keys WHERE revoked_at IS NOT NULL AND NOT is_active')).toBe(3);
    expect(await count('api_keys WHERE expires_at IS NULL AND is_active')).toBeGreaterThan(3);
    const overlap = `api_keys AS new JOIN api_keys AS old ON old.id = new.rotated_from
      WHERE old.is_active AND new.is_active AND old.name = new.name AND old.expires_at > '${moment}'`;
    expect(await count(overlap)).toBe(3);
    expect(await count(`${overlap} AND new.last_used_at IS NULL`)).toBe(1);
    expect(await count(`api_keys WHERE key_prefix !~ '^shk_'`)).toBe(0);
  });

  test('tells one story: nothing happens before its cause or after its end', async () => {
    const never = [
      'audit_logs AS l JOIN users AS u ON u.id = l.user_id WHERE l.created_at < u.created_at',
      'audit_logs AS l JOIN users AS u ON u.id = l.user_id WHERE (u.deleted_at IS NOT NULL OR NOT u.is_active) AND l.created_at > u.updated_at',
      'api_keys WHERE last_used_at < created_at OR last_used_at > LEAST(expires_at, revoked_at)',
      'api_keys AS k JOIN users AS u ON u.id = k.user_id WHERE u.deleted_at IS NOT NULL OR k.created_at < u.created_at',
      'sessions WHERE expires_at < created_at',
      'users AS u JOIN sessions AS s ON s.user_id = u.id WHERE u.last_login_at < s.created_at',
      'users WHERE last_login_at < created_at OR updated_at < created_at',
      'user_roles AS ur JOIN users AS u ON u.id = ur.assigned_by WHERE ur.assigned_at < u.created_at',
      'entities WHERE updated_at < created_at OR deleted_at < created_at',
      'entities AS e JOIN users AS u ON u.id = e.owner_id WHERE e.created_at < u.created_at',
    ];
    for (const from of never) expect(await count(from), from).toBe(0);
  });

  test('has histories that end where the row stands, each change beginning where the last one ended', async () => {
    const ofKind = (kind: string) => `audit_logs WHERE entity_type = '${kind}'`;
    for (const kind of ['users', 'user_roles', 'api_keys', 'sessions', 'entities'])
      expect(await count(ofKind(kind)), kind).toBeGreaterThan(20);
    const chain = `(SELECT changes #> '{before,data}' AS before,
        lag(changes #> '{after,data}') OVER (PARTITION BY entity_id ORDER BY created_at) AS last
      FROM ${ofKind('entities')} AND changes #> '{after,data}' IS NOT NULL) AS step`;
    expect(await count(`${chain} WHERE before = last`)).toBeGreaterThan(4_000);
    expect(await count(`${chain} WHERE before <> last`)).toBe(0);
    const newest = `(SELECT DISTINCT ON (entity_id) entity_id, changes -> 'after' AS after
      FROM audit_logs WHERE changes #> '{after,data}' IS NOT NULL ORDER BY entity_id, created_at DESC) AS l`;
    expect(await count(`${newest} JOIN entities AS e ON e.id = l.entity_id WHERE e.data <> l.after -> 'data'`)).toBe(0);
    expect(
      await count(
        `audit_logs AS l JOIN users AS u ON u.id = l.entity_id WHERE l.action = 'DELETE' AND u.deleted_at IS NULL`,
      ),
    ).toBe(0);
    const [lines] = await rowsOf<{ count: number }>('SELECT count(*)::INTEGER AS count FROM audit_logs');
    expect(lines!.count).toBeGreaterThan(15_000);
  });
});
