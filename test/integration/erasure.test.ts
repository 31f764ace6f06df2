import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { posture } from '../../src-main/core/central/posture/posture.ts';
import { declareRestored } from '../../src-main/core/central/restored.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { Vault } from '../../src-main/core/vault/vault.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import type { Report } from '../../src-main/verifier/verify.mjs';
import { unpacked } from '../fixtures/bundle-parts.ts';
import { connectAsDevice } from '../fixtures/device-login.ts';
import { passphrase, type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

const address = 'sigurd.quist@nordhaven.example';
const marks = ['Sigurd', 'Quist', 'Sygurd'];
const opened: TestCentral[] = [];
let central: TestCentral;
let one: TestDevice;
let other: TestDevice;
let person: string;

beforeEach(async () => {
  central = await testCentral();
  opened.push(central);
  const { rows } = await central.client.query<{ id: string }>(
    `INSERT INTO api_service.users (organization_id, email, full_name, password_hash, role, status)
     VALUES ($1, $2, 'Sigurd Quist', 'hash', 'admin', 'active') RETURNING id`,
    [central.nordhaven, address],
  );
  person = rows[0]!.id;
  one = await central.device();
  other = await central.device({ operator: 'bjorn@nordhaven.example' });
});
afterAll(async () => {
  for (const each of opened) await each.close();
});

const sync = (device: TestDevice) => device.core.call('sync.now', {});
const offline = (device: TestDevice, workOffline: boolean) => device.core.call('sync.set-offline', { workOffline });
const edit = (device: TestDevice, name: string, reference = address) =>
  device.core.call('people.edit', {
    person: reference,
    name,
    ...(reference === address ? { reason: 'Sigurd asked for it' } : {}),
  });
const erase = (device: TestDevice = one) =>
  device.core.call('people.erase', { person: address, reason: 'asked for by letter', confirm: address });

async function syncAll(...devices: TestDevice[]): Promise<void> {
  for (const _ of [1, 2, 3]) for (const device of devices) await sync(device);
}

/** Places among what a device keeps where the person is named: every page of the file as it is decrypted, those in no use included. */
async function namedOn(device: TestDevice): Promise<string[]> {
  const { databaseKey } = await new Vault(device.folder).unlock(passphrase);
  const alone = mkdtempSync(join(tmpdir(), 'latchkey-alone-'));
  copyFileSync(join(device.folder, 'mirror.db'), join(alone, 'mirror.db'));
  const found: string[] = [];
  // With what lies in the WAL, and without it.
  for (const folder of [device.folder, alone]) {
    const database = openMirror(folder, databaseKey, folder === alone ? 'write' : 'read');
    const pages = database.serialize().toString('latin1').toLowerCase();
    found.push(...[...marks, address].filter((mark) => pages.includes(mark.toLowerCase())));
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')`).pluck().all();
    for (const name of tables as string[]) {
      if (name.startsWith('latchkey_text_') && !name.startsWith('latchkey_text_terms_')) continue;
      const rows = database.prepare(`SELECT * FROM "${name}"`).all() as Record<string, unknown>[];
      if (rows.some((row) => Object.values(row).some(names))) found.push(name);
    }
    database.close();
  }
  rmSync(alone, { recursive: true });
  return found;
}

function names(value: unknown): boolean {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
  const read = /^[A-Za-z0-9_-]{40,}$/.test(text) ? text + Buffer.from(text, 'base64url').toString('utf8') : text;
  return marks.some((mark) => read.toLowerCase().includes(mark.toLowerCase()));
}

/** Tables at central where the person is named: all of Latchkey's own and of the host's, row by row. */
async function namedAtCentral(): Promise<string[]> {
  const { rows: tables } = await central.client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('latchkey', 'api_service') AND c.relkind = 'r' ORDER BY 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await central.client.query(`SELECT * FROM ${name}`);
    const values = rows.flatMap((row) => Object.values(row));
    if (
      values.some((value) =>
        names(value !== null && typeof value === 'object' && !Buffer.isBuffer(value) ? JSON.stringify(value) : value),
      )
    )
      found.push(name);
  }
  return found;
}

const decoded = (text: string) => Buffer.from(text, 'base64url').toString('utf8');

/** A whole export of a device, and what the verifiers of the command line and of Python say of it alike. */
async function exportedBy(
  device: TestDevice,
): Promise<{ folder: string; bundle: string; exported: Record<string, unknown>; report: Report }> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bundle-'));
  const bundle = join(folder, 'all.lkx.zip');
  const latchkey = async (...args: string[]) => {
    const terminal = recordedTerminal({ env: { LATCHKEY_DATA: device.folder, LATCHKEY_PASSPHRASE: passphrase } });
    expect(await runCommandLine([...args, '--json'], terminal)).toBe(0);
    return terminal.document();
  };
  const exported = await latchkey('audit', 'export', '--out', bundle);
  const { keys } = (await latchkey('audit', 'checkpoint')) as unknown as { keys: { checkpoint: string } };
  const args = [bundle, '--trust', keys.checkpoint];
  const report = (await latchkey('audit', 'verify', ...args)) as unknown as Report;
  const verifier = join(import.meta.dirname, '../../src-main/verifier/verify.py');
  const python = JSON.parse(execFileSync('python3', [verifier, ...args, '--json']).toString()) as Report;
  expect(python.erased).toEqual(report.erased);
  expect(execFileSync('python3', [verifier, ...args]).toString()).toMatch(/Erased under #\d+: /);
  return { folder, bundle, exported, report };
}

const trusted = async (device: TestDevice) =>
  expect(await device.core.call('audit.check', {})).toMatchObject({ state: 'trusted', findings: [] });

describe('a person is erased', () => {
  test('and no byte of them is left on any device or at central; every proof holds, and each device says so', async () => {
    await edit(one, 'Sygurd Quist');
    await sync(one);
    await sync(other);
    await edit(other, 'Sigurd Quist');
    await other.core.call('people.deactivate', { person: address, reason: 'Quist leaves us' });
    const issued = await other.core.call('keys.issue', {
      label: 'for Sigurd Quist',
      reason: 'gateway of sigurd quist',
    });
    await syncAll(other, one);
    expect(await namedOn(one)).toContain('latchkey_disclosure');
    expect(await namedAtCentral()).toEqual(
      expect.arrayContaining(['api_service.users', 'latchkey.audit_disclosure', 'latchkey.command']),
    );
    // What the host itself holds elsewhere is not Latchkey's to erase: the label of a key is.
    await other.core.call('keys.revoke', { key: 'for Sigurd Quist', reason: 'no more' });
    await sync(other);
    await central.client.query(`UPDATE api_service.api_keys SET label = 'gateway' WHERE id = $1`, [issued.subject]);

    await erase();
    await syncAll(one, other);

    expect(await namedAtCentral()).toEqual([]);
    for (const device of [one, other]) {
      expect(await namedOn(device)).toEqual([]);
      await trusted(device);
      const erased = await device.core.call('people.show', { person });
      expect(erased).toMatchObject({ name: 'Erased person', state: 'deactivated', erasedAt: expect.any(String) });
      expect(erased.email).toMatch(/^erased-[0-9a-f]{8}@erased\.invalid$/);
      const { items } = await device.core.call('audit.erasures', {});
      expect(items).toMatchObject([
        {
          person,
          by: 'astrid@nordhaven.example',
          device: one.id,
          reason: 'asked for by letter',
          devices: [one, other].map(({ id }) => ({ device: id, acknowledgedAt: expect.any(String) })),
        },
      ]);
      expect(items[0]!.digests).toBeGreaterThan(5);
      expect((await device.core.call('outbox.list', {})).items.map(({ state }) => state)).not.toContain('queued');
    }
    // An export made now shows tombstones, and Python's verifier says under what.
    const { folder, bundle, report } = await exportedBy(other);
    const files = [...unpacked(bundle).values()].map((bytes) => bytes.toString('utf8'));
    const told = files.flatMap((text) => [text, ...(text.match(/[A-Za-z0-9_-]{40,}/g) ?? []).map(decoded)]).join('\n');
    expect(told).toContain('Erased a person');
    for (const mark of [...marks, address]) expect(told.toLowerCase()).not.toContain(mark.toLowerCase());
    expect(report).toMatchObject({ verdict: 'VERIFIED', level: 'CENTRAL' });
    const { items: erasures } = await one.core.call('audit.erasures', {});
    expect([...new Set(report.erased.map(({ under }) => under))]).toContain(erasures[0]!.index);
    rmSync(folder, { recursive: true });
    // Full text goes on knowing rows by their places, and finds nothing of them.
    expect((await one.core.call('audit.list', { search: 'sigurd' })).total).toBe(0);
    expect((await one.core.call('audit.list', { search: person })).total).toBeGreaterThan(3);
    await edit(one, 'Chloe the First', 'chloe@nordhaven.example');
    await syncAll(one, other);
    await trusted(other);
    expect(await one.core.call('mirror.check', {})).toMatchObject({ equal: true });
  });

  test('and what others had queued about them offline is taken back, and brings no name back', async () => {
    await sync(other);
    await offline(other, true);
    await edit(other, 'Sygurd Quist');
    await other.core.call('people.set-role', { person: address, role: 'user', reason: 'Sigurd moves on' });
    await edit(other, 'Chloe the First', 'chloe@nordhaven.example');
    await erase();
    await sync(one);
    await offline(other, false);
    await syncAll(other, one);
    expect(await namedAtCentral()).toEqual([]);
    expect(await namedOn(other)).toEqual([]);
    const { items } = await other.core.call('outbox.list', {});
    expect(items.map(({ name, state }) => [name, state])).toEqual(
      expect.arrayContaining([
        ['person.set-role', 'undone'],
        ['person.edit', 'undone'],
        ['person.edit', 'in-force'],
      ]),
    );
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloe the First');
    // Of what it held back there are tombstones, too.
    const { folder, exported, report } = await exportedBy(other);
    expect([exported.undisclosed, report.verdict]).toEqual([0, 'VERIFIED']);
    rmSync(folder, { recursive: true });
    await trusted(one);
    await trusted(other);
  });

  test('and what arrives about them with an older client is refused, and kept without a word', async () => {
    await sync(other);
    await edit(other, 'Sygurd Quist');
    // As from a device that does not look before it sends.
    await erase();
    await sync(one);
    await expect(edit(one, 'Sygurd Quist', person)).resolves.toMatchObject({ state: 'queued' });
    await sync(one);
    const [conflict] = (await one.core.call('conflicts.list', {})).items;
    expect(conflict).toMatchObject({ kind: 'refused', message: expect.stringContaining('was erased') });
    expect(await namedAtCentral()).toEqual([]);
    await syncAll(other, one);
    expect(await namedAtCentral()).toEqual([]);
    await trusted(one);
    await trusted(other);
  });

  test('from an audit table that refuses every change but this, as posture makes it', async () => {
    const { command } = await edit(one, 'Sygurd Quist');
    await sync(one);
    const table = 'api_service.audit_events';
    const { findings } = await posture(central.client, { system: skyGenesis });
    expect(findings.filter(({ detail }) => detail.includes('latchkey_owner'))).toEqual([]);
    await central.client.query(findings.find(({ id }) => id === 'audit-append-only:audit_events')!.sql);
    await expect(central.client.query(`UPDATE ${table} SET event_type = 'x'`)).rejects.toMatchObject({ code: '23001' });
    await erase();
    await syncAll(one, other);
    expect(await namedAtCentral()).toEqual([]);
    await trusted(one);
    const { rows } = await central.client.query(
      `SELECT event_data #> '{latchkey,changes}' AS changes FROM ${table} WHERE event_data #>> '{latchkey,command}' = $1`,
      [command],
    );
    expect(rows).toEqual([{ changes: [] }]);
  });

  test('and erased again, by the device that did it, where central comes back from a backup of before', async () => {
    await edit(one, 'Sygurd Quist');
    await syncAll(one, other);
    const { client, nordhaven } = central;
    const tables = ['latchkey.audit_disclosure', 'latchkey.command', 'latchkey.erasure', 'latchkey.audit_checkpoint'];
    const host = ['api_service.users', 'api_service.audit_events'];
    await client.query(`CREATE SCHEMA saved`);
    for (const table of [...tables, ...host, 'latchkey.organization', 'latchkey.device'])
      await client.query(`CREATE TABLE saved.${table.split('.')[1]} AS TABLE ${table}`);
    await erase();
    await syncAll(one, other);

    const { rows } = await client.query(`SELECT log_size::TEXT AS size FROM saved.organization WHERE id = $1`, [
      nordhaven,
    ]);
    for (const table of tables) await client.query(`DELETE FROM ${table}`);
    await client.query('ALTER TABLE latchkey.audit_leaf DISABLE TRIGGER "00_latchkey_log"');
    await client.query(`DELETE FROM latchkey.audit_leaf WHERE organization = $1 AND idx >= $2`, [
      nordhaven,
      rows[0].size,
    ]);
    await client.query('ALTER TABLE latchkey.audit_leaf ENABLE ALWAYS TRIGGER "00_latchkey_log"');
    for (const table of tables) await client.query(`INSERT INTO ${table} SELECT * FROM saved.${table.split('.')[1]}`);
    await client.query(`UPDATE latchkey.organization o SET log_size = s.log_size, frontier = s.frontier, log_root = s.log_root
      FROM saved.organization s WHERE s.id = o.id`);
    await client.query(`UPDATE latchkey.device d SET entries = s.entries FROM saved.device s WHERE s.id = d.id`);
    await client.query(
      `UPDATE api_service.users u SET (email, full_name, status) = (SELECT s.email, s.full_name, s.status FROM saved.users s WHERE s.id = u.id)`,
    );
    await client.query(`DELETE FROM api_service.audit_events`);
    await client.query(`INSERT INTO api_service.audit_events SELECT * FROM saved.audit_events`);
    await client.query('DROP SCHEMA saved CASCADE');
    expect(await namedAtCentral()).toContain('latchkey.audit_disclosure');
    await declareRestored(client, 'the disk burnt');

    for (const _ of [1, 2, 3, 4]) for (const device of [one, other]) await sync(device);
    expect(await namedAtCentral()).toEqual([]);
    for (const device of [one, other]) {
      expect(await namedOn(device)).toEqual([]);
      expect((await device.core.call('audit.erasures', {})).items).toMatchObject([
        { person, devices: [one, other].map(({ id }) => ({ device: id, acknowledgedAt: expect.any(String) })) },
      ]);
      await trusted(device);
    }
  });

  test('and a push of a device that does not know of it yet comes again once it does', async () => {
    await erase();
    await sync(one);
    const login = await connectAsDevice(other);
    const push = (known: string) =>
      login.query(`SELECT set_config('latchkey.known_erasures', $1, TRUE), latchkey.push('[]', '[]') AS answer`, [
        known,
      ]);
    await expect(push('0')).rejects.toMatchObject({ code: '40001' });
    expect((await push('1')).rowCount).toBe(1);
    await login.end();
  });

  test('is refused to a device that is no administrator’s, without the address once more, and with a reason that names them', async () => {
    const operator = await central.device({ operator: 'oskar@nordhaven.example', role: 'operator' });
    await expect(erase(operator)).rejects.toMatchObject({ code: 'not-permitted' });
    const request = { person: address, reason: 'asked for by letter', confirm: address };
    await expect(one.core.call('people.erase', { ...request, confirm: 'x@y.example' })).rejects.toMatchObject({
      field: 'confirm',
    });
    await expect(
      one.core.call('people.erase', { ...request, reason: 'Sigurd Quist asked for it' }),
    ).rejects.toMatchObject({ field: 'reason' });
    expect((await one.core.call('outbox.list', {})).items).toEqual([]);
  });
});

describe('a legal hold', () => {
  test('stands against an erasure at the device that knows it, and at central against one that does not', async () => {
    await sync(other);
    await offline(other, true);
    await one.core.call('people.hold', { person: address, reason: 'case 12/2026' });
    await sync(one);
    expect((await one.core.call('people.show', { person })).hold).toMatchObject({
      reason: 'case 12/2026',
      device: one.id,
    });
    await expect(erase(one)).rejects.toMatchObject({ message: expect.stringContaining('case 12/2026') });

    await erase(other);
    await offline(other, false);
    await sync(other);
    expect((await other.core.call('conflicts.list', {})).items).toMatchObject([
      { kind: 'refused', message: expect.stringContaining('case 12/2026') },
    ]);
    expect(await other.core.call('people.show', { person })).toMatchObject({
      name: 'Sigurd Quist',
      hold: { reason: 'case 12/2026', device: one.id },
    });
    await expect(other.core.call('people.hold', { person: address, reason: 'again' })).rejects.toMatchObject({
      code: 'would-violate',
    });

    await other.core.call('people.release-hold', { person: address, reason: 'case closed' });
    await syncAll(other, one);
    expect((await one.core.call('people.show', { person })).hold).toBe(null);
    await erase(one);
    await syncAll(one, other);
    expect(await namedAtCentral()).toEqual([]);
    await trusted(one);
  });
});

describe('a central that lies', () => {
  const redact = `UPDATE api_service.audit_events SET event_data = jsonb_set(event_data, '{latchkey,changes}', '[]') WHERE event_data #>> '{latchkey,command}' = $1`;

  test('and empties an event without an erasure is found', async () => {
    const { command } = await edit(one, 'Sygurd Quist');
    await sync(one);
    await central.client.query(redact, [command]);
    await sync(one);
    expect((await one.core.call('audit.integrity', {})).findings).toMatchObject([
      { kind: 'projection-differs', place: command },
    ]);
  });

  test('and says in its own name alone that somebody was erased is found, and nothing is taken away for it', async () => {
    const { command } = await edit(one, 'Sygurd Quist');
    await sync(one);
    await central.client.query(redact, [command]);
    await central.client.query(
      `SELECT latchkey.log_of_central($1, jsonb_build_object('act', 'erasure.done', 'cmd', $2::TEXT, 'obj', jsonb_build_object('t', 'users', 'id', $3::TEXT),
         'n', 0, 'gone', '[]'::JSONB, 'prj', (SELECT jsonb_build_array(jsonb_build_array($2::TEXT, encode(sha256(convert_to(event_data::TEXT, 'UTF8')), 'hex')))
           FROM api_service.audit_events WHERE event_data #>> '{latchkey,command}' = $2)))`,
      [central.nordhaven, command, person],
    );
    await sync(one);
    const { findings } = await one.core.call('audit.integrity', {});
    expect(findings.map(({ kind }) => kind).sort()).toEqual(['leaf-invalid', 'projection-differs']);
    expect((await one.core.call('people.show', { person })).erasedAt).toBe(null);
  });

  test('and edits an event that an erasure had redacted is found', async () => {
    const { command } = await edit(one, 'Sygurd Quist');
    await sync(one);
    await erase();
    await syncAll(one);
    await trusted(one);
    await central.client.query(
      `UPDATE api_service.audit_events SET event_data = event_data || '{"x": 1}' WHERE event_data #>> '{latchkey,command}' = $1`,
      [command],
    );
    await sync(one);
    expect((await one.core.call('audit.integrity', {})).findings).toMatchObject([
      { kind: 'projection-differs', place: command, details: { what: 'edited' } },
    ]);
  });
});
