import type { Dataset } from './dataset.ts';

/** One measured thing, beside what it is held against. */
export interface Figure {
  what: string;
  /** With its unit. */
  measured: string;
  /** The peer or limit that was measured in the same run. */
  against: string;
  /** How many times better than `against`; null where nothing stands beside it. */
  ratio: number | null;
  target: string;
  /** Whether the target was reached; null where there is none. */
  met: boolean | null;
}

export interface BenchContext {
  /** URL of the superuser on a durable embedded server, over loopback TCP. */
  server: string;
  /** Made once for all parts: sky-genesis with the big data, Latchkey installed. */
  dataset(): Promise<Dataset>;
  log(line: string): void;
}

export interface Part {
  name: string;
  run(context: BenchContext): Promise<Figure[]>;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** @param share between 0 and 1; interpolates between neighbours */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place % 1);
}

export function milliseconds(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(1)} s`;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`;
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, measured, against, ratio, target, met }) => [
    what,
    measured,
    against,
    ratio === null ? '' : ratio.toFixed(2),
    target,
    met === null ? '' : met ? 'met' : 'MISSED',
  ]);
  const lines = [['what', 'measured', 'against', 'ratio', 'target', ''], ...rows];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
