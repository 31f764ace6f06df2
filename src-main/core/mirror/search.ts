import type Database from 'better-sqlite3';
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { ReadableMirror } from './readable.ts';

/** True where the column contains the term as it is written, ASCII letters in either case; `%` and `_` are no wildcards. */
export function contains(column: string, term: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} LIKE ${containsPattern(term)} ESCAPE '\\'`;
}

/** As `contains`, and `zoe` finds `Zoë`: for the names of people, which are typed as the keyboard allows. */
export function containsFolded(mirror: ReadableMirror, column: string, term: string): RawBuilder<SqlBool> {
  provideFold(mirror.database);
  const name = sql.ref(column);
  // GLOB keeps the call into JavaScript away from the many names that are ASCII alone.
  return sql<SqlBool>`(${contains(column, term)} OR (${name} GLOB '*[^ -~]*'
    AND latchkey_fold(${name}) LIKE ${containsPattern(folded(term))} ESCAPE '\\'))`;
}

export function containsPattern(term: string): string {
  return `%${term.replace(/[\\%_]/g, '\\$&')}%`;
}

function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

const provided = new WeakSet<Database.Database>();

function provideFold(database: Database.Database): void {
  if (provided.has(database)) return;
  database.function('latchkey_fold', { deterministic: true }, (text) =>
    typeof text === 'string' ? folded(text) : null,
  );
  provided.add(database);
}
