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

/** What entries are asked for. */
const auditFilter = {
  actor: z.string().max(320).optional(),
  action: z.string().max(255).optional(),
  object: z.string().max(320).optional(),
  search: searchText.optional(),
  from: moment.optional(),
  to: moment.optional(),
  /** The name of the device that it was done on, as central's audit table has it. */
  device: z.string().max(255).optional(),
  /** `host`: by another application, at central. `here`: made on this device, and not in central's audit table yet. */
  origin: z.enum(['host', 'here']).optional(),
};

/** Counts by one property, greatest first; `whole` where everything that matches was counted, and not the newest entries alone. */
function facet<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), whole: z.boolean() });
}

export const auditCalls = {
  'audit.list': query(
    'unlocked',
    z.strictObject({ ...auditFilter, ...page }),
    /** `more`: `total` is how many were looked for, and there may be more than that. */
    listOf(auditItem).extend({ more: z.boolean() }),
  ),
  'audit.show': query(
    'unlocked',
    z.strictObject({ id: z.string().min(1).max(200) }),
    auditItem.extend({
      /** Whose life it is part of. */
      about: z.enum(['person', 'key']).nullable(),
      /** The exact bytes of the log entry about it, as text, where this device has them. */
      entry: z.string().nullable(),
      /** The command that it came from. `own`: one of this device's outbox. */
      command: z.object({ id: z.string(), own: z.boolean() }).nullable(),
      /** Sessions of the actor that were open then, newest first. */
      sessions: z.array(
        z.object({
          id: z.string(),
          address: z.string().nullable(),
          agent: z.string().nullable(),
          createdAt: moment.nullable(),
          expiresAt: moment.nullable(),
        }),
      ),
    }),
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
  /** What the entries that a filter asks for have in common: when, what, who, and where it was done. */
  'audit.facets': query(
    'unlocked',
    z.strictObject(auditFilter),
    z.object({
      /** Days (UTC), oldest first. */
      days: facet(z.object({ day: z.string(), count: z.number().int() })),
      actions: facet(z.object({ action: z.string(), count: z.number().int() })),
      /** Null: nobody is recorded. */
      actors: facet(z.object({ actor: z.string().nullable(), name: z.string().nullable(), count: z.number().int() })),
      /** With a device where it was done on one of Latchkey's. */
      origins: facet(
        z.object({
          origin: z.enum(['device', 'host', 'here']),
          device: z.string().nullable(),
          count: z.number().int(),
        }),
      ),
      /** What was counted where not everything was: so many of the newest, back to a moment. */
      newest: z.object({ entries: z.number().int(), since: moment.nullable() }).nullable(),
    }),
  ),
  'audit.actions': query(
    'unlocked',
    z.strictObject({}),
    listOf(z.object({ action: z.string(), count: z.number().int() })),
  ),
};
