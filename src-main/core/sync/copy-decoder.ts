import type { MirroredTable } from '../mirror/catalogue.ts';
import { fromCentral, type Stored } from '../mirror/rows.ts';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/**
 * Decodes `COPY … TO STDOUT (FORMAT binary)` of server-rendered text columns (PostgreSQL documentation, COPY, "Binary Format"):
 * a header, then per row a count and length-prefixed fields. Bytes may be cut anywhere between chunks.
 */
export class CopyDecoder {
  private readonly table: MirroredTable;
  private rest: Buffer = Buffer.alloc(0);
  private headerRead = false;
  ended = false;

  constructor(table: MirroredTable) {
    this.table = table;
  }

  /** Whole rows that the bytes so far complete. */
  decode(chunk: Buffer): Stored[][] {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const rows: Stored[][] = [];
    let at = 0;
    if (!this.headerRead) {
      if (bytes.length < 19) {
        this.rest = bytes;
        return rows;
      }
      if (!bytes.subarray(0, 11).equals(signature))
        throw new Error('Central did not answer in the binary COPY format.');
      at = 19 + bytes.readInt32BE(15);
      this.headerRead = true;
    }
    const columns = this.table.columns;
    while (at + 2 <= bytes.length) {
      const fields = bytes.readInt16BE(at);
      if (fields === -1) {
        this.ended = true;
        at += 2;
        break;
      }
      const row: Stored[] = new Array(columns.length);
      let cursor = at + 2;
      let complete = true;
      for (let place = 0; place < fields; place++) {
        if (cursor + 4 > bytes.length) {
          complete = false;
          break;
        }
        const length = bytes.readInt32BE(cursor);
        cursor += 4;
        if (length === -1) {
          row[place] = null;
          continue;
        }
        if (cursor + length > bytes.length) {
          complete = false;
          break;
        }
        const { storage } = columns[place]!;
        row[place] =
          storage === 'blob'
            ? Buffer.from(bytes.subarray(cursor, cursor + length))
            : fromCentral(storage, bytes.toString('utf8', cursor, cursor + length));
        cursor += length;
      }
      if (!complete) break;
      rows.push(row);
      at = cursor;
    }
    this.rest = bytes.subarray(at);
    return rows;
  }
}
