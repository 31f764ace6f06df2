import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nothing, type OwnHost, ownHost } from '../../fixtures/own-mapping.ts';

const ofShop = { tenancy: { class: 'organization', column: 'shop' } };
const good = {
  name: 'market',
  title: 'Market',
  schema: 'market',
  organization: { table: 'shops', id: 'id', name: 'name' },
  tables: {
    shops: { tenancy: { class: 'root' } },
    staff: {
      ...ofShop,
      rights: { admin: { insert: ['id', 'shop', 'mail', 'name', 'state'], update: ['mail', 'name', 'state'] } },
    },
    orders: ofShop,
    lines: { tenancy: { class: 'path', column: 'order_id', parent: 'orders', parentKey: 'id' } },
  },
  people: {
    table: 'staff',
    id: 'id',
    email: 'mail',
    name: ['name'],
    role: { values: ['clerk', 'owner'], initial: 'clerk', administrators: ['owner'], held: { column: 'job' } },
    status: { column: 'state', words: { invited: [], active: ['in'], suspended: [], deactivated: ['out'] } },
    deletedAt: null,
    lastSeenAt: null,
    organization: 'shop',
    createdAt: null,
    updatedAt: null,
  },
  ...nothing,
};

const keysOf = (table: string, status: string) => ({
  ...{
    table,
    id: 'id',
    organization: null,
    owner: null,
    label: 'note',
    scopes: null,
    hash: null,
    prefix: null,
    last4: null,
  },
  status: {
    column: status,
    words: { active: ['on'], retiring: [], suspended: [], compromised: [], revoked: ['off'], expired: [] },
  },
  ...{ expiresAt: null, revokedAt: null, lastUsedAt: null, createdAt: null, rotatedFrom: null, certificate: null },
  carriedOver: [],
  secretPrefix: 'mk_',
});

// biome-ignore lint/suspicious/noExplicitAny: a mapping may be wrong anywhere.
type Loose = any;

let host: OwnHost;
let before: string[];

beforeAll(async () => {
  host = await ownHost(`
    CREATE SCHEMA market;
    CREATE TYPE market.presence AS ENUM ('in', 'out');
    CREATE TABLE market.shops (id UUID PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE market.staff (id UUID PRIMARY KEY, shop UUID REFERENCES market.shops, mail TEXT, name TEXT, job TEXT, state market.presence, works BOOLEAN,
      number INTEGER UNIQUE, badge INTEGER);
    CREATE TABLE market.orders (id INTEGER PRIMARY KEY, shop UUID REFERENCES market.shops, note TEXT, at TIMESTAMPTZ, shop_name TEXT);
    CREATE TABLE market.lines (order_id INTEGER REFERENCES market.orders, line INTEGER, note TEXT, PRIMARY KEY (order_id, line));
    CREATE TABLE market.logs (id INTEGER, note TEXT);
    CREATE VIEW market.open_orders AS SELECT * FROM market.orders;
    CREATE TABLE market.counters (id INTEGER PRIMARY KEY, mail TEXT, name TEXT, job TEXT, state market.presence, shop UUID);
    INSERT INTO market.shops VALUES ('11111111-1111-4111-8111-111111111111', 'North');`);
});
afterAll(() => host.close());
beforeEach(async () => {
  before = await host.catalogue();
});

/** What `central install` says to the good mapping with a change; nothing is different afterwards. */
async function refused(
  change: (mapping: Loose) => void,
): Promise<{ code: string; message: string; problems: string[] }> {
  const mapping: Loose = structuredClone(good);
  change(mapping);
  const { code, value } = await host.install(mapping);
  const { error } = value as { error: { code: string; message: string; details: { problems: string[] } } };
  expect(error.message).toMatch(/Nothing was changed/);
  expect(code).toBe(error.code === 'invalid-input' ? 2 : 1);
  expect(await host.catalogue()).toEqual(before);
  return { code: error.code, message: error.message, problems: error.details?.problems ?? [] };
}

describe('a mapping that does not fit its database', () => {
  const cases: [string, (mapping: Loose) => void, string[]][] = [
    ['a schema that is not there', (mapping) => (mapping.schema = 'markt'), ['schema: there is no schema markt']],
    [
      'Latchkey’s own schema',
      (mapping) => (mapping.schema = 'latchkey'),
      [
        'schema: the schema latchkey is not a host’s own',
        ...Object.keys(good.tables).map((name) => `tables.${name}: there is no table latchkey.${name}`),
      ],
    ],
    [
      'a table that is not there',
      (mapping) => (mapping.tables.carts = ofShop),
      ['tables.carts: there is no table market.carts'],
    ],
    [
      'a column that is not there, with every place that names it',
      (mapping) => {
        mapping.tables.staff.rights.admin.update[1] = 'naem';
        mapping.tables.staff.rights.operator = { update: ['naem'] };
        mapping.tables.orders = {
          ...ofShop,
          indexes: [['at'], ['shop', 'att']],
          search: { words: ['notes'], whole: [], newest: 'at' },
        };
        mapping.people.createdAt = 'created';
        mapping.people.email = 'email';
      },
      [
        'tables.staff.rights.admin.update[1], tables.staff.rights.operator.update[0]: staff has no column naem',
        'tables.orders.indexes[1][1]: orders has no column att',
        'tables.orders.search.words[0]: orders has no column notes',
        'people.email: staff has no column email',
        'people.createdAt: staff has no column created',
      ],
    ],
    [
      'hidden, windowed and grouped columns that are not there',
      (mapping) => {
        mapping.tables.staff.secret = ['mail', 'pin'];
        mapping.tables.staff.writeOnly = ['hash'];
        mapping.tables.staff.insertDefaults = { salt: '!' };
        mapping.tables.orders = {
          tenancy: { class: 'organization', column: 'owner' },
          window: { column: 'when', days: 3 },
          earliest: ['due'],
          restrictive: { level: ['x'] },
          groups: [['note', 'tone']],
        };
      },
      [
        'tables.staff.secret[1]: staff has no column pin',
        'tables.staff.writeOnly[0]: staff has no column hash',
        'tables.staff.insertDefaults.salt: staff has no column salt',
        'tables.orders.tenancy.column: orders has no column owner',
        'tables.orders.window.column: orders has no column when',
        'tables.orders.groups[0][1]: orders has no column tone',
        'tables.orders.restrictive.level: orders has no column level',
        'tables.orders.earliest[0]: orders has no column due',
      ],
    ],
    [
      'a circle of parents',
      (mapping) =>
        (mapping.tables.orders = { tenancy: { class: 'path', column: 'id', parent: 'lines', parentKey: 'order_id' } }),
      [
        'tables.orders.tenancy: orders belongs to itself by way of lines',
        'tables.lines.tenancy: lines belongs to itself by way of orders',
        'tables.orders.tenancy.parentKey: several rows of lines may have the same order_id: rows belong to one parent by its key, or by a column that is unique',
      ],
    ],
    [
      'a parent that is not mapped',
      (mapping) => delete mapping.tables.orders,
      ['tables.lines.tenancy.parent: lines belongs to rows of orders, which the mapping does not have'],
    ],
    [
      'a parent that several rows could be',
      (mapping) =>
        (mapping.tables.orders = { tenancy: { class: 'path', column: 'id', parent: 'staff', parentKey: 'badge' } }),
      [
        'tables.orders.tenancy.parentKey: several rows of staff may have the same badge: rows belong to one parent by its key, or by a column that is unique',
      ],
    ],
    [
      'an organization by a column of another type',
      (mapping) => (mapping.tables.orders = { tenancy: { class: 'organization', column: 'shop_name' } }),
      ['tables.orders.tenancy.column: orders.shop_name is text and shops.id is uuid: the two are never equal'],
    ],
    [
      'a view for a table',
      (mapping) => (mapping.tables.open_orders = ofShop),
      ['tables.open_orders: open_orders is a view, whose changes nobody here would see'],
    ],
    [
      'a table without a primary key',
      (mapping) => (mapping.tables.logs = { tenancy: { class: 'shared' } }),
      ['tables.logs: logs has no primary key'],
    ],
    [
      'reserved names',
      (mapping) => {
        mapping.tables.latchkey_x = { tenancy: { class: 'shared' } };
        mapping.tables.Sqlite_x = { tenancy: { class: 'shared' } };
      },
      [
        'tables.latchkey_x: latchkey_x: names that start with latchkey_ are reserved',
        "tables.Sqlite_x: Sqlite_x: names that start with sqlite_ are SQLite's own, so a mirror cannot hold it",
        'tables.latchkey_x: there is no table market.latchkey_x',
        'tables.Sqlite_x: there is no table market.Sqlite_x',
      ],
    ],
    [
      'classes of tenancy that contradict the organizations',
      (mapping) => {
        mapping.tables.shops.tenancy.class = 'shared';
        mapping.tables.orders = { tenancy: { class: 'root' } };
        mapping.tables.lines = { tenancy: { class: 'database' } };
      },
      [
        'tables.shops.tenancy: shops is the table of organizations, of which each belongs to itself: its class is root',
        'tables.orders.tenancy: orders is not the table of organizations, which is shops',
        'tables.lines.tenancy: lines belongs to the whole database, and its organizations are rows of shops',
      ],
    ],
    [
      'features of tables that are not mapped, and roles that are none',
      (mapping) => {
        mapping.people.role.initial = 'guest';
        mapping.people.role.administrators = ['owner', 'boss'];
        mapping.sessions = {
          table: 'visits',
          id: 'id',
          person: 'staff',
          address: null,
          agent: null,
          createdAt: null,
          expiresAt: 'until',
        };
      },
      [
        'sessions.table: the mapping does not have the table visits',
        'people.role.initial: guest is none of the values',
        'people.role.administrators[1]: boss is none of the values',
      ],
    ],
    [
      'words that a column cannot hold',
      (mapping) => {
        mapping.people.status.words.suspended = ['ill'];
        mapping.people.status.words.active = [true];
      },
      [
        'people.status.words.active[0]: true is no value of state, which is market.presence (in, out)',
        'people.status.words.suspended[0]: "ill" is no value of state, which is market.presence (in, out)',
      ],
    ],
    [
      'words for a switch',
      (mapping) => (mapping.people.status.column = 'works'),
      [
        'people.status.words.active[0]: "in" is no value of works, which is boolean (true or false)',
        'people.status.words.deactivated[0]: "out" is no value of works, which is boolean (true or false)',
      ],
    ],
    [
      'people who are known by another column than the key',
      (mapping) => (mapping.people.id = 'mail'),
      ['people.id: rows of staff are known by id, not by mail alone'],
    ],
    [
      'people who are made here, known by numbers that central gives',
      (mapping) => {
        mapping.tables.counters = { ...ofShop, rights: { admin: { insert: ['id', 'mail'] } } };
        mapping.people.table = 'counters';
      },
      [
        'tables.counters.rights.admin.insert: people are made on devices with a uuid for their id, and counters.id is integer: nobody can insert there from a device',
      ],
    ],
    [
      'a window by what tells no moment',
      (mapping) => (mapping.tables.orders = { ...ofShop, window: { column: 'note', days: 7 } }),
      ['tables.orders.window.column: orders.note is text, which tells no moment'],
    ],
    [
      'keys whose end stands beside them in a table of the host, by no key of it, twice, and unmarked',
      (mapping) =>
        (mapping.keys = {
          ...keysOf('orders', 'note'),
          expiresAt: 'at',
          beside: { table: 'lines', key: 'order_id', expiresAt: 'note', endedAt: null, rotatedFrom: null },
        }),
      [
        'keys.beside.table: lines is a table of the host: what stands beside keys is a sidecar',
        'keys.beside.expiresAt: keys.expiresAt says that the host’s own table has it: one of the two is null',
        'keys.beside.endedAt: what ends by expiresAt is marked in endedAt: both are columns, or both null',
      ],
    ],
    [
      'keys beside which a sidecar has several rows, or none by that name',
      (mapping) => {
        const columns = { id: 'INTEGER', part: 'INTEGER', rotated: 'INTEGER' };
        mapping.tables.more = { tenancy: { class: 'shared' }, sidecar: { columns, key: ['id', 'part'], comment: 'x' } };
        mapping.keys = {
          ...keysOf('orders', 'note'),
          beside: { table: 'more', key: 'id', expiresAt: null, endedAt: null, rotatedFrom: 'no' },
        };
      },
      [
        'keys.beside.key: rows of more are known by id, part, not by id alone',
        'keys.beside.rotatedFrom: more has no column no',
      ],
    ],
  ];
  test.each(cases)('%s', async (_what, change, problems) => {
    const found = await refused(change);
    expect(found.code).toBe('schema-mismatch');
    expect(found.problems).toEqual(problems);
    expect(found.message).toContain(`This database is not Market as the mapping says: ${found.problems[0]}`);
  });

  test('a sidecar by the name of a table of Latchkey’s own, of types that there are not, without its key', async () => {
    const sidecar =
      (columns: object, key = ['id']) =>
      (mapping: Loose) => {
        mapping.tables.device = { tenancy: { class: 'shared' }, sidecar: { columns, key, comment: 'x' } };
      };
    expect(await refused(sidecar({ id: 'UUID', note: 'TEXT' }))).toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringMatching(
        /^tables\.device\.sidecar: the table "latchkey"\."device" is there already, with other columns \(id, login, /,
      ),
    });
    const renamed = (change: (mapping: Loose) => void) => (mapping: Loose) => {
      change(mapping);
      mapping.tables.notes = mapping.tables.device;
      delete mapping.tables.device;
    };
    expect(await refused(renamed(sidecar({ id: 'UIUD' })))).toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining('tables.notes.sidecar: PostgreSQL refused: type "uiud" does not exist'),
    });
    expect(await refused(renamed(sidecar({ id: 'UUID' }, ['no'])))).toMatchObject({
      message: expect.stringContaining('tables.notes.sidecar'),
    });
  });
});

describe('a command line that says it wrongly', () => {
  const install = async (...flags: string[]) => {
    const { code, value } = await host.latchkey('central', 'install', ...flags);
    expect(await host.catalogue()).toEqual(before);
    expect(code).not.toBe(0);
    return (value as { error: { code: string; message: string; field?: string } }).error;
  };

  test('a file that is no JSON, and one that is no mapping', async () => {
    const syntax = await install('--mapping', host.mapping('{\n  "name": "market",\n  "title": \'Market\'\n}'));
    expect(syntax).toMatchObject({ code: 'invalid-input', field: 'mapping' });
    expect(syntax.message).toContain("line 3, column 12: expected a value, and there is “'”");
    expect((await refused((mapping) => (mapping.people.nmae = []))).problems).toEqual([
      'people.nmae: there is no such property',
    ]);
  });

  test('a file that cannot be read', async () => {
    const path = join(host.folder, 'none.json');
    expect(await install('--mapping', path)).toMatchObject({
      code: 'invalid-input',
      field: 'mapping',
      message: expect.stringContaining(`${path} (ENOENT)`),
    });
    expect(await install('--mapping', host.folder)).toMatchObject({ message: expect.stringContaining('(EISDIR)') });
  });

  test('both a system and a mapping', async () => {
    expect(await install('--system', 'rbac', '--mapping', host.mapping(good))).toMatchObject({
      code: 'invalid-input',
      field: 'mapping',
    });
  });

  test('a login that may not create roles, and one that does not own the tables', async () => {
    const role = `plain_${randomBytes(6).toString('hex')}`;
    const url = new URL(host.url);
    url.username = role;
    url.password = 'plain';
    await host.client.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'plain'; GRANT CREATE ON DATABASE ${host.name} TO ${role}`,
    );
    try {
      before = await host.catalogue();
      const asPlain = ['--url', url.href, '--mapping', host.mapping(good)];
      expect(await install(...asPlain)).toMatchObject({
        code: 'insufficient-privilege',
        message: expect.stringMatching(/permission denied to create role.*CREATEROLE/),
      });
      await host.client.query(`ALTER ROLE ${role} CREATEROLE`);
      expect(await install(...asPlain)).toMatchObject({ code: 'insufficient-privilege' });
    } finally {
      await host.client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test('the same mapping set right is installed, and a wrong one changes nothing at an upgrade', async () => {
    expect(await host.install(good)).toMatchObject({ code: 0, value: { installed: true } });
    const installed = await host.catalogue();
    const worse = structuredClone(good);
    worse.tables.staff.rights.admin.update.push('naem');
    expect(await host.latchkey('central', 'upgrade', '--mapping', host.mapping(worse))).toMatchObject({
      code: 1,
      value: {
        error: {
          code: 'schema-mismatch',
          message: expect.stringContaining('tables.staff.rights.admin.update[3]: staff has no column naem'),
        },
      },
    });
    expect(await host.catalogue()).toEqual(installed);
    expect((await host.latchkey('central', 'uninstall')).code).toBe(0);
    expect(await host.catalogue()).toEqual(before);
  });
});
