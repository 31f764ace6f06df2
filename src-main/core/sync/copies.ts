import type pg from 'pg';
import { addedPartitions, type MirroredTable, mirroredTables } from '../mirror/catalogue.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { CopyProgress } from './copy-progress.ts';
import { copyPart } from './copy-table.ts';
import { compareEpoch, type Hello, inSnapshot, rememberCentral } from './hello.ts';
import type { PullContext } from './pull.ts';
import { lostCommands, offerAgain } from './recovery.ts';
import { isTooOld, parseSnapshot } from './snapshot.ts';
import { watchAnew } from './watch.ts';

/**
 * What one transaction at central gives of a table: as long as it arrives, vacuum keeps what it might still see. This many audit
 * events take ten seconds on the same machine and a quarter of an hour over 5 Mbit/s. Every further part makes central look
 * at all keys of the organization once more, which takes a twentieth of the time.
 */
const ordinaryRowsPerSnapshot = 2_000_000;
/** Tables of fewer rows than that share of it are small: counting as far as that is done at once. */
const smallShare = 1 / 20;

/** What must be copied before a pull can go on from the cursor. */
export interface NeededCopies {
  answer: Hello;
  described: MirroredTable[];
  /** Everything is to be copied anew: another epoch, or a cursor that the change log does not reach back to. */
  stale: boolean;
  /** Tables that have more partitions than before, and all of those were empty: nothing in them went by untracked. */
  grown: MirroredTable[];
}

/** Within a transaction at central. @returns null where the cursor is all that a pull needs */
export async function neededCopies({ client, mirror }: PullContext, answer: Hello): Promise<NeededCopies | null> {
  const stale = compareEpoch(mirror, answer) === 'changed' || cursorIsTooOld(mirror, answer);
  if (mirror.meta('fingerprint') === answer.fingerprint && !stale && mirror.meta('copying') === null) return null;
  const { rows } = await client.query<{ catalogue: string }>('SELECT latchkey.catalogue() AS catalogue');
  const described = mirroredTables(JSON.parse(rows[0]!.catalogue));
  return { answer, stale, described, grown: stale ? [] : await grownTables(client, mirror, described) };
}

async function grownTables(
  client: pg.Client,
  mirror: WritableMirror,
  described: MirroredTable[],
): Promise<MirroredTable[]> {
  const grown: MirroredTable[] = [];
  for (const table of described) {
    const before = mirror.tables.get(table.name);
    const added = before ? addedPartitions(before, table) : null;
    if (added === null || added.length === 0) continue;
    const { rows } = await client.query<{ empty: string }>('SELECT latchkey.are_empty($1) AS empty', [added]);
    if (rows[0]!.empty === 't') grown.push(table);
  }
  return grown;
}

/**
 * Copies the tables that have no complete copy, small ones first, so that screens have something to show. Each is read in
 * transactions of its own: an interrupted first mirror goes on where it was, and production's vacuum is not held back for the whole
 * of it. The pull that follows starts from the oldest snapshot among them, so that the copies meet in one moment.
 */
export async function makeCopies(context: PullContext, needed: NeededCopies): Promise<void> {
  const { client, mirror } = context;
  const { answer } = needed;
  const lost = needed.stale ? await lostCommands(client, mirror, context.now()) : [];
  const wanted = mirror.transaction(() => planCopies(mirror, needed, lost));
  const { small, large } = await bySize(context, wanted);
  // Counting a large table takes as long as indexing some small ones does here: both are done at the same time.
  let counting: Promise<SizedTable[]> | null = large.length === 0 ? Promise.resolve([]) : null;
  const countLarge = () => {
    counting ??= counted(client, large);
    counting.catch(() => {});
    return counting;
  };
  const progress = new CopyProgress(large.length === 0 ? rowsOf(small) : null, context.onProgress);
  const put = (table: MirroredTable, copy: { rows: number; snapshot: string }) => {
    progress.turnTo(`Indexing ${table.name}`);
    mirror.transaction(() => {
      mirror.unapplyPending();
      mirror.swapIn(table, copy.rows, copy.snapshot);
      forgetParts(mirror);
      mirror.replayPending();
    });
    context.onChanged([table.name]);
  };
  const copyAll = async (tables: SizedTable[], beforeLast: () => void) => {
    for (const [place, { table, rows: expected }] of tables.entries()) {
      const copy = await copyInParts(context, answer, table, expected, progress);
      // Something is defined otherwise than when this was planned: the caller looks again, and keeps what is complete.
      if (!copy) return false;
      if (place === tables.length - 1) beforeLast();
      put(table, copy);
    }
    return true;
  };
  if (!(await copyAll(small, countLarge))) return;
  if (large.length > 0) progress.turnTo(`Counting ${large.map(({ name }) => name).join(', ')}`);
  const sized = await countLarge();
  progress.expect(rowsOf(small) + rowsOf(sized));
  if (!(await copyAll(sized, () => {}))) return;
  mirror.transaction(() => {
    mirror.setMeta('fingerprint', answer.fingerprint);
    mirror.database.prepare(`DELETE FROM latchkey_meta WHERE name = 'copying'`).run();
  });
  context.onProgress(null);
}

interface SizedTable {
  table: MirroredTable;
  /** That this device may see. */
  rows: number;
}

const rowsOf = (tables: SizedTable[]) => tables.reduce((sum, { rows }) => sum + rows, 0);

/** Tells small tables from large ones, of which nobody waits until they are counted. */
async function bySize(
  { client, rowsPerSnapshot = ordinaryRowsPerSnapshot }: PullContext,
  tables: MirroredTable[],
): Promise<{ small: SizedTable[]; large: MirroredTable[] }> {
  const limit = Math.ceil(rowsPerSnapshot * smallShare);
  const found = await counted(client, tables, limit);
  return {
    small: found.filter(({ rows }) => rows < limit),
    large: found.filter(({ rows }) => rows >= limit).map(({ table }) => table),
  };
}

/**
 * How many rows of each table this device may see, small ones first: what a forecast and the number of parts rest on.
 * @param limit up to which it is counted
 */
async function counted(client: pg.Client, tables: MirroredTable[], limit?: number): Promise<SizedTable[]> {
  if (tables.length === 0) return [];
  // Planned as if all rows were read, and read no further: a plan for the first rows alone may be one that is long in finding them.
  const some = (view: string) =>
    `(WITH seen AS MATERIALIZED (SELECT FROM ${view}) SELECT FROM seen LIMIT ${limit}) seen`;
  const counts = tables.map(({ name }, place) => {
    const view = `latchkey_mirror.${quoteName(name)}`;
    return `SELECT ${place} AS place, count(*) AS n FROM ${limit === undefined ? view : some(view)}`;
  });
  const { rows } = await client.query<{ place: string; n: string }>(counts.join(' UNION ALL '));
  return rows
    .map(({ place, n }) => ({ table: tables[Number(place)]!, rows: Number(n) }))
    .sort((a, b) => a.rows - b.rows);
}

/** How far a table's copy is: kept with the rows themselves, for whoever goes on with it. */
interface PartsCopied {
  table: string;
  /** Of the catalogue that these parts were read under. */
  fingerprint: string;
  parts: number;
  done: number;
  rows: number;
  /** Of the first part, the oldest. */
  snapshot: string;
}

/** @returns null where central is not as it was when this was planned */
async function copyInParts(
  context: PullContext,
  { fingerprint }: Hello,
  table: MirroredTable,
  expected: number,
  progress: CopyProgress,
): Promise<{ rows: number; snapshot: string } | null> {
  const { client, mirror, rowsPerSnapshot = ordinaryRowsPerSnapshot } = context;
  let copied = partsCopied(mirror);
  if (copied?.table !== table.name || copied.fingerprint !== fingerprint) copied = null;
  const parts = copied?.parts ?? Math.max(1, Math.ceil(expected / rowsPerSnapshot));
  const incoming = copied ? mirror.resumeIncoming(table, copied.rows) : mirror.createIncoming(table);
  const isResumed = copied !== null;
  if (copied) progress.skip(copied.rows);
  else forgetParts(mirror);
  for (let number = copied?.done ?? 0; number < parts; number++) {
    progress.turnTo(`Copying ${table.name}${parts > 1 ? `, part ${number + 1} of ${parts}` : ''}`);
    const snapshot = await inSnapshot(context, async (now) => {
      if (now.fingerprint !== fingerprint || compareEpoch(mirror, now) !== 'same') return null;
      await copyPart(client, incoming, table, { number, of: parts }, (rows, bytes) => progress.add(rows, bytes));
      return now.snapshot;
    });
    if (snapshot === null) return null;
    const { rows } = incoming;
    copied = { table: table.name, fingerprint, parts, done: number + 1, rows, snapshot: copied?.snapshot ?? snapshot };
    mirror.setMeta('parts_copied', JSON.stringify(copied));
  }
  // What was broken off may be there twice over in the count, and never in the table.
  return { rows: isResumed ? mirror.countIncoming(table) : copied!.rows, snapshot: copied!.snapshot };
}

function partsCopied(mirror: WritableMirror): PartsCopied | null {
  const stored = mirror.meta('parts_copied');
  return stored === null ? null : (JSON.parse(stored) as PartsCopied);
}

function forgetParts(mirror: WritableMirror): void {
  mirror.database.prepare(`DELETE FROM latchkey_meta WHERE name = 'parts_copied'`).run();
}

function cursorIsTooOld(mirror: WritableMirror, answer: Hello): boolean {
  const cursor = mirror.meta('cursor');
  return cursor !== null && isTooOld(parseSnapshot(cursor), answer);
}

/** Decides which tables are copied: all of a fresh start, else those that are new or defined otherwise. Gone ones are dropped. */
function planCopies(mirror: WritableMirror, { answer, described, stale, grown }: NeededCopies, lost: string[]) {
  const present = new Map(mirror.all(query.selectFrom('latchkey_table').selectAll()).map((row) => [row.name, row]));
  for (const name of present.keys()) {
    if (!described.some((table) => table.name === name)) mirror.dropTable(name);
  }
  if (stale) {
    offerAgain(mirror, lost, answer);
    mirror.database.exec('UPDATE latchkey_table SET wanted = 1');
    forgetParts(mirror);
  }
  if (stale || mirror.meta('cursor') === null) {
    mirror.setMeta('cursor', answer.snapshot);
    watchAnew(mirror, answer.snapshot);
  }
  for (const table of grown) mirror.redefine(table);
  mirror.setMeta('copying', 'true');
  rememberCentral(mirror, { ...answer, fingerprint: '' });
  return described.filter((table) => {
    const row = present.get(table.name);
    if (stale || !row || row.wanted === 1) return true;
    return row.definition !== JSON.stringify(table) && !grown.includes(table);
  });
}
