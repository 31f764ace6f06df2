import { uuidv7 } from 'uuidv7';
import { LatchkeyError } from '../../contract/errors.ts';
import type { CallName } from '../../contract/index.ts';
import type { Json, RowChange } from '../command/intent.ts';
import { requireRights } from '../command/rights.ts';
import type { Decide, ReadContext } from '../handlers.ts';
import { asMoment } from '../mirror/moments.ts';
import { rowValues, storedMoment } from '../mirror/row-values.ts';
import { capabilitiesOf, caveatsOf, requireCapability } from '../systems/capabilities.ts';
import { expiryOf, lineageOf } from '../systems/key-columns.ts';
import { calledKey, type KeyRow, type KeyState, keyMapping, keyNamed } from './key-named.ts';
import { newSecret, type Secret } from './secret.ts';
import { versionsOf } from './versions.ts';

const millisecondsPerDay = 86_400_000;
const usualDays = 365;
/** Central counts ten years from acceptance at most. */
const longestFromAcceptance = 3_650 * millisecondsPerDay;

const issueKey: Decide<'keys.issue'> = (context, { label, scopes, reason, ...input }) => {
  const keys = keyMapping(context.system);
  requireCapability(context.system, 'keys.issue', 'label');
  const { expiresInDays = capabilitiesOf(context.system)['keys.expiry'] === null ? usualDays : null } = input;
  if (expiresInDays !== null) requireCapability(context.system, 'keys.expiry', 'expiresInDays');
  if (scopes.length > 0) requireCapability(context.system, 'keys.scopes', 'scopes');
  const secret = newSecret(keys.secretPrefix);
  const lifetime = expiresInDays === null ? null : expiresInDays * millisecondsPerDay;
  const set = {
    [keys.label]: label,
    ...(keys.scopes === null ? {} : { [keys.scopes]: scopes }),
    ...(keys.owner === null ? {} : { [keys.owner]: context.operator.id }),
  };
  const changes = newKey(context, secret, { lifetime, set });
  for (const change of changes) requireKeyRights(context, change, `issue the key “${label}”`, 'label');
  return {
    intent: {
      name: 'key.issue',
      summary: `Issued the key “${label}” (${secret.prefix}…)`,
      reason,
      subject: { table: keys.table, key: changes[0]!.key },
      changes,
    },
    answer: told(secret, lifetime === null ? null : expiryCaveat(context)),
  };
};

const rotateKey: Decide<'keys.rotate'> = (context, { key: reference, overlapSeconds, reason }) => {
  const keys = keyMapping(context.system);
  requireCapability(context.system, 'keys.rotate', 'key');
  if (overlapSeconds > 0) requireCapability(context.system, 'keys.overlap', 'overlapSeconds');
  const old = keyNamed(context, reference, ['active']);
  requireActive(old);
  requireTwoVersionsAtMost(context, old, overlapSeconds);
  const secret = newSecret(keys.secretPrefix);
  const lifetime = lifetimeOf(old, context.now);
  const changes = [
    ...newKey(context, secret, { lifetime, set: carriedOver(context, old), rotatedFrom: old.id }),
    ...(overlapSeconds > 0 ? retirement(context, old, overlapSeconds) : [end(context, old, 'revoked')]),
  ];
  for (const change of changes) requireKeyRights(context, change, `rotate ${calledKey(old)}`, 'key');
  const rest = overlapSeconds > 0 ? `the old one works ${inWords(overlapSeconds)} longer` : 'the old one is revoked';
  return {
    intent: {
      name: 'key.rotate',
      summary: `Rotated the key ${calledKey(old)} to ${secret.prefix}…; ${rest}`,
      reason,
      subject: { table: keys.table, key: [old.id] },
      changes,
    },
    answer: told(secret, overlapSeconds > 0 || lifetime !== null ? expiryCaveat(context) : null),
  };
};

const revokeKey: Decide<'keys.revoke'> = (context, { key: reference, reason, compromised }) => {
  const keys = keyMapping(context.system);
  requireCapability(context.system, 'keys.revoke', 'key');
  const old = keyNamed(context, reference, ['active', 'retiring', 'suspended']);
  // That a revoked key leaked as well is worth recording; the way back is closed.
  if (old.state === 'compromised' || (old.state === 'revoked' && !compromised))
    throw new LatchkeyError(
      'would-violate',
      `The key ${calledKey(old)} is ${old.state} already, so there is nothing to change.`,
      { field: 'key' },
    );
  const update = end(context, old, compromised ? 'compromised' : 'revoked');
  requireKeyRights(context, update, `revoke ${calledKey(old)}`, 'key');
  return {
    intent: {
      name: 'key.revoke',
      summary: `Revoked the key ${calledKey(old)}${compromised ? ' as compromised' : ''}`,
      reason,
      subject: { table: keys.table, key: [old.id] },
      changes: [update],
    },
    answer: {},
  };
};

export const keyCommands = {
  'keys.issue': issueKey,
  'keys.rotate': rotateKey,
  'keys.revoke': revokeKey,
} satisfies { [Name in CallName]?: Decide<Name> };

/**
 * A new row with all of the secret that is ever stored: its hash and its marks; then, where the host's table has no columns for them, one
 * with its end and where it came from. `lifetime` in milliseconds, null for ever, counted from central's acceptance: on a device whose clock
 * is behind, a key must not be born expired.
 */
function newKey(
  context: ReadContext,
  secret: Secret,
  { lifetime, set, rotatedFrom }: { lifetime: number | null; set: Record<string, Json>; rotatedFrom?: string },
): RowChange[] {
  const keys = keyMapping(context.system);
  const id = uuidv7();
  const marks: [string | null, Json][] = [
    [keys.organization, context.organization.id],
    [keys.hash, secret.hash],
    [keys.prefix, secret.prefix],
    [keys.last4, secret.last4],
  ];
  const own: RowChange = {
    table: keys.table,
    key: [id],
    op: 'insert',
    set: {
      ...set,
      [keys.id]: id,
      ...Object.fromEntries(marks.filter(([column]) => column !== null)),
      [keys.status.column]: keys.status.words.active[0]!,
    },
  };
  const beside: RowChange = { table: keys.beside?.table ?? '', key: [id], op: 'insert', set: {} };
  const [expiry, lineage] = [expiryOf(keys), lineageOf(keys)];
  if (lineage && rotatedFrom !== undefined) (lineage.isBeside ? beside : own).set[lineage.column] = rotatedFrom;
  if (expiry && lifetime !== null) {
    const change = expiry.isBeside ? beside : own;
    if (lifetime > longestFromAcceptance) change.set[expiry.column] = momentOf(context, expiry, lifetime);
    else change.fromAcceptance = { [expiry.column]: Math.round(lifetime / 1_000) };
  }
  return [own, ...(Object.keys({ ...beside.set, ...beside.fromAcceptance }).length > 0 ? [beside] : [])];
}

/** The overlap counts from central's acceptance, so that a key rotated offline does not die before its successor lives. */
function retirement(context: ReadContext, old: KeyRow, overlapSeconds: number): RowChange[] {
  const keys = keyMapping(context.system);
  const { table, column, isBeside } = expiryOf(keys)!;
  const [word] = keys.status.words.retiring;
  const set = word === undefined ? {} : { [keys.status.column]: word };
  const end = { fromAcceptance: { [column]: overlapSeconds } };
  const own: RowChange = { table: keys.table, key: [old.id], op: 'update', set, ...(!isBeside && end) };
  if (!isBeside) return [own];
  const beside: RowChange = {
    table,
    key: [old.id],
    op: hasBeside(context, old) ? 'update' : 'insert',
    set: {},
    ...end,
  };
  return word === undefined ? [beside] : [own, beside];
}

function hasBeside({ system, tables, mirror }: ReadContext, { id }: KeyRow): boolean {
  const { beside } = keyMapping(system);
  const table = beside && tables.get(beside.table);
  if (!table) return false;
  return rowValues(mirror, table, { column: beside.key, equals: id }, [beside.key]) !== undefined;
}

function end(context: ReadContext, old: KeyRow, state: 'revoked' | 'compromised'): RowChange {
  const keys = keyMapping(context.system);
  // A system that has no word for what leaked revokes it; the reason says the rest.
  const [word = keys.status.words.revoked[0]!] = keys.status.words[state];
  const set: Record<string, Json> = { [keys.status.column]: word };
  // Set once: when it ended stays, also where it turns out later that it had leaked.
  if (keys.revokedAt !== null && old.revoked_at === null)
    set[keys.revokedAt] = momentOf(context, { table: keys.table, column: keys.revokedAt }, 0);
  return { table: keys.table, key: [old.id], op: 'update', set };
}

function carriedOver(context: ReadContext, old: KeyRow): Record<string, Json> {
  const keys = keyMapping(context.system);
  const table = context.tables.get(keys.table);
  const where = { column: keys.id, equals: old.id };
  return (table && rowValues(context.mirror, table, where, keys.carriedOver)) ?? {};
}

/**
 * How long the old version was made for, in milliseconds; null where it does not expire. A key that central has not seen yet
 * has no date of making: then what is left of it.
 */
function lifetimeOf({ created_at, expires_at }: KeyRow, now: number): number | null {
  const end = Date.parse(asMoment(expires_at) ?? '');
  const lifetime = end - (created_at === null ? now : Date.parse(asMoment(created_at) ?? ''));
  return lifetime > 0 ? lifetime : null;
}

const whyNotRotated: Record<Exclude<KeyState, 'active'>, string> = {
  retiring: 'rotation already in its overlap; at most two live versions. Rotate its successor, or revoke this one',
  suspended: 'it is suspended, and a new version would work. Decide about the suspension first',
  compromised: 'it is compromised and was ended. Issue a new key',
  revoked: 'it is revoked, and a revoked key never returns. Issue a new key',
  expired: 'it has expired, so nobody uses it. Issue a new key',
};

function requireActive(key: KeyRow): void {
  if (key.state === 'active') return;
  throw new LatchkeyError(
    'would-violate',
    `The key ${calledKey(key)} cannot be rotated: ${whyNotRotated[key.state]}. Nothing was changed.`,
    { field: 'key', details: { state: key.state } },
  );
}

function requireTwoVersionsAtMost(context: ReadContext, old: KeyRow, overlapSeconds: number): void {
  const live = versionsOf(context, old).filter(
    ({ id, state }) => id !== old.id && (state === 'active' || state === 'retiring'),
  );
  const staying = live.length + (overlapSeconds > 0 ? 1 : 0);
  if (staying <= 1) return;
  const other = live[0]!;
  throw new LatchkeyError(
    'would-violate',
    `Another version of the key ${calledKey(old)} is still ${other.state} (${other.prefix ?? other.id}); at most two live versions. Nothing was changed. Revoke that one first, or wait for its overlap to end.`,
    { field: 'key', details: { version: other.id } },
  );
}

function requireKeyRights(
  context: ReadContext,
  { table, op, set, fromAcceptance }: RowChange,
  act: string,
  field: string,
): void {
  const keys = keyMapping(context.system);
  if (table === keys.beside?.table && !context.tables.has(table))
    throw new LatchkeyError(
      'central-too-old',
      `Central does not keep yet when keys end and where they came from, which this needs. Nothing was changed. An administrator must bring it up to date: latchkey central upgrade.`,
      { field },
    );
  const columns = [...Object.keys(set), ...Object.keys(fromAcceptance ?? {})];
  const issuing = field === 'label';
  const fields = issuing
    ? { [keys.label]: 'label', [keys.scopes ?? '']: 'scopes', [expiryOf(keys)?.column ?? '']: 'expiresInDays' }
    : {};
  requireRights(context, { table, op, columns, act, fields, field });
}

function momentOf(
  { tables, now }: ReadContext,
  { table, column }: { table: string; column: string },
  milliseconds: number,
): string {
  return storedMoment(tables.get(table), column, now + milliseconds);
}

function told({ secret, prefix, last4 }: Secret, caveat: string | null) {
  return { secret, prefix, last4, caveat };
}

/** What an operator must know about the end of a key, as a sentence; null where the host sees to it. */
function expiryCaveat({ system }: ReadContext): string | null {
  const caveat = caveatsOf(system)['keys.expiry'];
  return caveat === undefined ? null : `${system.title} ${caveat}.`;
}

const units = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
] as const;

function inWords(seconds: number): string {
  const [size, word] = units.find(([each]) => seconds % each === 0) ?? [1, 'second'];
  const count = seconds / size;
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
