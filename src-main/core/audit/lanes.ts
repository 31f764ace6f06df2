import type { Lane } from '../../contract/log.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import { deviceNames, factsOf, type LeafFacts } from './leaves.ts';
import { momentOf } from './proof.ts';

/** A clock that is off by less tells nothing: moments of entries and of central are rounded, and travel. */
const skewTold = 1_000;

interface Logged {
  index: number | null;
  facts: LeafFacts;
}

/** Each device's entries, pushes and clock, as far as the newest entries of the log tell. */
const showLanes: Query<'audit.lanes'> = (context, { limit }) => {
  const { mirror, device: own } = context;
  const rows = mirror.all(
    query.selectFrom('latchkey_log').select(['idx', 'entry']).orderBy('idx', 'desc').limit(limit),
  );
  const logged = rows.reverse().map(({ idx, entry }): Logged => ({ index: idx, facts: factsOf(entry) }));
  const unsent = mirror.all(
    query.selectFrom('latchkey_entry').select('bytes').where('sent', '=', 0).orderBy('position').limit(limit),
  );
  const there = new Set(logged.map(({ facts }) => `${facts.dev} ${facts.seq}`));
  const waiting = unsent
    .map(({ bytes }): Logged => ({ index: null, facts: factsOf(Buffer.from(bytes).toString('utf8')) }))
    .filter(({ facts }) => !there.has(`${facts.dev} ${facts.seq}`));
  const devices = mirror.all(query.selectFrom('latchkey_device').selectAll().orderBy('joined'));
  const ids = [...new Set([...devices.map(({ device }) => device), ...(waiting.length > 0 ? [own.id] : [])])];
  const names = deviceNames(context, ids);
  const lanes = new Map(
    ids.map((id): [string, Lane] => {
      const row = devices.find(({ device }) => device === id);
      return [
        id,
        {
          device: { id, name: names.get(id) ?? null },
          joinedAt: row ? momentAt(context, row.joined) : null,
          revokedAt: row && row.revoked !== null ? momentAt(context, row.revoked) : null,
          entries: [],
          pushes: [],
          skews: [],
        },
      ];
    }),
  );
  fill(context, lanes, [...logged, ...waiting]);
  return { lanes: [...lanes.values()], looked: logged.length, size: sizeOf(context) };
};

export const laneQueries = { 'audit.lanes': showLanes } satisfies { 'audit.lanes': Query<'audit.lanes'> };

function fill(context: ReadContext, lanes: Map<string, Lane>, all: readonly Logged[]): void {
  /** Of each device, how many of its lane's entries central had taken with its last push. */
  const taken = new Map<string, number>();
  const momentOfSize = momentsOfSizes(context, all);
  for (const { index, facts } of all) {
    const { dev, act, ts } = facts;
    if (typeof act !== 'string' || typeof ts !== 'string') continue;
    if (dev !== 'central') {
      const lane = lanes.get(String(dev));
      if (!lane || typeof facts.seq !== 'number') continue;
      const command = typeof facts.cmd === 'string' ? facts.cmd : null;
      lane.entries.push({ index, seq: facts.seq, action: act, at: ts, command, outcome: null });
      const had = Array.isArray(facts.cen) && Number.isSafeInteger(facts.cen[0]) ? (facts.cen[0] as number) : null;
      if (had === null) continue;
      const behind = apart(ts, momentOfSize(had));
      if (behind < -skewTold) lane.skews.push({ at: ts, milliseconds: behind });
      continue;
    }
    if (act === 'device.checkpoint' && index !== null) {
      const id = String((facts.obj as { id?: unknown } | undefined)?.id);
      const lane = lanes.get(id);
      if (!lane) continue;
      const brought = lane.entries.slice(taken.get(id) ?? 0);
      taken.set(id, lane.entries.length);
      const [oldest] = brought;
      if (!oldest) continue;
      lane.pushes.push({ index, at: ts, entries: brought.length, since: oldest.at });
      const ahead = Math.max(...brought.map((entry) => apart(entry.at, ts)));
      if (ahead > skewTold) lane.skews.push({ at: ts, milliseconds: ahead });
    } else if (act === 'command.result') {
      const { dev: id, seq } = (facts.ref ?? {}) as { dev?: unknown; seq?: unknown };
      const entry = lanes.get(String(id))?.entries.findLast((one) => one.seq === seq);
      if (entry && typeof facts.out === 'string') entry.outcome = facts.out;
    }
  }
}

/** When the log had become so long, by central's last own leaf in it: from what was read, where that goes back so far. */
function momentsOfSizes(context: ReadContext, all: readonly Logged[]): (size: number) => string | null {
  const own = all.flatMap(({ index, facts: { dev, ts } }) =>
    index !== null && dev === 'central' && typeof ts === 'string' ? [{ index, ts }] : [],
  );
  const older = new Map<number, string | null>();
  return (size) => {
    let [from, to] = [0, own.length];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (own[middle]!.index < size) from = middle + 1;
      else to = middle;
    }
    if (from > 0) return own[from - 1]!.ts;
    if (!older.has(size)) older.set(size, momentOf(context, 'before', size));
    return older.get(size)!;
  };
}

/** Milliseconds from one moment to another; 0 where one is none. */
function apart(one: string, from: string | null): number {
  const span = from === null ? Number.NaN : Date.parse(one) - Date.parse(from);
  return Number.isNaN(span) ? 0 : span;
}

function momentAt({ mirror }: ReadContext, index: number): string | null {
  const leaf = mirror.first(query.selectFrom('latchkey_log').select('entry').where('idx', '=', index));
  const ts = leaf && factsOf(leaf.entry).ts;
  return typeof ts === 'string' ? ts : null;
}

function sizeOf({ mirror }: ReadContext): number {
  const last = mirror.first(query.selectFrom('latchkey_log').select('idx').orderBy('idx', 'desc').limit(1));
  return last ? last.idx + 1 : 0;
}
