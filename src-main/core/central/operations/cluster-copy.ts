import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { fileError } from '../../vault/private-file.ts';
import { serverAccount } from '../server-account.ts';
import { makeSharedFolder, sharedStateFolder } from '../server-files.ts';
import { startGuard } from '../server-guard.ts';
import { manifestsIn, type OpenBackup, openBackup } from './backup-manifest.ts';
import { findProgram, type PostgresProgram, programFor, startProgram } from './postgres-programs.ts';

const startTimeoutMilliseconds = 600_000;

/**
 * Settings of a copy of a whole cluster: nobody reaches it but by a socket in its own folder, and it reaches nobody. It must neither
 * archive WAL where the original does, nor take changes from where the original subscribes.
 */
const settings = {
  listen_addresses: '',
  port: '5432',
  archive_mode: 'off',
  archive_command: '',
  restore_command: '',
  shared_preload_libraries: '',
  max_logical_replication_workers: '0',
  hot_standby: 'off',
  ssl: 'off',
  logging_collector: 'off',
  fsync: 'off',
};

/**
 * Copies the cluster of a backup by pg_basebackup, put together from the ones it builds on, and starts PostgreSQL on the copy.
 *
 * @param bin with PostgreSQL's programs of the cluster's own version
 * @returns a connection as superuser to the database that the backup was made of
 * @throws LatchkeyError `not-found`, `not-supported`, `backup-damaged`
 */
export async function startClusterCopy(
  backup: OpenBackup,
  bin: string | undefined,
): Promise<{ client: pg.Client; stop(): Promise<void> }> {
  const { server } = backup.manifest;
  const major = Math.floor(server.versionNumber / 10_000);
  const postgres = await serverProgram(major, bin);
  if (process.platform === 'win32')
    throw refusal('a copy of a cluster is reached by a socket, which this system has not');
  const account = serverAccount();
  const folder = account
    ? join(sharedStateFolder, 'drills', randomBytes(6).toString('hex'))
    : await mkdtemp(join(tmpdir(), 'latchkey-drill-'));
  if (account) makeSharedFolder(folder);
  const copy = join(folder, 'cluster');
  // Production data that must not outlive this process, whatever ends it.
  const guard = startGuard(copy, [folder]);
  let child: ChildProcess | null = null;
  const stop = async () => {
    if (child) await end(child);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    guard.dismiss();
  };
  try {
    await copyCluster(backup, major, copy, bin);
    await refuseTablespaces(copy);
    await writeFile(join(copy, 'postgresql.conf'), '');
    await rm(join(copy, 'postgresql.auto.conf'), { force: true });
    await writeFile(join(copy, 'pg_hba.conf'), 'local all all trust\n');
    await writeFile(join(copy, 'pg_ident.conf'), '');
    const sockets = join(folder, 's');
    await mkdir(sockets, { mode: 0o700 });
    await chmod(copy, 0o700);
    if (account) await giveTo(folder, account);
    const log = join(folder, 'server.log');
    child = start(postgres, copy, { ...settings, unix_socket_directories: sockets }, log, account);
    guard.mind(child.pid ?? 0);
    const client = await connect(child, { host: sockets, user: server.superuser, database: server.database }, log);
    return {
      client,
      async stop() {
        await client.end().catch(() => {});
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A cluster's files are for its own version alone, in either direction. */
async function serverProgram(major: number, bin: string | undefined): Promise<PostgresProgram> {
  const found = await findProgram('postgres', bin);
  if (found?.major === major) return found;
  throw new LatchkeyError(
    found ? 'not-supported' : 'not-found',
    `Every file of this backup is what was written. To start it takes the postgres of version ${major}, and there is ${found ? `one of version ${found.major}` : 'none'} ${bin === undefined ? 'on the PATH' : `in ${bin}`}. Nothing was restored. Name the folder of PostgreSQL ${major}’s programs with --bin.`,
    { field: 'bin' },
  );
}

function refusal(why: string): LatchkeyError {
  return new LatchkeyError(
    'not-supported',
    `This backup cannot be started for a drill: ${why}. Nothing was restored.`,
    {
      field: 'from',
    },
  );
}

async function copyCluster(backup: OpenBackup, major: number, copy: string, bin: string | undefined): Promise<void> {
  const chain = await chainOf(backup);
  try {
    if (chain.length === 1) {
      await cp(join(backup.folder, 'cluster'), copy, { recursive: true, verbatimSymlinks: true });
      return;
    }
    const program = await programFor('pg_combinebackup', { major, why: 'this backup is of version' }, bin);
    await startProgram(program, [...chain, '-o', copy], {}, ['ignore', 'ignore']).done;
  } catch (error) {
    throw fileError(error, copy);
  }
}

/** The clusters that a backup is put together from, the full one first; each is read against its manifest. */
async function chainOf(backup: OpenBackup): Promise<string[]> {
  const beside = await manifestsIn(dirname(backup.folder));
  const chain = [join(backup.folder, 'cluster')];
  for (let previous = backup.manifest.previous; previous !== null; ) {
    const found = beside.find(({ sha256 }) => sha256 === previous);
    if (!found)
      throw new LatchkeyError(
        'backup-damaged',
        `${chain[0]} builds on a backup that is not in ${dirname(backup.folder)} any more. Nothing was restored.`,
      );
    await openBackup(found.folder, undefined);
    chain.unshift(join(found.folder, 'cluster'));
    previous = found.manifest.previous;
  }
  return chain;
}

/** They are links to where the original has its files: a server on the copy would write into those. */
async function refuseTablespaces(copy: string): Promise<void> {
  const links = await readdir(join(copy, 'pg_tblspc'));
  const wal = await lstat(join(copy, 'pg_wal'));
  if (links.length > 0 || wal.isSymbolicLink())
    throw refusal('its cluster has files in other places than its own folder (tablespaces, or WAL)');
}

async function giveTo(folder: string, account: { uid: number; gid: number }): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await giveTo(path, account);
    if (!entry.isSymbolicLink()) await chown(path, account.uid, account.gid);
  }
}

function start(
  { path }: PostgresProgram,
  copy: string,
  all: Record<string, string>,
  log: string,
  account: { uid: number; gid: number } | null,
): ChildProcess {
  const file = openSync(log, 'w', 0o600);
  try {
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return spawn(path, ['-D', copy, ...args], {
      cwd: copy,
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' },
      // A session of its own: Ctrl-C in the terminal reaches this process, whose guard then stops the server in order.
      detached: true,
      stdio: ['ignore', file, file],
      ...(account ? { uid: account.uid, gid: account.gid } : {}),
    });
  } finally {
    closeSync(file);
  }
}

/** Until all WAL of the backup is replayed. */
async function connect(
  child: ChildProcess,
  address: { host: string; user: string; database: string },
  log: string,
): Promise<pg.Client> {
  let isOver = false;
  child.once('error', () => {
    isOver = true;
  });
  for (const deadline = Date.now() + startTimeoutMilliseconds; Date.now() < deadline; await pause(100)) {
    if (isOver || child.exitCode !== null || child.signalCode !== null) break;
    const client = new pg.Client(address);
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch {
      await client.end().catch(() => {});
    }
  }
  const said = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-4).join(' ');
  throw new LatchkeyError('central-refused', `PostgreSQL did not start on the backup’s cluster: ${said.slice(-600)}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGQUIT');
  await gone;
}
