import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DemoOptions } from '../../src-main/core/central/demo/fill.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';

interface SystemDemo<Scale, Filled> {
  system: string;
  fill(client: pg.Client, options: DemoOptions<Scale>): Promise<Filled>;
  /** A demo that is quick to make twice. */
  small: Partial<Scale>;
  /** Log table and its moment. */
  log: { table: string; moment: string };
  /** Columns whose values are drawn from a list, with the list. */
  states: Record<string, (string | boolean)[]>;
  /** Columns of secrets, with what each of them may hold. */
  secrets: Record<string, RegExp>;
}

/** Registers what the demo of every system in schema public must pass; the rest of a test asks the same database. */
export function testSystemDemo<Scale, Filled>(demo: SystemDemo<Scale, Filled>) {
  const now = new Date();
  const moment = now.toISOString().replace('T', ' ').replace('Z', '');
  const progress: { step: string; done: number; total: number }[] = [];
  let database: FreshDatabase;
  let filled: Filled;

  beforeAll(async () => {
    database = await freshDatabase();
    await migrateSystem(database.client, demo.system, 'up');
    const onProgress = (step: string, done: number, total: number) => progress.push({ step, done, total });
    filled = await demo.fill(database.client, { now, onProgress });
  });
  afterAll(() => database.drop());

  async function rowsOf<Row extends pg.QueryResultRow = Record<string, unknown>>(
    sql: string,
    values: unknown[] = [],
  ): Promise<Row[]> {
    return (await database.client.query<Row>(sql, values)).rows;
  }

  /** How many rows a FROM clause finds. */
  async function count(from: string): Promise<number> {
    return (await rowsOf<{ count: number }>(`SELECT count(*)::INTEGER AS count FROM ${from}`))[0]!.count;
  }

  async function tables(): Promise<string[]> {
    const rows = await rowsOf<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'public'::REGNAMESPACE AND relkind IN ('r', 'p') AND NOT relispartition
         AND relname <> 'schema_migration'`,
    );
    return rows.map(({ name }) => name);
  }

  test('has rows in every table, and statistics of them', async () => {
    for (const table of await tables()) {
      const rows = await count(table);
      expect(rows, table).toBeGreaterThan(0);
      const sql = 'SELECT reltuples::INTEGER AS rows FROM pg_class WHERE oid = $1::REGCLASS';
      expect(await rowsOf(sql, [table]), table).toEqual([{ rows }]);
    }
  });

  test('has a year of the log in its months, and nothing that is yet to come', async () => {
    const { table, moment: column } = demo.log;
    expect(await count(`${table}_default`)).toBe(0);
    expect(await count(`${table} WHERE ${column} > '${moment}'`)).toBe(0);
    expect(await count(`(SELECT DISTINCT date_trunc('month', ${column}) FROM ${table}) AS months`)).toBeGreaterThan(11);
    for (const name of await tables()) {
      const [dates] = await rowsOf<{ columns: string[] | null }>(
        `SELECT array_agg(attname::TEXT) AS columns FROM pg_attribute
         WHERE attrelid = $1::REGCLASS AND attname ~ '^(created|updated|deleted|revoked|assigned|granted|published|issued|last_.*|email_verified)_?(at|login)$'`,
        [name],
      );
      for (const date of dates!.columns ?? [])
        expect(await count(`${name} WHERE ${date} > '${moment}'`), `${name}.${date}`).toBe(0);
    }
  });

  test('is busiest on working days', async () => {
    const { table, moment: column } = demo.log;
    const weekend = await count(`${table} WHERE extract(ISODOW FROM ${column}) >= 6`);
    expect(weekend / (await count(table))).toBeLessThan(0.12);
  });

  test('shows every state that there is', async () => {
    for (const [column, states] of Object.entries(demo.states)) {
      const [table, name] = column.split('.') as [string, string];
      const found = await rowsOf<{ state: unknown }>(`SELECT DISTINCT ${name} AS state FROM ${table}`);
      expect(new Set(found.map(({ state }) => state)), column).toEqual(new Set(states));
    }
  });

  test('keeps no clear secret, neither in its column nor in the log', async () => {
    const lines = await rowsOf<{ line: string }>(`SELECT l::TEXT AS line FROM ${demo.log.table} AS l`);
    const told = new Set(lines.flatMap(({ line }) => line.match(/[0-9a-f]{64}|\$2b\$12\$[./A-Za-z0-9]{53}/g) ?? []));
    for (const [column, allowed] of Object.entries(demo.secrets)) {
      const [table, name] = column.split('.') as [string, string];
      const values = await rowsOf<{ value: string }>(`SELECT ${name} AS value FROM ${table} WHERE ${name} IS NOT NULL`);
      expect(values.length, column).toBeGreaterThan(0);
      for (const { value } of values) expect(value, column).toMatch(allowed);
      expect(values.filter(({ value }) => told.has(value))).toEqual([]);
    }
  });

  test('writes under addresses that reach nobody', async () => {
    expect(await count(`users WHERE email !~ '^[a-z.-]+@[a-z]+[.]example$'`)).toBe(0);
    expect(await count('users')).toBeGreaterThanOrEqual(250);
  });

  test('tells how far it is, up to the last row', () => {
    const done = progress.map((event) => event.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ done: progress[0]!.total });
  });

  test('refuses a database that has data, and leaves it as it is', async () => {
    const before = await count('users');
    await expect(demo.fill(database.client, { now })).rejects.toThrow('empty database');
    expect(await count('users')).toBe(before);
  });

  test('gives the same rows for the same seed and moment, and others for another seed', async () => {
    const past = new Date('2026-03-10T09:30:00Z');
    const digests = async (seed: number) => {
      const fresh = await freshDatabase();
      try {
        await migrateSystem(fresh.client, demo.system, 'up');
        await demo.fill(fresh.client, { now: past, seed, scale: demo.small });
        const found: Record<string, string> = {};
        for (const table of await tables()) {
          const { rows } = await fresh.client.query<{ digest: string }>(
            `SELECT md5(string_agg(t::TEXT, ';' ORDER BY t::TEXT)) AS digest FROM ${table} AS t`,
          );
          found[table] = rows[0]!.digest;
        }
        return found;
      } finally {
        await fresh.drop();
      }
    };
    const first = await digests(7);
    expect(await digests(7)).toEqual(first);
    const other = await digests(8);
    for (const table of Object.keys(first)) expect(other[table], table).not.toBe(first[table]);
  });

  return { moment, rowsOf, count, filled: () => filled };
}
