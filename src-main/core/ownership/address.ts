import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A socket's path must fit a field of 104 bytes on macOS and 108 on Linux, its end included. */
const longestSocketPathBytes = 100;

export interface Address {
  path: string;
  /** Takes away what the address left on disk. */
  remove(): Promise<void>;
}

/** Where the owner listens: in the data folder, or in a private folder of its own where that one's name is too long. */
export async function chooseAddress(dataFolder: string): Promise<Address> {
  if (process.platform === 'win32') {
    return { path: `\\\\.\\pipe\\latchkey-${randomBytes(16).toString('hex')}`, remove: async () => {} };
  }
  const near = join(dataFolder, 'owner.sock');
  if (fits(near)) {
    await rm(near, { force: true });
    return { path: near, remove: () => rm(near, { force: true }) };
  }
  // mkdtemp makes the folder with mode 0700.
  const root = fits(join(tmpdir(), 'latchkey-123456', 'owner.sock')) ? tmpdir() : '/tmp';
  const folder = await mkdtemp(join(root, 'latchkey-'));
  return { path: join(folder, 'owner.sock'), remove: () => rm(folder, { recursive: true, force: true }) };
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= longestSocketPathBytes;
}
