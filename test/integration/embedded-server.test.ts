import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type EmbeddedServer,
  removeEmbeddedServer,
  startEmbeddedServer,
} from '../../src-main/core/central/embedded-server.ts';

const fast = { fsync: 'off', shared_buffers: '16MB' };
const source = join(import.meta.dirname, '../../src-main/core/central/embedded-server.ts');
let folder: string;

beforeEach(() => {
  // Only its owner may enter, as with every folder that mktemp -d makes.
  folder = mkdtempSync(join(tmpdir(), 'latchkey-server-'));
});
afterEach(async () => {
  await removeEmbeddedServer(folder);
});

async function ask(server: EmbeddedServer, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: server.superuserUrl });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

async function isGone(pid: number): Promise<boolean> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(50)) {
    try {
      process.kill(pid, 0);
      if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return true;
    } catch {
      return true;
    }
  }
  return false;
}

describe('the embedded server', () => {
  test('keeps its data from one start to the next, listens on loopback alone, and stops', async () => {
    const first = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    await ask(first, 'CREATE TABLE kept AS SELECT 42 AS n');
    expect(await ask(first, 'SHOW listen_addresses')).toBe('127.0.0.1');
    expect(await ask(first, 'SHOW unix_socket_directories')).toBe('');
    await first.stop();
    expect(await isGone(first.pid)).toBe(true);

    const second = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    expect(await ask(second, 'SELECT n FROM kept')).toBe(42);
    await second.stop();
    await second.stop();
  });

  test('asks every connection for the password, which lies in a file for the owner alone', async () => {
    const server = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    const file = join(folder, 'superuser-password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(server.superuserUrl).toContain(readFileSync(file, 'utf8'));
    const stranger = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres', password: 'guess' });
    await expect(stranger.connect()).rejects.toMatchObject({ code: '28P01' });
    await server.stop();
  });

  test('listens on the port it was given, and says so where that is taken', async () => {
    const server = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    const other = mkdtempSync(join(tmpdir(), 'latchkey-server-'));
    try {
      await expect(startEmbeddedServer({ dataFolder: other, port: server.port, settings: fast })).rejects.toMatchObject(
        { code: 'folder-unusable', message: expect.stringContaining(String(server.port)) },
      );
    } finally {
      await removeEmbeddedServer(other);
      await server.stop();
    }
  });

  test('puts files for the server where its settings find them', async () => {
    const server = await startEmbeddedServer({
      dataFolder: folder,
      settings: { ...fast, hba_file: 'own_hba.conf' },
      files: { 'own_hba.conf': 'host all all 127.0.0.1/32 trust\n' },
    });
    const anyone = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres', password: 'guess' });
    await anyone.connect();
    await anyone.end();
    await server.stop();
  });

  test('stops a server that an earlier run left, and loses nothing of it', async () => {
    const left = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    await ask(left, 'CREATE TABLE kept AS SELECT 7 AS n');
    const next = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    expect(await isGone(left.pid)).toBe(true);
    expect(await ask(next, 'SELECT n FROM kept')).toBe(7);
    await next.stop();
    await left.stop();
  });

  test('starts over the mark of a server that is gone, also where its process id is somebody else’s now', async () => {
    const first = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    const cluster = await ask(first, 'SHOW data_directory');
    await first.stop();
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const file = join(String(cluster), 'postmaster.pid');
      writeFileSync(file, `${stranger.pid}\n${cluster}\n1\n5432\n\n127.0.0.1\n\nready\n`);
      const second = await startEmbeddedServer({ dataFolder: folder, settings: fast });
      expect(stranger.exitCode).toBeNull();
      expect(stranger.signalCode).toBeNull();
      await second.stop();
    } finally {
      stranger.kill();
    }
  });

  test('a first start that was killed half way is begun anew', async () => {
    const first = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    const cluster = String(await ask(first, 'SHOW data_directory'));
    await first.stop();
    rmSync(join(folder, 'superuser-password'));
    const second = await startEmbeddedServer({ dataFolder: folder, settings: fast });
    expect(await ask(second, 'SELECT 1')).toBe(1);
    await second.stop();
    expect(readdirSync(dirname(cluster)).filter((name) => name.includes('unfinished'))).toEqual([]);
  });

  test('ends by itself when the process that started it is killed, and a temporary one leaves nothing', async () => {
    const program = `const { startEmbeddedServer } = await import(${JSON.stringify(source)});
      const server = await startEmbeddedServer({ dataFolder: ${JSON.stringify(folder)}, temporary: true, settings: ${JSON.stringify(fast)} });
      console.log(server.pid);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number(await new Promise((told) => child.stdout.once('data', (text) => told(String(text)))));
    expect(pid).toBeGreaterThan(0);
    child.kill('SIGKILL');
    expect(await isGone(pid)).toBe(true);
    for (const deadline = Date.now() + 5_000; existsSync(folder) && Date.now() < deadline; ) await pause(50);
    expect(existsSync(folder)).toBe(false);
  });

  test('two processes that place the server’s files at once both get a complete copy', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'latchkey-cache-'));
    try {
      const files = join(import.meta.dirname, '../../src-main/core/central/server-files.ts');
      const program = `const { copyOf } = await import(${JSON.stringify(files)});
        const { native } = (await import(${JSON.stringify(files)})).installedPackage();
        console.log(copyOf(native, ${JSON.stringify(join(cache, 'postgresql', 'v'))}));`;
      const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
      await Promise.all([run(), run()]);
      expect(readdirSync(join(cache, 'postgresql'))).toEqual(['v']);
      const { stdout } = await promisify(execFile)(join(cache, 'postgresql', 'v', 'bin', 'postgres'), ['--version']);
      expect(stdout).toContain('PostgreSQL');
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });
});
