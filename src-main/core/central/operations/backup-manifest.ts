import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { z } from 'zod';
import { LatchkeyError } from '../../../contract/errors.ts';
import { fileError, writePrivately } from '../../vault/private-file.ts';
import { BackupKey, passphraseFacts, sealing, unsealing } from './sealed-stream.ts';

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const relation = { schema: z.string(), name: z.string() };

/** What a database held, as it is compared after a restore. */
export const databaseContents = z.strictObject({
  tables: z.array(z.strictObject({ ...relation, columns: z.array(z.string()), rows: count })),
  partitions: z.array(z.strictObject({ ...relation, parent: z.strictObject(relation), bound: z.string() })),
  sequences: z.array(z.strictObject({ ...relation, last: z.string(), isCalled: z.boolean() })),
  /** Each organization's log at central, with a digest of its leaves. */
  logs: z.array(z.strictObject({ organization: z.string(), size: count, leaves: count, digest: z.string() })),
  /** How its relations are defined, in lines that say the same for the same. */
  catalogue: z.array(z.string()),
});
export type DatabaseContents = z.infer<typeof databaseContents>;

const manifestShape = z.strictObject({
  format: z.literal('latchkey-backup/1'),
  kind: z.enum(['full', 'incremental']),
  method: z.enum(['portable', 'pg_dump', 'pg_basebackup']),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** Of Latchkey that made it. */
  version: z.string(),
  server: z.strictObject({
    database: z.string(),
    version: z.string(),
    versionNumber: z.int(),
    system: z.string(),
    superuser: z.string(),
  }),
  program: z.string().nullable(),
  latchkey: z
    .strictObject({ system: z.string(), epoch: z.string(), mapping: z.record(z.string(), z.unknown()) })
    .nullable(),
  migrations: z.array(
    z.strictObject({
      set: z.string(),
      applied: z.array(z.strictObject({ version: z.int(), name: z.string(), checksum: z.string() })),
    }),
  ),
  /** That own something here, or were granted something. */
  roles: z.array(z.string()),
  contents: databaseContents,
  /** What an incremental backup builds on. */
  previous: z.string().nullable(),
  files: z.array(z.strictObject({ file: z.string(), bytes: count, sha256 })),
  passphrase: passphraseFacts.nullable(),
  /** By the passphrase, over all of the above. */
  signature: sha256.nullable(),
});
export type BackupManifest = z.infer<typeof manifestShape>;
export type BackupFile = BackupManifest['files'][number];

const manifestName = 'manifest.json';

/** A backup on its way to disk: files first, and the manifest that makes it one last. */
export class BackupFolder {
  readonly folder: string;
  readonly key: BackupKey | null;
  readonly files: BackupFile[] = [];

  constructor(folder: string, key: BackupKey | null) {
    this.folder = folder;
    this.key = key;
  }

  /** Writes one file, sealed where there is a passphrase. */
  async write(name: string, source: Readable, ...through: Transform[]): Promise<void> {
    const file = this.key ? `${name}.sealed` : name;
    const path = join(this.folder, file);
    const hash = createHash('sha256');
    let bytes = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        bytes += chunk.length;
        done(null, chunk);
      },
    });
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const sink = createWriteStream(path, { mode: 0o600, flags: 'wx', flush: true });
      await pipeline([source, ...through, ...(this.key ? [sealing(this.key, name)] : []), counted, sink]);
    } catch (error) {
      throw error instanceof pg.DatabaseError ? error : fileError(error, path);
    }
    this.files.push({ file, bytes, sha256: hash.digest('hex') });
  }

  /** Takes up a file that another program wrote there. */
  async add(file: string): Promise<void> {
    const path = join(this.folder, file);
    const { bytes, sha256 } = await digestOf(path);
    this.files.push({ file, bytes, sha256 });
  }

  /** @returns SHA-256 of the manifest, by which the backup is known */
  async finish(facts: Omit<BackupManifest, 'files' | 'passphrase' | 'signature' | 'format'>): Promise<string> {
    // In the order in which it is read, which is the order that is signed.
    const manifest = manifestShape.parse({
      format: 'latchkey-backup/1',
      ...facts,
      files: this.files,
      passphrase: this.key?.facts ?? null,
      signature: null,
    });
    manifest.signature = this.key?.signature(JSON.stringify(manifest)) ?? null;
    const text = `${JSON.stringify(manifest)}\n`;
    await writePrivately(join(this.folder, manifestName), text);
    return createHash('sha256').update(text).digest('hex');
  }
}

export interface OpenBackup {
  folder: string;
  manifest: BackupManifest;
  /** Of the manifest. */
  sha256: string;
  key: BackupKey | null;
}

/**
 * Reads a backup's manifest, and every file once, against it.
 *
 * @param place a backup's folder, or one of backups of which the newest is taken
 * @throws LatchkeyError `not-found`, `backup-damaged` naming the file, `wrong-passphrase`
 */
export async function openBackup(place: string, passphrase: string | undefined): Promise<OpenBackup> {
  const backup = await readManifest(await newestBackup(place));
  const key = await keyOf(backup.manifest, passphrase);
  if (key && key.signature(JSON.stringify({ ...backup.manifest, signature: null })) !== backup.manifest.signature)
    throw damaged(`${join(backup.folder, manifestName)} was changed after the backup was made.`);
  for (const file of backup.manifest.files) await verify(backup.folder, file);
  if (backup.manifest.method === 'pg_basebackup') await verifyCluster(join(backup.folder, 'cluster'));
  return { ...backup, key };
}

/** What the manifests of the backups in a place say, oldest first, without looking at their files. Those that cannot be read are left out. */
export async function manifestsIn(place: string): Promise<Omit<OpenBackup, 'key'>[]> {
  const folders = await backupsIn(place);
  const read = await Promise.all(folders.map((folder) => readManifest(folder).catch(() => null)));
  return read.filter((one) => one !== null);
}

async function readManifest(folder: string): Promise<Omit<OpenBackup, 'key'>> {
  const path = join(folder, manifestName);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error, path);
  });
  return { folder, manifest: parseManifest(text, path), sha256: createHash('sha256').update(text).digest('hex') };
}

function parseManifest(text: string, path: string): BackupManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw damaged(`${path} is not whole: ${(error as Error).message}.`);
  }
  const parsed = manifestShape.safeParse(json);
  if (parsed.success) return parsed.data;
  throw damaged(`${path} is no manifest of a backup that this Latchkey knows: ${z.prettifyError(parsed.error)}`);
}

async function keyOf(manifest: BackupManifest, passphrase: string | undefined): Promise<BackupKey | null> {
  if (!manifest.passphrase) return null;
  if (passphrase) return await BackupKey.open(passphrase, manifest.passphrase);
  throw new LatchkeyError(
    'wrong-passphrase',
    'This backup is sealed with a passphrase, which LATCHKEY_BACKUP_PASSPHRASE does not say. Nothing was changed.',
    { field: 'passphrase' },
  );
}

function damaged(message: string): LatchkeyError {
  return new LatchkeyError('backup-damaged', `${message} Nothing was restored. Take another backup.`);
}

async function verify(folder: string, { file, bytes, sha256: expected }: BackupFile): Promise<void> {
  const path = join(folder, file);
  const found = await stat(path).catch(() => null);
  if (!found) throw damaged(`${path} is missing.`);
  if (found.size !== bytes) throw damaged(`${path} has ${found.size} bytes rather than ${bytes}.`);
  const { sha256: actual } = await digestOf(path);
  if (actual !== expected) throw damaged(`${path} is not what was written: its SHA-256 is another one.`);
}

const clusterManifest = z.object({
  Files: z.array(
    z.object({
      Path: z.string().optional(),
      Size: count,
      'Checksum-Algorithm': z.literal('SHA256').optional(),
      Checksum: z.string().optional(),
    }),
  ),
});

/** By the manifest of pg_basebackup's own, which has each file of the cluster. */
async function verifyCluster(folder: string): Promise<void> {
  const path = join(folder, 'backup_manifest');
  const { Files } = clusterManifest.parse(JSON.parse(await readFile(path, 'utf8')));
  for (const { Path: file, Size: bytes, Checksum: digest } of Files)
    if (file !== undefined && digest !== undefined) await verify(folder, { file, bytes, sha256: digest.toLowerCase() });
}

async function digestOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (error) {
    throw fileError(error, path);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** What a file of a backup holds, opened where it is sealed. */
export function readSealed({ folder, key }: OpenBackup, name: string): Readable {
  const source = createReadStream(join(folder, key ? `${name}.sealed` : name));
  if (!key) return source;
  const plain = unsealing(key, name);
  pipeline(source, plain).catch((error) => plain.destroy(error));
  return plain;
}

/** The folders of backups in a place, oldest first: they are named after the moment. */
async function backupsIn(place: string): Promise<string[]> {
  const entries = await readdir(place, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError(error, place);
  });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(place, name));
  const complete = await Promise.all(folders.map((folder) => isBackup(folder)));
  return folders.filter((_folder, index) => complete[index]).sort();
}

async function isBackup(folder: string): Promise<boolean> {
  return (await stat(join(folder, manifestName)).catch(() => null)) !== null;
}

async function newestBackup(place: string): Promise<string> {
  if (await isBackup(place)) return place;
  const newest = (await backupsIn(place)).at(-1);
  if (newest) return newest;
  throw new LatchkeyError('not-found', `${place} holds no complete backup. Nothing was changed.`, { field: 'from' });
}
