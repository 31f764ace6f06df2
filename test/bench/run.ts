import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { startEmbeddedServer } from '../../src-main/core/central/embedded-server.ts';
import { part as append } from './append.ts';
import { part as audit } from './audit.ts';
import { type Dataset, makeDataset, withClient } from './dataset.ts';
import { type BenchContext, type Figure, megabytes, type Part, table } from './figure.ts';
import { part as firstMirror } from './first-mirror.ts';
import { part as hostWriters } from './host-writers.ts';
import { part as install } from './install.ts';
import { part as latency } from './latency.ts';
import { part as polling } from './polling.ts';
import { part as pull } from './pull.ts';
import { part as push } from './push.ts';
import { part as reads } from './reads.ts';
import { part as tracking } from './tracking.ts';

const parts: Part[] = [append, audit, firstMirror, pull, push, reads, hostWriters, tracking, polling, latency, install];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}. Parts: ${parts.map((part) => part.name).join(', ')}`);
  process.exit(2);
}

const log = (line: string) => console.log(line);
const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
const server = await startEmbeddedServer({
  dataFolder: join(folder, 'central'),
  temporary: true,
  // As durable as it comes; room for a large database and for many devices.
  settings: { shared_buffers: '512MB', max_wal_size: '4GB', max_connections: '300', checkpoint_timeout: '15min' },
});
// What parts put into the temporary folder goes with the run's own.
process.env.TMPDIR = join(folder, 'tmp');
mkdirSync(process.env.TMPDIR);
const stop = async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const)
  process.once(signal, () => void stop().finally(() => process.exit(130)));
process.channel?.unref();

const figures: Figure[] = [];
try {
  const version = await withClient(server.superuserUrl, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]!.server_version;
  });
  const processors = cpus();
  log(
    `${processors.length} × ${processors[0]?.model.trim()}, ${megabytes(totalmem())}, Node ${process.version}, PostgreSQL ${version}`,
  );
  const context: BenchContext = { server: server.superuserUrl, dataset: once(() => dataset()), log };
  for (const part of parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    log(`\n${part.name}`);
    figures.push(...(await part.run(context)));
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await stop();
}
if (figures.length > 0) log(`\n${table(figures)}`);
process.disconnect?.();

/** `LATCHKEY_BENCH_SCALE` shrinks it, for trying a part out; figures count at 1. */
async function dataset(): Promise<Dataset> {
  const scale = Number(process.env.LATCHKEY_BENCH_SCALE ?? 1);
  const started = performance.now();
  const made = await makeDataset(server.superuserUrl, scale);
  log(
    `dataset at scale ${scale}: ${JSON.stringify(made.rows)} in ${((performance.now() - started) / 1_000).toFixed(1)} s`,
  );
  return made;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
