/** Some days side by side, the last one included, and how many entries they have. Days are `2026-11-20`. */
export interface Bar {
  from: string;
  to: string;
  count: number;
}

export interface DayRange {
  from: string;
  to: string;
}

/** Bars, the last one included. */
export interface BarRange {
  from: number;
  to: number;
}

/** No more bars than can be told apart and pointed at. */
const mostBars = 190;
const steps = [1, 7, 28, 91, 364];
const dayLength = 86_400_000;

/** The days of a range without a gap, and any beyond that have entries; several to a bar where there are many. */
export function barsOf(days: readonly { day: string; count: number }[], all: DayRange): Bar[] {
  const numbered = days.flatMap(({ day, count }) => {
    const number = dayNumber(day);
    return number === null ? [] : [{ number, count }];
  });
  const known = [...numbered.map(({ number }) => number), dayNumber(all.from), dayNumber(all.to)];
  const numbers = known.filter((number) => number !== null);
  if (numbers.length === 0) return [];
  const first = Math.min(...numbers);
  const end = Math.max(...numbers);
  const span = end - first + 1;
  const step = steps.find((one) => span / one <= mostBars) ?? Math.ceil(span / mostBars);
  const bars = Array.from({ length: Math.ceil(span / step) }, (_, at): Bar => {
    const from = first + at * step;
    return { from: dayText(from), to: dayText(Math.min(end, from + step - 1)), count: 0 };
  });
  for (const { number, count } of numbered) bars[Math.floor((number - first) / step)]!.count += count;
  return bars;
}

/** The bars that a range of days touches; null where it touches none, or where there is no range. */
export function barsIn(bars: readonly Bar[], range: Partial<DayRange>): BarRange | null {
  if (range.from === undefined && range.to === undefined) return null;
  const { from = '', to = '\u{10FFFF}' } = range;
  const touched = bars.flatMap((bar, at) => (bar.to >= from && bar.from <= to ? [at] : []));
  return touched.length === 0 ? null : { from: touched[0]!, to: touched.at(-1)! };
}

/** The days of bars, in whichever order they were given. */
export function daysOf(bars: readonly Bar[], one: number, other: number): DayRange {
  const within = (at: number) => bars[Math.max(0, Math.min(bars.length - 1, at))]!;
  return { from: within(Math.min(one, other)).from, to: within(Math.max(one, other)).to };
}

export function countOf(bars: readonly Bar[], { from, to }: BarRange): number {
  return bars.slice(from, to + 1).reduce((sum, { count }) => sum + count, 0);
}

/** Where one end of the range goes by a key; null for a key that does not move it. */
export function movedEnd(key: string, at: number, bars: number): number | null {
  const target: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowDown: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at + 1,
    PageDown: at - 7,
    PageUp: at + 7,
    Home: 0,
    End: bars - 1,
  };
  const to = target[key];
  return to === undefined ? null : Math.max(0, Math.min(bars - 1, to));
}

function dayNumber(day: string): number | null {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : Number.NaN;
  return Number.isNaN(at) ? null : Math.round(at / dayLength);
}

function dayText(number: number): string {
  return new Date(number * dayLength).toISOString().slice(0, 10);
}
