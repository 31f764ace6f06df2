import type { Lane } from '../../../src-main/contract/log.ts';
import { milliseconds, spanWords } from '../../words/moments.ts';
import { counted } from '../../words/quantities.ts';
import type { Tone } from '../../words/states.ts';

/** From … to … in milliseconds since 1970. */
export interface Span {
  from: number;
  to: number;
}

/** Entries that lie too close together to be told apart, as one mark. `at` is a part of the width, from 0 to 1. */
export interface Mark {
  at: number;
  entries: number;
  tone: Tone;
}

/** A time for which a device had entries that central did not. Parts of the width. */
export interface Offline {
  from: number;
  to: number;
  words: string;
}

export interface LaneDrawing {
  marks: Mark[];
  offline: Offline[];
  /** When central took entries, as parts of the width. */
  pushes: number[];
  /** What is out of the ordinary, newest first. */
  remarks: Remark[];
}

export interface Remark {
  at: number | null;
  tone: Tone;
  words: string;
}

/** A device that reaches central sends within seconds. */
const offlineFrom = 60_000;
/** How many marks stand side by side at most. */
const columns = 300;

const outcomes: Record<string, { tone: Tone; words: string }> = {
  applied: { tone: 'good', words: 'applied' },
  merged: { tone: 'info', words: 'merged with what others had changed' },
  conflict: { tone: 'bad', words: 'in conflict with what others had changed' },
  refused: { tone: 'bad', words: 'refused by central' },
  quarantined: { tone: 'wait', words: 'kept in quarantine' },
};

const weight: Tone[] = ['plain', 'good', 'wait', 'info', 'bad'];

/** The time that the lanes span; null where nothing happened. */
export function spanOf(lanes: readonly Lane[], now: number): Span | null {
  const all = lanes.flatMap(({ entries, pushes }) => [
    ...entries.map(({ at }) => milliseconds(at)),
    ...pushes.map(({ at }) => milliseconds(at)),
  ]);
  const moments = all.filter((at) => at !== null);
  if (moments.length === 0) return null;
  const from = Math.min(...moments);
  const to = Math.max(now, ...moments);
  return { from, to: Math.max(to, from + 1) };
}

/** The last so many milliseconds of a span. */
export function lastOf(span: Span, length: number | null): Span {
  return length === null ? span : { from: Math.max(span.from, span.to - length), to: span.to };
}

export function drawingOf(lane: Lane, span: Span, now: number): LaneDrawing {
  const place = (at: number) => (at - span.from) / (span.to - span.from);
  const inSpan = (at: number) => at >= span.from && at <= span.to;
  const marks = new Map<number, Mark>();
  for (const { at, outcome } of lane.entries) {
    const moment = milliseconds(at);
    if (moment === null || !inSpan(moment)) continue;
    const column = Math.min(columns - 1, Math.floor(place(moment) * columns));
    const tone = outcome === null ? 'plain' : (outcomes[outcome]?.tone ?? 'plain');
    const mark = marks.get(column) ?? { at: (column + 0.5) / columns, entries: 0, tone: 'plain' as Tone };
    mark.entries += 1;
    if (weight.indexOf(tone) > weight.indexOf(mark.tone)) mark.tone = tone;
    marks.set(column, mark);
  }
  const offline = offlineOf(lane, now).filter(({ to, from }) => to >= span.from && from <= span.to);
  const within = (at: number) => Math.max(0, Math.min(1, place(at)));
  return {
    marks: [...marks.values()],
    offline: offline.map(({ from, to, words }) => ({ from: within(from), to: within(to), words })),
    pushes: lane.pushes.flatMap(({ at }) => {
      const moment = milliseconds(at);
      return moment !== null && inSpan(moment) ? [place(moment)] : [];
    }),
    remarks: remarksOf(lane, now).filter(({ at }) => at === null || inSpan(at)),
  };
}

/** Between the oldest entry of a push, by the device's clock, and central's receipt; and since the oldest that still waits. */
function offlineOf({ pushes, entries }: Lane, now: number): (Span & { words: string })[] {
  const ended = pushes.flatMap(({ since, at, entries: brought }) => {
    const [from, to] = [milliseconds(since), milliseconds(at)];
    if (from === null || to === null || to - from < offlineFrom) return [];
    return [
      { from, to, words: `${counted(brought, 'entry', 'entries')} waited, the oldest for ${spanWords(to - from)}` },
    ];
  });
  const waiting = entries.filter(({ index }) => index === null);
  const oldest = milliseconds(waiting[0]?.at);
  if (oldest === null || now - oldest < offlineFrom) return ended;
  const words = `${counted(waiting.length, 'entry waits', 'entries wait')} to be sent, the oldest for ${spanWords(now - oldest)}`;
  return [...ended, { from: oldest, to: now, words }];
}

/** A clock that is wrong is wrong in every entry: the worst of each day is told. */
function worstSkews({ skews }: Lane): Lane['skews'] {
  const worst = new Map<string, Lane['skews'][number]>();
  for (const skew of skews) {
    const day = `${skew.at.slice(0, 10)} ${Math.sign(skew.milliseconds)}`;
    const before = worst.get(day);
    if (!before || Math.abs(before.milliseconds) < Math.abs(skew.milliseconds)) worst.set(day, skew);
  }
  return [...worst.values()];
}

function remarksOf(lane: Lane, now: number): Remark[] {
  const became = lane.entries.flatMap(({ at, action, outcome, seq }): Remark[] => {
    if (outcome === null || outcome === 'applied') return [];
    const { tone, words } = outcomes[outcome] ?? { tone: 'plain' as Tone, words: outcome };
    return [{ at: milliseconds(at), tone, words: `Entry ${seq}, ${action}: ${words}` }];
  });
  const clock = worstSkews(lane).map(({ at, milliseconds: off }): Remark => {
    const span = spanWords(Math.abs(off)) ?? `${Math.round(Math.abs(off) / 1_000)} s`;
    const words = `Its clock was at least ${span} ${off > 0 ? 'ahead' : 'behind'}`;
    return { at: milliseconds(at), tone: 'wait', words };
  });
  const offline = offlineOf(lane, now).map(({ from, words }): Remark => ({ at: from, tone: 'plain', words }));
  const revoked: Remark[] =
    lane.revokedAt === null ? [] : [{ at: milliseconds(lane.revokedAt), tone: 'bad', words: 'Revoked' }];
  return [...became, ...clock, ...offline, ...revoked].sort((one, other) => (other.at ?? 0) - (one.at ?? 0));
}
