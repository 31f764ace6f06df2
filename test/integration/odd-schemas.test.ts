import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install } from '../../src-main/core/central/install.ts';
import { unknownTypes } from '../../src-main/core/mirror/catalogue.ts';
import type { TableMapping } from '../../src-main/core/systems/system.ts';
import {
  north,
  type OddCentral,
  type OddDevice,
  oddCentral,
  oddHost,
  oddSystem,
  shared,
  south,
} from '../fixtures/odd-system.ts';

const ofOrganization: TableMapping = { tenancy: { class: 'organization', column: 'organization_id' } };
const different = async (device: OddDevice) => (await device.check()).tables.filter((table) => !table.equal);

/** Bytes of 63, the most that PostgreSQL takes, that differ in the last one alone. */
const long = (end: string) => `${'ä'.repeat(31)}${end}`;
const strange = [
  'Orders',
  'select',
  'with space',
  'with.dot',
  'with"quote',
  "with'apostrophe",
  'Ünïcödé 表',
  '100%',
  'users_by_key',
  long('a'),
  long('b'),
];
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const strangeColumns = [
  'Id',
  'select',
  'a b',
  'a.b',
  'a"b',
  "a'b",
  'É',
  'é',
  't',
  'p',
  'k',
  'k0',
  'p0',
  'x',
  'rowid',
  'moved',
  'key',
  'value',
  long('c'),
];

/** Types that a row can be known by, each with two keys and texts of the second that are equal to it and other texts. */
const keys: { type: string; one: string; two: string; twin?: string }[] = [
  { type: 'TEXT', one: 'Straße', two: 'STRASSE' },
  { type: 'TEXT COLLATE host.caseless', one: 'zoe', two: 'Ada', twin: 'ADA' },
  { type: 'host.CITEXT', one: 'zoe@x.example', two: 'Ada@x.example', twin: 'ADA@X.EXAMPLE' },
  { type: 'VARCHAR(10)', one: '', two: ' ' },
  { type: 'CHAR(5)', one: 'a', two: 'b  ' },
  { type: 'NUMERIC', one: '-0.5', two: '1.0', twin: '1.000' },
  { type: 'BIGINT', one: '9007199254740993', two: '-9223372036854775808' },
  { type: 'DOUBLE PRECISION', one: 'NaN', two: '-0', twin: '0' },
  { type: 'REAL', one: '1e15', two: '-Infinity' },
  { type: 'BOOLEAN', one: 'true', two: 'false' },
  { type: 'BYTEA', one: '\\x', two: '\\x00ff' },
  { type: 'TIMESTAMP', one: '2026-11-20 18:39:28.573201', two: '0044-03-15 12:00:00 BC' },
  { type: 'TIMESTAMPTZ', one: '2026-11-20 18:39:28+01', two: '20000-01-01 00:00:00+00' },
  { type: 'DATE', one: '2026-02-28', two: 'infinity' },
  { type: 'TIME', one: '24:00:00', two: '00:00:00.000001' },
  { type: 'INTERVAL', one: '1 mon', two: '1 day', twin: '24:00:00' },
  { type: 'INET', one: '192.0.2.7', two: '2001:db8::/32' },
  { type: 'UUID', one: north, two: south },
  { type: 'host.mood', one: 'happy', two: 'sad' },
  { type: 'host.tag', one: 'a', two: 'b' },
  { type: 'MONEY', one: '$1.00', two: '-$2.50' },
  { type: 'INTEGER[]', one: '{1,2}', two: '{}' },
  { type: 'INT4RANGE', one: '[1,5)', two: 'empty' },
];
const keyTable = (place: number) => `key_${place}`;
const text = (value: string) => `'${value.replaceAll("'", "''")}'`;

describe('a host with tables as nobody would draw them', () => {
  let central: OddCentral;
  let device: OddDevice;

  beforeAll(async () => {
    const rights = { rights: { admin: { update: ['note'] } } };
    central = await oddCentral(
      `${strange.map((name) => `CREATE TABLE host.${quoted(name)} (${strangeColumns.map((column) => `${quoted(column)} TEXT`).join(', ')}, note TEXT, PRIMARY KEY ("Id", "select")); INSERT INTO host.${quoted(name)} SELECT ${strangeColumns.map((_, place) => `'${place} ' || n`).join(', ')}, 'new' FROM generate_series(1, 3) n;`).join('\n')}
       CREATE TABLE host.parts (id BIGINT, region TEXT, at DATE, note TEXT, PRIMARY KEY (id, region, at)) PARTITION BY LIST (region);
       CREATE TABLE host.parts_eu PARTITION OF host.parts FOR VALUES IN ('eu') PARTITION BY RANGE (at);
       CREATE TABLE host.parts_eu_2026 PARTITION OF host.parts_eu FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
       CREATE TABLE host.parts_eu_rest PARTITION OF host.parts_eu DEFAULT;
       CREATE TABLE host.parts_rest PARTITION OF host.parts DEFAULT PARTITION BY HASH (id);
       CREATE TABLE host.parts_rest_0 PARTITION OF host.parts_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
       CREATE TABLE host.parts_rest_1 PARTITION OF host.parts_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
       INSERT INTO host.parts SELECT n, CASE WHEN n % 2 = 0 THEN 'eu' ELSE 'us' END, DATE '2025-12-01' + n::INTEGER * 10, 'new' FROM generate_series(1, 40) n;
       CREATE TABLE host.tree (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES host.tree DEFERRABLE INITIALLY DEFERRED, organization_id UUID, note TEXT);
       INSERT INTO host.tree VALUES (1, 2, '${north}', 'new'), (2, 1, '${north}', 'new'), (3, 3, '${south}', 'new');
       CREATE TABLE host.hen (id INTEGER PRIMARY KEY, egg INTEGER NOT NULL, note TEXT);
       CREATE TABLE host.egg (id INTEGER PRIMARY KEY, hen INTEGER NOT NULL REFERENCES host.hen DEFERRABLE INITIALLY DEFERRED, note TEXT);
       ALTER TABLE host.hen ADD FOREIGN KEY (egg) REFERENCES host.egg DEFERRABLE INITIALLY DEFERRED;
       BEGIN; INSERT INTO host.hen VALUES (1, 1, 'new'); INSERT INTO host.egg VALUES (1, 1, 'new'); COMMIT;
       CREATE TABLE host.computed (id INTEGER GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, dropped TEXT, note TEXT, dropped_too INTEGER,
         size INTEGER GENERATED ALWAYS AS (length(note)) STORED, loud TEXT GENERATED ALWAYS AS (upper(note)) VIRTUAL,
         made TIMESTAMPTZ DEFAULT clock_timestamp(), token TEXT DEFAULT md5(random()::TEXT));
       ALTER TABLE host.computed DROP COLUMN dropped, DROP COLUMN dropped_too;
       INSERT INTO host.computed (note) VALUES ('new'), ('newer');
       CREATE TABLE host.wide (id INTEGER PRIMARY KEY, note TEXT, ${Array.from({ length: 1598 }, (_, n) => `c${n} INTEGER`).join(', ')});
       INSERT INTO host.wide (id, note, c0, c1597) VALUES (1, 'new', 1, 2), (2, 'new', 3, 4);
       CREATE TABLE host.large (id INTEGER PRIMARY KEY, note TEXT, body TEXT, bytes BYTEA);
       INSERT INTO host.large SELECT n, 'new', repeat('🦉' || n, 200000), decode(repeat(lpad(to_hex(n), 2, '0'), 2000000), 'hex') FROM generate_series(1, 3) n;
       CREATE TABLE host.empty (id UUID PRIMARY KEY, note TEXT);
       CREATE TABLE host.covered (id INTEGER, extra INTEGER, note TEXT, PRIMARY KEY (id) INCLUDE (extra));
       INSERT INTO host.covered VALUES (1, 1, 'new');
       CREATE TABLE host.guarded (id INTEGER PRIMARY KEY, note TEXT);
       ALTER TABLE host.guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
       CREATE POLICY nobody ON host.guarded USING (FALSE);
       INSERT INTO host.guarded VALUES (1, 'new');`,
      {
        ...Object.fromEntries(strange.map((name) => [name, shared(['note', 'a b', 'a"b', 't', 'p', 'x'])])),
        parts: shared(['note']),
        tree: { ...ofOrganization, ...rights },
        hen: shared(['note']),
        egg: shared(['note']),
        computed: shared(['note']),
        wide: shared(['note', 'c1597']),
        large: shared(['note', 'bytes']),
        empty: shared(['note']),
        covered: shared(['note']),
        guarded: shared(['note']),
      },
    );
    device = await central.device();
    await device.pull();
  }, 120_000);
  afterAll(() => central?.close());

  test('is mirrored as it is', async () => {
    expect(await different(device)).toEqual([]);
    expect(device.rows('wide')[0]).toMatchObject({ c0: 1n, c1: null, c1597: 2n });
    expect(device.rows('computed').map(({ note, size, loud }) => [note, size, loud])).toEqual([
      ['new', 3n, 'NEW'],
      ['newer', 5n, 'NEWER'],
    ]);
    expect(device.rows('tree').map(({ id }) => id)).toEqual([1n, 2n]);
    expect(device.rows('guarded')).toHaveLength(1);
    expect(device.mirror.tables.get('covered')!.key).toEqual(['id']);
    expect(device.rows('large').map(({ bytes }) => (bytes as Buffer).length)).toEqual([
      2_000_000, 2_000_000, 2_000_000,
    ]);
  });

  test('is followed when it changes, by its rows and not by whole tables', async () => {
    const { rows: before } = await central.client.query(
      'SELECT count(*)::INT AS n FROM latchkey.change WHERE row_key IS NULL',
    );
    for (const name of Object.keys(central.system.tables)) {
      if (['organizations', 'people', 'activity'].includes(name)) continue;
      await central.client.query(`UPDATE host.${quoted(name)} SET note = note || ' touched'`);
    }
    // A row that moves between partitions, and one that changes its generated columns.
    await central.client.query(
      `UPDATE host.parts SET region = 'us' WHERE id = 2; UPDATE host.parts SET at = '2040-01-01' WHERE id = 4; DELETE FROM host.parts WHERE id = 6`,
    );
    await central.client.query('BEGIN; INSERT INTO host.hen VALUES (2, 2); INSERT INTO host.egg VALUES (2, 2); COMMIT');
    await device.pull();
    expect(await different(device)).toEqual([]);
    expect(device.rows('Orders').every((row) => row.note === 'new touched')).toBe(true);
    const { rows: after } = await central.client.query(
      'SELECT count(*)::INT AS n FROM latchkey.change WHERE row_key IS NULL',
    );
    expect(after).toEqual(before);
  });

  test('takes what is edited here under any name', async () => {
    for (const name of strange) {
      const command = device.edit(name, ['0 1', '1 1'], { 'a b': 'mine', 'a"b': 'mine', t: 'mine', p: null, x: '' });
      await device.push();
      expect([name, device.outcome(command)]).toEqual([name, { state: 'accepted', note: null, fields: [] }]);
    }
    for (const [table, key, set] of [
      ['wide', [1], { c1597: 9 }],
      ['parts', ['8', 'eu', '2026-02-19'], { note: 'mine' }],
      ['large', [1], { note: 'mine' }],
      ['computed', [1], { note: 'mine' }],
      ['guarded', [1], { note: 'mine' }],
    ] as const) {
      const command = device.edit(table, [...key], set);
      await device.push();
      expect([table, device.outcome(command)]).toEqual([table, { state: 'accepted', note: null, fields: [] }]);
    }
    await device.pull();
    expect(await different(device)).toEqual([]);
    expect(device.rows('computed')[0]).toMatchObject({ note: 'mine', size: 4n, loud: 'MINE' });
  });
});

describe('rows that are known by keys of every type', () => {
  let central: OddCentral;
  let device: OddDevice;

  beforeAll(async () => {
    central = await oddCentral(
      `CREATE EXTENSION citext SCHEMA host;
       CREATE COLLATION host.caseless (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = FALSE);
       CREATE TYPE host.mood AS ENUM ('happy', 'sad');
       CREATE DOMAIN host.tag AS TEXT CHECK (VALUE <> '');
       ${keys.map(({ type, one, two }, place) => `CREATE TABLE host.${keyTable(place)} (k ${type} PRIMARY KEY, note TEXT); INSERT INTO host.${keyTable(place)} VALUES (${text(one)}, 'one'), (${text(two)}, 'two');`).join('\n')}`,
      Object.fromEntries(keys.map((_, place) => [keyTable(place), shared(['note'])])),
    );
    device = await central.device();
    await device.pull();
  }, 60_000);
  afterAll(() => central?.close());

  const run = (sql: string) => central.client.query(sql);
  const all = keys.map((key, place) => ({ ...key, table: keyTable(place) }));
  /** What every table holds here, by the type of its key. */
  const notes = () =>
    all.map(({ type, table }) => [
      type,
      device
        .rows(table)
        .map((row) => String(row.note))
        .sort(),
    ]);

  test('change, whatever the settings of the session that changes them', async () => {
    await run(
      `SET datestyle = 'German, DMY'; SET timezone = 'Asia/Kolkata'; SET intervalstyle = 'sql_standard'; SET extra_float_digits = -10; SET bytea_output = 'escape'`,
    );
    for (const { table, two } of all) await run(`UPDATE host.${table} SET note = 'changed' WHERE k = ${text(two)}`);
    await run('RESET ALL');
    await device.pull();
    expect(notes()).toEqual(all.map(({ type }) => [type, ['changed', 'one']]));
    expect(await different(device)).toEqual([]);
  });

  test('take a key that is equal and another text', async () => {
    for (const { table, two, twin } of all)
      if (twin !== undefined) await run(`UPDATE host.${table} SET k = ${text(twin)} WHERE k = ${text(two)}`);
    await device.pull();
    expect(notes()).toEqual(all.map(({ type }) => [type, ['changed', 'one']]));
    expect(await different(device)).toEqual([]);
  });

  test('are edited here', async () => {
    const commands = all.flatMap(({ type, table }) =>
      device.rows(table).map(({ k, note }) => {
        const { storage } = device.mirror.tables.get(table)!.columns[0]!;
        const key = k instanceof Uint8Array ? `\\x${Buffer.from(k).toString('hex')}` : String(k);
        return {
          type,
          command: device.edit(table, [storage === 'boolean' ? k === 1n : key], { note: `${note} here` }),
        };
      }),
    );
    expect(notes()).toEqual(all.map(({ type }) => [type, ['changed here', 'one here']]));
    await device.push();
    const answers = commands.map(({ type, command }) => ({ type, ...device.outcome(command) }));
    expect(answers).toEqual(commands.map(({ type }) => ({ type, state: 'accepted', note: null, fields: [] })));
    await device.pull();
    expect(notes()).toEqual(all.map(({ type }) => [type, ['changed here', 'one here']]));
    expect(await different(device)).toEqual([]);
  });

  test('go and come back', async () => {
    for (const { table, one } of all) await run(`DELETE FROM host.${table} WHERE k = ${text(one)}`);
    await device.pull();
    expect(notes()).toEqual(all.map(({ type }) => [type, ['changed here']]));
    for (const { table, one } of all) await run(`INSERT INTO host.${table} VALUES (${text(one)}, 'again')`);
    await device.pull();
    expect(notes()).toEqual(all.map(({ type }) => [type, ['again', 'changed here']]));
    expect(await different(device)).toEqual([]);
  });

  test('are not copied whole for any of that, and the columns that are kept as they print are named', async () => {
    const { rows } = await central.client.query('SELECT count(*)::INT AS n FROM latchkey.change WHERE row_key IS NULL');
    expect(rows).toEqual([{ n: 0 }]);
    expect(unknownTypes(device.mirror.tables.values()).map(({ column, type }) => [column, type])).toEqual([
      ['k', 'money'],
    ]);
  });
});

test('rows that are known by JSON are followed, and say here that they cannot be changed here', async () => {
  const central = await oddCentral(
    `CREATE TABLE host.docs (k JSONB PRIMARY KEY, note TEXT); INSERT INTO host.docs VALUES ('{"a": 1}', 'one'), ('"b"', 'two')`,
    { docs: shared(['note'], ['note']) },
  );
  try {
    const device = await central.device();
    await device.pull();
    await central.client.query(`UPDATE host.docs SET note = 'changed' WHERE k = '{"a": 1.0}'`);
    await central.client.query(`DELETE FROM host.docs WHERE k = '"b"'`);
    await device.pull();
    expect(device.rows('docs')).toEqual([{ k: '{"a": 1}', note: 'changed' }]);
    expect(await different(device)).toEqual([]);
    const refused = expect.objectContaining({
      code: 'not-supported',
      message: expect.stringContaining('Rows of docs are known by JSON (k)'),
    });
    expect(() => device.edit('docs', ['{"a": 1}'], { note: 'mine' })).toThrow(refused);
    expect(() => device.edit('docs', ['{"c": 1}'], { note: 'new' }, 'insert')).toThrow(refused);
    expect(device.rows('docs')).toEqual([{ k: '{"a": 1}', note: 'changed' }]);
    expect(await device.push()).toBe(0);
  } finally {
    await central.close();
  }
});

describe('what cannot be mirrored faithfully', () => {
  const refused: [string, string, Record<string, TableMapping>, RegExp][] = [
    [
      'a table without a primary key',
      'CREATE TABLE host.x (id INTEGER UNIQUE NOT NULL)',
      { x: shared() },
      /x has no primary key/,
    ],
    ['a view', 'CREATE VIEW host.x AS SELECT 1 AS id', { x: shared() }, /x is a view/],
    [
      'a materialized view',
      'CREATE MATERIALIZED VIEW host.x AS SELECT 1 AS id',
      { x: shared() },
      /x is a materialized view/,
    ],
    [
      'a foreign table',
      'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE host.x (id INTEGER) SERVER s',
      { x: shared() },
      /x is a foreign table/,
    ],
    [
      'a foreign partition',
      'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE TABLE host.x (id INTEGER) PARTITION BY LIST (id); CREATE FOREIGN TABLE host.far PARTITION OF host.x FOR VALUES IN (1) SERVER s',
      { x: shared() },
      /x has the foreign partition far/,
    ],
    [
      'a partition by itself',
      'CREATE TABLE host.whole (id INTEGER PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE host.x PARTITION OF host.whole FOR VALUES IN (1)',
      { x: shared() },
      /x is a partition/,
    ],
    ['an unlogged table', 'CREATE UNLOGGED TABLE host.x (id INTEGER PRIMARY KEY)', { x: shared() }, /x is unlogged/],
    [
      'a table that others inherit',
      'CREATE TABLE host.x (id INTEGER PRIMARY KEY); CREATE TABLE host.heir () INHERITS (host.x)',
      { x: shared() },
      /x is inherited by heir/,
    ],
    [
      'tables that differ in case alone',
      'CREATE TABLE host."Users" (id INTEGER PRIMARY KEY); CREATE TABLE host.users (id INTEGER PRIMARY KEY)',
      { Users: shared(), users: shared() },
      /Users and users differ in case alone/,
    ],
    [
      'columns that differ in case alone',
      'CREATE TABLE host.x ("A" INTEGER PRIMARY KEY, a INTEGER)',
      { x: shared() },
      /x has the columns A and a/,
    ],
    [
      'a name that is SQLite’s',
      'CREATE TABLE host.sqlite_x (id INTEGER PRIMARY KEY)',
      { sqlite_x: shared() },
      /sqlite_x: names that start with sqlite_/,
    ],
    [
      'a name that is Latchkey’s',
      'CREATE TABLE host."Latchkey_Meta" (id INTEGER PRIMARY KEY)',
      { Latchkey_Meta: shared() },
      /Latchkey_Meta: names that start with latchkey_/,
    ],
    [
      'a key that no device may read',
      'CREATE TABLE host.x (id INTEGER PRIMARY KEY)',
      { x: { tenancy: { class: 'shared' }, secret: ['id'] } },
      /x.id is part of the key/,
    ],
    [
      'a key that PostgreSQL itself cannot compare',
      'CREATE EXTENSION ltree SCHEMA host; CREATE TABLE host.x (id host.ltree PRIMARY KEY)',
      { x: shared() },
      /the key of x has the column id/,
    ],
    [
      'a parent that is not mapped',
      'CREATE TABLE host.x (id INTEGER PRIMARY KEY, y INTEGER)',
      { x: { tenancy: { class: 'path', column: 'y', parent: 'y', parentKey: 'id' } } },
      /x belongs to rows of y, which the mapping does not have/,
    ],
    [
      'parents in a circle',
      'CREATE TABLE host.x (id INTEGER PRIMARY KEY, y INTEGER)',
      { x: { tenancy: { class: 'path', column: 'y', parent: 'x', parentKey: 'id' } } },
      /x belongs to itself/,
    ],
    [
      'a way to a parent that equal values do not tell',
      'CREATE TABLE host.x (id NUMERIC PRIMARY KEY, organization_id UUID); CREATE TABLE host.y (id INTEGER PRIMARY KEY, x NUMERIC)',
      { x: ofOrganization, y: { tenancy: { class: 'path', column: 'x', parent: 'x', parentKey: 'id' } } },
      /y.x is numeric/,
    ],
    [
      'a table and a column that are not there',
      'CREATE TABLE host.x (id INTEGER PRIMARY KEY)',
      { x: shared(['none']), none: shared() },
      /x has no column none.*|there is no table host.none/,
    ],
  ];
  test.each(refused)('%s is refused by name, and nothing is changed', async (_what, ddl, tables, words) => {
    const host = await oddHost(ddl);
    try {
      await expect(install(host.client, oddSystem(tables))).rejects.toMatchObject({
        code: 'schema-mismatch',
        message: expect.stringMatching(words),
      });
      const { rows } = await host.client.query(`SELECT to_regnamespace('latchkey') IS NULL AS gone`);
      expect(rows).toEqual([{ gone: true }]);
    } finally {
      await host.drop();
    }
  });

  test('a column that differs in case alone may be declared secret, and a search path changes nothing', async () => {
    const host = await oddHost(
      `CREATE TYPE host.mood AS ENUM ('happy'); CREATE TABLE host.x ("A" host.mood PRIMARY KEY, a INTEGER);
       CREATE SCHEMA trick; CREATE TABLE trick.x (id INTEGER); SET search_path = trick, host;`,
    );
    try {
      await install(host.client, oddSystem({ x: { tenancy: { class: 'shared' }, secret: ['a'] } }));
      await host.client.query(`INSERT INTO host.x VALUES ('happy', 1)`);
      const { rows } = await host.client.query(`SELECT row_key FROM latchkey.change`);
      expect(rows).toEqual([{ row_key: ['happy'] }]);
      const { rows: body } = await host.client.query(
        `SELECT pg_get_functiondef('latchkey_mirror.x_by_key'::REGPROC) LIKE '%host.mood%' AS named`,
      );
      expect(body).toEqual([{ named: true }]);
    } finally {
      await host.drop();
    }
  });
});
