import { keyState } from '../../../src-main/contract/keys.ts';
import type { FilterOf } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';

const sorts = ['label', 'state', 'createdAt', 'lastUsedAt', 'expiresAt'] as const;
/** Horizons in days that the list offers. */
export const horizons = ['30', '60', '90'] as const;

/** The list's question as the address has it; what the address has wrong is left out. */
export function keysFilter(filters: Route['filters']): FilterOf<'keys.list'> & { sort: string; descending: boolean } {
  const state = keyState.safeParse(filters.state);
  const horizon = horizons.find((days) => days === filters.expiring);
  return {
    search: filters.search,
    state: state.success ? state.data : undefined,
    expiresWithinDays: horizon === undefined ? undefined : Number(horizon),
    sort: sorts.find((sort) => sort === filters.sort) ?? (horizon === undefined ? 'label' : 'expiresAt'),
    descending: filters.descending === 'yes',
  };
}
