import type pg from 'pg';
import type { MirroredTable } from '../mirror/catalogue.ts';
import { query } from '../mirror/readable.ts';
import { storedKey, type WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { parseSnapshot } from './snapshot.ts';
import { keyColumns, type Staging } from './staging.ts';

/*
 * A row whose organization is its parent's is logged for the organization that its writer found the parent in. Where the parent came
 * here while that writer was under way, its changes are logged for where the parent was. So the parent is watched: whenever a
 * transaction that was open when its children were last read has ended, they are read again.
 */

/** Sets of open transactions of which some have ended, with what is left of them. */
export type EndedTransactions = Map<string, string>;

export function endedSince(mirror: WritableMirror, snapshotText: string): EndedTransactions {
  const { inProgress } = parseSnapshot(snapshotText);
  const ended: EndedTransactions = new Map();
  for (const { open } of mirror.all(query.selectFrom('latchkey_watch').select('open').distinct())) {
    const left = open.split(',').filter((xid) => inProgress.has(BigInt(xid)));
    if (left.join() !== open) ended.set(open, left.join());
  }
  return ended;
}

/** Stages the watched parents of a table whose children are to be read again. */
export function stageWatched(staging: Staging, child: MirroredTable, ended: EndedTransactions): void {
  if (ended.size === 0) return;
  const marks = [...ended.keys()].map(() => '?').join(', ');
  staging.addParents(
    child,
    `SELECT parent, 1 FROM latchkey_watch WHERE table_name = ? AND open IN (${marks})`,
    child.name,
    ...ended.keys(),
  );
}

/** Within the transaction that applies a pull: what has ended needs no watch any more. */
export function forgetEnded(mirror: WritableMirror, ended: EndedTransactions): void {
  const remove = mirror.database.prepare('DELETE FROM latchkey_watch WHERE open = ?');
  const shorten = mirror.database.prepare('UPDATE latchkey_watch SET open = ? WHERE open = ?');
  for (const [open, left] of ended) {
    if (left === '') remove.run(open);
    else shorten.run(left, open);
  }
}

/**
 * Within the transaction that applies a pull, before the table's rows go in or its copy is put in place: watches those that came from
 * another organization, and those that are new below a watched one, whose own move may have been logged elsewhere.
 * @param rows the quoted name of the table that holds the rows as central has them now
 */
export function watchArrivals(
  mirror: WritableMirror,
  staging: Staging,
  table: MirroredTable,
  rows: string,
  snapshotText: string,
): void {
  const open = [...parseSnapshot(snapshotText).inProgress].join();
  if (open === '') return;
  const key = table.key.map((column) => `f.${quoteName(column)}`).join(', ');
  const changed = staging.get('changed', table);
  const parents = staging.get('parents', table);
  const arrivals: string[] = [];
  if (changed) arrivals.push(`(${key}) IN (SELECT ${keyColumns(table)} FROM ${changed} WHERE move & 4)`);
  if (parents) {
    const parent = `f.${quoteName(table.parent!.column)}`;
    const isHere = table.key.map((column) => `here.${quoteName(column)} = f.${quoteName(column)}`).join(' AND ');
    arrivals.push(
      `${parent} IN (SELECT parent FROM ${parents} WHERE watched) AND NOT EXISTS (SELECT 1 FROM ${quoteName(table.name)} here WHERE ${isHere})`,
    );
  }
  if (arrivals.length === 0) return;
  for (const child of mirror.tables.values()) {
    if (child.parent?.table !== table.name) continue;
    mirror.database
      .prepare(
        `INSERT INTO latchkey_watch SELECT ?, f.${quoteName(child.parent.target)}, ? FROM ${rows} f
         WHERE ${arrivals.map((arrival) => `(${arrival})`).join(' OR ')}
         ON CONFLICT (table_name, parent) DO UPDATE SET open = excluded.open`,
      )
      .run(child.name, open);
  }
}

const unwatched = 'unwatched_moves';

/** Within a transaction that begins everything anew: what came here before is found and watched once the copies are made. */
export function watchAnew(mirror: WritableMirror, snapshotText: string): void {
  mirror.database.exec('DELETE FROM latchkey_watch');
  mirror.setMeta(unwatched, snapshotText);
}

/** After the first copies: watches what had come from another organization before them, as far as transactions were open then. */
export async function watchEarlierArrivals(client: pg.Client, mirror: WritableMirror): Promise<void> {
  const snapshotText = mirror.meta(unwatched);
  if (snapshotText === null) return;
  const open = [...parseSnapshot(snapshotText).inProgress].join();
  const { rows } =
    open === ''
      ? { rows: [] }
      : await client.query<{ table_name: string; row_key: string }>(
          'SELECT table_name, to_json(row_key)::TEXT AS row_key FROM latchkey.moved_in_before($1::pg_snapshot)',
          [snapshotText],
        );
  mirror.transaction(() => {
    for (const { table_name, row_key } of rows) {
      const table = mirror.tables.get(table_name);
      if (!table) continue;
      const key = (JSON.parse(row_key) as string[]).map((text, place) => storedKey(table, table.key[place]!, text));
      for (const child of mirror.tables.values()) {
        if (child.parent?.table !== table_name) continue;
        mirror.database
          .prepare(
            `INSERT INTO latchkey_watch SELECT ?, ${quoteName(child.parent.target)}, ? FROM ${quoteName(table_name)}
             WHERE ${table.key.map((column) => `${quoteName(column)} = ?`).join(' AND ')} ON CONFLICT DO NOTHING`,
          )
          .run(child.name, open, ...key);
      }
    }
    mirror.database.prepare('DELETE FROM latchkey_meta WHERE name = ?').run(unwatched);
  });
}
