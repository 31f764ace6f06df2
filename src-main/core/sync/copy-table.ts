import type pg from 'pg';
import type { MirroredTable } from '../mirror/catalogue.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { selectList } from './columns.ts';
import { RowDecoder } from './copy-decoder.ts';
import { copyOut } from './copy-out.ts';

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
  const incoming = mirror.createIncoming(table);
  const decoder = new RowDecoder(table);
  const sql = `COPY (SELECT ${selectList(table)} FROM latchkey_mirror.${quoteName(table.name)} t) TO STDOUT (FORMAT binary)`;
  await copyOut(client, sql, ({ bytes, starts, length }) => {
    incoming.append(starts.length, (row, values, place) => decoder.decode(bytes, starts[row]!, values, place));
    onRows(incoming.rows, length);
  });
  incoming.flush();
  return incoming.rows;
}
