import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeEmbeddedServer } from '../../src-main/core/central/embedded-server.ts';

const root = join(import.meta.dirname, '../..');
let folder: string;
let data: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-start-'));
  data = join(folder, 'demo');
});
afterAll(async () => {
  // The cluster of a server that root starts lies elsewhere.
  await removeEmbeddedServer(join(`${data}-central`, 'server'));
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  process: ChildProcess;
  output(): string;
  ready: Promise<void>;
  /** Resolves with the exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  ended: Promise<number | null>;
}

function start(...args: string[]): Started {
  const child = spawn(process.execPath, [join(root, 'build/start.mjs'), '--no-open', '--data', data, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  const ready = new Promise<void>((done, failed) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        // The last line of all that is told.
        if (/^ {2}Stop /m.test(output)) done();
      });
    void ended.then((code) => failed(new Error(`It ended with ${code}:\n${output}`)));
  });
  ready.catch(() => {});
  return {
    process: child,
    output: () => output,
    ready,
    ended,
    stop(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

async function serverIsGone(): Promise<boolean> {
  const url = readFileSync(join(`${data}-central`, 'superuser-url'), 'utf8').trim();
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(100)) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    const refused = await client.connect().then(
      () => false,
      (error: { code?: string }) => error.code === 'ECONNREFUSED',
    );
    await client.end().catch(() => {});
    if (refused) return true;
  }
  return false;
}

describe('npm start', { timeout: 120_000 }, () => {
  test('reaches ready, and tells address, unlock, folders and how to stop; SIGTERM ends all of it', async () => {
    const first = start();
    await first.ready;
    const told = first.output();
    expect(told).toMatch(/^ready in [\d.]+ s \(browser host: .+\)$/m);
    expect(told).toMatch(/^ {2}Window +http:\/\/127\.0\.0\.1:\d+\/#token=/m);
    expect(told).toContain(readFileSync(join(`${data}-central`, 'passphrase'), 'utf8').trim());
    expect(told).toContain(data);
    for (const file of ['passphrase', 'superuser-url', 'demo.json'])
      expect(statSync(join(`${data}-central`, file)).mode & 0o777).toBe(0o600);
    const second = start();
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain('running already');
    expect(await first.stop('SIGTERM')).toBe(0);
    expect(await serverIsGone()).toBe(true);
  });

  test('finds its data again, and fills nothing', async () => {
    const again = start();
    await again.ready;
    expect(again.output()).not.toContain('Filling');
    expect(await again.stop('SIGINT')).toBe(0);
    expect(await serverIsGone()).toBe(true);
  });

  test('leaves no PostgreSQL behind when it is killed outright, and starts after that', async () => {
    const killed = start();
    await killed.ready;
    await killed.stop('SIGKILL');
    expect(await serverIsGone()).toBe(true);
    const after = start();
    await after.ready;
    expect(await after.stop('SIGTERM')).toBe(0);
  });

  test('refuses an option that there is none of, with its usage', async () => {
    const wrong = start('--colour');
    expect(await wrong.ended).toBe(2);
    expect(wrong.output()).toContain('Usage: npm start');
    expect(existsSync(join(root, '--colour'))).toBe(false);
  });
});
