import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OddCentral, type OddDevice, oddCentral, shared } from '../fixtures/odd-system.ts';

/** A type, and literals of it. What a mirror keeps of each is told by `kept`: the literal itself where nothing is said. */
interface Values {
  type: string;
  values: string[];
  kept?: (string | bigint | number | Buffer)[];
}

const allBytes = `\\x${Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('hex')}`;

const cases: Values[] = [
  {
    type: 'BIGINT',
    values: ['-9223372036854775808', '9223372036854775807', '9007199254740993', '-9007199254740993', '0'],
    kept: [-9223372036854775808n, 9223372036854775807n, 9007199254740993n, -9007199254740993n, 0n],
  },
  { type: 'SMALLINT', values: ['-32768', '32767'], kept: [-32768n, 32767n] },
  {
    type: 'NUMERIC',
    values: [
      '123456789012345678901234567890',
      '0.123456789012345678901234567890',
      '1.00',
      'NaN',
      'Infinity',
      '-Infinity',
    ],
  },
  {
    type: 'DOUBLE PRECISION',
    values: ['NaN', 'Infinity', '-Infinity', '5e-324', '1.7976931348623157e308', '0.1', '1e15', '0.30000000000000004'],
    kept: ['NaN', 'Infinity', '-Infinity', 5e-324, 1.7976931348623157e308, 0.1, 1e15, 0.30000000000000004],
  },
  { type: 'REAL', values: ['NaN', '0.1', '3.4028235e38', '1e-45'], kept: ['NaN', 0.1, 3.4028235e38, 1e-45] },
  {
    type: 'TIMESTAMP',
    values: [
      '2026-11-20 18:39:28.573201',
      '2026-11-20 18:39:28',
      'infinity',
      '-infinity',
      '0044-03-15 12:00:00 BC',
      '20000-01-01 00:00:00.5',
    ],
    kept: [
      '2026-11-20T18:39:28.573201',
      '2026-11-20T18:39:28.000000',
      'infinity',
      '-infinity',
      '0044-03-15 12:00:00 BC',
      '20000-01-01 00:00:00.5',
    ],
  },
  {
    type: 'TIMESTAMPTZ',
    values: ['2026-11-20 18:39:28.573201+01', 'infinity', '0044-03-15 12:00:00+00 BC', '20000-01-01 00:00:00+00'],
    kept: ['2026-11-20T17:39:28.573201Z', 'infinity', '0044-03-15 12:00:00+00 BC', '20000-01-01 00:00:00+00'],
  },
  { type: 'DATE', values: ['2026-02-28', '0044-03-15 BC', '20000-01-01', 'infinity'] },
  { type: 'TIME', values: ['24:00:00', '00:00:00.000001'] },
  { type: 'TIMETZ', values: ['23:59:59.999999-15:59'] },
  {
    type: 'INTERVAL',
    values: ['1 year 2 mons 3 days 04:05:06.789', '-1 days +00:00:01', '00:00:00', '178000000 years'],
  },
  {
    type: 'TEXT',
    values: [
      '',
      ' ',
      'null',
      '\\',
      '\\x00',
      `it's "quoted"`,
      '👩🏽‍🚀 Zoë é e\u0301 \u202e',
      'line\nbreak\ttab',
      '\u{10ffff}',
    ],
  },
  { type: 'CHAR(5)', values: ['ab', '', 'abcde'] },
  {
    type: 'JSON',
    values: [
      '{"b": 1, "a": 2,  "b": 3}',
      '9007199254740993',
      '[1e400, -0, 1.10]',
      'null',
      '{"deep": {"n": null}}',
      '"\\ud83d\\ude00"',
      '"\\u0000"',
    ],
  },
  {
    type: 'JSONB',
    values: [
      '{"b": 1, "a": 2, "b": 3}',
      '{"big": 9007199254740993, "exact": 0.1234567890123456789}',
      '[1e400]',
      'null',
      '{"deep": {"n": null}}',
      '[]',
      '"text"',
    ],
    kept: [
      '{"a": 2, "b": 3}',
      '{"big": 9007199254740993, "exact": 0.1234567890123456789}',
      `[1${'0'.repeat(400)}]`,
      'null',
      '{"deep": {"n": null}}',
      '[]',
      '"text"',
    ],
  },
  { type: 'BYTEA', values: ['\\x', allBytes], kept: [Buffer.alloc(0), Buffer.from(allBytes.slice(2), 'hex')] },
  {
    type: 'TEXT[]',
    values: ['{}', '{NULL,"NULL","a,b","c\\"d","e\\\\f",""}', '{{a,b},{c,d}}'],
    kept: ['[]', '[null,"NULL","a,b","c\\"d","e\\\\f",""]', '[["a","b"],["c","d"]]'],
  },
  { type: 'BIGINT[]', values: ['{9007199254740993,NULL}'], kept: ['[9007199254740993,null]'] },
  {
    type: 'NUMERIC[]',
    values: ['{123456789012345678901234567890.10,NaN}'],
    kept: ['[123456789012345678901234567890.10,"NaN"]'],
  },
  {
    type: 'DOUBLE PRECISION[]',
    values: ['{NaN,Infinity,5e-324,1.7976931348623157e308}'],
    kept: ['["NaN","Infinity",5e-324,1.7976931348623157e+308]'],
  },
  { type: 'BYTEA[]', values: ['{"\\\\x00ff"}'], kept: ['["\\\\x00ff"]'] },
  {
    type: 'TIMESTAMPTZ[]',
    values: ['{"2026-11-20 18:39:28.573201+01",infinity}'],
    kept: ['["2026-11-20T17:39:28.573201+00:00","infinity"]'],
  },
  { type: 'JSONB[]', values: [`{"{\\"n\\": 9007199254740993}"}`], kept: ['[{"n": 9007199254740993}]'] },
  { type: 'host.mood', values: ['happy', "it's complicated"] },
  { type: 'host.mood[]', values: ['{happy}'], kept: ['["happy"]'] },
  { type: 'host.positive', values: ['1.50'] },
  { type: 'host.words', values: ['{a,b}'], kept: ['["a","b"]'] },
  {
    type: 'host.place',
    values: ['("a ""b""",9007199254740993,"{1,2}")', '(,,)'],
    kept: ['{"label":"a \\"b\\"","number":9007199254740993,"list":[1,2]}', '{"label":null,"number":null,"list":null}'],
  },
  { type: 'host.place[]', values: ['{"(x,1,{})"}'], kept: ['[{"label":"x","number":1,"list":[]}]'] },
  {
    type: 'INT8RANGE',
    values: ['[1,9007199254740993)', 'empty', '(,)'],
    kept: ['"[1,9007199254740993)"', '"empty"', '"(,)"'],
  },
  {
    type: 'TSTZRANGE',
    values: ['["2026-01-01 00:00:00+00",)'],
    kept: ['"[\\"2026-01-01 00:00:00+00\\",)"'],
  },
  { type: 'INT4MULTIRANGE', values: ['{[1,3),[5,9)}', '{}'], kept: ['"{[1,3),[5,9)}"', '"{}"'] },
  { type: 'BOOLEAN', values: ['true', 'false'], kept: [1n, 0n] },
  { type: 'UUID', values: ['f81d4fae-7dec-11d0-a765-00a0c91e6bf6'] },
  { type: 'INET', values: ['192.0.2.7/32', '2001:db8::/32'] },
  { type: 'CIDR', values: ['192.0.2.0/24'] },
  { type: 'MACADDR8', values: ['08:00:2b:01:02:03:04:05'] },
  // Types that Latchkey has no form of its own for.
  { type: 'XML', values: ['<a b="c">é</a>'] },
  { type: 'TSVECTOR', values: [`'cat':3 'fat':2A`] },
  { type: 'POINT', values: ['(1,2.5)'] },
  { type: 'MONEY', values: ['-$1,234.56'] },
  { type: 'BIT(3)', values: ['101'] },
  { type: 'BIT VARYING', values: ['', '10101'] },
  { type: 'PG_LSN', values: ['16/B374D848'] },
  { type: 'JSONPATH', values: ['$."a"[*]'] },
  { type: 'OIDVECTOR', values: ['1 2 3'] },
  { type: 'REGCLASS', values: ['pg_class'] },
  { type: 'host.CITEXT', values: ['MiXeD'] },
  { type: 'host.HSTORE', values: ['"a"=>"1", "b"=>NULL'] },
];

const literal = (value: string, type: string) => `'${value.replaceAll("'", "''")}'::${type}`;
const name = (place: number) => `v${place}`;
const rowCount = Math.max(...cases.map(({ values }) => values.length));

/** One column a type, one row for each place in the lists; a list that is over gives NULL. */
function rowsSql(): string[] {
  return Array.from({ length: rowCount }, (_, row) => {
    const cells = cases.map(({ type, values }) => (values[row] === undefined ? 'NULL' : literal(values[row], type)));
    return `(${row}, 'new', ${cells.join(', ')})`;
  });
}

let central: OddCentral;
let device: OddDevice;

beforeAll(async () => {
  central = await oddCentral(
    `CREATE EXTENSION citext SCHEMA host; CREATE EXTENSION hstore SCHEMA host;
     CREATE TYPE host.mood AS ENUM ('happy', 'it''s complicated');
     CREATE DOMAIN host.positive AS NUMERIC CHECK (VALUE > 0);
     CREATE DOMAIN host.words AS TEXT[] CHECK (cardinality(VALUE) > 0);
     CREATE TYPE host.place AS (label TEXT, number BIGINT, list INTEGER[]);
     CREATE TABLE host.odd (id INTEGER PRIMARY KEY, note TEXT, ${cases.map(({ type }, place) => `${name(place)} ${type}`).join(', ')});
     INSERT INTO host.odd VALUES ${rowsSql().join(', ')};`,
    { odd: shared(['note', ...cases.map((_, place) => name(place))]) },
  );
  device = await central.device();
  await device.pull();
}, 60_000);
afterAll(() => central?.close());

const expected = cases.flatMap(({ type, values, kept }, place) =>
  values.map((value, row) => ({ type, row, column: name(place), value, kept: kept?.[row] ?? value })),
);

function asFound(): unknown[] {
  const rows = new Map(device.rows('odd').map((row) => [Number(row.id), row]));
  return expected.map(({ type, row, column }) => ({ type, row, kept: rows.get(row)![column] }));
}
const asExpected = expected.map(({ type, row, kept }) => ({ type, row, kept }));

describe('values at the edge of their types', () => {
  test('are what central has after the first copy', async () => {
    expect(asFound()).toEqual(asExpected);
    expect((await device.check()).tables.filter((table) => !table.equal)).toEqual([]);
  });

  test('are what central has after an incremental pull', async () => {
    await central.client.query(`UPDATE host.odd SET note = 'touched'`);
    await device.pull();
    expect(new Set(device.rows('odd').map((row) => row.note))).toEqual(new Set(['touched']));
    expect(asFound()).toEqual(asExpected);
    expect((await device.check()).tables.filter((table) => !table.equal)).toEqual([]);
  });

  test('stay NULL where they are NULL', () => {
    const last = device.rows('odd').find((row) => Number(row.id) === rowCount - 1)!;
    expect(Object.values(last).filter((value) => value === null).length).toBeGreaterThan(cases.length / 2);
  });

  test.each(cases.map(({ type }, place) => [type, place] as const))(
    'of type %s are no conflict with themselves when a device empties them',
    async (_type, place) => {
      const outcomes: unknown[] = [];
      for (const [row] of cases[place]!.values.entries()) {
        const command = device.edit('odd', [row], { [name(place)]: null });
        await device.push();
        outcomes.push({ row, ...device.outcome(command) });
      }
      expect(outcomes).toEqual(
        cases[place]!.values.map((_, row) => ({ row, state: 'accepted', note: null, fields: [] })),
      );
    },
  );

  test('that a device emptied are NULL at central and here', async () => {
    await device.pull();
    const { rows } = await central.client.query(
      `SELECT count(*)::INT AS n FROM host.odd o, jsonb_each(to_jsonb(o) - 'id' - 'note') e WHERE e.value <> 'null'`,
    );
    expect(rows).toEqual([{ n: 0 }]);
    expect((await device.check()).tables.filter((table) => !table.equal)).toEqual([]);
  });
});
