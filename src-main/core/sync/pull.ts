import type pg from 'pg';
import { derivedName } from '../central/derived-name.ts';
import { keyValues, type MirroredTable } from '../mirror/catalogue.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import { keyOf, type StoredRow, type WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { type Changes, changesSince, heavyTables } from './changes.ts';
import { decodeRow, selectList } from './columns.ts';
import { copiesOf, makeCopies, neededCopies } from './copies.ts';
import { type Hello, inSnapshot, rememberCentral } from './hello.ts';
import { isVisible, parseSnapshot } from './snapshot.ts';
import { dropAged, isNewDay } from './window.ts';

export interface PullContext {
  client: pg.Client;
  mirror: WritableMirror;
  now: () => number;
  onProgress: (progress: { step: string; rows: number; rowsExpected: number; bytes: number } | null) => void;
  /** Tables of which rows changed, for screens to read again. */
  onChanged: (tables: string[]) => void;
}

const keysPerQuery = 2_000;
/** How old a cursor may grow while nothing changes. */
const idleMilliseconds = 30_000;

/**
 * Brings the mirror to one consistent snapshot of what central lets this device see. The first time it copies every table; after
 * that it reads the rows that the previous snapshot could not see.
 */
export async function pull(context: PullContext): Promise<Hello> {
  const { mirror } = context;
  for (;;) {
    const step = await inSnapshot(context, async (answer) => {
      const needed = await neededCopies(context, answer);
      if (needed) return { needed };
      const changes = await changesSince(context, mirror.meta('cursor')!);
      const heavy = heavyTables(changes);
      if (heavy.size > 0) return { needed: await copiesOf(context, answer, heavy) };
      return { done: await catchUp(context, answer, changes) };
    });
    if (step.done) return step.done;
    await makeCopies(context, step.needed);
  }
}

/** Within a transaction at central: brings the mirror from its cursor to that transaction's snapshot. No table may be heavy. */
export async function catchUp(context: PullContext, answer: Hello, changes: Changes): Promise<Hello> {
  const { mirror } = context;
  const fetched = await fetchRows(context, changes);
  if (fetched.size === 0 && !isNewDay(mirror, answer) && !isDue(mirror, context.now())) return answer;
  const aged = mirror.transaction(() => {
    mirror.unapplyPending();
    apply(mirror, fetched);
    const aged = isNewDay(mirror, answer) ? dropAged(mirror, answer) : [];
    retireVisible(mirror, answer.snapshot, context.now());
    mirror.setMeta('cursor', answer.snapshot);
    mirror.setMeta('last_sync', `${momentParameter(context.now())}Z`);
    rememberCentral(mirror, answer);
    mirror.replayPending();
    return aged;
  });
  const touched = new Set([...fetched.keys(), ...aged]);
  if (touched.size > 0) context.onChanged([...touched]);
  return answer;
}

/** Whether a pull that brought no rows has anything to write down. Polling an idle central must not wear out the disk. */
function isDue(mirror: WritableMirror, now: number): boolean {
  const accepted = mirror.first(
    query.selectFrom('latchkey_outbox').select('command').where('state', '=', 'accepted').limit(1),
  );
  return (
    accepted !== undefined ||
    Math.abs(now - Date.parse(mirror.meta('last_sync') ?? '1970-01-01T00:00:00Z')) > idleMilliseconds
  );
}

/** Per table what to remove and what to put, as central has it in this snapshot. */
type Fetched = Map<string, FetchedTable>;
interface FetchedTable {
  table: MirroredTable;
  /** Rows that changed; those that are not among `rows` are gone or not visible any more. */
  keys: Set<string>;
  /** Rows of these parents are removed before `rows` go in. */
  orphansOf: { column: string; keys: string[] }[];
  rows: StoredRow[];
}

async function fetchRows(context: PullContext, changes: Changes): Promise<Fetched> {
  const { mirror } = context;
  const fetched: Fetched = new Map();
  const entry = (table: MirroredTable) => {
    const present = fetched.get(table.name);
    if (present) return present;
    const made: FetchedTable = { table, keys: new Set(), orphansOf: [], rows: [] };
    fetched.set(table.name, made);
    return made;
  };
  for (const [name, keys] of changes.keys) {
    const table = mirror.tables.get(name)!;
    entry(table).keys = keys;
    for (const row of await readByKeys(context, table, [...keys])) entry(table).rows.push(row);
  }
  let moved = [...changes.moved].map(([name, keys]) => ({ name, keys: [...keys] }));
  while (moved.length > 0) {
    const next: typeof moved = [];
    for (const { name, keys } of moved) {
      for (const child of mirror.tables.values()) {
        if (child.parent?.table !== name) continue;
        const rows = await readByParent(context, child, keys);
        const here = mirroredDescendants(mirror, child, keys);
        const target = entry(child);
        target.orphansOf.push({ column: child.parent.column, keys });
        for (const row of rows) target.rows.push(row);
        const affected = [...new Set([...rows.map((row) => keyOf(child, row)), ...here])];
        if (affected.length > 0) next.push({ name: child.name, keys: affected });
      }
    }
    moved = next;
  }
  return fetched;
}

function mirroredDescendants(mirror: WritableMirror, child: MirroredTable, parents: string[]): string[] {
  const select = mirror.database
    .prepare(`SELECT * FROM ${quoteName(child.name)} WHERE ${quoteName(child.parent!.column)} = ?`)
    .safeIntegers(true);
  return parents.flatMap((parent) => (select.all(parent) as StoredRow[]).map((row) => keyOf(child, row)));
}

async function readByKeys(context: PullContext, table: MirroredTable, keys: string[]): Promise<StoredRow[]> {
  return readInBatches(keys, (some) => {
    const values = some.map((key) => keyValues(table, key));
    const parameters = table.key.map((_, place) => values.map((one) => one[place]!));
    return read(
      context,
      table,
      `${quoteName(derivedName(table.name, '_by_key'))}(${parameters.map((_, place) => `$${place + 1}`).join(', ')})`,
      parameters,
    );
  });
}

function readByParent(context: PullContext, child: MirroredTable, parents: string[]): Promise<StoredRow[]> {
  return readInBatches(parents, (some) =>
    read(context, child, `${quoteName(derivedName(child.name, '_by_parent'))}($1)`, [some]),
  );
}

async function readInBatches(keys: string[], readSome: (keys: string[]) => Promise<StoredRow[]>): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for (let at = 0; at < keys.length; at += keysPerQuery) {
    for (const row of await readSome(keys.slice(at, at + keysPerQuery))) rows.push(row);
  }
  return rows;
}

async function read(
  { client }: PullContext,
  table: MirroredTable,
  from: string,
  parameters: string[][],
): Promise<StoredRow[]> {
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${selectList(table)} FROM latchkey_mirror.${from} t`,
    values: parameters,
    rowMode: 'array',
  });
  return rows.map((values) => {
    const decoded = decodeRow(table, values);
    return Object.fromEntries(table.columns.map((column, place) => [column.name, decoded[place]!]));
  });
}

/** Within the pull's SQLite transaction, with pending changes taken off. */
function apply(mirror: WritableMirror, fetched: Fetched): void {
  for (const { table, keys, orphansOf, rows } of fetched.values()) {
    for (const { column, keys: parents } of orphansOf) {
      const remove = mirror.database.prepare(`DELETE FROM ${quoteName(table.name)} WHERE ${quoteName(column)} = ?`);
      for (const parent of parents) mirror.countRows(table.name, -remove.run(parent).changes);
    }
    const present = new Set(rows.map((row) => keyOf(table, row)));
    for (const key of keys) if (!present.has(key)) mirror.removeRow(table, key);
  }
  // Rows go in after all removals: one that moved between two parents must not be removed with the first.
  for (const { table, rows } of fetched.values()) for (const row of rows) mirror.putRow(table, row);
}

/** Commands whose transaction this snapshot sees are in force, and need no layer of their own any more. */
function retireVisible(mirror: WritableMirror, snapshotText: string, now: number): void {
  const snapshot = parseSnapshot(snapshotText);
  const accepted = mirror.all(
    query.selectFrom('latchkey_outbox').select(['command', 'xid']).where('state', '=', 'accepted'),
  );
  for (const { command, xid } of accepted) {
    if (xid === null || !isVisible(snapshot, BigInt(xid))) continue;
    mirror.database.prepare('DELETE FROM latchkey_pending WHERE command = ?').run(command);
    mirror.database
      .prepare(`UPDATE latchkey_outbox SET state = 'in-force', in_force_at = ? WHERE command = ?`)
      .run(`${momentParameter(now)}Z`, command);
  }
}
