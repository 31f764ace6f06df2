import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LatchkeyError } from '../../../contract/errors.ts';
import { type Apply, type Finding, type Severity, severities } from '../../../core/central/posture/finding.ts';
import { type Fixed, fix } from '../../../core/central/posture/fix.ts';
import { type PhaseRun, planFor, runPhase } from '../../../core/central/posture/plan-run.ts';
import { planFiles } from '../../../core/central/posture/plan-script.ts';
import { type Posture, type PostureOptions, posture } from '../../../core/central/posture/posture.ts';
import { recordPosture } from '../../../core/central/posture/record.ts';
import { systemNamed, systemNames } from '../../../core/systems/index.ts';
import { withCentral } from '../central.ts';
import { facts, shown } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import { type Done, UsageError, type Values, type Verb } from '../verb.ts';

const urgent: readonly Severity[] = ['critical', 'high'];

const applyWords: Record<Apply, string> = {
  online: 'while the host runs',
  'application-first': 'after the application',
  'by-plan': 'in steps',
  'by-hand': 'by hand',
};

/** As it is told: with its SQL as one script alone. */
type ToldFinding = Omit<Finding, 'steps'>;

interface Told extends Omit<Posture, 'findings'> {
  findings: ToldFinding[];
}

export const postureVerbs: Verb[] = [
  {
    name: 'posture',
    summary: 'Weaknesses of a central database: secrets in the clear, missing policies, rewritable audit, and more',
    description:
      'Reads the catalogue, the settings, and a few hundred rows of each table, on the primary or on a standby, with Latchkey installed or not. Judges values where they are: none leaves the server. Each finding says why it matters, the SQL that mends it, and what the host’s application has to do first. Exits 3 where one is high or critical; what this login may not see is listed. --fix runs the SQL of findings that are safe while the host runs: indexes concurrently, everything else in transactions that wait 0.8 s for a lock and are tried again. --plan is for secrets in the clear, missing expiry and missing lineage: expand adds the new beside the old and fills it in batches, then the application changes, then contract takes the old away.',
    place: 'central',
    positionals: [],
    flags: [
      {
        name: 'system',
        kind: 'choice',
        choices: systemNames,
        text: 'the design of the database; told by its tables by default',
      },
      {
        name: 'schema',
        kind: 'text',
        placeholder: 'NAME',
        text: 'the schema to look at, of whatever design; the system’s by default',
      },
      {
        name: 'fix',
        kind: 'texts',
        placeholder: 'ID',
        text: 'mend a finding that can be mended while the host runs, or all of one check; the others are refused, with the reason',
      },
      { name: 'dry-run', kind: 'yes', text: 'with --fix: change nothing, and print what would be run' },
      {
        name: 'plan',
        kind: 'text',
        placeholder: 'ID',
        text: 'the steps that mend a finding between which old and new ways work side by side: printed, or with --to or --apply',
      },
      {
        name: 'to',
        kind: 'text',
        placeholder: 'DIR',
        text: 'with --plan: write its steps into this folder, as files for psql',
      },
      {
        name: 'apply',
        kind: 'choice',
        choices: ['expand', 'contract'],
        text: 'with --plan: carry out its first step, or its last one where nothing stands in the way; may be broken off and run again',
      },
      {
        name: 'days',
        kind: 'number',
        placeholder: 'N',
        least: 1,
        most: 3650,
        text: 'with --plan missing-expiry:…: how long it is valid; keys 365 days by default, sessions 30, invitations 7',
      },
      {
        name: 'quiet-hours',
        kind: 'number',
        placeholder: 'N',
        most: 8760,
        text: 'with --apply contract: how long nothing may have written a secret in the clear; 24 by default',
      },
      {
        name: 'drop',
        kind: 'yes',
        text: 'with --plan plaintext-secrets:…: drop the old column, rather than leave it empty',
      },
      { name: 'record', kind: 'yes', text: 'keep the report at central, where administrators’ devices show it' },
      { name: 'sql', kind: 'yes', text: 'print the SQL of every finding, as a script to read and to take from' },
    ],
    run(values, terminal) {
      refuseOddFlags(values);
      if (Array.isArray(values.fix)) return mended(values, terminal);
      return typeof values.plan === 'string' ? planned(values.plan, values, terminal) : report(values, terminal);
    },
    print(value, terminal, values) {
      if (Array.isArray(values.fix)) return printFixed(value as Fixed, terminal);
      if (typeof values.plan === 'string') return printPlanned(value as Planned | PhaseRun, terminal);
      const found = value as Told;
      if (values.sql === true) return terminal.out(scriptWithWords(found));
      for (const severity of severities)
        printGroup(
          found.findings.filter((finding) => finding.severity === severity),
          terminal,
        );
      printSummary(found, terminal);
    },
  },
];

/** Flags that say nothing beside the others. */
function refuseOddFlags(values: Values): void {
  const isFix = Array.isArray(values.fix);
  const isPlan = typeof values.plan === 'string';
  const belongs: [flag: string, field: string, fits: boolean, to: string][] = [
    ['--plan', 'plan', !isFix, 'goes without --fix'],
    ['--sql', 'sql', !isFix && !isPlan, 'prints the SQL of a report; --fix has --dry-run, and --plan prints it anyway'],
    ['--dry-run', 'dryRun', isFix, 'goes with --fix'],
    ['--record', 'record', !isFix && !isPlan, 'keeps a report, and goes without --fix and --plan'],
    ['--to', 'to', isPlan && values.apply === undefined, 'goes with --plan, and without --apply'],
    ['--apply', 'apply', isPlan, 'goes with --plan'],
    ['--days', 'days', isPlan, 'goes with --plan'],
    ['--quiet-hours', 'quietHours', isPlan, 'goes with --plan'],
    ['--drop', 'drop', isPlan, 'goes with --plan'],
  ];
  for (const [flag, field, fits, to] of belongs)
    if (values[field] !== undefined && values[field] !== false && !fits) throw new UsageError(`${flag} ${to}.`, field);
}

async function report(values: Values, terminal: Terminal): Promise<Done> {
  const found = await withCentral(values, terminal, async (client) => {
    const report = await posture(client, optionsOf(values));
    if (values.record === true) await recordPosture(client, report);
    return report;
  });
  return { value: told(found), attention: found.findings.some(({ severity }) => urgent.includes(severity)) };
}

async function mended(values: Values, terminal: Terminal): Promise<Done> {
  const value = await withCentral(values, terminal, (client) =>
    fix(client, values.fix as string[], { ...optionsOf(values), dryRun: values.dryRun === true }),
  );
  return { value, attention: value.refused.length + value.failed.length > 0 };
}

interface Planned {
  id: string;
  /** Where they were written; null where they are only told. */
  folder: string | null;
  files: { name: string; text: string }[];
}

async function planned(id: string, values: Values, terminal: Terminal): Promise<Done> {
  const options = {
    ...optionsOf(values),
    days: values.days as number | undefined,
    quietHours: values.quietHours as number | undefined,
    drop: values.drop === true,
  };
  const { apply } = values;
  if (apply === 'expand' || apply === 'contract')
    return {
      value: await withCentral(values, terminal, (client) =>
        runPhase(client, id, apply, options, (words) => terminal.say(words)),
      ),
    };
  const plan = await withCentral(values, terminal, (client) => planFor(client, id, options));
  const folder = typeof values.to === 'string' ? resolve(values.to) : null;
  const files = planFiles(plan);
  if (folder !== null) writeFiles(folder, files);
  return { value: { id, folder, files } satisfies Planned };
}

/** All of them or none: a plan of which a part is another one’s would be carried out wrong. */
function writeFiles(folder: string, files: Planned['files']): void {
  const written: string[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    for (const { name, text } of files) {
      const path = join(folder, name);
      writeFileSync(path, text, { flag: 'wx' });
      written.push(path);
    }
  } catch (error) {
    for (const path of written) rmSync(path, { force: true });
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new LatchkeyError(
      there ? 'invalid-input' : 'folder-unusable',
      `${there ? 'The plan is there already' : 'The plan cannot be written'}: ${(error as Error).message}. Nothing was written. Name another folder with --to.`,
      { field: 'to', cause: error },
    );
  }
}

function printPlanned(value: Planned | PhaseRun, terminal: Terminal): void {
  if ('phase' in value) {
    for (const { what, rows } of value.done) terminal.out(rows > 0 ? `${what}: ${rows} rows.` : `${what}.`);
    terminal.say(
      value.phase === 'expand'
        ? 'Next the application changes: latchkey posture --plan says how. Then: --apply contract.'
        : 'Done. Secrets that stood in the clear are in backups still: rotate them.',
    );
  } else if (value.folder === null) for (const { text } of value.files) terminal.out(text);
  else for (const { name } of value.files) terminal.out(join(value.folder, name));
}

function printFixed({ dryRun, applied, refused, failed, absent }: Fixed, terminal: Terminal): void {
  for (const { id, sql } of applied) terminal.out(`-- ${comment(id)}\n${sql}`);
  for (const { id, why } of refused) terminal.say(`Refused: ${shown(id, 200)}. ${why}`);
  for (const { id, why } of failed) terminal.say(`Failed: ${shown(id, 200)}. ${shown(why, 400)}`);
  for (const id of absent) terminal.say(`Not found: ${shown(id, 200)}. It may be mended already.`);
  terminal.say(
    `${applied.length} ${dryRun ? 'would be mended' : 'mended'}, ${refused.length} refused, ${failed.length} failed.`,
  );
}

function optionsOf(values: Values): PostureOptions {
  return {
    schema: typeof values.schema === 'string' ? values.schema : undefined,
    system: typeof values.system === 'string' ? systemNamed(values.system) : undefined,
  };
}

function told({ findings, ...rest }: Posture): Told {
  return { ...rest, findings: findings.map(({ steps, ...finding }) => finding) };
}

/** Each check once, with its findings below it. */
function printGroup(findings: ToldFinding[], terminal: Terminal): void {
  for (const [, group] of Map.groupBy(findings, ({ check }) => check)) {
    const { severity, title, why } = group[0]!;
    terminal.out(`${severity.toUpperCase()}  ${title}`);
    terminal.out(`  ${why}`);
    terminal.out(
      facts(group.map(({ id, detail, apply }) => [`  ${shown(id, 200)}`, `${detail} (${applyWords[apply]})`])),
    );
    terminal.out('');
  }
}

function printSummary({ schema, system, checks, counts, notSeen, findings }: Told, terminal: Terminal): void {
  if (notSeen.length > 0) terminal.out('NOT LOOKED AT');
  for (const { check, where, why } of notSeen) terminal.out(`  ${check}  ${shown(where, 200)}: ${why}`);
  if (notSeen.length > 0) terminal.out('');
  const numbers = severities.map((severity) => `${counts[severity]} ${severity}`).join(', ');
  terminal.out(`${checks} checks of schema ${schema}${system ? ` (${system})` : ''}: ${numbers}.`);
  if (findings.length > 0) terminal.say('The SQL of all of it: latchkey posture --sql.');
}

function scriptWithWords({ findings, schema }: Told): string {
  const parts = findings.map(({ id, severity, title, detail, apply, first, sql }) =>
    [
      `-- ${comment(id)} (${severity}): ${title}. ${comment(detail)}`,
      `-- ${applyWords[apply]}${first ? `: ${comment(first)}` : ''}`,
      sql || '-- No SQL mends it.',
    ].join('\n'),
  );
  return [`-- What mends schema ${comment(schema)}. Read it: not all of it may be run as it is.`, ...parts].join(
    '\n\n',
  );
}

/** Nothing that comes from a catalogue ends a comment and begins a statement. */
function comment(text: string): string {
  return text.replace(/\s+/g, ' ');
}
