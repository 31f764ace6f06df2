import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  scrypt as scryptCallback,
  timingSafeEqual,
} from 'node:crypto';
import { Transform } from 'node:stream';
import { promisify } from 'node:util';
import { z } from 'zod';
import { LatchkeyError } from '../../../contract/errors.ts';

const scrypt = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scryptCallback,
);

/** As the device's vault: OWASP's first choice of scrypt parameters, 128 MiB and about half a second. */
const cost = { N: 131_072, r: 8, p: 1 };

const magic = Buffer.from('latchkey-sealed/1\n');
const saltLength = 32;
const tagLength = 16;
/** What is sealed at once, and so what is in memory before its tag is known to be right. */
const recordLength = 65_536;

/** How a key comes from a passphrase, and what tells the right one. */
export const passphraseFacts = z.strictObject({
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    N: z.int().min(16_384).max(1_048_576),
    r: z.int().min(1).max(32),
    p: z.int().min(1).max(16),
    salt: z.base64(),
  }),
  check: z.string().regex(/^[0-9a-f]{64}$/),
});
export type PassphraseFacts = z.infer<typeof passphraseFacts>;

/** The key of all files of a backup. */
export class BackupKey {
  readonly facts: PassphraseFacts;
  private readonly key: Buffer;

  private constructor(key: Buffer, facts: PassphraseFacts) {
    this.key = key;
    this.facts = facts;
  }

  static async create(passphrase: string): Promise<BackupKey> {
    const salt = randomBytes(32);
    const key = await stretched(passphrase, salt, cost);
    return new BackupKey(key, {
      kdf: { name: 'scrypt', ...cost, salt: salt.toString('base64') },
      check: checkOf(key).toString('hex'),
    });
  }

  /** @throws LatchkeyError `wrong-passphrase` */
  static async open(passphrase: string, facts: PassphraseFacts): Promise<BackupKey> {
    const key = await stretched(passphrase, Buffer.from(facts.kdf.salt, 'base64'), facts.kdf);
    if (timingSafeEqual(checkOf(key), Buffer.from(facts.check, 'hex'))) return new BackupKey(key, facts);
    throw new LatchkeyError(
      'wrong-passphrase',
      'LATCHKEY_BACKUP_PASSPHRASE is not the passphrase of this backup. Nothing was changed.',
      { field: 'passphrase' },
    );
  }

  /** Vouches for a text. */
  signature(text: string): string {
    return createHmac('sha256', this.key).update('latchkey-backup/1 manifest\n').update(text).digest('hex');
  }

  /** Of one file: its name is part of it, so that no file can stand in for another. */
  fileKey(salt: Buffer, name: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.key, salt, `latchkey-backup/1 file ${name}`, 32));
  }
}

function stretched(passphrase: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }) {
  return scrypt(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: 256 * N * r });
}

function checkOf(key: Buffer): Buffer {
  return createHmac('sha256', key).update('latchkey-backup/1 check').digest();
}

/**
 * AES-256-GCM over records of 64 KiB, each with its number and whether it is the last in its nonce (the STREAM construction of Hoang,
 * Reyhanitabar, Rogaway and Vizár, 2015): a file that was cut short, or of which records were swapped, does not open. The key is the file's
 * own, from a random salt at its start, so that no nonce comes twice.
 */
export function sealing(key: BackupKey, name: string): Transform {
  const salt = randomBytes(saltLength);
  const fileKey = key.fileKey(salt, name);
  let number = 0;
  let waiting = Buffer.alloc(0);
  let begun = false;
  const record = (plain: Buffer, isLast: boolean) => {
    const cipher = createCipheriv('aes-256-gcm', fileKey, nonceOf(number++, isLast));
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!begun) this.push(Buffer.concat([magic, salt]));
      begun = true;
      waiting = Buffer.concat([waiting, chunk]);
      for (; waiting.length > recordLength; waiting = waiting.subarray(recordLength))
        this.push(record(waiting.subarray(0, recordLength), false));
      done();
    },
    flush(done) {
      if (!begun) this.push(Buffer.concat([magic, salt]));
      this.push(record(waiting, true));
      done();
    },
  });
}

/** Fails with LatchkeyError `backup-damaged` before anything of a record that is not right comes out. */
export function unsealing(key: BackupKey, name: string): Transform {
  let fileKey: Buffer | null = null;
  let number = 0;
  let waiting = Buffer.alloc(0);
  const open = (record: Buffer, isLast: boolean) => {
    const decipher = createDecipheriv('aes-256-gcm', fileKey!, nonceOf(number++, isLast)).setAuthTag(
      record.subarray(-tagLength),
    );
    return Buffer.concat([decipher.update(record.subarray(0, -tagLength)), decipher.final()]);
  };
  const damaged = (cause?: unknown) =>
    new LatchkeyError('backup-damaged', `${name} is not what was sealed: it was changed or cut short.`, { cause });
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      waiting = Buffer.concat([waiting, chunk]);
      const start = magic.length + saltLength;
      try {
        if (!fileKey && waiting.length >= start) {
          if (!waiting.subarray(0, magic.length).equals(magic)) throw damaged();
          fileKey = key.fileKey(waiting.subarray(magic.length, start), name);
          waiting = waiting.subarray(start);
        }
        const whole = recordLength + tagLength;
        for (; fileKey && waiting.length > whole; waiting = waiting.subarray(whole))
          this.push(open(waiting.subarray(0, whole), false));
        done();
      } catch (error) {
        done(damaged(error));
      }
    },
    flush(done) {
      try {
        if (!fileKey || waiting.length < tagLength) throw damaged();
        this.push(open(waiting, true));
        done();
      } catch (error) {
        done(damaged(error));
      }
    },
  });
}

function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
