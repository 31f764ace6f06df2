import { withClient } from './dataset.ts';
import { type BenchContext, type Figure, median, type Part } from './figure.ts';
import { copyHost, dropDatabases, installLatchkey, makeHost } from './host-database.ts';
import { bulk, held, type Load, loadGenerator, singleRow } from './load.ts';

const rounds = 5;
const secondsPerRun = 1;

const settings: (Omit<Load, 'url' | 'seconds'> & { floor: number | null })[] = [
  ...[4, 16].flatMap((clients) => [
    { workload: held, clients, synchronousCommit: true, floor: 0.95 },
    { workload: singleRow, clients, synchronousCommit: true, floor: 0.9 },
    { workload: singleRow, clients, synchronousCommit: false, floor: null },
    { workload: bulk, clients, synchronousCommit: true, floor: null },
  ]),
];

/** What the host's own writers lose by Latchkey being there: the same load on the same data, without and with it, in turns. */
export const part: Part = {
  name: 'host-writers',
  async run({ server, log }: BenchContext): Promise<Figure[]> {
    const without = await makeHost(server, 'host_alone');
    const installed = await copyHost(server, 'host_alone', 'host_with_latchkey', installLatchkey);
    try {
      const generator = loadGenerator();
      log(`load by ${generator.name}; median of ${rounds} rounds of ${secondsPerRun} s each, in turns`);
      const figures: Figure[] = [];
      for (const { floor, ...setting } of settings) {
        const rates: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
        for (let round = 0; round < rounds; round++) {
          const turns = [['alone', without] as const, ['beside', installed] as const];
          for (const [which, url] of round % 2 === 0 ? turns : turns.toReversed()) {
            await withClient(url, (client) => client.query('VACUUM api_service.users'));
            rates[which].push(await generator.transactionsPerSecond({ ...setting, url, seconds: secondsPerRun }));
          }
        }
        figures.push(figure(setting, rates, floor));
      }
      return figures;
    } finally {
      await dropDatabases(server, ['host_alone', 'host_with_latchkey']);
    }
  },
};

function figure(
  { workload, clients, synchronousCommit }: Omit<Load, 'url' | 'seconds'>,
  { alone, beside }: { alone: number[]; beside: number[] },
  floor: number | null,
): Figure {
  // Neighbours in time: what else the machine does weighs on both of a round.
  const ratio = median(beside.map((rate, round) => rate / alone[round]!));
  return {
    what: `host: ${workload.name}, ${clients} clients, synchronous_commit ${synchronousCommit ? 'on' : 'off'}`,
    measured: `${median(beside).toFixed(0)} TPS`,
    against: `${median(alone).toFixed(0)} TPS without Latchkey`,
    ratio,
    target: floor === null ? '' : `at least ${floor.toFixed(2)}`,
    met: floor === null ? null : ratio >= floor,
  };
}
