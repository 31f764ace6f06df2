import type { Query, QueryClient } from '@tanstack/react-query';

/** Answers about the device itself, which events carry in full. */
const carriedByEvents = ['device.state', 'status.get'];

/** Answers that only commands change, and no row of central's. */
const aboutCommands = ['outbox.', 'conflicts.'];

/** Which answers are out of date once rows of these tables changed; `outbox` and `conflicts` count as tables. */
export function isOutdated(call: string, tables: readonly string[]): boolean {
  if (carriedByEvents.includes(call)) return false;
  // Only the host knows which table holds what. Lists show pending commands too, so they follow the outbox as well.
  if (!aboutCommands.some((family) => call.startsWith(family))) return true;
  return tables.some((table) => table === 'outbox' || table === 'conflicts');
}

export function refreshTables(cache: QueryClient, tables: readonly string[]): Promise<void> {
  return cache.invalidateQueries({ predicate: (query) => isOutdated(callOf(query), tables) });
}

export function refreshLists(cache: QueryClient): Promise<void> {
  return refreshTables(cache, ['outbox', 'conflicts']);
}

/** Asks again for everything on the screen: after a lost connection, events may have been missed. */
export function refreshAll(cache: QueryClient): Promise<void> {
  return cache.invalidateQueries();
}

function callOf(query: Query): string {
  return String(query.queryKey[0]);
}
