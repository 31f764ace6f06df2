import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { install, uninstall } from '../../src-main/core/central/install.ts';
import type { SystemMapping, TableMapping } from '../../src-main/core/systems/system.ts';
import { withClient } from './dataset.ts';
import { type BenchContext, type Figure, milliseconds, type Part } from './figure.ts';
import { databaseUrl, dropDatabases } from './host-database.ts';
import type { HostReport } from './install-host-process.ts';

const tableCount = 200;
const rowCount = 5_000_000;
/** Of the rows: one table is large, the others small. */
const largeShare = 0.6;
const longestWaitMs = 1_000;

/**
 * How long a host at work on 200 tables waits while Latchkey is installed and removed: every statement of a writer and a reader on each
 * table is timed.
 */
export const part: Part = {
  name: 'install',
  async run({ server, log }: BenchContext): Promise<Figure[]> {
    const scale = Number(process.env.LATCHKEY_BENCH_SCALE ?? 1);
    const url = await makeTables(server, scale);
    const host = await hostAtWork(url);
    try {
      const reports: HostReport[] = [];
      const during = async (what: string, work: () => Promise<unknown>) => {
        await tell(host, what);
        await work();
        reports.push(await tell(host, 'between'));
        // What is written after a large transaction is no part of what waits for it.
        await pause(2_000);
      };
      await during('nothing else', () => pause(5_000));
      for (let round = 1; round <= 3; round++) {
        await during('install', () => withClient(url, (client) => install(client, mapping)));
        await during('uninstall', () => withClient(url, (client) => uninstall(client)));
      }
      for (const report of reports) {
        if (report.failures.length > 0) throw new Error(`The host's statements failed: ${report.failures.join('; ')}`);
        log(
          `${report.during}: ${milliseconds(report.milliseconds)}, ${report.statements} statements on ${report.tables} tables, the longest write ${milliseconds(report.longestWrite)}, read ${milliseconds(report.longestRead)} (${report.longestOn})`,
        );
      }
      return ['install', 'uninstall'].map((what) => figure(what, reports));
    } finally {
      await tell(host, null);
      await once(host, 'exit');
      await dropDatabases(server, ['many_tables']);
    }
  },
};

const name = (n: number) => `t${String(n).padStart(3, '0')}`;
const ofTenant: TableMapping = { tenancy: { class: 'organization', column: 'tenant' } };

const mapping: SystemMapping = {
  name: 'many-tables',
  title: 'Many tables',
  schema: 'host',
  organization: { table: name(0), id: 'id', name: 'note' },
  tables: Object.fromEntries(
    Array.from({ length: tableCount }, (_, n): [string, TableMapping] => {
      if (n === 0) return [name(n), { tenancy: { class: 'root' } }];
      const rights = { rights: { admin: { update: ['note'] } } };
      return n % 2 === 0
        ? [name(n), { ...ofTenant, ...rights }]
        : [name(n), { tenancy: { class: 'path', column: 'up', parent: name(n - 1), parentKey: 'id' }, ...rights }];
    }),
  ),
  people: {
    table: name(2),
    id: 'id',
    email: 'note',
    name: [],
    role: null,
    status: null,
    deletedAt: null,
    lastSeenAt: null,
    organization: 'tenant',
    createdAt: null,
    updatedAt: null,
  },
  keys: null,
  sessions: null,
  activity: null,
};

async function makeTables(server: string, scale: number): Promise<string> {
  await withClient(server, (client) => client.query('CREATE DATABASE many_tables TEMPLATE template0'));
  const url = databaseUrl(server, 'many_tables');
  await withClient(url, async (client) => {
    await client.query('CREATE SCHEMA host');
    for (let n = 0; n < tableCount; n++) {
      const share = n === 1 ? largeShare : (1 - largeShare) / (tableCount - 1);
      const rows = Math.max(100, Math.round(rowCount * scale * share));
      await client.query(
        `CREATE TABLE host.${name(n)} (id INTEGER PRIMARY KEY, tenant INTEGER${n === 0 ? '' : ` REFERENCES host.${name(0)}`},
           up INTEGER${n === 0 ? '' : ` REFERENCES host.${name(n - 1)}`}, note TEXT, at TIMESTAMPTZ DEFAULT now())`,
      );
      await client.query('SET session_replication_role = replica');
      await client.query(
        `INSERT INTO host.${name(n)} SELECT n, 1 + n % 10, 1 + n % 100, 'note ' || n FROM generate_series(1, ${rows}) n`,
      );
      await client.query('RESET session_replication_role');
    }
    await client.query('VACUUM (ANALYZE)');
    await client.query('CHECKPOINT');
  });
  return url;
}

async function hostAtWork(url: string): Promise<ChildProcess> {
  const entry = join(import.meta.dirname, 'install-host-process.ts');
  const host = fork(entry, [url, 'host'], { execArgv: ['--disable-warning=ExperimentalWarning'] });
  await once(host, 'message');
  return host;
}

/** Says what goes on from now on. @returns what went on until now */
async function tell(host: ChildProcess, during: string | null): Promise<HostReport> {
  host.send(during as string);
  const [report] = (await once(host, 'message')) as [HostReport];
  return report;
}

function figure(what: string, reports: HostReport[]): Figure {
  const longest = (of: string) =>
    Math.max(...reports.filter(({ during }) => during === of).flatMap((one) => [one.longestWrite, one.longestRead]));
  const waited = longest(what);
  return {
    what: `host at work on ${tableCount} tables during ${what}: the longest wait`,
    measured: milliseconds(waited),
    against: `${milliseconds(longest('nothing else'))} during nothing else`,
    ratio: null,
    target: `under ${milliseconds(longestWaitMs)}`,
    met: waited < longestWaitMs,
  };
}
