import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Core } from '../../../src-main/core/core.ts';
import { editOffline, mirrored, nothing, type OwnHost, ownHost, syncs } from '../../fixtures/own-mapping.ts';

describe('a database of 200 tables', () => {
  let host: OwnHost;
  let core: Core;
  const kinds = ['UUID', 'BIGINT', 'TEXT', 'INTEGER'];
  const count = 198;
  const name = (n: number) => `t${String(n).padStart(3, '0')}`;
  const key = (kind: string, n: string) =>
    kind === 'UUID' ? `md5('row ' || ${n})::UUID` : kind === 'TEXT' ? `'key ' || ${n}` : `${n}`;
  /** One in five belongs to whoever its parent does, up to four steps; one in twenty to everybody. */
  const tenancy = (n: number) => {
    if (n % 20 === 10) return { class: 'shared' };
    if (n % 5 === 0) return { class: 'organization', column: 'tenant' };
    return n % 10 < 5
      ? { class: 'path', column: 'up', parent: name(n - 1), parentKey: 'id' }
      : { class: 'organization', column: 'tenant' };
  };
  const mapping = {
    name: 'warehouse',
    title: 'Warehouse',
    schema: 'warehouse',
    organization: { table: 'tenants', id: 'id', name: 'name' },
    tables: {
      tenants: { tenancy: { class: 'root' } },
      accounts: {
        tenancy: { class: 'organization', column: 'tenant' },
        rights: { admin: { update: ['email', 'state'] } },
      },
      ...Object.fromEntries(
        Array.from({ length: count }, (_, n) => [
          name(n),
          { tenancy: tenancy(n), secret: ['hidden'], rights: { admin: { update: ['note'] } }, indexes: [['note']] },
        ]),
      ),
    },
    people: {
      table: 'accounts',
      id: 'id',
      email: 'email',
      name: [],
      role: null,
      status: { column: 'state', words: { invited: [], active: ['on'], suspended: [], deactivated: ['off'] } },
      deletedAt: null,
      lastSeenAt: null,
      organization: 'tenant',
      createdAt: null,
      updatedAt: null,
    },
    ...nothing,
  };

  beforeAll(async () => {
    const tables = Array.from({ length: count }, (_, n) => {
      const kind = kinds[n % kinds.length]!;
      const parent = kinds[(n + kinds.length - 1) % kinds.length]!;
      const up = n === 0 ? 'TEXT' : `${parent} REFERENCES warehouse.${name(n - 1)}`;
      const from = n === 0 ? 'NULL' : key(parent, 'n');
      return `CREATE TABLE warehouse.${name(n)} (id ${kind} PRIMARY KEY, tenant INTEGER REFERENCES warehouse.tenants, up ${up}, note TEXT, hidden TEXT,
          at TIMESTAMPTZ DEFAULT now(), amount NUMERIC(12, 3), data JSONB);
        INSERT INTO warehouse.${name(n)} SELECT ${key(kind, 'n')}, 1 + n % 2, ${from}, 'note ' || n, 'hidden', now(), n * 1.5, '{"n": 1}' FROM generate_series(1, 20) n;`;
    });
    host = await ownHost(`CREATE SCHEMA warehouse; CREATE TABLE warehouse.tenants (id INTEGER PRIMARY KEY, name TEXT);
      INSERT INTO warehouse.tenants VALUES (1, 'North'), (2, 'South');
      CREATE TABLE warehouse.accounts (id BIGINT PRIMARY KEY, tenant INTEGER REFERENCES warehouse.tenants, email TEXT, state TEXT);
      INSERT INTO warehouse.accounts VALUES (9007199254740992, 1, 'ada@north.example', 'on'), (9007199254740993, 1, 'ben@north.example', 'on'),
        (9007199254740994, 2, 'zoe@south.example', 'on');
      ${tables.join('\n')}`);
  });
  afterAll(() => host.close());

  test('is attached to, mirrored, followed, worked on offline and left as it was', async () => {
    const before = await host.catalogue();
    const installed = await host.install(mapping);
    expect(installed).toMatchObject({ code: 0, value: { installed: true } });
    core = await host.join('North', 'ada@north.example');
    expect((await core.call('data.tables', {})).items).toHaveLength(200);
    await syncs(core);
    expect(await mirrored(core, name(4))).toHaveLength(10);

    for (let n = 0; n < count; n += 7)
      await host.client.query(`UPDATE warehouse.${name(n)} SET note = 'changed ' || note WHERE tenant = 1`);
    await host.client.query(`UPDATE warehouse.${name(0)} SET tenant = 3 - tenant`);
    await editOffline(core, 'ben@north.example', 'benno@north.example');
    // A whole number that JavaScript's own would round to its neighbour's.
    expect(await core.call('people.show', { person: 'benno@north.example' })).toMatchObject({ id: '9007199254740993' });
    expect(await host.rows(`SELECT id FROM warehouse.accounts WHERE email = 'benno@north.example'`)).toEqual([
      { id: '9007199254740993' },
    ]);
    await syncs(core);

    expect((await host.latchkey('central', 'uninstall')).code).toBe(0);
    expect(await host.catalogue()).toEqual(before);
  });
});
