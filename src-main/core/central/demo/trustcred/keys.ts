import { day, hour, type Moment, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import { type KeyMarks, makeKeyMarks } from '../key-material.ts';
import { type KeyPlan, planKeys } from '../key-plan.ts';
import type { Random } from '../random.ts';
import { activeIn, type Person } from './people.ts';
import type { Profile } from './profile.ts';
import { wordingOf } from './wording.ts';

export interface Key extends Omit<KeyPlan, 'status'> {
  id: string;
  status: KeyPlan['status'] | 'compromised';
  name: string;
  permissions: string[];
  owner: Person;
  marks: KeyMarks;
  rotatedFrom: Key | null;
  lastUsed: Moment | null;
}

const places = ['production', 'recette', 'test'];

export function generateKeys(random: Random, profile: Profile, people: Person[], now: Moment): Key[] {
  const owners = activeIn(people, 'admin', 'issuer');
  const { callers } = wordingOf(profile.type);
  const keys: Key[] = [];
  for (const plan of planKeys(random.fork('plan'), profile, now)) {
    const previous = plan.replaces === null ? null : keys[plan.replaces]!;
    const [name, permissions] = callers[keys.length % callers.length]!;
    const place = places[Math.floor(keys.length / callers.length) % places.length];
    keys.push({
      ...plan,
      id: random.uuid(),
      name: previous?.name ?? `${name}, ${place}`,
      permissions: previous?.permissions ?? permissions,
      owner: previous?.owner ?? random.pick(owners),
      marks: makeKeyMarks(random, 'tck_'),
      rotatedFrom: previous,
      lastUsed: lastUse(random, plan, now),
    });
  }
  const revoked = keys.filter((key) => key.status === 'revoked');
  // The reason why a key had to go: found in a public repository.
  if (revoked.length > 1) revoked[0]!.status = 'compromised';
  return keys;
}

export function keyRow(key: Key, profile: Profile): Row {
  return {
    id: key.id,
    organization_id: profile.id,
    name: key.name,
    key_hash: key.marks.hash,
    permissions: { json: key.permissions },
    active: key.status === 'active' || key.status === 'retiring',
    last_used: key.lastUsed === null ? null : timestamp(key.lastUsed),
    expires_at: key.expiresAt === null ? null : timestamp(key.expiresAt),
    created_at: timestamp(key.createdAt),
    status: key.status,
    key_prefix: key.marks.prefix,
    key_last4: key.marks.last4,
    rotated_from: key.rotatedFrom?.id ?? null,
    revoked_at: key.revokedAt === null ? null : timestamp(key.revokedAt),
    owner_id: key.owner.id,
  };
}

/** Most keys are used every day; one in eight was forgotten long ago. */
function lastUse(random: Random, plan: KeyPlan, now: Moment): Moment | null {
  if (plan.unused) return null;
  const end = Math.min(
    now,
    plan.revokedAt ?? now,
    plan.expiresAt ?? now,
    plan.status === 'suspended' ? now - day : now,
  );
  const forgotten = plan.status === 'active' && random.chance(0.125) && plan.createdAt < now - 120 * day;
  return forgotten
    ? workingMoment(random, plan.createdAt, now - 90 * day)
    : workingMoment(random, Math.max(plan.createdAt, end - 30 * hour), end);
}
