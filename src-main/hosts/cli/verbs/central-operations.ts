import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { LatchkeyError } from '../../../contract/errors.ts';
import type { Severity } from '../../../core/central/operations/finding.ts';
import { type Health, health } from '../../../core/central/operations/health.ts';
import {
  keepPartitions,
  type PartitionReport,
  type PartitionUpkeep,
  usualMonthsAhead,
} from '../../../core/central/operations/partitions.ts';
import { type Retention, type RetentionReport, retain } from '../../../core/central/operations/retention.ts';
import { type AskedRule, type PolicyFile, policyFile } from '../../../core/central/operations/retention-policy.ts';
import { withCentral } from '../central.ts';
import { moment, shown, table } from '../print.ts';
import { type Flag, UsageError, type Values, type Verb } from '../verb.ts';

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
  {
    name: 'central retention',
    summary: 'Delete what is older than a policy keeps: whole partitions, and rows in small steps',
    description:
      'Goes by --policy and --keep, or where neither is given by those of the last run; and by the rows of the host’s own table retention_policies (data_type, retention_period_days, organization_id, active). An age counts from the start of a day, UTC. A partition is dropped once all of it is older; rows outside of partitions go in short transactions, with pauses between. Of audit logs (the one of the mapping, and all with “audit” in their name) 365 days are kept at least, or what the policy says. Devices follow. Exits 3 where a table was left or a policy could not be honoured.\n\nA policy: {"format": "latchkey-retention/1", "auditMinimumDays": 730, "tables": {"api_service.api_access_log": {"days": 400}, "user_sessions": {"days": 90, "column": "expires_at"}}}',
    place: 'central',
    positionals: [],
    flags: [
      { name: 'policy', kind: 'text', placeholder: 'FILE', text: 'a policy as JSON' },
      {
        name: 'keep',
        kind: 'texts',
        placeholder: 'TABLE[:COLUMN]=DAYS',
        text: 'how many days of a table are kept, counted by its partitions’ column, created_at, or the one named',
      },
      {
        name: 'archive',
        kind: 'text',
        placeholder: 'DIR',
        text: 'first put what goes into a new folder there: CSV, compressed, with a manifest, and read back',
      },
      {
        name: 'force-audit',
        kind: 'texts',
        placeholder: 'TABLE',
        text: 'an audit log of which less than the minimum is kept',
      },
      dryRun,
    ],
    async run(values, terminal) {
      const { asked, auditMinimumDays } = askedPolicy(values);
      const value = await withCentral(values, terminal, (client) =>
        retain(client, {
          asked,
          auditMinimumDays,
          forceAudit: (values.forceAudit ?? []) as string[],
          archive: typeof values.archive === 'string' ? resolve(values.archive) : undefined,
          dryRun: values.dryRun === true,
        }),
      );
      return { value, attention: value.ignored.length > 0 || value.tables.some(({ problem }) => problem !== null) };
    },
    print(value, terminal) {
      const { tables, dryRun, archive, ignored } = value as Retention;
      terminal.out(
        table(
          ['TABLE', 'KEPT', 'BY', dryRun ? 'PARTITIONS TO GO' : 'PARTITIONS GONE', 'ROWS', 'OLDEST'],
          tables.map((one) => [
            one.table,
            `${one.days} days`,
            one.column,
            one.partitions.length,
            retainedRows(one),
            one.oldest?.slice(0, 10),
          ]),
        ),
      );
      for (const one of tables) for (const line of retentionWords(one, dryRun)) terminal.say(line);
      for (const line of ignored) terminal.say(`Not honoured: ${line}`);
      if (archive) terminal.say(`Archived in ${archive.folder}: ${archive.files.length} files.`);
    },
  },
  {
    name: 'central health',
    summary: 'How this database is doing: backups, drills, partitions, retention, sizes, locks, vacuum, devices',
    description:
      'Changes nothing. Each finding has a severity: critical (data or service is at risk today), warning (it will be), notice, ok. Against the schedule: a full backup every day, incremental ones every 6 hours where there are any, a restore drill every month, partitions 45 days ahead. Wants a login with pg_monitor. Exits 3 where there is a warning or worse.',
    place: 'central',
    positionals: [],
    flags: [],
    async run(values, terminal) {
      const value = await withCentral(values, terminal, health);
      return {
        value,
        attention: value.findings.some(({ severity }) => severity === 'warning' || severity === 'critical'),
      };
    },
    print(value, terminal) {
      const { findings, database, server, at } = value as Health;
      terminal.out(`${database}, PostgreSQL ${server}, ${moment(at)} UTC`);
      terminal.out('');
      const width = Math.max(...findings.map(({ area }) => area.length));
      for (const { area, severity, what, advice } of findings) {
        terminal.out(`${severityWords[severity]}  ${area.padEnd(width)}  ${shown(what, 400)}`);
        if (advice && severity !== 'ok') terminal.out(`${' '.repeat(width + 12)}→ ${shown(advice, 400)}`);
      }
    },
  },
];

const severityWords: Record<Severity, string> = {
  ok: 'ok      ',
  notice: 'notice  ',
  warning: 'WARNING ',
  critical: 'CRITICAL',
};

function retainedRows({ partitions, rows }: RetentionReport): number {
  return partitions.reduce((sum, partition) => sum + partition.rows, rows);
}

function retentionWords(report: RetentionReport, dryRun: boolean): string[] {
  const { table: name, organization, source, partitions, rows, cascades, problem } = report;
  const lines = partitions.map(
    (partition) =>
      `${name}: ${partition.name}, until ${partition.to}, ${partition.rows} rows, ${partition.bytes} bytes: ${dryRun ? 'is to be dropped' : 'is dropped'}.`,
  );
  if (rows > 0) lines.push(`${name}: ${rows} rows outside of those${dryRun ? ' are to be deleted' : ' are deleted'}.`);
  if (organization !== null) lines.push(`${name}: for organization ${organization} alone, by ${source}.`);
  if (cascades.length > 0 && rows > 0)
    lines.push(`${name}: what refers to these rows goes along: ${cascades.join(', ')}.`);
  if (problem !== null) lines.push(`${name}: ${problem}`);
  return lines;
}

/** @throws UsageError, LatchkeyError `not-found` for a file that cannot be read */
function askedPolicy(values: Values): { asked: AskedRule[]; auditMinimumDays: number | undefined } {
  const file = typeof values.policy === 'string' ? readPolicy(values.policy) : null;
  const ofFile = Object.entries(file?.tables ?? {}).map(([name, rule]) => ({
    ...rule,
    table: name,
    source: '--policy',
  }));
  const ofLine = ((values.keep ?? []) as string[]).map(parseKeep);
  return { asked: [...ofFile, ...ofLine], auditMinimumDays: file?.auditMinimumDays };
}

function parseKeep(text: string): AskedRule {
  const [, name, column, days] = /^([^:=]+)(?::([^:=]+))?=(\d{1,5})$/.exec(text) ?? [];
  if (name === undefined || Number(days) < 1)
    throw new UsageError(`--keep takes TABLE=DAYS or TABLE:COLUMN=DAYS; not “${text}”.`, 'keep');
  return { table: name, column, days: Number(days), source: '--keep' };
}

function readPolicy(path: string): PolicyFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new LatchkeyError('not-found', `${path} cannot be read: ${(error as Error).message}. Nothing was changed.`, {
      field: 'policy',
      cause: error,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${(error as Error).message}.`, 'policy');
  }
  const parsed = policyFile.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${path} is no retention policy:\n${z.prettifyError(parsed.error)}`, 'policy');
}

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
