import {
  type Apply,
  type Finding,
  type Severity,
  scriptOf,
  severities,
} from '../../../core/central/posture/finding.ts';
import { type Fixed, fix } from '../../../core/central/posture/fix.ts';
import { type Posture, type PostureOptions, posture } from '../../../core/central/posture/posture.ts';
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

/** As it is told: the SQL as one script. */
type ToldFinding = Omit<Finding, 'steps'> & { sql: string };

interface Told extends Omit<Posture, 'findings'> {
  findings: ToldFinding[];
}

export const postureVerbs: Verb[] = [
  {
    name: 'posture',
    summary: 'Weaknesses of a central database: secrets in the clear, missing policies, rewritable audit, and more',
    description:
      'Reads the catalogue, the settings, and a few hundred rows of each table, on the primary or on a standby, with Latchkey installed or not. Judges values where they are: none leaves the server. Each finding says why it matters, the SQL that mends it, and what the host’s application has to do first. Exits 3 where one is high or critical; what this login may not see is listed. --fix runs the SQL of findings that are safe while the host runs: indexes concurrently, everything else in transactions that wait 0.8 s for a lock and are tried again.',
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
      { name: 'sql', kind: 'yes', text: 'print the SQL of every finding, as a script to read and to take from' },
    ],
    run: (values, terminal) => (Array.isArray(values.fix) ? mended(values, terminal) : report(values, terminal)),
    print(value, terminal, values) {
      if (Array.isArray(values.fix)) return printFixed(value as Fixed, terminal);
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

async function report(values: Values, terminal: Terminal): Promise<Done> {
  if (values.dryRun === true) throw new UsageError('--dry-run goes with --fix.', 'dryRun');
  const found = await withCentral(values, terminal, (client) => posture(client, optionsOf(values)));
  return { value: told(found), attention: found.findings.some(({ severity }) => urgent.includes(severity)) };
}

async function mended(values: Values, terminal: Terminal): Promise<Done> {
  if (values.sql === true)
    throw new UsageError('--sql prints the SQL of a report, not of --fix: use --dry-run.', 'sql');
  const value = await withCentral(values, terminal, (client) =>
    fix(client, values.fix as string[], { ...optionsOf(values), dryRun: values.dryRun === true }),
  );
  return { value, attention: value.refused.length + value.failed.length > 0 };
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
  return { ...rest, findings: findings.map(({ steps, ...finding }) => ({ ...finding, sql: scriptOf(steps) })) };
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
      `-- ${id} (${severity}): ${title}. ${comment(detail)}`,
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
