import type { MirroredColumn, MirroredTable } from '../mirror/catalogue.ts';
import { fromCentral, type Stored } from '../mirror/rows.ts';
import { quoteName } from '../quoting.ts';

/** The select list that makes central render each column as the text that the mirror decodes. Bytes travel as they are. */
export function selectList(table: MirroredTable, alias = 't'): string {
  return table.columns.map((column) => rendered(column, `${alias}.${quoteName(column.name)}`)).join(', ');
}

function rendered(column: MirroredColumn, value: string): string {
  switch (column.storage) {
    case 'boolean':
      return `(${value}::INTEGER)::TEXT`;
    case 'blob':
      return value;
    case 'json':
      return /^jsonb?$/.test(column.type) ? `${value}::TEXT` : `pg_catalog.to_json(${value})::TEXT`;
    default:
      return `${value}::TEXT`;
  }
}

/** One row of a text-mode result, in column order. */
export function decodeRow(table: MirroredTable, values: (string | null)[]): Stored[] {
  return table.columns.map((column, place) => fromCentral(column.storage, values[place] ?? null));
}
