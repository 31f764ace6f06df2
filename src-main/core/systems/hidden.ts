import type { SystemMapping } from './system.ts';

export function isHidden(system: SystemMapping, table: string, column: string): boolean {
  return hiddenColumns(system, table).includes(column);
}

/** Columns of a table that no device reads: they are secret, written and never read, or filled in by central alone. */
export function hiddenColumns(system: SystemMapping, table: string): string[] {
  const mapping = Object.hasOwn(system.tables, table) ? system.tables[table] : undefined;
  return [...(mapping?.secret ?? []), ...(mapping?.writeOnly ?? []), ...Object.keys(mapping?.insertDefaults ?? {})];
}
