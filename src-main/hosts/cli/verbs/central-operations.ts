import {
  keepPartitions,
  type PartitionReport,
  type PartitionUpkeep,
  usualMonthsAhead,
} from '../../../core/central/operations/partitions.ts';
import { withCentral } from '../central.ts';
import { table } from '../print.ts';
import type { Flag, Verb } from '../verb.ts';

const dryRun: Flag = { name: 'dry-run', kind: 'yes', text: 'change nothing, and say what would be done' };

export const centralOperationVerbs: Verb[] = [
  {
    name: 'central partitions',
    summary: 'Make the partitions that tables will need, for once a quarter; show what there is',
    description:
      'Finds every table of the database that is partitioned by time, whoever made it, and makes what is missing ahead, in the interval of its newest partition. Rows that wait in a default partition come into partitions of their own, past ones too. Each step is a short transaction that waits 0.8 s for a lock at most; a step that finds its table held is tried again, and told of where that does not help. A change of its partitions has every device copy that table anew: run it at a quiet hour. Exits 3 where a table needs somebody to look.',
    place: 'central',
    positionals: [],
    flags: [
      {
        name: 'months-ahead',
        kind: 'number',
        placeholder: 'N',
        least: 0,
        most: 120,
        text: `how many months after this one are to be covered, ${usualMonthsAhead} by default`,
      },
      dryRun,
    ],
    async run(values, terminal) {
      const value = await withCentral(values, terminal, (client) =>
        keepPartitions(client, {
          dryRun: values.dryRun === true,
          monthsAhead: typeof values.monthsAhead === 'number' ? values.monthsAhead : undefined,
        }),
      );
      return { value, attention: value.tables.some(({ problem, leftInDefault }) => problem !== null || leftInDefault) };
    },
    print(value, terminal) {
      const { tables, dryRun } = value as PartitionUpkeep;
      if (tables.length === 0) terminal.out('No table here is partitioned by time.');
      else
        terminal.out(
          table(
            ['TABLE', 'EVERY', 'PARTITIONS', 'FROM', 'NEXT MISSING', 'IN DEFAULT', dryRun ? 'TO BE MADE' : 'MADE'],
            tables.map((one) => [
              one.table,
              one.interval,
              one.partitions.length,
              one.partitions[0]?.from?.slice(0, 10),
              one.nextMissing?.slice(0, 10) ?? 'never',
              one.inDefault?.rows,
              one.made.length,
            ]),
          ),
        );
      for (const one of tables) for (const line of partitionWords(one, dryRun)) terminal.say(line);
    },
  },
];

function partitionWords(
  { table: name, timeZone, gaps, made, inDefault, leftInDefault, problem }: PartitionReport,
  dryRun: boolean,
): string[] {
  const lines = made.map(
    ({ name: partition, from, to, rows }) =>
      `${name}: ${partition}, from ${from} to ${to} ${timeZone}, ${dryRun ? 'is to be made' : 'is made'}${rows > 0 ? `, with ${rows} rows of the default partition` : ''}.`,
  );
  for (const { from, to } of gaps) lines.push(`${name}: no partition from ${from} to ${to}.`);
  if (problem !== null) lines.push(`${name}: ${problem}`);
  else if (leftInDefault > 0)
    lines.push(
      `${name}: ${leftInDefault} rows of ${inDefault?.partition} are of no moment, or of one further ahead (${inDefault?.oldest} to ${inDefault?.newest}); they stay there.`,
    );
  return lines;
}
