import { z } from 'zod';
import { query } from './call.ts';
import { listOf, moment, page } from './values.ts';

/** One entry of the organization's log as this device has it, with what is disclosed of it. */
export const logLeaf = z.object({
  /** From 0; null for an entry of this device's own that central does not have yet. */
  index: z.number().int().nullable(),
  /** Null: central's own. */
  device: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
  /** Place in the device's own log, from 1. */
  seq: z.number().int().nullable(),
  action: z.string(),
  /** By the clock of whoever made it. */
  at: moment,
  command: z.string().nullable(),
  outcome: z.string().nullable(),
  actor: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
  object: z.object({ table: z.string(), key: z.string(), name: z.string().nullable() }).nullable(),
  reason: z.string().nullable(),
  /** Whatever else it disclosed, by name. */
  disclosed: z.record(z.string(), z.unknown()),
  /** How much it commits to that this device does not have: erased, or never given to it. */
  undisclosed: z.number().int(),
  /** The exact bytes, as text. */
  text: z.string(),
});
export type LogLeaf = z.infer<typeof logLeaf>;

/** What happened on one device, and what is known of its clock; moments by its own clock unless they say otherwise. */
const lane = z.object({
  device: z.object({ id: z.string(), name: z.string().nullable() }),
  /** By central's clock. */
  joinedAt: moment.nullable(),
  revokedAt: moment.nullable(),
  entries: z.array(
    z.object({
      index: z.number().int().nullable(),
      seq: z.number().int(),
      action: z.string(),
      at: moment,
      command: z.string().nullable(),
      /** What became of it at central; null as long as that is not known. */
      outcome: z.string().nullable(),
    }),
  ),
  /** When central took entries from it, by central's clock, and how many; `waited` since the oldest of them was made. */
  pushes: z.array(z.object({ index: z.number().int(), at: moment, entries: z.number().int(), since: moment })),
  /**
   * What the log proves of its clock, in milliseconds: ahead (positive) because an entry says it was made after central had it, behind
   * (negative) because it says it was made before what it had already seen.
   */
  skews: z.array(z.object({ at: moment, milliseconds: z.number().int() })),
});
export type Lane = z.infer<typeof lane>;

export const logCalls = {
  /** What the log proves of a command: where its entry stands, who signed for it, and between which moments it was made. */
  'audit.proof': query(
    'unlocked',
    z.strictObject({ command: z.string().min(1).max(64) }),
    z.object({
      /** The entry that its device made of it; null where the log on this device does not have it. */
      entry: logLeaf.nullable(),
      /** What else the log tells of the command, in order. */
      others: z.array(logLeaf),
      /** Its place in the organization's log as this device recomputed it. `hashes`: the inclusion proof (RFC 6962), base64. */
      place: z
        .object({ size: z.number().int(), root: z.string(), hashes: z.array(z.string()), holds: z.boolean() })
        .nullable(),
      /** Whether the device's own signature covers the entry. `signed`: how many of its entries it covers. */
      own: z.object({ signed: z.number().int(), covers: z.boolean() }).nullable(),
      /** Devices that signed a checkpoint of the organization's log with the entry in it. */
      signers: z.array(
        z.object({
          device: z.object({ id: z.string(), name: z.string().nullable() }),
          size: z.number().int(),
          at: moment.nullable(),
          holds: z.boolean(),
        }),
      ),
      /** By central's clock; null where the log does not tell. */
      notBefore: moment.nullable(),
      notAfter: moment.nullable(),
    }),
  ),
  /** Entries of the log with one of these actions, newest first. */
  'audit.leaves': query(
    'unlocked',
    z.strictObject({ actions: z.array(z.string().min(1).max(255)).min(1).max(20), ...page }),
    listOf(logLeaf),
  ),
  /** Each device's part in the newest entries of the log. */
  'audit.lanes': query(
    'unlocked',
    z.strictObject({ limit: z.number().int().min(1).max(20_000).default(5_000) }),
    z.object({
      lanes: z.array(lane),
      /** Entries of the log that were looked at, of how many; in moments of central's clock. */
      looked: z.number().int(),
      size: z.number().int(),
    }),
  ),
};
