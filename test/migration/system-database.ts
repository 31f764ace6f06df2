import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';

/** A database of a system's schema for the tests around it, and short words for asking it. */
export function systemDatabase(system: string) {
  let database: FreshDatabase;

  async function open(): Promise<void> {
    database = await freshDatabase();
    await migrate('up');
  }

  async function migrate(goal: Parameters<typeof migrateSystem>[2]): Promise<void> {
    await migrateSystem(database.client, system, goal);
  }

  async function rowsOf<Row extends pg.QueryResultRow = Record<string, unknown>>(
    sql: string,
    values: unknown[] = [],
  ): Promise<Row[]> {
    return (await database.client.query<Row>(sql, values)).rows;
  }

  async function only<Value>(sql: string, values: unknown[] = []): Promise<Value> {
    const rows = await rowsOf(sql, values);
    return Object.values(rows[0]!)[0] as Value;
  }

  return {
    forEachTest(): void {
      beforeEach(open);
      afterEach(() => database.drop());
    },

    forAllTests(): void {
      beforeAll(open);
      afterAll(() => database.drop());
    },

    migrate,
    rowsOf,
    only,

    count(table: string): Promise<number> {
      return only(`SELECT count(*)::INTEGER FROM ${table}`);
    },

    /** How many rows a change reached. */
    async changed(sql: string, values: unknown[] = []): Promise<number> {
      return (await database.client.query(sql, values)).rowCount ?? 0;
    },

    /** @param code SQLSTATE; by default "insufficient privilege", as a policy or a missing right answers */
    async refused(sql: string, values: unknown[] = [], code = '42501'): Promise<void> {
      await expect(database.client.query(sql, values), sql).rejects.toMatchObject({ code });
    },

    /** Every query until {@link asOwner} runs with this role's rights, and for whom the settings say. */
    async asRole(role: string, settings: Record<string, string | null>): Promise<void> {
      await database.client.query('RESET ROLE');
      for (const [name, value] of Object.entries(settings))
        await database.client.query('SELECT set_config($1, $2, false)', [name, value ?? '']);
      await database.client.query(`SET ROLE ${role}`);
    },

    async asOwner(): Promise<void> {
      await database.client.query('RESET ROLE');
    },
  };
}
