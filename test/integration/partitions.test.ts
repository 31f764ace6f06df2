import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

/* What hosts do to the partitions of a mirrored table after Latchkey was installed. */
let central: TestCentral;
let device: TestDevice;

beforeAll(async () => {
  central = await testCentral();
  device = await central.device();
});
afterAll(() => central.close());

let id = 1_000_000;

async function log(table: string, moments: string[]): Promise<void> {
  for (const moment of moments) {
    id += 1;
    await central.client.query(
      `INSERT INTO api_service.${table} (id, organization_id, response_status, "timestamp") VALUES ($1, $2, 200, $3)`,
      [id, central.nordhaven, moment],
    );
  }
}

const run = (sql: string) => central.client.query(sql);
const sync = () => device.core.call('sync.now', {});
const shown = async () => (await device.core.call('data.list', { table: 'api_access_log' })).total;
const equal = async () => (await device.core.call('mirror.check', {})).equal;

/** Pulls, and tells how many rows of the log came or went. */
async function pulled(work: () => Promise<unknown>): Promise<number> {
  const before = await shown();
  await work();
  await sync();
  const after = await shown();
  expect(await equal()).toBe(true);
  return after - before;
}

describe('a partition made after install', () => {
  beforeAll(async () => {
    await run(
      `CREATE TABLE api_service.may PARTITION OF api_service.api_access_log FOR VALUES FROM ('2032-05-01') TO ('2032-06-01')`,
    );
  });

  test('is tracked from its first row, in sessions with triggers off too', async () => {
    expect(await pulled(() => log('api_access_log', ['2032-05-02', '2032-05-03']))).toBe(2);
    expect(await pulled(() => log('may', ['2032-05-04']))).toBe(1);
    await run('SET session_replication_role = replica');
    try {
      expect(await pulled(() => log('may', ['2032-05-05']))).toBe(1);
    } finally {
      await run('RESET session_replication_role');
    }
  });

  test('is seen when it is truncated, alone or with the whole table', async () => {
    await log('may', ['2032-05-06']);
    await sync();
    expect(await pulled(() => run('TRUNCATE api_service.may'))).toBeLessThan(0);
    expect(await pulled(() => log('may', ['2032-05-07']))).toBe(1);
    await pulled(() => run('TRUNCATE api_service.api_access_log'));
    expect(await shown()).toBe(0);
  });

  test('takes rows that move to it from another one', async () => {
    await log('api_access_log', ['2032-07-01']);
    await sync();
    expect(
      await pulled(() =>
        run(`UPDATE api_service.api_access_log SET "timestamp" = '2032-05-20' WHERE "timestamp" = '2032-07-01'`),
      ),
    ).toBe(0);
  });

  test('whose trigger was disabled, or enabled as an ordinary one, is not trusted', async () => {
    const refused = { code: 'central-tracking-off', details: { tables: ['api_access_log'] } };
    await run('ALTER TABLE api_service.may DISABLE TRIGGER "00_latchkey_change"');
    await expect(sync()).rejects.toMatchObject(refused);
    await run('ALTER TABLE api_service.may ENABLE TRIGGER "00_latchkey_change"');
    await expect(sync()).rejects.toMatchObject(refused);
    await run('ALTER TABLE api_service.may ENABLE ALWAYS TRIGGER "00_latchkey_change"');
    expect((await sync()).mode).toBe('idle');
  });
});

describe('a partition that is partitioned itself', () => {
  test('is seen when it comes with rows, and when one of its own comes, is truncated, and goes', async () => {
    await run(
      `CREATE TABLE api_service.year (LIKE api_service.api_access_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("timestamp")`,
    );
    await run(
      `CREATE TABLE api_service.january PARTITION OF api_service.year FOR VALUES FROM ('2033-01-01') TO ('2033-02-01')`,
    );
    await log('january', ['2033-01-02', '2033-01-03']);
    expect(
      await pulled(() =>
        run(
          `ALTER TABLE api_service.api_access_log ATTACH PARTITION api_service.year FOR VALUES FROM ('2033-01-01') TO ('2034-01-01')`,
        ),
      ),
    ).toBe(2);
    expect(await pulled(() => log('january', ['2033-01-04']))).toBe(1);

    await run(`CREATE TABLE api_service.february (LIKE api_service.year INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`);
    await log('february', ['2033-02-02']);
    expect(
      await pulled(() =>
        run(
          `ALTER TABLE api_service.year ATTACH PARTITION api_service.february FOR VALUES FROM ('2033-02-01') TO ('2033-03-01')`,
        ),
      ),
    ).toBe(1);
    expect(await pulled(() => run('TRUNCATE api_service.february'))).toBe(-1);
    expect(await pulled(() => run('DROP TABLE api_service.january'))).toBe(-3);
    await log('api_access_log', ['2033-02-03']);
    await sync();
    expect(await pulled(() => run('ALTER TABLE api_service.api_access_log DETACH PARTITION api_service.year'))).toBe(
      -1,
    );
    expect(await pulled(() => log('february', ['2033-02-04']))).toBe(0);
  });

  test('does not hold up a pull while a host alters it', async () => {
    await run(
      `CREATE TABLE api_service.june PARTITION OF api_service.api_access_log FOR VALUES FROM ('2034-06-01') TO ('2034-07-01')`,
    );
    await sync();
    await run('BEGIN');
    await run('LOCK TABLE ONLY api_service.june IN ACCESS EXCLUSIVE MODE');
    expect((await sync()).mode).toBe('idle');
    await run('ROLLBACK');
  });
});
