import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { userKey, users } from './host-database.ts';

/** What each client of a load does again and again, in one transaction. */
export interface Workload {
  name: string;
  /** An UPDATE; `:n` stands for a number that is drawn anew each time. */
  statement: string;
  /** The numbers of a client lie between its own multiple of `perClient` and the next, or between 0 and `all`. */
  draw: { all: number } | { perClient: number };
  /** How long the transaction is held open after the statement. */
  holdMs?: number;
}

const rename = (where: string) => `UPDATE api_service.users SET full_name = 'User ' || (:n)::INTEGER WHERE ${where}`;
const byKey = rename(`id = ${userKey('(:n)::INTEGER')}`);
const bulkRows = 1_000;

export const singleRow: Workload = { name: 'single-row updates', statement: byKey, draw: { all: users } };
export const held: Workload = { ...singleRow, name: 'transactions of 5 ms', holdMs: 5 };
/** Each client in rows of its own, so that none waits for another. */
export const bulk: Workload = {
  name: 'updates of 1,000 rows',
  statement: rename(
    `id BETWEEN ${userKey(`(:n)::INTEGER * ${bulkRows}`)} AND ${userKey(`(:n)::INTEGER * ${bulkRows} + ${bulkRows - 1}`)}`,
  ),
  draw: { perClient: 2 },
};

export interface Load {
  url: string;
  workload: Workload;
  clients: number;
  synchronousCommit: boolean;
  seconds: number;
}

/** pgbench where it is installed, which takes less of the processor that the server needs; else clients in this process. */
export function loadGenerator(): { name: string; transactionsPerSecond(load: Load): Promise<number> } {
  const program = pgbench();
  return program
    ? { name: 'pgbench', transactionsPerSecond: (load) => byPgbench(program, load) }
    : { name: 'node-postgres', transactionsPerSecond: byNode };
}

function pgbench(): string | null {
  const versions = '/usr/lib/postgresql';
  const found = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];
  const folders = [...(process.env.PATH ?? '').split(':'), ...found.toSorted()];
  // Debian's /usr/bin/pgbench is a wrapper that needs a cluster of Debian's own.
  return (
    folders
      .filter((folder) => folder !== '/usr/bin')
      .map((folder) => join(folder, 'pgbench'))
      .findLast(existsSync) ?? null
  );
}

async function byPgbench(program: string, load: Load): Promise<number> {
  const { workload, clients } = load;
  const folder = mkdtempSync(join(tmpdir(), 'load-'));
  try {
    const script = join(folder, 'script.sql');
    const drawn =
      'all' in workload.draw
        ? `random(0, ${workload.draw.all - 1})`
        : `:client_id * ${workload.draw.perClient} + random(0, ${workload.draw.perClient - 1})`;
    const body = workload.holdMs
      ? `BEGIN;\n${workload.statement};\n\\sleep ${workload.holdMs} ms\nCOMMIT;\n`
      : `${workload.statement};\n`;
    writeFileSync(script, `\\set n ${drawn}\n${body}`);
    const { stdout } = await promisify(execFile)(
      program,
      ['-n', '-M', 'prepared', '-f', script, '-c', String(clients), '-j', '1', '-T', String(load.seconds), load.url],
      { env: { PATH: process.env.PATH, PGOPTIONS: `-c synchronous_commit=${commitSetting(load)}` } },
    );
    const tps = /^tps = ([\d.]+)/m.exec(stdout);
    if (!tps) throw new Error(`pgbench reported no rate: ${stdout}`);
    return Number(tps[1]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function byNode(load: Load): Promise<number> {
  const { workload, clients, url } = load;
  const connections = await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new pg.Client({
        connectionString: url,
        options: `-c synchronous_commit=${commitSetting(load)}`,
      });
      await client.connect();
      return client;
    }),
  );
  const text = workload.statement.replaceAll(':n', '$1');
  const started = performance.now();
  const deadline = started + load.seconds * 1_000;
  let done = 0;
  await Promise.all(
    connections.map(async (client, place) => {
      for (; performance.now() < deadline; done++) {
        const { draw } = workload;
        const number =
          'all' in draw
            ? Math.floor(Math.random() * draw.all)
            : place * draw.perClient + Math.floor(Math.random() * draw.perClient);
        if (workload.holdMs) await client.query('BEGIN');
        await client.query({ name: 'write', text, values: [number] });
        if (!workload.holdMs) continue;
        await pause(workload.holdMs);
        await client.query('COMMIT');
      }
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  await Promise.all(connections.map((client) => client.end()));
  return done / seconds;
}

const commitSetting = ({ synchronousCommit }: Load): string => (synchronousCommit ? 'on' : 'off');
