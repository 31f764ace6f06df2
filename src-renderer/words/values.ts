import { milliseconds, utcWords } from './moments.ts';

/** A stored value as a person reads it on one line. */
export function valueWords(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (value === '') return 'empty text';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'))
    return value.join(', ');
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

const momentShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z?)$/;

/** A stored value as a person reads it, with a moment written out; one without a time zone is left without. */
export function readableWords(value: unknown): string {
  if (typeof value !== 'string') return valueWords(value);
  const shape = momentShape.exec(value);
  if (!shape) return valueWords(value);
  const at = milliseconds(shape[2] === 'Z' ? value : `${value}Z`);
  if (at === null) return value;
  return shape[2] === 'Z' ? utcWords(at) : utcWords(at).replace(/ UTC$/, '');
}
