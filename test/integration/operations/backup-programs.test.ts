import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install } from '../../../src-main/core/central/install.ts';
import { migrateSystem } from '../../../src-main/core/central/migrate.ts';
import type { Backup } from '../../../src-main/core/central/operations/backup.ts';
import type { Health } from '../../../src-main/core/central/operations/health.ts';
import type { Drill } from '../../../src-main/core/central/operations/restore-drill.ts';
import type { Retention } from '../../../src-main/core/central/operations/retention.ts';
import { skyGenesis } from '../../../src-main/core/systems/sky-genesis.ts';
import { runCommandLine } from '../../../src-main/hosts/cli/command-line.ts';
import { installedPostgres, startInstalledPostgres } from '../../fixtures/installed-postgres.ts';
import { recordedTerminal } from '../../fixtures/terminal.ts';

const installed = installedPostgres();

/* Against a server and programs of PostgreSQL’s own, where this machine has them; not run where it has none. */
describe.skipIf(!installed)('with PostgreSQL’s own programs', () => {
  const { bin, major } = installed ?? { bin: '', major: 0 };
  let server: { url: string; stop(): Promise<void> };
  let client: pg.Client;
  let place: string;

  beforeAll(async () => {
    server = await startInstalledPostgres(bin);
    client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await migrateSystem(client, 'sky-genesis', 'up');
    await client.query(`INSERT INTO api_service.organizations (name) VALUES ('Nordhaven')`);
    await client.query(
      `INSERT INTO api_service.users (organization_id, email, full_name, password_hash) SELECT id, n || '@nordhaven.example', 'N', 'x' FROM api_service.organizations, generate_series(1, 500) AS n`,
    );
    await install(client, skyGenesis);
    // What no migration of ours made.
    await client.query(
      'CREATE TABLE public.invoices (id INTEGER PRIMARY KEY); INSERT INTO public.invoices VALUES (1), (2)',
    );
    place = mkdtempSync(join(tmpdir(), 'latchkey-backups-'));
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
    if (place) rmSync(place, { recursive: true, force: true });
  });

  async function latchkey<T>(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; value: T }> {
    const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: server.url, ...env } });
    const code = await runCommandLine(['central', ...args, '--bin', bin, '--json'], terminal);
    return { code, value: terminal.document() as T };
  }

  test('pg_dump takes all of a database, sealed, and a drill restores it into another version', async () => {
    const sealed = { LATCHKEY_BACKUP_PASSPHRASE: 'a long enough passphrase' };
    const made = await latchkey<Backup>(['backup', '--to', place], sealed);
    expect(made).toMatchObject({ code: 0, value: { method: 'pg_dump', encrypted: true, recorded: true } });
    expect(readdirSync(made.value.folder!).sort()).toEqual(['database.dump.sealed', 'manifest.json']);
    const file = readFileSync(join(made.value.folder!, 'database.dump.sealed'));
    expect(file.includes('PGDMP')).toBe(false);
    const { code, value } = await latchkey<Drill>(['restore-drill', '--from', made.value.folder!], sealed);
    expect(value.checks?.filter(({ passed }) => !passed)).toEqual([]);
    expect(code).toBe(0);
    expect(value).toMatchObject({ passed: true, recorded: true });
    expect(value.checks.map(({ name }) => name)).toContain('change tracking');
    expect(value.server.startsWith(`${major}.`)).toBe(false);
    expect(value.remarks.join(' ')).toContain('latchkey_owner');
  });

  test('pg_basebackup takes the whole cluster, of which a damaged file is named', async () => {
    const sealed = { LATCHKEY_BACKUP_PASSPHRASE: 'a long enough passphrase' };
    const physical = ['backup', '--to', place, '--method', 'pg_basebackup'];
    expect(await latchkey(physical, sealed)).toMatchObject({ code: 1, value: { error: { code: 'not-supported' } } });
    const made = await latchkey<Backup>(physical);
    expect(made).toMatchObject({ code: 0, value: { method: 'pg_basebackup', recorded: true } });
    const drill = (...args: string[]) =>
      latchkey<Drill & { error: { code: string; message: string } }>([
        'restore-drill',
        '--from',
        made.value.folder!,
        ...args,
      ]);
    const { code, value } = await drill();
    expect(value.checks?.filter(({ passed }) => !passed)).toEqual([]);
    expect(code).toBe(0);
    expect(value).toMatchObject({ passed: true, recorded: true, into: 'a throwaway copy of the cluster' });
    expect(value.checks.map(({ name }) => name)).toEqual(['foreign keys', 'change tracking']);
    expect((await drill('--into', server.url)).value.error).toMatchObject({ code: 'not-supported', field: 'into' });
    writeFileSync(join(made.value.folder!, 'cluster', 'PG_VERSION'), '99\n');
    expect((await drill()).value.error).toMatchObject({
      code: 'backup-damaged',
      message: expect.stringContaining('cluster/PG_VERSION is not what was written'),
    });
    expect(await latchkey(['backup', '--to', place, '--kind', 'incremental'])).toMatchObject({
      code: 1,
      value: {
        error: {
          code: 'not-supported',
          message: expect.stringContaining(major < 17 ? 'since version 17' : 'summarize_wal'),
        },
      },
    });
  });

  test('the other operations know that server’s catalogue too', async () => {
    const run = async (...args: string[]) => {
      const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: server.url } });
      const code = await runCommandLine(['central', ...args, '--json'], terminal);
      return { code, ...terminal.document() };
    };
    await client.query(`INSERT INTO api_service.audit_events (created_at) VALUES ('2020-05-05')`);
    expect(await run('partitions')).toMatchObject({
      code: 0,
      tables: [{ problem: null }, { problem: null, leftInDefault: 0 }],
    });
    const retained = await run('retention', '--keep', 'audit_events=400', '--archive', place);
    expect(retained).toMatchObject({ code: 0, tables: [{ partitions: [{ name: 'audit_events_2020_05', rows: 1 }] }] });
    rmSync((retained as unknown as Retention).archive!.folder, { recursive: true });
    expect(await run('maintain', '--host', '--reindex', 'all')).toMatchObject({
      code: 0,
      host: { problems: [], skipped: [] },
    });
    const { findings } = (await run('health')) as unknown as Health;
    expect(findings.filter(({ what }) => /took longer|may not look/.test(what))).toEqual([]);
    expect(new Set(findings.map(({ area }) => area)).size).toBe(16);
  });

  test('backups past their days are removed, but for the newest and what a kept one builds on', async () => {
    const folders = readdirSync(place).sort();
    expect(folders).toHaveLength(2);
    const age = (folder: string, days: number) => {
      const path = join(place, folder, 'manifest.json');
      const manifest = JSON.parse(readFileSync(path, 'utf8'));
      const finishedAt = new Date(Date.now() - days * 86_400_000).toISOString();
      writeFileSync(path, JSON.stringify({ ...manifest, startedAt: finishedAt, finishedAt }));
    };
    age(folders[0]!, 31);
    age(folders[1]!, 40);
    const planned = await latchkey<Backup>(['backup', '--to', place, '--expire', '--dry-run']);
    // The newest one by name is the last that there is.
    expect(planned.value.expired).toEqual([join(place, folders[0]!)]);
    const { value } = await latchkey<Backup>(['backup', '--to', place, '--expire']);
    expect(value.expired).toEqual(folders.map((folder) => join(place, folder)));
    expect(readdirSync(place)).toEqual([value.folder!.slice(place.length + 1)]);
  });
});
