import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LatchkeyError } from '../../contract/errors.ts';
import { type Account, serverAccount } from './server-account.ts';
import { makeSharedFolder, type ServerPrograms, serverPrograms, sharedStateFolder } from './server-files.ts';
import { type Guard, startGuard } from './server-guard.ts';
import { readPostmaster, stopLeftover } from './server-leftover.ts';

export interface EmbeddedServerOptions {
  /** Holds the cluster, the superuser's password and the log; made where it is missing. */
  dataFolder: string;
  /** A free one by default. */
  port?: number;
  /** Settings of the server beyond its configuration file, as in `postgresql.conf`. */
  settings?: Record<string, string>;
  /** Written into the cluster's folder, readable by the server alone, for settings to name: a certificate and its key, say. */
  files?: Record<string, string>;
  /** Everything is removed when the server stops, or when this process ends in whatever way. */
  temporary?: boolean;
}

export interface EmbeddedServer {
  port: number;
  pid: number;
  /** Of the database `postgres`. Holds the superuser's password. */
  superuserUrl: string;
  /** Where the data lies: in the asked folder, or elsewhere for a server that root starts. */
  cluster: string;
  /** Ends all connections, writes everything down, and answers when the server is gone. */
  stop(): Promise<void>;
}

/** Where things lie. The cluster of a server that root starts is not in the asked folder: see `sharedStateFolder`. */
interface Places {
  /** What `temporary` removes. */
  owned: string[];
  cluster: string;
  passwordFile: string;
  log: string;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

/** Nothing of the caller's environment (PGDATA, PGPORT, a locale that is not installed) should reach the server. */
const environment = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Starts a real PostgreSQL on 127.0.0.1, making its cluster first where there is none. A server that an earlier, killed run
 * left on the same folder is stopped before. When this process ends without calling `stop`, the server ends by itself.
 *
 * @throws LatchkeyError `folder-unusable`
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const account = serverAccount();
  const programs = serverPrograms(account !== null);
  const places = placesOf(options.dataFolder, account);
  await stopLeftover(places.cluster);
  const guard = startGuard(places.cluster, options.temporary ? places.owned : []);
  try {
    if (!existsSync(places.cluster) || !existsSync(places.passwordFile))
      await initialize(places, programs, account, guard);
    for (const [name, text] of Object.entries(options.files ?? {}))
      writeForServer(join(places.cluster, name), text, account);
    const { child, port } = await launch(places, programs, account, options, guard);
    return {
      port,
      pid: child.pid!,
      cluster: places.cluster,
      superuserUrl: `postgres://postgres:${readFileSync(places.passwordFile, 'utf8')}@127.0.0.1:${port}/postgres`,
      async stop() {
        await shutDown(child);
        if (options.temporary) removeAll(places.owned);
        guard.dismiss();
      },
    };
  } catch (error) {
    if (options.temporary) removeAll(places.owned);
    guard.dismiss();
    throw error;
  }
}

/** Removes a stopped server's folder with all its data. */
export async function removeEmbeddedServer(dataFolder: string): Promise<void> {
  if (!existsSync(dataFolder)) return;
  const places = placesOf(dataFolder, serverAccount());
  await stopLeftover(places.cluster);
  removeAll(places.owned);
}

function placesOf(asked: string, account: Account | null): Places {
  mkdirSync(asked, { recursive: true, mode: 0o700 });
  const folder = realpathSync(resolve(asked));
  const home = account ? join(sharedStateFolder, 'clusters', shortHash(folder)) : folder;
  if (account) makeSharedFolder(home);
  return {
    owned: account ? [folder, home] : [folder],
    cluster: join(home, 'cluster'),
    passwordFile: join(folder, 'superuser-password'),
    log: join(folder, 'server.log'),
  };
}

/** The cluster gets its name only once it is complete, so that a killed first start begins anew. */
async function initialize(
  places: Places,
  programs: ServerPrograms,
  account: Account | null,
  guard: Guard,
): Promise<void> {
  removeAll([places.cluster, ...unfinishedBeside(places.cluster)]);
  // A name of its own: what a killed start left may not be quite gone yet.
  const unfinished = `${places.cluster}.unfinished-${randomBytes(6).toString('hex')}`;
  const passwordForInitdb = `${unfinished}.password`;
  const password = randomBytes(24).toString('base64url');
  writeFileSync(places.passwordFile, password, { mode: 0o600 });
  writeForServer(passwordForInitdb, password, account);
  mkdirSync(unfinished, { mode: 0o700 });
  if (account) chownSync(unfinished, account.uid, account.gid);
  try {
    const initdb = promisify(execFile)(
      programs.initdb,
      [
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${passwordForInitdb}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // Built into PostgreSQL, so it needs no locale of the machine and sorts alike everywhere.
        '--no-locale',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        // A power cut during the first start only means that it starts over.
        '--no-sync',
      ],
      { env: environment, cwd: '/', ...identity(account) },
    );
    guard.mind(initdb.child.pid ?? 0);
    await initdb;
    renameSync(unfinished, places.cluster);
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new LatchkeyError(
      'folder-unusable',
      `PostgreSQL could not make a database cluster in ${places.cluster}: ${lastLines(stderr || message)}`,
      { cause: error },
    );
  } finally {
    rmSync(passwordForInitdb, { force: true });
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function launch(
  places: Places,
  programs: ServerPrograms,
  account: Account | null,
  options: EmbeddedServerOptions,
  guard: Guard,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const child = spawnServer(places, programs, account, port, options.settings ?? {});
    guard.mind(child.pid ?? 0);
    if (await becomesReady(child, places.cluster)) return { child, port };
    const log = existsSync(places.log) ? readFileSync(places.log, 'utf8') : '';
    // Somebody else took the free port meanwhile; or the processes of a killed server are still on their way out.
    const passing =
      (options.port === undefined && log.includes('could not bind')) || log.includes('pre-existing shared memory');
    if (!passing || attempt === 5)
      throw new LatchkeyError(
        'folder-unusable',
        `PostgreSQL did not start on 127.0.0.1:${port} (log: ${places.log}): ${lastLines(log)} The data in ${places.cluster} was kept.`,
      );
    await pause(500);
  }
}

function spawnServer(
  places: Places,
  programs: ServerPrograms,
  account: Account | null,
  port: number,
  settings: Record<string, string>,
): ChildProcess {
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    ...settings,
  };
  const log = openSync(places.log, 'w', 0o600);
  try {
    const child = spawn(
      programs.postgres,
      ['-D', places.cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        env: environment,
        // Some settings name files relative to where the server starts.
        cwd: places.cluster,
        // A session of its own: Ctrl-C in the terminal reaches this process, which then stops the server in order.
        detached: true,
        stdio: ['ignore', log, log],
        ...identity(account),
      },
    );
    child.on('error', () => {});
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** The server writes into `postmaster.pid` when it takes connections. */
async function becomesReady(child: ChildProcess, cluster: string): Promise<boolean> {
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; ) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    const postmaster = readPostmaster(cluster);
    if (postmaster?.pid === child.pid && postmaster.ready) return true;
    await pause(20);
  }
  child.kill('SIGQUIT');
  return false;
}

/** SIGINT is PostgreSQL's fast shutdown: it ends the connections and leaves nothing to recover. */
async function shutDown(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  child.ref();
  child.kill('SIGINT');
  const impatience = setTimeout(() => child.kill('SIGQUIT'), stopTimeoutMs);
  await gone;
  clearTimeout(impatience);
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === 'object' ? found(address.port) : failed(new Error('no port'))));
    });
  });
}

function unfinishedBeside(cluster: string): string[] {
  const names = readdirSync(dirname(cluster)).filter((name) => name.startsWith(`${basename(cluster)}.unfinished-`));
  return names.map((name) => join(dirname(cluster), name));
}

function removeAll(folders: string[]): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function writeForServer(path: string, text: string, account: Account | null): void {
  writeFileSync(path, text, { mode: 0o600 });
  if (account) chownSync(path, account.uid, account.gid);
}

function identity(account: Account | null): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-4).join(' ').slice(-600);
}
