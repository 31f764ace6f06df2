import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EmbeddedServer } from '../../src-main/core/central/embedded-server.ts';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { install } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { openCore } from '../../src-main/core/open.ts';
import { plainPorts } from '../../src-main/core/ports.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { WriteSide } from '../../src-main/core/write-side.ts';
import { startTestServer } from '../fixtures/central.ts';
import { identityOf } from '../fixtures/device-login.ts';
import { passphrase, type TestCentral, testCentral } from '../fixtures/organization.ts';

x509.cryptoProvider.set(crypto);
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function authority(name: string) {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return { keys, certificate, pem: certificate.toString('pem') };
}

async function serverCertificate(issuer: Awaited<ReturnType<typeof authority>>, name: string) {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: issuer.certificate.subject,
    signingKey: issuer.keys.privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    certificate: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
}

describe('central over TLS', () => {
  let server: EmbeddedServer;
  let admin: pg.Client;
  const trusted = authority('Nordhaven root');

  beforeAll(async () => {
    const { certificate, key } = await serverCertificate(await trusted, 'localhost');
    server = await startTestServer(
      { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      { 'server.crt': certificate, 'server.key': key },
    );
    admin = new pg.Client({ connectionString: server.superuserUrl });
    admin.on('error', () => {});
    await admin.connect();
    await migrateSystem(admin, 'sky-genesis', 'up');
    await admin.query(`INSERT INTO api_service.organizations (name) VALUES ('Nordhaven')`);
    await admin.query(
      `INSERT INTO api_service.users (organization_id, email, password_hash, role, status) SELECT id, 'astrid@nordhaven.example', 'x', 'admin', 'active' FROM api_service.organizations`,
    );
    await install(admin, skyGenesis);
  });
  afterAll(async () => {
    await admin.end().catch(() => {});
    await server.stop();
  });

  const enrolled = async (tlsCa: string, host = 'localhost') => {
    const url = new URL(server.superuserUrl);
    url.hostname = host;
    return (
      await enroll(admin, {
        url: url.href,
        organization: 'Nordhaven',
        operator: 'astrid@nordhaven.example',
        device: 'd',
        role: 'admin',
        tlsCa,
      })
    ).file;
  };
  const joined = async (central: TestCentral, file: string) => {
    const core = await openCore({ dataFolder: central.folder(), ports: plainPorts });
    try {
      await core.call('device.join', { enrollment: file, passphrase });
      await core.call('sync.now', {});
      return (await core.call('people.list', {})).total;
    } finally {
      await core.close();
    }
  };

  test('is used with the right CA, and refused with another one or another name', async () => {
    const central = await testCentral();
    try {
      expect(await joined(central, await enrolled((await trusted).pem))).toBe(1);
      const { rows } = await admin.query(
        'SELECT count(*)::INT AS n FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE NOT s.ssl AND a.usename LIKE $1',
        ['latchkey_d_%'],
      );
      expect(rows).toEqual([{ n: 0 }]);
      await expect(joined(central, await enrolled((await authority('Somebody else')).pem))).rejects.toMatchObject({
        code: 'central-certificate',
      });
      await expect(joined(central, await enrolled((await trusted).pem, '127.0.0.1'))).rejects.toMatchObject({
        code: 'central-certificate',
      });
    } finally {
      await central.close();
    }
  });
});

describe('a device that has joined', () => {
  let central: TestCentral;
  beforeAll(async () => {
    central = await testCentral();
  });
  afterAll(() => central.close());

  test('works on while its login is refused, and its change waits', async () => {
    const device = await central.device();
    const { central: address } = await identityOf(device);
    await central.client.query(`ALTER ROLE ${address.user} NOLOGIN`);
    await central.client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
      address.user,
    ]);
    await device.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'While refused' });
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-login-refused' });
    expect(await device.core.call('status.get', {})).toMatchObject({
      mode: 'attention',
      pending: 1,
      problem: { code: 'central-login-refused' },
    });
    expect((await device.core.call('people.show', { person: 'chloe@nordhaven.example' })).name).toBe('While refused');
    await central.client.query(`ALTER ROLE ${address.user} LOGIN`);
    expect(await device.core.call('sync.now', {})).toMatchObject({ mode: 'idle', pending: 0 });
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('While refused');
  });

  test.each([
    [
      'newer than the app',
      `regexp_replace(pg_get_functiondef(oid), '''protocol'', \\d+', '''protocol'', 99')`,
      'central-too-new',
    ],
    [
      'older than the app',
      `regexp_replace(pg_get_functiondef(oid), '''protocol'', \\d+', '''protocol'', 1')`,
      'central-too-old',
    ],
  ])('reads on when central is %s, and its change waits', async (_what, edit, code) => {
    const device = await central.device();
    const { rows } = await central.client.query(
      `SELECT pg_get_functiondef(oid) AS original, ${edit} AS edited FROM pg_proc WHERE oid = 'latchkey.hello'::REGPROC`,
    );
    await central.client.query(rows[0].edited);
    await device.core.call('people.edit', { person: 'dario@nordhaven.example', name: `While ${code}` });
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({ code });
    expect(await device.core.call('status.get', {})).toMatchObject({ mode: 'attention', pending: 1 });
    expect((await device.core.call('people.list', {})).total).toBe(5);
    await central.client.query(rows[0].original);
    expect(await device.core.call('sync.now', {})).toMatchObject({ pending: 0 });
  });

  test('does not trust a central whose change tracking was switched off', async () => {
    const device = await central.device();
    await central.client.query('ALTER TABLE api_service.users DISABLE TRIGGER ALL');
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({
      code: 'central-tracking-off',
      details: { tables: ['users'] },
    });
    await central.client.query('ALTER TABLE api_service.users ENABLE TRIGGER ALL');
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-tracking-off' });
    await central.client.query('ALTER TABLE api_service.users ENABLE ALWAYS TRIGGER "00_latchkey_change"');
    await central.client.query('ALTER TABLE api_service.users ENABLE ALWAYS TRIGGER "00_latchkey_truncate"');
    expect((await device.core.call('sync.now', {})).mode).toBe('idle');
  });

  test('takes a fresh copy when central declares another epoch, and keeps its queue', async () => {
    const device = await central.device();
    await device.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Before the restore' });
    await central.client.query(`SELECT latchkey.begin_epoch('restored')`);
    // What a restore may do: rows differ, and the change log knows nothing of it.
    await central.client.query(`ALTER TABLE api_service.users DISABLE TRIGGER "00_latchkey_change"`);
    await central.client.query(
      `UPDATE api_service.users SET full_name = 'Restored' WHERE email = 'bjorn@nordhaven.example'`,
    );
    await central.client.query(`ALTER TABLE api_service.users ENABLE ALWAYS TRIGGER "00_latchkey_change"`);
    await device.core.call('sync.now', {});
    expect((await device.core.call('people.show', { person: 'bjorn@nordhaven.example' })).name).toBe('Restored');
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Before the restore');
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('says so when central was loaded into another cluster and nobody declared it', async () => {
    const device = await central.device();
    const { rows } = await central.client.query('SELECT retained_since::TEXT AS before FROM latchkey.epoch');
    await central.client.query(`UPDATE latchkey.epoch SET retained_since = '9000000000'`);
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({
      code: 'central-rewound',
      message: expect.stringContaining('latchkey central restored'),
    });
    expect((await device.core.call('people.list', {})).total).toBe(5);
    await central.client.query('UPDATE latchkey.epoch SET retained_since = $1', [rows[0].before]);
    await central.client.query(`SELECT latchkey.begin_epoch('moved')`);
    expect((await device.core.call('sync.now', {})).mode).toBe('idle');
  });

  test('keeps its previous state when the disk is full while it mirrors, and goes on when there is room', async () => {
    const device = await central.device();
    const identity = await identityOf(device);
    const folder = central.folder();
    const side = new WriteSide({
      folder,
      databaseKey: randomBytes(32),
      identity,
      now: Date.now,
      background: false,
      emit: () => {},
    });
    const { database } = (
      side as unknown as {
        mirror: { database: { pragma(text: string): unknown; prepare(sql: string): { get(): unknown } } };
      }
    ).mirror;
    await side.handle('sync.now', {});
    const people = () => database.prepare('SELECT count(*) AS n FROM latchkey_person').get();
    expect(people()).toEqual({ n: 5 });

    // SQLite's own limit stands for the disk's: the same error comes from the same place.
    const pages = Number(
      database.pragma('page_count') &&
        (database.prepare('SELECT page_count AS n FROM pragma_page_count').get() as { n: number }).n,
    );
    database.pragma(`max_page_count = ${pages}`);
    await central.client.query(
      `INSERT INTO api_service.users (organization_id, email, full_name, password_hash) SELECT $1, 'many' || n || '@nordhaven.example', repeat('x', 200), 'x' FROM generate_series(1, 3000) n`,
      [central.nordhaven],
    );
    await expect(side.handle('sync.now', {})).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('was kept'),
    });
    expect(people()).toEqual({ n: 5 });
    expect(await side.handle('status.get', {})).toMatchObject({ mode: expect.any(String), mirror: { tables: 18 } });

    database.pragma('max_page_count = 1073741823');
    await side.handle('sync.now', {});
    expect(people()).toEqual({ n: 3005 });
    await side.close();
  });
});

test('central that goes away is offline, not an alarm, and comes back', async () => {
  const server = await startTestServer();
  const admin = new pg.Client({ connectionString: server.superuserUrl });
  admin.on('error', () => {});
  await admin.connect();
  await migrateSystem(admin, 'sky-genesis', 'up');
  await admin.query(`INSERT INTO api_service.organizations (name) VALUES ('Nordhaven')`);
  await admin.query(
    `INSERT INTO api_service.users (organization_id, email, password_hash, role, status) SELECT id, 'astrid@nordhaven.example', 'x', 'admin', 'active' FROM api_service.organizations`,
  );
  await install(admin, skyGenesis);
  const central = await testCentral();
  const core = await openCore({ dataFolder: central.folder(), ports: plainPorts });
  try {
    const { file } = await enroll(admin, {
      url: server.superuserUrl,
      organization: 'Nordhaven',
      operator: 'astrid@nordhaven.example',
      device: 'd',
      role: 'admin',
    });
    await core.call('device.join', { enrollment: file, passphrase });
    await core.call('sync.now', {});
    await server.stop();
    await core.call('people.create', { email: 'new@nordhaven.example', name: 'New', role: 'user' });
    await expect(core.call('sync.now', {})).rejects.toMatchObject({
      code: 'central-unreachable',
      message: expect.stringContaining('was kept'),
    });
    expect(await core.call('status.get', {})).toMatchObject({
      mode: 'offline',
      pending: 1,
      central: { reachable: false },
    });
  } finally {
    await core.close();
    await admin.end().catch(() => {});
    await central.close();
  }
});
