import { LatchkeyError } from '../../contract/errors.ts';
import type { SystemMapping } from './system.ts';

/** What features need of a system: `null` where it is there, else why it is not, as a sentence that follows the system's title. */
export type SystemCapabilities = ReturnType<typeof capabilitiesOf>;
export type SystemCapability = keyof SystemCapabilities;

/** What this system can keep. What it cannot is not offered on any screen, and refused with these words. */
export function capabilitiesOf({ people, keys, sessions, activity, tables }: SystemMapping) {
  const { rights } = tables[people.table] ?? {};
  const may = (op: 'insert' | 'update') => Object.values(rights ?? {}).some((right) => right[op] !== undefined);
  const status = people.status;
  const ofKeys = (column: string | null | undefined, why: string) =>
    keys === null ? 'has no keys' : column == null ? why : null;
  return {
    'people.create': people.notCreated ?? (may('insert') ? null : 'lets nobody be invited from outside'),
    'people.edit': may('update') ? null : 'lets nobody be changed from outside',
    'people.names': people.name.length > 0 ? null : 'keeps no names of people',
    'people.deactivate':
      status && status.words.deactivated.length > 0 ? null : 'has no column that says who may no longer come in',
    'people.invited': status && status.words.invited.length > 0 ? null : 'tells no invited people from active ones',
    'people.roles': people.role ? null : 'has no roles of people',
    sessions: sessions ? null : 'keeps no sessions that could be ended',
    'keys.issue': ofKeys(keys?.hash, 'keeps no hash of a key’s secret'),
    'keys.rotate': ofKeys(keys?.hash, 'keeps no hash of a key’s secret'),
    'keys.lineage': ofKeys(keys?.rotatedFrom, 'does not keep which key another one came from'),
    'keys.overlap': ofKeys(keys?.expiresAt, 'has no moment at which a key ends by itself'),
    'keys.expiry': ofKeys(keys?.expiresAt, 'has no moment at which a key ends by itself'),
    'keys.revoke': ofKeys(keys?.status.words.revoked.length ? '' : null, 'has no word for a revoked key'),
    'keys.scopes': ofKeys(keys?.scopes, 'keeps no scopes of keys'),
    'keys.lastUsed': ofKeys(keys?.lastUsedAt, 'does not keep when a key was last used'),
    'keys.certificates': ofKeys(keys?.certificate?.fingerprint, 'keeps no certificates'),
    audit: activity ? null : 'has no audit table: what is done here stands in Latchkey’s own log alone',
  };
}

/** @throws LatchkeyError `not-supported`, saying what the system lacks */
export function requireCapability(system: SystemMapping, capability: SystemCapability, field?: string): void {
  const why = capabilitiesOf(system)[capability];
  if (why === null) return;
  throw new LatchkeyError('not-supported', `${system.title} ${why}. Nothing was changed.`, { field });
}
