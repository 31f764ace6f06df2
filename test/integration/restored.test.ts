import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { canonicalText } from '../../src-main/core/audit/canonical.ts';
import { declareRestored, recoveredCommands } from '../../src-main/core/central/restored.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

const opened: TestCentral[] = [];
let central: TestCentral;
let device: TestDevice;

beforeEach(async () => {
  central = await testCentral();
  opened.push(central);
  device = await central.device();
});
afterAll(async () => {
  for (const one of opened) await one.close();
});

const edit = async (person: string, name: string): Promise<string> =>
  (await device.core.call('people.edit', { person: `${person}@nordhaven.example`, name })).command;
async function rename(person: string, name: string): Promise<string> {
  const command = await edit(person, name);
  await device.core.call('sync.now', {});
  return command;
}
const nameHere = async (person: string) =>
  (await device.core.call('people.show', { person: `${person}@nordhaven.example` })).name;

/** What a backup from before leaves of some commands: nothing, neither in the tables nor in the log, nor that there was a device's entry. */
async function rewindTo({ entries, logSize, frontier, logRoot }: Present, lost: string[]): Promise<void> {
  const { client, nordhaven } = central;
  await client.query('ALTER TABLE latchkey.audit_leaf DISABLE TRIGGER "00_latchkey_log"');
  await client.query('DELETE FROM latchkey.audit_disclosure WHERE organization = $1 AND idx >= $2', [
    nordhaven,
    logSize,
  ]);
  await client.query('DELETE FROM latchkey.audit_leaf WHERE organization = $1 AND idx >= $2', [nordhaven, logSize]);
  await client.query('ALTER TABLE latchkey.audit_leaf ENABLE ALWAYS TRIGGER "00_latchkey_log"');
  await client.query(
    'UPDATE latchkey.organization SET log_size = $2, frontier = $3::BYTEA[], log_root = $4::BYTEA WHERE id = $1',
    [nordhaven, logSize, frontier, logRoot],
  );
  await client.query('DELETE FROM latchkey.audit_checkpoint WHERE organization = $1 AND size > $2', [
    nordhaven,
    logSize,
  ]);
  await client.query('DELETE FROM latchkey.command WHERE id = ANY ($1)', [lost]);
  await client.query('UPDATE latchkey.device SET entries = $2 WHERE id = $1', [device.id, entries]);
  await client.query(
    `UPDATE api_service.users SET full_name = 'From the backup' WHERE email = 'dario@nordhaven.example'`,
  );
  await client.query(`DELETE FROM api_service.audit_events WHERE event_data #>> '{latchkey,command}' = ANY ($1)`, [
    lost,
  ]);
}

interface Present {
  entries: number;
  logSize: number;
  frontier: string;
  logRoot: string;
}

async function present(): Promise<Present> {
  const { rows } = await central.client.query(
    `SELECT d.entries::INTEGER, o.log_size::INTEGER AS "logSize", o.frontier::TEXT, o.log_root::TEXT AS "logRoot" FROM latchkey.device d JOIN latchkey.organization o ON o.id = d.organization WHERE d.id = $1`,
    [device.id],
  );
  return rows[0];
}

describe('a central that lost what it had acknowledged', () => {
  test('is an alarm until it is declared: nothing is sent or fetched, and nothing is lost here', async () => {
    await rename('chloe', 'Before the backup');
    const backup = await present();
    const lost = await rename('dario', 'After the backup');
    await rewindTo(backup, [lost]);
    await device.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Queued' });
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({
      code: 'central-rewound',
      message: expect.stringContaining('latchkey central restored'),
    });
    expect(await device.core.call('status.get', {})).toMatchObject({ mode: 'attention', pending: 1 });
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Oskar Holm');
    expect(await nameHere('dario')).toBe('After the backup');
  });

  test('is told apart by the last leaf when its log has grown past what this device saw', async () => {
    const backup = await present();
    const lost = await rename('dario', 'After the backup');
    await rewindTo(backup, [lost]);
    const other = await central.device({ operator: 'bjorn@nordhaven.example' });
    for (const name of ['One', 'Two', 'Three'])
      await other.core.call('people.edit', { person: 'chloe@nordhaven.example', name });
    await other.core.call('sync.now', {});
    // Even a central that claims to have all of this device's entries.
    await central.client.query('UPDATE latchkey.device SET entries = 1 WHERE id = $1', [device.id]);
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-rewound' });
  });

  test('gets back, once declared, what was accepted and lost, and tells from which device', async () => {
    const kept = await rename('chloe', 'Before the backup');
    const backup = await present();
    // The second builds on the first, and says so to central; the third was made on what both had come to.
    const lost = [await edit('dario', 'First after the backup'), await rename('dario', 'Second after the backup')];
    lost.push(await rename('dario', 'Third after the backup'));
    await rewindTo(backup, lost);
    const queued = await edit('oskar', 'Queued');
    await central.client.query(
      `UPDATE api_service.users SET full_name = 'Dario Conti' WHERE email = 'dario@nordhaven.example'`,
    );
    await declareRestored(central.client, 'restored to this morning');
    await device.core.call('sync.now', {});
    expect((await central.person('dario@nordhaven.example')).full_name).toBe('Third after the backup');
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Queued');
    const { items } = await device.core.call('outbox.list', {});
    expect(new Set(items.map(({ state }) => state))).toEqual(new Set(['in-force']));
    expect(
      (await recoveredCommands(central.client)).map(({ command, deviceName, state }) => [command, deviceName, state]),
    ).toEqual(lost.map((command) => [command, 'laptop 1', 'applied']));
    const { rows } = await central.client.query('SELECT id, offered_again FROM latchkey.command ORDER BY id');
    expect(rows).toEqual([kept, ...lost, queued].sort().map((id) => ({ id, offered_again: lost.includes(id) })));
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('has what it lost shown here on top of its rows while it cannot be offered yet', async () => {
    const backup = await present();
    const lost = await rename('dario', 'After the backup');
    await rewindTo(backup, [lost]);
    await declareRestored(central.client, 'restored to this morning');
    const other = await central.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM latchkey.organization FOR UPDATE');
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-busy' });
    expect(await nameHere('dario')).toBe('After the backup');
    expect((await device.core.call('outbox.list', { state: 'queued' })).items).toMatchObject([{ command: lost }]);
    await other.end();
    await central.client.query(
      `UPDATE api_service.users SET full_name = 'Dario Conti' WHERE email = 'dario@nordhaven.example'`,
    );
    await device.core.call('sync.now', {});
    expect((await central.person('dario@nordhaven.example')).full_name).toBe('After the backup');
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('gets back what it kept in quarantine too, and an administrator decides on it', async () => {
    const backup = await present();
    const other = await central.device({ operator: 'bjorn@nordhaven.example' });
    const demote = (role: string) =>
      central.client.query(`UPDATE api_service.users SET role = $1 WHERE email = 'astrid@nordhaven.example'`, [role]);
    await demote('user');
    const lost = await rename('dario', 'By somebody who was demoted');
    await rewindTo(backup, [lost]);
    await declareRestored(central.client, 'restored to this morning');
    await device.core.call('sync.now', {});
    expect((await device.core.call('outbox.list', { state: 'quarantined' })).items).toMatchObject([{ command: lost }]);
    await other.core.call('sync.now', {});
    expect((await other.core.call('quarantine.list', {})).items).toMatchObject([{ command: lost }]);
  });

  test('that has other values now gets conflicts rather than silence', async () => {
    const backup = await present();
    const lost = await rename('dario', 'After the backup');
    await rewindTo(backup, [lost]);
    await declareRestored(central.client, 'restored to this morning');
    await device.core.call('sync.now', {});
    expect((await central.person('dario@nordhaven.example')).full_name).toBe('From the backup');
    expect((await device.core.call('conflicts.list', {})).items).toMatchObject([
      {
        command: lost,
        kind: 'fields',
        fields: [{ column: 'full_name', base: 'Dario Conti', mine: 'After the backup', theirs: 'From the backup' }],
      },
    ]);
  });

  test('does not get back what was accepted longer ago than the recovery window', async () => {
    const backup = await present();
    const lost = await rename('dario', 'Long ago');
    await rewindTo(backup, [lost]);
    await declareRestored(central.client, 'restored to long ago');
    // A device that was away for 36 days: what it holds as applied then is older than what it may give back.
    const { core } = device;
    await core.close();
    const later = await central.reopen(device, { clock: () => Date.now() + 36 * 86_400_000 });
    await later.call('device.unlock', { passphrase: 'correct horse battery staple' });
    await later.call('sync.now', {});
    expect(await recoveredCommands(central.client)).toEqual([]);
    expect((await later.call('mirror.check', {})).equal).toBe(true);
  });
});

test('the log of every organization goes on with a leaf that names the epoch, its reason, and how far the log had come', async () => {
  await rename('chloe', 'Before');
  const { logSize } = await present();
  const { epoch } = await declareRestored(central.client, 'drill: “disk” failure');
  const { rows } = await central.client.query(
    `SELECT convert_from(l.entry, 'UTF8') AS text, encode(p.leaf_hash, 'hex') AS last FROM latchkey.audit_leaf l
     JOIN latchkey.audit_leaf p ON p.organization = l.organization AND p.idx = l.idx - 1 WHERE l.organization = $1 AND l.idx = $2`,
    [central.nordhaven, logSize],
  );
  const entry = JSON.parse(rows[0].text);
  expect(entry).toMatchObject({
    act: 'epoch.begin',
    dev: 'central',
    epoch,
    log: { leaf: rows[0].last, size: logSize },
    org: central.nordhaven,
    reason: 'drill: “disk” failure',
    v: 'latchkey/1',
  });
  expect(rows[0].text).toBe(canonicalText(entry));
  await expect(declareRestored(central.client, ' ')).rejects.toMatchObject({ code: 'invalid-input', field: 'reason' });
});
