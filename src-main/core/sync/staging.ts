import type { MirroredTable } from '../mirror/catalogue.ts';
import type { Stored } from '../mirror/rows.ts';
import { sqliteTypes, type WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';

/** What is staged beyond so many rows lies in the mirror's own file, encrypted, and not in memory. */
const rowsInMemory = 20_000;

/**
 * `changed`: keys that the log names (k0, k1, …) and how they moved. `parents`: values of a child table's reference whose rows are
 * compared whole. `fetched`: rows as central has them now.
 */
type Kind = 'changed' | 'parents' | 'fetched';

/**
 * What a pull has read from central and not applied yet, in tables beside the mirrored ones: reading takes as long as it takes, and
 * neither holds up commands nor fills JavaScript's memory; applying is one short transaction of SQL.
 */
export class Staging {
  private readonly mirror: WritableMirror;
  private readonly made = new Map<string, string>();
  private place: 'temp' | 'main' = 'temp';
  private rows = 0;

  constructor(mirror: WritableMirror) {
    this.mirror = mirror;
    this.removeLeftovers();
  }

  get size(): number {
    return this.rows;
  }

  /** The quoted name of a staged table; null where nothing was staged in it. */
  get(kind: Kind, table: MirroredTable): string | null {
    const name = nameOf(kind, table);
    return this.made.has(name) ? quoteName(name) : null;
  }

  /** @param keys values of the key's columns, and `move` as the change log has it */
  addChanged(table: MirroredTable, keys: { key: Stored[]; move: number }[]): void {
    const columns = keyColumns(table);
    const name = this.prepared(
      'changed',
      table,
      `${table.key.map((key, place) => `k${place} ${typeOf(table, key)}`).join(', ')}, move INTEGER NOT NULL, UNIQUE (${columns})`,
    );
    const add = this.mirror.database.prepare(
      `INSERT INTO ${name} VALUES (${table.key.map(() => '?').join(', ')}, ?) ON CONFLICT (${columns}) DO UPDATE SET move = move | excluded.move`,
    );
    this.inOne(() => {
      for (const { key, move } of keys) this.rows += add.run(...key, move).changes;
    });
    this.spill();
  }

  /** @param rows in column order; one that is there already is the same, since all are read in one snapshot */
  addFetched(table: MirroredTable, rows: Stored[][]): void {
    const columns = table.columns.map(({ name, storage }) => `${quoteName(name)} ${sqliteTypes[storage]}`);
    const name = this.prepared(
      'fetched',
      table,
      `${columns.join(', ')}, UNIQUE (${table.key.map(quoteName).join(', ')})`,
    );
    const add = this.mirror.database.prepare(
      `INSERT INTO ${name} VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT DO NOTHING`,
    );
    this.inOne(() => {
      for (const row of rows) this.rows += add.run(...row).changes;
    });
    this.spill();
  }

  /** @param select gives the values and whether they are watched */
  addParents(child: MirroredTable, select: string, ...parameters: Stored[]): void {
    const type = typeOf(child, child.parent!.column);
    const name = this.prepared('parents', child, `parent ${type}, watched INTEGER NOT NULL, UNIQUE (parent)`);
    this.rows += this.mirror.database
      .prepare(
        `INSERT INTO ${name} SELECT * FROM (${select}) WHERE TRUE ON CONFLICT (parent) DO UPDATE SET watched = max(watched, excluded.watched)`,
      )
      .run(...parameters).changes;
  }

  count(kind: Kind, table: MirroredTable): number {
    const name = this.get(kind, table);
    if (name === null) return 0;
    return Number(this.mirror.database.prepare(`SELECT count(*) FROM ${name}`).pluck().get());
  }

  /** Keys that changed, or parents, so many at a time. What is added meanwhile comes too. */
  *batches(kind: 'changed' | 'parents', table: MirroredTable, size: number): Generator<Stored[][]> {
    const name = this.get(kind, table);
    if (name === null) return;
    const columns = kind === 'changed' ? keyColumns(table) : 'parent';
    let after: Stored = 0;
    for (;;) {
      const rows = this.mirror.database
        .prepare(`SELECT rowid, ${columns} FROM ${name} WHERE rowid > ? ORDER BY rowid LIMIT ?`)
        .raw()
        .safeIntegers()
        .all(after, size) as Stored[][];
      if (rows.length === 0) return;
      after = rows.at(-1)![0]!;
      yield rows.map((row) => row.slice(1));
    }
  }

  close(): void {
    for (const name of this.made.keys()) this.mirror.database.exec(`DROP TABLE IF EXISTS ${quoteName(name)}`);
    this.made.clear();
  }

  private prepared(kind: Kind, table: MirroredTable, definition: string): string {
    const name = nameOf(kind, table);
    if (!this.made.has(name)) {
      this.mirror.database.exec(`CREATE TABLE ${this.place}.${quoteName(name)} (${definition})`);
      this.made.set(name, definition);
    }
    return quoteName(name);
  }

  /** In memory nothing is locked; in the file, commands of the operator come between two batches. */
  private inOne(work: () => void): void {
    this.mirror.database.transaction(work)();
  }

  private spill(): void {
    if (this.place === 'main' || this.rows <= rowsInMemory) return;
    this.place = 'main';
    this.inOne(() => {
      for (const [name, definition] of this.made) {
        this.mirror.database.exec(`CREATE TABLE main.${quoteName(name)} (${definition})`);
        this.mirror.database.exec(`INSERT INTO main.${quoteName(name)} SELECT * FROM temp.${quoteName(name)}`);
        this.mirror.database.exec(`DROP TABLE temp.${quoteName(name)}`);
      }
    });
  }

  /** Of a pull that was killed. */
  private removeLeftovers(): void {
    const left = this.mirror.database
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'latchkey_staged_*'`)
      .pluck()
      .all() as string[];
    for (const name of left) this.mirror.database.exec(`DROP TABLE main.${quoteName(name)}`);
  }
}

/** The columns of a table of changed keys. */
export function keyColumns(table: MirroredTable): string {
  return table.key.map((_, place) => `k${place}`).join(', ');
}

function nameOf(kind: Kind, table: MirroredTable): string {
  return `latchkey_staged_${kind}_${table.name}`;
}

function typeOf(table: MirroredTable, column: string): string {
  return sqliteTypes[table.columns.find(({ name }) => name === column)!.storage];
}
