import { createCipheriv, createDecipheriv, randomBytes, scrypt as scryptCallback, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { LatchkeyError } from '../../contract/errors.ts';
import { fileError, renamePrivately, writePrivately } from './private-file.ts';

const scrypt = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scryptCallback,
);

/** OWASP's first choice of scrypt parameters: 128 MiB and about half a second. Kept in the file, so that they can grow. */
const cost = { N: 131_072, r: 8, p: 1 };

const sealedBox = z.strictObject({ nonce: z.string(), data: z.string() });
const vaultFile = z.strictObject({
  format: z.literal('latchkey-vault/1'),
  slots: z
    .array(
      z.strictObject({
        kind: z.literal('passphrase'),
        kdf: z.strictObject({
          name: z.literal('scrypt'),
          N: z.number().int().min(16_384).max(4_194_304),
          r: z.number().int().min(1).max(32),
          p: z.number().int().min(1).max(16),
          salt: z.string(),
        }),
        wrapped: sealedBox,
      }),
    )
    .min(1),
  identity: sealedBox,
});
type VaultFile = z.infer<typeof vaultFile>;

export interface OpenVault<Identity> {
  /** 32 bytes: the key of the mirror's file and of everything sealed on this device. */
  databaseKey: Buffer;
  identity: Identity;
}

/**
 * The device's vault: one random 256-bit key, wrapped by the operator's passphrase, and the device's identity (its login, its
 * signing key) sealed under that key. What is written tells nothing without the passphrase.
 */
export class Vault {
  private readonly path: string;
  /** The vault of a device that is about to join: nobody knows yet whether central took it. */
  private readonly proposed: string;
  private failures = 0;

  constructor(folder: string) {
    this.path = join(folder, 'vault.json');
    this.proposed = join(folder, 'vault.joining.json');
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  get isProposed(): boolean {
    return existsSync(this.proposed);
  }

  /** Writes a vault that counts only once it is confirmed. An earlier proposal is replaced. */
  async propose<Identity>(passphrase: string, identity: Identity): Promise<OpenVault<Identity>> {
    const databaseKey = randomBytes(32);
    const salt = randomBytes(32);
    const file: VaultFile = {
      format: 'latchkey-vault/1',
      slots: [
        {
          kind: 'passphrase',
          kdf: { name: 'scrypt', ...cost, salt: salt.toString('base64') },
          wrapped: seal(await stretch(passphrase, salt, cost), databaseKey, 'latchkey-vault/1 database key'),
        },
      ],
      identity: seal(databaseKey, Buffer.from(JSON.stringify(identity)), 'latchkey-vault/1 identity'),
    };
    await writePrivately(this.proposed, `${JSON.stringify(file, null, 2)}\n`);
    return { databaseKey, identity };
  }

  /** Central took the device: from now on the proposed vault is its vault. */
  async confirm(): Promise<void> {
    await renamePrivately(this.proposed, this.path);
  }

  /** @throws LatchkeyError `wrong-passphrase`, `mirror-damaged` */
  unlockProposed<Identity>(passphrase: string): Promise<OpenVault<Identity>> {
    return this.open(this.proposed, passphrase);
  }

  /** @throws LatchkeyError `wrong-passphrase`, `mirror-damaged`, `not-enrolled` */
  unlock<Identity>(passphrase: string): Promise<OpenVault<Identity>> {
    return this.open(this.path, passphrase);
  }

  private async open<Identity>(path: string, passphrase: string): Promise<OpenVault<Identity>> {
    const file = await this.read(path);
    // Guessing gets slower with every miss; the wait is told nowhere and ends with the process.
    if (this.failures > 3)
      await new Promise((resolve) => setTimeout(resolve, Math.min(2 ** (this.failures - 3), 30) * 1000));
    for (const slot of file.slots) {
      const key = await stretch(passphrase, Buffer.from(slot.kdf.salt, 'base64'), slot.kdf);
      const databaseKey = unseal(key, slot.wrapped, 'latchkey-vault/1 database key');
      if (!databaseKey) continue;
      const identity = unseal(databaseKey, file.identity, 'latchkey-vault/1 identity');
      if (!identity) throw damaged();
      this.failures = 0;
      return { databaseKey, identity: JSON.parse(identity.toString('utf8')) as Identity };
    }
    this.failures += 1;
    throw new LatchkeyError('wrong-passphrase', 'This is not the passphrase of this device. Nothing was changed.', {
      field: 'passphrase',
    });
  }

  /** For a caller that must prove again that it knows the passphrase of a vault that stands open. */
  async verify(passphrase: string, databaseKey: Buffer): Promise<void> {
    const opened = await this.unlock(passphrase);
    if (!timingSafeEqual(opened.databaseKey, databaseKey)) throw damaged();
  }

  private async read(path: string): Promise<VaultFile> {
    if (!existsSync(path))
      throw new LatchkeyError(
        'not-enrolled',
        'This device has not joined an organization yet. Join with an enrollment file.',
      );
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw fileError(error, path);
    });
    const parsed = vaultFile.safeParse(parseJson(text));
    if (!parsed.success) throw damaged();
    return parsed.data;
  }
}

function damaged(): LatchkeyError {
  return new LatchkeyError(
    'mirror-damaged',
    'The vault of this device (vault.json) is damaged. Nothing was changed. Put back a backup of the folder, or enroll again.',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function stretch(passphrase: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }): Promise<Buffer> {
  // The same words typed on another keyboard may be composed otherwise; NFKC is what RFC 8265 asks of passwords.
  return scrypt(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: 256 * N * r });
}

/** AES-256-GCM with a random nonce; `purpose` is authenticated, so that one box cannot stand in for another. */
function seal(key: Buffer, plain: Buffer, purpose: string): { nonce: string; data: string } {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
  const data = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { nonce: nonce.toString('base64'), data: data.toString('base64') };
}

function unseal(key: Buffer, box: { nonce: string; data: string }, purpose: string): Buffer | null {
  const data = Buffer.from(box.data, 'base64');
  const nonce = Buffer.from(box.nonce, 'base64');
  if (data.length < 16 || nonce.length !== 12) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce)
    .setAAD(Buffer.from(purpose))
    .setAuthTag(data.subarray(-16));
  try {
    return Buffer.concat([decipher.update(data.subarray(0, -16)), decipher.final()]);
  } catch {
    return null;
  }
}
