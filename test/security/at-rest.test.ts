import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isPlainSqlite } from '../../src-main/core/mirror/open.ts';
import { openCore } from '../../src-main/core/open.ts';
import { plainPorts } from '../../src-main/core/ports.ts';
import { identityOf } from '../fixtures/device-login.ts';
import { passphrase, type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let device: TestDevice;

beforeAll(async () => {
  central = await testCentral();
  await central.client.query(
    `INSERT INTO api_service.audit_events (organization_id, event_type, event_data) VALUES ($1, 'gate.opened', '{"by": "Wanderer of the Quay"}')`,
    [central.nordhaven],
  );
  device = await central.device({ name: 'Field laptop seven' });
});
afterAll(() => central.close());

const files = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : [],
  );

test('no file of the device’s folder holds anything that can be read, while it is open and after it was closed', async () => {
  await device.core.call('sync.set-offline', { workOffline: true });
  const issued = await device.core.call('keys.issue', {
    label: 'Harbour gateway',
    scopes: ['harbour:read'],
    reason: 'a new gateway',
  });
  await device.core.call('people.deactivate', { person: 'dario@nordhaven.example', reason: 'never came back' });
  expect((await device.core.call('audit.list', { search: 'wanderer quay' })).total).toBe(1);
  const identity = await identityOf(device);
  const known = [
    'Astrid Lund',
    'astrid@nordhaven.example',
    'Bjørn Dahl',
    'bjorn@nordhaven.example',
    'Chloé Martin',
    'chloe@nordhaven.example',
    'Dario Conti',
    'dario@nordhaven.example',
    'Oskar Holm',
    'Nordhaven',
    'billing-export',
    'billing:read',
    'metrics:write',
    'Rotation day',
    'About Rotation day',
    'Harbour gateway',
    'a new gateway',
    'never came back',
    'Field laptop seven',
    'gate.opened',
    'Wanderer',
    // The full-text index keeps words on their own, in small letters.
    'wanderer',
    'quay',
    'nordhaven',
    'api_keys',
    'CREATE TABLE',
    issued.secret,
    issued.prefix,
    identity.central.password,
    identity.central.user,
    identity.logKey,
    passphrase,
  ];
  const search = () => {
    const found: string[] = [];
    for (const path of files(device.folder)) {
      const bytes = readFileSync(path);
      for (const text of known) if (bytes.includes(text)) found.push(`${path}: ${text}`);
    }
    return found;
  };
  expect(files(device.folder).map((path) => path.slice(device.folder.length + 1))).toEqual(
    expect.arrayContaining(['mirror.db', 'mirror.db-wal', 'vault.json']),
  );
  expect(search()).toEqual([]);
  expect(isPlainSqlite(join(device.folder, 'mirror.db'))).toBe(false);
  await device.core.call('device.lock', {});
  expect(search()).toEqual([]);
  for (const path of files(device.folder)) expect(statSync(path).mode & 0o077, path).toBe(0);
  expect(statSync(device.folder).mode & 0o077).toBe(0);
});

test('the new secret of a key is in no file and not at central', async () => {
  await device.core.call('device.unlock', { passphrase });
  await device.core.call('sync.set-offline', { workOffline: false });
  const { secret } = await device.core.call('keys.issue', { label: 'Told once' });
  await device.core.call('sync.now', {});
  const { rows } = await central.client.query(
    `SELECT row_to_json(k)::TEXT AS row FROM api_service.api_keys k WHERE label = 'Told once'`,
  );
  expect(rows).toHaveLength(1);
  expect(rows[0].row).not.toContain(secret);
  const { rows: commands } = await central.client.query(
    `SELECT string_agg(convert_from(changes, 'UTF8'), '') AS all FROM latchkey.command`,
  );
  expect(commands[0].all).not.toContain(secret);
});

test('a wrong passphrase is refused in words and changes nothing', async () => {
  await device.core.call('device.lock', {});
  await expect(device.core.call('device.unlock', { passphrase: 'correct horse battery stable' })).rejects.toMatchObject(
    {
      code: 'wrong-passphrase',
      message: expect.stringContaining('not the passphrase'),
      field: 'passphrase',
    },
  );
  expect((await device.core.call('device.state', {})).state).toBe('locked');
  await device.core.call('device.unlock', { passphrase });
  await expect(device.core.call('device.unlock', { passphrase: 'something else entirely' })).rejects.toMatchObject({
    code: 'wrong-passphrase',
  });
  expect((await device.core.call('device.state', {})).state).toBe('unlocked');
});

test('a folder is opened by one process at a time', async () => {
  await expect(openCore({ dataFolder: device.folder, ports: plainPorts })).rejects.toMatchObject({
    code: 'folder-in-use',
  });
});
