import type { FilterOf } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';
import { dayWords } from '../../words/moments.ts';

const day = /^\d{4}-\d{2}-\d{2}$/;

/** No filter of the list at all. */
export const noFilter = {
  search: null,
  actor: null,
  action: null,
  object: null,
  from: null,
  to: null,
  device: null,
  origin: null,
};

/** The list's question as the address has it. Days are whole days in UTC, both included. */
export function auditFilter(filters: Route['filters']): FilterOf<'audit.list'> {
  const { origin } = filters;
  return {
    actor: filters.actor,
    action: filters.action,
    object: filters.object,
    search: filters.search,
    from: isDay(filters.from) ? `${filters.from}T00:00:00.000000Z` : undefined,
    to: isDay(filters.to) ? `${filters.to}T23:59:59.999999Z` : undefined,
    device: filters.device,
    origin: origin === 'host' || origin === 'here' ? origin : undefined,
  };
}

export interface Chip {
  words: string;
  /** The filters that go with it. */
  filters: string[];
}

/** What narrows the list down, in words. `nameOf` tells whom an id stands for. */
export function chipsOf(filters: Route['filters'], nameOf: (id: string) => string | undefined): Chip[] {
  const { search, actor, action, object, device, origin } = filters;
  const from = isDay(filters.from) ? filters.from : undefined;
  const to = isDay(filters.to) ? filters.to : undefined;
  return [
    ...(search ? [{ words: `“${search}”`, filters: ['search'] }] : []),
    ...(actor ? [{ words: `By ${nameOf(actor) ?? actor}`, filters: ['actor'] }] : []),
    ...(action ? [{ words: action, filters: ['action'] }] : []),
    ...(object ? [{ words: `About ${nameOf(object) ?? object}`, filters: ['object'] }] : []),
    ...(device ? [{ words: `On ${device}`, filters: ['device'] }] : []),
    ...(origin === 'host' ? [{ words: 'By other applications', filters: ['origin'] }] : []),
    ...(origin === 'here' ? [{ words: 'Not at central', filters: ['origin'] }] : []),
    ...(from || to ? [{ words: daysWords(from, to), filters: ['from', 'to'] }] : []),
  ];
}

function daysWords(from: string | undefined, to: string | undefined): string {
  if (from === undefined) return `Until ${dayWords(to!)}`;
  if (to === undefined) return `Since ${dayWords(from)}`;
  return from === to ? dayWords(from) : `${dayWords(from)} – ${dayWords(to)}`;
}

/** Whether somebody was named by their id rather than by what they are called. */
export function isId(text: string): boolean {
  return /^([0-9a-f]{8}-[0-9a-f-]{27}|\d+)$/i.test(text);
}

function isDay(text: string | undefined): text is string {
  return text !== undefined && day.test(text) && !Number.isNaN(Date.parse(text));
}
