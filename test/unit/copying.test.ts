import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MirroredColumn, MirroredTable } from '../../src-main/core/mirror/catalogue.ts';
import { NewestMoments } from '../../src-main/core/mirror/newest-moments.ts';
import type { Stored } from '../../src-main/core/mirror/rows.ts';
import { RowDecoder } from '../../src-main/core/sync/copy-decoder.ts';

function newestByMap(events: readonly (readonly [string, string])[]): Map<string, string> {
  const newest = new Map<string, string>();
  for (const [name, moment] of events) {
    const known = newest.get(name);
    if (known === undefined || known < moment) newest.set(name, moment);
  }
  return newest;
}

/** As they are inserted: the greater of two. */
const packed = (events: readonly (readonly [string, string])[]) => {
  const newest = new NewestMoments();
  for (const [name, moment] of events) newest.add(name, moment);
  return newestByMap([...newest.entries()]);
};

test('the newest moment of each name is what a plain map would hold, whatever names and moments are', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b', 'Bjørn', 'x'.repeat(48), 'x'.repeat(49)), fc.string(), fc.uuid());
  const moment = fc.oneof(
    fc.constantFrom('2026-11-20T18:39:28.573829', '2026-11-20T18:39:28.573829Z', 'infinity', '2026', 'é'),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.string({ maxLength: 40 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, moment), { maxLength: 200 }), (events) => {
      expect(packed(events)).toEqual(newestByMap(events));
    }),
  );
});

test('the newest moments of very many names are kept apart', () => {
  const names = 20_000;
  const events = Array.from({ length: 3 * names }, (_, n) => {
    const day = String(10 + ((n * 7_919) % 20));
    return [`name ${(n * 31) % names}`, `2026-01-${day}T00:00:00.${n}`] as const;
  });
  expect(packed(events)).toEqual(newestByMap(events));
  expect(packed(events).size).toBe(names);
});

const column = (name: string, type: string): MirroredColumn => ({ name, type, storage: 'text' }) as MirroredColumn;
const table = { name: 't', key: ['id'], columns: [column('id', 'uuid'), column('word', 'text')] } as MirroredTable;

/** A row as COPY writes it. */
function row(values: readonly string[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeInt16BE(values.length);
  const fields = values.flatMap((value) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(Buffer.byteLength(value));
    return [length, Buffer.from(value)];
  });
  return Buffer.concat([count, ...fields]);
}

test('a text that came before is the same text again, and never one that merely looks like it', () => {
  // All of these begin, end and are in the middle as another one does.
  const words = [
    '',
    'role',
    'rule',
    'rxle',
    'Ødegård',
    'Ødegxxd',
    'a'.repeat(40),
    `${'a'.repeat(30)}b${'a'.repeat(9)}`,
    'é'.repeat(21),
  ];
  const rows = Array.from({ length: 20_000 }, (_, n) => [
    `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    // At last nothing comes again.
    n < 10_000 ? words[(n * n) % words.length]! : `word ${n}`,
  ]);
  const decoder = new RowDecoder(table);
  const decoded = rows.map((values) => {
    const stored: Stored[] = [];
    decoder.decode(row(values), 0, stored, 0);
    return stored;
  });
  expect(decoded).toEqual(rows);
});
