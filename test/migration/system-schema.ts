import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { describeSchema } from './describe-schema.ts';

export interface SystemSchema {
  system: string;
  /** Where its tables live. */
  schema: string;
  /** Every table that the system's documents name, with its columns as `name type`, and `not null` where they say so. */
  documentedTables: Record<string, string[]>;
  /** A schema whose catalogue has fewer lines than this was not really there. */
  leastLines: number;
}

/** Registers what the schema of every system must pass. */
export function testSystemSchema({ system, schema, documentedTables, leastLines }: SystemSchema): void {
  describe('the schema', () => {
    let database: FreshDatabase;
    beforeEach(async () => {
      database = await freshDatabase();
    });
    afterEach(() => database.drop());

    const migrate = (goal: Parameters<typeof migrateSystem>[2]) => migrateSystem(database.client, system, goal);
    const described = () => describeSchema(database.client, schema);

    test('has every documented table and column, in the documented type', async () => {
      await migrate('up');
      for (const [table, columns] of Object.entries(documentedTables)) {
        const { rows: found } = await database.client.query<{ name: string; type: string; required: boolean }>(
          `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required
           FROM pg_attribute WHERE attrelid = format('%I.%I', $1::TEXT, $2::TEXT)::REGCLASS AND attnum > 0 AND NOT attisdropped`,
          [schema, table],
        );
        const lines = found.map(({ name, type, required }) => `${name} ${type}${required ? ' not null' : ''}`);
        expect(lines, table).toEqual(expect.arrayContaining(columns));
      }
    });

    test('has an index for every foreign key', async () => {
      await migrate('up');
      const { rows: missing } = await database.client.query(
        `SELECT c.conrelid::REGCLASS::TEXT AS relation, c.conname
         FROM pg_constraint AS c
         WHERE c.contype = 'f' AND c.connamespace = $1::REGNAMESPACE AND NOT EXISTS (
           SELECT FROM pg_index AS i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]
         )`,
        [schema],
      );
      expect(missing).toEqual([]);
    });

    test('is the same after up, down and up again, and nothing stays behind in between', async () => {
      const before = await described();
      await migrate('up');
      const first = await described();
      await migrate('down');
      expect(await described()).toEqual(before);
      await migrate('up');
      expect(await described()).toEqual(first);
      expect(first.length).toBeGreaterThan(leastLines);
    });

    test('each step back leaves what was there before the step, and forth again what was there after it', async () => {
      const steps = await migrate('up');
      await migrate('down');
      const onTheWayUp = [await described()];
      for (const { version } of steps) {
        await migrate({ to: version });
        onTheWayUp.push(await described());
      }
      for (let version = steps.length - 1; version > 0; version--) {
        await migrate({ to: version });
        expect(await described(), `back to ${version}`).toEqual(onTheWayUp[version]);
      }
      await migrate('up');
      expect(await described()).toEqual(onTheWayUp.at(-1));
    });

    test('needs no superuser: the owner of the database installs and removes it', async () => {
      const { client, name } = database;
      const owner = `${name}_owner`;
      await client.query(`CREATE ROLE ${owner} NOLOGIN CREATEROLE`);
      await client.query(`ALTER DATABASE ${name} OWNER TO ${owner}`);
      try {
        await client.query(`SET SESSION AUTHORIZATION ${owner}`);
        for (const goal of ['up', 'down', 'up', 'down'] as const) await migrate(goal);
      } finally {
        await client.query('RESET SESSION AUTHORIZATION');
        await client.query(`REASSIGN OWNED BY ${owner} TO CURRENT_USER`);
        await client.query(`DROP OWNED BY ${owner}`);
        // It may own the application role's membership by now, and other databases of the server their rights.
        await client.query(`DROP ROLE ${owner}`).catch(() => {});
      }
    });
  });
}
