import type { FilterOf } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';

const day = /^\d{4}-\d{2}-\d{2}$/;

/** The list's question as the address has it. Days are whole days in UTC, both included. */
export function auditFilter(filters: Route['filters']): FilterOf<'audit.list'> {
  return {
    actor: filters.actor,
    action: filters.action,
    object: filters.object,
    search: filters.search,
    from: isDay(filters.from) ? `${filters.from}T00:00:00.000000Z` : undefined,
    to: isDay(filters.to) ? `${filters.to}T23:59:59.999999Z` : undefined,
  };
}

function isDay(text: string | undefined): boolean {
  return text !== undefined && day.test(text) && !Number.isNaN(Date.parse(text));
}
