/** Rows of a list, the last one included. */
export interface RowRange {
  first: number;
  last: number;
}

export const pageSize = 100;

/** The pages that hold the rows of a range, in order, within a list of `total` rows. */
export function pagesOf(range: RowRange, total: number): number[] {
  if (total <= 0) return [];
  const from = Math.floor(Math.max(0, range.first) / pageSize);
  const to = Math.floor(Math.min(range.last, total - 1) / pageSize);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, step) => from + step);
}
