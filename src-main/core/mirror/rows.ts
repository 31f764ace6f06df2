import type { Json } from '../command/intent.ts';
import type { MirroredColumn, Storage } from './catalogue.ts';

/** A value as SQLite holds it. */
export type Stored = null | number | bigint | string | Uint8Array;

/** Central's text of a value, as the mirror keeps it. Microseconds, 64-bit integers and exact decimals survive. */
export function fromCentral(storage: Storage, text: string | null): Stored {
  if (text === null) return null;
  switch (storage) {
    case 'integer':
    case 'boolean':
      return wholeNumber(text);
    case 'real':
      // SQLite turns NaN into NULL, so what is no finite number keeps its name.
      return /^(NaN|-?Infinity)$/.test(text) ? text : Number(text);
    case 'timestamp':
      return momentText(text, '');
    case 'timestamptz':
      return momentText(text, 'Z');
    case 'blob':
      return Buffer.from(text.slice(2), 'hex');
    default:
      return text;
  }
}

/** `2026-11-20 18:39:28.5+00` as `2026-11-20T18:39:28.500000Z`; infinities and years before Christ stay as printed. */
function momentText(text: string, zone: '' | 'Z'): string {
  const end = text.length;
  if (text.charCodeAt(10) !== 32 || text.charCodeAt(end - 1) === 67 /* …BC */) return text;
  const clockEnd = zone === '' ? end : end - 3;
  const fraction = clockEnd > 20 ? text.slice(20, clockEnd).padEnd(6, '0') : '000000';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}${zone}`;
}

function wholeNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** A stored value as JSON for a command or a screen. Integers that a JSON reader would round go as text. */
export function toJson(column: Pick<MirroredColumn, 'storage'>, stored: Stored): Json {
  if (stored === null) return null;
  if (column.storage === 'boolean') return Number(stored) !== 0;
  if (typeof stored === 'bigint') return Number.isSafeInteger(Number(stored)) ? Number(stored) : String(stored);
  if (stored instanceof Uint8Array) return `\\x${Buffer.from(stored).toString('hex')}`;
  return stored;
}

/** A JSON value of a command as the mirror shows it until central's own comes back. */
export function fromJson(column: Pick<MirroredColumn, 'storage'>, value: Json): Stored {
  if (value === null) return null;
  switch (column.storage) {
    case 'boolean':
      return value === true ? 1 : 0;
    case 'json':
      return JSON.stringify(value);
    case 'integer':
      return typeof value === 'number' ? value : wholeNumber(String(value));
    case 'blob':
      return Buffer.from(String(value).replace(/^\\x/, ''), 'hex');
    case 'real':
      return typeof value === 'number' ? value : String(value);
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}
