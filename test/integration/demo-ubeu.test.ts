import { describe, expect, test } from 'vitest';
import { fillUbeuDemo } from '../../src-main/core/central/demo/ubeu.ts';
import { testSystemDemo } from './system-demo.ts';

describe('the demo of ubeu', () => {
  const { moment, rowsOf, count, filled } = testSystemDemo({
    system: 'ubeu',
    fill: fillUbeuDemo,
    small: { people: 60, keys: 20, visits: 100 },
    log: { table: 'transaction_logs', moment: 'created_at' },
    states: {
      'users.status': ['pending', 'active', 'suspended', 'deactivated'],
      'did_documents.status': ['active', 'suspended', 'deactivated'],
      'did_documents.did_type': ['personal', 'professional', 'device'],
      'domains.status': ['pending', 'active', 'suspended', 'expired'],
      'credentials.status': ['pending', 'active', 'suspended', 'revoked', 'expired'],
      'enterprise_accounts.status': ['pending', 'active', 'suspended', 'closed'],
      'enterprise_api_keys.active': [true, false],
      'transaction_logs.action': ['create', 'update'],
    },
    secrets: { 'enterprise_api_keys.key_hash': /^[0-9a-f]{64}$/ },
  });

  test('has two enterprises with people and keys, and says who belongs to which', async () => {
    const { organization, other, memberships, operator, secondOperator, auditor } = filled();
    for (const { id, name } of [organization, other]) {
      expect(
        await rowsOf('SELECT organization_name AS name, status FROM enterprise_accounts WHERE id = $1', [id]),
      ).toEqual([{ name, status: 'active' }]);
      const keys = `SELECT count(*)::INTEGER AS count FROM enterprise_api_keys WHERE enterprise_id = $1`;
      expect((await rowsOf<{ count: number }>(keys, [id]))[0]!.count).toBeGreaterThanOrEqual(6);
    }
    const belonging = (enterprise: string) => memberships.filter((one) => one.enterprise === enterprise);
    expect(belonging(organization.id)).toHaveLength(250);
    expect(belonging(other.id)).toHaveLength(25);
    expect(await count('users')).toBe(250 + 25 + 125);
    expect(new Set(memberships.map(({ user }) => user)).size).toBe(275);
    const roleOf = ({ id }: { id: string }) => belonging(organization.id).find(({ user }) => user === id)?.role;
    expect([operator, secondOperator, auditor].map(roleOf)).toEqual(['admin', 'admin', 'auditor']);
    const ids = [operator.id, secondOperator.id, auditor.id];
    expect(await rowsOf('SELECT DISTINCT status FROM users WHERE id = ANY ($1)', [ids])).toEqual([
      { status: 'active' },
    ]);
  });

  test('has the document of every DID that somebody signs in with', async () => {
    const documented = `users AS u WHERE NOT EXISTS (
      SELECT FROM did_documents AS d WHERE d.user_id = u.id AND d.did_identifier = u.primary_did)`;
    expect(await count(documented)).toBe(0);
    expect(
      await count(
        `users AS u JOIN did_documents AS d ON d.user_id = u.id WHERE (u.status = 'active') <> (d.status = 'active') AND u.status <> 'pending'`,
      ),
    ).toBe(0);
    const byPeople = 'credentials AS c JOIN users AS u ON u.primary_did = c.issuer_did';
    expect(await count(byPeople)).toBeGreaterThan(10);
    expect(await count(`credentials WHERE subject_did NOT IN (SELECT did_identifier FROM did_documents)`)).toBe(0);
  });

  test('tells one story: nothing happens before its cause or after its end', async () => {
    const never = [
      'transaction_logs AS l JOIN users AS u ON u.id = l.actor_id WHERE l.created_at < u.created_at',
      'transaction_logs AS l JOIN users AS u ON u.id = l.user_id WHERE l.created_at < u.created_at',
      'transaction_logs AS a JOIN transaction_logs AS b ON b.id = a.id + 1 WHERE b.created_at < a.created_at',
      'users WHERE last_login_at < created_at',
      'did_documents AS d JOIN users AS u ON u.id = d.user_id WHERE d.created_at < u.created_at',
      'domains AS d JOIN users AS u ON u.id = d.user_id WHERE d.created_at < u.created_at',
      `domains WHERE (status = 'expired') <> COALESCE(expires_at < '${moment}', false) AND status <> 'suspended'`,
      `credentials WHERE (status = 'expired') <> (expires_at < '${moment}')`,
      `credentials WHERE (issued_at IS NULL) <> (status = 'pending') OR issued_at < created_at`,
      'enterprise_api_keys AS k JOIN enterprise_accounts AS e ON e.id = k.enterprise_id WHERE k.created_at < e.created_at',
    ];
    for (const from of never) expect(await count(from), from).toBe(0);
  });

  test('has a log that the triggers might have written: it ends where each row stands', async () => {
    const tables = ['users', 'did_documents', 'domains', 'credentials', 'enterprise_accounts', 'enterprise_api_keys'];
    for (const table of tables) {
      const state = table === 'enterprise_api_keys' ? 'active' : 'status';
      const newest = `(SELECT DISTINCT ON (entity_id) entity_id, changes #>> '{after,${state}}' AS state, user_id, enterprise_id
        FROM transaction_logs WHERE entity_type = '${table}' AND changes -> 'after' ? '${state}'
        ORDER BY entity_id, created_at DESC, id DESC) AS l JOIN ${table} AS r ON r.id = l.entity_id`;
      expect(await count(newest), table).toBeGreaterThan(3 - Number(table === 'enterprise_accounts'));
      expect(await count(`${newest} WHERE r.${state}::TEXT <> l.state`), table).toBe(0);
      expect(await count(`${newest} WHERE num_nonnulls(l.user_id, l.enterprise_id) <> 1`), table).toBe(0);
    }
    const visits = `(SELECT changes #>> '{before,last_login_at}' AS before,
        lag(changes #>> '{after,last_login_at}') OVER (PARTITION BY entity_id ORDER BY created_at, id) AS last
      FROM transaction_logs WHERE changes -> 'after' ? 'last_login_at' AND entity_type = 'users') AS step`;
    expect(await count(`${visits} WHERE before = last`)).toBeGreaterThan(10_000);
    expect(await count(`${visits} WHERE before <> last`)).toBe(0);
    const one = `SELECT changes -> 'after' AS logged FROM transaction_logs WHERE action = 'create' AND entity_type = $1 LIMIT 1`;
    for (const table of tables) {
      const [{ columns } = { columns: '' }] = await rowsOf<{ columns: string }>(
        `SELECT string_agg(key, ' ' ORDER BY key) AS columns FROM (${one}) AS l, jsonb_object_keys(logged) AS key`,
        [table],
      );
      const [there] = await rowsOf(
        `SELECT string_agg(attname, ' ' ORDER BY attname::TEXT) AS columns FROM pg_attribute
         WHERE attrelid = $1::REGCLASS AND attnum > 0 AND NOT attisdropped`,
        [table],
      );
      expect({ columns }, table).toEqual(there);
    }
  });
});
