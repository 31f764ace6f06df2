import { z } from 'zod';
import { command, query } from './call.ts';
import { commandReceipt, keyReference, listOf, moment, page, reason, searchText } from './values.ts';

/** NIST SP 800-57 part 1 names the states of a key; `retiring` is a key in its overlap. */
export const keyState = z.enum(['active', 'retiring', 'suspended', 'compromised', 'revoked', 'expired']);

export const key = z.object({
  id: z.string(),
  label: z.string().nullable(),
  /** The first characters of the secret, which are not secret. */
  prefix: z.string().nullable(),
  last4: z.string().nullable(),
  scopes: z.array(z.string()),
  state: keyState,
  createdAt: moment.nullable(),
  lastUsedAt: moment.nullable(),
  expiresAt: moment.nullable(),
  /**
   * Who sees to it that the key ends then: the host, which looks at it itself; or central's upkeep, which revokes it, because the end stands
   * in Latchkey's books only. Null where it does not expire.
   */
  endedBy: z.enum(['host', 'upkeep']).nullable(),
  /** Its time is over, and the host accepts it all the same until central's upkeep has revoked it. */
  stillAccepted: z.boolean(),
  revokedAt: moment.nullable(),
  rotatedFrom: z.string().nullable(),
  certificate: z.object({ type: z.string(), fingerprint: z.string().nullable() }).nullable(),
  pending: z.number().int(),
});
export type Key = z.infer<typeof key>;

export const keyDetail = key.extend({
  publicKey: z.string().nullable(),
  /** From the oldest known version to the newest, this one included. */
  lineage: z.array(
    z.object({
      id: z.string(),
      label: z.string().nullable(),
      prefix: z.string().nullable(),
      state: keyState,
      createdAt: moment.nullable(),
    }),
  ),
  pendingCommands: z.array(z.object({ command: z.string(), name: z.string(), state: z.string(), madeAt: moment })),
});
export type KeyDetail = z.infer<typeof keyDetail>;

/** The one time that a key's secret is told. It is kept nowhere: not in the mirror, not in the outbox, not at central. */
export const issuedKey = commandReceipt.extend({
  secret: z.string(),
  prefix: z.string(),
  last4: z.string(),
  /** What to know about when it, or the key that it replaces, ends, as a sentence; null where the host itself sees to that. */
  caveat: z.string().nullable(),
});
export type IssuedKey = z.infer<typeof issuedKey>;

const scope = z.string().trim().min(1).max(100);

/** Seconds for which the old key goes on working beside the new one, counted from when central accepts. */
export const overlapPresets = { none: 0, '1h': 3_600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000 } as const;
const overlapSeconds = z.number().int().min(0).max(2_592_000, 'An overlap is 30 days at most.').default(604_800);

export const keyCalls = {
  'keys.list': query(
    'unlocked',
    z.strictObject({
      search: searchText.optional(),
      state: keyState.optional(),
      /** Only keys that expire within so many days from now, overdue ones included. */
      expiresWithinDays: z.number().int().min(0).max(3650).optional(),
      sort: z.enum(['label', 'state', 'createdAt', 'lastUsedAt', 'expiresAt']).default('label'),
      descending: z.boolean().default(false),
      ...page,
    }),
    listOf(key),
  ),
  'keys.show': query('unlocked', z.strictObject({ key: keyReference }), keyDetail),
  'keys.issue': command(
    'unlocked',
    z.strictObject({
      label: z.string().trim().min(1, 'Give the key a label.').max(255),
      scopes: z.array(scope).max(100).default([]),
      /** Days of validity; null for a key that does not expire. A year by default, where the system keeps an end of keys. */
      expiresInDays: z.number().int().min(1).max(3650).nullable().optional(),
      reason: reason.optional(),
    }),
    issuedKey,
  ),
  'keys.rotate': command(
    'unlocked',
    z.strictObject({ key: keyReference, overlapSeconds, reason: reason.optional() }),
    issuedKey,
  ),
  'keys.revoke': command(
    'unlocked',
    z.strictObject({ key: keyReference, reason, compromised: z.boolean().default(false) }),
    commandReceipt,
  ),
};
