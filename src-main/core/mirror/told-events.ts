import type Database from 'better-sqlite3';
import { quoteName } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import type { MirroredTable } from './catalogue.ts';

const events = ['insert', 'update', 'delete'];

/**
 * Notes, from now on, every event of the host's audit table that came, changed or went and that tells of a command of Latchkey's: it has
 * still to be held against the log.
 */
export function createToldEvents(database: Database.Database, system: SystemMapping, table: MirroredTable): void {
  dropToldEvents(database, system, table.name);
  if (!hasToldEvents(system, table)) return;
  const { command, told } = toldOf(system, 'NEW');
  const before = toldOf(system, 'OLD').command;
  const note = (of: string, text: string) =>
    `INSERT INTO latchkey_unproved SELECT ${of}, ${text} WHERE ${of} IS NOT NULL ON CONFLICT (command) DO UPDATE SET told = excluded.told;`;
  const trigger = (event: string, work: string) =>
    database.exec(
      `CREATE TRIGGER ${triggerName(event)} AFTER ${event.toUpperCase()} ON ${quoteName(table.name)} BEGIN ${work} END`,
    );
  trigger('insert', note(command, told));
  trigger('update', `${note(before, 'NULL')} ${note(command, told)}`);
  trigger('delete', note(before, 'NULL'));
}

/** Notes every event that tells of a command, as if all of them had just come. */
export function noteAllToldEvents(database: Database.Database, system: SystemMapping, table: MirroredTable): void {
  if (!hasToldEvents(system, table)) return;
  const name = quoteName(table.name);
  const { command, told } = toldOf(system, name);
  database.exec(
    `INSERT INTO latchkey_unproved SELECT ${command}, ${told} FROM ${name} WHERE ${command} IS NOT NULL
     ON CONFLICT (command) DO UPDATE SET told = excluded.told`,
  );
}

export function dropToldEvents(database: Database.Database, system: SystemMapping, table: string): void {
  if (table !== system.activity?.table) return;
  for (const event of events) database.exec(`DROP TRIGGER IF EXISTS ${triggerName(event)}`);
}

export function hasToldEvents({ activity }: SystemMapping, table: MirroredTable | undefined): boolean {
  if (activity === null || table?.name !== activity.table) return false;
  return [activity.data, activity.before].every(
    (wanted) => wanted === null || table.columns.some(({ name }) => name === wanted),
  );
}

/** SQL of the command that an event tells of, and of the text whose hash the log has: `row` is a table, OLD or NEW. */
function toldOf(system: SystemMapping, row: string): { command: string; told: string } {
  const { data, before } = system.activity!;
  const text = `${row}.${quoteName(data)}`;
  const isOurs = `instr(${text}, '"latchkey"') > 0 AND json_valid(${text})`;
  return {
    command: `CASE WHEN ${isOurs} THEN ${text} ->> '$.latchkey.command' END`,
    told: before === null || before === data ? text : `concat_ws(char(10), ${text}, ${row}.${quoteName(before)})`,
  };
}

function triggerName(event: string): string {
  return `latchkey_told_${event}`;
}
