import { z } from 'zod';
import { command, query } from './call.ts';
import { listOf, moment, reason } from './values.ts';

/** Something that should not be, in words. */
export const integrityFinding = z.object({
  finding: z.string(),
  kind: z.enum([
    'log-rewritten',
    'split-view',
    'device-log-differs',
    'leaf-invalid',
    'own-log-rolled-back',
    'own-log-forked',
    'projection-differs',
    'tracking-interrupted',
  ]),
  /** Index of an entry, a command, a table or a device: where. */
  place: z.string(),
  title: z.string(),
  /** What it may mean, and what to do. */
  meaning: z.string(),
  advice: z.string(),
  details: z.record(z.string(), z.unknown()),
  foundAt: moment,
  /** Who has taken note of it need not be told again. */
  acknowledged: z.object({ at: moment, reason: z.string() }).nullable(),
});
export type IntegrityFinding = z.infer<typeof integrityFinding>;

export const integrity = z.object({
  /** `trusted`: nothing is open. `attention`: findings are open. `distrusted`: central's log is not believed, and nothing is sent to it. */
  state: z.enum(['unknown', 'trusted', 'attention', 'distrusted']),
  /** The organization's log, as this device recomputed it; null before it did for the first time. Root: base64. */
  log: z
    .object({ size: z.number().int(), root: z.string(), verifiedAt: moment, checkedAt: moment.nullable() })
    .nullable(),
  /** This device's own log. `unsent`: entries that central does not have yet. */
  own: z.object({
    size: z.number().int(),
    root: z.string(),
    unsent: z.number().int(),
    /** The signed checkpoint (C2SP signed-note); null for an empty log. */
    checkpoint: z.string().nullable(),
  }),
  /** Whether the system's secret store remembers how long this device's log was, so that an older file is noticed. */
  rollbackProtection: z.boolean(),
  devices: z.array(
    z.object({
      device: z.string(),
      joined: z.number().int(),
      revoked: z.number().int().nullable(),
      /** Entries in the organization's log, and how many of them the device's own signature covers. */
      entries: z.number().int(),
      signed: z.number().int(),
      /** The newest checkpoint of the organization's log that it signed. */
      checkpoint: z.object({ size: z.number().int(), at: moment }).nullable(),
      keys: z.object({ log: z.string(), checkpoint: z.string() }),
    }),
  ),
  /** Leaves that central lost in restores that were declared, and that are kept here. */
  lostLeaves: z.number().int(),
  findings: z.array(integrityFinding),
});
export type Integrity = z.infer<typeof integrity>;

/** Somebody who was erased: what is left of them is the key of their row, and who has let go of what they were called. */
export const erasure = z.object({
  /** Key of the person's row. */
  person: z.string(),
  command: z.string(),
  at: moment,
  /** The device that ordered it, and who acted by it; null where that was erased as well. */
  device: z.string(),
  by: z.string().nullable(),
  reason: z.string().nullable(),
  /** Index in the organization's log of the first leaf that says what went. */
  index: z.number().int(),
  /** Values that were disclosed of entries and are no more. */
  digests: z.number().int(),
  /** Devices that had joined by then and were not revoked since, and when each said that it keeps nothing of them; null while it has not. */
  devices: z.array(z.object({ device: z.string(), acknowledgedAt: moment.nullable() })),
});
export type Erasure = z.infer<typeof erasure>;

export const integrityCalls = {
  /** The register of erasures, newest first. */
  'audit.erasures': query('unlocked', z.strictObject({}), listOf(erasure)),
  'audit.integrity': query('unlocked', z.strictObject({}), integrity),
  /** Holds all of central's log against this device's copy, this device's own log against its entries, and the host's audit table against the log. */
  'audit.check': command('unlocked', z.strictObject({}), integrity),
  /** Says that a finding is known. It is kept, with the reason, and an entry says so. */
  'audit.acknowledge': command('unlocked', z.strictObject({ finding: z.string().min(1).max(100), reason }), integrity),
};
