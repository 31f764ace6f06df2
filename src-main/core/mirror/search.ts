import { type RawBuilder, type SqlBool, sql } from 'kysely';

/** True where the column contains the term as it is written, ASCII letters in either case; `%` and `_` are no wildcards. */
export function contains(column: string, term: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} LIKE ${containsPattern(term)} ESCAPE '\\'`;
}

export function containsPattern(term: string): string {
  return `%${term.replace(/[\\%_]/g, '\\$&')}%`;
}
