import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, gzipSync } from 'node:zlib';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { LatchkeyError } from '../../../contract/errors.ts';
import { fileError, privateFolder, renamePrivately, writePrivately } from '../../vault/private-file.ts';

interface Names {
  table: string;
  partition: string;
}

/** A file of an archive: CSV with a line of names, compressed with gzip. */
export interface ArchivedFile extends Names {
  file: string;
  rows: number;
  bytes: number;
  /** Of the file as it lies there. */
  sha256: string;
  /** Of the CSV in it. */
  csvSha256: string;
}

/**
 * A folder that rows are put into before they are deleted: one file a partition, and `manifest.json` with what is in each. A file counts
 * once it was read back and is what was written.
 */
export class Archive {
  readonly folder: string;
  readonly files: ArchivedFile[] = [];
  private readonly database: string;
  private readonly begun: Date;

  private constructor(folder: string, database: string, begun: Date) {
    this.folder = folder;
    this.database = database;
    this.begun = begun;
  }

  /** Makes a folder of its own in `directory`, named after the moment. */
  static async create(client: pg.Client, directory: string): Promise<Archive> {
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
    const begun = new Date();
    const folder = join(directory, `retention-${begun.toISOString().replace(/[:.]/g, '-')}`);
    await privateFolder(folder);
    return new Archive(folder, rows[0]!.name, begun);
  }

  /** Writes what a query gives, checks it, and names it in the manifest. One of the same name is replaced. */
  async write(client: pg.Client, names: Names, query: string): Promise<ArchivedFile> {
    const path = join(this.folder, fileName(names.partition));
    const csv = createHash('sha256');
    const source = client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT csv, HEADER)`));
    try {
      await pipeline(
        source,
        hashed(csv),
        createGzip(),
        createWriteStream(`${path}.next`, { mode: 0o600, flush: true }),
      );
    } catch (error) {
      throw error instanceof pg.DatabaseError ? error : fileError(error, path);
    }
    const digests = await digestsOf(`${path}.next`);
    if (digests.csvSha256 !== csv.digest('hex')) throw unreliable(path);
    await renamePrivately(`${path}.next`, path);
    const entry = { file: basename(path), ...names, rows: source.rowCount, ...digests };
    await this.note(entry);
    return entry;
  }

  /** A file for rows that go a few at a time. */
  async open(names: Names): Promise<GrowingFile> {
    const path = join(this.folder, `rows-of-${fileName(names.partition)}`);
    try {
      return new GrowingFile(this, names, path, await open(path, 'wx+', 0o600));
    } catch (error) {
      throw fileError(error, path);
    }
  }

  async note(entry: ArchivedFile): Promise<void> {
    const others = this.files.filter(({ file }) => file !== entry.file);
    this.files.splice(0, this.files.length, ...others, entry);
    const manifest = {
      format: 'latchkey-archive/1',
      database: this.database,
      begun: this.begun.toISOString(),
      files: this.files,
    };
    await writePrivately(join(this.folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  }
}

/** Each addition is a part of its own in the file, as gzip allows, on disk and read back before its rows are gone. */
export class GrowingFile {
  private readonly archive: Archive;
  private readonly names: Names;
  private readonly path: string;
  private readonly handle: FileHandle;
  private rows = 0;
  private bytes = 0;

  constructor(archive: Archive, names: Names, path: string, handle: FileHandle) {
    this.archive = archive;
    this.names = names;
    this.path = path;
    this.handle = handle;
  }

  /**
   * Runs a statement that returns rows, and writes what it returns. It counts once `keep` is called: where the transaction is rolled back
   * instead, the next addition writes over this one.
   */
  async add(client: pg.Client, statement: string): Promise<{ rows: number; keep: () => void }> {
    const source = client.query(
      copyTo(`COPY (${statement}) TO STDOUT (FORMAT csv${this.rows === 0 ? ', HEADER' : ''})`),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of source) chunks.push(chunk as Buffer);
    const rows = source.rowCount;
    const part = gzipSync(Buffer.concat(chunks));
    if (rows > 0) await this.writeAndReadBack(part);
    return {
      rows,
      keep: () => {
        if (rows > 0) this.bytes += part.length;
        this.rows += rows;
      },
    };
  }

  private async writeAndReadBack(part: Buffer): Promise<void> {
    const back = Buffer.alloc(part.length);
    try {
      await this.handle.write(part, 0, part.length, this.bytes);
      await this.handle.sync();
      await this.handle.read(back, 0, part.length, this.bytes);
    } catch (error) {
      throw fileError(error, this.path);
    }
    if (!back.equals(part)) throw unreliable(this.path);
  }

  async close(): Promise<void> {
    try {
      await this.handle.truncate(this.bytes);
      await this.handle.sync();
      await this.handle.close();
    } catch (error) {
      throw fileError(error, this.path);
    }
    const digests = await digestsOf(this.path);
    await this.archive.note({ file: basename(this.path), ...this.names, rows: this.rows, ...digests });
  }
}

function unreliable(path: string): LatchkeyError {
  return new LatchkeyError(
    'folder-unusable',
    `${path} does not read back as it was written: the disk is not to be trusted. What it was to hold was not deleted.`,
  );
}

/** Of a compressed file, and of what it holds. */
async function digestsOf(path: string): Promise<{ bytes: number; sha256: string; csvSha256: string }> {
  const zipped = createHash('sha256');
  const csv = createHash('sha256');
  let bytes = 0;
  const count = (length: number) => {
    bytes += length;
  };
  try {
    await pipeline(createReadStream(path), hashed(zipped, count), createGunzip(), hashed(csv), nowhere);
  } catch (error) {
    throw fileError(error, path);
  }
  return { bytes, sha256: zipped.digest('hex'), csvSha256: csv.digest('hex') };
}

function hashed(hash: Hash, count: (length: number) => void = () => {}): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      count(chunk.length);
      done(null, chunk);
    },
  });
}

async function nowhere(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

function fileName(name: string): string {
  return `${encodeURIComponent(name)}.csv.gz`;
}
