import { useQueries } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import type { LatchkeyError } from '../../src-main/contract/errors.ts';
import type { Input, Output } from '../../src-main/contract/index.ts';
import { asLatchkeyError } from './cache.ts';
import { useClient } from './client-context.ts';
import { pageSize, pagesOf, type RowRange } from './row-range.ts';
import { callOptions, useCall } from './use-call.ts';
import { useSettled } from './use-settled.ts';

type PagedName = 'people.list' | 'keys.list' | 'outbox.list' | 'conflicts.list' | 'audit.list' | 'data.list';
export type RowOf<Name extends PagedName> = Output<Name>['items'][number];
export type FilterOf<Name extends PagedName> = Omit<Input<Name>, 'limit' | 'offset'>;

export interface PagedList<Row> {
  /** Undefined until the first answer. */
  total: number | undefined;
  /** There are more than `total`, which grows as one goes on. */
  more?: boolean;
  /** Undefined for a row that is not here yet. */
  rowAt(index: number): Row | undefined;
  error: LatchkeyError | null;
  retry(): void;
}

/** How long a scroll must rest before rows are asked for, in milliseconds: a dragged thumb passes by thousands. */
const rest = 60;

/** A list of any length of which only the pages in view are asked for. */
export function usePagedList<Name extends PagedName>(
  name: Name,
  filter: FilterOf<Name>,
  inView: RowRange,
): PagedList<RowOf<Name>> {
  const client = useClient();
  const page = useCallback(
    (number: number) => ({ ...filter, limit: pageSize, offset: number * pageSize }) as Input<Name>,
    [filter],
  );
  const first = useCall(name, page(0), { keepPrevious: true });
  const firstAnswer = first.data as Output<Name> | undefined;
  // Where the first answer counted only so far, later pages count on.
  const more = (firstAnswer as { more?: boolean } | undefined)?.more ?? false;
  const [grown, setGrown] = useState({ page, total: 0 });
  const total = firstAnswer && Math.max(firstAnswer.total, more && grown.page === page ? grown.total : 0);

  const settled = useSettled(inView, rest);
  const wanted = useMemo(() => pagesOf(settled, total ?? 0).filter((number) => number > 0), [settled, total]);
  const others = useQueries({ queries: wanted.map((number) => callOptions(client, name, page(number))) });

  const pages = new Map<number, Output<Name>['items']>();
  if (firstAnswer) pages.set(0, firstAnswer.items);
  wanted.forEach((number, at) => {
    const answer = others[at]?.data as Output<Name> | undefined;
    if (answer) pages.set(number, answer.items);
  });
  const farthest = Math.max(0, ...others.map((other) => (other.data as Output<Name> | undefined)?.total ?? 0));
  if (more && farthest > (total ?? 0)) setGrown({ page, total: farthest });

  const failed = first.error ?? others.find((other) => other.error)?.error;
  return {
    total,
    more,
    rowAt: (index) => pages.get(Math.floor(index / pageSize))?.[index % pageSize] as RowOf<Name> | undefined,
    error: failed ? asLatchkeyError(failed) : null,
    retry: () => {
      void first.refetch();
      for (const other of others) if (other.error) void other.refetch();
    },
  };
}
