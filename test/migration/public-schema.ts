import { describe, expect, test } from 'vitest';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { freshDatabase } from '../fixtures/central.ts';
import { describeSchema } from './describe-schema.ts';
import { systemDatabase } from './system-database.ts';

export interface DocumentedDetails {
  system: string;
  /** As table (columns). */
  documentedIndexes?: Record<string, string>;
  /** By table.column, as PostgreSQL writes it; null where the documents give none. */
  documentedDefaults: Record<string, string | null>;
  /** By table, as PostgreSQL writes them. */
  documentedConstraints: Record<string, string[]>;
}

/** Registers tests of what a document says beyond tables and columns. */
export function testDocumentedDetails(details: DocumentedDetails): void {
  describe('in detail, the schema', () => {
    const database = systemDatabase(details.system);
    database.forAllTests();

    test('has every documented default', async () => {
      const found = await database.rowsOf<{ name: string; value: string | null }>(
        `SELECT concat(attrelid::REGCLASS, '.', attname) AS name, pg_get_expr(adbin, adrelid) AS value
         FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE concat(attrelid::REGCLASS, '.', attname) = ANY ($1)`,
        [Object.keys(details.documentedDefaults)],
      );
      expect(Object.fromEntries(found.map(({ name, value }) => [name, value]))).toEqual(details.documentedDefaults);
    });

    test('has every documented key and check', async () => {
      for (const [table, constraints] of Object.entries(details.documentedConstraints)) {
        const found = await database.rowsOf<{ definition: string }>(
          'SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = $1::REGCLASS',
          [table],
        );
        const definitions = found.map(({ definition }) => definition);
        expect(definitions, table).toEqual(expect.arrayContaining(constraints));
      }
    });

    test('has every documented index, under its name', async () => {
      for (const [name, definition] of Object.entries(details.documentedIndexes ?? {})) {
        const [found] = await database.rowsOf<{ definition: string }>(
          'SELECT pg_get_indexdef(to_regclass($1)) AS definition',
          [`public.${name}`],
        );
        expect(found?.definition, name).toMatch(
          new RegExp(
            `^CREATE INDEX ${name} ON (ONLY )?public\\.${definition.replace(' (', ' USING btree (').replace(/[()]/g, '\\$&')}$`,
          ),
        );
      }
    });

    test('guards every table by row-level security, and binds the owner by none', async () => {
      const tables = await database.rowsOf<{ name: string; guarded: boolean; forced: boolean }>(
        `SELECT relname AS name, relrowsecurity AS guarded, relforcerowsecurity AS forced FROM pg_class
         WHERE relnamespace = 'public'::REGNAMESPACE AND relkind IN ('r', 'p') AND NOT relispartition
           AND relname <> 'schema_migration'`,
      );
      expect(tables.filter(({ guarded }) => !guarded)).toEqual([]);
      expect(tables.filter(({ forced }) => forced)).toEqual([]);
    });

    test('lets nobody but the application ask who signs in', async () => {
      const open = await database.rowsOf<{ name: string }>(
        `SELECT proname AS name FROM pg_proc
         WHERE pronamespace = 'public'::REGNAMESPACE AND (prosecdef AND prorettype <> 'trigger'::REGTYPE OR proname ~ '^ensure_') AND has_function_privilege('pg_monitor', oid, 'EXECUTE')`,
      );
      expect(open).toEqual([]);
    });
  });

  test('what somebody else keeps in the same schema survives both directions', async () => {
    const database = await freshDatabase();
    try {
      const { client } = database;
      await client.query('CREATE TABLE public.of_somebody_else (id INTEGER PRIMARY KEY)');
      await client.query('GRANT SELECT ON public.of_somebody_else TO pg_monitor');
      const before = await describeSchema(client, 'public');
      await migrateSystem(client, details.system, 'up');
      await migrateSystem(client, details.system, 'down');
      expect(await describeSchema(client, 'public')).toEqual(before);
    } finally {
      await database.drop();
    }
  });
}

export interface MonthlyLog {
  system: string;
  table: string;
  /** Writes a line of that moment, $1. */
  insert: string;
}

/** Registers tests of a log that is partitioned by month, and of its upkeep. */
export function testMonthlyLog({ system, table, insert }: MonthlyLog): void {
  describe(`the log ${table}`, () => {
    const database = systemDatabase(system);
    database.forEachTest();

    const partitions = async () => {
      const rows = await database.rowsOf<{ name: string }>(
        'SELECT inhrelid::REGCLASS::TEXT AS name FROM pg_inherits WHERE inhparent = $1::REGCLASS',
        [table],
      );
      return rows.map((row) => row.name);
    };

    test('has seven months back, two ahead, and a default', async () => {
      const names = await partitions();
      expect(names).toHaveLength(1 + 7 + 1 + 2);
      expect(names).toContain(`${table}_default`);
      expect(names).toContain(`${table}_${await database.only(`SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')`)}`);
    });

    test('gets missing months once', async () => {
      expect(await database.only('SELECT ensure_log_partitions(7, 2)')).toBe(0);
      expect(await database.only('SELECT ensure_log_partitions(8, 4)')).toBe(3);
      expect(await database.only('SELECT ensure_log_partitions(8, 4)')).toBe(0);
      await database.refused('SELECT ensure_log_partitions(-1, 2)', [], '22023');
      await database.refused('SELECT ensure_log_partitions(NULL, 2)', [], '22023');
    });

    test('has rows moved into their month that waited in the default partition', async () => {
      const moment = await database.only(`SELECT (now() AT TIME ZONE 'UTC' + INTERVAL '3 months')::TEXT`);
      for (let line = 0; line < 3; line++) await database.rowsOf(insert, [moment]);
      expect(await database.count(`${table}_default`)).toBe(3);
      const before = await database.rowsOf(`SELECT * FROM ${table} ORDER BY id`);
      await database.rowsOf('SELECT ensure_log_partitions(0, 4)');
      expect(await database.count(`${table}_default`)).toBe(0);
      expect(await database.rowsOf(`SELECT * FROM ${table} ORDER BY id`)).toEqual(before);
    });
  });
}
