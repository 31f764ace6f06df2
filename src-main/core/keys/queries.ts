import { sql } from 'kysely';
import type { CallName, Request } from '../../contract/index.ts';
import type { Key } from '../../contract/keys.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { asMoment, momentParameter } from '../mirror/moments.ts';
import { parsedJson } from '../mirror/row-values.ts';
import { isAmong, rowsContaining } from '../mirror/substrings.ts';
import { pendingCommands, pendingCounts } from '../outbox/queries.ts';
import { expiryOf } from '../systems/key-columns.ts';
import { type KeyRow, keyNamed, keysAt, stateAt } from './key-named.ts';
import { versionsOf } from './versions.ts';

const millisecondsPerDay = 86_400_000;

const listKeys: Query<'keys.list'> = (context, request) => {
  const keys = matching(context, request);
  const page = sorted(context, keys, request).limit(request.limit).offset(request.offset);
  const counted = keys.clearSelect().select((all) => all.fn.countAll<number>().as('n'));
  const total = context.mirror.first(counted)?.n ?? 0;
  return { items: asKeys(context, context.mirror.all(page)), total };
};

function matching(context: ReadContext, { search, state, expiresWithinDays }: Request<'keys.list'>) {
  const { system, now } = context;
  const found = search ? rowsContaining(context, system.keys?.table ?? '', search) : null;
  let keys = keysAt(now);
  if (state) keys = keys.where(stateAt(now), '=', state);
  if (expiresWithinDays !== undefined)
    keys = keys
      .where('expires_at', '<=', momentParameter(now + expiresWithinDays * millisecondsPerDay))
      // What was revoked has ended: its date says nothing any more.
      .where('state', 'not in', ['revoked', 'compromised']);
  if (found) keys = keys.where(isAmong(found));
  return keys;
}

const sortColumns = { createdAt: 'created_at', lastUsedAt: 'last_used_at', expiresAt: 'expires_at' } as const;

function sorted(
  { now }: ReadContext,
  keys: ReturnType<typeof matching>,
  { sort, descending }: Request<'keys.list'>,
): ReturnType<typeof matching> {
  const direction = descending ? 'desc' : 'asc';
  if (sort === 'label')
    return keys
      .orderBy('label', (term) => term.collate('nocase')[direction]().nullsLast())
      .orderBy('created_at', 'desc')
      .orderBy('id');
  const by = sort === 'state' ? stateAt(now) : sql.ref(sortColumns[sort]);
  return keys.orderBy(by, (term) => term[direction]().nullsLast()).orderBy('id');
}

const showKey: Query<'keys.show'> = (context, request) => {
  const row = keyNamed(context, request.key, ['active']);
  const [key] = asKeys(context, [row]);
  return {
    ...(key as Key),
    publicKey: row.public_key,
    lineage: versionsOf(context, row).map(({ id, label, prefix, state, created_at }) => ({
      id,
      label,
      prefix,
      state,
      createdAt: asMoment(created_at),
    })),
    pendingCommands: pendingCommands(context.mirror, tablesOf(context), row.id),
  };
};

function tablesOf({ system: { keys } }: ReadContext): string[] {
  return keys ? [keys.table, ...(keys.beside ? [keys.beside.table] : [])] : [];
}

function asKeys(context: ReadContext, rows: readonly KeyRow[]): Key[] {
  const { mirror, system } = context;
  const pending = pendingCounts(
    mirror,
    tablesOf(context),
    rows.map(({ id }) => id),
  );
  const endedBy = system.keys && expiryOf(system.keys)?.isBeside ? 'upkeep' : 'host';
  return rows.map((row) => ({
    id: row.id,
    label: row.label,
    prefix: row.prefix,
    last4: row.last4,
    scopes: scopesOf(row.scopes),
    state: row.state,
    createdAt: asMoment(row.created_at),
    lastUsedAt: asMoment(row.last_used_at),
    expiresAt: asMoment(row.expires_at),
    endedBy: row.expires_at === null ? null : endedBy,
    stillAccepted: endedBy === 'upkeep' && row.state === 'expired' && row.kept_state !== 'expired',
    revokedAt: asMoment(row.revoked_at),
    rotatedFrom: row.rotated_from,
    certificate:
      row.certificate_type === null ? null : { type: row.certificate_type, fingerprint: row.certificate_fingerprint },
    pending: pending.get(row.id) ?? 0,
  }));
}

function scopesOf(stored: string | null): string[] {
  const scopes = stored === null ? [] : parsedJson(stored);
  return Array.isArray(scopes) ? scopes.map(String) : [];
}

export const keyQueries = {
  'keys.list': listKeys,
  'keys.show': showKey,
} satisfies { [Name in CallName]?: Query<Name> };
