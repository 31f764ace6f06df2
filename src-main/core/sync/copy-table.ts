import type pg from 'pg';
import type { MirroredTable } from '../mirror/catalogue.ts';
import type { IncomingTable } from '../mirror/incoming.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { selectList } from './columns.ts';
import { RowDecoder } from './copy-decoder.ts';
import { copyOut } from './copy-out.ts';

/** Rows fall into parts by a hash of their key, so that nobody needs to know where one ends. */
export interface Part {
  /** From 0. */
  number: number;
  of: number;
}

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
  onRows: (rows: number, bytes: number) => void = () => {},
): Promise<number> {
  const incoming = mirror.createIncoming(table);
  await copyPart(client, incoming, table, { number: 0, of: 1 }, onRows);
  return incoming.rows;
}

/** Appends one part of a table to its incoming table, and writes it all down. */
export async function copyPart(
  client: pg.Client,
  incoming: IncomingTable,
  table: MirroredTable,
  part: Part,
  onRows: (rows: number, bytes: number) => void,
): Promise<void> {
  const decoder = new RowDecoder(table);
  const select = `SELECT ${selectList(table)} FROM latchkey_mirror.${quoteName(table.name)} t${condition(table, part)}`;
  await copyOut(client, `COPY (${select}) TO STDOUT (FORMAT binary)`, ({ bytes, starts, length }) => {
    incoming.append(starts.length, (row, values, place) => decoder.decode(bytes, starts[row]!, values, place));
    onRows(starts.length, length);
  });
  incoming.flush();
}

function condition(table: MirroredTable, { number, of }: Part): string {
  if (of === 1) return '';
  const key = `ROW(${table.key.map((name) => `t.${quoteName(name)}`).join(', ')})::TEXT`;
  return ` WHERE (pg_catalog.hashtextextended(${key}, 0) & 2147483647) % ${of} = ${number}`;
}
