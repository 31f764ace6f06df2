import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Progress } from '../../contract/device.ts';
import { derivedName } from '../central/derived-name.ts';
import type { MirroredTable } from '../mirror/catalogue.ts';
import { incomingName } from '../mirror/incoming.ts';
import { momentParameter } from '../mirror/moments.ts';
import { writeCacheKibibytes } from '../mirror/open.ts';
import { query } from '../mirror/readable.ts';
import type { Stored } from '../mirror/rows.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { type Changes, type LogEntry, openLog, stageChanges } from './changes.ts';
import { decodeRow, selectList } from './columns.ts';
import { makeCopies, neededCopies } from './copies.ts';
import { CopyProgress } from './copy-progress.ts';
import { copyTable } from './copy-table.ts';
import { type Hello, inSnapshot, logPosition, rememberCentral } from './hello.ts';
import { isVisible, parseSnapshot } from './snapshot.ts';
import { keyColumns, Staging } from './staging.ts';
import {
  type EndedTransactions,
  endedSince,
  forgetEnded,
  stageWatched,
  watchArrivals,
  watchEarlierArrivals,
} from './watch.ts';
import { dropAged, isNewDay } from './window.ts';

export interface PullContext {
  client: pg.Client;
  mirror: WritableMirror;
  now: () => number;
  /** How much of a table is read in one transaction at central. */
  rowsPerSnapshot?: number | undefined;
  /** Called in the pull's own snapshot, before what it brings is written. */
  onAnswer?: (answer: Hello) => Promise<void>;
  onProgress: (progress: Progress | null) => void;
  /** Tables of which rows changed, for screens to read again. */
  onChanged: (tables: string[]) => void;
}

/** Of which most rows changed, and more than so many, a table is copied anew: that is faster than reading row by row. */
const heavyRows = 20_000;
const valuesPerQuery = 5_000;
const rowsPerStage = 2_000;
/** How old a cursor may grow while nothing changes. */
const idleMilliseconds = 30_000;

/**
 * Brings the mirror to one consistent snapshot of what central lets this device see. The first time it copies every table; after
 * that it reads the rows that the previous snapshot could not see.
 */
export function pull(context: PullContext): Promise<Hello> {
  return caughtUp(context, async (answer) => answer);
}

/** Pulls, and then works on in the same transaction at central: the mirror holds just what central shows in it. */
export async function caughtUp<T>(context: PullContext, work: (answer: Hello) => Promise<T>): Promise<T> {
  for (;;) {
    const position = logPosition(context.mirror);
    const step = await inSnapshot(
      context,
      async (answer, log: LogEntry[]) => {
        const needed = await neededCopies(context, answer);
        if (needed) return { needed, result: null };
        await context.onAnswer?.(answer);
        await catchUp(context, answer, log);
        return { needed: null, result: await work(answer) };
      },
      position === null ? '' : openLog(position),
    );
    if (step.needed === null) return step.result;
    await sparingly(context, () => makeCopies(context, step.needed));
  }
}

/** What a pull read, to be applied in one transaction. */
interface Read {
  answer: Hello;
  staging: Staging;
  /** Tables that were copied anew, with how many rows. */
  copied: Map<string, number>;
  ended: EndedTransactions;
  /** Tables were copied at different moments: a row may be here whose parent, gone in between, is not. */
  mayHaveOrphans: boolean;
}

/**
 * Copying appends, and so gains nothing from a large cache: the memory goes into the sorts that make the indexes. And the
 * fewer checkpoints of the WAL, the fewer waits for the disk.
 */
async function sparingly(context: PullContext, copying: () => Promise<void>): Promise<void> {
  const { database } = context.mirror;
  database.pragma('cache_size = -8192');
  database.pragma('wal_autocheckpoint = 4000');
  try {
    await copying();
  } finally {
    database.pragma(`cache_size = -${writeCacheKibibytes}`);
    database.pragma('wal_autocheckpoint = 1000');
  }
}

async function catchUp(context: PullContext, answer: Hello, log: LogEntry[]): Promise<void> {
  const { client, mirror } = context;
  await watchEarlierArrivals(client, mirror);
  const staging = new Staging(mirror);
  try {
    const changes = await stageChanges(context, staging, log);
    const copied = await copyHeavy(context, staging, changes);
    const ended = endedSince(mirror, answer.snapshot);
    if (staging.size + copied.size + ended.size === 0 && !isNewDay(mirror, answer) && !isDue(mirror, context.now()))
      return;
    await fetchChanged(context, staging, copied);
    await fetchChildren(context, staging, copied, ended);
    const mayHaveOrphans = changes.left && (copied.size > 0 || copiedLater(mirror).size > 0);
    const read = { answer, staging, copied, ended, mayHaveOrphans };
    const touched = mirror.transaction(() => take(context, read));
    if (touched.length > 0) context.onChanged(touched);
  } finally {
    staging.close();
    if (staging.size > heavyRows) context.onProgress(null);
  }
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

/** Copies what was emptied, or changed for the most part, beside what is there, in the pull's own snapshot. */
async function copyHeavy(context: PullContext, staging: Staging, changes: Changes): Promise<Map<string, number>> {
  const { client, mirror } = context;
  const copied = new Map<string, number>();
  for (const table of [...mirror.tables.values()]) {
    const changed = staging.count('changed', table);
    const isHeavy = changed > heavyRows && changed * 2 > rowsOf(mirror, table);
    if (!isHeavy && !(changes.truncated.has(table.name) && (await wasTruncatedSince(context, table)))) continue;
    const progress = new CopyProgress(rowsOf(mirror, table), context.onProgress);
    progress.turnTo(`Copying ${table.name}`);
    const rows = await copyTable(client, mirror, table, (more, bytes) => progress.add(more, bytes));
    copied.set(table.name, rows);
    context.onProgress(null);
  }
  return copied;
}

function rowsOf(mirror: WritableMirror, table: MirroredTable): number {
  return mirror.first(query.selectFrom('latchkey_table').select('rows').where('name', '=', table.name))?.rows ?? 0;
}

/** A copy that was made after the truncation holds what came of it. */
async function wasTruncatedSince({ client, mirror }: PullContext, table: MirroredTable): Promise<boolean> {
  const copy = copiedLater(mirror).get(table.name);
  if (copy === undefined) return true;
  const { rows } = await client.query(
    'SELECT FROM latchkey.changes_since($1::pg_snapshot) WHERE table_name = $2 AND row_key IS NULL',
    [copy, table.name],
  );
  return rows.length > 0;
}

/** Tables that were copied, or of which parts were, after the cursor, with the snapshots of their first parts. */
function copiedLater(mirror: WritableMirror): Map<string, string> {
  const reach = parseSnapshot(mirror.meta('cursor')!).xmax;
  const copies = mirror.all(query.selectFrom('latchkey_table').select(['name', 'snapshot']));
  return new Map(
    copies.flatMap(({ name, snapshot }) =>
      snapshot !== null && parseSnapshot(snapshot).xmax >= reach ? [[name, snapshot] as const] : [],
    ),
  );
}

/** Reads the rows that the log names, as they are now. Those that are not found are gone, or not visible any more. */
async function fetchChanged(context: PullContext, staging: Staging, copied: Map<string, number>): Promise<void> {
  for (const table of context.mirror.tables.values()) {
    if (copied.has(table.name)) continue;
    const keys = table.key.map((key) => columnOf(table, key));
    for (const batch of staging.batches('changed', table, valuesPerQuery)) {
      const parameters = keys.map((column, place) => batch.map((key) => centralText(column, key[place]!)));
      const marks = keys.map((_, place) => `$${place + 1}`).join(', ');
      await fetchRows(
        context,
        staging,
        table,
        `${quoteName(derivedName(table.name, '_by_key'))}(${marks})`,
        parameters,
      );
    }
  }
}

/**
 * Reads the children of rows that came to this organization, down to the last generation. Also of inserted ones: a load with triggers
 * off, or a deferred foreign key, may have brought the children first.
 */
async function fetchChildren(
  context: PullContext,
  staging: Staging,
  copied: Map<string, number>,
  ended: EndedTransactions,
): Promise<void> {
  const { mirror } = context;
  for (const child of parentsFirst(mirror.tables)) {
    const parent = child.parent && mirror.tables.get(child.parent.table);
    if (!parent) continue;
    const target = `f.${quoteName(child.parent!.target)}`;
    const fetched = copied.has(parent.name) ? quoteName(incomingName(parent)) : staging.get('fetched', parent);
    const changed = staging.get('changed', parent);
    const parents = staging.get('parents', parent);
    if (fetched && changed) {
      const key = parent.key.map((column) => `f.${quoteName(column)}`).join(', ');
      staging.addParents(
        child,
        `SELECT ${target}, 0 FROM ${fetched} f WHERE (${key}) IN (SELECT ${keyColumns(parent)} FROM ${changed} WHERE move & 5)`,
      );
    }
    if (fetched && parents) {
      staging.addParents(
        child,
        `SELECT ${target}, p.watched FROM ${fetched} f JOIN ${parents} p ON p.parent = f.${quoteName(parent.parent!.column)}`,
      );
    }
    stageWatched(staging, child, ended);
    if (copied.has(child.name)) continue;
    const column = columnOf(child, child.parent!.column);
    for (const batch of staging.batches('parents', child, valuesPerQuery)) {
      const values = batch.map(([value]) => centralText(column, value!));
      await fetchRows(context, staging, child, `${quoteName(derivedName(child.name, '_by_parent'))}($1)`, [values]);
    }
  }
}

/** Rows go from the wire to the staging as they come: however many they are, few are in memory. */
function fetchRows(
  { client, onProgress }: PullContext,
  staging: Staging,
  table: MirroredTable,
  from: string,
  parameters: string[][],
): Promise<void> {
  const text = `SELECT ${selectList(table)} FROM latchkey_mirror.${from} t`;
  const name = `latchkey ${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  return new Promise((resolve, reject) => {
    let waiting: Stored[][] = [];
    let failure: unknown = null;
    const stage = () => {
      try {
        if (failure === null && waiting.length > 0) staging.addFetched(table, waiting);
      } catch (error) {
        failure = error;
      }
      waiting = [];
    };
    const rows = new pg.Query<(string | null)[]>({
      name,
      text,
      values: parameters,
      rowMode: 'array',
    } as pg.QueryConfig);
    rows.on('row', (row) => {
      waiting.push(decodeRow(table, row as unknown as (string | null)[]));
      if (waiting.length < rowsPerStage) return;
      stage();
      if (staging.size > heavyRows)
        onProgress({
          step: 'Reading changes',
          rows: staging.size,
          rowsExpected: staging.size,
          bytes: 0,
          secondsLeft: null,
        });
    });
    rows.on('error', reject);
    rows.on('end', () => {
      stage();
      if (failure === null) resolve();
      else reject(failure);
    });
    client.query(rows);
  });
}

/** Within one transaction: the mirror becomes what central shows in the pull's snapshot. @returns the tables that changed */
function take(context: PullContext, read: Read): string[] {
  const { mirror } = context;
  const { answer, staging, copied, ended, mayHaveOrphans } = read;
  const touched: string[] = [];
  mirror.unapplyPending();
  forgetEnded(mirror, ended);
  for (const table of parentsFirst(mirror.tables)) {
    const children = [...mirror.tables.values()].filter(({ parent }) => parent?.table === table.name);
    const rows = copied.get(table.name);
    const now = rows === undefined ? staging.get('fetched', table) : quoteName(incomingName(table));
    if (now) watchArrivals(mirror, staging, table, now, answer.snapshot);
    if (rows !== undefined) mirror.swapIn(table, rows, answer.snapshot);
    const removed = rows === undefined ? removeGone(mirror, staging, table, children) : 0;
    const orphaned = mayHaveOrphans ? removeOrphans(mirror, table) : 0;
    const put = rows === undefined ? putFetched(mirror, staging, table) : rows;
    if (rows !== undefined || removed + orphaned + put > 0) touched.push(table.name);
  }
  if (isNewDay(mirror, answer)) touched.push(...dropAged(mirror, answer));
  retireVisible(mirror, answer.snapshot, context.now());
  mirror.setMeta('cursor', answer.snapshot);
  mirror.setMeta('last_sync', `${momentParameter(context.now())}Z`);
  rememberCentral(mirror, answer);
  mirror.replayPending();
  return [...new Set(touched)];
}

/** Removes the rows that the log names, and those whose parent was compared whole, unless central still shows them. */
function removeGone(mirror: WritableMirror, staging: Staging, table: MirroredTable, children: MirroredTable[]): number {
  const name = quoteName(table.name);
  const keys = table.key.map((column) => `${name}.${quoteName(column)}`).join(', ');
  const fetched = staging.get('fetched', table);
  const isShown = fetched ? `(${keys}) IN (SELECT ${table.key.map(quoteName).join(', ')} FROM ${fetched})` : 'FALSE';
  const changed = staging.get('changed', table);
  const parents = staging.get('parents', table);
  let removed = 0;
  const remove = (condition: string) => {
    for (const child of children)
      staging.addParents(child, `SELECT ${quoteName(child.parent!.target)}, 0 FROM ${name} WHERE ${condition}`);
    removed += mirror.database.prepare(`DELETE FROM ${name} WHERE ${condition}`).run().changes;
  };
  if (changed) remove(`(${keys}) IN (SELECT ${keyColumns(table)} FROM ${changed}) AND NOT ${isShown}`);
  if (parents)
    remove(`${name}.${quoteName(table.parent!.column)} IN (SELECT parent FROM ${parents}) AND NOT ${isShown}`);
  if (removed > 0) mirror.countRows(table.name, -removed);
  return removed;
}

function removeOrphans(mirror: WritableMirror, { name, parent }: MirroredTable): number {
  if (!parent || !mirror.tables.has(parent.table)) return 0;
  const { changes } = mirror.database
    .prepare(
      `DELETE FROM ${quoteName(name)} AS t WHERE NOT EXISTS
         (SELECT 1 FROM ${quoteName(parent.table)} p WHERE p.${quoteName(parent.target)} = t.${quoteName(parent.column)})`,
    )
    .run();
  if (changes > 0) mirror.countRows(name, -changes);
  return changes;
}

/** Rows go in after all removals of their table, and in place: a row keeps its row id, which the full-text index knows it by. */
function putFetched(mirror: WritableMirror, staging: Staging, table: MirroredTable): number {
  const fetched = staging.get('fetched', table);
  if (fetched === null) return 0;
  const name = quoteName(table.name);
  const keys = table.key.map(quoteName).join(', ');
  const columns = table.columns.map((column) => quoteName(column.name));
  // NOT IN would look through a whole index of several columns for each row that is not there, since one of them may be NULL.
  const isHere = table.key.map((key) => `here.${quoteName(key)} = f.${quoteName(key)}`).join(' AND ');
  const added = mirror.database
    .prepare(`SELECT count(*) FROM ${fetched} f WHERE NOT EXISTS (SELECT 1 FROM ${name} here WHERE ${isHere})`)
    .pluck()
    .get() as number;
  const rest = columns.filter((_, place) => !table.key.includes(table.columns[place]!.name));
  // As rows, since a thousand conditions in a chain are more than SQLite takes.
  const row = (table: string) => `(${rest.map((column) => `${table}.${column}`).join(', ')})`;
  const differs = `${row(name)} IS NOT ${row('excluded')}`;
  const update =
    rest.length === 0
      ? 'NOTHING'
      : `UPDATE SET ${rest.map((column) => `${column} = excluded.${column}`).join(', ')} WHERE ${differs}`;
  const { changes } = mirror.database
    .prepare(
      `INSERT INTO ${name} (${columns.join(', ')}) SELECT ${columns.join(', ')} FROM ${fetched} WHERE TRUE ON CONFLICT (${keys}) DO ${update}`,
    )
    .run();
  if (added > 0) mirror.countRows(table.name, added);
  return changes;
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

/** Every table after the one that its rows' organization comes from. */
function parentsFirst(tables: ReadonlyMap<string, MirroredTable>): MirroredTable[] {
  const depth = ({ parent }: MirroredTable): number => {
    const above = parent && tables.get(parent.table);
    return above ? 1 + depth(above) : 0;
  };
  return [...tables.values()].sort((one, other) => depth(one) - depth(other));
}

function columnOf(table: MirroredTable, name: string): MirroredTable['columns'][number] {
  return table.columns.find((column) => column.name === name)!;
}

/** A stored value as a parameter that central reads back as the same value. */
function centralText({ storage }: MirroredTable['columns'][number], value: Stored): string {
  if (storage === 'boolean') return String(Number(value) !== 0);
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return String(value);
}
