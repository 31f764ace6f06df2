import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding } from '../../src-main/contract/device.ts';
import { declareRestored } from '../../src-main/core/central/restored.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { Vault } from '../../src-main/core/vault/vault.ts';
import { passphrase, type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let device: TestDevice;
beforeAll(async () => {
  central = await testCentral();
  device = await central.device();
});
afterAll(() => central.close());

async function finding(name: Finding['name']): Promise<Finding> {
  const { findings } = await device.core.call('device.doctor', {});
  return findings.find((one) => one.name === name)!;
}

/** Changes the mirror behind the product's back. */
async function tamper(sql: string): Promise<void> {
  await device.core.call('device.lock', {});
  const { databaseKey } = await new Vault(device.folder).unlock(passphrase);
  const database = openMirror(device.folder, databaseKey, 'write');
  database.exec(sql);
  database.close();
  await device.core.call('device.unlock', { passphrase });
}

describe('the doctor', () => {
  test('finds nothing to look at on a device in good health', async () => {
    const { healthy, findings } = await device.core.call('device.doctor', {});
    expect(findings.map(({ name, state }) => [name, state])).toEqual(
      [
        'central',
        'epoch',
        'catalogue',
        'tracking',
        'cursor',
        'clock',
        'outbox',
        'conflicts',
        'log',
        'file',
        'types',
        'errors',
      ].map((name) => [name, 'ok']),
    );
    expect(healthy).toBe(true);
  });

  test('names the oldest command that waits, and why', async () => {
    await device.core.call('sync.set-offline', { workOffline: true });
    const { command } = await device.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Chloé W.' });
    await device.core.call('people.edit', { person: 'dario@nordhaven.example', name: 'Dario W.' });
    const { oldestPending } = await device.core.call('status.get', {});
    expect(oldestPending).toMatchObject({ command, why: 'You chose to work offline.', overdue: false });
    expect((await finding('outbox')).found).toMatch(
      /^2 commands wait\. The oldest, “.*Chloé.*”: You chose to work offline\.$/,
    );
    expect((await finding('central')).state).toBe('unknown');
    await device.core.call('sync.set-offline', { workOffline: false });
    expect(await finding('outbox')).toMatchObject({ state: 'ok', found: expect.stringContaining('at the next sync') });
    await device.core.call('sync.now', {});
    expect((await device.core.call('status.get', {})).oldestPending).toBeNull();
  });

  test('has nothing to say where a transaction stands idle at central: it holds nothing up', async () => {
    const held = await central.connect();
    await held.query('BEGIN');
    await held.query('SELECT pg_current_xact_id()');
    await device.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Chloé Z.' });
    await device.core.call('sync.now', {});
    expect((await device.core.call('status.get', {})).oldestPending).toBeNull();
    await held.query('ROLLBACK');
    await held.end();
  });

  test('blames switched-off triggers on the tracking, and a declared restore on the epoch', async () => {
    await central.client.query('ALTER TABLE api_service.users DISABLE TRIGGER "00_latchkey_change"');
    expect(await finding('tracking')).toMatchObject({ state: 'attention', details: { tables: ['users'] } });
    expect((await finding('epoch')).state).toBe('unknown');
    await central.client.query('ALTER TABLE api_service.users ENABLE ALWAYS TRIGGER "00_latchkey_change"');
    await declareRestored(central.client, 'a drill');
    expect(await finding('epoch')).toMatchObject({ state: 'attention', advice: expect.stringContaining('Sync') });
    await device.core.call('sync.now', {});
    expect((await finding('epoch')).state).toBe('ok');
  });

  test('keeps the last errors, the same one once with its count', async () => {
    await central.client.query('ALTER TABLE api_service.users DISABLE TRIGGER "00_latchkey_change"');
    for (let attempt = 0; attempt < 3; attempt++) await device.core.call('sync.now', {}).catch(() => {});
    await central.client.query('ALTER TABLE api_service.users ENABLE ALWAYS TRIGGER "00_latchkey_change"');
    await device.core.call('sync.now', {});
    const { details, found } = await finding('errors');
    const errors = details.errors as { code: string; times: number }[];
    expect(errors[0]).toMatchObject({ code: 'central-tracking-off' });
    expect(errors[0]!.times).toBeGreaterThanOrEqual(3);
    expect(new Set(errors.map(({ code }, place) => `${place} ${code}`)).size).toBe(errors.length);
    expect(found).toContain('within a day');
  });
});

describe('mirror check --repair', () => {
  test('names what differs row by row, puts it right, keeps what is pending on top, and tells the log', async () => {
    await device.core.call('sync.set-offline', { workOffline: true });
    await device.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Oskar pending' });
    await device.core.call('sync.set-offline', { workOffline: false });
    const { id } = await central.person('dario@nordhaven.example');
    await tamper(`
      UPDATE users SET full_name = 'Tampered' WHERE email = 'dario@nordhaven.example';
      DELETE FROM users WHERE email = 'chloe@nordhaven.example';
      INSERT INTO users (id, email, full_name) VALUES ('00000000-0000-4000-8000-000000000000', 'ghost@nordhaven.example', 'Ghost');
    `);
    const { id: chloe } = await central.person('chloe@nordhaven.example');
    const expected = [
      { key: id, kind: 'different' },
      { key: chloe, kind: 'missing' },
      { key: '00000000-0000-4000-8000-000000000000', kind: 'extra' },
    ];
    const differing = async (repair: boolean) => {
      const { equal, tables } = await device.core.call('mirror.check', { repair });
      return { equal, tables: tables.filter((table) => !table.equal) };
    };
    const found = await differing(false);
    expect(found).toMatchObject({ equal: false, tables: [{ table: 'users', repaired: false }] });
    expect(found.tables[0]!.differences).toEqual(expect.arrayContaining(expected));
    expect(found.tables[0]!.differences).toHaveLength(3);
    expect(await differing(true)).toMatchObject({ equal: false, tables: [{ table: 'users', repaired: true }] });
    expect(await differing(false)).toEqual({ equal: true, tables: [] });
    expect((await device.core.call('people.show', { person: 'oskar@nordhaven.example' })).name).toBe('Oskar pending');
    await device.core.call('sync.now', {});
    const { rows } = await central.client.query(
      `SELECT convert_from(entry, 'UTF8')::JSONB #>> '{obj,t}' AS repaired FROM latchkey.audit_leaf
       WHERE convert_from(entry, 'UTF8')::JSONB ->> 'act' = 'mirror.repair'`,
    );
    expect(rows).toEqual([{ repaired: 'users' }]);
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Oskar pending');
  });
});
