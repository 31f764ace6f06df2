import { z } from 'zod';
import { command, query } from './call.ts';
import { moment } from './values.ts';

/** At least 12 characters: it wraps the key of everything on this device. */
const newPassphrase = z.string().min(12, 'Choose a passphrase of at least 12 characters.').max(1024);
const passphrase = z.string().min(1, 'Give the passphrase.').max(1024);

/** What a database must be able to keep for a feature to be offered. */
export const systemCapability = z.enum([
  'people.create',
  'people.edit',
  'people.names',
  'people.deactivate',
  'people.erase',
  'people.invited',
  'people.roles',
  'sessions',
  'keys',
  'keys.issue',
  'keys.rotate',
  'keys.lineage',
  'keys.overlap',
  'keys.expiry',
  'keys.revoke',
  'keys.compromised',
  'keys.scopes',
  'keys.lastUsed',
  'keys.certificates',
  'audit',
]);
export type SystemCapability = z.infer<typeof systemCapability>;

export const deviceState = z.object({
  state: z.enum(['not-enrolled', 'locked', 'unlocked']),
  /** Known once unlocked; a locked device tells nothing about what it holds. */
  device: z.object({ id: z.string(), name: z.string() }).optional(),
  organization: z.object({ id: z.string(), name: z.string() }).optional(),
  operator: z.object({ id: z.string(), name: z.string(), email: z.string() }).optional(),
  capability: z.enum(['admin', 'operator', 'auditor']).optional(),
  /**
   * `lacks`: what this system cannot keep, by capability, and why, as a sentence that follows its title; `caveats`: what stands in Latchkey's
   * own tables alone, so that the system does not go by it; `delay`: how long it may go on accepting what was taken away, as a whole sentence.
   */
  system: z
    .object({
      name: z.string(),
      title: z.string(),
      lacks: z.partialRecord(systemCapability, z.string()),
      caveats: z.partialRecord(systemCapability, z.string()),
      delay: z.string().nullable(),
    })
    .optional(),
  version: z.string(),
});
export type DeviceState = z.infer<typeof deviceState>;

export const mode = z.enum([
  'not-enrolled',
  'locked',
  'offline',
  'connecting',
  'pulling',
  'pushing',
  'idle',
  'attention',
]);
export type Mode = z.infer<typeof mode>;

export const progress = z.object({
  /** What is going on, e.g. `Copying audit_events`. */
  step: z.string(),
  rows: z.number().int(),
  /** As central counted them; 0 as long as that is not known. */
  rowsExpected: z.number().int(),
  bytes: z.number().int(),
  /** At the speed so far; null as long as that tells nothing. */
  secondsLeft: z.number().int().nullable(),
});
export type Progress = z.infer<typeof progress>;

export const status = z.object({
  mode,
  /** When the mirror last equalled central. */
  lastSync: moment.nullable(),
  /** Commands that central has not answered yet. */
  pending: z.number().int(),
  /** Conflicts and refusals that wait for a person. */
  conflicts: z.number().int(),
  /** Commands of others that wait at central for an administrator, as far as this device could decide on them. */
  inQuarantine: z.number().int(),
  /** What was found of the logs that should not be, and nobody has acknowledged (`audit.integrity`). */
  findings: z.number().int(),
  mirror: z.object({ rows: z.number().int(), bytes: z.number().int(), tables: z.number().int() }),
  central: z.object({ reachable: z.boolean(), epoch: z.string().nullable() }),
  /** The command that has waited longest for central's answer, or to be seen in force, and why it waits. */
  oldestPending: z
    .object({
      command: z.string(),
      summary: z.string(),
      madeAt: moment,
      why: z.string(),
      /** It has waited for over ten minutes although central answers: somebody should look. */
      overdue: z.boolean(),
    })
    .nullable(),
  /** Milliseconds that this device's clock is ahead of central's, as last measured; negative where it is behind. */
  clockOffset: z.number().int().nullable(),
  /** The operator's switch: true while they chose to work offline. */
  workOffline: z.boolean(),
  progress: progress.nullable(),
  /** Why the mode is `attention` or the last attempt to sync failed. */
  problem: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type Status = z.infer<typeof status>;

/** One thing that was looked at. `unknown`: it could not be told, mostly because central did not answer. */
export const finding = z.object({
  name: z.enum([
    'central',
    'epoch',
    'catalogue',
    'tracking',
    'clock',
    'cursor',
    'outbox',
    'conflicts',
    'log',
    'file',
    'types',
    'errors',
  ]),
  state: z.enum(['ok', 'attention', 'unknown']),
  /** What was found, in words. */
  found: z.string(),
  /** What to do about it; null where nothing is to be done. */
  advice: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type Finding = z.infer<typeof finding>;

export const deviceCalls = {
  'device.state': query('any', z.strictObject({}), deviceState),
  'device.join': command(
    'any',
    z.strictObject({
      /** The text of an enrollment file. */
      enrollment: z.string().min(1).max(262_144),
      passphrase: newPassphrase,
    }),
    deviceState,
  ),
  'device.unlock': command('enrolled', z.strictObject({ passphrase }), deviceState),
  'device.lock': command('enrolled', z.strictObject({}), deviceState),
  'status.get': query('any', z.strictObject({}), status),
  /** Looks at everything that can go wrong between this device and central, and changes nothing. */
  'device.doctor': query(
    'unlocked',
    z.strictObject({}),
    z.object({ healthy: z.boolean(), findings: z.array(finding) }),
  ),
  /** Pushes and pulls once, and answers when both are done; fails with `offline` while the operator works offline. */
  'sync.now': command('unlocked', z.strictObject({}), status),
  /** Stops what sync is doing, and leaves it until `sync.now`: what has arrived is kept, and is not fetched again. */
  'sync.cancel': command('unlocked', z.strictObject({}), status),
  'sync.set-offline': command('unlocked', z.strictObject({ workOffline: z.boolean() }), status),
};
