import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import {
  type MigrationGoal,
  type MigrationStatus,
  type MigrationStep,
  migrateSystem,
  migrationStatus,
  plannedSql,
} from '../../../core/central/migrate.ts';
import { migratedSystemNames, systemNamed } from '../../../core/systems/index.ts';
import { withCentral } from '../central.ts';
import { moment, table } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import type { Done, Flag, Values, Verb } from '../verb.ts';

const systemFlag: Flag = {
  name: 'system',
  kind: 'choice',
  choices: migratedSystemNames,
  text: 'the design of the database, sky-genesis by default',
};

function systemOf(values: Values): string {
  return typeof values.system === 'string' ? values.system : 'sky-genesis';
}

const flags: Flag[] = [
  systemFlag,
  { name: 'to', kind: 'number', placeholder: 'VERSION', text: 'stop at this version' },
  { name: 'dry-run', kind: 'yes', text: 'change nothing, and print what would be run' },
];

export const migrateVerbs: Verb[] = [
  {
    name: 'central migrate up',
    summary: 'Bring a system’s own schema to the newest version',
    place: 'central',
    positionals: [],
    flags,
    run: (values, terminal) => migrate(values, terminal, 'up'),
    print: printMigrated,
  },
  {
    name: 'central migrate down',
    summary: 'Take a system’s own schema back',
    description:
      'All the way where --to names no version. Tables go with their rows, so it wants to hear that from you.',
    place: 'central',
    positionals: [],
    flags: [...flags, { name: 'discard-data', kind: 'yes', text: 'also where there are organizations with data' }],
    run: (values, terminal) => migrate(values, terminal, 'down'),
    print: printMigrated,
  },
  {
    name: 'central migrate status',
    summary: 'Which versions of a system’s own schema are applied',
    place: 'central',
    positionals: [],
    flags: [systemFlag],
    async run(values, terminal) {
      const value = await withCentral(values, terminal, (client) => migrationStatus(client, systemOf(values)));
      return { value, attention: value.migrations.some((migration) => migration.changed) };
    },
    print(value, terminal) {
      const { current, latest, migrations } = value as MigrationStatus;
      const rows = migrations.map((row) => [
        row.version,
        row.name,
        row.changed ? 'changed since applied' : row.appliedAt ? `applied ${moment(row.appliedAt)}` : 'not applied',
      ]);
      terminal.out(table(['VERSION', 'NAME', 'STATE'], rows));
      terminal.say(`At version ${current} of ${latest}.`);
    },
  },
];

function migrate(values: Values, terminal: Terminal, direction: 'up' | 'down'): Promise<Done> {
  const system = systemOf(values);
  const goal: MigrationGoal = typeof values.to === 'number' ? { to: values.to } : direction;
  return withCentral(values, terminal, async (client) => {
    const { current } = await migrationStatus(client, system);
    refuseOtherWay(goal, current, direction);
    if (values.dryRun) return { value: { system, current, sql: plannedSql(system, current, goal) } };
    if (direction === 'down' && !values.discardData) await refuseToDiscard(client, system);
    const steps = await migrateSystem(client, system, goal);
    return { value: { system, current: (await migrationStatus(client, system)).current, steps } };
  });
}

function printMigrated(value: unknown, terminal: Terminal): void {
  const { system, current, steps, sql } = value as {
    system: string;
    current: number;
    steps?: MigrationStep[];
    sql?: string;
  };
  if (sql !== undefined) {
    terminal.out(sql);
    return;
  }
  for (const step of steps ?? []) terminal.out(`${step.direction} ${step.version} ${step.name}`);
  terminal.out(`${system} is at version ${current}.`);
}

function refuseOtherWay(goal: MigrationGoal, current: number, direction: 'up' | 'down'): void {
  if (typeof goal === 'string' || (direction === 'up' ? goal.to >= current : goal.to <= current)) return;
  throw new LatchkeyError(
    'invalid-input',
    `The schema is at version ${current}: ${goal.to} is not ${direction} from there. Nothing was changed.`,
    { field: 'to' },
  );
}

async function refuseToDiscard(client: pg.Client, system: string): Promise<void> {
  const { schema, organization, people } = systemNamed(system);
  const table = organization?.table ?? people.table;
  const name = `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(table)}`;
  const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [name]);
  if (!rows[0].there) return;
  const { rows: found } = await client.query(`SELECT count(*)::INT AS rows FROM ${name}`);
  if (found[0].rows === 0) return;
  throw new LatchkeyError(
    'would-violate',
    `This database holds ${found[0].rows} ${organization ? 'organizations' : 'people'}, and going down drops tables with their rows. Nothing was changed. Back it up, then say --discard-data.`,
    { field: 'discardData' },
  );
}
