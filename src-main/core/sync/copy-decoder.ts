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
  /** Of text columns; null of others, and of those whose values do not come again. */
  private readonly known: (KnownTexts | null)[];

  constructor(table: MirroredTable) {
    this.columns = table.columns;
    this.kinds = table.columns.map(kindOf);
    this.known = this.kinds.map((kind) => (kind === text || kind === ascii ? new KnownTexts() : null));
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
    const known = this.known[column]!;
    if (known !== null && to - from <= longestKnown) {
      if (!known.isWorthwhile) this.known[column] = null;
      return known.text(bytes, from, to);
    }
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

/** Longer ones come again too seldom. */
const longestKnown = 40;
const places = 256;
const trial = 4_096;

/**
 * Texts of one column that came lately. What is the same in many rows, a role, an action, an organization, need not be made into a
 * string each time: comparing its bytes takes a quarter of that.
 */
class KnownTexts {
  private readonly texts: string[] = new Array(places).fill('');
  private readonly bytes = Buffer.alloc(places * longestKnown);
  private readonly lengths = new Uint8Array(places);
  private asked = 0;
  private found = 0;

  /** Whether most of what came was there already. */
  get isWorthwhile(): boolean {
    return this.asked < trial || this.found * 2 > this.asked;
  }

  text(bytes: Buffer, from: number, to: number): string {
    const length = to - from;
    if (length === 0) return '';
    const place = ((bytes[to - 1]! * 31 + bytes[from]!) * 31 + bytes[(from + to) >> 1]! * 7 + length) & (places - 1);
    this.asked += 1;
    if (this.lengths[place] === length) {
      let own = place * longestKnown;
      let at = from;
      while (at < to && this.bytes[own] === bytes[at]) {
        own++;
        at++;
      }
      if (at === to) {
        this.found += 1;
        return this.texts[place]!;
      }
    }
    const made = bytes.toString('utf8', from, to);
    bytes.copy(this.bytes, place * longestKnown, from, to);
    this.lengths[place] = length;
    this.texts[place] = made;
    return made;
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
