/**
 * A moment on the wall clock of the zone that a table is partitioned in, as milliseconds since 1970 as if it were UTC. Bounds are days
 * and months of a calendar: summer time must not bend them.
 */
export type WallClock = number;

export interface Period {
  from: WallClock;
  /** The first moment that is not part of it. */
  to: WallClock;
}

export interface Interval {
  unit: 'hour' | 'day' | 'month';
  count: number;
}

const hour = 3_600_000;
const day = 24 * hour;

/** @returns null for what is no moment of the years 1 to 9999, such as an infinity, or lies within a second */
export function parseWallClock(text: string): WallClock | null {
  const [, date, time = '00:00:00'] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d))?(?:[+-][\d:]+)?$/.exec(text) ?? [];
  const moment = date === undefined ? Number.NaN : Date.parse(`${date}T${time}Z`);
  return Number.isNaN(moment) ? null : moment;
}

/** As a literal of a date or timestamp, in whatever zone the session is in. */
export function wallClockText(moment: WallClock): string {
  return new Date(moment).toISOString().slice(0, 19).replace('T', ' ');
}

/** How long a period is in the unit that fits its bounds; null where they are at no full hour. */
export function intervalOf({ from, to }: Period): Interval | null {
  if (isFirstOfMonth(from) && isFirstOfMonth(to)) return { unit: 'month', count: monthOf(to) - monthOf(from) };
  if (from % day === 0 && to % day === 0) return { unit: 'day', count: (to - from) / day };
  if (from % hour === 0 && to % hour === 0) return { unit: 'hour', count: (to - from) / hour };
  return null;
}

/** Some intervals later, or earlier. Months are counted from the first of one. */
export function moved(moment: WallClock, { unit, count }: Interval, times: number): WallClock {
  if (unit === 'month') return Date.UTC(1970, monthOf(moment) + count * times, 1);
  return moment + (unit === 'day' ? day : hour) * count * times;
}

export function startOfMonth(moment: WallClock): WallClock {
  return Date.UTC(1970, monthOf(moment), 1);
}

/** In words: `month`, `3 months`, `7 days`. */
export function intervalWords({ unit, count }: Interval): string {
  return count === 1 ? unit : `${count} ${unit}s`;
}

/** The periods of an interval that fill a stretch, the last one cut short where it must be. */
export function* periodsBetween(from: WallClock, to: WallClock, interval: Interval): Generator<Period> {
  for (let start = from; start < to; ) {
    const end = Math.min(moved(start, interval, 1), to);
    yield { from: start, to: end };
    start = end;
  }
}

function isFirstOfMonth(moment: WallClock): boolean {
  return moment % day === 0 && new Date(moment).getUTCDate() === 1;
}

/** Months since January 1970. */
function monthOf(moment: WallClock): number {
  const date = new Date(moment);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/**
 * The name that a partition gets: as `sibling` was named after the start of its own period, and `table_2026_11` or `table_2026_11_21`
 * where no date is found in that.
 */
export function partitionName(
  table: string,
  { unit, count }: Interval,
  from: WallClock,
  sibling?: { name: string; from: WallClock },
): string {
  const pattern = sibling && datePattern(sibling.name, dateParts(sibling.from), unit, count);
  const parts = dateParts(from);
  if (pattern) return pattern(parts);
  const { year, month, day, hour } = parts;
  return [table, year, month, ...(unit === 'month' ? [] : [day]), ...(unit === 'hour' ? [hour] : [])].join('_');
}

interface DateParts {
  year: string;
  quarter: string;
  month: string;
  day: string;
  hour: string;
}

function dateParts(moment: WallClock): DateParts {
  const [year = '', month = '', day = '', hour = ''] = wallClockText(moment).split(/[-: ]/);
  return { year, quarter: String(Math.ceil(Number(month) / 3)), month, day, hour };
}

/** Where in a name the parts of a date stand, one after the other with at most two other characters between them. */
function datePattern(
  name: string,
  parts: DateParts,
  unit: Interval['unit'],
  count: number,
): ((other: DateParts) => string) | null {
  const shapes: (keyof DateParts)[][] = [];
  if (unit === 'hour') shapes.push(['year', 'month', 'day', 'hour']);
  if (unit !== 'hour') shapes.push(['year', 'month', 'day']);
  if (unit === 'month') shapes.push(['year', 'month']);
  if (unit === 'month' && count === 3) shapes.push(['year', 'quarter']);
  if (unit === 'month' && count % 12 === 0) shapes.push(['year']);
  for (const shape of shapes) {
    const found = new RegExp(`^(.*?)${shape.map((part) => parts[part]).join('(\\D{0,2})')}(\\D*)$`).exec(name);
    if (!found) continue;
    const between = found.slice(1);
    return (other) => between.map((text, place) => text + (place < shape.length ? other[shape[place]!] : '')).join('');
  }
  return null;
}
