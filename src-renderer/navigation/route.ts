export const places = ['people', 'keys', 'outbox', 'audit', 'data', 'central'] as const;
export type Place = (typeof places)[number];

/** Where the window is: a place, what is open in it, and how its list is filtered. Written in the address after `#`. */
export interface Route {
  place: Place;
  /** What the drawer shows: an id, or `new` for a form. */
  open: string | null;
  /** Filters of the list; empty ones are left out. */
  filters: Readonly<Record<string, string>>;
}

export const home: Route = { place: 'people', open: null, filters: {} };

/** Reads `#/people/0190…?state=active`. Anything that is no route leads home. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = splitOnce(hash.replace(/^#\/?/, ''), '?');
  const [place = '', open = ''] = splitOnce(path, '/');
  if (!isPlace(place)) return home;
  const filters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) if (value !== '') filters[name] = value;
  return { place, open: decode(open), filters };
}

export function formatRoute(route: Route): string {
  const path = route.open === null ? route.place : `${route.place}/${encodeURIComponent(route.open)}`;
  const search = new URLSearchParams(Object.entries(route.filters).filter(([, value]) => value !== '')).toString();
  return search === '' ? `#/${path}` : `#/${path}?${search}`;
}

/** A link to a place, and to what is open in it. */
export function href(place: Place, open: string | null = null, filters: Record<string, string> = {}): string {
  return formatRoute({ place, open, filters });
}

function isPlace(text: string): text is Place {
  return places.some((place) => place === text);
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)];
}

function decode(part: string): string | null {
  if (part === '') return null;
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
