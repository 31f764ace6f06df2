import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../embedded-server.ts';
import { type OpenBackup, openBackup } from './backup-manifest.ts';
import { startClusterCopy } from './cluster-copy.ts';
import { admitDevices, refuseUnlessEmpty, restoreDump, restorePortable } from './restore.ts';
import { checkRestored, type RestoreCheck } from './restore-checks.ts';

export interface DrillRequest {
  /** A backup's folder, or one of backups, of which the newest is taken. */
  from: string;
  passphrase?: string;
  /** Where PostgreSQL's programs are; on the PATH by default. */
  bin?: string;
}

export interface Drill {
  passed: boolean;
  backup: { folder: string; sha256: string; kind: string; method: string; madeAt: string; server: string };
  /** What it was restored into. */
  into: string;
  server: string;
  startedAt: string;
  finishedAt: string;
  seconds: number;
  steps: { name: string; seconds: number }[];
  checks: RestoreCheck[];
  /** What a restore in earnest would leave to be done. */
  remarks: string[];
  recorded: boolean;
}

/**
 * Restores a backup and checks what came of it. Into a throwaway PostgreSQL of this machine, or into an empty database, where it stays:
 * that is also how a backup is restored in earnest.
 *
 * @param into an empty database, as superuser
 * @throws LatchkeyError `backup-damaged` naming the file, `wrong-passphrase`, `not-found`, `not-supported`, `would-violate`
 */
export async function drill(
  request: DrillRequest,
  into: { client: pg.Client; tlsCaFile?: string } | null,
): Promise<Drill> {
  const startedAt = new Date();
  const steps: Drill['steps'] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    try {
      return await work();
    } finally {
      steps.push({ name, seconds: Math.round(performance.now() - from) / 1000 });
    }
  };
  const backup = await step('read every file of the backup', () => openBackup(request.from, request.passphrase));
  const isCluster = backup.manifest.method === 'pg_basebackup';
  if (isCluster && into)
    throw new LatchkeyError(
      'not-supported',
      'A backup by pg_basebackup is a whole cluster and goes into no database. Nothing was restored. Leave --into away.',
      { field: 'into' },
    );
  const result = { checks: [] as RestoreCheck[], remarks: [] as string[] };
  const target = isCluster
    ? await step('start a copy of the cluster', () => startClusterCopy(backup, request.bin))
    : (into ?? (await step('start a PostgreSQL', throwaway)));
  const { client } = target;
  let server = '';
  try {
    server = await versionOf(client);
    if (!isCluster) {
      await refuseUnlessEmpty(client);
      await step('restore', () => restore(backup, target, request, result));
    }
    if (result.checks.length === 0) result.checks = await step('check', () => checkRestored(client, backup.manifest));
    if (!isCluster) await remark(client, backup, result.remarks);
  } finally {
    if ('stop' in target) await target.stop();
  }
  const finishedAt = new Date();
  const { kind, method, finishedAt: madeAt, server: original } = backup.manifest;
  return {
    passed: result.checks.every(({ passed }) => passed),
    backup: { folder: backup.folder, sha256: backup.sha256, kind, method, madeAt, server: original.version },
    into: into
      ? `${client.host}:${client.port}/${client.database}`
      : `a throwaway ${isCluster ? 'copy of the cluster' : 'PostgreSQL'}`,
    server,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    seconds: (finishedAt.getTime() - startedAt.getTime()) / 1000,
    steps,
    checks: result.checks,
    remarks: result.remarks,
    recorded: false,
  };
}

/** What PostgreSQL makes of a backup that is as it was written is a result of the drill; what is wrong with how it was asked for is not. */
async function restore(
  backup: OpenBackup,
  target: { client: pg.Client; tlsCaFile?: string },
  { bin }: DrillRequest,
  result: { checks: RestoreCheck[]; remarks: string[] },
): Promise<void> {
  try {
    if (backup.manifest.method === 'portable') return await restorePortable(target.client, backup);
    const made = await restoreDump(target.client, backup, { bin, tlsCaFile: target.tlsCaFile });
    if (made.length > 0)
      result.remarks.push(
        `Roles that were made without a login: ${made.join(', ')}. Passwords and memberships come with pg_dumpall --roles-only.`,
      );
  } catch (error) {
    const code = error instanceof LatchkeyError ? error.code : null;
    if (code === 'not-found' || code === 'not-supported' || code === 'wrong-passphrase') throw error;
    result.checks = [{ name: 'restore', passed: false, detail: (error as Error).message }];
  }
}

async function remark(client: pg.Client, { manifest }: OpenBackup, remarks: string[]): Promise<void> {
  const { rows } = await client
    .query<{ there: boolean }>(`SELECT to_regclass('latchkey.device') IS NOT NULL AS there`)
    .catch(() => ({ rows: [{ there: false }] }));
  if (!manifest.latchkey || !rows[0]!.there) return;
  const { admitted, missing } = await admitDevices(client);
  remarks.push('In earnest, before devices connect: latchkey central restored --reason "…".');
  if (admitted > 0) remarks.push(`${admitted} devices can connect by the logins that this cluster has.`);
  if (missing.length > 0)
    remarks.push(
      `This cluster lacks the logins of ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''}: bring them with pg_dumpall --roles-only, or enroll those devices again.`,
    );
}

async function versionOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ version: string }>(`SELECT current_setting('server_version') AS version`);
  return rows[0]!.version;
}

async function throwaway(): Promise<{ client: pg.Client; stop(): Promise<void> }> {
  const server: EmbeddedServer = await startEmbeddedServer({
    dataFolder: await mkdtemp(join(tmpdir(), 'latchkey-drill-')),
    temporary: true,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  });
  try {
    const client = new pg.Client({ connectionString: server.superuserUrl });
    client.on('error', () => {});
    await client.connect();
    return {
      client,
      async stop() {
        await client.end().catch(() => {});
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** So that `central health` can tell when a backup was last restored. @returns whether there is a Latchkey to tell it to */
export async function recordDrill(client: pg.Client, done: Drill): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('latchkey.drill') IS NOT NULL AS there`);
  if (!rows[0]!.there) return false;
  const { backup, startedAt, finishedAt, passed, checks } = done;
  await client.query(
    `INSERT INTO latchkey.drill (backup_sha256, backup_method, backup_made_at, started_at, finished_at, passed, checks) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [backup.sha256, backup.method, backup.madeAt, startedAt, finishedAt, passed, JSON.stringify(checks)],
  );
  return true;
}
