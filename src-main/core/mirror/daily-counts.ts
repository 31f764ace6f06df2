import type Database from 'better-sqlite3';
import { quoteName } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import type { MirroredTable } from './catalogue.ts';
import { type EventTally, inSlices } from './event-tally.ts';

const events = ['insert', 'update', 'delete'];

/**
 * Counts the events of a table that was just put in place, by day and action, and keeps the counts from then on.
 * @param tally of all its rows, where they were counted as they came
 */
export function createDailyCounts(
  database: Database.Database,
  system: SystemMapping,
  table: MirroredTable,
  tally: EventTally | null,
): void {
  dropDailyCounts(database, system, table.name);
  if (!hasDailyCounts(system, table)) return;
  const name = quoteName(table.name);
  if (tally) {
    const add = database.prepare('INSERT INTO latchkey_daily VALUES (?, ?, ?)');
    for (const [day, actions] of tally.days) for (const [action, { events }] of actions) add.run(day, action, events);
  } else {
    const { day, action } = counted(system, name);
    inSlices(
      database,
      name,
      (
        slice,
      ) => `INSERT INTO latchkey_daily SELECT ${day}, ${action}, count(*) FROM ${name} WHERE ${slice} GROUP BY 1, 2
        ON CONFLICT DO UPDATE SET events = events + excluded.events`,
    );
  }
  for (const sql of triggerStatements(system, name)) database.exec(sql);
}

export function dropDailyCounts(database: Database.Database, system: SystemMapping, table: string): void {
  if (table !== system.activity?.table) return;
  for (const event of events) database.exec(`DROP TRIGGER IF EXISTS ${triggerName(event)}`);
  database.exec('DELETE FROM latchkey_daily');
}

/** Whether this device sees when events happened and what they were. */
export function hasDailyCounts({ activity }: SystemMapping, table: MirroredTable | undefined): boolean {
  const sees = (name: string) => table?.columns.some((column) => column.name === name);
  return (
    activity !== null && table?.name === activity.table && sees(activity.at) === true && sees(activity.action) === true
  );
}

/** SQL of the day and the action of a row: `row` is a table, OLD or NEW. Ten characters of a moment in UTC are its day. */
function counted(system: SystemMapping, row: string) {
  const activity = system.activity!;
  return {
    day: `substr(coalesce(${row}.${quoteName(activity.at)}, ''), 1, 10)`,
    action: `coalesce(${row}.${quoteName(activity.action)}, '')`,
  };
}

function triggerStatements(system: SystemMapping, name: string): string[] {
  const before = counted(system, 'OLD');
  const after = counted(system, 'NEW');
  const add = `INSERT INTO latchkey_daily VALUES (${after.day}, ${after.action}, 1) ON CONFLICT DO UPDATE SET events = events + 1;`;
  const remove = `UPDATE latchkey_daily SET events = events - 1 WHERE day = ${before.day} AND action = ${before.action};
    DELETE FROM latchkey_daily WHERE day = ${before.day} AND action = ${before.action} AND events = 0;`;
  const moved = `WHEN ${before.day} <> ${after.day} OR ${before.action} <> ${after.action}`;
  const trigger = (event: string, rest: string) =>
    `CREATE TRIGGER ${triggerName(event)} AFTER ${event.toUpperCase()} ON ${name} ${rest}`;
  return [
    trigger('insert', `BEGIN ${add} END`),
    trigger('update', `${moved} BEGIN ${remove} ${add} END`),
    trigger('delete', `BEGIN ${remove} END`),
  ];
}

function triggerName(event: string): string {
  return `latchkey_daily_${event}`;
}
