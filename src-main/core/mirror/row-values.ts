import { sql } from 'kysely';
import type { Json } from '../command/intent.ts';
import type { MirroredColumn, MirroredTable } from './catalogue.ts';
import { momentParameter } from './moments.ts';
import { query, type ReadableMirror } from './readable.ts';
import { type Stored, toJson } from './rows.ts';

/** Columns of one row as the mirror shows it, as JSON values; undefined where there is no such row. Columns that are not mirrored are left out. */
export function rowValues(
  mirror: ReadableMirror,
  table: MirroredTable,
  where: { column: string; equals: string },
  columns: readonly string[],
): Record<string, Json> | undefined {
  const wanted = table.columns.filter((column) => columns.includes(column.name));
  if (wanted.length === 0) return {};
  const list = sql.join(wanted.map((column) => sql.id(column.name)));
  const statement = sql`SELECT ${list} FROM ${sql.id(table.name)} WHERE ${sql.id(where.column)} = ${where.equals}`;
  const { sql: text, parameters } = statement.compile(query);
  const row = mirror.database
    .prepare(text)
    .safeIntegers()
    .get(...parameters) as Record<string, Stored> | undefined;
  return row && Object.fromEntries(wanted.map((column) => [column.name, shownValue(column, row[column.name] ?? null)]));
}

/** A stored value as a screen shows it: booleans as such, JSON parsed, integers that a JavaScript number cannot hold as text. */
export function shownValue(column: Pick<MirroredColumn, 'storage'>, stored: Stored): Json {
  if (stored === null) return null;
  if (column.storage === 'boolean') return Number(stored) !== 0;
  if (column.storage === 'json' && typeof stored === 'string') return parsedJson(stored);
  return toJson(column, stored);
}

/** JSON text as a value, with numbers that a JavaScript number would round as text; what is no JSON stays the text it is. */
export function parsedJson(text: string): Json {
  try {
    return JSON.parse(text, (_name: string, value: Json, context?: { source?: string }) =>
      typeof value === 'number' && context?.source !== undefined ? exactNumber(value, context.source) : value,
    ) as Json;
  } catch {
    return text;
  }
}

/** Fifteen significant digits are what every double carries through. */
function exactNumber(value: number, source: string): number | string {
  if (Number.isInteger(value)) return Number.isSafeInteger(value) ? value : source;
  const digits = source
    .replace(/[eE].*$/, '')
    .replace(/\D/g, '')
    .replace(/^0+/, '');
  return Number.isFinite(value) && digits.length <= 15 ? value : source;
}

/** A moment as a column of the mirror keeps it: with `Z` where central's column has a zone. `milliseconds` since 1970. */
export function storedMoment(table: MirroredTable | undefined, column: string, milliseconds: number): string {
  const zoned = table?.columns.find(({ name }) => name === column)?.storage === 'timestamptz';
  return momentParameter(milliseconds) + (zoned ? 'Z' : '');
}
