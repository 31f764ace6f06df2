import { constants, existsSync } from 'node:fs';
import { chmod, mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { LatchkeyError } from '../../contract/errors.ts';

const writableByOthers = 0o022;

/**
 * Makes the data folder, private to this account. An existing one is made private where it is empty; one that holds
 * other things keeps its rights, for those things' sake, as long as nobody else can write there. Files in it are
 * private in any case.
 * @throws LatchkeyError `folder-unusable`
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  let mode: number;
  try {
    await makeFolders(folder);
    if (process.platform === 'win32') return;
    if ((await readdir(folder)).length === 0) await chmod(folder, 0o700);
    mode = (await stat(folder)).mode;
  } catch (cause) {
    throw new LatchkeyError(
      'folder-unusable',
      `The data folder ${folder} cannot be made or made private: ${(cause as Error).message}. Choose another one.`,
      { cause },
    );
  }
  if ((mode & writableByOthers) !== 0)
    throw new LatchkeyError(
      'folder-unusable',
      `Other accounts may write in the folder ${folder}. Nothing was changed. Choose a folder for Latchkey alone, or take that right away.`,
    );
}

/** One by one: where the system refuses to make a folder at all (/proc), Node's recursive mkdir never ends. */
async function makeFolders(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let at = folder; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  for (const one of missing) {
    await mkdir(one, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/**
 * Takes the operating system's lock on the folder; null where another process holds it.
 *
 * A lock of the kernel, because it ends with its process however that dies. A file that says "process 4711" outlives a
 * power cut, and then names whatever got the number 4711 since; and two processes that both find it stale both take it.
 * SQLite's own locking of an empty file is the same on every system, and just as good as the mirror's beside it.
 */
export async function lockFolder(folder: string): Promise<{ unlock(): void } | null> {
  const path = join(folder, 'owner.lock');
  await createPrivate(path);
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    // Nothing will be written, so nothing needs a journal beside it.
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    if ((cause as { code?: string }).code === 'SQLITE_BUSY') return null;
    throw new LatchkeyError(
      'folder-unusable',
      `The data folder ${folder} cannot be locked: ${(cause as Error).message}. Choose a folder on a disk of this machine.`,
      { cause },
    );
  }
  const held = database;
  return {
    unlock() {
      held.close();
    },
  };
}

async function createPrivate(path: string): Promise<void> {
  try {
    const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
    await file.close();
  } catch (cause) {
    // An existing file must not even be opened: closing it would drop a lock that this process may hold (POSIX locks).
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new LatchkeyError('folder-unusable', `The data folder cannot be written: ${(cause as Error).message}.`, {
      cause,
    });
  }
}
