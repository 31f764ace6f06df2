import { describe, expect, test } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { outboxQueries } from '../../src-main/core/outbox/queries.ts';
import { delaySentence } from '../../src-main/core/systems/host-delay.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { ubeu } from '../../src-main/core/systems/ubeu.ts';
import { changesText, command, type PlainMirror, plainMirror } from '../fixtures/plain-mirror.ts';

function list({ context }: PlainMirror, input: Input<'outbox.list'> = {}) {
  const result = outboxQueries['outbox.list'](context, contract['outbox.list'].input.parse(input));
  expect(contract['outbox.list'].output.parse(result)).toEqual(result);
  return result;
}

function outbox(...rows: Parameters<typeof command>[0][]): PlainMirror {
  const mirror = plainMirror();
  for (const row of rows) mirror.insert('latchkey_outbox', command(row));
  return mirror;
}

const changesOf = (changes: unknown[]) =>
  list(outbox({ command: 'c', position: 1, changes: changesText(changes) })).items[0]?.changes;

describe('outbox.list', () => {
  test('shows the newest command first, page by page', () => {
    const mirror = outbox({ command: 'a', position: 1 }, { command: 'b', position: 2 }, { command: 'c', position: 3 });

    const page = list(mirror, { limit: 1, offset: 1 });

    expect(page.items.map((item) => item.command)).toEqual(['b']);
    expect(page.total).toBe(3);
  });

  test('shows the commands of one state', () => {
    const mirror = outbox({ command: 'a', position: 1, state: 'in-force' }, { command: 'b', position: 2 });

    expect(list(mirror, { state: 'in-force' })).toMatchObject({ items: [{ command: 'a' }], total: 1 });
  });

  test.each([
    ['queued', null, true],
    ['local', null, true],
    ['queued', '2026-11-20T11:30:00.000000Z', false],
    ['accepted', '2026-11-20T11:30:00.000000Z', false],
    ['undone', null, false],
    ['refused', null, false],
  ] as const)('a command that is %s and was sent at %s is undoable: %s', (state, sent_at, undoable) => {
    expect(list(outbox({ command: 'a', position: 1, state, sent_at })).items[0]?.undoable).toBe(undoable);
  });

  describe('says by when the host stops accepting what was taken away', () => {
    const at = '2026-11-20T14:00:00.000000Z';
    const change = (more: object, table = 'api_keys') => ({
      table,
      key: ['k'],
      op: 'update',
      base: {},
      set: {},
      ...more,
    });
    const revoked = change({ set: { status: 'revoked' } });
    const retired = change({ set: { status: 'retiring' }, from_acceptance: { expires_at: 3_600 } });
    const by = (changes: unknown[], row: object = {}, seconds: number | null = 300) => {
      const mirror = outbox({
        ...{ command: 'c', position: 1, state: 'in-force', accepted_at: at, changes: changesText(changes) },
        ...row,
      });
      mirror.context.system = { ...skyGenesis, hostDelay: { seconds, why: 'caches sessions' } };
      return list(mirror).items[0]!.stopsBy;
    };

    test.each([
      ['revoked', [revoked], '2026-11-20T14:05:00.000000Z'],
      ['deactivated', [change({ set: { status: 'deactivated' } }, 'users')], '2026-11-20T14:05:00.000000Z'],
      ['after its overlap', [retired], '2026-11-20T15:05:00.000000Z'],
      ['by the last of several', [revoked, retired], '2026-11-20T15:05:00.000000Z'],
      ['changed otherwise', [change({ set: { label: 'x' } })], null],
      ['let in again', [change({ set: { status: 'active' } }, 'users')], null],
      ['made with an end', [change({ op: 'insert', from_acceptance: { expires_at: 60 } })], null],
    ])('%s', (_what, changes, moment) => {
      expect(by(changes)).toBe(moment);
    });

    test('not before central has accepted it, nor where nobody has said how long that takes', () => {
      expect(by([revoked], { state: 'queued', accepted_at: null })).toBe(null);
      expect(by([revoked], { state: 'conflict' })).toBe(null);
      expect(by([revoked], {}, null)).toBe(null);
      expect(delaySentence({ ...skyGenesis, hostDelay: { seconds: 900, why: 'caches sessions' } })).toBe(
        'Sky Genesis Enterprise may go on accepting for up to 15 minutes what central has as revoked: it caches sessions.',
      );
      expect(delaySentence(ubeu)).toMatch(/^UBeU may go on accepting for a while .*Redis.*replicas/);
      expect(delaySentence(skyGenesis)).toBe(null);
    });
  });

  test('tells every field before and after', () => {
    const changes = changesOf([
      {
        base: { email: 'a@b.example', full_name: 'A' },
        key: ['p'],
        op: 'update',
        set: { full_name: 'B' },
        table: 'users',
      },
      { base: null, key: ['x', 'y'], op: 'insert', set: { role: 'user', full_name: null }, table: 'users' },
    ]);

    expect(changes).toEqual([
      { table: 'users', key: 'p', column: 'full_name', before: 'A', after: 'B' },
      { table: 'users', key: '["x","y"]', column: 'role', before: null, after: 'user' },
    ]);
  });

  test('leaves out what is written and never read', () => {
    const changes = changesOf([
      { base: null, key: ['k'], op: 'insert', set: { key_hash: 'ab'.repeat(32), label: 'CI' }, table: 'api_keys' },
    ]);

    expect(changes).toEqual([{ table: 'api_keys', key: 'k', column: 'label', before: null, after: 'CI' }]);
  });

  test.each([
    ['later than the estimate', '2026-12-31T00:00:00.000000', '2026-11-20T12:00:00.000000'],
    ['earlier than the estimate', '2026-11-20T11:30:00.000000', '2026-11-20T11:30:00.000000'],
    ['with a zone', '2026-12-31T00:00:00.000000Z', '2026-11-20T12:00:00.000000Z'],
    ['not set', null, '2026-11-20T12:00:00.000000'],
  ])('estimates a moment that central will set, where it was %s', (_how, before, after) => {
    const changes = changesOf([
      {
        base: { expires_at: before },
        from_acceptance: { expires_at: 3600 },
        key: ['k'],
        op: 'update',
        set: {},
        table: 'api_keys',
      },
    ]);

    expect(changes).toEqual([{ table: 'api_keys', key: 'k', column: 'expires_at', before, after }]);
  });
});

describe('conflicts.list', () => {
  test('shows open conflicts with base, mine and theirs, newest first', () => {
    const mirror = outbox({
      command: 'c1',
      position: 1,
      name: 'person.edit',
      summary: 'Renamed Zoë',
      state: 'conflict',
    });
    const conflict = { command: 'c1', kind: 'fields', table_name: 'users', row_key: 'p' };
    const field = { column: 'full_name', base: 'A', mine: 'B', theirs: 'C' };
    const secret = { column: 'password_hash', base: 'x', mine: 'y', theirs: 'z' };
    mirror.insert('latchkey_conflict', {
      ...conflict,
      conflict: 'old',
      fields: '[]',
      made_at: '2026-11-19T00:00:00.000000Z',
    });
    mirror.insert('latchkey_conflict', {
      ...conflict,
      conflict: 'new',
      fields: JSON.stringify([field]),
      made_at: '2026-11-20T00:00:00.000000Z',
    });
    mirror.insert('latchkey_conflict', {
      ...conflict,
      conflict: 'done',
      table_name: 'data_sources',
      fields: JSON.stringify([field, secret]),
      state: 'resolved',
      resolution: 'mine',
      made_at: '2026-11-21T00:00:00.000000Z',
    });
    const ask = (state: 'open' | 'resolved') =>
      outboxQueries['conflicts.list'](mirror.context, contract['conflicts.list'].input.parse({ state }));

    expect(ask('open').items.map((item) => item.conflict)).toEqual(['new', 'old']);
    expect(ask('open').items[0]).toMatchObject({ name: 'person.edit', summary: 'Renamed Zoë', fields: [field] });
    expect(ask('resolved')).toMatchObject({ total: 1, items: [{ resolution: 'mine', fields: [field] }] });
    expect(contract['conflicts.list'].output.parse(ask('open'))).toEqual(ask('open'));
  });
});
