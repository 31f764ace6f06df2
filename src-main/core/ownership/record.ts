import { constants } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Who owns a data folder and where it answers. It is a note for others; what decides is the lock beside it. */
export interface OwnerRecord {
  pid: number;
  /** The socket or named pipe; null while the owner is still opening. */
  address: string | null;
}

const recordLimitBytes = 4096;

function recordPath(dataFolder: string): string {
  return join(dataFolder, 'owner.json');
}

/** Written beside and moved over, so that nobody reads half a record. */
export async function writeRecord(dataFolder: string, record: OwnerRecord): Promise<void> {
  const path = recordPath(dataFolder);
  const draft = `${path}.draft`;
  await rm(draft, { force: true });
  const file = await open(draft, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  try {
    await file.writeFile(JSON.stringify(record));
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** Null where there is none, or none that can be understood. */
export async function readRecord(dataFolder: string): Promise<OwnerRecord | null> {
  let text: string;
  try {
    text = await readFile(recordPath(dataFolder), 'utf8');
  } catch {
    return null;
  }
  return text.length > recordLimitBytes ? null : parse(text);
}

export async function removeRecord(dataFolder: string): Promise<void> {
  await rm(recordPath(dataFolder), { force: true });
}

function parse(text: string): OwnerRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('address' in value)) return null;
  const { pid, address } = value;
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return null;
  if (address !== null && typeof address !== 'string') return null;
  return { pid: pid as number, address };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // The process is there and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
