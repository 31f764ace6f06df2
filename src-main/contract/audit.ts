import { z } from 'zod';
import { query } from './call.ts';
import { commandState, fieldChange, listOf, moment, page, searchText } from './values.ts';

export const auditItem = z.object({
  id: z.string(),
  at: moment,
  action: z.string(),
  actor: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
  object: z.object({ table: z.string(), key: z.string(), name: z.string().nullable() }).nullable(),
  reason: z.string().nullable(),
  changes: z.array(fieldChange),
  /** The event's own data where it is not one of Latchkey's, as stored. */
  data: z.unknown(),
  /** `central`: seen in central's audit table. A state of a command: made here and not in force yet. */
  origin: z.union([z.literal('central'), commandState]),
  device: z.string().nullable(),
});
export type AuditItem = z.infer<typeof auditItem>;

export const auditCalls = {
  'audit.list': query(
    'unlocked',
    z.strictObject({
      actor: z.string().max(320).optional(),
      action: z.string().max(255).optional(),
      object: z.string().max(320).optional(),
      search: searchText.optional(),
      from: moment.optional(),
      to: moment.optional(),
      ...page,
    }),
    /** `more`: `total` is how many were looked for, and there may be more than that. */
    listOf(auditItem).extend({ more: z.boolean() }),
  ),
  'audit.show': query(
    'unlocked',
    z.strictObject({ id: z.string().min(1).max(200) }),
    auditItem.extend({ entry: z.string().nullable() }),
  ),
  /** How many events there were, counted by day (UTC), by action, or by both; in order. */
  'audit.counts': query(
    'unlocked',
    z.strictObject({
      by: z.enum(['day', 'action', 'day-and-action']).default('day'),
      action: z.string().max(255).optional(),
      from: moment.optional(),
      to: moment.optional(),
    }),
    z.object({
      items: z.array(z.object({ day: z.string().optional(), action: z.string().optional(), count: z.number().int() })),
      /** Events in all. */
      total: z.number().int(),
    }),
  ),
  'audit.actions': query(
    'unlocked',
    z.strictObject({}),
    listOf(z.object({ action: z.string(), count: z.number().int() })),
  ),
};
