import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDemoFolder } from '../../src-main/hosts/start/demo-folder.ts';
import { parseOptions } from '../../src-main/hosts/start/options.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-demo-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const state = {
  format: 1,
  system: 'sky-genesis',
  port: 1,
  demo: null,
  device: null,
  mirrored: false,
  removing: false,
  passphraseFile: null,
} as const;

describe('the demo’s folder', () => {
  it('is not taken where other things lie, and nothing is made beside it', async () => {
    const device = join(folder, 'documents');
    mkdirSync(device);
    writeFileSync(join(device, 'mydoc.txt'), 'precious');
    await expect(openDemoFolder(device)).rejects.toMatchObject({
      code: 'folder-unusable',
      message: expect.stringContaining('mydoc.txt'),
    });
    expect(existsSync(`${device}-central`)).toBe(false);
  });

  it('gives up its own files alone when it is cleared', async () => {
    const device = join(folder, 'demo');
    const demo = await openDemoFolder(device);
    await demo.writeState({ ...state });
    mkdirSync(device, { mode: 0o700 });
    for (const name of ['vault.json', 'mirror.db', 'mirror.db-wal', 'mydoc.txt'])
      writeFileSync(join(device, name), name);
    await demo.clear();
    demo.unlock();
    expect(readFileSync(join(device, 'mydoc.txt'), 'utf8')).toBe('mydoc.txt');
    expect(existsSync(join(device, 'vault.json'))).toBe(false);
    expect(existsSync(join(device, 'mirror.db-wal'))).toBe(false);
  });

  it('is never the folder that somebody happens to be in, for want of a name', () => {
    expect(parseOptions(['--data', ''])).toMatchObject({ problem: expect.stringContaining('--data') });
    expect(parseOptions(['--port', '80'])).toMatchObject({ problem: expect.stringContaining('80') });
  });

  it.runIf(process.platform === 'linux')('is refused at once where the system lets nobody make one', async () => {
    await expect(openDemoFolder('/proc/latchkey/demo')).rejects.toMatchObject({ code: 'folder-unusable' });
  });
});
