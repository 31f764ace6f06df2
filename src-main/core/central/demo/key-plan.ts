import { day, hour, type Moment, workingMoment } from './calendar.ts';
import type { Random } from './random.ts';

export type KeyStatus = 'active' | 'retiring' | 'suspended' | 'revoked' | 'expired';

/** The life of one key, before it is decided what it is for. */
export interface KeyPlan {
  status: KeyStatus;
  createdAt: Moment;
  expiresAt: Moment | null;
  revokedAt: Moment | null;
  /** When its successor was issued and its overlap began. */
  retiredAt: Moment | null;
  /** Position of the key that this one replaces, which comes earlier in the list. */
  replaces: number | null;
  /** Nobody has called with it so far. */
  unused: boolean;
}

/** What a plan must know of the organization. */
export interface KeyHolder {
  founded: Moment;
  scale: { keys: number };
}

const overlap = 7 * day;

/**
 * Every state in which an operator meets keys, in believable numbers: a rotation or three under way, some expiring in
 * each of the usual windows, a few out of force, a few that never expire and should.
 */
export function planKeys(random: Random, holder: KeyHolder, now: Moment): KeyPlan[] {
  const count = holder.scale.keys;
  const share = (part: number, least = 1) => Math.max(least, Math.round(count * part));
  const plans: KeyPlan[] = [];

  const underRotation = share(0.05);
  for (let i = 0; i < underRotation; i++) addRotationUnderWay(random, plans, now, i === 1);

  const revoked = share(0.05);
  for (let i = 0; i < revoked; i++) addRevoked(random, plans, holder, now, i < revoked - 1);

  for (let i = 0; i < share(0.033); i++) addExpired(random, plans, now);
  if (count >= 20) plans.push({ ...expiring(random, now, 100, 300), status: 'suspended' });

  // Together with the keys in overlap a tenth runs out within two weeks.
  const soon = Math.max(1, share(0.1) - underRotation);
  for (let i = 0; i < soon; i++) plans.push(expiring(random, now, 1, 14));
  for (const [from, to] of [
    [15, 30],
    [31, 60],
    [61, 90],
  ] as const) {
    for (let i = 0; i < share(0.1, 0); i++) plans.push(expiring(random, now, from, to));
  }
  for (let i = 0; i < share(0.13, 0); i++) plans.push(endless(random, holder, now, i % 4 === 0));
  while (plans.length < count) plans.push(expiring(random, now, 91, 400));
  return plans.slice(0, count);
}

const plain = { status: 'active', revokedAt: null, retiredAt: null, replaces: null, unused: false } as const;
const lifetimesInDays = [90, 180, 365, 730];

function expiring(random: Random, now: Moment, fromDays: number, toDays: number): KeyPlan {
  const expiresAt = now + Math.round((fromDays - 1 + random.next() * (toDays - fromDays + 1)) * day) + hour;
  const possible = lifetimesInDays.filter((days) => expiresAt - days * day < now - 10 * day);
  return { ...plain, expiresAt, createdAt: expiresAt - random.pick(possible) * day };
}

function endless(random: Random, holder: KeyHolder, now: Moment, unused: boolean): KeyPlan {
  return { ...plain, expiresAt: null, createdAt: workingMoment(random, holder.founded, now - 120 * day), unused };
}

/** Old and new key both work; the old one stops by itself when the overlap ends. */
function addRotationUnderWay(random: Random, plans: KeyPlan[], now: Moment, successorUnused: boolean): void {
  const retiredAt = workingMoment(random, now - 6 * day, now - 6 * hour);
  plans.push({
    ...plain,
    status: 'retiring',
    createdAt: retiredAt - random.pick([90, 180, 365]) * day,
    expiresAt: retiredAt + overlap,
    retiredAt,
  });
  plans.push({
    ...plain,
    createdAt: retiredAt,
    expiresAt: retiredAt + random.pick([90, 180, 365]) * day,
    replaces: plans.length - 1,
    unused: successorUnused,
  });
}

function addRevoked(random: Random, plans: KeyPlan[], holder: KeyHolder, now: Moment, replaced: boolean): void {
  const revokedAt = workingMoment(random, now - 140 * day, now - 12 * day);
  const retiredAt = replaced ? revokedAt - random.integer(1, 7) * day : null;
  plans.push({
    ...plain,
    status: 'revoked',
    createdAt: workingMoment(random, holder.founded, revokedAt - 60 * day),
    expiresAt: null,
    revokedAt,
    retiredAt,
  });
  if (retiredAt !== null) {
    plans.push({ ...plain, createdAt: retiredAt, expiresAt: retiredAt + 365 * day, replaces: plans.length - 1 });
  }
}

function addExpired(random: Random, plans: KeyPlan[], now: Moment): void {
  const expiresAt = workingMoment(random, now - 45 * day, now - 3 * day);
  plans.push({ ...plain, status: 'expired', createdAt: expiresAt - 365 * day, expiresAt });
}
