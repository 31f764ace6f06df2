import pg from 'pg';
import { install } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';

/** Ten organizations on sky-genesis, one of them ten times as large as each of the others. */
export interface Dataset {
  /** As superuser. */
  url: string;
  /** The large organization, which devices join. */
  organization: { id: string; name: string };
  /** Email address of an active administrator there. */
  operator: string;
  /** Rows of the large organization. */
  rows: { users: number; api_keys: number; audit_events: number };
}

const organizations = [
  ...['Nordhaven', 'Southbay', 'Eastmere', 'Westmark', 'Highfold'],
  ...['Lowmoor', 'Brightwater', 'Stonebridge', 'Fairholm', 'Greyport'],
];

/**
 * @param server URL of a superuser
 * @param scale 1: 50,000 users, 20,000 keys and 1,000,000 audit events of the large organization
 */
export async function makeDataset(server: string, scale: number): Promise<Dataset> {
  const url = new URL(server);
  url.pathname = '/bench';
  await withClient(server, (client) => client.query('CREATE DATABASE bench TEMPLATE template0'));
  return withClient(url.href, async (client) => {
    await migrateSystem(client, 'sky-genesis', 'up');
    const rows = {
      users: Math.max(20, Math.round(50_000 * scale)),
      api_keys: Math.max(20, Math.round(20_000 * scale)),
      audit_events: Math.max(100, Math.round(1_000_000 * scale)),
    };
    await fill(client, rows);
    await install(client, skyGenesis);
    await client.query('VACUUM (ANALYZE)');
    await client.query('CHECKPOINT');
    const { rows: found } = await client.query<{ id: string; name: string }>(
      'SELECT id, name FROM api_service.organizations WHERE name = $1',
      [organizations[0]],
    );
    return { url: url.href, organization: found[0]!, operator: 'person1@nordhaven.example', rows };
  });
}

/** Rows as a host would have written them, its triggers' work included, without waiting for those triggers. */
async function fill(client: pg.Client, rows: Dataset['rows']): Promise<void> {
  await client.query(`SET session_replication_role = replica`);
  await client.query('SELECT setseed(0.25)');
  await client.query(pickSql);
  await client.query(
    `INSERT INTO api_service.organizations (id, name, country_code)
     SELECT md5('organization ' || o)::UUID, name, 'NO' FROM unnest($1::TEXT[]) WITH ORDINALITY AS t (name, o)`,
    [organizations],
  );
  for (const [place, name] of organizations.entries()) {
    const share = place === 0 ? 1 : 10;
    const organization = [place + 1, `${name.toLowerCase()}.example`];
    await client.query(usersSql, [...organization, Math.ceil(rows.users / share)]);
    await client.query(keysSql, [...organization, Math.ceil(rows.api_keys / share)]);
  }
  await client.query(eventsSql, [rows.audit_events, rows.users]);
  await client.query(`RESET session_replication_role`);
}

const pickSql = `
CREATE FUNCTION pg_temp.pick(list TEXT[]) RETURNS TEXT LANGUAGE sql VOLATILE
AS $$ SELECT list[1 + floor(random() * cardinality(list))::INTEGER] $$`;

const usersSql = `
INSERT INTO api_service.users (id, organization_id, email, full_name, password_hash, role, status, created_at, updated_at)
SELECT md5($1 || ' user ' || n)::UUID, md5('organization ' || $1)::UUID, 'person' || n || '@' || $2,
  (ARRAY['Astrid', 'Bjørn', 'Chloé', 'Dario', 'Elif', 'Farid', 'Greta', 'Hana', 'Ivo', 'Jana', 'Kofi', 'Lena', 'Miró'])[1 + n % 13] || ' ' ||
    (ARRAY['Lund', 'Dahl', 'Martin', 'Conti', 'Holm', 'Sousa', 'Yılmaz', 'Novák', 'Okafor', 'Weiß', 'Larsen'])[1 + n / 13 % 11] || ' ' || n,
  '$2b$12$' || md5('password' || n) || md5(n::TEXT), CASE WHEN n <= 3 THEN 'admin' ELSE (ARRAY['user', 'member', 'developer', 'support', 'operator'])[1 + n % 5] END,
  CASE WHEN n <= 3 OR n % 17 > 0 THEN 'active' ELSE 'deactivated' END,
  now() - random() * INTERVAL '900 days', now() - random() * INTERVAL '90 days'
FROM generate_series(1, $3::INTEGER) n`;

/** With a public key of about 400 bytes. */
const keysSql = `
INSERT INTO api_service.api_keys (id, organization_id, key_value, key_hash, key_prefix, key_last4, key_type, label, permissions, usage_count,
  public_key, certificate_type, certificate_fingerprint, status, expires_at, last_used_at, owner_id, created_at, updated_at)
SELECT md5($1 || ' key ' || n)::UUID, md5('organization ' || $1)::UUID, 'sha256:' || hash, hash, 'sgk_live_', right(hash, 4),
  (ARRAY['client', 'server', 'database'])[1 + n % 3], (ARRAY['billing', 'metrics', 'ledger', 'export', 'search'])[1 + n % 5] || '-' || n || '.' || $2,
  ARRAY['billing:read', 'metrics:write', 'ledger:read'], (random() * 100000)::INTEGER,
  '-----BEGIN PUBLIC KEY-----' || E'\\n' || (SELECT string_agg(md5(n || '.' || i), '') FROM generate_series(1, 11) i) || E'\\n-----END PUBLIC KEY-----\\n',
  'Ed25519', md5('fingerprint' || n) || md5($1 || n), (ARRAY['active', 'active', 'active', 'retiring', 'revoked'])[1 + n % 5],
  now() + (random() * 400 - 30) * INTERVAL '1 day', now() - random() * INTERVAL '30 days',
  md5($1 || ' user ' || 1 + n % 50)::UUID, now() - random() * INTERVAL '700 days', now() - random() * INTERVAL '90 days'
FROM generate_series(1, $3::INTEGER) n, encode(sha256(convert_to($1 || n, 'UTF8')), 'hex') hash`;

/**
 * With about 200 bytes of JSON, over the last 170 days, written in the order in which they happened: of nineteen events ten are the
 * large organization's. A few people do most of what is done. "report" stands in a fifth of them, "emergency" in every hundredth,
 * "quarantine" in every fifty thousandth.
 */
const eventsSql = `
INSERT INTO api_service.audit_events (actor_id, organization_id, event_type, event_data, created_at)
SELECT md5(o || ' user ' || 1 + floor(power(random(), 3) * CASE o WHEN 1 THEN $2 ELSE ceil($2::NUMERIC / 10) END)::INTEGER)::UUID,
  md5('organization ' || o)::UUID,
  (ARRAY['user.login', 'user.login', 'user.login', 'user.logout', 'user.logout', 'session.refreshed', 'session.refreshed', 'report.exported',
    'document.viewed', 'password.changed', 'user.login_failed', 'permission.denied', 'key.rotated', 'role.changed', 'key.revoked'])[1 + n % 15],
  format('{"ip":"192.0.2.%s","agent":"%s","outcome":"%s","reason":"%s %s, ticket %s","request":"%s","duration_ms":%s}',
    n % 250, pg_temp.pick(ARRAY['Firefox on Linux', 'Chrome on Windows', 'Safari on macOS', 'curl']),
    pg_temp.pick(ARRAY['success', 'success', 'success', 'denied']),
    CASE WHEN n % 50000 = 7 THEN 'quarantine after exfiltration' WHEN n % 100 = 3 THEN 'emergency rotation of a leaked credential' ELSE
      pg_temp.pick(ARRAY['routine check of the weekly report', 'access to the billing console', 'review of quarterly figures', 'sign-in from the usual place']) END,
    pg_temp.pick(ARRAY['by the night shift', 'for the auditors', 'on request', 'as planned']), n % 9973,
    md5(n::TEXT), floor(random() * 900))::JSONB,
  now() - INTERVAL '170 days' + INTERVAL '170 days' * (n::FLOAT8 / ($1 * 1.9)) - random() * INTERVAL '1 second'
FROM generate_series(1, ($1 * 1.9)::INTEGER) n, LATERAL (SELECT CASE WHEN n % 19 < 10 THEN 1 ELSE n % 19 - 8 END AS o) t`;

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
