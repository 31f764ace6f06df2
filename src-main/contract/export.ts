import { z } from 'zod';
import { command, query } from './call.ts';
import { moment } from './values.ts';

const bundle = z.strictObject({ export: z.uuid() });

/** A bundle is made on this device and fetched in parts: no call takes or gives a path. */
export const exportCalls = {
  /** Makes an export bundle (docs/audit-format.md) of the logs, and records that in the device's own. It is kept until it is ended, or the device is locked. */
  'audit.export': command(
    'unlocked',
    z.strictObject({
      actor: z.string().max(320).optional(),
      action: z.string().max(255).optional(),
      object: z.string().max(320).optional(),
      from: moment.optional(),
      to: moment.optional(),
      /** Entries of the organization's log from `first` to before `last`; all of them by default. */
      first: z.number().int().min(0).optional(),
      last: z.number().int().min(1).optional(),
    }),
    z.object({
      export: z.string(),
      bytes: z.number().int(),
      level: z.enum(['CENTRAL', 'DEVICE-ONLY']),
      /** Entries of the organization's log, and of the device's own that central has not seen. */
      entries: z.number().int(),
      tail: z.number().int(),
      /** Entries that were asked for: they are shown with what they disclose. */
      matched: z.number().int(),
      /** Of these, entries that commit to something that nobody told this device. */
      undisclosed: z.number().int(),
      /** SHA-256 of the bundle's SHA256SUMS, which names it. */
      sums: z.string(),
    }),
  ),
  /** Base64 of the bundle from an offset on; `next` is where to go on, null at the end. */
  'audit.export-part': query(
    'unlocked',
    bundle.extend({ offset: z.number().int().min(0) }),
    z.object({ data: z.string(), next: z.number().int().nullable() }),
  ),
  'audit.export-end': command('unlocked', bundle, z.object({})),
  /** Signed now: what an auditor may hold against later bundles. Central's is null before the first sync, the device's own before its first entry. */
  'audit.checkpoint': query(
    'unlocked',
    z.strictObject({}),
    z.object({
      central: z.string().nullable(),
      own: z.string().nullable(),
      /** Verifier keys of this device. */
      keys: z.object({ checkpoint: z.string(), log: z.string() }),
    }),
  ),
};
