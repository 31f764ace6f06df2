import { day, hour, type Moment, timestamp } from '../calendar.ts';
import type { Change } from '../change.ts';
import type { Row } from '../copy.ts';
import { type Key, usableUntil } from '../keys.ts';
import type { Random } from '../random.ts';

/** Retiring keys work until they expire; a nightly job switches off what has expired. */
const isActive = (key: Key) => key.status === 'active' || key.status === 'retiring';

export function keyRow(random: Random, key: Key, now: Moment): Row {
  const used = lastUse(random, key, now);
  return {
    id: key.id,
    user_id: key.owner.id,
    key_hash: key.marks.hash,
    name: key.deployment.label,
    description: key.deployment.workload.scopes.join(', '),
    last_used_at: used === null ? null : timestamp(used),
    expires_at: key.expiresAt === null ? null : timestamp(key.expiresAt),
    is_active: isActive(key),
    created_at: timestamp(key.createdAt),
    updated_at: timestamp(key.updatedAt),
    key_prefix: key.marks.prefix,
    key_last4: key.marks.last4,
    rotated_from: key.rotatedFrom,
    revoked_at: key.revokedAt === null ? null : timestamp(key.revokedAt),
  };
}

/** Most keys are in use to the end; some have not been for long, and those are the ones to ask about. */
function lastUse(random: Random, key: Key, now: Moment): Moment | null {
  if (key.unused) return null;
  const end = usableUntil(key, now);
  const idle = random.chance(0.1) ? random.integer(40, 300) * day : Math.round(random.next() * 20 * hour);
  return Math.max(key.createdAt + hour, end - idle) > end ? null : Math.max(key.createdAt + hour, end - idle);
}

/** How a key came to be as it is. */
export function keyChanges(key: Key): Change[] {
  const change = (
    action: Change['action'],
    moment: Moment,
    before?: Record<string, unknown>,
    after?: Record<string, unknown>,
  ): Change => ({
    ...{ moment, action, before, after, table: 'api_keys', id: key.id },
    ...{ actor: key.owner, address: key.owner.address },
  });
  const { label } = key.deployment;
  const created = change('create', key.createdAt, undefined, {
    ...{ name: label, key_prefix: key.marks.prefix, is_active: true, rotated_from: key.rotatedFrom },
    expires_at: key.retiredAt !== null || key.expiresAt === null ? null : timestamp(key.expiresAt),
  });
  const changes = [created];
  if (key.retiredAt !== null && key.expiresAt !== null)
    changes.push(change('update', key.retiredAt, { expires_at: null }, { expires_at: timestamp(key.expiresAt) }));
  if (key.revokedAt !== null) {
    const after = { is_active: false, revoked_at: timestamp(key.revokedAt) };
    changes.push(change('update', key.revokedAt, { is_active: true, revoked_at: null }, after));
  } else if (!isActive(key)) {
    const switchedOff = change('update', key.updatedAt, { is_active: true }, { is_active: false });
    changes.push(key.status === 'expired' ? { ...switchedOff, actor: null, address: undefined } : switchedOff);
  } else if (key.retiredAt === null && key.updatedAt > key.createdAt)
    changes.push(change('update', key.updatedAt, { name: label.split(' ')[0] }, { name: label }));
  return changes;
}
