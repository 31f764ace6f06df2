import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EmbeddedServer } from '../../src-main/core/central/embedded-server.ts';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { install } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import type { Core } from '../../src-main/core/core.ts';
import { openCore } from '../../src-main/core/open.ts';
import { plainPorts } from '../../src-main/core/ports.ts';
import { isToLeave } from '../../src-main/core/sync/crowd.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { startTestServer } from '../fixtures/central.ts';
import { passphrase, type TestCentral, testCentral } from '../fixtures/organization.ts';

const patience = { timeout: 25_000, interval: 100 };

describe('a central with few connections', () => {
  let server: EmbeddedServer;
  let admin: pg.Client;
  let folders: TestCentral;
  let core: Core;
  let login: string;
  const host: pg.Client[] = [];

  beforeAll(async () => {
    server = await startTestServer({ max_connections: '12', superuser_reserved_connections: '3' });
    folders = await testCentral();
    admin = new pg.Client({ connectionString: server.superuserUrl });
    admin.on('error', () => {});
    await admin.connect();
    await migrateSystem(admin, 'sky-genesis', 'up');
    await admin.query(`INSERT INTO api_service.organizations (name) VALUES ('Nordhaven')`);
    await admin.query(
      `INSERT INTO api_service.users (organization_id, email, full_name, password_hash, role, status)
       SELECT id, 'astrid@nordhaven.example', 'Astrid', 'x', 'admin', 'active' FROM api_service.organizations`,
    );
    await admin.query(`CREATE ROLE host_app LOGIN PASSWORD 'host'`);
    await install(admin, skyGenesis);
    const { file } = await enroll(admin, {
      url: server.superuserUrl,
      organization: 'Nordhaven',
      operator: 'astrid@nordhaven.example',
      device: 'd',
      role: 'admin',
    });
    login = JSON.parse(file).login;
    core = await openCore({ dataFolder: folders.folder(), ports: plainPorts, background: true });
    await core.call('device.join', { enrollment: file, passphrase });
    await core.call('sync.now', {});
  });
  afterAll(async () => {
    await core.close();
    await hostLeaves();
    await admin.end();
    await server.stop();
    await folders.close();
  });

  /** The host's application takes every connection that is left to ordinary logins. */
  const hostTakesAll = async () => {
    for (;;) {
      const url = new URL(server.superuserUrl);
      const client = new pg.Client({
        host: url.hostname,
        port: Number(url.port),
        database: 'postgres',
        user: 'host_app',
        password: 'host',
      });
      client.on('error', () => {});
      try {
        await client.connect();
        host.push(client);
      } catch (error) {
        expect((error as { code: string }).code).toBe('53300');
        return;
      }
    }
  };
  const hostLeaves = async () => {
    for (const client of host.splice(0)) await client.end();
  };
  const held = async (): Promise<number> => {
    const { rows } = await admin.query('SELECT count(*)::INT AS n FROM pg_stat_activity WHERE usename = $1', [login]);
    return rows[0].n;
  };
  const status = () => core.call('status.get', {});

  test('gets its connection back between polls, and is told of as a wait, not as an alarm', async () => {
    await vi.waitFor(async () => expect(await held()).toBe(1), patience);
    await hostTakesAll();
    await vi.waitFor(async () => {
      expect(await held()).toBe(0);
      expect(await status()).toMatchObject({ mode: 'idle', problem: { code: 'central-crowded' } });
    }, patience);
  });

  test('keeps a command waiting while it has none at all, and takes it once it has', async () => {
    await hostTakesAll();
    await core.call('people.create', { email: 'new@nordhaven.example', name: 'New', role: 'user' });
    await expect(core.call('sync.now', {})).rejects.toMatchObject({
      code: 'central-crowded',
      message: expect.stringContaining('was kept'),
    });
    expect(await status()).toMatchObject({ mode: 'connecting', pending: 1, problem: { code: 'central-crowded' } });
    await hostLeaves();
    expect(await core.call('sync.now', {})).toMatchObject({ mode: 'idle', pending: 0, problem: null });
    const { rows } = await admin.query(`SELECT full_name FROM api_service.users WHERE email = 'new@nordhaven.example'`);
    expect(rows).toEqual([{ full_name: 'New' }]);
  });

  test('is held on to again once it has room', async () => {
    await hostLeaves();
    await core.call('sync.now', {});
    await vi.waitFor(async () => {
      const { rows } = await admin.query('SELECT pid FROM pg_stat_activity WHERE usename = $1', [login]);
      expect(rows).toHaveLength(1);
    }, patience);
    expect(await status()).toMatchObject({ mode: 'idle', problem: null });
  });

  test('that limits the device itself is waited for in the same way', async () => {
    await admin.query(`ALTER ROLE ${login} CONNECTION LIMIT 0`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [login]);
    await expect(core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-crowded' });
    expect((await status()).mode).not.toBe('attention');
    await admin.query(`ALTER ROLE ${login} CONNECTION LIMIT 8`);
    expect(await core.call('sync.now', {})).toMatchObject({ mode: 'idle', problem: null });
  });
});

test.each([
  ['80 of 100, holding', { used: 80, limit: 100 }, false, 0, false],
  ['all, holding', { used: 100, limit: 100 }, false, 0.999, true],
  ['90 of 100, holding: half of the devices', { used: 90, limit: 100 }, false, 0.49, true],
  ['90 of 100, holding: the other half', { used: 90, limit: 100 }, false, 0.51, false],
  ['70 of 100, having given way', { used: 70, limit: 100 }, true, 0.5, true],
  ['59 of 100, having given way', { used: 59, limit: 100 }, true, 0.5, false],
])('with %s', (_when, connections, gaveWay, chance, leaves) => {
  expect(isToLeave(connections, gaveWay, chance)).toBe(leaves);
});
