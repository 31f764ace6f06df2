/** An identifier in SQL, the same in PostgreSQL and SQLite. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal in SQL, for statements that take no parameters, such as DDL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The body of a function or of a DO block, which nothing that stands in it can end: a name may hold any text. */
export function quoteBody(body: string): string {
  let tag = '$body$';
  while (body.includes(tag)) tag = `${tag.slice(0, -1)}_$`;
  return `${tag}\n${body}\n${tag}`;
}
