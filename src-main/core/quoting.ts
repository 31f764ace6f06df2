/** An identifier in SQL, the same in PostgreSQL and SQLite. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal in SQL, for statements that take no parameters, such as DDL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
