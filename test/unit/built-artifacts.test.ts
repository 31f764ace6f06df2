import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { loadWindowFiles } from '../../src-main/hosts/window/files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
let out: string;
let data: string;

// What is shipped is what the build makes of the sources, so this looks at a build, and at a fresh one.
beforeAll(async () => {
  // Below the project, because what is built finds its packages from where it lies.
  mkdirSync(join(root, '.cache'), { recursive: true });
  out = mkdtempSync(join(root, '.cache', 'built-'));
  data = mkdtempSync(join(tmpdir(), 'latchkey-built-'));
  await run(
    process.execPath,
    [join(root, 'node_modules/electron-vite/bin/electron-vite.js'), 'build', '--outDir', out],
    {
      cwd: root,
      env: { ...process.env, NODE_ENV: 'production' },
    },
  );
}, 120_000);

afterAll(() => {
  for (const folder of [out, data]) rmSync(folder, { recursive: true, force: true });
});

describe('the preload script', () => {
  it('is one CommonJS file, which is all that a sandbox can load', () => {
    expect(readdirSync(join(out, 'preload'))).toEqual(['index.cjs']);
    expect(read('preload/index.cjs')).not.toMatch(/^\s*(import|export)\b/m);
  });

  it('needs electron and nothing else', () => {
    expect(required(read('preload/index.cjs'))).toEqual(['electron']);
  });

  it('puts nothing into the page’s world', () => {
    expect(read('preload/index.cjs')).not.toMatch(/contextBridge|exposeIn|invoke|eval|Function\(/);
  });
});

describe('the main process', () => {
  const entries = ['core-process.js', 'electron.js', 'write-thread.js'];

  it('has its three entries, with all their parts beside them', () => {
    expect(files('main')).toEqual(expect.arrayContaining(entries));
    expect(files('main').every((file) => /^[\w-]+\.js$/.test(file))).toBe(true);
  });

  it('takes packages from node_modules, each of which is a dependency', () => {
    const packages = new Set(
      files('main')
        .flatMap((file) => imported(read(`main/${file}`)))
        .filter(isPackage),
    );
    packages.delete('electron');
    expect(Object.keys(manifest.dependencies)).toEqual(expect.arrayContaining([...packages]));
    expect([...packages]).toEqual(expect.arrayContaining(['better-sqlite3', 'pg']));
    // A bundled copy would be one that no lockfile, audit or list of licences knows.
    for (const file of files('main'))
      expect([file, read(`main/${file}`).includes('node_modules/')]).toEqual([file, false]);
  });

  it('keeps Electron out of the core', () => {
    for (const file of files('main').filter((name) => name !== 'electron.js'))
      expect(imported(read(`main/${file}`))).not.toContain('electron');
    expect(imported(read('main/electron.js'))).toContain('electron');
  });

  it('has a core that runs: opens a folder, answers a window, closes', async () => {
    const parent = join(root, 'test/fixtures/core-process-parent.ts');
    const { stdout } = await run(process.execPath, [parent, join(out, 'main/core-process.js'), data], {
      timeout: 20_000,
    });
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(told).toEqual([
      { type: 'opened' },
      { id: 1, ok: true, value: { state: 'not-enrolled', version: manifest.version } },
      { type: 'closed' },
    ]);
  });
});

describe('the window', () => {
  it('is a page without a script or style of its own, nothing from elsewhere, and a place for the nonce', () => {
    const html = read('renderer/index.html');
    expect(html).toContain('__CSP_NONCE__');
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*\ssrc=)|\son\w+=|https?:\/\//);
  });

  it('consists of files that both hosts serve', async () => {
    const served = await loadWindowFiles(join(out, 'renderer'));
    expect(files('renderer').filter((file) => file !== 'index.html')).not.toEqual([]);
    for (const file of files('renderer').filter((name) => name !== 'index.html'))
      expect([file, served.asset(`/${file}`)?.type]).toEqual([file, expect.any(String)]);
  });

  it('imports the contract and nothing else of the main side', () => {
    for (const file of files('renderer').filter((name) => name.endsWith('.js'))) {
      // The verifier runs in Node too, where alone it asks for Node's own modules.
      const theirs = /verify-worker/.test(file)
        ? /better-sqlite3|\brequire\(/
        : /["'`]node:|better-sqlite3|\brequire\(/;
      expect([file, theirs.test(read(`renderer/${file}`))]).toEqual([file, false]);
    }
  });
});

describe('every built file', () => {
  it('tells nothing about the machine that it was built on, and has no source map', () => {
    for (const file of files('.')) {
      expect(file).not.toMatch(/\.map$/);
      const text = read(file);
      expect([file, text.includes('sourceMappingURL')]).toEqual([file, false]);
      for (const place of [root.replace(/\/$/, ''), homedir(), tmpdir()]) {
        // A home of `/` or `/root` may well stand in a text; a path below it may not.
        expect([file, place, text.includes(`${place}/`)]).toEqual([file, place, false]);
      }
    }
  });
});

function read(file: string): string {
  return readFileSync(join(out, file), 'utf8');
}

function files(folder: string): string[] {
  return readdirSync(join(out, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(out, folder), join(entry.parentPath, entry.name)))
    .sort();
}

function imported(code: string): string[] {
  const names = [
    ...code.matchAll(/^(?:import|export)\s[^;]*?from\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\("([^"]+)"\)/gm),
  ];
  return [...names.map((match) => match[1] ?? match[2] ?? match[3] ?? ''), ...required(code)];
}

function required(code: string): string[] {
  return [...code.matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1]!);
}

function isPackage(name: string): boolean {
  return !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name);
}
