import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { fillDemo, fillDemoSidecars } from '../../core/central/demo/index.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../core/central/embedded-server.ts';
import { install } from '../../core/central/install.ts';
import { migrateSystem } from '../../core/central/migrate.ts';
import { upgrade } from '../../core/central/upgrade.ts';
import { systemNamed } from '../../core/systems/index.ts';
import { writePrivately } from '../../core/vault/private-file.ts';
import type { DemoFolder, DemoState } from './demo-folder.ts';
import type { Lifetime } from './lifetime.ts';
import type { Progress } from './progress.ts';

export interface DemoCentral {
  /** As the device reaches it, without a login. */
  deviceUrl: string;
  /** Where its data lies. */
  cluster: string;
  connect(): Promise<pg.Client>;
}

/** Starts the demo's PostgreSQL, and brings its database to where the demo needs it: schema, data, Latchkey. */
export async function startDemoCentral(
  folder: DemoFolder,
  state: DemoState,
  progress: Progress,
  lifetime: Lifetime,
): Promise<DemoCentral> {
  const server = await progress.step('Starting PostgreSQL', () => {
    const starting = startEmbeddedServer({ dataFolder: folder.server, port: state.port });
    lifetime.onEnd(async () => (await starting).stop());
    return starting;
  });
  const { system } = state;
  const database = system.replaceAll('-', '_');
  const url = urlOf(server, database);
  await writePrivately(folder.superuserUrl, `${url}\n`);
  if (state.demo === null) await makeDatabase(server, database);
  else await requireDatabase(server, folder, database);
  const connect = () => connected(url);
  const client = await connect();
  try {
    await progress.step('Bringing the schema up to date', () => orReset(() => migrateSystem(client, system, 'up')));
    if (state.demo === null) {
      const { organization, operator } = await progress.step('Filling a demo organization', (report) =>
        fillDemo(client, system, {
          now: new Date(),
          onProgress: (step, done, total) => report(`${step} ${Math.round((100 * done) / Math.max(1, total))} %`),
        }),
      );
      state.demo = { organization: organization?.id ?? null, operator: operator.email };
      await folder.writeState(state);
    }
    await progress.step('Installing Latchkey at central', async () => {
      await installOrUpgrade(client, system);
      await fillDemoSidecars(client, system);
    });
  } finally {
    await client.end();
  }
  return { deviceUrl: `postgres://127.0.0.1:${server.port}/${database}`, cluster: server.cluster, connect };
}

/** A free port below those that systems give to outgoing connections, because the device goes on using it. */
export async function choosePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(21_000, 30_000);
    if (await isFree(port)) return port;
  }
  throw new LatchkeyError(
    'folder-unusable',
    'No free port was found for PostgreSQL on this machine. Nothing was changed.',
  );
}

/** What an interrupted start left of it goes: the data is filled in one go or not at all, but its owner never heard. */
async function makeDatabase(server: EmbeddedServer, database: string): Promise<void> {
  const admin = await connected(server.superuserUrl);
  try {
    await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${database} TEMPLATE template0`);
  } finally {
    await admin.end();
  }
}

/** Somebody may have removed the cluster: then a new and empty one was made just now. */
async function requireDatabase(server: EmbeddedServer, folder: DemoFolder, database: string): Promise<void> {
  const admin = await connected(server.superuserUrl);
  try {
    const { rows } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rows.length > 0) return;
  } finally {
    await admin.end();
  }
  throw new LatchkeyError(
    'central-not-latchkey',
    `The central database of the demo in ${folder.device} is gone. What is on the device was kept. \`npm start -- --reset\` begins anew.`,
  );
}

/** A demo of an earlier version is brought up to date where it can be. */
async function installOrUpgrade(client: pg.Client, system: string): Promise<void> {
  const mapping = systemNamed(system);
  try {
    await install(client, mapping);
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.code !== 'already-installed') throw error;
    await orReset(() => upgrade(client, mapping));
  }
}

async function orReset(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof LatchkeyError) || !['schema-mismatch', 'central-too-new'].includes(error.code)) throw error;
    throw new LatchkeyError(error.code, `${error.message} For a demo, \`npm start -- --reset\` begins anew.`, {
      cause: error,
    });
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // The server is stopped while a step is under way: the step's own query tells.
  client.on('error', () => {});
  await client.connect();
  return client;
}

function urlOf(server: EmbeddedServer, name: string): string {
  const url = new URL(server.superuserUrl);
  url.pathname = `/${name}`;
  return url.href;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((tell) => {
    const probe = createServer();
    probe.once('error', () => tell(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => tell(true)));
  });
}
