import type { ReadContext } from '../handlers.ts';
import { type KeyRow, keysAt } from './key-named.ts';

/**
 * All versions of a key, from the oldest that this mirror knows to the newest, the given one included. A version that was
 * rotated twice (one successor was revoked) has both successors in the list, older first.
 */
export function versionsOf({ mirror, now }: Pick<ReadContext, 'mirror' | 'now'>, key: KeyRow): KeyRow[] {
  const seen = new Set([key.id]);
  let oldest = key;
  while (oldest.rotated_from !== null) {
    const before = mirror.first(keysAt(now).where('id', '=', oldest.rotated_from));
    // A circle cannot come from a rotation, but whoever writes to central may have made one.
    if (!before || seen.has(before.id)) break;
    seen.add(before.id);
    oldest = before;
  }
  const versions = [oldest];
  const listed = new Set([oldest.id]);
  for (let at = 0; at < versions.length; at++) {
    const next = keysAt(now).where('rotated_from', '=', versions[at]!.id).orderBy('created_at').orderBy('id');
    for (const version of mirror.all(next)) {
      if (listed.has(version.id)) continue;
      listed.add(version.id);
      versions.push(version);
    }
  }
  return versions;
}
