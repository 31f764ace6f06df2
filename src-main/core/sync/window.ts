import type { WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import type { Hello } from './hello.ts';

const dayMilliseconds = 86_400_000;

/** Whether rows of logs may have grown too old to be mirrored since the last pull. */
export function isNewDay(mirror: WritableMirror, { today }: Pick<Hello, 'today'>): boolean {
  return mirror.meta('window_day') !== today;
}

/** Removes what central's views stopped to show when the day changed. @returns the tables that lost rows */
export function dropAged(mirror: WritableMirror, { today }: Pick<Hello, 'today'>): string[] {
  const touched: string[] = [];
  for (const table of mirror.tables.values()) {
    const storage = table.columns.find(({ name }) => name === table.window?.column)?.storage;
    if (!table.window || !storage) continue;
    const start = new Date(Date.parse(`${today}T00:00:00Z`) - table.window.days * dayMilliseconds).toISOString();
    // As central's own moments are kept: text that sorts by time.
    const text = storage.startsWith('timestamp')
      ? `${start.slice(0, -1)}000${storage === 'timestamptz' ? 'Z' : ''}`
      : start.slice(0, 10);
    const column = quoteName(table.window.column);
    // A year of five digits does not sort by time, and is not old.
    const { changes } = mirror.database
      .prepare(
        `DELETE FROM ${quoteName(table.name)} WHERE ${column} < ? AND (${column} GLOB '[0-9][0-9][0-9][0-9]-*' OR ${column} GLOB '-*')`,
      )
      .run(text);
    if (changes === 0) continue;
    mirror.countRows(table.name, -changes);
    touched.push(table.name);
  }
  mirror.setMeta('window_day', today);
  return touched;
}
