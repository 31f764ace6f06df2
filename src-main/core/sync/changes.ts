import type pg from 'pg';
import type { Stored } from '../mirror/rows.ts';
import { storedKey } from '../mirror/writable.ts';
import { quoteText } from '../quoting.ts';
import type { PullContext } from './pull.ts';
import type { Staging } from './staging.ts';

const entriesPerFetch = 2_000;
const fetchMore = `FETCH ${entriesPerFetch} FROM latchkey_changes`;

/** One entry of the log as central prints it: the table's name, the key as JSON (NULL: the table was truncated), and its move. */
export type LogEntry = [string, string | null, string];

/** SQL that opens the log from a cursor and reads the start of it. */
export function openLog(cursor: string): string {
  return `DECLARE latchkey_changes NO SCROLL CURSOR FOR
    SELECT table_name, to_json(row_key)::TEXT, move FROM latchkey.changes_since(${quoteText(cursor)}::pg_snapshot); ${fetchMore}`;
}

/** What a pull has to know of the log beside the keys. */
export interface Changes {
  /** Tables that were emptied whole. */
  truncated: Set<string>;
  /** Whether any row left: deleted, or moved to another key, parent or organization. */
  left: boolean;
}

/** Stages the keys of all that changed, from the start of an opened log on. */
export async function stageChanges(
  { client, mirror }: PullContext,
  staging: Staging,
  start: LogEntry[],
): Promise<Changes> {
  const changes: Changes = { truncated: new Set(), left: false };
  for (let entries = start; ; entries = await nextEntries(client)) {
    const keys = new Map<string, { key: Stored[]; move: number }[]>();
    for (const [name, key, moveText] of entries) {
      const table = mirror.tables.get(name);
      if (!table) continue;
      const move = Number(moveText);
      if ((move & 2) !== 0) changes.left = true;
      if (key === null) {
        changes.truncated.add(name);
        continue;
      }
      const values = (JSON.parse(key) as string[]).map((text, place) => storedKey(table, table.key[place]!, text));
      const present = keys.get(name);
      if (present) present.push({ key: values, move });
      else keys.set(name, [{ key: values, move }]);
    }
    for (const [name, some] of keys) staging.addChanged(mirror.tables.get(name)!, some);
    if (entries.length < entriesPerFetch) return changes;
  }
}

async function nextEntries(client: pg.Client): Promise<LogEntry[]> {
  const { rows } = await client.query<LogEntry>({ text: fetchMore, rowMode: 'array' });
  return rows;
}
