import { createHash } from 'node:crypto';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { canonicalText } from '../../src-main/core/audit/canonical.ts';
import { revokeDevice } from '../../src-main/core/central/enroll.ts';
import type { Json } from '../../src-main/core/command/intent.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { central, connectAsDevice, device, deviceLogin, login } from '../fixtures/device-login.ts';

deviceLogin();
let position = 0;

interface Receipt {
  id: string;
  state: string;
  context: { code: string; message: string; fields?: { column: string; theirs: unknown }[] } | null;
}
const uuid = () => crypto.randomUUID();
const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');
const sha256b64 = (text: string) => createHash('sha256').update(text, 'utf8').digest('base64url');
const idOf = async (email: string) => (await central.person(email)).id as string;

const entryOf = (seq: number, command: string, changes: string | null, more: object = {}) =>
  canonicalText({
    v: 'latchkey/1',
    org: central.nordhaven,
    dev: device.id,
    seq,
    act: 'person.edit',
    cmd: command,
    ...(changes === null ? {} : { chg: { h: sha256(changes) } }),
    ...more,
  } as Record<string, Json>);
const send = async (entries: unknown, commands: unknown, by: pg.Client = login) => {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const { rows } = await by.query('SELECT latchkey.push($1, $2, $3) AS answer', [
    text(entries),
    text(commands),
    // Whether a signature holds is nothing that central can tell.
    `origin\n${position}\nroot\n`,
  ]);
  return rows[0].answer as { entries: number; receipts: Receipt[] };
};
/** One command with the entry that stands for it; `changes` is the exact text of its body. */
async function sendCommand(changes: string, more: object = {}): Promise<Receipt> {
  const command = { id: uuid(), name: 'person.edit', made_at: '2026-11-20T00:00:00Z', requires: [], changes, ...more };
  position += 1;
  const { receipts } = await send([{ position, entry: entryOf(position, command.id, changes) }], [command]);
  return receipts[0]!;
}
const body = (...changes: object[]) =>
  JSON.stringify({ changes, reason: null, salt: 'c2FsdA', subject: { table: 'users', key: 'x' } });

const hostTables = Object.keys(skyGenesis.tables).map((table) => `api_service.${table}`);
const ownTables = ['command', 'audit_leaf', 'device', 'organization', 'change'].map((table) => `latchkey.${table}`);
async function contents(tables: string[]): Promise<string> {
  const { rows } = await central.client.query(
    tables
      .map(
        (table) => `SELECT '${table}' AS name, md5(string_agg(t::TEXT, '|' ORDER BY t::TEXT)) AS hash FROM ${table} t`,
      )
      .join(' UNION ALL '),
  );
  return JSON.stringify(rows);
}
/** Everything that a push could write: the host's rows, and Latchkey's own. */
const written = () => contents([...hostTables, ...ownTables]);

describe('a push that is not one', () => {
  const command = (more: object) => JSON.stringify([{ id: uuid(), name: 'person.edit', changes: '{}', ...more }]);
  const at = (place: unknown, entry: unknown = '{}') => JSON.stringify([{ position: place, entry }]);
  test.each<[string, string, string, string]>([
    ['no JSON', 'hello', '[]', 'LK422'],
    ['JSON that breaks off', '[{"position": 1', '[]', 'LK422'],
    ['an object', '{}', '[]', 'LK422'],
    ['JSON null', 'null', 'null', 'LK422'],
    ['entries that are no objects', '[1, null, "x"]', '[]', 'LK422'],
    ['a bomb of brackets', '['.repeat(2_000_000), '[]', 'LK422'],
    ['a bomb of braces', '[]', `${'[{"a":'.repeat(500_000)}`, 'LK422'],
    ['NUL', '[{"position": 1, "entry": "\\u0000"}]', '[]', 'LK422'],
    ['half a character', '[]', '[{"name": "\\ud800"}]', 'LK422'],
    ['a position of 1e400', '[{"position": 1e400, "entry": "{}"}]', '[]', 'LK422'],
    ['a position below zero', at(-1), '[]', 'LK422'],
    ['position zero', at(0), '[]', 'LK422'],
    ['half a position', at(1.5), '[]', 'LK422'],
    ['no position', at(null), '[]', 'LK422'],
    ['an entry that is not text', at(1, {}), '[]', 'LK422'],
    ['a command without an id', '[]', command({ id: null }), 'LK422'],
    ['a command whose id is none', '[]', command({ id: "' OR TRUE --" }), 'LK422'],
    ['a command that requires what is no id', '[]', command({ requires: ['x'] }), 'LK422'],
    ['a command that requires no list', '[]', command({ requires: 'x' }), 'LK422'],
    ['a command that comes again, perhaps', '[]', command({ again: 'perhaps' }), 'LK422'],
    ['changes that are not text', '[]', command({ changes: {} }), 'LK422'],
    ['51 commands', '[]', JSON.stringify(Array(51).fill({ id: uuid(), name: 'x', changes: '{}' })), 'LK413'],
  ])('%s is refused whole, with its own code', async (_what, entries, commands, code) => {
    const before = await written();
    await expect(send(entries, commands)).rejects.toMatchObject({ code });
    expect(await written()).toBe(before);
  });

  test('100 MB are refused before anything is read of them', async () => {
    const before = await written();
    await expect(send('[]', `["${'x'.repeat(100_000_000)}"]`)).rejects.toMatchObject({ code: 'LK413' });
    expect(await written()).toBe(before);
  });

  test('17 MB are refused too', async () => {
    await expect(send('[]', `["${'x'.repeat(17_000_000)}"]`)).rejects.toMatchObject({ code: 'LK413' });
  });

  test('one in an old snapshot is refused', async () => {
    await login.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await expect(send([], [])).rejects.toMatchObject({ code: 'LK422' });
    await login.query('ROLLBACK');
  });

  test('nothing at all is refused too', async () => {
    await expect(login.query('SELECT latchkey.push(NULL, NULL)')).rejects.toMatchObject({ code: 'LK422' });
  });
});

describe('a log entry', () => {
  test.each<[string, (next: number) => [number, string], string]>([
    ['after a gap', (next) => [next + 1, entryOf(next + 1, uuid(), null)], 'LK412'],
    ['far beyond', (next) => [999_999_999_999, entryOf(next, uuid(), null)], 'LK412'],
    ['of another device', (next) => [next, entryOf(next, uuid(), null, { dev: 'd999' })], 'LK412'],
    ['of another organization', (next) => [next, entryOf(next, uuid(), null, { org: central.southbay })], 'LK412'],
    ['for another place', (next) => [next, entryOf(next + 7, uuid(), null)], 'LK412'],
    ['of another format', (next) => [next, entryOf(next, uuid(), null, { v: 'latchkey/9' })], 'LK412'],
    ['of no command', (next) => [next, entryOf(next, 'nothing', null)], 'LK412'],
    [
      'that says its device twice, ours first',
      (next) => [next, entryOf(next, uuid(), null).replace(/\}$/, ',"dev":"d999"}')],
      'LK412',
    ],
    ['that is no JSON', (next) => [next, 'hello'], 'LK422'],
    ['that is a bomb of brackets', (next) => [next, '['.repeat(500_000)], 'LK422'],
    ['that is not in canonical form', (next) => [next, entryOf(next, uuid(), null).replace(',', ', ')], 'LK422'],
    ['that is too long', (next) => [next, entryOf(next, uuid(), null, { pad: 'x'.repeat(17_000) })], 'LK413'],
  ])('%s is refused, with the whole push', async (_what, make, code) => {
    const before = await written();
    const [place, entry] = make(position + 1);
    await expect(send([{ position: place, entry }], [])).rejects.toMatchObject({ code });
    expect(await written()).toBe(before);
  });

  test('comes with the checkpoint of its log, or not at all', async () => {
    const before = await written();
    const entry = JSON.stringify([{ position: position + 1, entry: entryOf(position + 1, uuid(), null) }]);
    for (const note of [null, '', 'origin\n999\nroot\n'])
      await expect(login.query('SELECT latchkey.push($1, $2, $3)', [entry, '[]', note])).rejects.toMatchObject({
        code: 'LK412',
      });
    expect(await written()).toBe(before);
  });

  test('discloses what it was made with and nothing else', async () => {
    const before = await written();
    const entry = entryOf(position + 1, uuid(), null, { _sd: [sha256b64('WyJzYWx0IiwicmVhc29uIiwidHJ1ZSJd')] });
    const sent = JSON.stringify([
      { position: position + 1, entry, disclosures: ['WyJzYWx0IiwicmVhc29uIiwiZmFsc2UiXQ'] },
    ]);
    const note = `origin\n${position + 1}\nroot\n`;
    await expect(login.query('SELECT latchkey.push($1, $2, $3)', [sent, '[]', note])).rejects.toMatchObject({
      code: 'LK412',
    });
    expect(await written()).toBe(before);
  });

  test('that came before with other bytes is refused by a code of its own, and one with the same bytes is not', async () => {
    position += 1;
    const entry = entryOf(position, uuid(), null);
    await send([{ position, entry }], []);
    await send([{ position, entry }], []);
    const before = await written();
    await expect(send([{ position, entry: entry.replace('edit', 'role') }], [])).rejects.toMatchObject({
      code: 'LK414',
    });
    expect(await written()).toBe(before);
  });
});

describe('a command', () => {
  const chloe = () => idOf('chloe@nordhaven.example');
  const update = (key: unknown, more: object = {}) => ({
    table: 'users',
    key,
    op: 'update',
    base: { full_name: 'Chloé Martin' },
    set: { full_name: 'Mallory' },
    ...more,
  });
  test.each<[string, (key: string) => string, string]>([
    ['whose changes are no JSON', () => 'hello', '22P02'],
    ['whose changes are a bomb of brackets', () => '['.repeat(1_000_000), '54001'],
    ['whose changes are no list', (key) => JSON.stringify({ changes: update([key]) }), 'LK422'],
    ['whose change is no object', () => body([] as unknown as object), 'LK422'],
    ['with NUL in a value', (key) => body(update([key])).replace('Mallory', 'Mal\\u0000lory'), '22P05'],
    ['with half a character in a value', (key) => body(update([key])).replace('Mallory', '\\ud800'), '22P02'],
    ['with a key of two parts', (key) => body(update([key, key])), 'LK422'],
    ['with a key that is no list', (key) => body(update(key)), 'LK422'],
    ['with a key that is no key', () => body(update([{ id: 'x' }])), '22P02'],
    ['with the key null', () => body(update([null])), 'LK409'],
    ['with another base', (key) => body(update([key], { base: { full_name: 'Somebody else' } })), 'LK409'],
    ['with no base', (key) => body(update([key], { base: null })), 'LK422'],
    [
      'that sets twice, the second time a secret',
      (key) => body(update([key])).replace('"set":', '"set":{},"set":{"password_hash":"x"},"sat":'),
      'LK403',
    ],
    ['on an unknown table', (key) => body(update([key], { table: 'api_service.users' })), 'LK422'],
    ['on a table by another spelling', (key) => body(update([key], { table: 'USERS' })), 'LK422'],
    ['that deletes', (key) => body(update([key], { op: 'delete' })), 'LK422'],
    ['on a column that is not there', (key) => body(update([key], { set: { "full_name\" = 'x' --": 'x' } })), 'LK422'],
    ['on a column without right', (key) => body(update([key], { set: { created_at: '2026-01-01' } })), 'LK403'],
    ['on the key', (key) => body(update([key], { set: { id: uuid() } })), 'LK403'],
    [
      'with a moment of 1e400 seconds',
      (key) => body(update([key], { from_acceptance: { status: 0 } })).replace('"status":0', '"status":1e400'),
      'LK422',
    ],
    ['with a moment before the beginning', (key) => body(update([key], { from_acceptance: { status: -1 } })), 'LK422'],
    ['with no change', () => body(), 'LK422'],
    ['that sets nothing', (key) => body(update([key], { base: {}, set: {} })), 'LK422'],
    ['on a secret column', (key) => body(update([key], { set: { password_hash: 'x' } })), 'LK403'],
    [
      'on a column that no view shows',
      (key) => body(update([key], { table: 'api_keys', set: { private_key: 'x' } })),
      'LK422',
    ],
    [
      'on a table of PostgreSQL',
      (key) => body(update([key], { table: 'pg_authid', set: { rolsuper: true } })),
      'LK422',
    ],
    ['with set as a list', (key) => body(update([key], { set: ['full_name'] })), 'LK422'],
    [
      'with a value that its column refuses',
      (key) => body(update([key], { base: { status: 'active' }, set: { status: 'root' } })),
      '23514',
    ],
    ['with a value that is too long', (key) => body(update([key], { set: { full_name: 'x'.repeat(256) } })), '22001'],
  ])('%s is kept out with its own code, and its receipt says so again', async (_what, make, code) => {
    const before = await contents(hostTables);
    const id = uuid();
    const changes = make(await chloe());
    const receipt = await sendCommand(changes, { id });
    expect(receipt).toMatchObject({ state: expect.stringMatching(/^(refused|conflict)$/), context: { code } });
    expect((await send([], [{ id, name: 'person.edit', changes }])).receipts).toEqual([receipt]);
    expect(await contents(hostTables)).toBe(before);
  });

  test('with a number that no column holds is refused', async () => {
    const changes = body({
      table: 'api_keys',
      key: [uuid()],
      op: 'insert',
      base: null,
      set: { organization_id: central.nordhaven, key_hash: 'a'.repeat(64), label: 'x', quota_limit: 0 },
    }).replace('"quota_limit":0', '"quota_limit":1e400');
    expect(await sendCommand(changes)).toMatchObject({ state: 'refused', context: { code: '22003' } });
  });

  test('whose entry stands for another name, another command or other changes is refused', async () => {
    const changes = body(update([await chloe()]));
    for (const more of [
      { act: 'person.deactivate' },
      { chg: { h: sha256('other') } },
      { chg: null },
      { cmd: uuid() },
    ]) {
      const id = uuid();
      position += 1;
      const { receipts } = await send(
        [{ position, entry: entryOf(position, id, changes, more) }],
        [{ id, name: 'person.edit', changes }],
      );
      expect(receipts[0], JSON.stringify(more)).toMatchObject({ state: 'refused', context: { code: 'LK412' } });
    }
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé Martin');
  });

  test('whose id comes again with other changes is refused', async () => {
    const id = uuid();
    const dario = await idOf('dario@nordhaven.example');
    const named = (full_name: string) =>
      body(update([dario], { base: { full_name: 'Dario Conti' }, set: { full_name } }));
    expect(await sendCommand(named('Changed'), { id })).toMatchObject({ state: 'applied' });
    expect(await sendCommand(named('Again'), { id })).toMatchObject({ state: 'refused', context: { code: 'LK412' } });
    expect((await central.person('dario@nordhaven.example')).full_name).toBe('Changed');
  });

  test('tells a secret column to nobody, though it belongs to a group and a base was named', async () => {
    const { rows } = await central.client.query(`SELECT id FROM api_service.api_keys WHERE label = 'metrics'`);
    await central.client.query(
      `UPDATE latchkey.mirrored_table SET rules = rules || '{"groups": [["label", "key_hash"]]}' WHERE name = 'api_keys'`,
    );
    const receipt = await sendCommand(
      body({
        table: 'api_keys',
        key: [rows[0].id],
        op: 'update',
        base: { label: 'Something else', key_hash: 'a guess' },
        set: { label: 'Mine' },
      }),
    );
    expect(receipt.context?.fields?.map((field) => field.column)).toEqual(['label']);
  });
});

describe('what another organization has', () => {
  /** The same question about a foreign id and about one that nobody has must get the same answer to the byte. */
  const same = async (foreign: string, ask: (id: string) => Promise<unknown>) => {
    const answer = async (id: string) => {
      const outcome = await ask(id).catch(({ code, message }: { code: string; message: string }) => ({
        code,
        message,
      }));
      return JSON.stringify(outcome).replaceAll(id, 'ID');
    };
    expect(await answer(foreign)).toBe(await answer(uuid()));
  };
  const foreignRow = async (table: string, where = 'TRUE') => {
    const { rows } = await central.client.query(
      `SELECT t.id::TEXT FROM api_service.${table} t WHERE t.id::TEXT NOT IN (SELECT id::TEXT FROM api_service.${table} WHERE organization_id = $1) AND ${where}`,
      [central.nordhaven],
    );
    return rows[0].id as string;
  };
  const settled = ({ id: _id, at: _at, xid: _xid, ...rest }: Receipt & { at?: string; xid?: string }) => rest;

  test('is not told by a push, whichever field names it', async () => {
    const ana = await idOf('ana@southbay.example');
    const ledger = await foreignRow('api_keys');
    const talk = await foreignRow('conversations');
    const key = (set: object) => ({
      table: 'api_keys',
      key: [uuid()],
      op: 'insert',
      base: null,
      set: { organization_id: central.nordhaven, key_hash: 'a'.repeat(64), label: 'x', ...set },
    });
    const edit = (table: string, id: string, set: object) => ({ table, key: [id], op: 'update', base: {}, set });
    const attempts: [string, (id: string) => object][] = [
      [ana, (id) => edit('users', id, { full_name: 'Mallory' })],
      [ana, (id) => edit('users', id, { status: 'deactivated' })],
      [ledger, (id) => edit('api_keys', id, { status: 'revoked' })],
      [ledger, (id) => key({ rotated_from: id })],
      [ana, (id) => key({ owner_id: id })],
      [central.southbay, (id) => key({ organization_id: id })],
      [talk, (id) => edit('conversations', id, { title: 'Mine' })],
    ];
    const before = await contents(hostTables);
    for (const [foreign, make] of attempts)
      await same(foreign, async (id) => {
        const receipt = settled(await sendCommand(body(make(id))));
        expect(receipt.state).not.toMatch(/applied|merged/);
        return receipt;
      });
    expect(await contents(hostTables)).toBe(before);
    const unseen = await sendCommand(body(edit('users', ana, { full_name: 'Mallory' })));
    expect(unseen).toMatchObject({ state: 'conflict', context: { code: 'LK409', message: 'The row is not there.' } });
    const unnamed = await sendCommand(body(key({ rotated_from: ledger })));
    expect(unnamed).toMatchObject({ state: 'refused', context: { code: 'LK404' } });
  });

  test('takes no row from here, neither a new one nor one that moves', async () => {
    const before = await contents(hostTables);
    const insert = { email: 'm@x.example', full_name: 'M', organization_id: central.southbay };
    expect(
      await sendCommand(body({ table: 'users', key: [uuid()], op: 'insert', base: null, set: insert })),
    ).toMatchObject({ state: 'refused' });
    const move = {
      table: 'users',
      key: [await idOf('chloe@nordhaven.example')],
      op: 'update',
      base: { organization_id: central.nordhaven },
      set: { organization_id: central.southbay },
    };
    expect(await sendCommand(body(move))).toMatchObject({ state: 'refused', context: { code: 'LK403' } });
    expect(await contents(hostTables)).toBe(before);
  });

  test('is not told by the id of a command, nor by what a command requires', async () => {
    const other = await central.device({ operator: 'ana@southbay.example' });
    const { command } = (await other.core.call('people.edit', { person: 'ana@southbay.example', name: 'Ana S.' })) as {
      command: string;
    };
    await other.core.call('sync.now', {});
    const changes = body({
      table: 'users',
      key: [await idOf('dario@nordhaven.example')],
      op: 'update',
      base: {},
      set: {},
    });
    await same(command, async (id) => settled(await sendCommand(changes, { requires: [id] })));
    await same(command, async (id) => (await login.query('SELECT latchkey.receipts(ARRAY[$1::UUID])', [id])).rows);
    await same(command, async (id) => (await login.query(`SELECT latchkey.decide($1, 'discard')`, [id])).rows);
    await same(command, async (id) => settled(await sendCommand(changes, { id })));
    const { rows } = await central.client.query(
      'SELECT organization, state FROM latchkey.command WHERE id = $1 ORDER BY 2',
      [command],
    );
    expect(rows).toEqual([
      { organization: central.southbay, state: 'applied' },
      { organization: central.nordhaven, state: 'refused' },
    ]);
  });

  test('is not told by any reading function, nor by how many rows a plan went through', async () => {
    const functions = await login.query<{ call: string; table: string }>(
      `SELECT p.oid::REGPROC::TEXT AS call, split_part(p.proname, '_by_', 1) AS table FROM pg_proc p
       WHERE p.pronamespace = 'latchkey_mirror'::REGNAMESPACE AND pg_get_function_identity_arguments(p.oid) ~ '^[^,]*uuid\\[\\]$|^[^,]*text\\[\\]$'`,
    );
    expect(functions.rows.length).toBeGreaterThan(10);
    for (const { call, table } of functions.rows) {
      const { rows } = await central.client.query(`SELECT id::TEXT FROM api_service.${table} WHERE id::TEXT ~ '-'`);
      const here = await login.query(`SELECT id::TEXT FROM latchkey_mirror.${table}`).then(
        (mine) => new Set(mine.rows.map((row) => row.id)),
        () => new Set(),
      );
      const foreign = rows.map((row) => row.id as string).find((id) => !here.has(id));
      if (!foreign) continue;
      await same(foreign, async (id) => (await login.query(`SELECT * FROM ${call}(ARRAY[$1]::TEXT[])`, [id])).rows);
      await same(
        foreign,
        async (id) =>
          (
            await login.query(
              `EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) SELECT * FROM ${call}(ARRAY['${id}'])`,
            )
          ).rows,
      );
    }
  });

  test('is not told by what changed', async () => {
    await central.client.query(`UPDATE api_service.users SET full_name = 'Ana' WHERE email = 'ana@southbay.example'`);
    const { rows } = await login.query(`SELECT * FROM latchkey.changes_since('1:1:')`);
    expect(JSON.stringify(rows)).not.toContain(await idOf('ana@southbay.example'));
  });
});

describe('several connections of one device', () => {
  test('that push the same at the same moment get the same receipt, and it is done once', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => connectAsDevice(device)));
    const id = uuid();
    const changes = body({
      table: 'users',
      key: [await idOf('oskar@nordhaven.example')],
      op: 'update',
      base: { full_name: 'Oskar Holm' },
      set: { full_name: 'Oskar, once' },
    });
    position += 1;
    const entries = [{ position, entry: entryOf(position, id, changes) }];
    const answers = await Promise.all(others.map((by) => send(entries, [{ id, name: 'person.edit', changes }], by)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]!.receipts[0]).toMatchObject({ id, state: 'applied' });
    const { rows } = await central.client.query(
      `SELECT count(*)::INT AS n FROM api_service.audit_events WHERE event_data #>> '{latchkey,command}' = $1`,
      [id],
    );
    expect(rows).toEqual([{ n: 1 }]);
    for (const one of others) await one.end();
  });

  test('one of which keeps its push open for ever hold up their own organization alone, and only until they are revoked', async () => {
    const greedy = await central.device({ name: 'greedy' });
    const neighbour = await central.device();
    const foreigner = await central.device({ operator: 'ana@southbay.example' });
    const held = await connectAsDevice(greedy);
    await held.query('BEGIN');
    await send([], [], held);
    await held.query(`ALTER ROLE CURRENT_USER PASSWORD 'of its own'`);

    await foreigner.core.call('people.edit', { person: 'ana@southbay.example', name: 'Ana, unmoved' });
    expect(await foreigner.core.call('sync.now', {})).toMatchObject({ pending: 0, problem: null });
    await central.client.query(
      `UPDATE api_service.users SET full_name = 'Host' WHERE email = 'bjorn@nordhaven.example'`,
    );
    await neighbour.core.call('people.edit', { person: 'dario@nordhaven.example', name: 'In the end' });
    await expect(neighbour.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-busy' });
    expect((await neighbour.core.call('people.show', { person: 'bjorn@nordhaven.example' })).name).toBe('Host');

    await revokeDevice(central.client, 'greedy');
    expect(await neighbour.core.call('sync.now', {})).toMatchObject({ pending: 0 });
    await held.end().catch(() => {});
  });
});
