import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { LatchkeyError } from '../../contract/errors.ts';
import { packageFile } from '../package-files.ts';
import { fileError } from '../vault/private-file.ts';

/** What the encrypting build adds to the API that the type package describes. */
type Keyed = Database.Database & { key(key: Buffer): void };

/** Half as many pages to encrypt, checksum and copy as with SQLite's own 4,096: a first mirror takes a fifth less. */
const pageBytes = 8_192;

export const mirrorFile = 'mirror.db';

/** Of the write connection: a pull changes rows and indexes all over the file. */
export const writeCacheKibibytes = 32_768;

/**
 * Opens the mirror with whole-file encryption (AEGIS-256, authenticated page by page, WAL included).
 * @param key 32 bytes, used as they are: the vault stretched the passphrase already
 * @throws LatchkeyError `mirror-damaged`, `mirror-too-new`, `disk-full`, `folder-unusable`
 */
export function openMirror(folder: string, key: Buffer, mode: 'read' | 'write'): Database.Database {
  const path = join(folder, mirrorFile);
  try {
    // SQLite gives the WAL and its index the rights of the file itself.
    if (mode === 'write') closeSync(openSync(path, 'a', 0o600));
    // SQLite takes what is left of less than a page for a new file, and would begin anew in it.
    const { size } = statSync(path);
    if (size > 0 && size < pageBytes) throw Object.assign(new Error('cut short'), { code: 'SQLITE_CORRUPT' });
    const database = new Database(path, { readonly: mode === 'read', fileMustExist: mode === 'read', timeout: 5_000 });
    try {
      prepareConnection(database, key, mode);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw mirrorError(error, path);
  }
}

function prepareConnection(database: Database.Database, key: Buffer, mode: 'read' | 'write'): void {
  database.pragma(`cipher = 'aegis'`);
  (database as Keyed).key(Buffer.concat([Buffer.from('raw:'), key]));
  // Sorts must not spill into clear files in the system's temporary folder.
  database.pragma('temp_store = MEMORY');
  database.pragma('trusted_schema = OFF');
  database.pragma('cell_size_check = ON');
  if (mode === 'read') {
    database.pragma('query_only = ON');
    database.pragma('cache_size = -16384');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return;
  }
  // Of a new file; an existing one keeps its own.
  database.pragma(`page_size = ${pageBytes}`);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma(`cache_size = -${writeCacheKibibytes}`);
  // Tables are swapped under the views that read them; the views are made anew right after.
  database.pragma('legacy_alter_table = ON');
  migrate(database);
}

/** Numbered files in migrations/mirror, forward alone; the number of the last one is the file's user_version. */
function migrate(database: Database.Database): void {
  const folder = packageFile('migrations/mirror');
  const files = readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort();
  const present = Number(database.pragma('user_version', { simple: true }));
  if (present > files.length) {
    throw new LatchkeyError(
      'mirror-too-new',
      'This mirror was written by a newer Latchkey. Nothing was changed. Use that version, or a newer one.',
    );
  }
  for (const [index, name] of files.entries()) {
    if (index < present) continue;
    database
      .transaction(() => {
        database.exec(readFileSync(join(folder, name), 'utf8'));
        database.pragma(`user_version = ${index + 1}`);
      })
      .immediate();
  }
}

/** Whether the mirror's file could be read without its key. It never may; doctor and tests ask. */
export function isPlainSqlite(path: string): boolean {
  if (!existsSync(path)) return false;
  const header = Buffer.alloc(16);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, 16, 0);
  } finally {
    closeSync(file);
  }
  return header.toString('latin1').startsWith('SQLite format 3');
}

/** What SQLite met, in words; whatever else it is, as it is. */
export function inMirrorWords(error: unknown, path: string): unknown {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_') ? mirrorError(error, path) : error;
}

function mirrorError(error: unknown, path: string): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT' || code?.startsWith('SQLITE_CORRUPT')) {
    return new LatchkeyError(
      'mirror-damaged',
      `The mirror at ${path} is damaged or was not made by this device. Nothing was changed. Changes that were not sent yet cannot be read from it. Enroll this device again in another folder: the mirror comes back from central.`,
      { cause: error },
    );
  }
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_WRITE' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new LatchkeyError(
      'disk-full',
      `The disk that holds ${path} is full. The last consistent state was kept. Free some space and try again.`,
      { cause: error },
    );
  }
  if (code?.startsWith('SQLITE_')) {
    return new LatchkeyError(
      'folder-unusable',
      `The mirror at ${path} cannot be used (${code}: ${message}). Nothing was changed.`,
      { cause: error },
    );
  }
  return fileError(error, path);
}
