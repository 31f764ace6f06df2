import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A new key's value, told once, and what is kept of it. */
export interface Secret {
  secret: string;
  /** SHA-256 of the whole value, lower hex. */
  hash: string;
  /** The first 12 characters, to recognize the key by. */
  prefix: string;
  last4: string;
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const entropyBytes = 32;
/** 62^43 is the first power of 62 beyond 2^256, so that every 32 bytes have exactly one text. */
const bodyLength = 43;
const checksumLength = 6;
export const prefixLength = 12;

/**
 * A value in the shape that GitHub's tokens have, which secret scanners know: a prefix, base62 of 32 random bytes, and their
 * checksum, so that a scanner tells a real key from a look-alike without asking anybody.
 *
 * @param prefix e.g. `sgk_`
 * @param bytes 32 bytes; from the system's random source unless a test brings its own
 */
export function newSecret(prefix: string, bytes: Uint8Array = randomBytes(entropyBytes)): Secret {
  if (bytes.length !== entropyBytes)
    throw new RangeError(`A key is made of ${entropyBytes} bytes, not ${bytes.length}.`);
  // The bytes are one number, written in base 62: picking characters by remainder would favour some of them.
  const body = base62(BigInt(`0x${Buffer.from(bytes).toString('hex')}`), bodyLength);
  const secret = `${prefix}${body}${checksum(body)}`;
  return {
    secret,
    hash: createHash('sha256').update(secret, 'utf8').digest('hex'),
    prefix: secret.slice(0, prefixLength),
    last4: secret.slice(-4),
  };
}

/** Whether a text has the shape and the checksum of a value that `newSecret` made. Says nothing of whether the key exists. */
export function looksLikeSecret(prefix: string, text: string): boolean {
  const length = prefix.length + bodyLength + checksumLength;
  if (text.length !== length || !text.startsWith(prefix)) return false;
  const body = text.slice(prefix.length, -checksumLength);
  return /^[0-9A-Za-z]+$/.test(body) && checksum(body) === text.slice(-checksumLength);
}

/** CRC32 (ISO-HDLC) of the random part's characters, in base62. */
function checksum(body: string): string {
  return base62(BigInt(crc32(body)), checksumLength);
}

function base62(value: bigint, width: number): string {
  let text = '';
  for (let rest = value; text.length < width; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}
