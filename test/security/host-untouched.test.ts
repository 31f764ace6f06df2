import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EmbeddedServer } from '../../src-main/core/central/embedded-server.ts';
import { enroll, revokeDevice } from '../../src-main/core/central/enroll.ts';
import { install, uninstall } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { catalogueSnapshot } from '../fixtures/catalogue-snapshot.ts';
import { startTestServer } from '../fixtures/central.ts';

// A server of its own: what is compared includes the cluster's roles.
let server: EmbeddedServer;
let owner: pg.Client;
let application: pg.Client;
let organization: string;

beforeAll(async () => {
  server = await startTestServer();
  owner = new pg.Client({ connectionString: server.superuserUrl });
  await owner.connect();
  await migrateSystem(owner, 'sky-genesis', 'up');
  const { rows } = await owner.query(
    `INSERT INTO api_service.organizations (name) VALUES ('Nordhaven'), ('Southbay') RETURNING id`,
  );
  organization = rows[0].id;
  await owner.query(
    `INSERT INTO api_service.users (organization_id, email, full_name, password_hash, role) VALUES
      ($1, 'astrid@nordhaven.example', 'Astrid', 'x', 'admin'), ($2, 'ana@southbay.example', 'Ana', 'x', 'admin')`,
    [organization, rows[1].id],
  );
  await owner.query(`CREATE ROLE host_app LOGIN PASSWORD 'host' IN ROLE sky_genesis_app`);
  const url = new URL(server.superuserUrl);
  url.username = 'host_app';
  url.password = 'host';
  application = new pg.Client({ connectionString: url.href });
  await application.connect();
});
afterAll(async () => {
  await application.end();
  await owner.end();
  await server.stop();
});

/** Reads, writes and errors of the host's own application, each rolled back, as comparable text. */
async function hostBehaviour(): Promise<string[]> {
  const statements = [
    'SELECT email, role, status FROM api_service.users ORDER BY email',
    'SELECT count(*) FROM api_service.organizations',
    `UPDATE api_service.users SET full_name = 'Renamed' WHERE email = 'astrid@nordhaven.example' RETURNING full_name`,
    `UPDATE api_service.users SET full_name = 'Renamed' WHERE email = 'ana@southbay.example' RETURNING full_name`,
    `INSERT INTO api_service.users (organization_id, email, password_hash) VALUES ('${organization}', 'new@nordhaven.example', 'h') RETURNING email, role, status`,
    `INSERT INTO api_service.users (organization_id, email, password_hash) VALUES ('${organization}', 'astrid@nordhaven.example', 'h')`,
    `INSERT INTO api_service.users (organization_id, email) VALUES ('${organization}', 'nohash@nordhaven.example')`,
    `INSERT INTO api_service.users (organization_id, email, password_hash) VALUES (gen_random_uuid(), 'foreign@x.example', 'h')`,
    `INSERT INTO api_service.api_keys (organization_id, key_value, label) VALUES ('${organization}', 'sk_plain', 'host key') RETURNING label, key_value`,
    `INSERT INTO api_service.audit_events (organization_id, event_type) VALUES ('${organization}', 'host.event') RETURNING event_type`,
    `DELETE FROM api_service.users WHERE email = 'astrid@nordhaven.example' RETURNING email`,
    'TRUNCATE api_service.users',
    'SELECT * FROM latchkey.device',
    'DROP TABLE api_service.users',
  ];
  const seen: string[] = [];
  for (const statement of statements) {
    await application.query('BEGIN');
    await application.query(`SELECT set_config('api_service.organization_id', $1, TRUE)`, [organization]);
    try {
      const { rows, rowCount, command } = await application.query(statement);
      seen.push(`${command} ${rowCount} ${JSON.stringify(rows)}`);
    } catch (error) {
      const { code, message, constraint } = error as { code: string; message: string; constraint?: string };
      // Whether the schema exists is the one thing that an installation may be seen by.
      seen.push(statement.includes('latchkey.') ? 'no access' : `${code} ${constraint ?? ''} ${message}`);
    }
    await application.query('ROLLBACK');
  }
  return seen;
}

describe('a host that Latchkey is installed beside', () => {
  test('reads, writes and fails the same before, after install and after uninstall, and its catalogue is as before', async () => {
    const catalogueBefore = await catalogueSnapshot(owner);
    const before = await hostBehaviour();
    expect(before.filter((line) => line.startsWith('SELECT 1 ') || line.startsWith('UPDATE 1 '))).toHaveLength(3);

    await install(owner, skyGenesis);
    expect(await hostBehaviour()).toEqual(before);
    const added = (await catalogueSnapshot(owner)).filter((line) => !catalogueBefore.includes(line));
    const outside = added.filter((line) => !/latchkey/.test(line));
    expect(outside).toEqual([]);

    await enroll(owner, {
      url: server.superuserUrl,
      organization: 'Nordhaven',
      operator: 'astrid@nordhaven.example',
      device: 'd',
      role: 'admin',
    });
    await uninstall(owner);
    expect(await hostBehaviour()).toEqual(before);
    expect(await catalogueSnapshot(owner)).toEqual(catalogueBefore);
  });

  test('a dry run prints the SQL and changes nothing', async () => {
    const before = await catalogueSnapshot(owner);
    const { sql } = await install(owner, skyGenesis, { dryRun: true });
    expect(sql).toContain('CREATE VIEW latchkey_mirror."users"');
    expect(sql.startsWith('BEGIN;')).toBe(true);
    expect(await catalogueSnapshot(owner)).toEqual(before);
    // What was printed is what would have been run.
    await owner.query(sql);
    expect((await owner.query('SELECT count(*)::INT AS n FROM latchkey.mirrored_table')).rows).toEqual([{ n: 18 }]);
    await uninstall(owner);
    expect(await catalogueSnapshot(owner)).toEqual(before);
  });

  test('a second install, a schema that is another, and a login without rights are refused and change nothing', async () => {
    await install(owner, skyGenesis);
    await expect(install(owner, skyGenesis)).rejects.toMatchObject({ code: 'already-installed' });
    await uninstall(owner);
    await expect(uninstall(owner)).rejects.toMatchObject({ code: 'central-not-latchkey' });
    const before = await catalogueSnapshot(owner);
    await expect(install(application, skyGenesis)).rejects.toMatchObject({ code: 'insufficient-privilege' });
    await owner.query('ALTER TABLE api_service.users RENAME COLUMN role TO function');
    await expect(install(owner, skyGenesis)).rejects.toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining('users has no column role'),
    });
    await owner.query('ALTER TABLE api_service.users RENAME COLUMN function TO role');
    expect(await catalogueSnapshot(owner)).toEqual(before);
  });

  test('goes on when Latchkey is uninstalled from another database of the cluster', async () => {
    await owner.query('CREATE DATABASE neighbour');
    const url = new URL(server.superuserUrl);
    url.pathname = '/neighbour';
    const neighbour = new pg.Client({ connectionString: url.href });
    await neighbour.connect();
    try {
      await migrateSystem(neighbour, 'sky-genesis', 'up');
      await install(neighbour, skyGenesis);
      await install(owner, skyGenesis);
      const before = await catalogueSnapshot(owner);
      await uninstall(neighbour);
      expect(await catalogueSnapshot(owner)).toEqual(before);
    } finally {
      await neighbour.end();
      await uninstall(owner);
      await owner.query('DROP DATABASE neighbour');
    }
  });

  test('an owner of the host’s schema with CREATEROLE can do it all, without being a superuser', async () => {
    await owner.query(`CREATE ROLE schema_owner LOGIN CREATEROLE PASSWORD 'owner'`);
    await owner.query('CREATE DATABASE owned OWNER schema_owner');
    const url = new URL(server.superuserUrl);
    url.username = 'schema_owner';
    url.password = 'owner';
    url.pathname = '/owned';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      await owner.query('GRANT sky_genesis_app TO schema_owner WITH ADMIN OPTION');
      await migrateSystem(client, 'sky-genesis', 'up');
      await client.query(`INSERT INTO api_service.organizations (name) VALUES ('Nordhaven')`);
      await client.query(
        `INSERT INTO api_service.users (organization_id, email, password_hash, role) SELECT id, 'astrid@nordhaven.example', 'x', 'admin' FROM api_service.organizations`,
      );
      const before = await catalogueSnapshot(client);
      await install(client, skyGenesis);
      const { file, deviceId } = await enroll(client, {
        url: url.href,
        organization: 'Nordhaven',
        operator: 'astrid@nordhaven.example',
        device: 'd',
        role: 'admin',
      });
      const { login, password } = JSON.parse(file) as { login: string; password: string };
      url.username = login;
      url.password = password;
      const device = new pg.Client({ connectionString: url.href });
      device.on('error', () => {});
      await device.connect();
      const key = `x+00000000+AQ${'A'.repeat(42)}`;
      await device.query('SELECT latchkey.join($1, $2)', [key, key]);
      expect((await device.query('SELECT email FROM latchkey_mirror.users')).rows).toEqual([
        { email: 'astrid@nordhaven.example' },
      ]);
      await revokeDevice(client, deviceId);
      await expect(device.query('SELECT 1')).rejects.toThrow();
      await uninstall(client);
      expect(await catalogueSnapshot(client)).toEqual(before);
    } finally {
      await client.end();
    }
  });
});
