import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostUpkeep } from '../../../src-main/core/central/operations/host-upkeep.ts';
import { runCommandLine } from '../../../src-main/hosts/cli/command-line.ts';
import { type TestCentral, testCentral } from '../../fixtures/organization.ts';
import { recordedTerminal } from '../../fixtures/terminal.ts';

let central: TestCentral;
beforeAll(async () => {
  central = await testCentral();
});
afterAll(() => central.close());

const run = (sql: string) => central.client.query(sql);

async function maintain(...args: string[]): Promise<{ code: number; host: HostUpkeep; error?: { field?: string } }> {
  const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: central.url } });
  const code = await runCommandLine(['central', 'maintain', ...args, '--json'], terminal);
  return { code, ...(terminal.document() as { host: HostUpkeep }) };
}

const statistics = async (table: string) =>
  (
    await run(
      `SELECT relpages, reltuples, (SELECT count(*)::INTEGER FROM pg_statistic WHERE starelid = c.oid) AS columns FROM pg_class c WHERE oid = '${table}'::REGCLASS`,
    )
  ).rows[0];

describe('the host’s tables', () => {
  test('are left alone, unless it is asked for; and then no other than the mirrored ones', async () => {
    await run(`CREATE TABLE public.own (n INTEGER); INSERT INTO public.own SELECT generate_series(1, 100)`);
    expect(await maintain()).toMatchObject({ code: 0, host: null });
    expect(await statistics('api_service.audit_events')).toMatchObject({ columns: 0 });
    const planned = await maintain('--host', '--dry-run');
    expect(planned).toMatchObject({ code: 0, host: { dryRun: true, skipped: [], indexes: [] } });
    expect(await statistics('api_service.users')).toMatchObject({ columns: 0 });
    await run(`INSERT INTO api_service.audit_events (event_type) SELECT 'x' FROM generate_series(1, 100)`);
    const done = await maintain('--host');
    expect(done.host).toEqual({ ...planned.host, dryRun: false });
    expect(done.host.tables).toEqual(expect.arrayContaining(['api_service.users', 'api_service.audit_events_default']));
    expect((await statistics('api_service.users')).columns).toBeGreaterThan(0);
    // What autovacuum never does.
    expect((await statistics('api_service.audit_events')).columns).toBeGreaterThan(0);
    expect(await statistics('public.own')).toMatchObject({ columns: 0 });
    expect(
      (await run(`SELECT count(*)::INTEGER AS n FROM latchkey.table_size WHERE relation = 'api_service.users'`)).rows,
    ).toEqual([{ n: 1 }]);
  });

  test('that other work holds are left for the next time, and named', async () => {
    const other = await central.connect();
    await other.query('BEGIN; LOCK TABLE api_service.users IN SHARE MODE');
    expect(await maintain('--host')).toMatchObject({ code: 3, host: { skipped: ['api_service.users'] } });
    await other.query('ROLLBACK');
    await other.end();
    expect(await maintain('--host')).toMatchObject({ code: 0, host: { skipped: [] } });
  });
});

describe('indexes', () => {
  test('that are bloated are built anew, and what a broken attempt left is taken away', async () => {
    expect(await maintain('--reindex', 'all')).toMatchObject({ code: 2, error: { field: 'reindex' } });
    // What autovacuum counted while they were there would be taken for what is there.
    await run('ALTER TABLE api_service.users SET (autovacuum_enabled = FALSE)');
    await run(`INSERT INTO api_service.users (organization_id, email, full_name, password_hash)
      SELECT '${central.nordhaven}', n || '@nordhaven.example', 'Somebody', 'x' FROM generate_series(1, 40000) AS n`);
    // Without a look into every table that might refer to them.
    await run(
      `SET session_replication_role = replica; DELETE FROM api_service.users WHERE full_name = 'Somebody'; RESET session_replication_role`,
    );
    await expect(
      run('CREATE UNIQUE INDEX CONCURRENTLY users_ccnew ON api_service.users ((password_hash IS NULL))'),
    ).rejects.toMatchObject({ code: '23505' });
    const planned = await maintain('--host', '--reindex', 'bloated', '--dry-run');
    const names = planned.host.indexes.map(({ name }) => name);
    expect(names).toContain('api_service.users_pkey');
    expect(names.every((name) => name.startsWith('api_service.users_'))).toBe(true);
    const { code, host } = await maintain('--host', '--reindex', 'bloated');
    expect({ code, problems: host.problems }).toEqual({ code: 0, problems: [] });
    expect(host.indexes.map(({ name }) => name)).toEqual(names);
    for (const { bytesBefore, bytesAfter } of host.indexes) expect(bytesAfter!).toBeLessThan(bytesBefore / 2);
    expect((await run(`SELECT count(*)::INTEGER AS n FROM pg_index WHERE NOT indisvalid`)).rows).toEqual([{ n: 0 }]);
    expect((await maintain('--host', '--reindex', 'bloated')).host.indexes).toEqual([]);
  });

  test('are all built anew where that is asked for, each partition’s own too', async () => {
    const { host } = await maintain('--host', '--reindex', 'all');
    const names = host.indexes.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['api_service.api_keys_pkey', 'api_service.audit_events_default_pkey']),
    );
    expect(host.problems).toEqual([]);
  });
});
