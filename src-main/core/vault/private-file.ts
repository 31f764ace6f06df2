import { chmod, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LatchkeyError } from '../../contract/errors.ts';

/** Makes a folder that only its owner may enter. An existing one keeps its rights if others have none in it. */
export async function privateFolder(folder: string): Promise<void> {
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await chmod(folder, 0o700);
  } catch (error) {
    throw fileError(error, folder);
  }
}

/** Writes a file that only its owner may read, whole or not at all. */
export async function writePrivately(path: string, content: string | Uint8Array): Promise<void> {
  const next = `${path}.next`;
  try {
    const file = await open(next, 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await renamePrivately(next, path);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Puts a file in place of another in the same folder, for good: a power cut does not undo it. */
export async function renamePrivately(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    const folder = await open(dirname(to), 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    throw fileError(error, to);
  }
}

export function fileError(error: unknown, path: string): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL') {
    return new LatchkeyError(
      'disk-full',
      `The disk that holds ${path} is full. What was there before was kept. Free some space and try again.`,
      { cause: error },
    );
  }
  return new LatchkeyError('folder-unusable', `${path} cannot be used (${code ?? message}). Nothing was changed.`, {
    cause: error,
  });
}
