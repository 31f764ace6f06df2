import { createECDH, createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Random } from './random.ts';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export interface KeyMarks {
  hash: string;
  prefix: string;
  last4: string;
}

/**
 * What the database keeps of an API key: the key itself is made here, hashed, and forgotten.
 *
 * @param start what every key of the system starts with, four characters long
 */
export function makeKeyMarks(random: Random, start: string): KeyMarks {
  const secret = Array.from(random.bytes(43), (byte) => base62[byte % 62]).join('');
  const key = `${start}${secret}${checksum(secret)}`;
  return { hash: sha256(key), prefix: key.slice(0, 8), last4: key.slice(-4) };
}

export interface Certificate {
  type: 'RSA' | 'ECDSA' | 'Ed25519';
  publicKey: string;
  /** SHA-256, lower hex. */
  fingerprint: string;
}

/** A real public key of each kind in turn, with a fingerprint of the certificate that would carry it. */
export function makeCertificate(random: Random, index: number): Certificate {
  const type = (['ECDSA', 'Ed25519', 'RSA'] as const)[index % 3]!;
  const publicKey =
    type === 'ECDSA' ? p256PublicKey(random) : type === 'Ed25519' ? ed25519PublicKey(random) : rsaPublicKey(index);
  return { type, publicKey, fingerprint: sha256(`${publicKey}serial ${random.hex(32)}`) };
}

/** RFC 8410 wraps the 32 bytes of a private key in this much DER, so a seeded key needs no generator. */
const ed25519Pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519PublicKey(random: Random): string {
  const der = Buffer.concat([ed25519Pkcs8, random.bytes(32)]);
  return pem(createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export(spki));
}

/** SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point: RFC 5480. */
const p256Spki = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

function p256PublicKey(random: Random): string {
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(random.bytes(32));
  const der = Buffer.concat([p256Spki, curve.getPublicKey()]);
  return pem(createPublicKey({ key: der, format: 'der', type: 'spki' }).export(spki));
}

const spki = { format: 'pem', type: 'spki' } as const;

function pem(exported: string | Buffer): string {
  return exported.toString();
}

function rsaPublicKey(index: number): string {
  const body = rsaPublicKeys[Math.floor(index / 3) % rsaPublicKeys.length]!;
  const lines = body.match(/.{1,64}/g)!.join('\n');
  return `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Six digits that let a secret scanner tell a key from noise, as GitHub's tokens have them. */
function checksum(secret: string): string {
  let rest = crc32(secret);
  let digits = '';
  for (let i = 0; i < 6; i++) {
    digits = base62[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

// RSA keys cannot be made from a seed by node:crypto, and take a second each. These are real, and their private
// halves were never written down.
const rsaPublicKeys = [
  'MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAswoarUCnh6Ou9PERwwBUtOMacRilM0fntWQ8oFjjjbOzVxkTa7FMThOVFPJAhHas0HZ1RfIpttb5k9XjXX/sppk/u8c84jy0DRG+QBvlEZVxpf3XzqwCcT9D6O9dBqvJQ99ZmMY56XjbEAHkiCpZrExewgRUD54fjGG0gSpupVusVL0jL9VWoNI0NTUkcgM69Yr+DPf1CkvwzytFxyY7MaBNyh1WBySkIXxR0jHdEQMJ+o3raKnaekWaxlXbVUY/TAaHtvsFj0nCc7ktwkuFfPBRQMxy14OeKfaY47UB5uBbPE4JrMazqQhPkaDtXZtXz0LIniQaE/8Ktq7BnL2TC6WfYnuDiNwPspVdc9jVvULHs4BMMWvysoWS7oyNgYrTeEPLLEAJexyW+jS/Pg4OMGefnb7dfN2fHr8YlSqp36S6RtJe/oS7N2wkf6jwZkd3uSQQrju/QeawuVJqq9qwn+DMY7+UdgkCmIruOBXHolYBM7aaa+p+N499P3VLFer1AgMBAAE=',
  'MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAyglf6sR/b0dmES87v1yyjaVP+AEjUVLq5lvVROxtnY9/1+LullR22ooKmR+KQuyEm4dp/AWsqmyTMUGLpAHUiS3S4tlYoJIkTsWEvkhE7TZT3+Fu8Ot87Qu5deWtW9mQAt7zMZr0NVy6xkmTrKzOEqbnO+Kl1zrtWk6ljLUchbp8MmnuJLB8AgurHDiAAO4PF8iO1BqrkzJmI2aBQPU/vXTiHWC94EINHThzBziQyitJCS9Hk/8+v2G2CQp3kdXBLE7slTeVK7kSM9HDexyY7zyklNG359nFQYEvjsNAt1WzZcT4QMuASPEgDzR7MrDUyA+CmJZQEoSbASVcAT6J0oAwCx3U8wI2WSlSuDxcpVwFPeDELCZnQHa18yQAG2iM92qo6Rpj/EPuPv4y4PhF4dCFiLWb+wqxBAiFS0dBoSjkod6pgH/a+LSd/uGaAKTnx68fz+73YFt1wGCWvrgtzg3xtS9LvDwm3Rr0SwJHapbvoqnnxr34QfcbrybJifRNAgMBAAE=',
  'MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAuVn0Yvz/QLlb0XM70NXEbG5y/wl+mNs73vXqErSRmK/TVF+tSWRJMpZ6qUx8ka8gq7DqHAfUK2R8jylg2tIuIMaFTajHRJmLIOiB6JNKQocQIQt6XIqrKdL2HEdQahMV8aRFJqEXS1R+Ui4ey+21qI2DEn0sQ/TtwM4X71eYzrGvUBrXkCX7GwXgx+wkg6dS5Bmj4MZ8qxleSNGjq8TmG/AcG20QHN0ukgqb2xayHhsHbaBMWYpO/SeRXJ49grqxkzkm37UWPbLY2QaAosZjltHCNUxxGrYWhrx/Ur0+9huhAjyFspOsghuGZOQ6syUcZb4gRdFwSWLu5/KJDHM3f7AFtpfUHH89TGJZpxvoB5CjgYqBagFzl+flq6D7okfdg1RV5szA69JcdhQONLCyyK4UP+Q/gyb+Mfb0O/dSJT+h2dKlkyBa7lx4hklkk+cr5lfYUO2EOC7sDXnnjvtI841zHkYFMMCfbkXHOnFUbiZyjb584Qu0X2clvig3AAeZAgMBAAE=',
  'MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEApqBwU3eFNjU0qVKpPtGYIKy3n5P7m7KD+Jlb9I5KTckcgYpUI5KKVHQMwy2/SZD051RNSloStaFmq2/YKnynLcYDKelwI8CxPYK0QR7I45qwQt3o4He4cxPHwZQCH7+gcdCV2+lYxwy03qlMHZEGX/YLAiL0srf5GfmSCK4ZmamDCEN0ZoUEJkm/4fLom0IocWfUK1YmWXntcBM2DhOKih46y3pmgutLx1V2bHbhSePKBjgEHHysKjN4t+icSrlP+Ejywt+X4nGG7I5EtqONQRYOkihQum+4J90FF2IxIpsysUj4rNkDXv5UOdPFclinBtNHkjXMfKbT45MP/5rHyYKGELZrcKZOO6DI+dCEpvi2U3yntJXKlSPgYRp5GQQpeB0dV/wZBqDWAknFXglmxHHYj8y2+4r8y825P1z6+J4P2kPr9SfqOSGCOjYGWPlTizamaFOBVieKjevG3vb/6tRifLRqy11L3HVuP21ZnSX5pf98bmLwm+wGkGuuAgxdAgMBAAE=',
];
