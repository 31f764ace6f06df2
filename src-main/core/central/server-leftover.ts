import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LatchkeyError } from '../../contract/errors.ts';

/** What a running server says about itself in `postmaster.pid`: its process on the first line, its state on the eighth. */
export function readPostmaster(cluster: string): { pid: number; ready: boolean } | null {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), ready: lines[7]?.trim() === 'ready' };
}

/**
 * Stops the server that a killed run left on a cluster, and clears the mark of one that is gone. Not every mark is true: after a
 * reboot the same process id may belong to something else, which must be left alone.
 */
export async function stopLeftover(cluster: string): Promise<void> {
  const postmaster = readPostmaster(cluster);
  if (!postmaster) return;
  if (!isServerOf(postmaster.pid, cluster)) {
    rmSync(join(cluster, 'postmaster.pid'), { force: true });
    return;
  }
  for (const [signal, waitMs] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
  ] as const) {
    sendSignal(postmaster.pid, signal);
    for (const deadline = Date.now() + waitMs; Date.now() < deadline; await pause(50))
      if (!isServerOf(postmaster.pid, cluster)) return;
  }
  throw new LatchkeyError(
    'folder-unusable',
    `An earlier PostgreSQL (process ${postmaster.pid}) still runs on ${cluster} and does not stop. Nothing was changed. End it, then start again.`,
  );
}

function isServerOf(pid: number, cluster: string): boolean {
  const command = commandOf(pid);
  return command !== null && /postgres/.test(command) && command.includes(cluster);
}

/** The command line of a process; null where there is none, or a dead one that nobody has collected. */
function commandOf(pid: number): string | null {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8') || null;
    if (process.platform === 'win32') return null;
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }) || null;
  } catch {
    return null;
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
