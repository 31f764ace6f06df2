import type { MirroredColumn, MirroredTable } from '../mirror/catalogue.ts';
import { fromCentral, type Stored } from '../mirror/rows.ts';

/** How a field's bytes become what SQLite holds. Every field but `blob` is central's text, and most of it is ASCII. */
const integer = 0;
const text = 1;
const ascii = 2;
const timestamp = 3;
const timestamptz = 4;
const blob = 5;
const other = 6;

const [dot, space, plus, capitalC, minus, zero] = [46, 32, 43, 67, 45, 48];
const [capitalT, capitalZ] = [84, 90];

/**
 * Decodes rows of `COPY … TO STDOUT (FORMAT binary)` of server-rendered columns (PostgreSQL documentation, COPY, "Binary Format"):
 * a count, then length-prefixed fields.
 */
export class RowDecoder {
  private readonly columns: MirroredColumn[];
  private readonly kinds: number[];

  constructor(table: MirroredTable) {
    this.columns = table.columns;
    this.kinds = table.columns.map(kindOf);
  }

  /** Puts the values of the row at `start` into `values` from `place` on. The row's bytes may be changed. */
  decode(bytes: Buffer, start: number, values: Stored[], place: number): void {
    const { kinds } = this;
    if (bytes.readInt16BE(start) !== kinds.length) throw new Error('Central sent a row of another width.');
    let at = start + 2;
    for (let column = 0; column < kinds.length; column++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      if (length === -1) {
        values[place + column] = null;
        continue;
      }
      values[place + column] = this.value(bytes, at, at + length, column);
      at += length;
    }
  }

  private value(bytes: Buffer, from: number, to: number, column: number): Stored {
    switch (this.kinds[column]) {
      case integer:
        // Fifteen digits, or a sign and fourteen, lie within what a number holds exactly.
        return to - from > 15
          ? fromCentral('integer', bytes.toString('latin1', from, to))
          : smallInteger(bytes, from, to);
      case text:
        return bytes.toString('utf8', from, to);
      case ascii:
        return bytes.toString('latin1', from, to);
      case timestamp:
        if (to - from !== 26 || !isCommon(bytes, from, to)) break;
        bytes[from + 10] = capitalT;
        return bytes.toString('latin1', from, to);
      case timestamptz:
        if (to - from !== 29 || !isCommon(bytes, from, to) || bytes[from + 26] !== plus) break;
        bytes[from + 10] = capitalT;
        bytes[from + 26] = capitalZ;
        return bytes.toString('latin1', from, from + 27);
      case blob:
        return Buffer.from(bytes.subarray(from, to));
    }
    return fromCentral(this.columns[column]!.storage, bytes.toString('utf8', from, to));
  }
}

/** `2026-11-20 18:39:28.573829`, with all its microseconds: a byte or two of it make the text that the mirror keeps. */
function isCommon(bytes: Buffer, from: number, to: number): boolean {
  return bytes[from + 10] === space && bytes[from + 19] === dot && bytes[to - 1] !== capitalC; /* …BC */
}

function smallInteger(bytes: Buffer, from: number, to: number): number {
  const negative = bytes[from] === minus;
  let value = 0;
  for (let at = negative ? from + 1 : from; at < to; at++) value = value * 10 + bytes[at]! - zero;
  return negative ? -value : value;
}

function kindOf({ storage, type }: MirroredColumn): number {
  switch (storage) {
    case 'integer':
    case 'boolean':
      return integer;
    case 'timestamp':
      return timestamp;
    case 'timestamptz':
      return timestamptz;
    case 'blob':
      return blob;
    case 'real':
      return other;
    default:
      return type === 'uuid' ? ascii : text;
  }
}
