import { personState } from '../../../src-main/contract/people.ts';
import type { FilterOf } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';

const sorts = ['name', 'email', 'role', 'state', 'createdAt', 'lastSeenAt'] as const;

/** The list's question as the address has it; what the address has wrong is left out. */
export function peopleFilter(
  filters: Route['filters'],
  usualSort: 'name' | 'email' = 'name',
): FilterOf<'people.list'> & { sort: string; descending: boolean } {
  const state = personState.safeParse(filters.state);
  return {
    search: filters.search,
    role: filters.role,
    state: state.success ? state.data : undefined,
    sort: sorts.find((sort) => sort === filters.sort) ?? usualSort,
    descending: filters.descending === 'yes',
  };
}
