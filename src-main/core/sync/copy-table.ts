import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { MirroredTable } from '../mirror/catalogue.ts';
import type { Stored } from '../mirror/rows.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { selectList } from './columns.ts';
import { CopyDecoder } from './copy-decoder.ts';

/** Rows that are decoded before they are written: large enough for few transactions, small enough for flat memory. */
const rowsPerTransaction = 2_048;

/**
 * Copies what this device may see of a table into an incoming table beside the one that screens read. The caller's transaction
 * at central gives it its snapshot.
 *
 * @returns the number of rows; they are in place only after `swapIn`
 */
export async function copyTable(
  client: pg.Client,
  mirror: WritableMirror,
  table: MirroredTable,
  onRows: (rows: number, bytes: number) => void,
): Promise<number> {
  mirror.transaction(() => mirror.createIncoming(table));
  const write = mirror.incomingWriter(table);
  const decoder = new CopyDecoder(table);
  const stream = client.query(
    copyTo(
      `COPY (SELECT ${selectList(table)} FROM latchkey_mirror.${quoteName(table.name)} t) TO STDOUT (FORMAT binary)`,
    ),
  );
  let waiting: Stored[][] = [];
  let rows = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (const row of decoder.decode(chunk)) waiting.push(row);
    if (waiting.length >= rowsPerTransaction) {
      write(waiting);
      rows += waiting.length;
      waiting = [];
    }
    onRows(rows + waiting.length, chunk.length);
  }
  if (waiting.length > 0) write(waiting);
  if (!decoder.ended) throw new Error(`Central's answer for ${table.name} ended early.`);
  return rows + waiting.length;
}
