import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import type { Report } from '../../src-main/verifier/verify.mjs';
import { linesOf, packed, summed, unpacked, withLines } from '../fixtures/bundle-parts.ts';
import { passphrase, type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

let central: TestCentral;
let one: TestDevice;
let two: TestDevice;
let folder: string;

beforeAll(async () => {
  central = await testCentral();
  folder = mkdtempSync(join(tmpdir(), 'latchkey-bundles-'));
  one = await central.device();
  two = await central.device({ operator: 'bjorn@nordhaven.example' });
  for (const [device, name] of [
    [one, 'Dario the First'],
    [two, 'Dario the Second'],
    [one, 'Dario the Third'],
  ] as const) {
    await device.core.call('people.edit', { person: 'dario@nordhaven.example', name, reason: `to be ${name}` });
    await device.core.call('sync.now', {});
  }
  await one.core.call('people.edit', {
    person: 'chloe@nordhaven.example',
    name: '=HYPERLINK("x")',
    reason: 'not sent',
  });
});
afterAll(async () => {
  await central.close();
  rmSync(folder, { recursive: true, force: true });
});

const path = (name: string) => join(folder, name);

async function latchkey(
  device: TestDevice | null,
  ...args: string[]
): Promise<{ code: number; value: Record<string, unknown> }> {
  const env = device ? { LATCHKEY_DATA: device.folder, LATCHKEY_PASSPHRASE: passphrase } : {};
  const terminal = recordedTerminal({ env });
  const code = await runCommandLine([...args, '--json'], terminal);
  return { code, value: terminal.document() };
}

async function exported(device: TestDevice, name: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { code, value } = await latchkey(device, 'audit', 'export', '--out', path(name), ...args);
  expect([code, value]).toEqual([0, expect.objectContaining({ file: path(name) })]);
  return value;
}

const keysOf = async (device: TestDevice) =>
  (await latchkey(device, 'audit', 'checkpoint')).value as {
    central: string;
    own: string;
    keys: { checkpoint: string; log: string };
  };

/** Latchkey's own verifier, and Python's, which must agree. */
async function verified(name: string, ...args: string[]): Promise<{ code: number; report: Report }> {
  const { code, value } = await latchkey(null, 'audit', 'verify', path(name), ...args);
  const python = spawnSync('python3', [
    join(import.meta.dirname, '../../src-main/verifier/verify.py'),
    path(name),
    ...args,
    '--json',
  ]);
  const report = value as unknown as Report;
  const { verdict, code: found, index } = JSON.parse(python.stdout.toString()) as Report;
  expect([python.status, verdict, found, index]).toEqual([code, report.verdict, report.code, report.index]);
  return { code, report };
}

describe('a bundle of a real log', () => {
  test('is verified by a key of another device', async () => {
    const { entries, tail, matched, undisclosed } = await exported(one, 'all.lkx.zip');
    // What was not sent, and the export.
    expect([tail, undisclosed]).toEqual([2, 0]);
    expect(matched).toBe(Number(entries) + 2);
    const { keys } = await keysOf(one);
    const { code, report } = await verified('all.lkx.zip', '--trust', keys.checkpoint);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      ...{ verdict: 'VERIFIED', level: 'CENTRAL', device: one.id, tail: 2, rollback: 'none' },
      entries: { checked: Number(entries) + 2, claimed: Number(entries) + 2 },
    });
    expect(report.devices.map(({ id, entries: own }) => [id, own]).sort()).toEqual(
      [
        [one.id, 2],
        [two.id, 1],
      ].sort(),
    );
    expect((await verified('all.lkx.zip')).code).toBe(3);
  });

  test('holds each entry as central does', async () => {
    const { rows } = await central.client.query<{ entry: Buffer }>(
      'SELECT entry FROM latchkey.audit_leaf WHERE organization = $1 ORDER BY idx',
      [central.nordhaven],
    );
    const lines = linesOf(unpacked(path('all.lkx.zip')), 'log/entries.jsonl');
    expect(lines).toEqual(rows.slice(0, lines.length).map(({ entry }) => entry.toString()));
    expect(lines.length).toBeGreaterThan(10);
  });

  test('shows what was done, and no formula', async () => {
    const csv = unpacked(path('all.lkx.zip')).get('views/audit.csv')!.toString();
    expect(csv).toContain('to be Dario the Third');
    expect(csv).toContain('astrid@nordhaven.example');
    for (const line of csv.split('\r\n')) expect(line).not.toMatch(/(^|,)"?[=+@-]/);
    // Secrets are in no disclosure.
    for (const content of unpacked(path('all.lkx.zip')).values())
      expect(content.toString()).not.toMatch(/passwordhash|sgk_\w+_secret/);
  });

  test('is the continuation of a checkpoint from before, and not of another', async () => {
    const { central: note, keys } = await keysOf(two);
    writeFileSync(path('held.txt'), note);
    await one.core.call('sync.now', {});
    await exported(one, 'later.lkx.zip');
    const trust = ['--trust', keys.log, '--trust', (await keysOf(one)).keys.log];
    expect((await verified('later.lkx.zip', ...trust, '--checkpoint', path('held.txt'))).report.verdict).toBe(
      'VERIFIED',
    );
    writeFileSync(path('newer.txt'), (await keysOf(one)).central);
    const old = await verified('all.lkx.zip', ...trust, '--checkpoint', path('newer.txt'));
    expect([old.code, old.report.code]).toEqual([3, 'held.newer']);
  });

  test('that was edited exits 1 and says where', async () => {
    const parts = unpacked(path('all.lkx.zip'));
    const lines = linesOf(parts, 'log/entries.jsonl');
    const at = lines.findIndex((line) => line.includes('"person.edit"'));
    const edited = lines.with(at, lines[at]!.replace('person.edit', 'person.edot'));
    writeFileSync(path('edited.lkx.zip'), packed(summed(withLines(parts, 'log/entries.jsonl', edited))));
    const { code, report } = await verified('edited.lkx.zip', '--trust', (await keysOf(one)).keys.log);
    expect([code, report.code, report.index]).toEqual([1, 'entry.edited', at]);
    const terminal = recordedTerminal();
    expect(await runCommandLine(['audit', 'verify', path('edited.lkx.zip')], terminal)).toBe(1);
    expect(terminal.printed.join('\n')).toContain('TAMPERED entry.edited');
  });

  test('of what one person did shows that alone, and proves that none was left out', async () => {
    const { matched } = await exported(
      one,
      'bjorn.lkx.zip',
      '--actor',
      'bjorn@nordhaven.example',
      '--action',
      'person.*',
      '--from',
      '2020-01-01',
    );
    expect(matched).toBe(1);
    const { report } = await verified('bjorn.lkx.zip', '--trust', (await keysOf(one)).keys.log);
    expect(report).toMatchObject({ verdict: 'VERIFIED', filter: { matched: 1, complete: true } });
    const disclosed = linesOf(unpacked(path('bjorn.lkx.zip')), 'views/audit.csv').join('\n');
    expect(disclosed).toContain('Dario the Second');
    expect(disclosed).not.toContain('Dario the First');
  });

  test('of one object, and of a part of the log', async () => {
    const { matched } = await exported(one, 'chloe.lkx.zip', '--object', 'chloe@nordhaven.example', '--first', '3');
    expect(matched).toBe(1);
    const { report } = await verified('chloe.lkx.zip', '--trust', (await keysOf(one)).keys.checkpoint);
    expect(report).toMatchObject({ verdict: 'VERIFIED', range: { first: 3 } });
    expect(report.notProven.join()).toContain('before 3');
  });

  test('is an entry of the log itself', async () => {
    await one.core.call('sync.now', {});
    await exported(one, 'again.lkx.zip');
    const acts = linesOf(unpacked(path('again.lkx.zip')), 'log/entries.jsonl').map(
      (line) => JSON.parse(line).act as string,
    );
    expect(acts.filter((act) => act === 'audit.export').length).toBeGreaterThanOrEqual(3);
  });
});

describe('a bundle’s file', () => {
  test('is not replaced unless that is said, and nothing half done is left', async () => {
    const before = readFileSync(path('all.lkx.zip'));
    const { code, value } = await latchkey(one, 'audit', 'export', '--out', path('all.lkx.zip'));
    expect([code, value]).toEqual([2, { error: expect.objectContaining({ code: 'invalid-input', field: 'out' }) }]);
    expect(readFileSync(path('all.lkx.zip')).equals(before)).toBe(true);
    expect((await latchkey(one, 'audit', 'export', '--out', path('none/x.lkx.zip'))).code).toBe(2);
    expect((await latchkey(one, 'audit', 'export', '--out', path('x.lkx.zip'), '--first', '9999')).code).toBe(2);
    expect(readdirSync(folder).filter((name) => name.startsWith('.') || name.startsWith('x.'))).toEqual([]);
    expect(existsSync(join(one.folder, 'exports')) && readdirSync(join(one.folder, 'exports'))).toEqual([]);
    await exported(one, 'all.lkx.zip', '--force');
    expect(readFileSync(path('all.lkx.zip')).equals(before)).toBe(false);
  });

  test('in wrong words exits 2', async () => {
    expect((await latchkey(null, 'audit', 'verify', path('nothing.lkx.zip'))).code).toBe(2);
    expect((await latchkey(null, 'audit', 'verify', path('all.lkx.zip'), '--trust', 'key')).code).toBe(2);
    expect(
      (await latchkey(null, 'audit', 'verify', path('all.lkx.zip'), '--checkpoint', path('all.lkx.zip'))).code,
    ).toBe(2);
    expect((await latchkey(null, 'audit', 'verify')).code).toBe(2);
  });
});

test('a checkpoint goes to standard output alone, and to a QR code where that is asked for', async () => {
  const env = { LATCHKEY_DATA: one.folder, LATCHKEY_PASSPHRASE: passphrase };
  const terminal = recordedTerminal({ env });
  expect(await runCommandLine(['audit', 'checkpoint', '--qr'], terminal)).toBe(0);
  const { central: note, keys } = await keysOf(one);
  expect(terminal.printed).toEqual([note.trimEnd()]);
  expect(terminal.said.join('\n')).toContain('█▀▀▀');
  expect(terminal.said.join('\n')).toContain(keys.checkpoint);
});

describe('with nothing of Latchkey’s', () => {
  const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  const inBundle = (command: string) =>
    execFileSync('bash', ['-ec', command], { cwd: path('open'), stdio: ['ignore', 'pipe', 'pipe'] }).toString();

  beforeAll(async () => {
    await exported(one, 'open.lkx.zip');
    for (const [name, content] of unpacked(path('open.lkx.zip'))) {
      mkdirSync(dirname(join(path('open'), name)), { recursive: true });
      writeFileSync(join(path('open'), name), content);
    }
  });

  test.runIf(has('sha256sum'))('the sums hold', () => {
    expect(inBundle('sha256sum --strict -c SHA256SUMS')).toContain('log/entries.jsonl: OK');
  });

  test.runIf(has('ssh-keygen'))('the signature under them holds, by the readme’s words', () => {
    const [recipe] = /ssh-keygen.*?< SHA256SUMS/s.exec(readFileSync(join(path('open'), 'README.txt'), 'utf8'))!;
    expect(inBundle(recipe)).toContain('Good "latchkey-export" signature');
  });

  test.runIf(has('openssl'))('the checkpoint’s signature holds, by the readme’s words', () => {
    const lines = readFileSync(join(path('open'), 'README.txt'), 'utf8').split('\n');
    const recipe = lines.filter((line) => /^ {2}(sed|tail|openssl) /.test(line)).join('\n');
    const devices = readFileSync(join(path('open'), 'log/devices.jsonl'), 'utf8').split('\n');
    const line = devices.findIndex((text) => text.includes(`"dev":"${one.id}"`));
    expect(inBundle(recipe.replace('N.log', `${line}.log`))).toContain('Signature Verified Successfully');
  });

  test('a zip program unpacks it', () => {
    const names = execFileSync('python3', [
      '-c',
      'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(*z.namelist(), sep="\\n")',
      path('open.lkx.zip'),
    ]);
    expect(names.toString().trim().split('\n')).toEqual([...unpacked(path('open.lkx.zip')).keys()]);
  });

  test('the verifiers in it are the ones of the house', () => {
    for (const name of ['verify.py', 'verify.mjs']) {
      const house = readFileSync(join(import.meta.dirname, '../../src-main/verifier', name));
      expect(
        createHash('sha256')
          .update(readFileSync(join(path('open'), 'verify', name)))
          .digest(),
      ).toEqual(createHash('sha256').update(house).digest());
    }
    const run = spawnSync(process.execPath, [join(path('open'), 'verify/verify.mjs'), path('open.lkx.zip'), '--json']);
    expect([run.status, JSON.parse(run.stdout.toString()).code]).toEqual([3, 'trust.none']);
  });
});
