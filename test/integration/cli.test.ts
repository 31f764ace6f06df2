import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

const organization = 'Nordhaven';
const operator = 'astrid@nordhaven.example';
let database: FreshDatabase;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

/** One command line with `--json`, its exit code and its document. */
async function latchkey(...args: string[]): Promise<{ code: number; value: Record<string, unknown> }> {
  const terminal = recordedTerminal({
    env: {
      LATCHKEY_CENTRAL_URL: database.url,
      LATCHKEY_DATA: join(folder, 'device'),
      LATCHKEY_PASSPHRASE: 'correct horse battery staple',
    },
  });
  const code = await runCommandLine([...args, '--json'], terminal);
  return { code, value: terminal.document() };
}

async function inWords(...args: string[]): Promise<string> {
  const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: database.url } });
  await runCommandLine(args, terminal);
  return terminal.printed.join('\n');
}

const enrollArgs = (out: string) => [
  ...['central', 'enroll', '--organization', organization, '--operator', operator],
  ...['--device', 'laptop', '--role', 'admin', '--out', out],
];

describe('from an empty database to a revoked device, in order', () => {
  test('the schema goes up, says where it stands, and a dry run changes nothing', async () => {
    expect(await inWords('central', 'migrate', 'up', '--dry-run')).toContain('CREATE TABLE api_service.organizations');
    expect((await latchkey('central', 'migrate', 'status')).value).toMatchObject({ current: 0 });
    const up = await latchkey('central', 'migrate', 'up');
    expect(up.code).toBe(0);
    expect((await latchkey('central', 'migrate', 'status')).value).toMatchObject({ current: up.value.current });
    expect((await latchkey('central', 'migrate', 'up', '--to', '1')).code).toBe(2);
  });

  test('an empty schema goes down and up again; one with organizations only where that is said', async () => {
    expect((await latchkey('central', 'migrate', 'down')).value).toMatchObject({ current: 0 });
    expect((await latchkey('central', 'migrate', 'up')).code).toBe(0);
    await database.client.query(`INSERT INTO api_service.organizations (name, country_code) VALUES ($1, 'NO')`, [
      organization,
    ]);
    await database.client.query(
      `INSERT INTO api_service.users (organization_id, email, full_name, password_hash, role)
       SELECT id, $1, 'Astrid Lund', 'x', 'admin' FROM api_service.organizations`,
      [operator],
    );
    const refused = await latchkey('central', 'migrate', 'down');
    expect(refused).toMatchObject({ code: 1, value: { error: { code: 'would-violate' } } });
  });

  test('nobody enrolls before the install, and that leaves no file', async () => {
    const out = join(folder, 'early.json');
    expect(await latchkey(...enrollArgs(out))).toMatchObject({
      code: 1,
      value: { error: { code: 'central-not-latchkey' } },
    });
    expect(existsSync(out)).toBe(false);
  });

  test('install tries everything with --dry-run, then does it, and once', async () => {
    const dry = await latchkey('central', 'install', '--dry-run');
    expect(dry).toMatchObject({ code: 0, value: { installed: false } });
    expect(dry.value.sql).toContain('CREATE SCHEMA IF NOT EXISTS latchkey');
    expect((await latchkey('central', 'status')).value).toMatchObject({ error: { code: 'central-not-latchkey' } });
    expect(await latchkey('central', 'install')).toMatchObject({ code: 0, value: { installed: true } });
    expect((await latchkey('central', 'install')).value).toMatchObject({ error: { code: 'already-installed' } });
  });

  test('enroll writes a file for its owner alone, and never over another', async () => {
    const out = join(folder, 'enrollment.json');
    expect(await latchkey(...enrollArgs(out))).toMatchObject({ code: 0, value: { file: out } });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const before = readFileSync(out, 'utf8');
    expect(await latchkey(...enrollArgs(out))).toMatchObject({ code: 2, value: { error: { field: 'out' } } });
    expect(readFileSync(out, 'utf8')).toBe(before);
  });

  test('a device joins, and its mirror equals central', async () => {
    expect((await latchkey('status')).value).toMatchObject({ mode: 'not-enrolled' });
    const joined = await latchkey('mirror', 'join', '--enrollment', join(folder, 'enrollment.json'));
    expect(joined).toMatchObject({ code: 0, value: { state: 'unlocked', organization: { name: organization } } });
    expect(await latchkey('mirror', 'check')).toMatchObject({ code: 0, value: { equal: true } });
    expect(await latchkey('status')).toMatchObject({ code: 0, value: { pending: 0, conflicts: 0 } });
  });

  test('locked, it says so, and that it cannot tell anything else', async () => {
    const env = { LATCHKEY_DATA: join(folder, 'device') };
    const terminal = recordedTerminal({ env });
    expect(await runCommandLine(['status', '--json'], terminal)).toBe(0);
    const { mode, ...unknown } = terminal.document();
    expect(mode).toBe('locked');
    expect(Object.keys(unknown)).toContain('conflicts');
    expect(new Set(Object.values(unknown))).toEqual(new Set([null]));
    const words = recordedTerminal({ env });
    await runCommandLine(['status'], words);
    expect(words.printed.join('\n')).toBe('Mode  locked');
  });

  test('the upkeep tells what it would do, and does it', async () => {
    const nothing = { keepWeeks: 6, forgotten: 0, expired: [] };
    const dry = await latchkey('central', 'maintain', '--dry-run');
    expect(dry).toMatchObject({ code: 0, value: { ...nothing, dryRun: true } });
    const { code, value } = await latchkey('central', 'maintain', '--keep-weeks', '6');
    expect({ code, value }).toEqual({ code: 0, value: { ...dry.value, dryRun: false } });
    expect(await inWords('central', 'maintain', '--dry-run')).toContain(
      '0 changes older than 6 weeks would be taken out',
    );
    expect(await latchkey('central', 'maintain', '--keep-weeks', '0')).toMatchObject({
      code: 2,
      value: { error: { field: 'keepWeeks' } },
    });
  });

  test('what is done here comes to central', async () => {
    await latchkey('people', 'create', 'zoe@nordhaven.example', '--name', 'Zoë Lind', '--role', 'user');
    await latchkey('people', 'edit', 'zoe@nordhaven.example', '--name', 'Zoë Lindqvist');
    expect((await latchkey('status')).value).toMatchObject({ pending: 2 });
    expect(await latchkey('sync')).toMatchObject({ code: 0, value: { pending: 0 } });
    const { rows } = await database.client.query(`SELECT full_name FROM api_service.users WHERE email LIKE 'zoe@%'`);
    expect(rows).toEqual([{ full_name: 'Zoë Lindqvist' }]);
    expect((await latchkey('audit', 'list', '--action', 'person.create')).value).toMatchObject({ total: 1 });
  });

  test('a revoked device is refused, in words', async () => {
    const { value } = await latchkey('central', 'status');
    const [device] = value.devices as { id: string }[];
    expect(await latchkey('central', 'revoke-device', device!.id)).toMatchObject({
      code: 0,
      value: { state: 'revoked' },
    });
    expect(await latchkey('sync')).toMatchObject({ code: 1, value: { error: { code: expect.any(String) } } });
    expect((await latchkey('people', 'list')).value).toMatchObject({ total: 2 });
  });

  test('uninstall leaves the system’s own tables as they are', async () => {
    expect((await latchkey('central', 'uninstall')).code).toBe(0);
    const { rows } = await database.client.query('SELECT count(*)::INT AS people FROM api_service.users');
    expect(rows).toEqual([{ people: 2 }]);
    const down = await latchkey('central', 'migrate', 'down', '--discard-data');
    expect(down).toMatchObject({ code: 0, value: { current: 0 } });
  });
});

describe('a central that cannot be reached', () => {
  const at = (url: string) => latchkey('central', 'status', '--url', url);

  test('says whether nobody is there, the login is wrong, or the database, and nothing of a device', async () => {
    const url = new URL(database.url);
    const login = `${url.username}:${url.password}`;
    for (const [address, code] of [
      [`postgres://${login}@127.0.0.1:1/x`, 'central-unreachable'],
      [`postgres://postgres:guess@${url.host}/x`, 'central-login-refused'],
      [`postgres://${login}@${url.host}/nothing`, 'central-not-latchkey'],
    ] as const) {
      const answer = await at(address);
      expect(answer).toMatchObject({ code: 1, value: { error: { code } } });
      const { message } = answer.value.error as { message: string };
      expect(message).toContain('Nothing was changed.');
      expect(message).not.toMatch(/guess|device/);
    }
  });

  test('an address that is none is wrong usage', async () => {
    expect((await at('localhost:5432/x')).code).toBe(2);
    const terminal = recordedTerminal();
    expect(await runCommandLine(['central', 'status'], terminal)).toBe(2);
    expect(terminal.said.join(' ')).toContain('LATCHKEY_CENTRAL_URL');
  });

  test('a CA certificate that cannot be read is named', async () => {
    writeFileSync(join(folder, 'ca.pem'), 'no certificate');
    const missing = await latchkey('central', 'status', '--tls-ca', join(folder, 'none.pem'));
    expect(missing.value).toMatchObject({ error: { code: 'not-found', field: 'tlsCa' } });
    expect((await latchkey('central', 'status', '--tls-ca', join(folder, 'ca.pem'))).code).toBe(1);
  });
});
