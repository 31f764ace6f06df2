import type Database from 'better-sqlite3';
import { type Compilable, DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { MirrorSchema } from './schema.ts';

/** Builds SQL for the mirror; it never runs any: `ReadableMirror` does, synchronously, inside whatever transaction stands. */
export const query = new Kysely<MirrorSchema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

const keptStatements = 200;

/**
 * A read connection to the mirror. Everything is synchronous, as SQLite is: a command's decision reads and writes in one
 * transaction without giving way to another.
 */
export class ReadableMirror {
  readonly database: Database.Database;
  /** By their SQL: to prepare a statement takes longer than to run most of them. */
  private readonly statements = new Map<string, Database.Statement>();

  constructor(database: Database.Database) {
    this.database = database;
  }

  all<Row>(statement: Compilable<Row>): Row[] {
    const { sql, parameters } = statement.compile();
    return this.prepared(sql).all(...parameters) as Row[];
  }

  first<Row>(statement: Compilable<Row>): Row | undefined {
    const { sql, parameters } = statement.compile();
    return this.prepared(sql).get(...parameters) as Row | undefined;
  }

  /** A statement in its ordinary mode, to be kept and used again: for SQL whose columns stay the same, whatever becomes of the schema. */
  prepared(sql: string): Database.Statement {
    const kept = this.statements.get(sql);
    if (kept) return kept;
    if (this.statements.size >= keptStatements) this.statements.clear();
    const made = this.database.prepare(sql);
    this.statements.set(sql, made);
    return made;
  }

  /** One of the mirror's own facts, such as its cursor; null where it was never set. */
  meta(name: string): string | null {
    const found = this.prepared('SELECT value FROM latchkey_meta WHERE name = ?').get(name) as
      | { value: string }
      | undefined;
    return found?.value ?? null;
  }

  /** Central's clock when this device's says `now`, both in milliseconds since 1970: as far apart as when they were last compared. */
  nowAtCentral(now: number): number {
    return now - Number(this.meta('clock_offset_ms') ?? 0);
  }
}
