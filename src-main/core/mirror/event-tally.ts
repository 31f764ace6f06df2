import type Database from 'better-sqlite3';
import type { ActivityMapping } from '../systems/system.ts';
import type { MirroredTable } from './catalogue.ts';
import type { Stored } from './rows.ts';

/** How many events there were by day (UTC) and action, and when each actor's newest was, while they arrive. */
export class EventTally {
  /** By day, then by action; '' for what is not known. */
  readonly days = new Map<string, Map<string, number>>();
  readonly newest = new Map<string, string>();
  private readonly at: number;
  private readonly action: number;
  private readonly actor: number;

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
    if (actor !== '' && at !== '') {
      const newest = this.newest.get(actor);
      if (newest === undefined || newest < at) this.newest.set(actor, at);
    }
    const day = at.slice(0, 10);
    let actions = this.days.get(day);
    if (!actions) {
      actions = new Map();
      this.days.set(day, actions);
    }
    const action = this.text(values, place, this.action);
    actions.set(action, (actions.get(action) ?? 0) + 1);
  }

  private text(values: readonly Stored[], place: number, column: number): string {
    const value = column < 0 ? null : values[place + column]!;
    return value === null ? '' : String(value);
  }
}

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
