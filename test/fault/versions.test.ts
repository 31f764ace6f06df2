import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { centralStatus } from '../../src-main/core/central/status.ts';
import { upgrade } from '../../src-main/core/central/upgrade.ts';
import { mirrorFile, openMirror } from '../../src-main/core/mirror/open.ts';
import { packageFile } from '../../src-main/core/package-files.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

describe('a device with a full outbox', () => {
  let central: TestCentral;
  beforeAll(async () => {
    central = await testCentral();
  });
  afterAll(() => central.close());

  /** More than go in one push, so that an outbox that is cut off half-way would show. */
  const commands = 60;

  async function fill(device: TestDevice, word: string): Promise<void> {
    await device.core.call('sync.set-offline', { workOffline: true });
    for (let n = 1; n <= commands; n++)
      await device.core.call('people.create', {
        email: `${word}${n}@nordhaven.example`,
        name: `${word} ${n}`,
        role: 'user',
      });
    await device.core.call('sync.set-offline', { workOffline: false });
  }
  const arrived = async (word: string) =>
    (await central.client.query('SELECT count(*)::INT AS n FROM api_service.users WHERE email LIKE $1', [`${word}%`]))
      .rows[0].n;

  test.each([
    ['one version behind central', '4', 'central-too-new', 'behind'],
    ['one version ahead of central', '2', 'central-too-old', 'ahead'],
  ])('that is %s loses nothing, and sends all of it once both are of an age', async (_what, protocol, code, word) => {
    const device = await central.device();
    const { rows } = await central.client.query(`SELECT pg_get_functiondef('latchkey.hello'::REGPROC) AS own`);
    const own = rows[0].own as string;
    const other = own.replace(/'protocol', \d+/, `'protocol', ${protocol}`);
    expect(other).not.toBe(own);
    await fill(device, word);
    await central.client.query(other);
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(device.core.call('sync.now', {})).rejects.toMatchObject({ code });
    expect(await device.core.call('status.get', {})).toMatchObject({ mode: 'attention', pending: commands });
    expect(await arrived(word)).toBe(0);

    await central.client.query(own);
    await device.core.call('sync.now', {});
    expect(await device.core.call('status.get', {})).toMatchObject({ pending: 0, conflicts: 0 });
    expect(await arrived(word)).toBe(commands);
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('waits while a column of its commands is dropped: what still fits is sent, and what does not is kept as a conflict', async () => {
    const device = await central.device();
    await fill(device, 'dropped');
    await device.core.call('people.edit', { person: 'dario@nordhaven.example', name: 'Never there again' });
    await central.client.query('ALTER TABLE api_service.users DROP COLUMN full_name CASCADE');
    await expect(device.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-schema-changed' });
    expect((await device.core.call('status.get', {})).pending).toBe(commands + 1);
    await upgrade(central.client, skyGenesis);
    await device.core.call('sync.now', {});
    // A new person is made with a name, so none of them fits any more.
    expect(await device.core.call('status.get', {})).toMatchObject({ pending: 0, conflicts: commands + 1 });
    expect((await device.core.call('people.list', {})).total).toBeGreaterThan(4);
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });
});

describe('a central of an earlier version', () => {
  test('whose migrations are others than this version’s is refused by an upgrade, as it is, and its status says so', async () => {
    const central = await testCentral();
    try {
      await central.client.query(`UPDATE latchkey.schema_migration SET checksum = 'of before' WHERE version = 2`);
      await expect(upgrade(central.client, skyGenesis)).rejects.toMatchObject({ code: 'schema-mismatch' });
      expect((await centralStatus(central.client)).hostChanges).toEqual(['Latchkey itself is of another version here']);
      await (await central.device()).core.call('sync.now', {});
    } finally {
      await central.close();
    }
  });
});

describe('a mirror of another version', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-versions-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const key = randomBytes(32);
  const version = (database: Database.Database) => Number(database.pragma('user_version', { simple: true }));

  test('that was killed in the middle of a migration is migrated when it is opened again', async () => {
    const newest = openMirror(folder, key, 'write');
    const goal = version(newest);
    newest.close();
    rmSync(join(folder, mirrorFile));

    const first = readFileSync(packageFile('migrations/mirror/0001_bookkeeping.sql'), 'utf8');
    const program = `
      const Database = require('better-sqlite3');
      const database = new Database(${JSON.stringify(join(folder, mirrorFile))});
      database.pragma("cipher = 'aegis'");
      database.key(Buffer.concat([Buffer.from('raw:'), Buffer.from('${key.toString('hex')}', 'hex')]));
      database.pragma('page_size = 8192');
      database.pragma('journal_mode = WAL');
      database.exec(${JSON.stringify(first)});
      database.exec("INSERT INTO latchkey_meta VALUES ('work_offline', 'true')");
      database.pragma('user_version = 1');
      database.exec('BEGIN IMMEDIATE; CREATE TABLE half_way (id INTEGER); DROP TABLE latchkey_conflict; PRAGMA user_version = 2');
      process.kill(process.pid, 'SIGKILL');`;
    const child = spawn(process.execPath, ['-e', program], { cwd: packageFile('.'), stdio: 'ignore' });
    const [, signal] = await new Promise<[number | null, string | null]>((done) =>
      child.once('exit', (code, by) => done([code, by])),
    );
    expect(signal).toBe('SIGKILL');

    const database = openMirror(folder, key, 'write');
    expect(version(database)).toBe(goal);
    expect(database.prepare(`SELECT value FROM latchkey_meta WHERE name = 'work_offline'`).pluck().get()).toBe('true');
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();
    expect(tables).toContain('latchkey_conflict');
    expect(tables).not.toContain('half_way');
    database.close();
  });

  test('that a newer app wrote is refused and left as it is', () => {
    const database = openMirror(folder, key, 'write');
    const own = version(database);
    database.pragma(`user_version = ${own + 1}`);
    database.close();
    const before = readFileSync(join(folder, mirrorFile));
    expect(() => openMirror(folder, key, 'write')).toThrow(expect.objectContaining({ code: 'mirror-too-new' }));
    expect(readFileSync(join(folder, mirrorFile)).equals(before)).toBe(true);
  });
});
