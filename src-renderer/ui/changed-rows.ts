import type { FieldChange } from '../../src-main/contract/values.ts';

export interface ChangedRow {
  table: string;
  key: string;
  /** True where nothing was there before. */
  isNew: boolean;
  changes: FieldChange[];
}

/** The changes of a command by the row that they are of, in the order in which rows first appear. */
export function changedRows(changes: FieldChange[]): ChangedRow[] {
  const rows = new Map<string, ChangedRow>();
  for (const change of changes) {
    const name = JSON.stringify([change.table, change.key]);
    const row = rows.get(name) ?? { table: change.table, key: change.key, isNew: true, changes: [] };
    row.changes.push(change);
    row.isNew &&= change.before === null || change.before === undefined;
    rows.set(name, row);
  }
  return [...rows.values()];
}
