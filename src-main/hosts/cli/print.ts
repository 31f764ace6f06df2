/** A table with a heading, each column as wide as its widest value; long values are cut. */
export function table(headings: string[], rows: unknown[][]): string {
  const cells = [headings, ...rows.map((row) => row.map((value) => shown(value)))];
  const widths = headings.map((_heading, column) => Math.max(...cells.map((row) => [...(row[column] ?? '')].length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** How many there are beside those that are shown; at least, where there are `more`. */
export function totals(shownCount: number, total: number, more = false): string {
  if (shownCount === total && !more) return `${total} in all.`;
  return `${shownCount} of ${more ? 'more than ' : ''}${total}. More with --offset and --limit.`;
}

/** `name: value` lines, without what is not there. */
export function facts(pairs: [string, unknown][]): string {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(0, ...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${shown(value, 400)}`).join('\n');
}

/** A moment without its fraction: `2026-11-20 18:39:28`. */
export function moment(text: string | null): string {
  return text === null ? '' : text.slice(0, 19).replace('T', ' ');
}

export function shown(value: unknown, longest = 60): string {
  const text =
    value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  // A value from a database must not steer the terminal that shows it.
  const plain = text.replace(/[\p{Cc}\p{Cf}]/gu, ' ');
  const characters = [...plain];
  return characters.length <= longest ? plain : `${characters.slice(0, longest - 1).join('')}…`;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - [...text].length));
}
