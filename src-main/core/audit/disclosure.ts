import { hash, randomBytes } from 'node:crypto';
import type { Json } from '../command/intent.ts';
import { canonicalText, readCanonical } from './canonical.ts';
import { decoded, FormatError } from './encoding.ts';

/** A value that an entry commits to by its digest and does not hold: a disclosure of RFC 9901 §4.2.1, for an object's property. */
export interface Disclosure {
  /** 16 random bytes as base64url, without which nobody can try values against the digest. */
  salt: string;
  name: string;
  value: Json;
}

const saltLength = 16;

/** base64url of the RFC 8785 JSON of [salt, name, value], under a fresh salt. */
export function makeDisclosure(name: string, value: Json): string {
  const salt = randomBytes(saltLength).toString('base64url');
  return Buffer.from(canonicalText([salt, name, value])).toString('base64url');
}

/** What stands in the entry's `_sd`: base64url of SHA-256 over the disclosure's own ASCII text, RFC 9901 §4.2.3. */
export function disclosureDigest(disclosure: string): string {
  return hash('sha256', disclosure, 'base64url');
}

/** @throws FormatError for everything that `makeDisclosure` would not make. */
export function readDisclosure(disclosure: string): Disclosure {
  const read = readCanonical(decoded(disclosure, 'base64url'));
  if (!Array.isArray(read) || read.length !== 3) throw new FormatError('A disclosure is salt, name and value.');
  const [salt, name, value] = read as [Json, Json, Json];
  if (typeof salt !== 'string' || decoded(salt, 'base64url').length !== saltLength)
    throw new FormatError('The salt is not 16 bytes.');
  // RFC 9901 §7.1: these names have a meaning of their own.
  if (typeof name !== 'string' || name === '_sd' || name === '...') throw new FormatError('No name of a property.');
  return { salt, name, value };
}
