import type { Json } from '../command/intent.ts';

/** A table of the mirror, as central's catalogue describes what this device may see of it. */
export interface MirroredTable {
  name: string;
  /** Columns of the primary key, in order. */
  key: string[];
  columns: MirroredColumn[];
  /** CHECK-free facts that the write road tests before central does. */
  unique: string[][];
  references: { column: string; table: string; target: string }[];
  /** Columns that this device's capability may name in INSERT and UPDATE, write-only ones included. */
  insertable: string[];
  updatable: string[];
}

export interface MirroredColumn {
  name: string;
  /** PostgreSQL's own words: `character varying(255)`. */
  type: string;
  storage: Storage;
  nullable: boolean;
}

/**
 * How a column's values are kept in SQLite: `integer` also beyond 2^53; `boolean` as 0 and 1; `real` with NaN and infinities
 * by name in text; `timestamp` and `timestamptz` as ISO 8601 text with microseconds, the latter in UTC with `Z`; `json` as
 * JSON text (arrays and composites too); `blob` as bytes; `text` as central prints it (numeric exact).
 */
export type Storage = 'text' | 'integer' | 'boolean' | 'real' | 'timestamp' | 'timestamptz' | 'json' | 'blob';

/** A row's key as one text: the value itself for a key of one column, else a JSON array. */
export function keyText(values: readonly Json[]): string {
  return values.length === 1 ? String(values[0]) : JSON.stringify(values.map(String));
}

/** The values of a row's key from its text. */
export function keyValues(table: MirroredTable, text: string): string[] {
  return table.key.length === 1 ? [text] : (JSON.parse(text) as string[]);
}
