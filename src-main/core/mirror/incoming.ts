import type Database from 'better-sqlite3';
import { quoteName } from '../quoting.ts';
import type { MirroredTable } from './catalogue.ts';
import type { EventTally } from './event-tally.ts';
import type { Stored } from './rows.ts';

/** Rows a prepared INSERT takes at once: beyond about 64 nothing is gained, and SQLite's limit of variables comes near. */
const rowsPerInsert = 64;

/** Of `synchronous`: 0 is OFF, 2 is FULL. */
const normal = 1;

export function incomingName(table: MirroredTable): string {
  return `latchkey_incoming_${table.name}`;
}

/** A table that is being copied, beside the one that screens read: rows are appended, and nothing looks at them yet. */
export class IncomingTable {
  private readonly database: Database.Database;
  private readonly width: number;
  private readonly insertMany: Database.Statement;
  private readonly insertOne: Database.Statement;
  /** The values of the rows that wait for their INSERT, one row after the other. */
  private readonly values: Stored[];
  private filled = 0;
  /** Rows so far. */
  rows: number;
  /** Of all rows, where they are events and none came before this. */
  readonly tally: EventTally | null;

  constructor(database: Database.Database, table: MirroredTable, rows: number, tally: EventTally | null) {
    this.rows = rows;
    this.tally = tally;
    this.database = database;
    this.width = table.columns.length;
    const name = quoteName(incomingName(table));
    // A key may be there already, from a part that was broken off.
    const insert = `INSERT${rows === 0 ? '' : ' OR REPLACE'} INTO ${name} VALUES`;
    const many = Math.max(1, Math.min(rowsPerInsert, Math.floor(30_000 / this.width)));
    const one = `(${Array(this.width).fill('?').join(', ')})`;
    this.insertMany = database.prepare(`${insert} ${Array(many).fill(one).join(', ')}`);
    this.insertOne = database.prepare(`${insert} ${one}`);
    this.values = new Array(many * this.width).fill(null);
  }

  /** @param fill puts the values of the row with this number into `values` from `place` on */
  append(rows: number, fill: (row: number, values: Stored[], place: number) => void): void {
    this.unhurried(() => {
      for (let row = 0; row < rows; row++) {
        fill(row, this.values, this.filled);
        this.tally?.add(this.values, this.filled);
        this.filled += this.width;
        if (this.filled < this.values.length) continue;
        this.insertMany.run(...this.values);
        this.filled = 0;
      }
    });
    this.rows += rows;
  }

  /** Writes what waits for its INSERT. */
  flush(): void {
    this.unhurried(() => {
      for (let at = 0; at < this.filled; at += this.width) this.insertOne.run(this.values.slice(at, at + this.width));
    });
    this.filled = 0;
  }

  /**
   * A transaction that does not wait for the disk. In WAL mode a power cut then takes the last transactions and never the file's
   * consistency (SQLite documentation, PRAGMA synchronous); a table that is not complete would be copied anew anyway, and the
   * swap at its end waits for everything before it.
   */
  private unhurried(work: () => void): void {
    const before = this.database.pragma('synchronous', { simple: true }) as number;
    this.database.pragma(`synchronous = ${Math.min(before, normal)}`);
    try {
      this.database.transaction(work).immediate();
    } finally {
      this.database.pragma(`synchronous = ${before}`);
    }
  }
}
