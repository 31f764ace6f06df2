import type { Row, Value } from '../copy.ts';

/** Columns as the trigger that writes the log of transactions has them: JSON, with moments as PostgreSQL spells them there. */
export function logged(row: Row): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, loggedValue(column, value)]));
}

function loggedValue(column: string, value: Value): unknown {
  if (column === 'key_hash' && value !== null) return '(secret)';
  if (typeof value === 'string') return column.endsWith('_at') ? value.replace(' ', 'T') : value;
  return typeof value === 'object' && value !== null && 'json' in value ? value.json : value;
}
