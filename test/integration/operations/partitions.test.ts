import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PartitionReport, PartitionUpkeep } from '../../../src-main/core/central/operations/partitions.ts';
import { type YearOfLogs, yearOfLogs } from '../../fixtures/year-of-logs.ts';

let year: YearOfLogs;
beforeAll(async () => {
  year = await yearOfLogs();
});
afterAll(() => year.close());

const partitions = (...args: string[]) => year.latchkey<PartitionUpkeep>(['central', 'partitions', ...args]);
const run = (sql: string) => year.client.query(sql);

async function reportOf(table: string, ...args: string[]): Promise<PartitionReport & { code: number }> {
  const { code, value } = await partitions(...args);
  return { code, ...value.tables.find((one) => one.table === table)! };
}

/** The first of a month, so many after this one. */
const month = (offset: number) => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1)).toISOString().slice(0, 10);
};

describe('a year of logs of which half a year waits in the default partition', () => {
  const logs = [
    ['audit_events', 'created_at'],
    ['api_access_log', 'timestamp'],
  ] as const;
  const content = (table: string) =>
    year.client
      .query(`SELECT count(*), md5(string_agg(t::TEXT, '' ORDER BY id)) AS digest FROM api_service.${table} t`)
      .then(({ rows }) => rows[0]);

  test('a dry run says what is missing and changes nothing', async () => {
    const before = await content('audit_events');
    const { code, value } = await partitions('--dry-run');
    expect(code).toBe(0);
    expect(value.tables.map(({ table }) => table)).toEqual(['api_service.api_access_log', 'api_service.audit_events']);
    for (const one of value.tables) {
      expect(one).toMatchObject({ interval: 'month', timeZone: 'UTC', leftInDefault: 0, problem: null });
      expect(one.inDefault!.rows).toBeGreaterThan(100);
      expect(one.made.reduce((sum, { rows }) => sum + rows, 0)).toBe(one.inDefault!.rows);
      expect(one.made.at(-1)!.from).toBe(`${month(4)} 00:00:00`);
    }
    expect(await content('audit_events')).toEqual(before);
    expect((await partitions('--dry-run')).value).toEqual(value);
  });

  test('each month gets its partition and its rows; the host loses none, and devices see the same', async () => {
    const device = await year.device();
    const shown = async (table: string) => (await device.call('data.list', { table })).total;
    const before = await Promise.all(logs.map(([table]) => content(table)));
    const seen = await Promise.all(logs.map(([table]) => shown(table)));

    const { code, value } = await partitions();
    expect(code).toBe(0);
    for (const [table, column] of logs) {
      const one = value.tables.find((report) => report.table === `api_service.${table}`)!;
      expect(one).toMatchObject({ leftInDefault: 0, problem: null, nextMissing: `${month(5)} 00:00:00` });
      expect(await year.count(`SELECT count(*) FROM api_service.${table}_default`)).toBe(0);
      const { name, from, to, rows } = one.made[0]!;
      expect(name).toBe(`${table}_${from.slice(0, 7).replace('-', '_')}`);
      expect(
        await year.count(
          `SELECT count(*) FROM ONLY api_service.${name} WHERE "${column}" >= '${from}' AND "${column}" < '${to}'`,
        ),
      ).toBe(rows);
    }
    expect(await Promise.all(logs.map(([table]) => content(table)))).toEqual(before);
    expect((await run('SELECT latchkey.untracked_tables() AS tables')).rows).toEqual([{ tables: [] }]);

    await device.call('sync.now', {});
    expect(await Promise.all(logs.map(([table]) => shown(table)))).toEqual(seen);
    expect((await device.call('mirror.check', {})).equal).toBe(true);
    // Its triggers are in place: a line of a month that was just made, and the TRUNCATE of a whole month.
    await run(
      `INSERT INTO api_service.api_access_log (organization_id, "timestamp") VALUES ('${year.demo.organization.id}', '${month(3)}')`,
    );
    await device.call('sync.now', {});
    expect(await shown('api_access_log')).toBe(seen[1]! + 1);
    await run(`TRUNCATE api_service.api_access_log_${month(3).slice(0, 7).replace('-', '_')}`);
    await device.call('sync.now', {});
    expect(await shown('api_access_log')).toBe(seen[1]!);
  });

  test('what was made is like what the migrations make: keys, foreign keys, checks, triggers, owner', async () => {
    const of = async (name: string) =>
      (
        await run(
          `SELECT ARRAY(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = c.oid ORDER BY 1) AS constraints,
             ARRAY(SELECT regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+ ON \\S+', '') FROM pg_index WHERE indrelid = c.oid ORDER BY 1) AS indexes,
             ARRAY(SELECT concat_ws(' ', tgname, tgenabled, tgparentid <> 0) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal ORDER BY 1) AS triggers,
             c.relowner, c.reloptions
           FROM pg_class c WHERE c.oid = 'api_service.${name}'::REGCLASS`,
        )
      ).rows[0];
    const { made, partitions: all } = await reportOf('api_service.audit_events', '--months-ahead', '6');
    expect(made).toHaveLength(2);
    const old = all.find(({ from }) => from === `${month(0)} 00:00:00`)!.name;
    for (const { name } of made) expect(await of(name)).toEqual(await of(old));
    const log = (months: number) => `api_access_log_${month(months).slice(0, 7).replace('-', '_')}`;
    expect(await of(log(-9))).toEqual(await of(log(0)));
    expect((await partitions('--months-ahead', '6')).value.tables.flatMap((table) => table.made)).toEqual([]);
  });

  test('in words for a person', async () => {
    const words = await year.inWords(['central', 'partitions', '--months-ahead', '7', '--dry-run']);
    expect(words).toMatch(/api_service\.audit_events +month +\d+ +\d{4}-\d\d-01/);
    expect(words).toContain(`from ${month(7)} 00:00:00 to ${month(8)} 00:00:00 UTC, is to be made.`);
  });
});

describe('the host goes on meanwhile', () => {
  const make = async (name: string, rows: number) => {
    await run(`CREATE TABLE public.${name} (id BIGINT GENERATED ALWAYS AS IDENTITY, at TIMESTAMP NOT NULL, note TEXT, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE public.${name}_rest PARTITION OF public.${name} DEFAULT;
      INSERT INTO public.${name} (at, note) SELECT date_trunc('month', now()) + n * INTERVAL '1 second', 'old' FROM generate_series(1, ${rows}) AS n`);
  };

  test('what it writes and changes while rows are moved is neither lost nor doubled', async () => {
    await make('busy', 20_000);
    const host = await year.connect();
    let written = 0;
    let going = true;
    const writing = (async () => {
      while (going) {
        await host.query(`INSERT INTO public.busy (at, note) VALUES (date_trunc('month', now()), 'new')`);
        await host.query(`UPDATE public.busy SET note = 'changed' WHERE id = $1`, [written * 2 + 1]);
        written += 1;
      }
    })();
    const report = await reportOf('public.busy');
    going = false;
    await writing;
    await host.end();
    expect(report).toMatchObject({ code: 0, problem: null, leftInDefault: 0 });
    expect(report.made[0]).toMatchObject({ name: `busy_${month(0).slice(0, 7).replace('-', '_')}` });
    expect(await year.count('SELECT count(*) FROM ONLY public.busy_rest')).toBe(0);
    const rows = await run('SELECT count(*)::INT AS n, count(DISTINCT id)::INT AS ids FROM public.busy');
    expect(rows.rows).toEqual([{ n: 20_000 + written, ids: 20_000 + written }]);
    expect(written).toBeGreaterThan(0);
    expect(
      await year.count(
        `SELECT count(*) FROM public.busy WHERE id <= 20000 AND (note = 'changed') <> (id % 2 = 1 AND id < ${2 * written})`,
      ),
    ).toBe(0);
  });

  test('what a transaction wrote that was open while rows were copied comes along, and what stays is kept', async () => {
    await make('late', 1_000);
    const far = `INSERT INTO public.late (at, note) SELECT now() + INTERVAL '9 years', 'stays' FROM generate_series(1, 50)`;
    await run(far);
    const host = await year.connect();
    const watch = await year.connect();
    await host.query(
      `BEGIN; INSERT INTO public.late (at, note) SELECT date_trunc('month', now()), 'late' FROM generate_series(1, 10); UPDATE public.late SET note = 'late' WHERE id <= 10;
       DELETE FROM public.late WHERE id BETWEEN 11 AND 20; UPDATE public.late SET note = 'stays late' WHERE id IN (1001, 1002)`,
    );
    // As many came as went, so that counting alone does not tell; and younger transactions end before that one does.
    await run(`INSERT INTO public.late (at, note) VALUES (date_trunc('month', now()), 'soon')`);
    await run(far);
    const upkeep = reportOf('public.late');
    const isWaiting = `SELECT FROM pg_locks WHERE relation = 'public.late'::REGCLASS AND NOT granted AND mode = 'ShareRowExclusiveLock'`;
    while ((await watch.query(isWaiting)).rowCount === 0);
    await host.query('COMMIT');
    expect(await upkeep).toMatchObject({ problem: null });
    await host.end();
    await watch.end();
    const { rows } = await run(
      `SELECT note, count(*)::INT AS n, bool_and(tableoid = 'public.late_rest'::REGCLASS) AS in_rest FROM public.late GROUP BY note ORDER BY note`,
    );
    expect(rows).toEqual([
      { note: 'late', n: 20, in_rest: false },
      { note: 'old', n: 980, in_rest: false },
      { note: 'soon', n: 1, in_rest: false },
      { note: 'stays', n: 98, in_rest: true },
      { note: 'stays late', n: 2, in_rest: true },
    ]);
    await run('DROP TABLE public.late');
  });

  test('where it holds the table, nothing is changed, it is said, and the other tables are done', async () => {
    await make('held', 10);
    const host = await year.connect();
    await host.query('BEGIN; SELECT FROM public.held LIMIT 1');
    const before = await run(`SELECT oid::REGCLASS::TEXT FROM pg_class WHERE relname ~ '^held' ORDER BY 1`);
    const { code, value } = await partitions('--months-ahead', '8');
    expect(code).toBe(3);
    const held = value.tables.find(({ table }) => table === 'public.held')!;
    expect(held).toMatchObject({ made: [], problem: expect.stringContaining('six tries') });
    expect(value.tables.find(({ table }) => table === 'public.busy')!.made).toHaveLength(4);
    expect(await run(`SELECT oid::REGCLASS::TEXT FROM pg_class WHERE relname ~ '^held' ORDER BY 1`)).toMatchObject({
      rows: before.rows,
    });
    await host.query('ROLLBACK');
    await host.end();
    expect((await reportOf('public.held')).made[0]).toMatchObject({ rows: 10 });
    await run('DROP TABLE public.held, public.busy');
  });

  test('another upkeep that is under way is not joined', async () => {
    const other = await year.connect();
    await other.query(`SELECT pg_advisory_lock(1279608393, hashtext('latchkey central operations'))`);
    expect(await partitions()).toMatchObject({ code: 1, value: { error: { code: 'central-busy' } } });
    await other.end();
  });
});

describe('tables that somebody else made', () => {
  test('days, weeks, quarters and hours go on as they were begun, by the names they were begun with', async () => {
    const tables: [name: string, type: string, first: string, from: string, to: string, next: RegExp][] = [
      ['daily', 'DATE', 'daily_20260301', '2026-03-01', '2026-03-02', /^daily_\d{8}$/],
      ['weekly', 'TIMESTAMP', 'w_2026_03_02_log', '2026-03-02', '2026-03-09', /^w_\d{4}_\d\d_\d\d_log$/],
      ['quarterly', 'TIMESTAMP', 'quarterly_2026q1', '2026-01-01', '2026-04-01', /^quarterly_\d{4}q[1-4]$/],
      ['yearly', 'DATE', 'year2026', '2026-01-01', '2027-01-01', /^year20\d\d$/],
      ['unnamed', 'TIMESTAMP', 'first', '2026-01-01', '2026-02-01', /^unnamed_\d{4}_\d\d$/],
      ['hourly', 'TIMESTAMP', 'h2026030100', '2026-03-01 00:00', '2026-03-01 06:00', /^h\d{10}$/],
    ];
    for (const [name, type, first, from, to] of tables)
      await run(`CREATE TABLE public.${name} (at ${type}) PARTITION BY RANGE (at);
        CREATE TABLE public.${first} PARTITION OF public.${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
    const { value } = await partitions('--months-ahead', '2');
    for (const [name, , , , , next] of tables) {
      const one = value.tables.find(({ table }) => table === `public.${name}`)!;
      expect(one.problem).toBe(null);
      expect(one.made.length).toBeGreaterThan(0);
      for (const made of one.made) expect(made.name).toMatch(next);
      // Past periods without rows are left out, so that today is in the first one.
      expect(one.made[0]!.to > new Date().toISOString().slice(0, 10)).toBe(true);
      expect(one.nextMissing! >= month(3)).toBe(true);
      await run(`DROP TABLE public.${name}`);
    }
  });

  test('midnights of the database’s own zone stay midnights there, over summer time too', async () => {
    await run(`CREATE TABLE public.zoned (at TIMESTAMPTZ) PARTITION BY RANGE (at);
      SET timezone = 'Europe/Paris';
      CREATE TABLE public.zoned_2026_11 PARTITION OF public.zoned FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')`);
    const database = (await run('SELECT current_database() AS name')).rows[0].name;
    await run(`ALTER DATABASE ${database} SET timezone = 'Europe/Paris'`);
    await run('RESET timezone');
    const one = await reportOf('public.zoned', '--months-ahead', '12');
    await run(`ALTER DATABASE ${database} RESET timezone`);
    expect(one).toMatchObject({ timeZone: 'Europe/Paris', interval: 'month', problem: null });
    const { rows } = await run(
      `SELECT DISTINCT to_char(substring(pg_get_expr(relpartbound, oid) FROM '''([^'']+)''')::TIMESTAMPTZ AT TIME ZONE 'Europe/Paris', 'DD HH24:MI') AS start
       FROM pg_class WHERE relname LIKE 'zoned\\_%'`,
    );
    expect(rows).toEqual([{ start: '01 00:00' }]);
    await run('DROP TABLE public.zoned');
  });

  test('what cannot be gone on with is named, and left as it is', async () => {
    await run(`CREATE TABLE public.odd (at TIMESTAMP) PARTITION BY RANGE (at);
      CREATE TABLE public.odd_1 PARTITION OF public.odd FOR VALUES FROM ('2026-01-01 00:30') TO ('2026-01-01 01:15');
      CREATE TABLE public.endless (at TIMESTAMP) PARTITION BY RANGE (at);
      CREATE TABLE public.endless_1 PARTITION OF public.endless FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
      CREATE TABLE public.taken (at TIMESTAMP) PARTITION BY RANGE (at);
      CREATE TABLE public.taken_rest PARTITION OF public.taken DEFAULT;
      CREATE TABLE public.taken_${month(0).slice(0, 7).replace('-', '_')} ();
      CREATE TABLE public.numbers (n INTEGER) PARTITION BY RANGE (n);
      INSERT INTO public.taken VALUES ('infinity'), ('2999-01-01')`);
    const { code, value } = await partitions();
    expect(code).toBe(3);
    const problem = (table: string) => value.tables.find((one) => one.table === table)?.problem;
    expect(problem('public.odd')).toContain('no full hour');
    expect(problem('public.endless')).toBe(null);
    expect(value.tables.find((one) => one.table === 'public.endless')).toMatchObject({ made: [], nextMissing: null });
    expect(problem('public.taken')).toContain('something else called');
    expect(problem('public.numbers')).toBe(undefined);
    await run(`DROP TABLE public.taken_${month(0).slice(0, 7).replace('-', '_')}`);
    const taken = await reportOf('public.taken');
    expect(taken).toMatchObject({ code: 3, problem: null, leftInDefault: 2, inDefault: { rows: 2 } });
    expect(taken.made).toHaveLength(5);
    expect(await year.count('SELECT count(*) FROM public.taken')).toBe(2);
  });
});
