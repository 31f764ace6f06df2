import { useInfiniteQuery } from '@tanstack/react-query';
import type { Input, Output } from '../../src-main/contract/index.ts';
import { useClient } from './client-context.ts';
import type { FilterOf } from './use-paged-list.ts';

const pageSize = 100;

/** The audit from its newest entry on, page after page as they are asked for; for what is read rather than scrolled through. */
export function useAuditPages(filter: FilterOf<'audit.list'>) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: ['audit.list', filter, 'pages'],
    queryFn: ({ pageParam }) =>
      client.call('audit.list', { ...filter, limit: pageSize, offset: pageParam } satisfies Input<'audit.list'>),
    initialPageParam: 0,
    getNextPageParam: (last: Output<'audit.list'>, pages) => {
      const shown = pages.reduce((sum, { items }) => sum + items.length, 0);
      return last.items.length > 0 && (last.more || shown < last.total) ? shown : undefined;
    },
  });
}
