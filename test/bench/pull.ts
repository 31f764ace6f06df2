import { performance } from 'node:perf_hooks';
import type { Core } from '../../src-main/core/core.ts';
import { withClient } from './dataset.ts';
import { joinedDevice } from './device.ts';
import { type BenchContext, type Figure, median, milliseconds, type Part } from './figure.ts';

const limitMs = 500;

/** How long a device takes to bring what changed at central, from asking until the mirror holds it. */
export const part: Part = {
  name: 'pull',
  async run(context: BenchContext): Promise<Figure[]> {
    const dataset = await context.dataset();
    const device = await joinedDevice(dataset);
    try {
      return await withClient(dataset.url, async (client) => {
        const timed = async (rounds: number, rows: number): Promise<number> => {
          const times: number[] = [];
          for (let round = 0; round < rounds; round++) {
            await client.query(
              `UPDATE api_service.users SET full_name = 'Renamed ' || $3 WHERE id IN
                 (SELECT id FROM api_service.users WHERE organization_id = $1 ORDER BY id LIMIT $2)`,
              [dataset.organization.id, rows, String(round)],
            );
            times.push(await timeOf(device.core));
          }
          return median(times);
        };
        const idle = await timed(20, 0);
        const one = await timed(20, 1);
        const many = await timed(5, 10_000);
        return [
          figure('pull when nothing changed', idle, null),
          figure('pull of 1 changed row', one, null),
          figure('pull of 10,000 changed rows', many, limitMs),
        ];
      });
    } finally {
      await device.close();
    }
  },
};

async function timeOf(core: Core): Promise<number> {
  const started = performance.now();
  await core.call('sync.now', {});
  return performance.now() - started;
}

function figure(what: string, measured: number, limit: number | null): Figure {
  return {
    what,
    measured: milliseconds(measured),
    against: '',
    ratio: limit === null ? null : limit / measured,
    target: limit === null ? '' : `< ${milliseconds(limit)}`,
    met: limit === null ? null : measured < limit,
  };
}
