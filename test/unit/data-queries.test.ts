import { describe, expect, test } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { dataQueries } from '../../src-main/core/data/queries.ts';
import { apiKey, type PlainMirror, person, plainMirror, refusal } from '../fixtures/plain-mirror.ts';

function list({ context }: PlainMirror, input: Input<'data.list'>) {
  const result = dataQueries['data.list'](context, contract['data.list'].input.parse(input));
  expect(contract['data.list'].output.parse(result)).toEqual(result);
  return result;
}

describe('data.tables', () => {
  test('describes each mirrored table and how many rows it has', () => {
    const mirror = plainMirror({ without: { columns: ['users.full_name'] } });
    mirror.insert('users', person({ id: 'p', email: 'p@b.example' }));

    const { items, total } = dataQueries['data.tables'](mirror.context, {});
    const users = items.find(({ name }) => name === 'users');

    expect(total).toBe(6);
    expect(users?.rows).toBe(1);
    expect(users?.columns[0]).toEqual({ name: 'id', type: 'uuid', nullable: false, key: true });
    expect(users?.columns.map(({ name }) => name)).not.toContain('full_name');
  });
});

describe('data.list', () => {
  test('shows values as what they are: booleans, JSON, whole 64-bit integers, bytes as hex', () => {
    const mirror = plainMirror();
    mirror.insert('api_keys', apiKey({ id: 'k', usage_count: 9_007_199_254_740_993n, quota_limit: 7 }));
    mirror.insert('api_routes', { id: 'r', path: '/v1', is_public: 1, weight: 0.5, digest: Buffer.from([1, 255]) });
    mirror.insert('api_routes', { id: 's', path: '/v2', is_public: 0, weight: 'NaN', digest: null });

    expect(list(mirror, { table: 'api_keys' }).items[0]).toMatchObject({
      usage_count: '9007199254740993',
      quota_limit: 7,
      permissions: ['read'],
    });
    expect(list(mirror, { table: 'api_routes' }).items).toEqual([
      { id: 'r', path: '/v1', is_public: true, weight: 0.5, digest: '\\x01ff' },
      { id: 's', path: '/v2', is_public: false, weight: 'NaN', digest: null },
    ]);
  });

  test('does not round numbers inside JSON', () => {
    const mirror = plainMirror();
    const data = '{"id": 9007199254740993, "rate": 0.12345678901234567890, "n": 1.10, "list": [1, 2.5e3]}';
    mirror.insert('audit_events', { id: 1, created_at: '2026-01-01T00:00:00.000000', event_data: data });

    expect(list(mirror, { table: 'audit_events' }).items[0]?.event_data).toEqual({
      id: '9007199254740993',
      rate: '0.12345678901234567890',
      n: 1.1,
      list: [1, 2500],
    });
  });

  test('shows what is no JSON in a JSON column as it is', () => {
    const mirror = plainMirror();
    mirror.insert('audit_events', { id: 1, created_at: '2026-01-01T00:00:00.000000', event_data: '{broken' });

    expect(list(mirror, { table: 'audit_events' }).items[0]?.event_data).toBe('{broken');
  });

  test('pages in the order of the key, as numbers where they are', () => {
    const mirror = plainMirror();
    for (const id of [10, 9, 100]) mirror.insert('audit_events', { id, created_at: '2026-01-01T00:00:00.000000' });

    const page = list(mirror, { table: 'audit_events', limit: 2, offset: 1 });

    expect(page.items.map(({ id }) => id)).toEqual([10, 100]);
    expect(page.total).toBe(3);
    expect(page.columns).toEqual(['id', 'actor_id', 'organization_id', 'event_type', 'event_data', 'created_at']);
  });

  test.each([
    ['ANNA', 1],
    ['50%', 0],
    ['2026-01', 2],
    ['nobody', 0],
  ])('searches the text of every column for %s', (search, total) => {
    const mirror = plainMirror();
    mirror.insert('users', person({ id: 'p', email: 'anna@b.example' }));
    mirror.insert('users', person({ id: 'q', email: '50@b.example' }));

    expect(list(mirror, { table: 'users', search })).toMatchObject({ total });
  });

  test.each([
    'latchkey_outbox',
    'sqlite_schema',
    'latchkey_person',
    'users; DROP TABLE users',
    '"users"',
    'constructor',
  ])('knows no table called %s', (table) => {
    expect(refusal(() => list(plainMirror(), { table }))).toMatchObject({ code: 'not-found', field: 'table' });
  });
});
