import type { LatchkeyError } from '../../src-main/contract/errors.ts';
import type { PagedList } from './use-paged-list.ts';

/** A list that came in one piece, for the table that shows lists page by page. */
export function wholeList<Row>(
  items: Row[] | undefined,
  error: LatchkeyError | null,
  retry: () => void,
): PagedList<Row> {
  return { total: items?.length, rowAt: (index) => items?.[index], error, retry };
}
