import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Retention, RetentionReport } from '../../../src-main/core/central/operations/retention.ts';
import { copyCsv } from '../../fixtures/copy-csv.ts';
import { type YearOfLogs, yearOfLogs } from '../../fixtures/year-of-logs.ts';

let year: YearOfLogs;
beforeAll(async () => {
  year = await yearOfLogs();
});
afterAll(() => year.close());

const run = (sql: string) => year.client.query(sql);
const retention = (...args: string[]) => year.latchkey<Retention>(['central', 'retention', ...args]);
const older = (table: string, column: string, days: number) =>
  year.count(
    `SELECT count(*) FROM ${table} WHERE ${column} < date_trunc('day', now() AT TIME ZONE 'UTC') - INTERVAL '${days} days'`,
  );
const total = (table: string) => year.count(`SELECT count(*) FROM ${table}`);
const all = ({ partitions, rows }: RetentionReport) => partitions.reduce((sum, one) => sum + one.rows, rows);

describe('a year of logs', () => {
  test('is cut to the days that are kept: rows of the default partition one by one, months as a whole; devices follow', async () => {
    const device = await year.device();
    const shown = async () => (await device.call('data.list', { table: 'api_access_log' })).total;
    const [before, seen] = [await total('api_service.api_access_log'), await shown()];

    const planned = await retention('--keep', 'api_access_log=100', '--dry-run');
    expect(planned.code).toBe(0);
    const [plan] = planned.value.tables;
    expect(plan).toMatchObject({ table: 'api_service.api_access_log', column: 'timestamp', days: 100, problem: null });
    expect(plan!.partitions.length).toBeGreaterThan(1);
    expect(plan!.rows).toBeGreaterThan(100);
    expect(await total('api_service.api_access_log')).toBe(before);

    const done = await retention('--keep', 'api_service.api_access_log=100');
    expect(done).toEqual({ code: 0, value: { ...planned.value, dryRun: false } });
    expect(await total('api_service.api_access_log')).toBe(before - all(plan!));
    // What is left beyond the limit lies in the month that the limit falls into.
    expect(await older('api_service.api_access_log', '"timestamp"', 132)).toBe(0);
    expect(await total('api_service.api_access_log_default')).toBe(0);

    await device.call('sync.now', {});
    expect(await shown()).toBeLessThan(seen);
    expect((await device.call('mirror.check', {})).equal).toBe(true);
  });

  test('an audit log is kept for a year, unless somebody says otherwise by name', async () => {
    const before = await total('api_service.audit_events');
    expect(await retention('--keep', 'audit_events=90')).toMatchObject({
      code: 1,
      value: { error: { code: 'would-violate', message: expect.stringContaining('365 days are kept at least') } },
    });
    expect(await retention('--keep', 'audit_events=90', '--force-audit', 'audit_event')).toMatchObject({
      code: 2,
      value: { error: { field: 'forceAudit' } },
    });
    const policy = join(year.folder(), 'policy.json');
    const tables = { audit_events: { days: 400 } };
    writeFileSync(policy, JSON.stringify({ format: 'latchkey-retention/1', auditMinimumDays: 500, tables }));
    expect(await retention('--policy', policy)).toMatchObject({
      code: 1,
      value: { error: { message: expect.stringContaining('500 days') } },
    });
    expect(await total('api_service.audit_events')).toBe(before);
    const archive = year.folder();
    const { code, value } = await retention(
      ...['--keep', 'audit_events=90', '--force-audit', 'api_service.audit_events', '--archive', archive],
    );
    expect(code).toBe(0);
    expect(await total('api_service.audit_events')).toBe(before - all(value.tables[0]!));
    const shown = await year.inWords(['central', 'retention', '--keep', 'audit_events=400', '--dry-run']);
    expect(shown).toMatch(/api_service\.audit_events +400 days +created_at +0 +0/);
  });

  test('what goes lies in the archive, row for row, and can be loaded from there', async () => {
    await run(`CREATE TABLE public.log (id INTEGER PRIMARY KEY, at TIMESTAMPTZ NOT NULL, note TEXT, raw BYTEA);
      INSERT INTO public.log SELECT n, now() - n * INTERVAL '1 hour', 'a "quoted", text' || chr(10) || 'of ' || n, '\\x00ff' FROM generate_series(1, 20000) AS n;
      CREATE TABLE public.gone AS SELECT * FROM public.log WHERE at < date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - INTERVAL '200 days';
      CREATE TABLE public.parts (id INTEGER, at DATE NOT NULL) PARTITION BY RANGE (at);
      CREATE TABLE public.parts_2020 PARTITION OF public.parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
      CREATE TABLE public."odd/Ünïque" PARTITION OF public.parts FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
      INSERT INTO public.parts SELECT n, '2020-06-01'::DATE + n FROM generate_series(1, 400) AS n`);
    const { code, value } = await retention(
      ...['--keep', 'log:at=200', '--keep', 'parts=400', '--archive', year.folder()],
    );
    expect(code).toBe(0);
    const { folder, files } = value.archive!;
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ format: 'latchkey-archive/1', files });
    expect(readdirSync(folder).sort()).toEqual(['manifest.json', ...files.map(({ file }) => file)].sort());
    for (const { file, sha256, csvSha256, bytes } of files) {
      const zipped = readFileSync(join(folder, file));
      expect([zipped.length, createHash('sha256').update(zipped).digest('hex')]).toEqual([bytes, sha256]);
      expect(createHash('sha256').update(gunzipSync(zipped)).digest('hex')).toBe(csvSha256);
    }
    expect(files.map(({ partition, rows }) => [partition, rows])).toEqual([
      ['public.log', await total('public.gone')],
      ['public.parts_2020', 213],
      ['public.odd/Ünïque', 187],
    ]);
    const csv = gunzipSync(readFileSync(join(folder, files[0]!.file))).toString();
    await run('CREATE TABLE public.loaded (LIKE public.log)');
    await copyCsv(year.client, 'public.loaded', csv);
    expect(
      await year.count(
        'SELECT count(*) FROM ((TABLE public.gone EXCEPT TABLE public.loaded) UNION ALL (TABLE public.loaded EXCEPT TABLE public.gone)) d',
      ),
    ).toBe(0);
    expect(await total('public.parts')).toBe(0);
    expect(await year.count(`SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.parts'::REGCLASS`)).toBe(0);
    await run('DROP TABLE public.log, public.gone, public.loaded, public.parts');
  });
});

test('the next run goes by what the last one kept', async () => {
  await run(`CREATE TABLE public.notes (at TIMESTAMP); INSERT INTO public.notes VALUES (now() - INTERVAL '40 days')`);
  expect((await retention('--keep', 'notes:at=60')).value.tables).toMatchObject([{ rows: 0 }]);
  await run(`UPDATE public.notes SET at = at - INTERVAL '30 days'`);
  const { code, value } = await retention();
  expect({ code, ignored: value.ignored }).toEqual({
    code: 3,
    ignored: ['log by at', 'parts by at'].map((gone) => expect.stringContaining(`of public.${gone}, which is gone`)),
  });
  // What was forced once is not kept.
  expect(value.tables.map(({ table }) => table)).toEqual(['api_service.api_access_log', 'public.notes']);
  expect(value.tables.find(({ table }) => table === 'public.notes')).toMatchObject({
    days: 60,
    rows: 1,
    source: 'the last run',
  });
  await run(`DROP TABLE public.notes; DELETE FROM latchkey.retention`);
});

describe('the host’s own retention policies', () => {
  test('are honoured for the organization that each belongs to; what cannot be honoured is named', async () => {
    const { organization, other } = year.demo;
    await run(`CREATE TABLE public.retention_policies (organization_id UUID, data_type VARCHAR(100), retention_period_days INTEGER, active BOOLEAN);
      CREATE TABLE public.verification_logs (organization_id UUID, created_at TIMESTAMPTZ);
      CREATE TABLE public.audit_logs (created_at TIMESTAMPTZ);
      INSERT INTO public.audit_logs VALUES (now() - INTERVAL '100 days');
      INSERT INTO public.verification_logs SELECT o, now() - n * INTERVAL '1 day' FROM unnest(ARRAY['${organization.id}', '${other.id}', NULL]::UUID[]) AS o, generate_series(1, 100) AS n;
      INSERT INTO public.retention_policies VALUES ('${organization.id}', 'verification_log', 30, TRUE), ('${other.id}', 'verification_logs', 80, TRUE),
        ('${other.id}', 'verification_logs', 1, FALSE), ('${other.id}', 'horoscopes', 1, TRUE), (NULL, 'audit_logs', 30, TRUE)`);
    const { code, value } = await retention('--keep', 'verification_logs=50');
    expect(code).toBe(3);
    expect(value.ignored).toEqual([
      expect.stringContaining('“horoscopes”, which is the name of no table'),
      expect.stringContaining('an audit log of which 365 are kept at least'),
    ]);
    // Age counts from the start of a day: what is 30 days old to the hour goes with the next day.
    const kept = async (id: string | null) =>
      year.count(
        `SELECT count(*) FROM public.verification_logs WHERE organization_id IS NOT DISTINCT FROM ${id ? `'${id}'` : 'NULL'}`,
      );
    expect([await kept(organization.id), await kept(other.id), await kept(null)]).toEqual([30, 80, 50]);
    expect(value.tables.map((one) => one.organization)).toEqual([null, organization.id, other.id]);
    expect(await total('public.audit_logs')).toBe(1);
    await run('DROP TABLE public.retention_policies, public.verification_logs, public.audit_logs');
  });
});

describe('what stands in the way', () => {
  test('rows that others refer to: the table is left, said, and nothing else is lost', async () => {
    const before = await total('api_service.users');
    const { code, value } = await retention('--keep', 'users:created_at=1');
    expect(code).toBe(3);
    expect(value.tables).toMatchObject([
      { rows: 0, problem: expect.stringContaining('refer to rows of api_service.users') },
    ]);
    expect(await total('api_service.users')).toBe(before);
  });

  test('a partition that is written to while it is archived is kept', async () => {
    await run(`CREATE TABLE public.busy (at DATE) PARTITION BY RANGE (at); CREATE TABLE public.busy_rest PARTITION OF public.busy DEFAULT;
      CREATE TABLE public.busy_2020 PARTITION OF public.busy FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
      INSERT INTO public.busy SELECT '2020-01-01' FROM generate_series(1, 50000)`);
    const host = await year.connect();
    let going = true;
    const writing = (async () => {
      while (going) await host.query(`INSERT INTO public.busy_2020 VALUES ('2020-05-01')`);
    })();
    const { code, value } = await retention('--keep', 'busy=30', '--archive', year.folder());
    going = false;
    await writing;
    await host.end();
    expect(code).toBe(3);
    expect(value.tables).toMatchObject([{ partitions: [], problem: expect.stringContaining('is being written to') }]);
    expect(await total('public.busy')).toBeGreaterThan(50_000);
    expect((await retention('--keep', 'busy=30')).value.tables[0]!.partitions).toMatchObject([{ name: 'busy_2020' }]);
    await run('DROP TABLE public.busy');
  });

  test('wrong usage is refused before anything is done', async () => {
    const file = join(year.folder(), 'policy.json');
    writeFileSync(file, '{"format": "latchkey-retention/1", "tables": {"users": {"days": 0, "colum": "x"}}}');
    const wrong: [args: string[], field: string, words: string][] = [
      [['--keep', 'users'], 'keep', 'TABLE=DAYS'],
      [['--keep', 'nothing=3'], 'keep', 'no table nothing'],
      [['--keep', 'infra_nodes:hostname=3'], 'keep', 'no column hostname that is a date'],
      [['--keep', 'users=9', '--keep', 'api_service.users=8'], 'keep', 'two periods'],
      [['--policy', file], 'policy', 'tables.users'],
      [['--archive', '/tmp'], 'policy', 'There is no policy here'],
    ];
    await run('DELETE FROM latchkey.retention');
    for (const [args, field, words] of wrong)
      expect(await retention(...args)).toMatchObject({
        code: 2,
        value: { error: { code: 'invalid-input', field, message: expect.stringContaining(words) } },
      });
    expect(await retention('--policy', join(year.folder(), 'none.json'))).toMatchObject({ code: 1 });
  });
});
