import type Database from 'better-sqlite3';
import { quoteName } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import type { MirroredTable } from './catalogue.ts';
import { type EventTally, inSlices } from './event-tally.ts';
import { ReadableMirror } from './readable.ts';
import { textIndexName } from './text-index.ts';
import { anyWhole, isTextIndexed } from './text-query.ts';

const events = ['insert', 'update', 'leave', 'delete'];

/**
 * Keeps when the newest event of each actor was (`latchkey_last_event`), for lists that show and sort by it: there is no index
 * of a large log by actor. The table was just put in place.
 * @param tally of all its rows, where they were counted as they came
 */
export function createLastEvents(
  database: Database.Database,
  system: SystemMapping,
  table: MirroredTable,
  tally: EventTally | null,
): void {
  dropLastEvents(database, system, table.name);
  if (!hasLastEvents(system, table)) return;
  const name = quoteName(table.name);
  const [actor, at] = actorAndMoment(system);
  if (tally) {
    const add = database.prepare(`INSERT INTO latchkey_last_event VALUES (?, ?) ${newer}`);
    for (const [who, newest] of tally.newest.entries()) add.run(who, newest);
  } else {
    inSlices(
      database,
      name,
      (slice) => `INSERT INTO latchkey_last_event SELECT ${actor}, max(${at}) FROM ${name}
        WHERE ${slice} AND ${actor} IS NOT NULL AND ${at} IS NOT NULL GROUP BY 1 ${newer}`,
    );
  }
  for (const sql of triggerStatements(system, table)) database.exec(sql);
}

export function dropLastEvents(database: Database.Database, system: SystemMapping, table: string): void {
  if (table !== system.activity?.table) return;
  for (const event of events) database.exec(`DROP TRIGGER IF EXISTS ${triggerName(event)}`);
  database.exec('DELETE FROM latchkey_last_event');
}

/** Whether this device sees who did something and when. */
export function hasLastEvents({ activity }: SystemMapping, table: MirroredTable | undefined): boolean {
  const sees = (name: string) => table?.columns.some((column) => column.name === name);
  return (
    activity !== null && table?.name === activity.table && sees(activity.at) === true && sees(activity.actor) === true
  );
}

/**
 * Looks up the newest events of the actors whose own went away in this transaction. No trigger can: SQLite lets none ask full text
 * where schemas are not trusted.
 */
export function restoreLastEvents(
  database: Database.Database,
  system: SystemMapping,
  tables: ReadonlyMap<string, MirroredTable>,
): void {
  const gone = database.prepare('SELECT actor FROM latchkey_last_event_gone').pluck().all() as string[];
  if (gone.length === 0) return;
  database.exec('DELETE FROM latchkey_last_event_gone');
  const { activity } = system;
  const table = activity ? tables.get(activity.table) : undefined;
  if (!activity || !table) return;
  const [actor, at] = actorAndMoment(system);
  const left = `SELECT ${actor}, max(${at}) FROM ${quoteName(table.name)} WHERE ${at} IS NOT NULL`;
  const put = (condition: string) =>
    database.prepare(`INSERT INTO latchkey_last_event ${left} AND ${condition} GROUP BY 1 ${newer}`);
  if (!isWordOfIndex(database, system, table)) {
    put(`${actor} IN (SELECT value FROM json_each(?))`).run(JSON.stringify(gone));
    return;
  }
  const index = quoteName(textIndexName(table.name));
  const ofActor = put(`${actor} = ? AND rowid IN (SELECT rowid FROM ${index} WHERE ${index} MATCH ?)`);
  for (const who of gone) ofActor.run(who, anyWhole(activity.actor, [who]));
}

/** Whether full text knows of every event who did it. */
function isWordOfIndex(database: Database.Database, system: SystemMapping, table: MirroredTable): boolean {
  return (
    system.tables[table.name]?.search?.whole.includes(system.activity!.actor) === true &&
    isTextIndexed(new ReadableMirror(database), table.name)
  );
}

const newer = 'ON CONFLICT DO UPDATE SET at = max(at, excluded.at)';

/** Of a system that has a table of events. */
function actorAndMoment({ activity }: SystemMapping): [string, string] {
  return [quoteName(activity!.actor), quoteName(activity!.at)];
}

function triggerStatements(system: SystemMapping, table: MirroredTable): string[] {
  const name = quoteName(table.name);
  const [actor, at] = actorAndMoment(system);
  const add = `INSERT INTO latchkey_last_event SELECT NEW.${actor}, NEW.${at}
    WHERE NEW.${actor} IS NOT NULL AND NEW.${at} IS NOT NULL ${newer};`;
  const was = `CAST(OLD.${actor} AS TEXT)`;
  const wasNewest = `EXISTS (SELECT 1 FROM latchkey_last_event WHERE actor = ${was} AND at = OLD.${at})`;
  const remove = `DELETE FROM latchkey_last_event WHERE actor = ${was};
    INSERT OR IGNORE INTO latchkey_last_event_gone VALUES (${was});`;
  const moved = `(OLD.${actor} IS NOT NEW.${actor} OR OLD.${at} IS NOT NEW.${at})`;
  const trigger = (event: string, on: string, rest: string) =>
    `CREATE TRIGGER ${triggerName(event)} AFTER ${on} ON ${name} ${rest}`;
  return [
    trigger('insert', 'INSERT', `BEGIN ${add} END`),
    trigger('update', 'UPDATE', `WHEN ${moved} BEGIN ${add} END`),
    trigger('leave', 'UPDATE', `WHEN ${moved} AND ${wasNewest} BEGIN ${remove} END`),
    trigger('delete', 'DELETE', `WHEN ${wasNewest} BEGIN ${remove} END`),
  ];
}

function triggerName(event: string): string {
  return `latchkey_last_event_${event}`;
}
