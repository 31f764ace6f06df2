import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type pg from 'pg';
import { withClient } from './dataset.ts';
import { type BenchContext, type Figure, median, milliseconds, type Part } from './figure.ts';
import {
  copyHost,
  databaseUrl,
  dropDatabases,
  installLatchkey,
  makeHost,
  organizationKey,
  organizations,
  userKey,
} from './host-database.ts';
import { bulk, held, type Load, loadGenerator, singleRow } from './load.ts';

const rounds = 3;
const logged = 1_000_000;
const changed = 1_000;

/** Ways to know what changed, each beside a host that nobody watches. The first is the product's own. */
const ways = [
  { name: 'row trigger, plain log', file: null, log: 'latchkey.change' },
  { name: 'row trigger, weekly partitions', file: 'weekly-partitions.sql', log: 'latchkey.weekly' },
  { name: 'statement trigger', file: 'statement-trigger.sql', log: 'latchkey.change' },
  { name: 'row version, upserted', file: 'row-version.sql', log: 'latchkey.version' },
] as const;

const loads: Omit<Load, 'url' | 'seconds'>[] = [
  { workload: singleRow, clients: 4, synchronousCommit: true },
  { workload: singleRow, clients: 4, synchronousCommit: false },
  { workload: singleRow, clients: 16, synchronousCommit: true },
  { workload: bulk, clients: 4, synchronousCommit: true },
  { workload: held, clients: 16, synchronousCommit: true },
];

export const part: Part = {
  name: 'tracking',
  async run({ server, log }: BenchContext): Promise<Figure[]> {
    const alone = await makeHost(server, 'host_alone');
    await copyHost(server, 'host_alone', 'host_tracked', installLatchkey);
    const watched: string[] = [];
    for (const [place, { file }] of ways.entries())
      watched.push(
        await copyHost(server, 'host_tracked', `host_tracked_${place}`, async (client) => {
          if (file) await client.query(readFileSync(join(import.meta.dirname, 'tracking', file), 'utf8'));
        }),
      );
    try {
      const generator = loadGenerator();
      log(`load by ${generator.name}; median of ${rounds} rounds of 1 s each, in turns`);
      const figures: Figure[] = [];
      const weights = [await weightOf(alone, null)];
      for (const [place, { log: relation }] of ways.entries()) weights.push(await weightOf(watched[place]!, relation));
      for (const load of loads) {
        const rates: number[][] = [alone, ...watched].map(() => []);
        for (let round = 0; round < rounds; round++)
          for (const [place, url] of [alone, ...watched].entries()) {
            await withClient(url, (client) => client.query('VACUUM api_service.users'));
            rates[place]!.push(await generator.transactionsPerSecond({ ...load, url, seconds: 1 }));
          }
        for (const [place, { name }] of ways.entries())
          figures.push({
            what: `${name}: ${load.workload.name}, ${load.clients} clients, synchronous_commit ${load.synchronousCommit ? 'on' : 'off'}`,
            measured: `${median(rates[place + 1]!).toFixed(0)} TPS`,
            against: `${median(rates[0]!).toFixed(0)} TPS untracked`,
            ratio: median(rates[place + 1]!.map((rate, round) => rate / rates[0]![round]!)),
            target: '',
            met: null,
          });
      }
      for (const [place, { name }] of ways.entries()) {
        const { wal, stored } = weights[place + 1]!;
        figures.push({
          what: `${name}: bytes per update`,
          measured: `${(wal - weights[0]!.wal).toFixed(0)} of WAL, ${stored.toFixed(0)} stored`,
          against: `${weights[0]!.wal.toFixed(0)} of WAL untracked`,
          ratio: null,
          target: '',
          met: null,
        });
      }
      figures.push(await reading(databaseUrl(server, 'host_tracked'), log));
      return figures;
    } finally {
      await dropDatabases(server, ['host_alone', 'host_tracked', ...ways.map((_, place) => `host_tracked_${place}`)]);
    }
  },
};

/** What a single-row update writes, in bytes: as WAL in all, and in the log with its index. */
async function weightOf(url: string, relation: string | null): Promise<{ wal: number; stored: number }> {
  const updates = 5_000;
  return withClient(url, async (client) => {
    await client.query(`SET synchronous_commit = off`);
    await client.query('VACUUM api_service.users');
    await client.query('CHECKPOINT');
    // Past the full-page images that the first touch of each page after a checkpoint brings.
    await updateEach(client, updates);
    const stored = async () =>
      relation === null ? 0 : Number((await client.query(sizeSql, [relation])).rows[0].bytes);
    const sizeBefore = await stored();
    const before = await walPosition(client);
    await updateEach(client, updates);
    return { wal: ((await walPosition(client)) - before) / updates, stored: ((await stored()) - sizeBefore) / updates };
  });
}

const sizeSql = `SELECT coalesce((SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree($1::REGCLASS)),
  pg_total_relation_size($1::REGCLASS)) AS bytes`;

async function updateEach(client: pg.Client, updates: number): Promise<void> {
  const text = `UPDATE api_service.users SET full_name = 'User ' || $1::INTEGER WHERE id = ${userKey('$1::INTEGER')}`;
  for (let number = 0; number < updates; number++) await client.query({ name: 'weigh', text, values: [number] });
}

async function walPosition(client: pg.Client): Promise<number> {
  const { rows } = await client.query(`SELECT pg_current_wal_insert_lsn() - '0/0' AS bytes`);
  return Number(rows[0].bytes);
}

/** A thousand changes of one organization, found by its device among a million entries of all. */
async function reading(url: string, log: BenchContext['log']): Promise<Figure> {
  return withClient(url, async (client) => {
    // This login stands for a device: what a device calls asks who has logged in.
    await client.query(`INSERT INTO latchkey.organization (id) SELECT ${organizationKey('0')}::TEXT`);
    await client.query(
      `INSERT INTO latchkey.device (id, login, organization, operator, name, capability, state, enrollment_expires_at)
       SELECT 'bench', session_user, ${organizationKey('0')}::TEXT, 'x', 'bench', 'admin', 'active', now()`,
    );
    const entries = `INSERT INTO latchkey.change (organization_hash, table_id, organization, row_key)
      SELECT hashtext(id COLLATE "C"), 2, id, ARRAY[${userKey('n % 32000')}::TEXT]
      FROM (SELECT n, ${organizationKey(`n % ${organizations}`)}::TEXT AS id FROM generate_series(0, $1::INTEGER - 1) n) made`;
    await client.query(entries, [logged]);
    await client.query('VACUUM (ANALYZE) latchkey.change');
    const size = Number((await client.query(sizeSql, ['latchkey.change'])).rows[0].bytes);
    log(`${logged} entries take ${(size / 1_048_576).toFixed(0)} MiB with their index`);
    const { rows } = await client.query('SELECT pg_current_snapshot()::TEXT AS cursor');
    await client.query(entries, [changed * organizations]);
    const times: number[] = [];
    for (let round = 0; round < 15; round++) {
      const started = performance.now();
      const found = await client.query('SELECT * FROM latchkey.changes_since($1::pg_snapshot)', [rows[0].cursor]);
      times.push(performance.now() - started);
      if (found.rowCount !== changed) throw new Error(`${found.rowCount} changes were found, not ${changed}.`);
    }
    return {
      what: `row trigger, plain log: ${changed} changes found among ${logged}`,
      measured: milliseconds(median(times)),
      against: '',
      ratio: null,
      target: 'about 10 ms',
      met: median(times) <= 15,
    };
  });
}
