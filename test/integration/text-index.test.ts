import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { auditQueries } from '../../src-main/core/audit/queries.ts';
import type { MirroredTable } from '../../src-main/core/mirror/catalogue.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { ReadableMirror } from '../../src-main/core/mirror/readable.ts';
import type { Stored } from '../../src-main/core/mirror/rows.ts';
import { TextIndexing } from '../../src-main/core/mirror/text-indexing.ts';
import { isTextIndexed } from '../../src-main/core/mirror/text-query.ts';
import { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { peopleQueries } from '../../src-main/core/people/queries.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { plainMirror } from '../fixtures/plain-mirror.ts';

const key = Buffer.alloc(32, 7);
const { context } = plainMirror();
const table = context.tables.get('audit_events')!;
const [actor, organization] = ['0a000000-0000-4000-8000-000000000001', '0e000000-0000-4000-8000-000000000001'];
const more = 10_000;

let folder: string;
let mirror: WritableMirror;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-index-'));
  mirror = opened();
});
afterEach(() => {
  mirror.database.close();
  rmSync(folder, { recursive: true, force: true });
});

function opened(): WritableMirror {
  const made = new WritableMirror(openMirror(folder, key, 'write'), skyGenesis);
  made.transaction(() => {
    made.rebuildViews();
    made.renewReadAids();
  });
  return made;
}

/** Central's rows, in column order. */
function events(from: number, to: number, word: string): Stored[][] {
  return Array.from({ length: to - from }, (_, place) => {
    const id = from + place;
    const at = new Date(Date.UTC(2026, 0, 1) + id * 60_000).toISOString().replace('Z', '000');
    return [
      id,
      actor,
      organization,
      id % 3 ? 'key.rotate' : 'user.login',
      JSON.stringify({ note: `${word} ${id}` }),
      at,
    ];
  });
}

function copy(definition: MirroredTable, rows: Stored[][]): void {
  const incoming = mirror.createIncoming(definition);
  incoming.append(rows.length, (row, values, place) => {
    for (const [at, value] of rows[row]!.entries()) values[place + at] = value;
  });
  incoming.flush();
  mirror.transaction(() => {
    mirror.unapplyPending();
    mirror.swapIn(definition, rows.length, '1:1:');
    mirror.replayPending();
  });
}

function list(input: Input<'audit.list'>) {
  const request = contract['audit.list'].input.parse({ limit: 1000, ...input });
  return auditQueries['audit.list']({ ...context, mirror, tables: mirror.tables }, request);
}

const found = (search: string) => list({ search }).items.map(({ id }) => Number(id));
const counted = () =>
  auditQueries['audit.counts']({ ...context, mirror, tables: mirror.tables }, contract['audit.counts'].input.parse({}))
    .total;

test('a process that is killed while it indexes leaves every event to be found, and the rest to be indexed', async () => {
  copy(table, events(0, more * 3, 'first'));
  expect(mirror.isIndexing).toBe(true);
  mirror.database.close();
  const child = fork(join(import.meta.dirname, '../fixtures/indexing-process.ts'), [folder, key.toString('hex')], {
    silent: true,
  });
  const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  let slices = 0;
  child.stdout!.on('data', (chunk: Buffer) => {
    slices += chunk.toString().split('slice').length - 1;
    if (slices >= 2) child.kill('SIGKILL');
  });
  expect(await ended).toBe('SIGKILL');

  mirror = opened();
  expect(mirror.isIndexing).toBe(true);
  expect(found('29999')).toEqual([29_999]);
  expect(list({ search: 'first 7', to: '2026-01-01T00:07:30Z' }).items.map(({ id }) => id)).toEqual(['7']);
  let completed = 0;
  await new TextIndexing(
    mirror,
    () => false,
    () => completed++,
  ).finish();

  expect(completed).toBe(1);
  expect(isTextIndexed(mirror, 'audit_events')).toBe(true);
  for (const id of [0, 1_023, 4_095, 4_096, 12_288, 29_999]) expect(found(`first ${id}`), String(id)).toEqual([id]);
  expect(list({ search: 'login first', limit: 5 }).items.map(({ id }) => id)).toEqual([
    '29997',
    '29994',
    '29991',
    '29988',
    '29985',
  ]);
});

test('indexing waits while somebody is at work, and goes on when nobody is', () => {
  copy(table, events(0, more, 'first'));
  vi.useFakeTimers();
  let busy = true;
  const indexing = new TextIndexing(
    mirror,
    () => busy,
    () => {},
  );
  try {
    const indexed = () => mirror.database.prepare('SELECT indexed FROM latchkey_text').pluck().get();
    indexing.wake();
    vi.advanceTimersByTime(10_000);
    expect(indexed()).toBe(0);
    busy = false;
    for (let command = 0; command < 100; command++) {
      indexing.giveWay();
      vi.advanceTimersByTime(100);
    }
    expect(indexed()).toBe(0);
    vi.advanceTimersByTime(10_000);
    expect(mirror.isIndexing).toBe(false);
  } finally {
    indexing.stop();
    vi.useRealTimers();
  }
});

describe('a table that is copied anew', () => {
  test('is indexed anew: what is gone is found no more, what came is, and the counts are the new rows’', () => {
    copy(table, events(0, 50, 'before'));
    expect([found('before 7'), counted()]).toEqual([[7], 50]);

    copy(table, events(40, 70, 'after'));

    expect([found('before'), found('after 44'), counted()]).toEqual([[], [44], 30]);
  });

  test('shows pending rows in searches and counts, as it does in the table, and forgets them when they are taken off', () => {
    copy(table, events(0, 20, 'settled'));
    const pending = {
      id: 99,
      event_type: 'gate.opened',
      event_data: '{"note":"pending"}',
      created_at: '2026-01-01T09:00:00.000000',
    };
    mirror.database.exec(
      `INSERT INTO latchkey_outbox (command, position, name, summary, subject_table, subject_key, made_at, state, changes)
       VALUES ('c1', 1, 'gate.open', '', '', '', '2026-01-01T09:00:00.000000Z', 'observed', '{}')`,
    );
    mirror.database
      .prepare(`INSERT INTO latchkey_pending VALUES ('c1', 1, 'audit_events', ?, 'insert', ?)`)
      .run(JSON.stringify(['99', pending.created_at]), JSON.stringify(pending));
    mirror.transaction(() => mirror.replayPending());
    expect([found('pending'), counted()]).toEqual([[99], 21]);

    copy(table, events(0, 10, 'settled'));
    expect([found('pending'), counted()]).toEqual([[99], 11]);

    mirror.transaction(() => mirror.unapplyPending());
    expect([found('pending'), counted()]).toEqual([[], 10]);
  });

  test('may lose the columns that were searched, or all of it: nothing is left of what it held', () => {
    copy(table, events(0, 20, 'secret'));
    const columns = table.columns.filter(({ name }) => name !== 'event_data' && name !== 'event_type');
    copy(
      { ...table, columns },
      events(0, 20, '').map(([id, by, of, , , at]) => [id!, by!, of!, at!]),
    );

    expect(found('secret')).toEqual([]);
    expect(mirror.database.prepare('SELECT count(*) FROM latchkey_text').pluck().get()).toBe(0);
    expect(list({}).items).toHaveLength(20);

    copy(table, events(0, 20, 'again'));
    mirror.transaction(() => mirror.dropTable('audit_events'));
    expect([found('again'), list({}).total, counted()]).toEqual([[], 0, 0]);
    const left = mirror.database.prepare(
      `SELECT name FROM sqlite_schema WHERE name LIKE 'latchkey_text_%audit_events%'`,
    );
    expect(left.all()).toEqual([]);
  });
});

test('a reader that remembers people finds them as another connection left them, copied anew, dropped or rolled back', () => {
  const users = context.tables.get('users')!;
  const person = (id: number, name: string): Stored[] =>
    users.columns.map((column) => (column.name === 'id' ? `p${id}` : column.name === 'full_name' ? name : null));
  copy(users, [person(1, 'Zoë Lindqvist'), person(2, 'Tom Adler')]);
  const database = openMirror(folder, key, 'read');
  const people = (search: string) => {
    const reading = { ...context, mirror: new ReadableMirror(database), tables: mirror.tables };
    return peopleQueries['people.list'](reading, contract['people.list'].input.parse({ search })).items.map(
      ({ id }) => id,
    );
  };
  expect([people('zoe'), people('adler')]).toEqual([['p1'], ['p2']]);

  expect(() =>
    mirror.transaction(() => {
      mirror.putRow(users, { ...mirror.row(users, 'p1')!, full_name: 'Nobody' });
      throw new Error('rolled back');
    }),
  ).toThrow('rolled back');
  expect([people('zoe'), people('nobody')]).toEqual([['p1'], []]);
  mirror.transaction(() => mirror.putRow(users, { ...mirror.row(users, 'p1')!, full_name: 'Zoë Brandt' }));
  expect([people('lindqvist'), people('brandt')]).toEqual([[], ['p1']]);

  copy(users, [person(3, 'Ines Albrecht')]);
  expect([people('brandt'), people('adler'), people('ines')]).toEqual([[], [], ['p3']]);

  const seen = users.columns.filter(({ name }) => name !== 'full_name');
  copy({ ...users, columns: seen }, [seen.map(({ name }) => (name === 'id' ? 'p4' : null))]);
  expect([people('ines'), people('p4')]).toEqual([[], ['p4']]);

  mirror.transaction(() => mirror.dropTable('users'));
  expect(people('p4')).toEqual([]);
  database.close();
});

test('an index that another version made from other words is made anew when the mirror is opened', () => {
  copy(table, events(0, 20, 'kept'));
  mirror.database.exec(`UPDATE latchkey_text SET definition = 'older'; DELETE FROM latchkey_text_audit_events`);
  expect(found('kept 7')).toEqual([]);
  mirror.database.close();

  mirror = opened();

  expect(found('kept 7')).toEqual([7]);
});

describe('when each actor’s newest event was', () => {
  const other = '0a000000-0000-4000-8000-000000000002';
  const kept = () => mirror.database.prepare('SELECT actor, at FROM latchkey_last_event ORDER BY 1').all();
  const scanned = () =>
    mirror.database
      .prepare('SELECT actor_id AS actor, max(created_at) AS at FROM audit_events GROUP BY 1 ORDER BY 1')
      .all();
  const change = (sql: string) => mirror.transaction(() => mirror.database.exec(sql));
  const mixed = (size: number) => events(0, size, 'seen').map((row, id) => row.with(1, id % 7 ? actor! : other));

  test.each([
    ['by full text', 20, true],
    ['by the rows, while full text is not complete', more, false],
  ])('is what the rows say as events come, change and go: found again %s', (_how, size, isComplete) => {
    copy(table, mixed(size));
    expect(isTextIndexed(mirror, 'audit_events')).toBe(isComplete);
    expect(kept()).toEqual(scanned());
    const newest = `(SELECT id FROM audit_events WHERE actor_id = '${other}' ORDER BY created_at DESC LIMIT 1)`;
    change(`DELETE FROM audit_events WHERE id = ${newest}`);
    expect(kept()).toEqual(scanned());
    change(`UPDATE audit_events SET actor_id = '${actor}' WHERE id = ${newest}`);
    expect(kept()).toEqual(scanned());
    change(`UPDATE audit_events SET created_at = '2025-01-01T00:00:00.000000' WHERE id = ${newest}`);
    expect(kept()).toEqual(scanned());
    change(`UPDATE audit_events SET created_at = '2027-01-01T00:00:00.000000' WHERE id = 1`);
    expect(kept()).toEqual(scanned());
    change(`DELETE FROM audit_events WHERE actor_id = '${other}'`);
    expect(kept()).toEqual(scanned());
    expect(kept()).toHaveLength(1);
  });

  test('is counted from the rows where a copy goes on with what was there, or nothing was kept', () => {
    const rows = mixed(70_000);
    copy(table, rows);
    const [last, days] = [kept(), counted()];
    mirror.database.exec('DROP TRIGGER latchkey_last_event_insert; DROP TRIGGER latchkey_daily_insert');
    mirror.database.exec('DELETE FROM latchkey_last_event; DELETE FROM latchkey_daily');

    mirror.transaction(() => mirror.renewReadAids());

    expect([kept(), counted()]).toEqual([last, days]);
    expect(kept()).toEqual(scanned());
  });
});
