import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding } from '../../../src-main/core/central/operations/finding.ts';
import type { Health } from '../../../src-main/core/central/operations/health.ts';
import { runCommandLine } from '../../../src-main/hosts/cli/command-line.ts';
import { connectAsDevice } from '../../fixtures/device-login.ts';
import { type TestCentral, testCentral } from '../../fixtures/organization.ts';
import { recordedTerminal } from '../../fixtures/terminal.ts';

let central: TestCentral;
beforeAll(async () => {
  central = await testCentral();
});
afterAll(() => central.close());

const run = (sql: string) => central.client.query(sql);

async function look(url = central.url): Promise<{ code: number; findings: Finding[] }> {
  const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: url } });
  const code = await runCommandLine(['central', 'health', '--json'], terminal);
  return { code, findings: (terminal.document() as unknown as Health).findings };
}
const of = async (area: string) => (await look()).findings.filter((finding) => finding.area === area);
const found = (severity: string, words: string) =>
  expect.objectContaining({ severity, what: expect.stringContaining(words) });

describe('what nobody did', () => {
  test('backups, drills and their age', async () => {
    expect(await of('backup')).toEqual([found('critical', 'no backup')]);
    expect(await of('restore drill')).toEqual([found('warning', 'no backup was ever restored')]);
    const backup = (hours: number, kind = 'full') =>
      run(`INSERT INTO latchkey.backup (kind, method, started_at, finished_at, bytes, sha256, place, encrypted)
        VALUES ('${kind}', 'pg_dump', now() - INTERVAL '${hours} hours', now() - INTERVAL '${hours} hours', 1, repeat('a', 64), '/backups', TRUE)`);
    await backup(100);
    expect(await of('backup')).toEqual([found('critical', '4 days ago')]);
    await backup(30);
    expect(await of('backup')).toEqual([found('warning', '30 hours ago, by pg_dump, in /backups')]);
    await backup(20);
    await backup(9, 'incremental');
    expect(await of('backup')).toEqual([
      found('ok', '20 hours'),
      found('warning', 'incremental backup was made 9 hours'),
    ]);
    const drill = (days: number, passed: boolean) =>
      run(`INSERT INTO latchkey.drill (backup_sha256, backup_method, backup_made_at, started_at, finished_at, passed, checks)
        VALUES (repeat('a', 64), 'pg_dump', now(), now() - INTERVAL '${days} days', now() - INTERVAL '${days} days', ${passed}, '[]')`);
    await drill(40, true);
    expect(await of('restore drill')).toEqual([found('warning', '40 days ago')]);
    await drill(2, false);
    expect(await of('restore drill')).toEqual([found('critical', 'the last drill failed')]);
    await drill(1, true);
    expect(await of('restore drill')).toEqual([found('ok', 'passed, 1 days ago')]);
    expect(await of('WAL archive')).toEqual([found('warning', 'not archived')]);
  });

  test('partitions and retention', async () => {
    await run(`INSERT INTO api_service.audit_events (created_at) VALUES ('2020-01-01');
      CREATE TABLE public.ended (at DATE) PARTITION BY RANGE (at); CREATE TABLE public.ended_2020 PARTITION OF public.ended FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')`);
    expect(await of('partitions')).toEqual([
      found('ok', 'api_service.api_access_log has partitions until'),
      found('ok', 'api_service.audit_events has partitions until'),
      found('warning', 'rows wait in audit_events_default'),
      found('critical', 'public.ended has no partition for today'),
    ]);
    expect(await of('retention')).toEqual([found('notice', 'no retention policy')]);
    await run(
      `INSERT INTO latchkey.retention VALUES ('api_service.audit_events', 'created_at', 400, now(), 0), ('public.ended', 'at', 400, now(), 0)`,
    );
    expect(await of('retention')).toEqual([
      found(
        'warning',
        'api_service.audit_events holds 1 rows older than 400 days, 0 partitions among them, since 2020-01-01',
      ),
      found('warning', 'public.ended holds 0 rows older than 400 days, 1 partitions'),
    ]);
  });

  test('the upkeep of Latchkey itself, and devices that are gone', async () => {
    const device = await central.device({ name: 'lost laptop' });
    await run(
      `UPDATE latchkey.device SET joined_at = now() - INTERVAL '40 days', last_push_at = NULL WHERE id = '${device.id}'`,
    );
    expect(await of('devices')).toEqual([found('ok', '1 devices'), found('notice', 'lost laptop')]);
    await run(
      `INSERT INTO latchkey.change (day, table_id) SELECT CURRENT_DATE - 70, 1; ALTER TABLE api_service.users DISABLE TRIGGER "00_latchkey_change"`,
    );
    await run(
      `CREATE TABLE public.moved AS SELECT * FROM latchkey.change; TRUNCATE latchkey.change; INSERT INTO latchkey.change SELECT * FROM public.moved ORDER BY day; DROP TABLE public.moved`,
    );
    expect(await of('change log')).toEqual([
      found('warning', 'goes back 10 weeks'),
      found('critical', 'changes of users are not tracked'),
    ]);
    await run(
      `ALTER TABLE api_service.users ENABLE ALWAYS TRIGGER "00_latchkey_change"; DELETE FROM latchkey.change WHERE day < CURRENT_DATE`,
    );
    expect(await of('change log')).toEqual([found('ok', 'the change log takes')]);
  });
});

describe('what the server says', () => {
  test('dead rows, old statistics, broken and unused indexes, sizes and growth', async () => {
    await run(`CREATE TABLE public.heap (n INTEGER, note TEXT) WITH (autovacuum_enabled = FALSE);
      INSERT INTO public.heap SELECT n, repeat('x', 60) FROM generate_series(1, 30000) AS n;
      CREATE INDEX heap_note ON public.heap (note, n)`);
    await run(`UPDATE public.heap SET n = 1 WHERE n <= 20000`);
    await expect(run('CREATE UNIQUE INDEX CONCURRENTLY heap_once ON public.heap (n)')).rejects.toMatchObject({
      code: '23505',
    });
    await run('SELECT pg_stat_force_next_flush()');
    await run(`INSERT INTO latchkey.table_size (relation, day, bytes) VALUES ('public.heap', CURRENT_DATE - 10, 1000)`);
    expect(await of('vacuum')).toEqual([
      found('warning', 'public.heap (20000 dead'),
      found('warning', 'public.heap (analyzed never)'),
    ]);
    expect(await of('indexes')).toEqual([found('warning', 'public.heap_once'), found('notice', 'public.heap_note')]);
    expect(await of('tables')).toEqual([found('ok', 'public.heap'), found('ok', 'public.heap by')]);
    await run('DROP TABLE public.heap');
    expect(await of('indexes')).toEqual([found('ok', 'all indexes are valid')]);
  });

  test('who waits for whom, what holds WAL back, and what is switched off', async () => {
    const [one, other] = [await central.connect(), await central.connect()];
    await one.query('BEGIN; LOCK TABLE api_service.users');
    const waiting = other.query('SELECT count(*) FROM api_service.users');
    const pid = (await one.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    await expect.poll(() => of('locks'), { timeout: 30_000 }).toEqual([found('notice', `behind ${pid}`)]);
    await one.query('ROLLBACK');
    await waiting;
    await Promise.all([one.end(), other.end()]);
    await expect.poll(() => of('locks'), { timeout: 30_000 }).toEqual([found('ok', 'nobody waits')]);
    const slot = `latchkey_test_${Date.now()}`;
    await run(`SELECT pg_create_physical_replication_slot('${slot}', TRUE)`);
    expect(await of('replication')).toContainEqual(found('warning', `nobody reads the replication slot ${slot}`));
    await run(`SELECT pg_drop_replication_slot('${slot}')`);
    // The tests' own server is fast rather than durable.
    expect(await of('settings')).toContainEqual(found('critical', 'fsync is off'));
    expect(await of('connections')).toEqual([found('ok', 'connections are taken')]);
    expect(await of('wraparound')).toEqual([found('ok', '% of the way')]);
    expect(await of('transactions')).toEqual([found('ok', 'no transaction')]);
  });

  test('a login that may see little is told so, and nothing breaks', async () => {
    const name = `looker_${Date.now()}`;
    await run(`CREATE ROLE ${name} LOGIN PASSWORD 'looker'`);
    const url = new URL(central.url);
    url.username = name;
    url.password = 'looker';
    const { code, findings } = await look(url.href);
    expect(code).toBe(3);
    expect(findings).toContainEqual(found('notice', 'this login may not look'));
    expect(findings.length).toBeGreaterThan(10);
    await run(`DROP ROLE ${name}`);
  });

  test('in words for a person, with what to do', async () => {
    const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: central.url } });
    expect(await runCommandLine(['central', 'health'], terminal)).toBe(3);
    const words = terminal.printed.join('\n');
    expect(words).toMatch(/CRITICAL {2}partitions +public\.ended has no partition/);
    expect(words).toContain('→ latchkey central partitions');
  });
});

describe('for the screen of an administrator', () => {
  test('central answers aggregates to an administrator’s device, and to nobody else', async () => {
    const device = await central.device({ name: 'desk' });
    const login = await connectAsDevice(device);
    const { rows } = await login.query('SELECT latchkey.health() AS health');
    const { health } = rows[0];
    expect(health).toMatchObject({
      drill: { passed: true },
      archiving: { mode: 'off' },
      devices: { active: 2, silent: 1 },
      lock_waits: expect.any(Number),
      connections: { used: expect.any(Number), limit: expect.any(Number) },
    });
    expect(health.backups).toMatchObject([{ kind: 'full', method: 'pg_dump' }, { kind: 'incremental' }]);
    expect(health.tables.find(({ name }: { name: string }) => name === 'users')).toMatchObject({ name: 'users' });
    expect(health.partitions).toMatchObject([{ table: 'api_access_log' }, { table: 'audit_events' }]);
    expect(health.partitions[0].until > new Date().toISOString()).toBe(true);
    expect(health.retention).toMatchObject([
      { table: 'api_service.audit_events', outdated_partitions: 0 },
      { table: 'public.ended', outdated_partitions: 1 },
    ]);
    for (const table of ['backup', 'drill', 'retention', 'table_size'])
      await expect(login.query(`SELECT FROM latchkey.${table}`)).rejects.toMatchObject({ code: '42501' });
    await login.end();

    const auditor = await connectAsDevice(await central.device({ role: 'auditor' }));
    await expect(auditor.query('SELECT latchkey.health()')).rejects.toMatchObject({ code: '42501' });
    await auditor.end();
    await run(`UPDATE api_service.users SET status = 'deactivated' WHERE email = 'astrid@nordhaven.example'`);
    const former = await connectAsDevice(device);
    await expect(former.query('SELECT latchkey.health()')).rejects.toMatchObject({ code: 'LK405' });
    await former.end();
  });
});
