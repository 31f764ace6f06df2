import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { looksLikeSecret, newSecret } from '../../src-main/core/keys/secret.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** Reads base62 back, apart from how it was written. */
function decoded(text: string): bigint {
  return [...text].reduce((sum, character) => sum * 62n + BigInt(alphabet.indexOf(character)), 0n);
}

describe('a new secret', () => {
  test('has a prefix, 43 characters of random and 6 of checksum, whatever the bytes', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        expect(newSecret('sgk_', random).secret).toMatch(/^sgk_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/);
      }),
    );
  });

  test('ends in the CRC32 of its random part', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        const { secret } = newSecret('sgk_', random);
        expect(decoded(secret.slice(-6))).toBe(BigInt(crc32(secret.slice(4, -6))));
      }),
    );
  });

  test('carries all 256 bits: every 32 bytes can be read back, so none is likelier than another', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        const value = decoded(newSecret('sgk_', random).secret.slice(4, -6));
        expect(value.toString(16).padStart(64, '0')).toBe(Buffer.from(random).toString('hex'));
      }),
    );
  });

  test.each([
    ['the least', 0],
    ['the greatest', 255],
  ])('keeps its width for %s bytes', (_which, byte) => {
    const { secret } = newSecret('sgk_', new Uint8Array(32).fill(byte));

    expect(secret).toHaveLength(53);
  });

  test('is kept as its SHA-256, its first 12 characters and its last 4', () => {
    const { secret, hash, prefix, last4 } = newSecret('sgk_');

    expect(hash).toBe(createHash('sha256').update(secret).digest('hex'));
    expect(secret.startsWith(prefix)).toBe(true);
    expect(prefix).toHaveLength(12);
    expect(secret.endsWith(last4)).toBe(true);
    expect(last4).toHaveLength(4);
  });

  test('is never the same twice', () => {
    const secrets = Array.from({ length: 1000 }, () => newSecret('sgk_').secret);

    expect(new Set(secrets).size).toBe(1000);
  });

  test('refuses to be made of fewer bytes', () => {
    expect(() => newSecret('sgk_', new Uint8Array(16))).toThrow(RangeError);
  });
});

describe('looksLikeSecret', () => {
  test('knows every secret that was made', () => {
    fc.assert(fc.property(bytes, (random) => looksLikeSecret('sgk_', newSecret('sgk_', random).secret)));
  });

  test('sees one wrong character', () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 4, max: 52 }), fc.integer({ min: 1, max: 61 }), (random, at, by) => {
        const { secret } = newSecret('sgk_', random);
        const other = alphabet[(alphabet.indexOf(secret[at]!) + by) % 62];
        expect(looksLikeSecret('sgk_', secret.slice(0, at) + other + secret.slice(at + 1))).toBe(false);
      }),
    );
  });

  test.each(['', 'sgk_', 'sgk_abc', 'Billing service'])('says no to %o', (text) => {
    expect(looksLikeSecret('sgk_', text)).toBe(false);
  });
});
