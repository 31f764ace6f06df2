import { milliseconds } from './moments.ts';

/** A stored value as a person reads it on one line. */
export function valueWords(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (value === '') return 'empty text';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return JSON.stringify(value);
}

/** True for what is told about a value rather than the value itself, so that it can be set apart. */
export function isAbsent(value: unknown): boolean {
  return value === null || value === undefined || value === '';
}

/** `full_name` as `full name`. */
export function columnWords(column: string): string {
  return column.replaceAll('_', ' ');
}

const momentShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/** The moment that a stored value is, or null where it is anything else. */
export function momentIn(value: unknown): number | null {
  return typeof value === 'string' && momentShape.test(value) ? milliseconds(value) : null;
}
