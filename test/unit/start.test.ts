import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chooseHost } from '../../src-main/hosts/start/choose-host.ts';
import { type DemoFolder, type DemoState, openDemoFolder } from '../../src-main/hosts/start/demo-folder.ts';
import { electronRuntime } from '../../src-main/hosts/start/electron-runtime.ts';
import { startLifetime } from '../../src-main/hosts/start/lifetime.ts';
import { parseOptions } from '../../src-main/hosts/start/options.ts';
import { keptPassphrase, newPassphrase, readPassphrase } from '../../src-main/hosts/start/passphrase.ts';
import { words } from '../../src-main/hosts/start/words.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-start-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the options of npm start', () => {
  test('have defaults', () => {
    expect(parseOptions([])).toEqual({
      reset: false,
      open: true,
      port: null,
      data: null,
      host: null,
      system: null,
      passphraseFile: null,
    });
  });

  test('are all understood', () => {
    const line = '--reset --no-open --port 8080 --data d --host browser --system sky-genesis --passphrase-file f';
    expect(parseOptions(line.split(' '))).toEqual({
      reset: true,
      open: false,
      port: 8080,
      data: 'd',
      host: 'browser',
      system: 'sky-genesis',
      passphraseFile: 'f',
    });
    expect(parseOptions(['--help'])).toBe('help');
  });

  test.each([
    [['--nothing'], '--nothing'],
    [['stray'], 'stray'],
    [['--port', 'x'], '--port'],
    [['--port', '0'], '--port'],
    [['--port', '70000'], '--port'],
    [['--data'], '--data'],
    [['--host', 'safari'], '--host'],
    [['--system', 'oracle'], 'sky-genesis'],
    [['--host', 'electron', '--no-open'], '--no-open'],
  ])('%j are refused, naming what is wrong', (args, words) => {
    expect(parseOptions(args)).toMatchObject({ problem: expect.stringContaining(words) });
  });
});

describe('the demo’s passphrase', () => {
  test('is six words of a list in which each is worth 8 bits', () => {
    expect(new Set(words).size).toBe(256);
    expect(words.every((word) => /^[a-z]{3,9}$/.test(word))).toBe(true);
    expect(newPassphrase()).toMatch(/^[a-z]+(-[a-z]+){5}$/);
    expect(newPassphrase()).not.toBe(newPassphrase());
  });

  test('is made once and kept in a file for its owner alone', async () => {
    const file = join(folder, 'passphrase');
    const first = await keptPassphrase(file);
    expect(await keptPassphrase(file)).toBe(first);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe(`${first}\n`);
  });

  test('may be somebody’s own, and that file has to be there', () => {
    const file = join(folder, 'own');
    writeFileSync(file, 'a passphrase of my own\r\n');
    expect(readPassphrase(file)).toBe('a passphrase of my own');
    expect(() => readPassphrase(join(folder, 'missing'))).toThrow('missing');
  });
});

describe('the end of a program', () => {
  test('puts away what came last first, goes on where one fails, and happens once', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    vi.spyOn(process, 'on').mockReturnThis();
    const put: string[] = [];
    const left: number[] = [];
    const lifetime = startLifetime((code) => left.push(code) as never);
    lifetime.onEnd(async () => put.push('server'));
    lifetime.onEnd(() => Promise.reject(new Error('stuck')));
    lifetime.onEnd(async () => put.push('window'));
    expect(lifetime.ending).toBe(false);
    await Promise.all([lifetime.end(0), lifetime.end(1)]);
    expect(lifetime.ending).toBe(true);
    expect(put).toEqual(['window', 'server']);
    expect(left).toEqual([0]);
  });
});

describe('which window', () => {
  const electron = () => join(folder, 'electron');

  test('Electron needs a screen and its runtime, and what is missing is named', () => {
    expect(electronRuntime({ LATCHKEY_ELECTRON: electron(), DISPLAY: ':0' })).toEqual({
      missing: expect.stringContaining(electron()),
    });
    writeFileSync(electron(), '');
    expect(electronRuntime({ LATCHKEY_ELECTRON: electron(), DISPLAY: ':0' })).toEqual({ path: electron() });
    if (process.platform === 'linux')
      expect(electronRuntime({ LATCHKEY_ELECTRON: electron() })).toEqual({ missing: 'this machine has no display' });
  });

  test('the browser, where it was asked for, and where nothing is to be opened', async () => {
    expect(await chooseHost({ host: 'browser', open: true }, false)).toMatchObject({ host: 'browser' });
    expect(await chooseHost({ host: null, open: false }, false)).toMatchObject({ host: 'browser' });
  });

  test('Electron, where it was asked for and is there; else that is an error and no other window', async () => {
    vi.stubEnv('DISPLAY', ':0');
    vi.stubEnv('LATCHKEY_ELECTRON', electron());
    await expect(chooseHost({ host: 'electron', open: true }, false)).rejects.toMatchObject({ code: 'not-supported' });
    writeFileSync(electron(), '');
    expect(await chooseHost({ host: 'electron', open: true }, false)).toEqual({
      host: 'electron',
      program: electron(),
    });
  });
});

describe('the demo’s folders', () => {
  const state: DemoState = {
    format: 1,
    system: 'sky-genesis',
    port: 21_000,
    demo: null,
    device: null,
    mirrored: false,
    removing: false,
    passphraseFile: null,
  };
  const inUse: DemoFolder[] = [];
  const opened = async (name: string) => {
    const demo = await openDemoFolder(join(folder, name));
    inUse.push(demo);
    return demo;
  };
  afterEach(() => {
    for (const demo of inUse.splice(0)) demo.unlock();
  });

  test('lie beside each other, and remember how far a start came', async () => {
    const demo = await opened('demo');
    expect(demo.central).toBe(`${demo.device}-central`);
    expect(statSync(demo.central).mode & 0o777).toBe(0o700);
    expect(demo.readState()).toBeNull();
    await demo.writeState(state);
    expect(demo.readState()).toEqual(state);
  });

  test('are one start’s at a time', async () => {
    const demo = await opened('demo');
    await expect(openDemoFolder(demo.device)).rejects.toMatchObject({ code: 'folder-in-use' });
    demo.unlock();
    (await openDemoFolder(demo.device)).unlock();
  });

  test('are removed with all that a demo made', async () => {
    const demo = await opened('demo');
    await demo.writeState(state);
    await keptPassphrase(demo.passphrase);
    await demo.clear();
    expect([demo.device, demo.passphrase, demo.server].some((path) => existsSync(path))).toBe(false);
    expect(demo.readState()).toBeNull();
  });

  test('are left alone where somebody else’s files lie', async () => {
    const demo = await openDemoFolder(folder);
    inUse.push(demo);
    writeFileSync(join(folder, 'thesis.txt'), 'years of work');
    await expect(demo.clear()).rejects.toMatchObject({ code: 'folder-unusable' });
    expect(readFileSync(join(folder, 'thesis.txt'), 'utf8')).toBe('years of work');
    demo.unlock();
    rmSync(demo.central, { recursive: true });
  });
});
