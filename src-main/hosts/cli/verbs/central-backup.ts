import { resolve } from 'node:path';
import { LatchkeyError } from '../../../contract/errors.ts';
import { type Backup, type BackupMethod, backUp, backupMethods } from '../../../core/central/operations/backup.ts';
import { type Drill, drill, recordDrill } from '../../../core/central/operations/restore-drill.ts';
import { withCentral } from '../central.ts';
import { facts, moment, table } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import type { Flag, Values, Verb } from '../verb.ts';

const binFlag: Flag = {
  name: 'bin',
  kind: 'text',
  placeholder: 'DIR',
  text: 'the folder of PostgreSQL’s own programs, the PATH by default',
};

export const centralBackupVerbs: Verb[] = [
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
      { name: 'dry-run', kind: 'yes', text: 'change nothing, and say what would be done' },
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
];

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
