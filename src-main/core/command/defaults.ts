import type { MirroredColumn } from '../mirror/catalogue.ts';
import { momentParameter } from '../mirror/moments.ts';
import type { Json } from './intent.ts';

/**
 * What central will put into a column that a new row leaves out, where that can be told from its default expression: a literal, or
 * the moment of insertion. Undefined for any other expression.
 */
export function defaultValue(column: MirroredColumn, now: number): Json | undefined {
  const expression = column.default;
  if (expression === null) return undefined;
  if (/^\(?now\(\)|^CURRENT_TIMESTAMP|^LOCALTIMESTAMP/.test(expression)) {
    return `${momentParameter(now)}${column.storage === 'timestamptz' ? 'Z' : ''}`;
  }
  if (expression === 'true' || expression === 'false') return expression === 'true';
  if (/^-?\d+$/.test(expression)) return column.storage === 'integer' ? Number(expression) : expression;
  const text = /^'((?:[^']|'')*)'::/.exec(expression)?.[1]?.replaceAll("''", "'");
  if (text === undefined) return undefined;
  return column.storage === 'text' ? text : undefined;
}
