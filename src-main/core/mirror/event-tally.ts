import type Database from 'better-sqlite3';
import type { ActivityMapping } from '../systems/system.ts';
import type { MirroredTable } from './catalogue.ts';
import { NewestMoments } from './newest-moments.ts';
import type { Stored } from './rows.ts';

/** How many events there were by day (UTC) and action, and when each actor's newest was, while they arrive. */
export class EventTally {
  /** By day, then by action; '' for what is not known. */
  readonly days = new Map<string, Map<string, { events: number }>>();
  readonly newest = new NewestMoments();
  private readonly at: number;
  private readonly action: number;
  private readonly actor: number;
  /** Of the event before: a log comes in the order of time, or nearly so. */
  private day = '';
  private actions = new Map<string, { events: number }>();

  constructor(activity: ActivityMapping, { columns }: MirroredTable) {
    const placeOf = (name: string) => columns.findIndex((column) => column.name === name);
    this.at = placeOf(activity.at);
    this.action = placeOf(activity.action);
    this.actor = placeOf(activity.actor);
  }

  /** @param values of a row, from `place` on */
  add(values: readonly Stored[], place: number): void {
    const at = this.text(values, place, this.at);
    const actor = this.text(values, place, this.actor);
    if (actor !== '' && at !== '') this.newest.add(actor, at);
    if (this.day.length < dayLength || !at.startsWith(this.day)) this.turnTo(at.slice(0, dayLength));
    const action = this.text(values, place, this.action);
    const counted = this.actions.get(action);
    if (counted) counted.events += 1;
    else this.actions.set(action, { events: 1 });
  }

  private turnTo(day: string): void {
    this.day = day;
    let actions = this.days.get(day);
    if (!actions) {
      actions = new Map();
      this.days.set(day, actions);
    }
    this.actions = actions;
  }

  private text(values: readonly Stored[], place: number, column: number): string {
    const value = column < 0 ? null : values[place + column]!;
    return value === null ? '' : String(value);
  }
}

/** Of a moment: `2026-11-20`. */
const dayLength = 10;
const rowsPerSlice = 65_536;

/**
 * Works through a table a slice of row ids at a time: what is grouped is sorted in memory, and a slice's is little.
 * @param statement of a slice, which is a condition with two parameters
 */
export function inSlices(database: Database.Database, name: string, statement: (slice: string) => string): void {
  const work = database.prepare(statement('rowid > ? AND rowid <= ?'));
  const ends = database
    .prepare(`SELECT rowid FROM ${name} WHERE rowid > ? ORDER BY rowid LIMIT 1 OFFSET ${rowsPerSlice - 1}`)
    .pluck()
    .safeIntegers();
  let from = -(2n ** 63n);
  for (;;) {
    const to = (ends.get(from) ?? 2n ** 63n - 1n) as bigint;
    work.run(from, to);
    if (to === 2n ** 63n - 1n) return;
    from = to;
  }
}
