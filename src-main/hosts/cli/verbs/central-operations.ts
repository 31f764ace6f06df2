import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { LatchkeyError } from '../../../contract/errors.ts';
import { type Backup, type BackupMethod, backUp, backupMethods } from '../../../core/central/operations/backup.ts';
import type { Severity } from '../../../core/central/operations/finding.ts';
import { type Health, health } from '../../../core/central/operations/health.ts';
import {
  keepPartitions,
  type PartitionReport,
  type PartitionUpkeep,
  usualMonthsAhead,
} from '../../../core/central/operations/partitions.ts';
import { type Drill, drill, recordDrill } from '../../../core/central/operations/restore-drill.ts';
import { type Retention, type RetentionReport, retain } from '../../../core/central/operations/retention.ts';
import { type AskedRule, type PolicyFile, policyFile } from '../../../core/central/operations/retention-policy.ts';
import { withCentral } from '../central.ts';
import { facts, moment, shown, table } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import { type Flag, UsageError, type Values, type Verb } from '../verb.ts';

const dryRun: Flag = { name: 'dry-run', kind: 'yes', text: 'change nothing, and say what would be done' };

const binFlag: Flag = {
  name: 'bin',
  kind: 'text',
  placeholder: 'DIR',
  text: 'the folder of PostgreSQL’s own programs, the PATH by default',
};

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
    name: 'central backup',
    summary: 'Back this database up, with a manifest of what is in it',
    description:
      'Makes a folder of its own in DIR. By pg_dump where there is one that fits this server: the whole database. By a portable way of Latchkey’s own where there is none: the rows of what Latchkey’s migrations made, which any Latchkey of this version restores without PostgreSQL’s programs. By pg_basebackup where that is asked for: the whole cluster, and the one way for incremental ones (PostgreSQL 17 or newer, summarize_wal = on). LATCHKEY_BACKUP_PASSPHRASE seals what pg_dump and the portable way write (AES-256-GCM, scrypt). Schedule: full at 02:00 UTC, incremental every 6 hours, WAL archived all the time. Nothing here says that a backup can be restored: latchkey central restore-drill does.',
    place: 'central',
    positionals: [],
    flags: [
      { name: 'to', kind: 'text', placeholder: 'DIR', text: 'the folder of backups', required: true },
      { name: 'kind', kind: 'choice', choices: ['full', 'incremental'], text: 'full by default' },
      { name: 'method', kind: 'choice', choices: backupMethods, text: 'what fits by default' },
      binFlag,
      {
        name: 'expire',
        kind: 'yes',
        text: 'then remove full backups there that are older than 30 days, and incremental ones older than 7, less what is still built on',
      },
      dryRun,
    ],
    async run(values, terminal) {
      const value = await withCentral(values, terminal, (client) =>
        backUp(client, {
          to: resolve(String(values.to)),
          kind: values.kind === 'incremental' ? 'incremental' : 'full',
          method: values.method as BackupMethod | undefined,
          expire: values.expire === true,
          dryRun: values.dryRun === true,
          ...programOptions(values, terminal),
        }),
      );
      return { value };
    },
    print(value, terminal) {
      const backup = value as Backup;
      if (backup.dryRun)
        terminal.out(`A ${backup.kind} backup would be made by ${backup.program ?? 'the portable way'}.`);
      else
        terminal.out(
          facts([
            ['Backup', backup.folder],
            ['By', backup.program ?? 'the portable way'],
            ['Tables', backup.tables],
            ['Rows', backup.rows],
            ['Bytes', backup.bytes],
            ['Seconds', backup.seconds],
            ['Sealed', backup.encrypted ? 'with LATCHKEY_BACKUP_PASSPHRASE' : 'no'],
            ['Manifest', backup.sha256],
          ]),
        );
      for (const folder of backup.expired) terminal.say(`${backup.dryRun ? 'To be removed' : 'Removed'}: ${folder}`);
      if (!backup.dryRun && !backup.recorded)
        terminal.say('Latchkey is not installed here: nothing keeps in mind that this backup was made.');
      if (backup.archiving.mode === 'off')
        terminal.say('WAL is not archived (archive_mode = off): a restore ends at the moment of the backup.');
    },
  },
  {
    name: 'central restore-drill',
    summary: 'Restore a backup and check what came of it; into an empty database also in earnest',
    description:
      'Reads every file, restores into a throwaway PostgreSQL of this machine or into the empty database of --into (as superuser; what was restored stays there), and checks rows against the manifest, foreign keys, sequences, audit logs leaf by leaf, definitions and change tracking. With --url or LATCHKEY_CENTRAL_URL that central keeps in mind when the drill was and how it ended. A drill that fails exits 1, with every check in its details. LATCHKEY_BACKUP_PASSPHRASE opens a sealed backup.',
    place: 'central',
    positionals: [],
    flags: [
      {
        name: 'from',
        kind: 'text',
        placeholder: 'DIR',
        text: 'a backup, or a folder of backups, of which the newest is taken',
        required: true,
      },
      { name: 'into', kind: 'text', placeholder: 'URL', text: 'an empty database, as superuser' },
      binFlag,
    ],
    async run(values, terminal) {
      const { tlsCaFile, ...options } = programOptions(values, terminal);
      const request = { from: resolve(String(values.from)), ...options };
      const done =
        typeof values.into === 'string'
          ? await withCentral({ ...values, url: values.into }, terminal, (client) =>
              drill(request, { client, tlsCaFile }),
            )
          : await drill(request, null);
      const isKnown = typeof values.url === 'string' || terminal.env.LATCHKEY_CENTRAL_URL;
      const recorded = isKnown ? await withCentral(values, terminal, (client) => recordDrill(client, done)) : false;
      const value: Drill = { ...done, recorded };
      if (!value.passed) throw drillFailed(value);
      return { value };
    },
    print(value, terminal) {
      const { backup, into, server, seconds, steps, checks, remarks, recorded } = value as Drill;
      terminal.out(
        facts([
          ['Backup', backup.folder],
          ['Made', `${moment(backup.madeAt)} UTC, ${backup.kind}, ${backup.method}, of PostgreSQL ${backup.server}`],
          ['Restored into', `${into}, PostgreSQL ${server}`],
          ['Seconds', `${seconds} (${steps.map((step) => `${step.name} ${step.seconds}`).join(', ')})`],
        ]),
      );
      terminal.out(
        table(
          ['CHECK', 'RESULT', 'WHAT'],
          checks.map((check) => [check.name, check.passed ? 'passed' : 'FAILED', check.detail]),
        ),
      );
      for (const remark of remarks) terminal.say(remark);
      if (!recorded) terminal.say('No central was told of this drill: --url names one.');
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

function programOptions(
  values: Values,
  terminal: Terminal,
): { bin: string | undefined; passphrase: string | undefined; tlsCaFile: string | undefined } {
  return {
    bin: typeof values.bin === 'string' ? resolve(values.bin) : undefined,
    passphrase: terminal.env.LATCHKEY_BACKUP_PASSPHRASE || undefined,
    tlsCaFile: typeof values.tlsCa === 'string' ? resolve(values.tlsCa) : undefined,
  };
}

function drillFailed(value: Drill): LatchkeyError {
  const failed = value.checks.filter(({ passed }) => !passed).map(({ name, detail }) => `${name} (${detail})`);
  return new LatchkeyError(
    'drill-failed',
    `The backup ${value.backup.folder} could not be restored as it was: ${failed.join('; ')}. Take another backup, and find out why.`,
    { details: { ...value } },
  );
}

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
