import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { keyCommands } from '../../src-main/core/keys/commands.ts';
import { keyQueries } from '../../src-main/core/keys/queries.ts';
import { looksLikeSecret, newSecret } from '../../src-main/core/keys/secret.ts';
import { capabilitiesOf } from '../../src-main/core/systems/capabilities.ts';
import { publishedSkyGenesis } from '../../src-main/core/systems/published.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { apiKey, command, organization, type PlainMirror, plainMirror, refusal } from '../fixtures/plain-mirror.ts';

const day = 86_400;

function keyring(...keys: Record<string, unknown>[]): PlainMirror {
  const mirror = plainMirror();
  for (const key of keys) mirror.insert('api_keys', apiKey(key));
  return mirror;
}

function list({ context }: PlainMirror, input: Input<'keys.list'> = {}) {
  return keyQueries['keys.list'](context, contract['keys.list'].input.parse(input));
}

const ids = (result: ReturnType<typeof list>) => result.items.map(({ id }) => id);

describe('keys.list', () => {
  test.each([
    ['active', '2026-11-20T12:00:00.000000', 'expired'],
    ['active', '2026-11-20T12:00:00.000001', 'active'],
    ['active', null, 'active'],
    ['active', 'infinity', 'active'],
    ['retiring', '2026-11-20T11:59:59.000000', 'expired'],
    ['suspended', '2026-11-20T11:59:59.000000', 'suspended'],
    ['revoked', '2026-11-20T11:59:59.000000', 'revoked'],
    ['compromised', null, 'compromised'],
  ])('shows a key that is stored as %s and ends at %s as %s, and finds it by that', (status, expires_at, state) => {
    const mirror = keyring({ id: 'k', status, expires_at });

    expect(list(mirror).items[0]?.state).toBe(state);
    expect(ids(list(mirror, { state: state as 'active' }))).toEqual(['k']);
  });

  test('finds what expires within so many days, overdue ones included and revoked ones not', () => {
    const mirror = keyring(
      { id: 'overdue', expires_at: '2026-11-01T00:00:00.000000' },
      { id: 'soon', expires_at: '2026-11-27T12:00:00.000000' },
      { id: 'later', expires_at: '2026-11-27T12:00:00.000001' },
      { id: 'never' },
      { id: 'revoked', status: 'revoked', expires_at: '2026-11-21T00:00:00.000000' },
    );

    const result = list(mirror, { expiresWithinDays: 7, sort: 'expiresAt' });

    expect(ids(result)).toEqual(['overdue', 'soon']);
    expect(result.total).toBe(2);
  });

  test('sorts by end with keys that do not end last, either way', () => {
    const mirror = keyring(
      { id: 'never' },
      { id: 'b', expires_at: '2027-02-01' },
      { id: 'a', expires_at: '2027-01-01' },
    );

    expect(ids(list(mirror, { sort: 'expiresAt' }))).toEqual(['a', 'b', 'never']);
    expect(ids(list(mirror, { sort: 'expiresAt', descending: true }))).toEqual(['b', 'a', 'never']);
  });

  test.each(['bill', 'sgk_Ab', 'Xy9Z', 'invoices:w', 'key-1'])('finds a key by %s', (search) => {
    const mirror = keyring(
      {
        id: 'key-1',
        label: 'Billing',
        key_prefix: 'sgk_AbCdEfGh',
        key_last4: 'Xy9Z',
        permissions: '["invoices:write"]',
      },
      { id: 'other', label: 'Else' },
    );

    expect(ids(list(mirror, { search }))).toEqual(['key-1']);
  });

  test('answers as the contract says', () => {
    const mirror = keyring({
      id: 'k',
      label: 'Gateway',
      permissions: '["a","b"]',
      certificate_type: 'mtls',
      certificate_fingerprint: 'ab12',
      last_used_at: '2026-11-19T01:02:03.000004',
    });
    mirror.insert('latchkey_outbox', command({ command: 'c', position: 1 }));
    mirror.insert('latchkey_pending', {
      command: 'c',
      n: 0,
      table_name: 'api_keys',
      row_key: 'k',
      op: 'update',
      shown: '{}',
    });

    const result = list(mirror);

    expect(contract['keys.list'].output.parse(result)).toEqual(result);
    expect(result.items[0]).toMatchObject({
      scopes: ['a', 'b'],
      certificate: { type: 'mtls', fingerprint: 'ab12' },
      lastUsedAt: '2026-11-19T01:02:03.000004Z',
      pending: 1,
    });
  });
});

describe('naming a key', () => {
  const show = ({ context }: PlainMirror, key: string) => keyQueries['keys.show'](context, { key });
  const { secret, prefix, last4 } = newSecret('sgk_');

  test.each(['k', 'billing service', prefix, prefix.slice(0, 6), secret])(
    'works by id, label, start, or whole value (%s)',
    (key) => {
      const mirror = keyring(
        { id: 'k', label: 'Billing Service', key_prefix: prefix, key_last4: last4 },
        { id: 'other', label: 'Other', key_prefix: 'sgk_-0000000' },
      );

      expect(show(mirror, key).id).toBe('k');
    },
  );

  test('never repeats what may be a secret', () => {
    const error = refusal(() => show(keyring(), secret));

    expect(error).toMatchObject({ code: 'not-found', field: 'key' });
    expect(JSON.stringify(error.toShape())).not.toContain(secret);
  });

  test('the system’s prefix alone names no key', () => {
    expect(refusal(() => show(keyring({ id: 'k', key_prefix: prefix }), 'sgk_')).code).toBe('not-found');
  });

  test('a label shared by versions means the one that is active', () => {
    const mirror = keyring(
      { id: 'old', label: 'CI', status: 'retiring' },
      { id: 'new', label: 'CI', rotated_from: 'old' },
    );

    expect(show(mirror, 'CI').id).toBe('new');
  });

  test('two active keys of one label have to be told apart', () => {
    const error = refusal(() => show(keyring({ id: 'one', label: 'CI' }, { id: 'two', label: 'CI' }), 'ci'));

    expect(error).toMatchObject({ code: 'ambiguous', field: 'key' });
    expect(error.message).toContain('one');
    expect(error.message).toContain('two');
  });
});

describe('keys.show', () => {
  test('tells a key’s versions from the oldest to the newest, from wherever it is asked', () => {
    const mirror = keyring(
      { id: 'b', status: 'retiring', rotated_from: 'a', created_at: '2026-02-01' },
      { id: 'a', status: 'revoked', created_at: '2026-01-01' },
      { id: 'c', rotated_from: 'b', created_at: '2026-03-01', public_key: 'PEM' },
      { id: 'x' },
    );

    for (const key of ['a', 'b', 'c']) {
      const detail = keyQueries['keys.show'](mirror.context, { key });
      expect(detail.lineage.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
      expect(contract['keys.show'].output.parse(detail)).toEqual(detail);
    }
  });

  test('comes to an end where versions were made to form a circle', () => {
    const mirror = keyring({ id: 'a', rotated_from: 'b' }, { id: 'b', rotated_from: 'a' });

    expect(keyQueries['keys.show'](mirror.context, { key: 'a' }).lineage).toHaveLength(2);
  });
});

describe('keys.issue', () => {
  const issue = (mirror: PlainMirror, input: Input<'keys.issue'>) =>
    keyCommands['keys.issue'](mirror.context, contract['keys.issue'].input.parse(input));

  test('tells the secret once and keeps its hash and marks alone', () => {
    const { intent, answer } = issue(keyring(), {
      label: 'Billing',
      scopes: ['read'],
      expiresInDays: 30,
      reason: 'New service',
    });

    expect(looksLikeSecret('sgk_', answer.secret)).toBe(true);
    expect(JSON.stringify(intent)).not.toContain(answer.secret);
    expect(intent).toMatchObject({ name: 'key.issue', reason: 'New service' });
    expect(intent.changes).toEqual([
      {
        table: 'api_keys',
        op: 'insert',
        key: intent.subject.key,
        set: {
          id: intent.subject.key[0],
          organization_id: organization.id,
          key_hash: createHash('sha256').update(answer.secret).digest('hex'),
          key_prefix: answer.prefix,
          key_last4: answer.last4,
          label: 'Billing',
          permissions: ['read'],
          status: 'active',
        },
        fromAcceptance: { expires_at: 30 * day },
      },
    ]);
  });

  test('makes a key that ends in a year where nothing is said, and one that does not where the system keeps no end', () => {
    const mirror = keyring();
    expect(issue(mirror, { label: 'Billing' }).intent.changes[0]?.fromAcceptance).toEqual({ expires_at: 365 * day });
    mirror.context.system = { ...skyGenesis, keys: { ...skyGenesis.keys!, expiresAt: null } };
    const [change] = issue(mirror, { label: 'Billing' }).intent.changes;
    expect({ ...change?.set, ...change?.fromAcceptance }).not.toHaveProperty('expires_at');
    expect(refusal(() => issue(mirror, { label: 'Billing', expiresInDays: 365 }))).toMatchObject({
      code: 'not-supported',
      field: 'expiresInDays',
    });
  });

  test('makes a key that does not end where it was asked for', () => {
    const { intent } = issue(keyring(), { label: 'Billing', expiresInDays: null });

    expect({ ...intent.changes[0]?.set, ...intent.changes[0]?.fromAcceptance }).not.toHaveProperty('expires_at');
  });

  test('is not for an auditor', () => {
    const { context } = plainMirror({ capability: 'auditor' });

    expect(
      refusal(() => keyCommands['keys.issue'](context, { label: 'x', scopes: [], expiresInDays: 1 })),
    ).toMatchObject({
      code: 'not-permitted',
      field: 'label',
    });
  });
});

test('an overlap is not offered where keys are not rotated', () => {
  const { 'keys.rotate': rotate, 'keys.overlap': overlap } = capabilitiesOf(publishedSkyGenesis);
  expect(rotate).toBe('keeps no hash of a key’s secret');
  expect(overlap).toBe(rotate);
});

describe('keys.rotate', () => {
  const rotate = (mirror: PlainMirror, key = 'old', overlapSeconds = 7 * day) =>
    keyCommands['keys.rotate'](mirror.context, { key, overlapSeconds });
  const old = {
    id: 'old',
    label: 'Billing',
    permissions: '["read","write"]',
    owner_id: 'somebody',
    quota_limit: null,
    created_at: '2026-06-01T00:00:00.000000',
    expires_at: '2026-12-01T00:00:00.000000',
  };

  test('makes a new version that carries the old one on, for as long as that was made for', () => {
    const { intent, answer } = rotate(keyring(old));
    const [insert, update] = intent.changes;

    expect(intent.name).toBe('key.rotate');
    expect(intent.summary).toBe(`Rotated the key “Billing” to ${answer.prefix}…; the old one works 7 days longer`);
    expect(intent.subject).toEqual({ table: 'api_keys', key: ['old'] });
    expect(insert?.op).toBe('insert');
    expect(insert?.set).toEqual({
      id: insert?.key[0],
      organization_id: organization.id,
      label: 'Billing',
      permissions: ['read', 'write'],
      key_type: 'server',
      quota_limit: null,
      owner_id: 'somebody',
      rotated_from: 'old',
      key_hash: createHash('sha256').update(answer.secret).digest('hex'),
      key_prefix: answer.prefix,
      key_last4: answer.last4,
      status: 'active',
    });
    expect(insert?.fromAcceptance).toEqual({ expires_at: 183 * day });
    expect(update).toEqual({
      table: 'api_keys',
      key: ['old'],
      op: 'update',
      set: { status: 'retiring' },
      fromAcceptance: { expires_at: 7 * day },
    });
  });

  test('without an overlap revokes the old version', () => {
    const { intent } = rotate(keyring(old), 'Billing', 0);

    expect(intent.changes[1]).toEqual({
      table: 'api_keys',
      key: ['old'],
      op: 'update',
      set: { status: 'revoked', revoked_at: '2026-11-20T12:00:00.000000' },
    });
  });

  test('a key without an end has a successor without one', () => {
    const [insert] = rotate(keyring({ ...old, expires_at: null })).intent.changes;
    expect({ ...insert?.set, ...insert?.fromAcceptance }).not.toHaveProperty('expires_at');
  });

  test('a key that was issued here and is not at central yet has a successor for what is left of it', () => {
    const { intent } = rotate(keyring({ ...old, created_at: null }));

    expect(intent.changes[0]?.fromAcceptance).toEqual({ expires_at: 10.5 * day });
  });

  test.each([
    ['retiring', { status: 'retiring' }, 'at most two live versions'],
    ['suspended', { status: 'suspended' }, 'suspended'],
    ['revoked', { status: 'revoked' }, 'never returns'],
    ['compromised', { status: 'compromised' }, 'compromised'],
    ['expired', { expires_at: '2026-11-01T00:00:00.000000' }, 'expired'],
  ])('refuses a key that is %s', (state, row, words) => {
    const error = refusal(() => rotate(keyring({ ...old, ...row })));

    expect(error).toMatchObject({ code: 'would-violate', field: 'key', details: { state } });
    expect(error.message).toContain(words);
  });

  test('refuses a third live version, unless the second goes at once', () => {
    const mirror = keyring(
      { ...old, status: 'retiring' },
      { ...old, id: 'new', rotated_from: 'old', key_prefix: 'sgk_12345678' },
    );

    expect(refusal(() => rotate(mirror, 'new')).details).toEqual({ version: 'old' });
    expect(rotate(mirror, 'new', 0).intent.changes).toHaveLength(2);
  });

  test('goes on once the overlap of the version before is over', () => {
    const mirror = keyring(
      { ...old, status: 'retiring', expires_at: '2026-11-20T11:00:00.000000' },
      { ...old, id: 'new', rotated_from: 'old' },
    );

    expect(rotate(mirror, 'new').intent.subject.key).toEqual(['new']);
  });
});

describe('keys.revoke', () => {
  const revoke = (mirror: PlainMirror, key: string, compromised = false) =>
    keyCommands['keys.revoke'](mirror.context, { key, reason: 'Found in a log', compromised }).intent;

  test.each([
    [false, 'revoked'],
    [true, 'compromised'],
  ])('compromised: %s ends the key as %s', (compromised, status) => {
    const intent = revoke(keyring({ id: 'k', label: 'CI' }), 'CI', compromised);

    expect(intent).toMatchObject({ name: 'key.revoke', reason: 'Found in a log' });
    expect(intent.changes).toEqual([
      { table: 'api_keys', key: ['k'], op: 'update', set: { status, revoked_at: '2026-11-20T12:00:00.000000' } },
    ]);
  });

  test('keeps when a key was revoked, where it turns out that it had leaked', () => {
    const mirror = keyring({ id: 'k', status: 'revoked', revoked_at: '2026-10-01T00:00:00.000000' });

    expect(revoke(mirror, 'k', true).changes[0]?.set).toEqual({ status: 'compromised' });
  });

  test.each([
    ['revoked', false],
    ['compromised', false],
    ['compromised', true],
  ])('refuses what is %s already', (status, compromised) => {
    expect(refusal(() => revoke(keyring({ id: 'k', status }), 'k', compromised))).toMatchObject({
      code: 'would-violate',
      field: 'key',
    });
  });

  test('does not guess which of two live versions is meant', () => {
    const mirror = keyring(
      { id: 'old', label: 'CI', status: 'retiring' },
      { id: 'new', label: 'CI', rotated_from: 'old' },
    );

    expect(refusal(() => revoke(mirror, 'CI')).code).toBe('ambiguous');
  });
});
