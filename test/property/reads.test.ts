import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { auditQueries } from '../../src-main/core/audit/queries.ts';
import { keyQueries } from '../../src-main/core/keys/queries.ts';
import { createTextIndex, indexSlice } from '../../src-main/core/mirror/text-index.ts';
import { anyWhole, isTextIndexed } from '../../src-main/core/mirror/text-query.ts';
import { peopleQueries } from '../../src-main/core/people/queries.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { type PlainMirror, plainMirror } from '../fixtures/plain-mirror.ts';

/** An event of central's table, as the mirror holds it. */
interface Event {
  id: number;
  at: string;
  action: string | null;
  actor: string | null;
  data: unknown;
}

const parts = [
  'rotate',
  'rotor',
  'Zoë',
  'zoe',
  'Ångström',
  'ÉCOLE',
  '10',
  '0',
  '7',
  'alice',
  'nordhaven',
  'έργο',
  'дом',
  '東京',
  'x',
];
const marks = [
  ' ',
  '.',
  '@',
  '-',
  '_',
  '"',
  "'",
  '*',
  ':',
  '(',
  ')',
  '^',
  '+',
  '\\',
  '%',
  ',',
  '\n',
  '\t',
  '👍',
  '{',
  ' AND ',
  ' NEAR ',
  ' OR ',
  'words:',
  '\u{F0000}',
];
const text = fc
  .array(
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...parts) }, { weight: 2, arbitrary: fc.constantFrom(...marks) }),
    {
      maxLength: 6,
    },
  )
  .map((all) => all.join(''));

const actors = ['0a000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000002', 'it\'s "me"', ''];
const event = (id: number) =>
  fc.record({
    id: fc.constant(id),
    at: fc
      .tuple(
        fc.constantFrom('2026-11-18', '2026-11-19', '2026-11-20', '2031-01-01', '1999-12-31'),
        fc.integer({ min: 0, max: 3 }),
      )
      .map(([day, hour]) => `${day}T0${hour}:00:00.000000`),
    action: fc.option(fc.oneof(fc.constantFrom('key.rotate', 'key.revoke', 'person.edit'), text)),
    actor: fc.option(fc.constantFrom(...actors)),
    data: fc.oneof(
      text,
      fc.integer(),
      fc.constant(null),
      fc.dictionary(fc.constantFrom('ip', 'who', 'alice@x'), fc.oneof(text, fc.array(text))) as fc.Arbitrary<unknown>,
    ),
  });

type Step = { remove: boolean; event: Event };
const steps = fc.array(
  fc.integer({ min: 1, max: 12 }).chain((id) => fc.record({ remove: fc.boolean(), event: event(id) })),
  { maxLength: 30 },
);

function take(mirror: PlainMirror, held: Map<number, Event>, { remove, event: one }: Step): void {
  const row = [one.at, one.action, one.actor, one.data === undefined ? null : JSON.stringify(one.data)];
  const present = held.has(one.id);
  if (present && remove) {
    mirror.database.prepare('DELETE FROM audit_events WHERE id = ?').run(one.id);
    held.delete(one.id);
    return;
  }
  if (present)
    mirror.database
      .prepare('UPDATE audit_events SET created_at = ?, event_type = ?, actor_id = ?, event_data = ? WHERE id = ?')
      .run(...row, one.id);
  else
    mirror.database
      .prepare('INSERT INTO audit_events (created_at, event_type, actor_id, event_data, id) VALUES (?, ?, ?, ?, ?)')
      .run(...row, one.id);
  held.set(one.id, one);
}

function list({ context }: PlainMirror, input: Input<'audit.list'>) {
  return auditQueries['audit.list'](context, contract['audit.list'].input.parse({ limit: 1000, ...input }));
}

/** What the list should say, found by looking at everything. */
function scanned(held: ReadonlyMap<number, Event>, matches: (event: Event) => boolean): string[] {
  const found = [...held.values()].filter(matches);
  found.sort((one, other) => (one.at === other.at ? other.id - one.id : one.at < other.at ? 1 : -1));
  return found.map(({ id }) => String(id));
}

const words = (value: string): string[] =>
  value
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

function valuesOf(value: unknown): string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)];
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, one]) => [...(/^\w+$/.test(key) ? [] : [key]), ...valuesOf(one)]);
  return inner;
}

function containsAll({ action, data }: Event, search: string): boolean {
  const standing = ` ${words([action ?? '', ...valuesOf(data)].join(' ')).join(' ')} `;
  const asked = search
    .replaceAll('\u{F0000}', ' ')
    .trim()
    .split(/\s+/)
    .filter((word) => words(word).length > 0);
  return asked.every((word, place) => {
    const wanted = words(word);
    const last = wanted.at(-1)!;
    const goesOn = word.endsWith('*')
      ? /[\p{L}\p{N}]{2}\*$/u.test(word.normalize('NFC'))
      : place === asked.length - 1 && /[\p{L}\p{N}]\p{L}$/u.test(word.normalize('NFC'));
    return standing.includes(` ${wanted.join(' ')}${goesOn && last.length > 1 ? '' : ' '}`);
  });
}

const ids = (result: ReturnType<typeof list>) => result.items.map(({ id }) => id);

describe('whatever came, changed and went', () => {
  test('a search finds what a scan finds, in the same order, and nothing that is typed is an error', () => {
    fc.assert(
      fc.property(steps, fc.array(text, { minLength: 1, maxLength: 5 }), (taken, searches) => {
        const mirror = plainMirror();
        const held = new Map<number, Event>();
        for (const step of taken) take(mirror, held, step);
        for (const search of [...searches, 'rot', 'Zoe', '10.0']) {
          const typed = contract['audit.list'].input.parse({ search }).search ?? '';
          if (words(typed).length === 0) {
            expect(() => list(mirror, { search })).not.toThrow();
            continue;
          }
          expect(ids(list(mirror, { search })), search).toEqual(scanned(held, (one) => containsAll(one, typed)));
        }
      }),
      { numRuns: 150 },
    );
  });

  test('every road to a list leads to the same events: of actors, of actions, of days, of words, of all of them', () => {
    const filter = fc.record({
      actor: fc.option(fc.constantFrom(...actors.filter(Boolean)), { nil: undefined }),
      action: fc.option(fc.constantFrom('key.rotate', 'key.*', 'person.*', '*'), { nil: undefined }),
      from: fc.option(fc.constantFrom('2026-11-19', '2026-11-19T01:00:00Z', '2027-01-01'), { nil: undefined }),
      to: fc.option(fc.constantFrom('2026-11-19', '2026-11-19T01:00:00Z', '2026-11-19T00:59:59.999999Z'), {
        nil: undefined,
      }),
      search: fc.option(fc.constantFrom('rotate', 'key', 'alice nordhaven'), { nil: undefined }),
    });
    fc.assert(
      fc.property(steps, filter, fc.boolean(), (taken, given, indexed) => {
        const mirror = plainMirror();
        const held = new Map<number, Event>();
        for (const step of taken) take(mirror, held, step);
        if (!indexed) mirror.database.exec('UPDATE latchkey_text SET indexed = 0');
        const { actor, action, from, to, search } = given;
        const start = action?.replace(/\*$/, '') ?? '';
        const expected = scanned(
          held,
          (one) =>
            (actor === undefined || one.actor === actor) &&
            (action === undefined ||
              action === '*' ||
              (action.endsWith('*') ? one.action?.startsWith(start) === true : one.action === action)) &&
            (from === undefined ||
              one.at >= (from.length === 10 ? `${from}T00:00:00.000000` : `${from.slice(0, 19)}.000000`)) &&
            (to === undefined || one.at <= (to.length === 10 ? `${to}T99` : to)) &&
            (search === undefined || containsAll(one, search)),
        );
        const result = list(mirror, given);
        // Until the index is complete, words are also found inside of others.
        if (indexed || search === undefined) expect(ids(result)).toEqual(expected);
        else expect(ids(result)).toEqual(expect.arrayContaining(expected));
        expect(result).toMatchObject({ total: result.items.length, more: false });
        expect(ids(list(mirror, { ...given, limit: 2, offset: 1 }))).toEqual(ids(result).slice(1, 3));
      }),
      { numRuns: 300 },
    );
  });

  test('the daily counts are what counting the rows says, between any two moments', () => {
    const moments = fc.option(
      fc.constantFrom('1999-12-31', '2026-11-18T02:00:00Z', '2026-11-19', '2026-11-19T03:00:00Z', '2026-11-20'),
      {
        nil: undefined,
      },
    );
    fc.assert(
      fc.property(steps, moments, moments, (taken, from, to) => {
        const mirror = plainMirror();
        const held = new Map<number, Event>();
        for (const step of taken) take(mirror, held, step);
        const kept = mirror.database.prepare('SELECT day, action, events FROM latchkey_daily ORDER BY 1, 2').all();
        const rows = mirror.database
          .prepare(
            `SELECT substr(created_at, 1, 10) AS day, coalesce(event_type, '') AS action, count(*) AS events FROM audit_events GROUP BY 1, 2 ORDER BY 1, 2`,
          )
          .all();
        expect(kept).toEqual(rows);
        const listed = list(mirror, { from, to });
        for (const by of ['day', 'action', 'day-and-action'] as const) {
          const counts = auditQueries['audit.counts'](
            mirror.context,
            contract['audit.counts'].input.parse({ by, from, to }),
          );
          expect(counts.total).toBe(listed.total);
          for (const { day, action, count } of counts.items)
            expect(
              listed.items.filter(
                (one) => (day ?? one.at.slice(0, 10)) === one.at.slice(0, 10) && (action ?? one.action) === one.action,
              ),
            ).toHaveLength(count);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('people and keys, whatever came, changed and went', () => {
  /** A person or a key: what is searched of them, in the order of these columns. */
  interface Named {
    id: string;
    first: string | null;
    second: string | null;
  }
  const tables = {
    users: { first: 'full_name', second: 'email', list: 'people.list' },
    api_keys: { first: 'label', second: 'permissions', list: 'keys.list' },
  } as const;
  const named = fc.record({
    // In the first blocks and in one far behind them.
    row: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 255, max: 258 }), fc.constant(70_000)),
    remove: fc.boolean(),
    first: fc.option(text),
    second: fc.option(text),
  });
  const plain = (value: string) => value.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

  test.each(['users', 'api_keys'] as const)(
    'a search of %s finds what a scan finds, before and after each change',
    (table) => {
      const { first, second, list: call } = tables[table];
      fc.assert(
        fc.property(fc.array(fc.tuple(named, text), { maxLength: 20 }), (taken) => {
          const mirror = plainMirror();
          const held = new Map<number, Named>();
          for (const [{ row, remove, ...values }, search] of taken) {
            if (held.has(row) && remove) {
              mirror.database.prepare(`DELETE FROM ${table} WHERE rowid = ?`).run(row);
              held.delete(row);
            } else {
              const id = `id-${String(row).padStart(9, '0')}`;
              const sql = held.has(row)
                ? `UPDATE ${table} SET ${first} = ?, ${second} = ? WHERE rowid = ?`
                : `INSERT INTO ${table} (${first}, ${second}, rowid, id) VALUES (?, ?, ?, '${id}')`;
              mirror.database.prepare(sql).run(values.first, values.second, row);
              held.set(row, { id, ...values });
            }
            for (const typed of [search, 'ot', '10', 'ZOE x', 'ID-000070000']) {
              const queries = { ...peopleQueries, ...keyQueries };
              const request = contract[call].input.parse({ search: typed });
              const result = queries[call](mirror.context, request as never);
              const asked = plain(typed).split(/\s+/).filter(Boolean);
              const expected = [...held.values()].filter(({ id, ...columns }) =>
                asked.every((word) =>
                  [...(word.length < 8 ? [] : [id]), ...Object.values(columns)].some((value) =>
                    plain(value ?? '').includes(word),
                  ),
                ),
              );
              expect(new Set(result.items.map(({ id }) => id)), typed).toEqual(new Set(expected.map(({ id }) => id)));
              expect(result.total).toBe(expected.length);
            }
          }
        }),
        { numRuns: 100 },
      );
    },
  );
});

test('no text in an event passes for its actor or its action', () => {
  const mirror = plainMirror();
  const held = new Map<number, Event>();
  const [one, other] = [actors[0]!, actors[1]!];
  const forged = [anyWhole('actor_id', [one]), anyWhole('event_type', ['key.rotate'])].join(' ').replaceAll('"', '');
  const event = { at: '2026-11-20T00:00:00.000000', action: 'key.rotate', actor: one, data: { note: 'plain' } };
  take(mirror, held, { remove: false, event: { ...event, id: 1 } });
  take(mirror, held, { remove: false, event: { ...event, id: 2, actor: other, data: { note: forged } } });
  take(mirror, held, { remove: false, event: { ...event, id: 3, action: 'key.revoke', data: { note: forged } } });

  expect(ids(list(mirror, { actor: one, action: 'key.rotate' }))).toEqual(['1']);
  expect(ids(list(mirror, { search: 'plain', actor: one, action: 'key.*' }))).toEqual(['1']);
  expect(ids(list(mirror, { search: forged.split(' ')[0]! }))).toEqual(['3', '2']);
});

describe('a log that lies in no order of time, larger than a slice and many blocks', () => {
  const rows = 9_000;
  /** Every second event tells of a login; the moments jump about, and some events share one. */
  function scrambled(): { mirror: PlainMirror; held: Map<number, Event> } {
    const mirror = plainMirror();
    const held = new Map<number, Event>();
    mirror.database.exec('DELETE FROM latchkey_text; DROP TRIGGER "latchkey_text_insert audit_events"');
    mirror.database.transaction(() => {
      for (let id = 1; id <= rows; id++) {
        const minute = (id * 7_919) % 5_000;
        const at = new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString().replace('Z', '000');
        take(mirror, held, {
          remove: false,
          event: {
            id,
            at,
            action: id % 2 ? 'user.login' : 'user.logout',
            actor: actors[id % 2]!,
            data: { n: `n${id}` },
          },
        });
      }
    })();
    createTextIndex(mirror.database, skyGenesis, mirror.context.tables.get('audit_events')!);
    return { mirror, held };
  }
  const slice = (mirror: PlainMirror) =>
    indexSlice(mirror.database, skyGenesis, mirror.context.tables.get('audit_events')!);

  test('is found while it is being indexed and after, page by page in the order of time; what changes meanwhile is found once', () => {
    const { mirror, held } = scrambled();
    const pages = (search: string) =>
      [0, 50, 1_234, 4_480].map((offset) => ids(list(mirror, { search, limit: 50, offset })));
    const expected = (search: string) => {
      const all = scanned(held, (one) => containsAll(one, search));
      return [0, 50, 1_234, 4_480].map((offset) => all.slice(offset, offset + 50));
    };
    let left = true;
    for (let round = 1; left; round++) {
      expect(isTextIndexed(mirror.context.mirror, 'audit_events')).toBe(false);
      left = slice(mirror);
      for (const id of [round, 4_096 + round, rows - round, rows + round])
        take(mirror, held, {
          remove: false,
          event: {
            id,
            at: `2026-01-0${round}T00:00:30.000000`,
            action: 'user.login',
            actor: null,
            data: { n: `changed${id}` },
          },
        });
      take(mirror, held, { remove: true, event: held.get(5_000 + round)! });
      expect(pages('login'), `round ${round}`).toEqual(expected('login'));
      expect(ids(list(mirror, { search: `changed${rows + round}` }))).toEqual([String(rows + round)]);
    }
    expect(isTextIndexed(mirror.context.mirror, 'audit_events')).toBe(true);
    for (const search of ['login', 'user login', 'n777', 'log'])
      expect(pages(search), search).toEqual(expected(search));
    const few = list(mirror, { search: 'login', from: '2026-01-02', to: '2026-01-02', limit: 1000 });
    const thatDay = scanned(held, (one) => one.at.startsWith('2026-01-02') && containsAll(one, 'login'));
    expect(ids(few)).toEqual(thatDay.slice(0, 1000));
    for (const offset of [0, 100]) {
      const page = list(mirror, { search: 'login', from: '2026-01-02', to: '2026-01-02', limit: 20, offset });
      expect(ids(page)).toEqual(thatDay.slice(offset, offset + 20));
      expect(page).toMatchObject({ more: true });
    }
  });

  test('is counted as far as is worth the while, and says that there is more', () => {
    const { mirror } = scrambled();
    while (slice(mirror));

    expect(list(mirror, { search: 'login', limit: 50 })).toMatchObject({ total: 550, more: true });
    expect(list(mirror, { search: 'login', limit: 50, offset: 4_400 })).toMatchObject({ total: 4_500, more: false });
    expect(list(mirror, { search: 'user', actor: actors[0]!, action: 'user.logout' })).toMatchObject({
      total: 1_500,
      more: true,
    });
    expect(list(mirror, { action: 'user.*' })).toMatchObject({ total: rows, more: false });
  });

  test('is listed from any place on as a scan lists it', () => {
    const { mirror, held } = scrambled();
    const all = scanned(held, () => true);
    const logins = scanned(held, ({ action }) => action === 'user.login');
    for (const offset of [0, 999, 5_000, 8_990, 9_000]) {
      expect(ids(list(mirror, { limit: 20, offset }))).toEqual(all.slice(offset, offset + 20));
      expect(ids(list(mirror, { limit: 20, offset, action: 'user.login' }))).toEqual(logins.slice(offset, offset + 20));
      expect(ids(list(mirror, { limit: 20, offset, action: 'user.*', actor: actors[1]! }))).toEqual(
        logins.slice(offset, offset + 20),
      );
    }
  });
});
