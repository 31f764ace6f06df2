import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';

export interface PostgresProgram {
  path: string;
  /** As it says itself: `pg_dump (PostgreSQL) 15.8`. */
  words: string;
  major: number;
}

/** How PostgreSQL's programs reach a server. What is secret goes by the environment: everybody can read a command line. */
export type ProgramEnvironment = Record<string, string>;

/** In a folder, or on the PATH. Null where it is not there. */
export async function findProgram(name: string, folder?: string): Promise<PostgresProgram | null> {
  const folders = folder === undefined ? (process.env.PATH ?? '').split(delimiter).filter(Boolean) : [folder];
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const path = folders.map((one) => join(one, file)).find(isExecutable);
  if (path === undefined) return null;
  const { stdout } = await promisify(execFile)(path, ['--version'], { env: plainEnvironment }).catch(() => ({
    stdout: '',
  }));
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(stdout) ?? [];
  return major === undefined ? null : { path, words: stdout.trim(), major: Number(major) };
}

/** @throws LatchkeyError `not-found` where there is none, or `not-supported` where it is too old, with both versions */
export async function programFor(
  name: string,
  needed: { major: number; why: string },
  folder?: string,
): Promise<PostgresProgram> {
  const found = await findProgram(name, folder);
  const where = folder === undefined ? 'on the PATH' : `in ${folder}`;
  if (!found)
    throw new LatchkeyError(
      'not-found',
      `There is no ${name} ${where}. Nothing was changed. Name the folder of PostgreSQL ${needed.major}’s programs with --bin.`,
      { field: 'bin' },
    );
  if (found.major >= needed.major) return found;
  throw new LatchkeyError(
    'not-supported',
    `${found.path} is of version ${found.major}, and ${needed.why} ${needed.major}. Nothing was changed. Name the folder of PostgreSQL ${needed.major}’s programs, or newer ones, with --bin.`,
    { field: 'bin', details: { program: found.words, needed: needed.major } },
  );
}

/** As a client is connected, whatever its URL said. */
export function environmentOf(client: pg.Client, tlsCaFile?: string): ProgramEnvironment {
  const { host, port, user, password, database, ssl } = client as pg.Client & { ssl?: unknown };
  return {
    ...plainEnvironment,
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user ?? '',
    PGDATABASE: database ?? '',
    ...(typeof password === 'string' ? { PGPASSWORD: password } : {}),
    ...(ssl ? { PGSSLMODE: 'verify-full', PGSSLROOTCERT: tlsCaFile ?? 'system' } : { PGSSLMODE: 'disable' }),
    PGCONNECT_TIMEOUT: '10',
    PGAPPNAME: 'latchkey-central',
  };
}

const plainEnvironment = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' };

export interface RunningProgram {
  child: ChildProcess;
  /** When it has ended well. @throws LatchkeyError `central-refused` with its own last words */
  done: Promise<void>;
}

export function startProgram(
  { path }: PostgresProgram,
  args: string[],
  env: ProgramEnvironment,
  stdio: ['ignore' | 'pipe', 'ignore' | 'pipe'],
): RunningProgram {
  const child = spawn(path, args, { env, stdio: [...stdio, 'pipe'] });
  const said = text(child.stderr!);
  const done = new Promise<void>((ended, failed) => {
    child.once('error', failed);
    child.once('close', async (code, signal) => {
      if (code === 0) return ended();
      const words = (await said.catch(() => '')).trim().split('\n').slice(-4).join(' ');
      failed(
        new LatchkeyError(
          'central-refused',
          `${path} failed (${signal ?? `exit ${code}`}): ${words || 'it said nothing'}`,
          {
            details: { exit: code },
          },
        ),
      );
    });
  });
  // Whoever waits for it hears of it; nobody else must.
  done.catch(() => {});
  return { child, done };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
