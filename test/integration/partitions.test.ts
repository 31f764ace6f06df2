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

describe('what a device copies anew', () => {
  const steps: string[] = [];
  let stop: () => void;
  beforeAll(() => {
    stop = device.core.subscribe((event) => {
      if (event.type === 'status' && event.status.progress) steps.push(event.status.progress.step);
    });
  });
  afterAll(() => stop());

  /** Pulls, and tells whether the log was copied. */
  async function copied(work: () => Promise<unknown>): Promise<boolean> {
    await sync();
    steps.length = 0;
    await work();
    await sync();
    const wasCopied = steps.includes('Copying api_access_log');
    expect(await equal()).toBe(true);
    return wasCopied;
  }
  const make = (name: string, month: number) =>
    run(
      `CREATE TABLE api_service.${name} PARTITION OF api_service.api_access_log FOR VALUES FROM ('2035-0${month}-01') TO ('2035-0${month + 1}-01')`,
    );
  const attach = (name: string, month: number) =>
    run(
      `ALTER TABLE api_service.api_access_log ATTACH PARTITION api_service.${name} FOR VALUES FROM ('2035-0${month}-01') TO ('2035-0${month + 1}-01')`,
    );
  const detach = (name: string) => run(`ALTER TABLE api_service.api_access_log DETACH PARTITION api_service.${name}`);
  const makeBeside = (name: string) =>
    run(`CREATE TABLE api_service.${name} (LIKE api_service.api_access_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`);

  test('nothing where a partition comes that is empty, made there or attached; its rows come by themselves', async () => {
    expect(await copied(() => make('p1', 1))).toBe(false);
    expect(
      await copied(async () => {
        await makeBeside('p2');
        await attach('p2', 2);
      }),
    ).toBe(false);
    for (const name of ['p1', 'p2'])
      expect(await copied(() => log(name, [name === 'p1' ? '2035-01-05' : '2035-02-05']))).toBe(false);
    expect(await copied(() => log('api_access_log', ['2035-01-06', '2035-02-06']))).toBe(false);
    const { rows } = await central.client.query(
      `SELECT count(*)::INTEGER AS n FROM api_service.api_access_log WHERE "timestamp" >= '2035-01-01'`,
    );
    expect(rows).toEqual([{ n: 4 }]);
  });

  test('nothing where it comes with one that is partitioned itself and has nothing in it', async () => {
    expect(
      await copied(async () => {
        await run(
          `CREATE TABLE api_service.p3 (LIKE api_service.api_access_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("timestamp")`,
        );
        await run(
          `CREATE TABLE api_service.p3a PARTITION OF api_service.p3 FOR VALUES FROM ('2035-03-01') TO ('2035-03-15')`,
        );
        await attach('p3', 3);
      }),
    ).toBe(false);
    expect(await copied(() => log('p3', ['2035-03-05']))).toBe(false);
  });

  test('the log where a partition comes with rows, in one transaction with its making too', async () => {
    expect(
      await copied(async () => {
        await run('BEGIN');
        await makeBeside('p4');
        await log('p4', ['2035-04-05']);
        await attach('p4', 4);
        await run('COMMIT');
      }),
    ).toBe(true);
  });

  test('the log where an empty one comes as another goes, or is emptied', async () => {
    expect(
      await copied(async () => {
        await detach('p4');
        await make('p5', 5);
      }),
    ).toBe(true);
    expect(await copied(() => run('TRUNCATE api_service.p1'))).toBe(true);
    expect(await copied(() => run('DROP TABLE api_service.p2'))).toBe(true);
    expect(await copied(() => detach('p5'))).toBe(true);
  });

  test('the log where a partition was away between two pulls, and had rows written or deleted meanwhile', async () => {
    await make('p6', 6);
    await log('p6', ['2035-06-05', '2035-06-06']);
    expect(
      await copied(async () => {
        await detach('p6');
        await run(`DELETE FROM api_service.p6 WHERE "timestamp" = '2035-06-05'`);
        await attach('p6', 6);
      }),
    ).toBe(true);
    expect(
      await copied(async () => {
        await run('BEGIN');
        await detach('p6');
        await log('p6', ['2035-06-07']);
        await attach('p6', 6);
        await run('COMMIT');
      }),
    ).toBe(true);
  });

  test('the log where it cannot be told in time whether the new partition is empty', async () => {
    const host = await central.connect();
    expect(
      await copied(async () => {
        await make('p7', 7);
        await host.query('BEGIN');
        await host.query('LOCK TABLE ONLY api_service.p7 IN ACCESS EXCLUSIVE MODE');
        setTimeout(() => void host.query('COMMIT'), 1_500);
      }),
    ).toBe(true);
    await host.end();
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
