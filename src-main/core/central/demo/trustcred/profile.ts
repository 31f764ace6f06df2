import { day, type Moment } from '../calendar.ts';

/** How many rows of what the large lists are made of; the smaller tables follow from these. */
export interface Scale {
  people: number;
  keys: number;
  credentials: number;
  verifications: number;
  auditEvents: number;
}

export type OrganizationType = 'educational' | 'professional' | 'government' | 'corporate' | 'association';

/** One made-up issuer. */
export interface Profile {
  id: string;
  name: string;
  type: OrganizationType;
  status: 'pending' | 'active' | 'suspended' | 'revoked';
  /** Under .example, which RFC 2606 reserves: no mail sent to these people ever arrives anywhere. */
  domain: string;
  /** First half of an office network out of RFC 5737, which documentation may use. */
  network: string;
  founded: Moment;
  scale: Scale;
}

export const usualScale: Scale = {
  people: 300,
  keys: 40,
  credentials: 1_500,
  verifications: 9_000,
  auditEvents: 9_000,
};

/** How far the logs go back. */
export const logSpan = 365 * day;

/** The second organization exists to be invisible to the first; a tenth of its size does for that. */
export function tenthOf(scale: Scale): Scale {
  const tenth = (count: number, least: number) => Math.max(least, Math.round(count / 10));
  return {
    people: tenth(scale.people, 12),
    keys: tenth(scale.keys, 6),
    credentials: tenth(scale.credentials, 30),
    verifications: tenth(scale.verifications, 60),
    auditEvents: tenth(scale.auditEvents, 60),
  };
}
