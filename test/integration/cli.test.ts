import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { passphrase, type TestCentral, testCentral } from '../fixtures/organization.ts';

/** The command line as scripts use it: real processes, exit codes, one JSON document on standard output. */
let central: TestCentral;
let first: string;
let second: string;

beforeAll(async () => {
  central = await testCentral();
  first = await joined('astrid@nordhaven.example', 'first');
  second = await joined('bjorn@nordhaven.example', 'second');
});
afterAll(() => central.close());

interface Run {
  exit: number;
  stdout: string;
  stderr: string;
  json: never;
}

function latchkey(...words: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['build/latchkey.mjs', ...words],
      { env: { ...process.env, LATCHKEY_PASSPHRASE: passphrase }, timeout: 25_000 },
      (error, stdout, stderr) => {
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({
          exit,
          stdout,
          stderr,
          json: (words.includes('--json') && stdout !== '' ? JSON.parse(stdout) : undefined) as never,
        });
      },
    );
  });
}

async function joined(operator: string, device: string): Promise<string> {
  const folder = central.folder();
  const out = join(folder, 'enrollment.json');
  const enrolled = await latchkey(
    'central',
    'enroll',
    '--url',
    central.url,
    '--organization',
    'Nordhaven',
    '--operator',
    operator,
    '--device',
    device,
    '--role',
    'admin',
    '--out',
    out,
  );
  expect(enrolled.exit, enrolled.stderr).toBe(0);
  expect(statSync(out).mode & 0o077).toBe(0);
  const data = central.folder();
  const join_ = await latchkey('mirror', 'join', '--enrollment', out, '--data', data);
  expect(join_.exit, join_.stderr).toBe(0);
  return data;
}

describe('npx latchkey', () => {
  test('status --json has the shape that scripts rely on', async () => {
    const { exit, json, stderr } = await latchkey('status', '--data', first, '--json');
    expect(exit, stderr).toBe(0);
    expect(json).toMatchObject({
      mode: 'idle',
      lastSync: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      pending: 0,
      conflicts: 0,
      mirror: { rows: expect.any(Number), bytes: expect.any(Number), tables: 18 },
      central: { reachable: true, epoch: expect.any(String) },
    });
  });

  test('a folder that no device joined from says so, and fails for what needs one', async () => {
    const empty = central.folder();
    expect((await latchkey('status', '--data', empty, '--json')).json).toMatchObject({ mode: 'not-enrolled' });
    const people = await latchkey('people', 'list', '--data', empty, '--json');
    expect(people.exit).toBe(1);
    expect(people.json).toMatchObject({ error: { code: 'not-enrolled' } });
  });

  test('a change made offline is queued, and in force after a sync', async () => {
    expect((await latchkey('offline', 'on', '--data', first)).exit).toBe(0);
    const made = await latchkey(
      'people',
      'deactivate',
      'dario@nordhaven.example',
      '--reason',
      'left the company',
      '--data',
      first,
      '--json',
    );
    expect(made.exit, made.stderr).toBe(0);
    expect(made.json).toMatchObject({ state: 'queued' });
    expect((await latchkey('outbox', 'list', '--data', first, '--json')).json).toMatchObject({
      total: 1,
      items: [{ state: 'queued', undoable: true }],
    });
    expect((await latchkey('status', '--data', first, '--json')).json).toMatchObject({ mode: 'offline', pending: 1 });
    expect((await latchkey('offline', 'off', '--data', first)).exit).toBe(0);
    expect((await latchkey('sync', '--data', first, '--json')).json).toMatchObject({ pending: 0 });
    expect((await latchkey('outbox', 'list', '--data', first, '--json')).json).toMatchObject({
      items: [{ state: 'in-force' }],
    });
    expect((await central.person('dario@nordhaven.example')).status).toBe('deactivated');
  });

  test('a conflict is exit 3, is listed with base, mine and theirs, and is resolved', async () => {
    for (const [folder, name] of [
      [first, 'Name by first'],
      [second, 'Name by second'],
    ] as const) {
      expect((await latchkey('people', 'edit', 'chloe@nordhaven.example', '--name', name, '--data', folder)).exit).toBe(
        0,
      );
    }
    expect((await latchkey('sync', '--data', first)).exit).toBe(0);
    const synced = await latchkey('sync', '--data', second, '--json');
    expect(synced.exit).toBe(3);
    expect(synced.json).toMatchObject({ conflicts: 1 });
    const listed = await latchkey('conflicts', 'list', '--data', second, '--json');
    expect(listed.json).toMatchObject({
      total: 1,
      items: [
        { fields: [{ column: 'full_name', base: 'Chloé Martin', mine: 'Name by second', theirs: 'Name by first' }] },
      ],
    });
    const { conflict } = (listed.json as { items: { conflict: string }[] }).items[0]!;
    expect((await latchkey('conflicts', 'resolve', conflict, '--take', 'mine', '--data', second)).exit).toBe(0);
    expect((await latchkey('sync', '--data', second)).exit).toBe(0);
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Name by second');
  });

  test('a key is issued, rotated and revoked; its secret is printed once', async () => {
    const issued = await latchkey(
      'keys',
      'issue',
      'gateway',
      '--scope',
      'a:read',
      '--scope',
      'b:write',
      '--data',
      first,
      '--json',
    );
    expect(issued.json).toMatchObject({ secret: expect.stringMatching(/^sgk_/), state: 'queued' });
    const rotated = await latchkey(
      'keys',
      'rotate',
      'gateway',
      '--overlap',
      'none',
      '--reason',
      'leaked in a log',
      '--data',
      first,
      '--json',
    );
    expect(rotated.exit, rotated.stderr).toBe(0);
    await latchkey('sync', '--data', first);
    const { secret } = rotated.json as { secret: string };
    const { rows } = await central.client.query(
      'SELECT api_service.api_key_is_valid($1) AS fresh, api_service.api_key_is_valid($2) AS old',
      [secret, (issued.json as { secret: string }).secret],
    );
    expect(rows).toEqual([{ fresh: true, old: false }]);
    expect((await latchkey('keys', 'revoke', 'gateway', '--reason', 'end of the test', '--data', first)).exit).toBe(0);
    await latchkey('sync', '--data', first);
    expect((await central.client.query('SELECT api_service.api_key_is_valid($1) AS valid', [secret])).rows).toEqual([
      { valid: false },
    ]);
    expect((await latchkey('keys', 'list', '--data', first)).stdout).not.toContain(secret);
  });

  test('lists answer items and a total', async () => {
    for (const words of [
      ['people', 'list'],
      ['keys', 'list'],
      ['outbox', 'list'],
      ['audit', 'list'],
      ['data', 'list', 'users'],
      ['data', 'tables'],
    ]) {
      const { exit, json, stderr } = await latchkey(...words, '--data', first, '--json');
      expect(exit, stderr).toBe(0);
      expect(json).toMatchObject({ items: expect.any(Array), total: expect.any(Number) });
    }
    expect((await latchkey('mirror', 'check', '--data', first, '--json')).json).toMatchObject({ equal: true });
  });

  test('wrong usage is exit 2, a wrong passphrase and a damaged vault exit 1, in words', async () => {
    for (const words of [
      ['people'],
      ['people', 'dance'],
      ['people', 'deactivate'],
      ['keys', 'rotate', 'x', '--overlap', 'forever'],
      ['status', '--no-such-flag'],
    ]) {
      const { exit, stderr } = await latchkey(...words, '--data', first);
      expect(exit, words.join(' ')).toBe(2);
      expect(stderr).not.toBe('');
    }
    const vault = join(second, 'vault.json');
    const before = readFileSync(vault, 'utf8');
    writeFileSync(vault, before.slice(0, 100));
    const damaged = await latchkey('people', 'list', '--data', second, '--json');
    expect(damaged).toMatchObject({ exit: 1, json: { error: { code: 'mirror-damaged' } } });
    writeFileSync(vault, before);
    expect((await latchkey('people', 'list', '--data', second)).exit).toBe(0);
  });
});
