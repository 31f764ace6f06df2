import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { LatchkeyError } from '../../contract/errors.ts';
import { writePrivately } from '../../core/vault/private-file.ts';
import { words } from './words.ts';

const wordsInPassphrase = 6;

/** Six of 256 words: 48 bits, behind a slow key derivation; it guards a demo. */
export function newPassphrase(): string {
  return Array.from({ length: wordsInPassphrase }, () => words[randomInt(words.length)]).join('-');
}

/** The demo's own passphrase, made and kept in a file at the first start. */
export async function keptPassphrase(file: string): Promise<string> {
  if (existsSync(file)) return readPassphrase(file);
  const passphrase = newPassphrase();
  await writePrivately(file, `${passphrase}\n`);
  return passphrase;
}

export function readPassphrase(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new LatchkeyError(
      'not-found',
      `The passphrase file ${file} cannot be read: ${(error as Error).message}. Nothing was changed.`,
      { field: 'passphrase-file', cause: error },
    );
  }
}
