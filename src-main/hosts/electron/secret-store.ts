import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { safeStorage } from 'electron';
import { LatchkeyError } from '../../contract/errors.ts';
import type { SecretStore } from '../../core/ports.ts';
import { privateFolder, writePrivately } from '../../core/vault/private-file.ts';

/** Stores that keep their key behind the user's login. `basic_text` has its key in Electron's source, for all to read. */
const realBackends = new Set(['gnome_libsecret', 'kwallet', 'kwallet5', 'kwallet6']);
const secretName = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** The operating system's secret store, as ciphertext in `folder`; null where it would encrypt in name only. */
export async function openSecretStore(
  folder: string,
  platform: NodeJS.Platform = process.platform,
): Promise<SecretStore | null> {
  if (platform === 'linux' && !realBackends.has(safeStorage.getSelectedStorageBackend())) return null;
  if (!(await safeStorage.isAsyncEncryptionAvailable())) return null;
  return {
    read: (name) => read(fileOf(folder, name)),
    write: (name, value) => write(fileOf(folder, name), value),
    remove: (name) => rm(fileOf(folder, name), { force: true }),
  };
}

async function read(file: string): Promise<Uint8Array | null> {
  let ciphertext: Buffer;
  try {
    ciphertext = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const { result, shouldReEncrypt } = await safeStorage.decryptStringAsync(ciphertext);
  const value = Buffer.from(result, 'base64');
  // The system has changed its key; a copy under the old one should not be left lying about.
  if (shouldReEncrypt) await write(file, value);
  return value;
}

async function write(file: string, value: Uint8Array): Promise<void> {
  await privateFolder(dirname(file));
  await writePrivately(file, await safeStorage.encryptStringAsync(Buffer.from(value).toString('base64')));
}

function fileOf(folder: string, name: string): string {
  if (!secretName.test(name))
    throw new LatchkeyError('invalid-input', 'A secret has a name of letters, digits and dashes.');
  return join(folder, `${name}.sealed`);
}
