import { createHash } from 'node:crypto';

/** Of an identifier in PostgreSQL, which cuts what is longer and says nothing. */
const longestName = 63;

/** A name made of a table's and a suffix. Where that would be too long, a digest stands for the end of the table's name. */
export function derivedName(table: string, suffix = ''): string {
  const whole = table + suffix;
  if (Buffer.byteLength(whole) <= longestName) return whole;
  const digest = createHash('sha256').update(table).digest('hex').slice(0, 12);
  let kept = '';
  for (const character of table) {
    if (Buffer.byteLength(`${kept}${character}_${digest}${suffix}`) > longestName) break;
    kept += character;
  }
  return `${kept}_${digest}${suffix}`;
}
