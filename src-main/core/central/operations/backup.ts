import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { packageVersion } from '../../package-files.ts';
import { fileError, privateFolder } from '../../vault/private-file.ts';
import { installedSystem } from '../enroll.ts';
import { installError } from '../own-objects.ts';
import { databaseContentsOf } from './backup-contents.ts';
import { BackupFolder, type BackupManifest, type DatabaseContents, manifestsIn } from './backup-manifest.ts';
import { appliedSets, portableSchemas, refuseUnlessPortable, writeRows } from './portable-backup.ts';
import { environmentOf, findProgram, type PostgresProgram, programFor, startProgram } from './postgres-programs.ts';
import { BackupKey } from './sealed-stream.ts';
import { recordSizes } from './table-sizes.ts';

export const backupMethods = ['portable', 'pg_dump', 'pg_basebackup'] as const;
export type BackupMethod = (typeof backupMethods)[number];

/** Days that backups are kept for: of full ones, and of what builds on them. */
const keptDays = { full: 30, incremental: 7 };

export interface BackupRequest {
  /** A folder for backups: each gets one of its own in it. */
  to: string;
  kind: 'full' | 'incremental';
  /** What fits by default: pg_dump where there is one for this server, a portable one otherwise. */
  method?: BackupMethod;
  /** Where PostgreSQL's programs are; on the PATH by default. */
  bin?: string;
  passphrase?: string;
  tlsCaFile?: string;
  /** Removes backups that are past their days, once this one is made. */
  expire: boolean;
  /** Says how it would be done. */
  dryRun: boolean;
}

export interface Backup {
  dryRun: boolean;
  kind: 'full' | 'incremental';
  method: BackupMethod;
  program: string | null;
  /** Null in a dry run, as what follows. */
  folder: string | null;
  sha256: string | null;
  bytes: number;
  tables: number;
  rows: number;
  seconds: number;
  encrypted: boolean;
  /** Backups that were removed, or in a dry run are to be. */
  expired: string[];
  /** Whether central knows of it. */
  recorded: boolean;
  archiving: Archiving;
}

/** Without archived WAL a restore ends at the backup, and not at a moment of choice. */
export interface Archiving {
  mode: string;
  lastArchivedAt: string | null;
  failures: number;
  lastFailedAt: string | null;
}

/**
 * Makes a backup of the whole database (`pg_dump`), of what Latchkey's migrations made (`portable`), or of the whole cluster
 * (`pg_basebackup`), with a manifest of what is in it. An unfinished one is removed.
 *
 * @throws LatchkeyError `not-found`, `not-supported` with versions and reasons, `disk-full`, `folder-unusable`, `insufficient-privilege`
 */
export async function backUp(client: pg.Client, request: BackupRequest): Promise<Backup> {
  try {
    const plan = await planned(client, request);
    const archiving = await archivingOf(client);
    const base = { kind: request.kind, method: plan.method, program: plan.program?.words ?? null, archiving };
    const encrypted = request.passphrase !== undefined;
    if (request.dryRun) {
      const expired = request.expire ? await expiredBackups(request.to) : [];
      const none = { folder: null, sha256: null, bytes: 0, tables: 0, rows: 0, seconds: 0, recorded: false };
      return { ...base, ...none, dryRun: true, encrypted, expired };
    }
    const startedAt = new Date();
    const folder = join(request.to, `${startedAt.toISOString().replace(/[:.]/g, '-')}-${request.kind}-${plan.method}`);
    await privateFolder(folder);
    const into = new BackupFolder(folder, request.passphrase ? await BackupKey.create(request.passphrase) : null);
    try {
      const contents = await writers[plan.method](client, into, plan, request);
      const finishedAt = new Date();
      const moments = { startedAt: startedAt.toISOString(), finishedAt: finishedAt.toISOString() };
      const facts = { ...(await factsOf(client)), kind: request.kind, method: plan.method, ...moments };
      const program = plan.program?.words ?? null;
      const previous = plan.previous?.sha256 ?? null;
      const sha256 = await into.finish({ ...facts, program, previous, contents });
      const bytes = into.files.reduce((sum, file) => sum + file.bytes, 0);
      const recorded = await record(client, {
        ...moments,
        kind: request.kind,
        method: plan.method,
        bytes,
        sha256,
        folder,
        encrypted,
      });
      const expired = request.expire ? await expire(request.to) : [];
      return {
        ...base,
        dryRun: false,
        folder,
        sha256,
        bytes,
        tables: contents.tables.length,
        rows: contents.tables.reduce((sum, { rows }) => sum + rows, 0),
        seconds: (finishedAt.getTime() - startedAt.getTime()) / 1000,
        encrypted,
        expired,
        recorded,
      };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  } catch (error) {
    throw installError(error);
  }
}

interface Plan {
  method: BackupMethod;
  program: PostgresProgram | null;
  previous: { sha256: string; folder: string } | null;
}

async function planned(client: pg.Client, request: BackupRequest): Promise<Plan> {
  const server = await serverOf(client);
  const major = Math.floor(server.versionNumber / 10_000);
  const needed = { major, why: 'this server is of version' };
  if (request.kind === 'incremental') return await plannedIncremental(client, request, major);
  if (request.method === 'pg_basebackup') {
    refusePassphrase(request);
    await refuseTablespaces(client);
    return { method: 'pg_basebackup', program: await programFor('pg_basebackup', needed, request.bin), previous: null };
  }
  if (request.method === 'pg_dump')
    return { method: 'pg_dump', program: await programFor('pg_dump', needed, request.bin), previous: null };
  const portable: Plan = { method: 'portable', program: null, previous: null };
  if (request.method !== 'portable') {
    const found = await findProgram('pg_dump', request.bin);
    if (found && found.major >= major) return { method: 'pg_dump', program: found, previous: null };
  }
  const refusal = await refuseUnlessPortable(client, await appliedSets(client)).catch((error: unknown) => error);
  if (!refusal) return portable;
  if (request.method === 'portable') throw refusal;
  // Neither way is open: the error of pg_dump says what would open it.
  await programFor('pg_dump', needed, request.bin);
  throw refusal;
}

async function plannedIncremental(client: pg.Client, request: BackupRequest, major: number): Promise<Plan> {
  const refuse = (why: string): never => {
    throw new LatchkeyError('not-supported', `An incremental backup cannot be made: ${why}. Nothing was written.`, {
      field: 'kind',
    });
  };
  if (request.method !== undefined && request.method !== 'pg_basebackup')
    refuse(`only pg_basebackup makes them; ${request.method} writes everything each time`);
  if (major < 17) refuse(`PostgreSQL has them since version 17, and this server is of ${major}. Archive WAL instead`);
  const { rows } = await client.query<{ on: string }>(`SELECT current_setting('summarize_wal', TRUE) AS on`);
  if (rows[0]!.on !== 'on')
    refuse('this server does not summarize its WAL. Set summarize_wal = on, reload, and make a full backup');
  refusePassphrase(request);
  await refuseTablespaces(client);
  const program = await programFor('pg_basebackup', { major, why: 'this server is of version' }, request.bin);
  const backups = await manifestsIn(request.to);
  const { system } = await serverOf(client);
  const previous = backups.findLast(
    ({ manifest }) => manifest.method === 'pg_basebackup' && manifest.server.system === system,
  );
  if (!previous) return refuse(`${request.to} holds no backup of this server by pg_basebackup to build on`);
  return { method: 'pg_basebackup', program, previous: { sha256: previous.sha256, folder: previous.folder } };
}

function refusePassphrase({ passphrase }: BackupRequest): void {
  if (passphrase !== undefined)
    throw new LatchkeyError(
      'not-supported',
      'pg_basebackup writes a cluster’s files as they are, and Latchkey does not seal them. Nothing was written. Put them on an encrypted disk and take LATCHKEY_BACKUP_PASSPHRASE away, or use pg_dump.',
      { field: 'method' },
    );
}

/** pg_basebackup would put them where the server has them. */
async function refuseTablespaces(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT spcname AS name FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY 1`,
  );
  if (rows[0])
    throw new LatchkeyError(
      'not-supported',
      `This cluster has the tablespace ${rows[0].name}, which lies outside of its folder. Nothing was written. Run pg_basebackup with --tablespace-mapping yourself, or use pg_dump.`,
      { field: 'method' },
    );
}

const writers: Record<
  BackupMethod,
  (client: pg.Client, into: BackupFolder, plan: Plan, request: BackupRequest) => Promise<DatabaseContents>
> = {
  portable: (client, into) =>
    inSnapshot(client, async () => {
      const contents = await databaseContentsOf(client, portableSchemas(await appliedSets(client)));
      await writeRows(client, contents, into);
      return contents;
    }),
  pg_dump: (client, into, plan, request) =>
    inSnapshot(client, async (snapshot) => {
      const { child, done } = startProgram(
        plan.program!,
        ['--format=custom', `--snapshot=${snapshot}`, '--lock-wait-timeout=5000', '--no-password'],
        environmentOf(client, request.tlsCaFile),
        ['ignore', 'pipe'],
      );
      // Its end, good or bad, ends the stream; so a dump that failed is told from one that is short.
      await into.write('database.dump', Readable.from(untilDone(child.stdout!, done)));
      return await databaseContentsOf(client);
    }),
  pg_basebackup: async (client, into, plan, request) => {
    const { done } = startProgram(
      plan.program!,
      [
        `--pgdata=${join(into.folder, 'cluster')}`,
        ...[
          '--format=plain',
          '--wal-method=stream',
          '--checkpoint=fast',
          '--manifest-checksums=SHA256',
          '--no-password',
        ],
        ...(plan.previous ? [`--incremental=${join(plan.previous.folder, 'cluster', 'backup_manifest')}`] : []),
      ],
      environmentOf(client, request.tlsCaFile),
      ['ignore', 'ignore'],
    );
    await done;
    await into.add('cluster/backup_manifest');
    return await inSnapshot(client, () => databaseContentsOf(client));
  },
};

async function* untilDone(source: Readable, done: Promise<void>): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield chunk as Buffer;
  await done;
}

/** One moment for everything that is read. */
async function inSnapshot<T>(client: pg.Client, work: (snapshot: string) => Promise<T>): Promise<T> {
  await client.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = 0`,
  );
  try {
    const { rows } = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
    return await work(rows[0]!.snapshot);
  } finally {
    await client.query('ROLLBACK').catch(() => {});
  }
}

async function serverOf(client: pg.Client): Promise<BackupManifest['server']> {
  const { rows } = await client.query<BackupManifest['server']>(
    `SELECT current_database() AS database, current_setting('server_version') AS version, current_setting('server_version_num')::INTEGER AS "versionNumber",
       (SELECT system_identifier::TEXT FROM pg_control_system()) AS system, (SELECT rolname FROM pg_roles WHERE oid = 10) AS superuser`,
  );
  return rows[0]!;
}

async function factsOf(
  client: pg.Client,
): Promise<Pick<BackupManifest, 'version' | 'server' | 'latchkey' | 'migrations' | 'roles'>> {
  const system = await installedSystem(client).catch(() => null);
  const { rows: epochs } = system ? await client.query<{ id: string }>('SELECT id FROM latchkey.epoch') : { rows: [] };
  const { rows: roles } = await client.query<{ name: string }>(
    `SELECT DISTINCT r.rolname AS name FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
     WHERE d.refclassid = 'pg_authid'::REGCLASS AND r.rolname !~ '^pg_' AND r.oid <> 10
       AND (d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
         OR d.classid = 'pg_database'::REGCLASS AND d.objid = (SELECT oid FROM pg_database WHERE datname = current_database()))
     ORDER BY 1`,
  );
  return {
    version: packageVersion(),
    server: await serverOf(client),
    latchkey: system && {
      system: system.name,
      epoch: epochs[0]!.id,
      mapping: system as unknown as Record<string, unknown>,
    },
    migrations: await appliedSets(client),
    roles: roles.map(({ name }) => name),
  };
}

export async function archivingOf(client: pg.Client): Promise<Archiving> {
  const text = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
  const { rows } = await client.query<Archiving>(
    `SELECT current_setting('archive_mode') AS mode, ${text('last_archived_time')} AS "lastArchivedAt", failed_count::INTEGER AS failures,
       ${text('last_failed_time')} AS "lastFailedAt" FROM pg_stat_archiver`,
  );
  return rows[0]!;
}

interface Recorded {
  kind: string;
  method: string;
  startedAt: string;
  finishedAt: string;
  bytes: number;
  sha256: string;
  folder: string;
  encrypted: boolean;
}

async function record(client: pg.Client, backup: Recorded): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('latchkey.backup') IS NOT NULL AS there`);
  if (!rows[0]!.there) return false;
  const { kind, method, startedAt, finishedAt, bytes, sha256, folder, encrypted } = backup;
  await client.query(
    `INSERT INTO latchkey.backup (kind, method, started_at, finished_at, bytes, sha256, place, encrypted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [kind, method, startedAt, finishedAt, bytes, sha256, folder, encrypted],
  );
  await recordSizes(client);
  return true;
}

/** Past their days, less the newest full one, and what a backup that is kept builds on. */
async function expiredBackups(place: string, now = new Date()): Promise<string[]> {
  const backups = (await manifestsIn(place)).map(({ folder, sha256, manifest }) => ({ folder, sha256, ...manifest }));
  const isOld = ({ kind, finishedAt }: { kind: 'full' | 'incremental'; finishedAt: string }) =>
    now.getTime() - Date.parse(finishedAt) > keptDays[kind] * 86_400_000;
  const kept = new Set<string>();
  const keep = (sha256: string | null | undefined): void => {
    if (!sha256 || kept.has(sha256)) return;
    kept.add(sha256);
    keep(backups.find((backup) => backup.sha256 === sha256)?.previous);
  };
  keep(backups.findLast(({ kind }) => kind === 'full')?.sha256);
  for (const backup of backups) if (!isOld(backup)) keep(backup.sha256);
  return backups.filter(({ sha256 }) => !kept.has(sha256)).map(({ folder }) => folder);
}

async function expire(place: string): Promise<string[]> {
  const expired = await expiredBackups(place);
  for (const folder of expired)
    await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
      throw fileError(error, folder);
    });
  return expired;
}
