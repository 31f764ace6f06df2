import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** A buffer is a BYTEA. */
export type Value = string | number | boolean | null | string[] | Buffer | { json: unknown };
export type Row = Record<string, Value>;

const chunkCharacters = 256 * 1024;

/**
 * Writes rows with COPY, some twenty times faster than INSERTs. The first row names the columns; the server fills in
 * the others. Triggers and constraints act as for any other write.
 *
 * @param table as it stands in SQL, with its schema
 */
export async function copyRows(
  client: pg.Client,
  table: string,
  rows: readonly Row[],
  onProgress: (done: number) => void = () => {},
): Promise<void> {
  const first = rows[0];
  if (!first) return;
  const columns = Object.keys(first);
  const names = columns.map((column) => `"${column}"`).join(', ');
  const sink = client.query(copyFrom(`COPY ${table} (${names}) FROM STDIN`));

  function* chunks(): Generator<string> {
    let chunk = '';
    for (const [index, row] of rows.entries()) {
      chunk += `${columns.map((column) => field(row[column] ?? null)).join('\t')}\n`;
      if (chunk.length < chunkCharacters) continue;
      yield chunk;
      onProgress(index + 1);
      chunk = '';
    }
    if (chunk) yield chunk;
  }
  await pipeline(Readable.from(chunks()), sink);
  onProgress(rows.length);
}

/** COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html, "File Formats". */
function field(value: Value): string {
  if (value === null) return '\\N';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (typeof value === 'string') return escaped(value);
  if (Buffer.isBuffer(value)) return escaped(`\\x${value.toString('hex')}`);
  if (Array.isArray(value)) return escaped(`{${value.map(arrayItem).join(',')}}`);
  return escaped(JSON.stringify(value.json));
}

function escaped(text: string): string {
  return text.replace(/[\\\n\r\t]/g, (character) => escapes[character]!);
}

const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function arrayItem(item: string): string {
  return `"${item.replace(/["\\]/g, '\\$&')}"`;
}
