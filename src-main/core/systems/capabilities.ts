import type { SystemCapability } from '../../contract/device.ts';
import { LatchkeyError } from '../../contract/errors.ts';
import { expiryOf, lineageOf } from './key-columns.ts';
import type { SystemMapping } from './system.ts';

/**
 * What this system can keep: null where it can, else why not, as a sentence that follows its title. What it cannot is not offered on any
 * screen, and refused with these words.
 */
export function capabilitiesOf({
  people,
  keys,
  sessions,
  activity,
  tables,
}: SystemMapping): Record<SystemCapability, string | null> {
  const { rights } = tables[people.table] ?? {};
  const may = (op: 'insert' | 'update') => Object.values(rights ?? {}).some((right) => right[op] !== undefined);
  const status = people.status;
  const ofKeys = (column: unknown, why: string) => (keys === null ? 'has no keys' : column == null ? why : null);
  const noHash = ofKeys(keys?.hash, 'keeps no hash of a key’s secret');
  const noEnd = ofKeys(keys && expiryOf(keys), 'has no moment at which a key ends by itself');
  return {
    'people.create': people.notCreated ?? (may('insert') ? null : 'lets nobody be invited from outside'),
    'people.edit': may('update') ? null : 'lets nobody be changed from outside',
    'people.names': people.name.length > 0 ? null : 'keeps no names of people',
    'people.deactivate':
      status && status.words.deactivated.length > 0 ? null : 'has no column that says who may no longer come in',
    'people.erase': people.notErased ?? (may('update') ? null : 'lets nobody be changed from outside'),
    'people.invited': status && status.words.invited.length > 0 ? null : 'tells no invited people from active ones',
    'people.roles': people.role ? null : 'has no roles of people',
    sessions: sessions ? null : 'keeps no sessions that could be ended',
    keys: keys ? null : 'has no keys',
    'keys.issue': noHash,
    'keys.rotate': noHash,
    'keys.lineage': ofKeys(keys && lineageOf(keys), 'does not keep which key another one came from'),
    // What is not rotated overlaps with nothing.
    'keys.overlap': noHash ?? noEnd,
    'keys.expiry': noEnd,
    'keys.compromised': ofKeys(
      keys?.status.words.compromised.length ? '' : null,
      'tells no compromised keys from revoked ones',
    ),
    'keys.revoke': ofKeys(keys?.status.words.revoked.length ? '' : null, 'has no word for a revoked key'),
    'keys.scopes': ofKeys(keys?.scopes, 'keeps no scopes of keys'),
    'keys.lastUsed': ofKeys(keys?.lastUsedAt, 'does not keep when a key was last used'),
    'keys.certificates': ofKeys(keys?.certificate?.fingerprint, 'keeps no certificates'),
    audit: activity ? null : 'has no audit table: what is done here stands in Latchkey’s own log alone',
  };
}

/** What a system cannot keep, and why. */
export function lacksOf(system: SystemMapping): Partial<Record<SystemCapability, string>> {
  const all = Object.entries(capabilitiesOf(system));
  return Object.fromEntries(all.filter((one): one is [SystemCapability, string] => one[1] !== null));
}

const endsByUpkeep =
  'does not look at when a key ends: that stands in Latchkey’s books only. It goes on accepting the key until central’s upkeep (latchkey central maintain --keys) revokes it at its time, unless it asks latchkey.key_is_valid';

/** What a system keeps in a sidecar alone, and what that means, as a sentence that follows its title. */
export function caveatsOf({ keys }: SystemMapping): Partial<Record<SystemCapability, string>> {
  if (keys === null) return {};
  return {
    ...(expiryOf(keys)?.isBeside && {
      'keys.expiry': endsByUpkeep,
      ...(keys.hash !== null && { 'keys.overlap': endsByUpkeep }),
    }),
    ...(lineageOf(keys)?.isBeside && {
      'keys.lineage': 'does not keep which key another one came from: Latchkey does, beside the tables of the host',
    }),
  };
}

/** @throws LatchkeyError `not-supported`, saying what the system lacks */
export function requireCapability(system: SystemMapping, capability: SystemCapability, field?: string): void {
  const why = capabilitiesOf(system)[capability];
  if (why === null) return;
  throw new LatchkeyError('not-supported', `${system.title} ${why}. Nothing was changed.`, { field });
}
