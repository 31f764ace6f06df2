import { sql } from 'kysely';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Key } from '../../contract/keys.ts';
import type { ReadContext } from '../handlers.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import type { MirrorSchema } from '../mirror/schema.ts';
import type { KeyMapping, SystemMapping } from '../systems/system.ts';
import { looksLikeSecret, prefixLength } from './secret.ts';

export type KeyState = Key['state'];
export type KeyRow = Omit<MirrorSchema['latchkey_api_key'], 'row_id'> & {
  /** As the host's own column has it, whatever the time is. */
  kept_state: KeyState;
};

/** @throws LatchkeyError `not-supported` where the system has no keys */
export function keyMapping({ keys, title }: SystemMapping): KeyMapping {
  if (keys) return keys;
  throw new LatchkeyError('not-supported', `${title} has no keys.`, { field: 'key' });
}

/** The state that counts now: a key past its end is expired, whatever is stored. `now` in milliseconds since 1970. */
export function stateAt(now: number) {
  return sql<KeyState>`CASE WHEN latchkey_api_key.state IN ('active', 'retiring')
    AND expires_at <= ${momentParameter(now)} THEN 'expired' ELSE latchkey_api_key.state END`;
}

/** Keys with the state that counts now in place of the stored one. */
export function keysAt(now: number) {
  return query
    .selectFrom('latchkey_api_key')
    .select([
      'id',
      'label',
      'prefix',
      'last4',
      'scopes',
      'status',
      'created_at',
      'last_used_at',
      'expires_at',
      'revoked_at',
      'rotated_from',
      'certificate_type',
      'certificate_fingerprint',
      'public_key',
    ])
    .select('state as kept_state')
    .select(stateAt(now).as('state'));
}

/**
 * The one key that an operator named by id, label, or the start of its value; or by the whole value, as found where it leaked.
 * The versions of a rotated key share a label: among several keys the only one whose state is preferred is meant.
 *
 * @throws LatchkeyError `not-found` or `ambiguous`, at field `key`. The reference is not repeated where it may be a secret.
 */
export function keyNamed(context: ReadContext, reference: string, preferred: readonly KeyState[]): KeyRow {
  const { mirror, now } = context;
  const byId = mirror.first(keysAt(now).where('id', 'in', [reference, reference.toLowerCase()]));
  if (byId) return byId;
  const matches = mirror.all(
    keysAt(now).where(isCalled(context, reference)).orderBy('created_at', 'desc').orderBy('id'),
  );
  const likely = matches.filter(({ state }) => preferred.includes(state));
  const [match] = matches.length === 1 ? matches : likely;
  if (match && (matches.length === 1 || likely.length === 1)) return match;
  if (matches.length === 0)
    throw new LatchkeyError(
      'not-found',
      'There is no key with this id, label or start of its value here. Look it up in the list of keys; one that is new at central appears after the next sync.',
      { field: 'key' },
    );
  const candidates = matches.slice(0, 10).map(({ id, label, prefix, state }) => ({ id, label, prefix, state }));
  const list = candidates.map((key) => `${key.id} (${calledKey(key)}, ${key.state})`).join('; ');
  throw new LatchkeyError('ambiguous', `${matches.length} keys are called that. Name one by its id: ${list}.`, {
    field: 'key',
    details: { candidates },
  });
}

function isCalled({ system }: ReadContext, reference: string) {
  const { secretPrefix } = keyMapping(system);
  if (looksLikeSecret(secretPrefix, reference))
    return sql<boolean>`prefix = ${reference.slice(0, prefixLength)} AND last4 = ${reference.slice(-4)}`;
  const named = sql<boolean>`(label = ${reference} COLLATE NOCASE OR prefix = ${reference})`;
  // The prefix alone would name every key there is.
  if (!reference.startsWith(secretPrefix) || reference.length <= secretPrefix.length) return named;
  return sql<boolean>`(${named} OR substr(prefix, 1, ${reference.length}) = ${reference})`;
}

/** How a key is called in a sentence. */
export function calledKey({ id, label, prefix }: Pick<KeyRow, 'id' | 'label' | 'prefix'>): string {
  return label ? `“${label}”` : (prefix ?? id);
}
