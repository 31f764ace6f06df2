import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { connectToCentral } from '../../src-main/core/central/connection.ts';
import { type EnrollmentFile, enroll } from '../../src-main/core/central/enroll.ts';
import { mirrorFile, openMirror } from '../../src-main/core/mirror/open.ts';
import { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { pull } from '../../src-main/core/sync/pull.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { withClient } from './dataset.ts';
import { type BenchContext, type Figure, milliseconds, type Part, percentile } from './figure.ts';
import { copyHost, dropDatabases, installLatchkey, makeHost, organizations, userKey, users } from './host-database.ts';

const devices = 200;
const pollMs = 2_000;
const windowMs = 20_000;
const hostWritesPerSecond = 20;

/**
 * Many devices on one central: each with a login, a connection and a mirror of its own, doing every two seconds what the product does
 * when it polls, while the host writes. All mirrors lie in this one process; those of one organization begin as copies of one first mirror.
 */
export const part: Part = {
  name: 'polling',
  async run({ server, log }: BenchContext): Promise<Figure[]> {
    await makeHost(server, 'host_alone');
    const url = await copyHost(server, 'host_alone', 'host_polled', installLatchkey);
    const folder = mkdtempSync(join(tmpdir(), 'polling-'));
    const polled: Device[] = [];
    try {
      polled.push(...(await joinDevices(url, folder)));
      return await withClient(url, async (client) => {
        const { rows } = await client.query<{ limit: string; used: string; pid: number }>(
          `SELECT current_setting('max_connections') AS limit, sum(numbackends)::TEXT AS used, pg_backend_pid() AS pid FROM pg_stat_database`,
        );
        const cpuBefore = processorSeconds(rows[0]!.pid);
        const started = performance.now();
        const [times] = await Promise.all([poll(polled, started), write(client, started)]);
        const seconds = (performance.now() - started) / 1_000;
        const processor = (processorSeconds(rows[0]!.pid) - cpuBefore) / seconds;
        log(
          `${devices} devices with ${rows[0]!.used} of ${rows[0]!.limit} connections; ${times.length} polls in ${seconds.toFixed(0)} s; ${((processor * seconds * 1_000) / times.length).toFixed(1)} ms of the server's processor a poll`,
        );
        return [
          figure(`polls of ${devices} devices, one in 2 s each: p50`, milliseconds(percentile(times, 0.5)), null),
          figure(
            `polls of ${devices} devices, one in 2 s each: p99`,
            milliseconds(percentile(times, 0.99)),
            percentile(times, 0.99) < pollMs,
            'under the 2 s between polls',
          ),
          figure(
            `server's processor under ${devices} polling devices`,
            `${(processor * 100).toFixed(0)} % of one core`,
            null,
          ),
        ];
      });
    } finally {
      for (const { client, mirror } of polled) {
        await client.end();
        mirror.database.close();
      }
      rmSync(folder, { recursive: true, force: true });
      await dropDatabases(server, ['host_alone', 'host_polled']);
    }
  },
};

function figure(what: string, measured: string, met: boolean | null, target = ''): Figure {
  return { what, measured, against: `${devices} devices`, ratio: null, target, met };
}

interface Device {
  client: pg.Client;
  mirror: WritableMirror;
}

async function joinDevices(url: string, folder: string): Promise<Device[]> {
  const key = randomBytes(32);
  const made: Device[] = [];
  for (let number = 0; number < devices; number++) {
    const organization = number % organizations;
    const { file } = await withClient(url, (client) =>
      enroll(client, {
        url,
        organization: `Organization ${organization}`,
        operator: `user${organization * 1_000}@example.org`,
        device: `device ${number}`,
        role: 'admin',
      }),
    );
    const { central, login, password } = JSON.parse(file) as EnrollmentFile;
    const client = await connectToCentral({ ...central, user: login, password });
    const { publicKey } = generateKeyPairSync('ed25519');
    await client.query('SELECT latchkey.join($1)', [publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)]);
    const own = join(folder, String(number));
    mkdirSync(own);
    const first = made[organization];
    if (first) {
      first.mirror.database.pragma('wal_checkpoint(TRUNCATE)');
      copyFileSync(first.mirror.database.name, join(own, mirrorFile));
    }
    const mirror = new WritableMirror(openMirror(own, key, 'write'), skyGenesis);
    mirror.transaction(() => mirror.rebuildViews());
    const device = { client, mirror };
    const { channel } = await pull(contextOf(device));
    await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    made.push(device);
  }
  return made;
}

const contextOf = (device: Device) => ({ ...device, now: Date.now, onProgress: () => {}, onChanged: () => {} });

/** @returns how long each poll took, in milliseconds */
async function poll(polled: Device[], started: number): Promise<number[]> {
  const times: number[] = [];
  await Promise.all(
    polled.map(async (device, number) => {
      await pause((number / devices) * pollMs);
      while (performance.now() - started < windowMs) {
        const asked = performance.now();
        await pull(contextOf(device));
        times.push(performance.now() - asked);
        await pause(pollMs);
      }
    }),
  );
  return times;
}

async function write(client: pg.Client, started: number): Promise<void> {
  while (performance.now() - started < windowMs) {
    const number = Math.floor(Math.random() * users);
    await client.query(
      `UPDATE api_service.users SET full_name = 'Renamed ' || $1::INTEGER WHERE id = ${userKey('$1::INTEGER')}`,
      [number],
    );
    await pause(1_000 / hostWritesPerSecond);
  }
}

/** What all processes of the server have used so far, in seconds of one core; NaN where there is no /proc to tell. */
function processorSeconds(backend: number): number {
  try {
    const server = statOf(backend).parent;
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    let ticks = 0;
    for (const name of processes) {
      try {
        const { parent, used, reaped } = statOf(Number(name));
        if (Number(name) === server) ticks += used + reaped;
        else if (parent === server) ticks += used;
      } catch {
        // It ended meanwhile.
      }
    }
    return ticks / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

/** What Linux counts in, on every machine that Node runs on. */
const ticksPerSecond = 100;

function statOf(pid: number): { parent: number; used: number; reaped: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name, may hold spaces.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { parent: fields[1]!, used: fields[11]! + fields[12]!, reaped: fields[13]! + fields[14]! };
}
