import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Core } from '../../src-main/core/core.ts';
import { withClient } from './dataset.ts';
import { joinedDevice } from './device.ts';
import { type BenchContext, type Figure, milliseconds, type Part, percentile } from './figure.ts';
import { copyHost, dropDatabases, installLatchkey, makeHost, organizationKey } from './host-database.ts';

const person = 'user1@example.org';
const byDevice = { samples: 40, limitMs: 150 };
const byHost = { samples: 15, limitMs: 2_500 };

/** How long a change takes to be seen on a device: one of another device, which central tells of, and one of the host, which is polled for. */
export const part: Part = {
  name: 'latency',
  async run({ server }: BenchContext): Promise<Figure[]> {
    await makeHost(server, 'host_alone');
    const url = await copyHost(server, 'host_alone', 'host_watched', installLatchkey);
    const id = await withClient(url, async (client) => {
      const { rows } = await client.query<{ id: string }>(`SELECT ${organizationKey('0')}::TEXT AS id`);
      return rows[0]!.id;
    });
    const central = { url, organization: { id, name: 'Organization 0' }, operator: 'user0@example.org' };
    const writer = await joinedDevice(central, true);
    const reader = await joinedDevice(central, true);
    try {
      const ofDevice: number[] = [];
      for (let sample = 0; sample < byDevice.samples; sample++) {
        await pause(Math.random() * 200);
        const name = `By a device ${sample}`;
        await writer.core.call('people.edit', { person, name });
        ofDevice.push(await untilSeen(reader.core, name));
      }
      const ofHost = await withClient(url, async (client) => {
        const times: number[] = [];
        for (let sample = 0; sample < byHost.samples; sample++) {
          await pause(Math.random() * 500);
          const name = `By the host ${sample}`;
          await client.query('UPDATE api_service.users SET full_name = $1 WHERE email = $2', [name, person]);
          times.push(await untilSeen(reader.core, name));
        }
        return times;
      });
      return [
        figure("another device's change, until it is seen here", ofDevice, byDevice.limitMs),
        figure("the host's change, until it is seen here", ofHost, byHost.limitMs),
      ];
    } finally {
      await writer.close();
      await reader.close();
      await dropDatabases(server, ['host_alone', 'host_watched']);
    }
  },
};

async function untilSeen(core: Core, name: string): Promise<number> {
  const started = performance.now();
  while ((await core.call('people.show', { person })).name !== name) await pause(2);
  return performance.now() - started;
}

function figure(what: string, times: number[], limitMs: number): Figure {
  const p95 = percentile(times, 0.95);
  return {
    what: `${what}: p95`,
    measured: milliseconds(p95),
    against: `${milliseconds(percentile(times, 0.5))} p50`,
    ratio: null,
    target: `under ${milliseconds(limitMs)}`,
    met: p95 < limitMs,
  };
}
