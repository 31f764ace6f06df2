import { chmodSync, cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backup } from '../../../src-main/core/central/operations/backup.ts';
import type { Drill } from '../../../src-main/core/central/operations/restore-drill.ts';
import type { Core } from '../../../src-main/core/core.ts';
import { freshDatabase } from '../../fixtures/central.ts';
import { type YearOfLogs, yearOfLogs } from '../../fixtures/year-of-logs.ts';

const passphrase = 'a long enough passphrase';
let year: YearOfLogs;
let device: Core;
let renamed: string;

beforeAll(async () => {
  year = await yearOfLogs();
  // Numbers that a fresh install gives otherwise, partitions that migrations do not make, and a log with leaves.
  await year.client.query(`UPDATE latchkey.mirrored_table SET id = id + 100`);
  await year.latchkey(['central', 'upgrade']);
  await year.latchkey(['central', 'partitions', '--months-ahead', '7']);
  device = await year.device();
  const people = await device.call('people.list', {});
  renamed = people.items.find(({ email }) => email !== year.demo.operator.email)!.id;
  await device.call('people.edit', { person: renamed, name: 'Renamed Ørsted' });
  await device.call('sync.now', {});
});
afterAll(() => year.close());

const backup = (to: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
  year.latchkey<Backup>(['central', 'backup', '--to', to, ...args], env);
const drill = (from: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
  year.latchkey<Drill & { error: { code: string; message: string; details: Drill } }>(
    ['central', 'restore-drill', '--from', from, ...args],
    env,
  );
/** Into a database of the same server, which is sooner there than a server. */
const drillBeside = async (from: string) => {
  const empty = await freshDatabase();
  try {
    return await drill(from, ['--into', empty.url]);
  } finally {
    await empty.drop();
  }
};
const sealed = { LATCHKEY_BACKUP_PASSPHRASE: passphrase };
const copyOf = (folder: string) => {
  const copy = join(year.folder(), 'copy');
  cpSync(folder, copy, { recursive: true });
  return copy;
};

describe('a portable backup', () => {
  let made: Backup;
  let place: string;

  beforeAll(async () => {
    place = year.folder();
    const { code, value } = await backup(place, ['--method', 'portable'], sealed);
    expect(code).toBe(0);
    made = value;
  });

  test('is restored by a drill to what was backed up, and central keeps both in mind', async () => {
    const counted = await year.count(
      `SELECT (SELECT count(*) FROM api_service.audit_events) + (SELECT count(*) FROM api_service.api_access_log)`,
    );
    expect(made).toMatchObject({ method: 'portable', program: null, encrypted: true, recorded: true });
    expect(made.rows).toBeGreaterThan(counted);
    const { code, value } = await drill(place, [], sealed);
    expect(value.checks?.filter(({ passed }) => !passed)).toEqual([]);
    expect(code).toBe(0);
    expect(value).toMatchObject({ passed: true, recorded: true, backup: { folder: made.folder, sha256: made.sha256 } });
    expect(value.checks.map(({ name }) => name)).toEqual([
      'rows',
      'sequences',
      'audit logs',
      'definitions',
      'audit log sizes',
      'foreign keys',
      'change tracking',
    ]);
    expect(value.checks[0]!.detail).toBe(`${made.rows} rows of ${made.tables} tables`);
    const { rows } = await year.client.query(
      `SELECT b.kind, b.method, b.sha256 = d.backup_sha256 AS same, d.passed, b.encrypted FROM latchkey.backup b, latchkey.drill d`,
    );
    expect(rows).toEqual([{ kind: 'full', method: 'portable', same: true, passed: true, encrypted: true }]);
  });

  test('tells nothing without its passphrase', async () => {
    for (const file of readdirSync(join(made.folder!, 'rows')))
      expect(readFileSync(join(made.folder!, 'rows', file)).includes('nordhaven')).toBe(false);
    const refused = { code: 1, value: { error: { code: 'wrong-passphrase' } } };
    expect(await drill(place)).toMatchObject(refused);
    expect(await drill(place, [], { LATCHKEY_BACKUP_PASSPHRASE: 'another passphrase' })).toMatchObject(refused);
  });

  test('of which a file was changed, cut short or taken away is refused by its name', async () => {
    const damage: [string, (path: string) => void][] = [
      ['has', (path) => truncateSync(path, 100)],
      ['is not what was written', (path) => writeFileSync(path, flipped(readFileSync(path)))],
    ];
    const [first = ''] = readdirSync(join(made.folder!, 'rows'));
    for (const [words, harm] of damage) {
      const copy = copyOf(made.folder!);
      harm(join(copy, 'rows', first));
      expect(await drill(copy, [], sealed)).toMatchObject({
        code: 1,
        value: {
          error: { code: 'backup-damaged', message: expect.stringMatching(new RegExp(`rows/${first} ${words}`)) },
        },
      });
    }
    const copy = copyOf(made.folder!);
    const path = join(copy, 'manifest.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"rows":', '"rows":1'));
    expect(await drill(copy, [], sealed)).toMatchObject({
      code: 1,
      value: { error: { code: 'backup-damaged', message: expect.stringContaining('manifest.json was changed') } },
    });
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 500));
    expect(await drill(copy, [], sealed)).toMatchObject({ code: 1, value: { error: { code: 'backup-damaged' } } });
    expect(await drill(year.folder(), [], sealed)).toMatchObject({ code: 1, value: { error: { code: 'not-found' } } });
  });

  test('that comes out as something else than its manifest says fails the drill, and central knows', async () => {
    const plain = await backup(year.folder(), ['--method', 'portable']);
    const path = join(plain.value.folder!, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    manifest.contents.tables.find(({ name }: { name: string }) => name === 'users').rows += 1;
    manifest.contents.logs[0].digest = '0'.repeat(64);
    writeFileSync(path, JSON.stringify(manifest));
    const { code, value } = await drillBeside(plain.value.folder!);
    expect(code).toBe(1);
    expect(value.error).toMatchObject({ code: 'drill-failed', details: { passed: false, recorded: true } });
    expect(value.error.message).toMatch(/api_service\.users has 28 rows rather than 29/);
    expect(value.error.details.checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual([
      'rows',
      'audit logs',
    ]);
    const { rows } = await year.client.query('SELECT passed FROM latchkey.drill ORDER BY id DESC LIMIT 1');
    expect(rows).toEqual([{ passed: false }]);
  });

  test('is not made of what no migration of ours made, and one that misses a column fails its drill', async () => {
    await year.client.query('CREATE TABLE public.invoices (id INTEGER)');
    expect(await backup(year.folder(), ['--method', 'portable'])).toMatchObject({
      code: 1,
      value: { error: { code: 'not-supported', message: expect.stringContaining('public.invoices') } },
    });
    await year.client.query('DROP TABLE public.invoices; ALTER TABLE api_service.users ADD COLUMN nickname TEXT');
    const { value } = await backup(year.folder(), ['--method', 'portable']);
    const { code, value: failed } = await drillBeside(value.folder!);
    expect(code).toBe(1);
    expect(failed.error.message).toContain('the column api_service.users.nickname');
    await year.client.query('ALTER TABLE api_service.users DROP COLUMN nickname');
  });

  test('restores in earnest: into an empty database alone, and devices go on with it', async () => {
    const empty = await freshDatabase();
    const into = ['--into', empty.url];
    expect(await drill(place, into, sealed)).toMatchObject({ code: 0, value: { passed: true } });
    expect(await drill(place, into, sealed)).toMatchObject({ code: 1, value: { error: { code: 'would-violate' } } });
    const { rows } = await empty.client.query('SELECT id FROM latchkey.mirrored_table ORDER BY id LIMIT 1');
    expect(Number(rows[0].id)).toBeGreaterThan(100);
    // In place of the one that is lost, with what was done since the backup.
    await device.call('people.edit', { person: renamed, name: 'Renamed once more' });
    await device.call('sync.now', {});
    const original = new URL(year.url).pathname.slice(1);
    await year.client.end();
    await empty.client.end();
    const admin = new URL(year.url);
    admin.pathname = '/postgres';
    const superuser = new pg.Client({ connectionString: admin.href });
    await superuser.connect();
    await superuser.query(`DROP DATABASE ${original} WITH (FORCE)`);
    await superuser.query(`ALTER DATABASE ${empty.name} RENAME TO ${original}`);
    await superuser.end();
    await expect(device.call('sync.now', {})).rejects.toMatchObject({ code: 'central-rewound' });
    expect((await year.latchkey(['central', 'restored', '--reason', 'disk failure'])).code).toBe(0);
    await device.call('sync.now', {});
    expect((await device.call('mirror.check', {})).equal).toBe(true);
    expect((await device.call('people.show', { person: renamed })).name).toBe('Renamed once more');
    expect((await year.latchkey(['central', 'status'])).value).toMatchObject({ untracked: [], hostChanges: [] });
  });
});

function flipped(bytes: Buffer): Buffer {
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
}

describe('PostgreSQL’s own programs', () => {
  const program = (name: string, version: string) => {
    const folder = year.folder();
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`);
    chmodSync(join(folder, name), 0o755);
    return folder;
  };

  test('that are too old for the server, or not there, are named with what is needed', async () => {
    const old = program('pg_dump', '13.4 (Debian)');
    expect(await backup(year.folder(), ['--method', 'pg_dump', '--bin', old])).toMatchObject({
      code: 1,
      value: {
        error: {
          code: 'not-supported',
          message: expect.stringMatching(/version 13, and this server is of version 18/),
        },
      },
    });
    expect(await backup(year.folder(), ['--method', 'pg_basebackup', '--bin', old])).toMatchObject({
      code: 1,
      value: { error: { code: 'not-found', message: expect.stringContaining(`no pg_basebackup in ${old}`) } },
    });
    // Without a pg_dump that fits, the portable way does.
    const planned = await backup(year.folder(), ['--bin', old, '--dry-run']);
    expect(planned).toMatchObject({ code: 0, value: { dryRun: true, method: 'portable', folder: null } });
    const fitting = program('pg_dump', '19.1');
    expect(await backup(year.folder(), ['--bin', fitting, '--dry-run'])).toMatchObject({
      value: { method: 'pg_dump' },
    });
  });

  test('incremental backups say what they need', async () => {
    const refused = (words: string) => ({
      code: 1,
      value: { error: { code: 'not-supported', message: expect.stringContaining(words) } },
    });
    const kind = ['--kind', 'incremental'];
    expect(await backup(year.folder(), [...kind, '--method', 'portable'])).toMatchObject(refused('only pg_basebackup'));
    expect(await backup(year.folder(), kind)).toMatchObject(refused('summarize_wal = on'));
  });

  test('one that fails leaves nothing behind', async () => {
    const folder = program('pg_dump', '18.0');
    const place = year.folder();
    writeFileSync(
      join(folder, 'pg_dump'),
      '#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 18.0" && exit\necho half\necho "disk on fire" >&2\nexit 3\n',
    );
    expect(await backup(place, ['--method', 'pg_dump', '--bin', folder])).toMatchObject({
      code: 1,
      value: { error: { code: 'central-refused', message: expect.stringContaining('disk on fire') } },
    });
    expect(readdirSync(place)).toEqual([]);
  });
});
