import { keyText } from '../mirror/catalogue.ts';
import { query } from '../mirror/readable.ts';
import type { PullContext } from './pull.ts';
import { parseSnapshot } from './snapshot.ts';

/** Beyond so many changed rows, copying a table anew is faster than reading row by row, and needs no memory. */
const heavyRows = 20_000;

/** What changed at central since a snapshot, as far as this device may see it. */
export interface Changes {
  /** Rows that changed, by table. */
  keys: Map<string, Set<string>>;
  /** Rows that left or came, whose descendants did too. */
  moved: Map<string, Set<string>>;
  /** Tables that were emptied whole. */
  truncated: Set<string>;
}

/**
 * Since the cursor; but of a table that was copied after it, only what came after its copy. Moved rows count from the cursor in any
 * case: their descendants may lie in tables that were not copied.
 */
export async function changesSince(context: PullContext, cursor: string): Promise<Changes> {
  const { mirror } = context;
  const changes = await readChanges(context, cursor);
  const reach = parseSnapshot(cursor).xmax;
  for (const { name, snapshot } of mirror.all(query.selectFrom('latchkey_table').select(['name', 'snapshot']))) {
    if (snapshot === null || parseSnapshot(snapshot).xmax <= reach) continue;
    if (!changes.keys.has(name) && !changes.truncated.has(name)) continue;
    const later = await readChanges(context, snapshot);
    changes.keys.set(name, later.keys.get(name) ?? new Set());
    if (!later.truncated.has(name)) changes.truncated.delete(name);
  }
  return changes;
}

/** Tables that are to be copied anew rather than followed row by row. */
export function heavyTables({ keys, truncated }: Changes): Set<string> {
  return new Set([...truncated, ...[...keys].filter(([, rows]) => rows.size > heavyRows).map(([name]) => name)]);
}

async function readChanges({ client, mirror }: PullContext, since: string): Promise<Changes> {
  const { rows } = await client.query<{ table_name: string; row_key: string | null; move: string }>(
    'SELECT table_name, to_json(row_key)::TEXT AS row_key, move FROM latchkey.changes_since($1::pg_snapshot)',
    [since],
  );
  const changes: Changes = { keys: new Map(), moved: new Map(), truncated: new Set() };
  for (const { table_name, row_key, move } of rows) {
    if (!mirror.tables.has(table_name)) continue;
    if (row_key === null) {
      changes.truncated.add(table_name);
      continue;
    }
    const key = keyText(JSON.parse(row_key) as string[]);
    setOf(changes.keys, table_name).add(key);
    if (move !== '0') setOf(changes.moved, table_name).add(key);
  }
  return changes;
}

function setOf(sets: Map<string, Set<string>>, name: string): Set<string> {
  const present = sets.get(name);
  if (present) return present;
  const made = new Set<string>();
  sets.set(name, made);
  return made;
}
