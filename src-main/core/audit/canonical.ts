import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Json } from '../command/intent.ts';
import { FormatError, utf8Text } from './encoding.ts';

/** Arrays and objects within each other that are read: far beyond what anyone writes, and within every reader's stack. */
const deepest = 200;

/** JSON Canonicalization Scheme, RFC 8785: the one text of a value. @throws where the value is not JSON, or holds half a surrogate pair. */
export function canonicalText(value: Json): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('Only JSON has a canonical form.');
  return text;
}

/** SHA-256 of the text in UTF-8, lower hex. */
export function sha256Hex(text: string): string {
  return hash('sha256', text, 'hex');
}

/**
 * The object whose RFC 8785 bytes these are, in the profile of log entries: its numbers are integers between -2^53 and 2^53.
 * @throws FormatError for all other bytes, however much the same they mean.
 */
export function readCanonicalObject(bytes: Uint8Array): { [name: string]: Json } {
  const value = read(bytes, Number.isSafeInteger, 'A number is no integer below 2^53.');
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new FormatError('Not an object.');
  return value;
}

/** The value whose RFC 8785 bytes these are, with any number that a double holds. @throws FormatError for all other bytes. */
export function readCanonical(bytes: Uint8Array): Json {
  return read(bytes, Number.isFinite, 'A number is beyond a double.');
}

function read(bytes: Uint8Array, isNumber: (value: number) => boolean, elseSay: string): Json {
  const text = utf8Text(bytes);
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError('Not JSON.');
  }
  let isSorted = true;
  const checkDown = (value: Json, depth: number): void => {
    if (typeof value === 'number') {
      if (!isNumber(value)) throw new FormatError(elseSay);
    } else if (typeof value === 'object' && value !== null) {
      if (depth === deepest) throw new FormatError(`More than ${deepest} levels.`);
      if (Array.isArray(value)) {
        for (const each of value) checkDown(each, depth + 1);
      } else {
        let previous: string | undefined;
        for (const name in value) {
          if (previous !== undefined && previous >= name) isSorted = false;
          previous = name;
          checkDown(value[name]!, depth + 1);
        }
      }
    }
  };
  checkDown(value, 0);
  // V8 writes what RFC 8785 does but for two things: names in their own order, and half a surrogate pair as an escape.
  // What it writes otherwise is then the canonical text or shows that this is not; only the rest needs the slower way.
  if (isSorted && !text.includes('\\ud') && JSON.stringify(value) === text) return value;
  if (canonicalOr(value) !== text) throw new FormatError('Not the canonical text.');
  return value;
}

function canonicalOr(value: Json): string | undefined {
  try {
    return canonicalText(value);
  } catch {
    return undefined;
  }
}
