import { mirroredTables } from '../mirror/catalogue.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { copyTable } from './copy-table.ts';
import { compareEpoch, type Hello, inSnapshot, rememberCentral } from './hello.ts';
import type { PullContext } from './pull.ts';
import { lostCommands, offerAgain } from './recovery.ts';
import { parseSnapshot } from './snapshot.ts';
import { watchAnew } from './watch.ts';

/** What must be copied before a pull can go on from the cursor. */
export interface NeededCopies {
  answer: Hello;
  described: ReturnType<typeof mirroredTables>;
  /** Everything is to be copied anew: another epoch, or a cursor that the change log does not reach back to. */
  stale: boolean;
}

/** Within a transaction at central. @returns null where the cursor is all that a pull needs */
export async function neededCopies({ client, mirror }: PullContext, answer: Hello): Promise<NeededCopies | null> {
  const stale = compareEpoch(mirror, answer) === 'changed' || cursorIsTooOld(mirror, answer);
  if (mirror.meta('fingerprint') === answer.fingerprint && !stale && mirror.meta('copying') === null) return null;
  const { rows } = await client.query<{ catalogue: string }>('SELECT latchkey.catalogue() AS catalogue');
  return { answer, stale, described: mirroredTables(JSON.parse(rows[0]!.catalogue)) };
}

/**
 * Copies the tables that have no complete copy, each in a transaction of its own: an interrupted first mirror goes on with the
 * next table, and production's vacuum is not held back for the whole of it. The pull that follows starts from the oldest
 * snapshot among them, so that the copies meet in one moment.
 */
export async function makeCopies(context: PullContext, needed: NeededCopies): Promise<void> {
  const { client, mirror } = context;
  const { answer } = needed;
  const lost = needed.stale ? await lostCommands(client, mirror, context.now()) : [];
  const wanted = mirror.transaction(() => planCopies(mirror, needed, lost));
  const rowsExpected = wanted.reduce((sum, { expectedRows }) => sum + expectedRows, 0);
  let done = 0;
  let bytes = 0;
  for (const { table } of wanted) {
    const step = `Copying ${table.name}`;
    context.onProgress({ step, rows: done, rowsExpected, bytes });
    // Its indexes are made after central's transaction ended: production's vacuum need not wait for them.
    const { rows, snapshot } = await inSnapshot(context, async ({ snapshot }) => ({
      snapshot,
      rows: await copyTable(client, mirror, table, (sofar, more) => {
        bytes += more;
        context.onProgress({ step, rows: done + sofar, rowsExpected: Math.max(rowsExpected, done + sofar), bytes });
      }),
    }));
    mirror.transaction(() => {
      mirror.unapplyPending();
      mirror.swapIn(table, rows, snapshot);
      mirror.replayPending();
    });
    done += rows;
    context.onChanged([table.name]);
  }
  mirror.transaction(() => {
    mirror.setMeta('fingerprint', answer.fingerprint);
    mirror.database.prepare(`DELETE FROM latchkey_meta WHERE name = 'copying'`).run();
  });
  context.onProgress(null);
}

function cursorIsTooOld(mirror: WritableMirror, answer: Hello): boolean {
  const cursor = mirror.meta('cursor');
  return cursor !== null && parseSnapshot(cursor).xmin < BigInt(answer.retained_since);
}

/** Decides which tables are copied: all of a fresh start, else those that are new or defined otherwise. Gone ones are dropped. */
function planCopies(mirror: WritableMirror, { answer, described, stale }: NeededCopies, lost: string[]) {
  const present = new Map(mirror.all(query.selectFrom('latchkey_table').selectAll()).map((row) => [row.name, row]));
  for (const name of present.keys()) {
    if (!described.some(({ table }) => table.name === name)) mirror.dropTable(name);
  }
  if (stale) {
    offerAgain(mirror, lost, answer);
    mirror.database.exec('UPDATE latchkey_table SET wanted = 1');
  }
  if (stale || mirror.meta('cursor') === null) {
    mirror.setMeta('cursor', answer.snapshot);
    watchAnew(mirror, answer.snapshot);
  }
  mirror.setMeta('copying', 'true');
  rememberCentral(mirror, { ...answer, fingerprint: '' });
  return described.filter(({ table }) => {
    const row = present.get(table.name);
    return stale || !row || row.wanted === 1 || row.definition !== JSON.stringify(table);
  });
}
