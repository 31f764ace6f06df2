import { describe, expect, test } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { auditQueries } from '../../src-main/core/audit/queries.ts';
import {
  apiKey,
  changesText,
  command,
  operator,
  type PlainMirror,
  person,
  refusal,
  staffedMirror,
} from '../fixtures/plain-mirror.ts';

const zoe = '0a000000-0000-4000-8000-000000000002';
const billing = '0c000000-0000-4000-8000-000000000001';
const pushed = '0192f0a1-b2c3-7000-8000-000000000001';
const queued = '0192f0a1-b2c3-7000-8000-000000000002';

const latchkeyData = {
  latchkey: {
    command: pushed,
    device: 'Ines’ laptop',
    reason: 'Left the company',
    subject: { table: 'users', key: zoe },
    changes: [
      {
        table: 'users',
        key: zoe,
        op: 'update',
        before: { status: 'active', password_hash: '$2b$12$x' },
        after: { status: 'deactivated', password_hash: '!' },
      },
      { table: 'api_keys', key: billing, op: 'insert', before: null, after: { label: 'Billing', key_hash: 'ab' } },
    ],
  },
};

/** Three events of central, oldest first, and one command that waits. */
function history(): PlainMirror {
  const mirror = staffedMirror();
  mirror.insert('users', person({ id: zoe, email: 'zoe@nordlicht.example', full_name: 'Zoë Lindqvist' }));
  mirror.insert('api_keys', apiKey({ id: billing, label: 'Billing', key_prefix: 'sgk_AbCdEfGh' }));
  event(mirror, 9, '2026-11-18T10:00:00.000000', 'user.login', { ip: '192.0.2.7', note: 'say "hi"' }, zoe);
  event(mirror, 10, '2026-11-19T10:00:00.000000', 'quota.raised', {
    before: { quota: 1 },
    after: { quota: 2, key_hash: 'ab' },
  });
  event(mirror, 11, '2026-11-19T10:00:00.000000', 'person.deactivate', latchkeyData, operator.id);
  mirror.insert(
    'latchkey_outbox',
    command({
      command: queued,
      position: 1,
      name: 'person.edit',
      summary: 'Changed Zoë Lindqvist’s name to Zoë Berg',
      reason: 'Married',
      subject_key: zoe,
      made_at: '2026-11-20T11:00:00.000000Z',
      changes: changesText([
        {
          base: { full_name: 'Zoë Lindqvist' },
          key: [zoe],
          op: 'update',
          set: { full_name: 'Zoë Berg' },
          table: 'users',
        },
        { base: null, key: [billing], op: 'insert', set: { key_hash: 'feedc0de' }, table: 'api_keys' },
      ]),
    }),
  );
  return mirror;
}

function event(
  mirror: PlainMirror,
  id: number,
  at: string,
  action: string,
  data: unknown,
  actor: string | null = null,
) {
  const row = {
    id,
    created_at: at,
    event_type: action,
    actor_id: actor,
    event_data: data === null ? null : JSON.stringify(data),
  };
  mirror.insert('audit_events', row);
}

function list({ context }: PlainMirror, input: Input<'audit.list'> = {}) {
  const result = auditQueries['audit.list'](context, contract['audit.list'].input.parse(input));
  expect(contract['audit.list'].output.parse(result)).toEqual(result);
  return result;
}

const ids = (result: ReturnType<typeof list>) => result.items.map(({ id }) => id);
const own = `command:${queued}`;

describe('audit.list', () => {
  test('has central’s events and this device’s waiting commands in one order, newest first', () => {
    const result = list(history());

    expect(ids(result)).toEqual([own, '11', '10', '9']);
    expect(result.items.map(({ origin }) => origin)).toEqual(['queued', 'central', 'central', 'central']);
    expect(result.total).toBe(4);
  });

  test('pages across both', () => {
    const page = list(history(), { limit: 2, offset: 1 });

    expect(ids(page)).toEqual(['11', '10']);
    expect(page.total).toBe(4);
  });

  test('tells of a Latchkey event who did what to whom, why, on which device, and no secret', () => {
    const [, item] = list(history()).items;

    expect(item).toEqual({
      id: '11',
      at: '2026-11-19T10:00:00.000000Z',
      action: 'person.deactivate',
      actor: { id: operator.id, name: 'Ines Albrecht' },
      object: { table: 'users', key: zoe, name: 'Zoë Lindqvist' },
      reason: 'Left the company',
      changes: [
        { table: 'users', key: zoe, column: 'status', before: 'active', after: 'deactivated' },
        { table: 'api_keys', key: billing, column: 'label', before: null, after: 'Billing' },
      ],
      data: null,
      origin: 'central',
      device: 'Ines’ laptop',
    });
  });

  test('reads before and after in the host’s own events, and shows their data as stored', () => {
    const item = list(history()).items[2];

    expect(item?.changes).toEqual([{ table: '', key: '', column: 'quota', before: 1, after: 2 }]);
    expect(item?.data).toEqual({ before: { quota: 1 }, after: { quota: 2, key_hash: 'ab' } });
    expect(item).toMatchObject({ actor: null, object: null, reason: null, device: null });
  });

  test('tells of a waiting command what it will change', () => {
    const [item] = list(history()).items;

    expect(item).toMatchObject({
      action: 'person.edit',
      actor: { id: operator.id, name: 'Ines Albrecht' },
      object: { table: 'users', key: zoe, name: 'Zoë Lindqvist' },
      reason: 'Married',
      at: '2026-11-20T11:00:00.000000Z',
      changes: [{ column: 'full_name', before: 'Zoë Lindqvist', after: 'Zoë Berg' }],
    });
  });

  test.each(['in-force', 'observed'] as const)('leaves a command that is %s to central’s own event', (state) => {
    const mirror = history();
    mirror.database.prepare('UPDATE latchkey_outbox SET state = ?').run(state);

    expect(ids(list(mirror))).toEqual(['11', '10', '9']);
  });

  test.each(['refused', 'conflict', 'undone'] as const)('never hides a command that is %s', (state) => {
    const mirror = history();
    mirror.database.prepare('UPDATE latchkey_outbox SET state = ?').run(state);

    expect(list(mirror).items[0]?.origin).toBe(state);
  });

  test.each([null, 'text', 7, [], { latchkey: 'x' }, { latchkey: { command: 1 } }, { before: 'x' }])(
    'takes whatever somebody wrote into an event: %j',
    (data) => {
      const mirror = staffedMirror();
      event(mirror, 1, '2026-11-18T10:00:00.000000', 'odd', data);

      expect(list(mirror).items[0]).toMatchObject({ id: '1', data, changes: [] });
      expect(list(mirror, { object: 'x', search: 'x' }).total).toBeLessThanOrEqual(1);
    },
  );
});

describe('audit.list finds', () => {
  test.each<[string, Input<'audit.list'>, string[]]>([
    ['an actor by id', { actor: zoe }, ['9']],
    ['an actor by email address', { actor: 'ZOE@nordlicht.example' }, ['9']],
    ['an actor by part of the name', { actor: 'zoe' }, ['9']],
    ['own commands by their operator', { actor: operator.email }, [own, '11']],
    ['nothing by a stranger', { actor: 'stranger' }, []],
    ['an action', { action: 'person.edit' }, [own]],
    ['actions that start alike', { action: 'person.*' }, [own, '11']],
    ['every action', { action: '*' }, [own, '11', '10', '9']],
    ['an object by id', { object: zoe }, [own, '11']],
    ['an object by email address', { object: 'zoe@nordlicht.example' }, [own, '11']],
    ['an object among the rows that changed', { object: billing }, [own, '11']],
    ['an object by the start of a key', { object: 'sgk_AbCdEfGh' }, [own, '11']],
    ['what the host’s own event mentions', { object: '192.0.2.7' }, ['9']],
    ['no object that is only a value of a change', { object: 'deactivated' }, []],
    ['text in an action', { search: 'QUOTA' }, ['10']],
    ['text in data', { search: '192.0.2' }, ['9']],
    ['quoted text in data', { search: 'say "hi"' }, ['9']],
    ['a value of a waiting command', { search: 'berg' }, [own]],
    ['a reason', { search: 'left the' }, ['11']],
    ['no hash and no salt', { search: 'feedc0de' }, []],
    ['from a moment on, inclusive', { from: '2026-11-19T10:00:00Z' }, [own, '11', '10']],
    ['from a moment in another zone', { from: '2026-11-19T12:00:00.000001+02:00' }, [own]],
    ['up to a moment, inclusive', { to: '2026-11-19T10:00:00.000000Z' }, ['11', '10', '9']],
    ['up to a microsecond before', { to: '2026-11-19T09:59:59.999999Z' }, ['9']],
    ['a whole day', { from: '2026-11-19', to: '2026-11-19' }, ['11', '10']],
    ['what was done on a device', { device: 'Ines’ laptop' }, ['11']],
    ['nothing of a device whose name is part of another', { device: 'Ines’' }, []],
    ['nothing of a device that an event only mentions', { device: 'say "hi"' }, []],
    ['what other applications did', { origin: 'host' }, ['10', '9']],
    ['what only this device knows', { origin: 'here' }, [own]],
    ['all of it together', { actor: zoe, action: 'user.*', search: '192', from: '2026-11-18' }, ['9']],
  ])('%s', (_what, filter, expected) => {
    const result = list(history(), filter);

    expect(ids(result)).toEqual(expected);
    expect(result.total).toBe(expected.length);
  });

  test.each([
    ['from', 'yesterday'],
    ['to', '2026-13-40'],
  ] as const)('nothing %s a moment that is none, and says so', (field, value) => {
    expect(refusal(() => list(history(), { [field]: value }))).toMatchObject({ code: 'invalid-input', field });
  });

  test('what was stored with a zone as what was stored without', () => {
    const mirror = history();
    mirror.database.exec(`UPDATE audit_events SET created_at = created_at || 'Z'`);

    expect(ids(list(mirror, { from: '2026-11-19T10:00:00Z', to: '2026-11-19T10:00:00Z' }))).toEqual(['11', '10']);
  });
});

describe('audit.show', () => {
  const show = ({ context }: PlainMirror, id: string) => auditQueries['audit.show'](context, { id });
  const entry = (mirror: PlainMirror, position: number, name: string, text: string) =>
    mirror.insert('latchkey_entry', { position, command: name, bytes: Buffer.from(text) });

  test('adds the exact bytes of the entry where this device made it, also once central tells the event', () => {
    const mirror = history();
    entry(mirror, 1, pushed, '{"act":"person.deactivate","é":1}');
    entry(mirror, 2, queued, '{"act":"person.edit"}');
    entry(mirror, 3, queued, '{"act":"command.undone"}');

    expect(show(mirror, '11').entry).toBe('{"act":"person.deactivate","é":1}');
    expect(show(mirror, own).entry).toBe('{"act":"person.edit"}');
    expect(show(mirror, '9').entry).toBeNull();
  });

  test('names the command that it came from, and whom or what it is part of the life of', () => {
    const mirror = history();

    expect(show(mirror, '11')).toMatchObject({ about: 'person', command: { id: pushed, own: false } });
    expect(show(mirror, own)).toMatchObject({ about: 'person', command: { id: queued, own: true } });
    expect(show(mirror, '9')).toMatchObject({ about: null, command: null });
  });

  test('tells the sessions of the actor that were open then, newest first', () => {
    const mirror = history();
    const session = (id: string, user: string, created: string, expires: string | null) =>
      mirror.insert('user_sessions', { id, user_id: user, created_at: created, expires_at: expires });
    session('s1', zoe, '2026-11-18T09:00:00.000000', '2026-11-18T10:00:00.000000');
    session('s2', zoe, '2026-11-18T10:00:00.000000', null);
    session('s3', zoe, '2026-11-18T10:00:00.000001', '2026-11-19T00:00:00.000000');
    session('s4', zoe, '2026-11-18T08:00:00.000000', '2026-11-18T09:59:59.999999');
    session('s5', operator.id, '2026-11-18T09:00:00.000000', null);

    expect(show(mirror, '9').sessions.map(({ id }) => id)).toEqual(['s2', 's1']);
    mirror.database.exec(`UPDATE user_sessions SET created_at = created_at || 'Z', expires_at = expires_at || 'Z'`);
    expect(show(mirror, '9').sessions.map(({ id }) => id)).toEqual(['s2', 's1']);
    expect(show(mirror, '10').sessions).toEqual([]);
  });

  test('still knows a command that is in force', () => {
    const mirror = history();
    mirror.database.exec(`UPDATE latchkey_outbox SET state = 'in-force'`);

    expect(show(mirror, own).origin).toBe('in-force');
    expect(contract['audit.show'].output.parse(show(mirror, own))).toEqual(show(mirror, own));
  });

  test.each(['404', 'command:404', 'x'])('has no event %s', (id) => {
    expect(refusal(() => show(history(), id))).toMatchObject({ code: 'not-found', field: 'id' });
  });
});

test('audit.actions: every action that there is, with how often, of both', () => {
  const mirror = history();
  event(mirror, 12, '2026-11-19T11:00:00.000000', 'person.edit', null);

  expect(auditQueries['audit.actions'](mirror.context, {})).toEqual({
    total: 4,
    items: [
      { action: 'person.deactivate', count: 1 },
      { action: 'person.edit', count: 2 },
      { action: 'quota.raised', count: 1 },
      { action: 'user.login', count: 1 },
    ],
  });
});

describe('audit.counts', () => {
  const counts = ({ context }: PlainMirror, input: Input<'audit.counts'>) => {
    const result = auditQueries['audit.counts'](context, contract['audit.counts'].input.parse(input));
    expect(contract['audit.counts'].output.parse(result)).toEqual(result);
    return result;
  };

  test.each<[Input<'audit.counts'>, unknown[]]>([
    [
      { by: 'day' },
      [
        { day: '2026-11-18', count: 1 },
        { day: '2026-11-19', count: 2 },
        { day: '2026-11-20', count: 1 },
      ],
    ],
    [
      { by: 'action', action: 'person.*' },
      [
        { action: 'person.deactivate', count: 1 },
        { action: 'person.edit', count: 1 },
      ],
    ],
    [
      { by: 'day-and-action', from: '2026-11-19', to: '2026-11-19' },
      [
        { day: '2026-11-19', action: 'person.deactivate', count: 1 },
        { day: '2026-11-19', action: 'quota.raised', count: 1 },
      ],
    ],
    [{ by: 'day', from: '2026-11-18T10:00:00.000001Z', to: '2026-11-19T09:59:59Z' }, []],
    [{ by: 'day', to: '2026-11-18T10:00:00Z' }, [{ day: '2026-11-18', count: 1 }]],
  ])('of what the list shows, commands of this device too: %j', (input, expected) => {
    const result = counts(history(), input);

    expect(result.items).toEqual(expected);
    expect(result.total).toBe(list(history(), { action: input.action, from: input.from, to: input.to }).total);
  });

  test('refuse a moment that is none, at its field', () => {
    expect(refusal(() => counts(history(), { from: 'soon' }))).toMatchObject({ code: 'invalid-input', field: 'from' });
  });
});

describe('audit.facets', () => {
  const facets = ({ context }: PlainMirror, input: Input<'audit.facets'> = {}) => {
    const result = auditQueries['audit.facets'](context, contract['audit.facets'].input.parse(input));
    expect(contract['audit.facets'].output.parse(result)).toEqual(result);
    return result;
  };

  test('count what the list shows, by day, action, actor and origin, greatest first', () => {
    const mirror = history();
    event(mirror, 12, '2026-11-19T11:00:00.000000', 'user.login', null, zoe);

    expect(facets(mirror)).toEqual({
      days: {
        items: [
          { day: '2026-11-18', count: 1 },
          { day: '2026-11-19', count: 3 },
          { day: '2026-11-20', count: 1 },
        ],
        whole: true,
      },
      actions: {
        items: [
          { action: 'user.login', count: 2 },
          { action: 'person.deactivate', count: 1 },
          { action: 'person.edit', count: 1 },
          { action: 'quota.raised', count: 1 },
        ],
        whole: true,
      },
      actors: {
        items: [
          { actor: operator.id, name: 'Ines Albrecht', count: 2 },
          { actor: zoe, name: 'Zoë Lindqvist', count: 2 },
          { actor: null, name: null, count: 1 },
        ],
        whole: true,
      },
      origins: {
        items: [
          { origin: 'host', device: null, count: 3 },
          { origin: 'device', device: 'Ines’ laptop', count: 1 },
          { origin: 'here', device: null, count: 1 },
        ],
        whole: true,
      },
      newest: null,
    });
  });

  test.each<[Input<'audit.facets'>]>([
    [{ action: 'person.*' }],
    [{ actor: zoe }],
    [{ search: 'berg' }],
    [{ device: 'Ines’ laptop' }],
    [{ origin: 'host' }],
    [{ origin: 'here' }],
    [{ from: '2026-11-19', to: '2026-11-19' }],
    [{ search: 'nothing like it' }],
  ])('each number is as long as the list that it opens: %j', (filter) => {
    const mirror = history();
    const { days, actions, actors, origins } = facets(mirror, filter);

    const total = list(mirror, filter).total;
    for (const { items } of [days, actions, actors, origins])
      expect(items.reduce((sum, { count }) => sum + count, 0)).toBe(total);
    for (const { action, count } of actions.items) expect(list(mirror, { ...filter, action }).total).toBe(count);
    for (const { origin, device, count } of origins.items) {
      const more = origin === 'device' ? { device: device! } : { origin };
      expect(list(mirror, { ...filter, ...more }).total).toBe(count);
    }
  });

  test('of a long list count days and actions all, and people among the newest, and say so', () => {
    const mirror = staffedMirror();
    for (let id = 1; id <= 2_500; id++)
      event(mirror, id, id <= 600 ? '2026-11-01T00:00:00.000000' : '2026-11-02T00:00:00.000000', 'user.login', {
        n: 'word',
      });

    const all = facets(mirror);
    expect(all.actions).toEqual({ items: [{ action: 'user.login', count: 2_500 }], whole: true });
    expect(all.actors).toEqual({ items: [{ actor: null, name: null, count: 2_000 }], whole: false });
    expect(all.newest).toEqual({ entries: 2_000, since: '2026-11-01T00:00:00.000000Z' });
    const found = facets(mirror, { search: 'word' });
    expect(found.days).toEqual({
      items: [
        { day: '2026-11-01', count: 100 },
        { day: '2026-11-02', count: 1_900 },
      ],
      whole: false,
    });
  });
});

describe('a device that may not see the log', () => {
  test.each([
    ['at all', { tables: ['audit_events'] }],
    ['what happened', { columns: ['audit_events.event_type', 'audit_events.event_data'] }],
    ['who acted', { columns: ['audit_events.actor_id'] }],
  ])('%s is answered with what there is, and no error', (_what, without) => {
    const mirror = staffedMirror({ without });
    mirror.insert('latchkey_outbox', command({ command: queued, position: 1, reason: 'Married' }));

    for (const input of [
      {},
      { search: 'married' },
      { actor: operator.id },
      { action: 'person.*' },
      { from: '2026-11-01' },
    ])
      expect(ids(list(mirror, input)), JSON.stringify(input)).toEqual([own]);
    expect(auditQueries['audit.actions'](mirror.context, {}).items).toEqual([{ action: 'person.edit', count: 1 }]);
    expect(list(mirror, { search: 'divorced', object: zoe }).total).toBe(0);
  });

  test('what happened still sees when something did, and who did it', () => {
    const mirror = staffedMirror({ without: { columns: ['audit_events.event_type', 'audit_events.event_data'] } });
    mirror.insert('audit_events', { id: 1, created_at: '2026-11-18T10:00:00.000000', actor_id: zoe });

    for (const input of [{}, { actor: zoe }, { from: '2026-11-18', to: '2026-11-18' }])
      expect(ids(list(mirror, input)), JSON.stringify(input)).toEqual(['1']);
    expect(auditQueries['audit.counts'](mirror.context, { by: 'day' })).toEqual({
      items: [{ day: '2026-11-18', count: 1 }],
      total: 1,
    });
    expect(list(mirror, { search: 'gate' }).total).toBe(0);
  });
});
