import { z } from 'zod';

/** Moments are text in ISO 8601, UTC, with up to microseconds: `2026-11-20T18:39:28.573000Z`. */
export const moment = z.string();

export const page = {
  limit: z.number().int().min(1).max(1000).default(100),
  offset: z.number().int().min(0).max(100_000_000).default(0),
};

export const searchText = z.string().trim().max(200);

/** Why an operator did something. It is part of the audit entry, so it should hold no secret. */
export const reason = z.string().trim().min(3, 'Give a reason of at least 3 characters.').max(500);

/** A person by email address or id. */
export const personReference = z.string().trim().min(1, 'Name a person by email address or id.').max(320);

/** A key by id, label, or the start of its value (`prefix`). */
export const keyReference = z.string().trim().min(1, 'Name a key by id, prefix or label.').max(255);

/**
 * How far a command has come. `local`: kept on this device and not offered, because something it builds on is unresolved.
 * `queued`: waits to be sent. `accepted`: central applied it, and this mirror has not yet seen it. `in-force`: central's
 * rows say so, and this mirror has seen them. `observed`: in use, by a signal of the host. `quarantined`: kept by central, because
 * the operator was deactivated or demoted meanwhile, until another administrator decides. `conflict` and `refused` need a
 * person. `undone`: taken back before it was sent.
 */
export const commandStates = [
  'local',
  'queued',
  'accepted',
  'in-force',
  'observed',
  'quarantined',
  'conflict',
  'refused',
  'undone',
] as const;
export const commandState = z.enum(commandStates);
export type CommandState = z.infer<typeof commandState>;

/** What every writing call answers: the command that now stands in the outbox. */
export const commandReceipt = z.object({
  command: z.string(),
  name: z.string(),
  state: commandState,
  /** The row that the command is about, e.g. the id of the created person. */
  subject: z.string(),
});
export type CommandReceipt = z.infer<typeof commandReceipt>;

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), total: z.number().int() });
}

/** One column's value before and after, as the mirror holds it; what is secret is never in here. */
export const fieldChange = z.object({
  table: z.string(),
  key: z.string(),
  column: z.string(),
  before: z.unknown(),
  after: z.unknown(),
});
export type FieldChange = z.infer<typeof fieldChange>;
