import { describe, expect, test } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { peopleCommands } from '../../src-main/core/people/commands.ts';
import { peopleQueries } from '../../src-main/core/people/queries.ts';
import {
  command,
  now,
  operator,
  organization,
  type PlainMirror,
  person,
  plainMirror,
  refusal,
  staffedMirror,
} from '../fixtures/plain-mirror.ts';

const zoe = '0a000000-0000-4000-8000-000000000002';
const tom = '0a000000-0000-4000-8000-000000000003';

function office(options: Parameters<typeof plainMirror>[0] = {}): PlainMirror {
  const mirror = staffedMirror(options);
  mirror.insert(
    'users',
    person({ id: zoe, email: 'Zoe.Lindqvist@nordlicht.example', full_name: 'Zoë Lindqvist', role: 'support' }),
  );
  mirror.insert(
    'users',
    person({ id: tom, email: 'tom@nordlicht.example', full_name: 'tom Adler', status: 'inactive' }),
  );
  return mirror;
}

function list({ context }: PlainMirror, input: Input<'people.list'> = {}) {
  return peopleQueries['people.list'](context, contract['people.list'].input.parse(input));
}

const names = (result: ReturnType<typeof list>) => result.items.map(({ name }) => name);

describe('people.list', () => {
  test('sorts by name whatever the case, and people without a name last', () => {
    const mirror = office();
    mirror.insert('users', person({ id: 'x', email: 'x@nordlicht.example', full_name: null }));

    expect(names(list(mirror))).toEqual(['Ines Albrecht', 'tom Adler', 'Zoë Lindqvist', null]);
    expect(names(list(mirror, { descending: true }))).toEqual(['Zoë Lindqvist', 'tom Adler', 'Ines Albrecht', null]);
  });

  test.each([
    ['a name without its accents', 'zoe l', ['Zoë Lindqvist']],
    ['a name with its accents, in capitals', 'ZOË', ['Zoë Lindqvist']],
    ['parts of a name and an address, in any order', 'lindqvist@ zo', ['Zoë Lindqvist']],
    ['an email address', 'LINDQVIST@', ['Zoë Lindqvist']],
    ['an id', '000000000003', ['tom Adler']],
    ['what many an id has by chance', '00003', []],
    ['a role', 'supp', ['Zoë Lindqvist']],
    ['nothing that is there', 'nobody', []],
    ['a percent sign, which is no wildcard', '%', []],
    ['an underscore, which is no wildcard', 'z_e', []],
  ])('finds people by %s', (_by, search, expected) => {
    const result = list(office(), { search });

    expect(names(result)).toEqual(expected);
    expect(result.total).toBe(expected.length);
  });

  test.each([
    ['bjorn', 'Bjørn Østby'],
    ['lukasz', 'ŁUKASZ'],
    ['yilmaz', 'Elif Yılmaz'],
    ['weiss', 'Weiß'],
    ['WEISS', 'weiß'],
    ['ægir', 'Aegir'],
    ['istanbul', 'İstanbul'],
    ['zoe', 'Zoe\u0308'],
    ['ΟΔΟΣ', 'οδός 7'],
    ['οδοσ', 'ΟΔΟΣ'],
  ])('finds people by %s, as it is typed where the keyboard has no more', (search, name) => {
    const mirror = office();
    mirror.insert('users', person({ id: 'x', email: 'x@nordlicht.example', full_name: name }));

    expect(names(list(mirror, { search }))).toContain(name);
  });

  test('filters by role and state together', () => {
    const mirror = office();

    expect(names(list(mirror, { state: 'deactivated' }))).toEqual(['tom Adler']);
    expect(names(list(mirror, { state: 'deactivated', role: 'support' }))).toEqual([]);
  });

  test('counts everybody, whatever the page shows', () => {
    const page = list(office(), { limit: 1, offset: 1 });

    expect(names(page)).toEqual(['tom Adler']);
    expect(page.total).toBe(3);
  });

  test('says how many commands are pending, each once', () => {
    const mirror = office();
    mirror.insert('latchkey_outbox', command({ command: 'c1', position: 1 }));
    for (const n of [0, 1])
      mirror.insert('latchkey_pending', {
        command: 'c1',
        n,
        table_name: 'users',
        row_key: zoe,
        op: 'update',
        shown: '{}',
      });

    expect(list(mirror, { search: 'zoe' }).items[0]?.pending).toBe(1);
    expect(list(mirror, { search: 'tom' }).items[0]?.pending).toBe(0);
  });

  test('knows when somebody was last seen, by a session or by something that they did, and sorts by it', () => {
    const mirror = office();
    mirror.insert('user_sessions', session('s1', zoe, { created_at: '2026-11-01T08:00:00.000000' }));
    mirror.insert('audit_events', {
      id: 1,
      actor_id: tom,
      event_type: 'user.login',
      created_at: '2026-11-02T08:00:00.000001',
    });
    mirror.insert('audit_events', {
      id: 2,
      actor_id: zoe,
      event_type: 'user.login',
      created_at: '2026-10-02T08:00:00.000000',
    });

    const seen = list(mirror, { sort: 'lastSeenAt', descending: true }).items.map(({ id, lastSeenAt }) => [
      id,
      lastSeenAt,
    ]);

    expect(seen).toEqual([
      [tom, '2026-11-02T08:00:00.000001Z'],
      [zoe, '2026-11-01T08:00:00.000000Z'],
      [operator.id, null],
    ]);
  });

  test.each(['name', 'email', 'role', 'state', 'createdAt', 'lastSeenAt'] as const)(
    'answers as the contract says, sorted by %s',
    (sort) => {
      const result = list(office(), { sort });

      expect(contract['people.list'].output.parse(result)).toEqual(result);
      expect(result.items).toHaveLength(3);
    },
  );

  test('pages through and searches 100,000 people', () => {
    const mirror = plainMirror();
    mirror.database.exec(`
      WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 99999)
      INSERT INTO users (id, email, full_name, role, status)
      SELECT 'id-' || n, 'p' || n || '@nordlicht.example', 'Ænder ' || (n * 7919 % 100000), 'user', 'active' FROM numbers`);

    const page = list(mirror, { offset: 50_000 });
    const found = list(mirror, { search: '42420 aender' });
    const everybody = list(mirror, { search: 'ÆNDER', offset: 99_990 });

    expect(page.items).toHaveLength(100);
    expect(found.items.map(({ email }) => email)).toEqual(['p42420@nordlicht.example', 'p43180@nordlicht.example']);
    expect(everybody).toMatchObject({ total: 100_000, items: list(mirror, { offset: 99_990 }).items });
  });
});

describe('people.show', () => {
  const show = ({ context }: PlainMirror, reference: string) =>
    peopleQueries['people.show'](context, { person: reference });

  test.each([zoe, zoe.toUpperCase(), 'zoe.lindqvist@NORDLICHT.example'])('finds a person by %s', (reference) => {
    expect(show(office(), reference).id).toBe(zoe);
  });

  test('shows sessions, activity and pending commands, newest first, as the contract says', () => {
    const mirror = office();
    mirror.insert('user_sessions', session('old', zoe, { created_at: '2026-11-01T08:00:00.000000' }));
    mirror.insert('user_sessions', session('new', zoe, { created_at: '2026-11-02T08:00:00.000000' }));
    mirror.insert('audit_events', {
      id: 9,
      actor_id: zoe,
      event_type: 'user.login',
      created_at: '2026-11-01T08:00:00.000000',
    });
    mirror.insert('audit_events', {
      id: 10,
      actor_id: zoe,
      event_type: 'key.read',
      created_at: '2026-11-01T08:00:00.000000',
    });
    mirror.insert('latchkey_outbox', command({ command: 'c1', position: 1, name: 'person.edit' }));
    mirror.insert('latchkey_pending', {
      command: 'c1',
      n: 0,
      table_name: 'users',
      row_key: zoe,
      op: 'update',
      shown: '{}',
    });

    const detail = show(mirror, zoe);

    expect(detail.sessions.map(({ id }) => id)).toEqual(['new', 'old']);
    expect(detail.activity.map(({ id, action }) => [id, action])).toEqual([
      ['10', 'key.read'],
      ['9', 'user.login'],
    ]);
    expect(detail.pendingCommands).toEqual([
      { command: 'c1', name: 'person.edit', state: 'queued', madeAt: '2026-11-20T11:00:00.000000Z' },
    ]);
    expect(contract['people.show'].output.parse(detail)).toEqual(detail);
  });

  test('names who is not there', () => {
    expect(refusal(() => show(office(), 'nobody@nordlicht.example'))).toMatchObject({
      code: 'not-found',
      field: 'person',
    });
  });

  test('asks which of two is meant, unless one is written exactly so', () => {
    const mirror = office();
    mirror.insert('users', person({ id: 'other', email: 'zoe.lindqvist@nordlicht.example' }));

    expect(show(mirror, 'zoe.lindqvist@nordlicht.example').id).toBe('other');
    expect(refusal(() => show(mirror, 'ZOE.lindqvist@nordlicht.example'))).toMatchObject({
      code: 'ambiguous',
      field: 'person',
    });
  });
});

test('people.roles: every role that the system offers, with how many people hold it', () => {
  const { items, total } = peopleQueries['people.roles'](office().context, {});

  expect(total).toBe(7);
  expect(items).toContainEqual({ name: 'admin', people: 1 });
  expect(items).toContainEqual({ name: 'developer', people: 0 });
});

describe('people.create', () => {
  const input = { email: 'mika@nordlicht.example', name: 'Mika Sørensen', role: 'support' };
  const create = (mirror: PlainMirror, more: Partial<typeof input> = {}) =>
    peopleCommands['people.create'](mirror.context, { ...input, ...more }).intent;

  test('invites somebody into the operator’s organization, without a password', () => {
    const { changes, subject, name, summary } = create(office());

    expect(name).toBe('person.create');
    expect(summary).toBe('Invited Mika Sørensen as support');
    expect(changes).toEqual([
      {
        table: 'users',
        op: 'insert',
        key: subject.key,
        set: {
          id: subject.key[0],
          organization_id: organization.id,
          email: 'mika@nordlicht.example',
          full_name: 'Mika Sørensen',
          role: 'support',
          status: 'invited',
        },
      },
    ]);
    expect(subject.key[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  test('refuses an address that is taken, whatever its case', () => {
    const error = refusal(() => create(office(), { email: 'TOM@nordlicht.example' }));

    expect(error).toMatchObject({ code: 'would-violate', field: 'email', details: { person: tom } });
    expect(error.message).toContain('could be reactivated');
  });

  test('refuses a role that the system does not have', () => {
    expect(refusal(() => create(office(), { role: 'emperor' }))).toMatchObject({
      code: 'would-violate',
      field: 'role',
    });
  });

  test('on a device that may not name roles, leaves the initial role to central and refuses any other at its field', () => {
    const mirror = office({ capability: 'operator' });

    expect(create(mirror, { role: 'user' }).changes[0]?.set).not.toHaveProperty('role');
    const error = refusal(() => create(mirror, { role: 'admin' }));
    expect(error).toMatchObject({ code: 'not-permitted', field: 'role' });
    expect(error.message).toContain('“role”');
  });

  test('on an auditor’s device, says that it may not', () => {
    expect(refusal(() => create(office({ capability: 'auditor' })))).toMatchObject({
      code: 'not-permitted',
      field: 'email',
    });
  });
});

describe('people.edit', () => {
  const edit = (mirror: PlainMirror, change: { name?: string; email?: string }) =>
    peopleCommands['people.edit'](mirror.context, { person: zoe, ...change }).intent;

  test('changes what differs and nothing else', () => {
    const intent = edit(office(), { name: 'Zoë Lindqvist', email: 'zoe@nordlicht.example' });

    expect(intent.changes).toEqual([
      { table: 'users', key: [zoe], op: 'update', set: { email: 'zoe@nordlicht.example' } },
    ]);
    expect(intent.summary).toBe('Changed Zoë Lindqvist’s email address to zoe@nordlicht.example');
  });

  test('may change the case of a person’s own address', () => {
    const email = 'zoe.lindqvist@nordlicht.example';

    expect(edit(office(), { email }).changes[0]?.set).toEqual({ email });
  });

  test.each([
    [{ name: 'Zoë Lindqvist' }, 'would-violate', 'name'],
    [{ email: 'Zoe.Lindqvist@nordlicht.example' }, 'would-violate', 'email'],
    [{ email: 'tom@nordlicht.example' }, 'would-violate', 'email'],
  ])('refuses %o', (change, code, field) => {
    expect(refusal(() => edit(office(), change))).toMatchObject({ code, field });
  });
});

describe('people.deactivate', () => {
  const deactivate = (mirror: PlainMirror, reference = zoe) =>
    peopleCommands['people.deactivate'](mirror.context, { person: reference, reason: 'Left the company' }).intent;

  test('ends the person’s running sessions with them, from central’s acceptance on', () => {
    const mirror = office();
    mirror.insert('user_sessions', session('running', zoe, { expires_at: '2026-11-21T00:00:00.000000' }));
    mirror.insert('user_sessions', session('over', zoe, { expires_at: '2026-11-20T11:59:59.999999' }));
    mirror.insert('user_sessions', session('theirs', tom, { expires_at: '2026-11-21T00:00:00.000000' }));

    const intent = deactivate(mirror);

    expect(intent).toMatchObject({
      name: 'person.deactivate',
      reason: 'Left the company',
      summary: 'Deactivated Zoë Lindqvist',
    });
    expect(intent.changes).toEqual([
      { table: 'users', key: [zoe], op: 'update', set: { status: 'deactivated' } },
      { table: 'user_sessions', key: ['running'], op: 'update', set: {}, fromAcceptance: { expires_at: 0 } },
    ]);
  });

  test('leaves sessions alone where this device may not end them', () => {
    const mirror = office();
    mirror.insert('user_sessions', session('running', zoe, { expires_at: '2026-11-21T00:00:00.000000' }));
    mirror.context.tables.get('user_sessions')!.updatable = [];

    expect(deactivate(mirror).changes).toHaveLength(1);
  });

  test('refuses who is deactivated already, by any of the system’s words for it', () => {
    expect(refusal(() => deactivate(office(), tom))).toMatchObject({ code: 'would-violate', field: 'person' });
  });

  test('refuses the operator’s own account', () => {
    const mirror = office();
    mirror.insert('users', person({ id: 'second', email: 'second@nordlicht.example', role: 'admin' }));

    expect(refusal(() => deactivate(mirror, operator.email))).toMatchObject({ code: 'not-permitted', field: 'person' });
  });

  test('refuses the last active administrator, and counts the active ones alone', () => {
    const mirror = office();
    mirror.insert(
      'users',
      person({ id: 'gone', email: 'gone@nordlicht.example', role: 'admin', status: 'deactivated' }),
    );

    expect(refusal(() => deactivate(mirror, operator.id))).toMatchObject({
      code: 'would-remove-last-administrator',
      field: 'person',
    });
  });
});

describe('people.reactivate', () => {
  const reactivate = (mirror: PlainMirror, reference: string) =>
    peopleCommands['people.reactivate'](mirror.context, { person: reference }).intent;

  test('makes a deactivated person active', () => {
    expect(reactivate(office(), tom).changes).toEqual([
      { table: 'users', key: [tom], op: 'update', set: { status: 'active' } },
    ]);
  });

  test('refuses who is active', () => {
    expect(refusal(() => reactivate(office(), zoe))).toMatchObject({ code: 'would-violate', field: 'person' });
  });

  test('says of an invited person that the invitation stands', () => {
    const mirror = office();
    mirror.insert('users', person({ id: 'new', email: 'new@nordlicht.example', status: 'invited' }));

    expect(refusal(() => reactivate(mirror, 'new'))).toMatchObject({ code: 'not-supported', field: 'person' });
  });
});

describe('people.set-role', () => {
  const setRole = (mirror: PlainMirror, reference: string, role: string) =>
    peopleCommands['people.set-role'](mirror.context, { person: reference, role }).intent;

  test('changes the role and says from what', () => {
    const intent = setRole(office(), zoe, 'developer');

    expect(intent.changes[0]?.set).toEqual({ role: 'developer' });
    expect(intent.summary).toBe('Changed Zoë Lindqvist’s role from support to developer');
  });

  test('lets the last administrator be nobody else’s victim either', () => {
    const mirror = office();
    mirror.context.operator = { id: 'elsewhere', email: 'elsewhere@nordlicht.example' };

    expect(refusal(() => setRole(mirror, operator.id, 'user'))).toMatchObject({
      code: 'would-remove-last-administrator',
      field: 'role',
    });
  });

  test.each([
    ['a role that the system does not have', zoe, 'emperor', 'would-violate', 'role'],
    ['the role that they have', zoe, 'support', 'would-violate', 'role'],
    ['somebody who is not there', 'nobody', 'user', 'not-found', 'person'],
  ])('refuses %s', (_what, reference, role, code, field) => {
    expect(refusal(() => setRole(office(), reference, role))).toMatchObject({ code, field });
  });

  test('refuses the operator’s own role', () => {
    const mirror = office();
    mirror.insert('users', person({ id: 'second', email: 'second@nordlicht.example', role: 'admin' }));

    expect(refusal(() => setRole(mirror, operator.id, 'user'))).toMatchObject({
      code: 'not-permitted',
      field: 'person',
    });
  });

  test('is not for devices that may not change roles', () => {
    expect(refusal(() => setRole(office({ capability: 'operator' }), zoe, 'admin'))).toMatchObject({
      code: 'not-permitted',
      field: 'role',
    });
  });
});

function session(id: string, user: string, row: Record<string, unknown>): Record<string, unknown> {
  return {
    id,
    user_id: user,
    ip_address: '192.0.2.7',
    user_agent: 'Firefox',
    created_at: new Date(now).toISOString().replace('Z', '000'),
    expires_at: '2026-12-01T00:00:00.000000',
    ...row,
  };
}
