import { LatchkeyError } from '../../contract/errors.ts';
import type { ReadContext } from '../handlers.ts';

/** Columns that a command is about to write in one table. */
export interface WantedColumns {
  table: string;
  op: 'insert' | 'update';
  columns: readonly string[];
  /** What the operator wants, to complete “This device may not …”. */
  act: string;
  /** The input field of a column, where it has one. */
  fields?: Readonly<Record<string, string>>;
  /** The input field to point at otherwise. */
  field: string;
}

/**
 * Tells an operator at once what central would refuse later. Central decides by the same rights; this is advice with
 * better words.
 *
 * @throws LatchkeyError `not-permitted`, with the input field.
 */
export function requireRights(context: ReadContext, wanted: WantedColumns): void {
  const missing = missingRights(context, wanted);
  const [first] = missing;
  if (first === undefined) return;
  const field = wanted.fields?.[first] ?? wanted.field;
  const all = missing.length === wanted.columns.length;
  const why = all
    ? `it was enrolled as ${context.capability}, which may not do that`
    : `it was enrolled as ${context.capability}, which may not set ${columnNames(wanted, missing)}`;
  throw new LatchkeyError(
    'not-permitted',
    `This device may not ${wanted.act}: ${why}. Nothing was changed. Ask somebody whose device has more rights.`,
    { field, details: { table: wanted.table, columns: missing, capability: context.capability } },
  );
}

/** Whether central would let this device write these columns. */
export function hasRights(context: ReadContext, wanted: Pick<WantedColumns, 'table' | 'op' | 'columns'>): boolean {
  return missingRights(context, wanted).length === 0;
}

function missingRights(context: ReadContext, wanted: Pick<WantedColumns, 'table' | 'op' | 'columns'>): string[] {
  const table = context.tables.get(wanted.table);
  const allowed = wanted.op === 'insert' ? table?.insertable : table?.updatable;
  return wanted.columns.filter((column) => !allowed?.includes(column));
}

function columnNames(wanted: WantedColumns, columns: readonly string[]): string {
  return columns.map((column) => `“${wanted.fields?.[column] ?? column}”`).join(', ');
}
