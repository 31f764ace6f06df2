import { z } from 'zod';
import { command, query } from './call.ts';
import { commandReceipt, commandState, fieldChange, listOf, moment, page } from './values.ts';

export const outboxItem = z.object({
  command: z.string(),
  name: z.string(),
  /** What was done, in one sentence: `Deactivated Zoë Lindqvist`. */
  summary: z.string(),
  reason: z.string().nullable(),
  state: commandState,
  madeAt: moment,
  sentAt: moment.nullable(),
  acceptedAt: moment.nullable(),
  inForceAt: moment.nullable(),
  /**
   * Until when the host may go on accepting what this took away, counted by central's clock from when that accepted it. Null where it took nothing
   * away, is not accepted yet, or where the host looks at its tables each time or nobody has said how long it does not.
   */
  stopsBy: moment.nullable(),
  undoable: z.boolean(),
  /** Why it waits or was refused, in words. */
  note: z.string().nullable(),
  changes: z.array(fieldChange),
});
export type OutboxItem = z.infer<typeof outboxItem>;

export const conflictField = z.object({
  column: z.string(),
  base: z.unknown(),
  mine: z.unknown(),
  theirs: z.unknown(),
});
export type ConflictField = z.infer<typeof conflictField>;

/** A command that central could not take as it was: kept, shown, resolved by a person. */
export const conflict = z.object({
  conflict: z.string(),
  command: z.string(),
  name: z.string(),
  summary: z.string(),
  /** `fields`: both changed the same; `missing`: the row is not there or not visible; `refused`: central said no. */
  kind: z.enum(['fields', 'missing', 'refused']),
  table: z.string().nullable(),
  key: z.string().nullable(),
  fields: z.array(conflictField),
  /** Central's words for a refusal. */
  message: z.string().nullable(),
  state: z.enum(['open', 'resolved']),
  resolution: z.enum(['mine', 'theirs', 'merged']).nullable(),
  madeAt: moment,
});
export type Conflict = z.infer<typeof conflict>;

/** A command that central keeps because its operator was deactivated or demoted before it arrived. */
export const quarantinedCommand = z.object({
  command: z.string(),
  name: z.string(),
  device: z.object({ id: z.string(), name: z.string() }),
  actor: z.object({ id: z.string(), name: z.string().nullable() }),
  object: z.object({ table: z.string(), key: z.string(), name: z.string().nullable() }),
  reason: z.string().nullable(),
  madeAt: moment,
  receivedAt: moment,
  changes: z.array(fieldChange),
});

export const outboxCalls = {
  'outbox.list': query('unlocked', z.strictObject({ state: commandState.optional(), ...page }), listOf(outboxItem)),
  'outbox.undo': command('unlocked', z.strictObject({ command: z.uuid('Name a command by its id.') }), commandReceipt),
  'conflicts.list': query(
    'unlocked',
    z.strictObject({ state: z.enum(['open', 'resolved']).default('open'), ...page }),
    listOf(conflict),
  ),
  /** Asks central: needs a connection, and the device of an administrator. */
  'quarantine.list': query('unlocked', z.strictObject({}), listOf(quarantinedCommand)),
  /** `release` applies the command now, with the rights of the device that made it; `discard` refuses it for good. Needs a connection. */
  'quarantine.decide': command(
    'unlocked',
    z.strictObject({
      command: z.uuid('Name a command by its id.'),
      decision: z.enum(['release', 'discard']),
    }),
    z.object({
      command: z.string(),
      state: z.enum(['applied', 'merged', 'conflict', 'refused']),
      /** Why it was not applied, in words. */
      message: z.string().nullable(),
    }),
  ),
  'conflicts.resolve': command(
    'unlocked',
    z.strictObject({
      conflict: z.uuid('Name a conflict by its id.'),
      /** `theirs` keeps central's values; `mine` sends this device's again, on top of what central has now. */
      take: z.enum(['mine', 'theirs']),
      /** Per column, in place of `take`: values of the operator's own choosing. */
      columns: z.record(z.string(), z.enum(['mine', 'theirs'])).optional(),
    }),
    z.object({
      conflict: z.string(),
      resolution: z.enum(['mine', 'theirs', 'merged']),
      command: z.string().nullable(),
    }),
  ),
};
