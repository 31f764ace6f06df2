import { type Compilable, type RawBuilder, type SqlBool, sql } from 'kysely';
import { LatchkeyError } from '../../contract/errors.ts';
import type { CallName } from '../../contract/index.ts';
import type { Query, ReadContext } from '../handlers.ts';
import type { MirroredTable, Storage } from '../mirror/catalogue.ts';
import { query } from '../mirror/readable.ts';
import { shownValue } from '../mirror/row-values.ts';
import type { Stored } from '../mirror/rows.ts';
import { containsPattern } from '../mirror/search.ts';

const listTables: Query<'data.tables'> = ({ mirror, tables }) => {
  const rows = new Map(
    mirror.all(query.selectFrom('latchkey_table').select(['name', 'rows'])).map((table) => [table.name, table.rows]),
  );
  const items = [...tables.values()].map((table) => ({
    name: table.name,
    rows: rows.get(table.name) ?? 0,
    columns: table.columns.map(({ name, type, nullable }) => ({
      name,
      type,
      nullable,
      key: table.key.includes(name),
    })),
  }));
  items.sort((one, other) => (one.name < other.name ? -1 : 1));
  return { items, total: items.length };
};

const listRows: Query<'data.list'> = (context, { table: name, search, limit, offset }) => {
  const table = mirroredTable(context, name);
  const columns = table.columns.map((column) => column.name);
  const from = sql`FROM ${sql.id(table.name)} ${search ? sql`WHERE ${containsAnywhere(table, search)}` : sql``}`;
  const order = table.key.length > 0 ? sql`ORDER BY ${sql.join(table.key.map((column) => sql.id(column)))}` : sql``;
  const list = sql.join(columns.map((column) => sql.id(column)));
  const rows = exactRows(context, sql`SELECT ${list} ${from} ${order} LIMIT ${limit} OFFSET ${offset}`);
  const counted = sql<{ n: number }>`SELECT count(*) AS n ${from}`;
  return {
    items: rows.map((row) =>
      Object.fromEntries(table.columns.map((column, place) => [column.name, shownValue(column, row[place] ?? null)])),
    ),
    total: context.mirror.first(runnable(counted))?.n ?? 0,
    columns,
  };
};

export const dataQueries = {
  'data.tables': listTables,
  'data.list': listRows,
} satisfies { [Name in CallName]?: Query<Name> };

/** Only what central's catalogue named is ever part of a statement: neither Latchkey's own tables nor words of a request. */
function mirroredTable({ tables }: ReadContext, name: string): MirroredTable {
  const table = tables.get(name);
  if (table) return table;
  throw new LatchkeyError(
    'not-found',
    `This device mirrors no table called “${name}”. Choose one of: ${[...tables.keys()].sort().join(', ')}.`,
    { field: 'table' },
  );
}

const textual: readonly Storage[] = ['text', 'json', 'timestamp', 'timestamptz'];

function containsAnywhere(table: MirroredTable, term: string): RawBuilder<SqlBool> {
  const columns = table.columns.filter(({ storage }) => textual.includes(storage));
  if (columns.length === 0) return sql<SqlBool>`0`;
  const pattern = containsPattern(term);
  const conditions = columns.map(({ name }) => sql`${sql.id(name)} LIKE ${pattern} ESCAPE '\\'`);
  return sql<SqlBool>`(${sql.join(conditions, sql` OR `)})`;
}

/** Rows as lists of values, with 64-bit integers whole. */
function exactRows({ mirror }: ReadContext, statement: RawBuilder<unknown>): Stored[][] {
  const { sql: text, parameters } = statement.compile(query);
  return mirror.database
    .prepare(text)
    .safeIntegers()
    .raw()
    .all(...parameters) as Stored[][];
}

function runnable<Row>(statement: RawBuilder<Row>): Compilable<Row> {
  return { compile: () => statement.compile(query) };
}
