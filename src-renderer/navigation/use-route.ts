import { useMemo, useSyncExternalStore } from 'react';
import { formatRoute, parseRoute, type Route } from './route.ts';

/** The route of the window now; the component renders again when it changes. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, currentHash);
  return useMemo(() => parseRoute(hash), [hash]);
}

export function currentRoute(): Route {
  return parseRoute(currentHash());
}

/** Goes somewhere as a step that the back button takes back. */
export function go(route: Route): void {
  window.location.hash = formatRoute(route);
}

/** Changes where the window is without a step back: for filters as they are typed, and for walking a list. */
export function amend(change: Partial<Route>): void {
  window.history.replaceState(window.history.state, '', formatRoute({ ...currentRoute(), ...change }));
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

/** Sets or clears filters of the current list. */
export function setFilters(change: Record<string, string | null>): void {
  const filters: Record<string, string> = { ...currentRoute().filters };
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === '') delete filters[name];
    else filters[name] = value;
  }
  amend({ filters });
}

function currentHash(): string {
  return window.location.hash;
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
}
