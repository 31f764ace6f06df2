import type { Moment } from './calendar.ts';

/** How many rows of what the large lists are made of; the smaller tables follow from these. */
export interface Scale {
  people: number;
  keys: number;
  auditEvents: number;
  accessLog: number;
}

/** One made-up organization. */
export interface Profile {
  id: string;
  name: string;
  countryCode: string;
  /** Under .example, which RFC 2606 reserves: no mail sent to these people ever arrives anywhere. */
  domain: string;
  /** First half of an office network out of RFC 5737, which documentation may use. */
  network: string;
  founded: Moment;
  scale: Scale;
}

export const usualScale: Scale = { people: 250, keys: 60, auditEvents: 20_000, accessLog: 50_000 };

/** The second organization exists to be invisible to the first; a tenth of its size does for that. */
export function tenthOf(scale: Scale): Scale {
  const tenth = (count: number, least: number) => Math.max(least, Math.round(count / 10));
  return {
    people: tenth(scale.people, 8),
    keys: tenth(scale.keys, 6),
    auditEvents: tenth(scale.auditEvents, 0),
    accessLog: tenth(scale.accessLog, 0),
  };
}
