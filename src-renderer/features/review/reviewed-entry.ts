import type { FieldChange } from '../../../src-main/contract/values.ts';
import type { Disclosed, LogEntry } from '../../../src-main/verifier/verify.mjs';
import { auditSentence } from '../../words/actions.ts';

/** An entry of a bundle as a person reads it. */
export interface ReviewedEntry {
  /** Index in the organization's log, or place in the device's own where central did not have it. */
  id: string;
  index: number | null;
  at: string;
  action: string;
  device: string;
  sentence: string;
  actor: string | null;
  object: string | null;
  reason: string | null;
  outcome: string | null;
  changes: FieldChange[];
  /** Indexes of the entries under which something of it was erased. */
  erased: number[];
  /** The entry as it stands in the bundle: its canonical form is its bytes. */
  text: string;
  /** What a search looks through, in lower case. */
  words: string;
}

/** Whatever stands in a bundle may be of any shape: what cannot be read is left out, and its text is there to look at. */
export function reviewedEntry(
  entry: LogEntry,
  index: number | null,
  disclosed: readonly Disclosed[],
  erased: readonly number[],
): ReviewedEntry {
  const said = new Map(disclosed.map(({ name, raw }) => [name, JSON.parse(raw) as unknown]));
  const actor = record(said.get('actor'));
  const object = record(said.get('object'));
  const reason = said.get('reason');
  const actorId = text(actor.id) ?? entry.sub ?? null;
  // Who is not disclosed, or was erased, is known by a pseudonym.
  const actorName = text(actor.email) ?? text(actor.id) ?? (entry.sub ? `operator ${entry.sub.slice(0, 8)}` : null);
  const key = object.key ?? entry.obj?.id;
  const about =
    key === undefined
      ? null
      : { table: text(object.table) ?? entry.obj?.t ?? '', key: String(key), name: text(object.name) };
  const changes = changesIn(said.get('changes'));
  const written = JSON.stringify(entry);
  return {
    id: index === null ? `${entry.dev} ${entry.seq ?? ''}` : `#${index}`,
    index,
    at: entry.ts,
    action: entry.act,
    device: entry.dev,
    sentence: sentenceOf(entry, actorId === null ? null : { id: actorId, name: actorName }, about),
    actor: actorName,
    object: about ? (about.name ?? about.key) : null,
    reason: text(reason),
    outcome: entry.out ?? null,
    changes,
    erased: [...erased],
    text: written,
    words: `${index === null ? '' : `#${index}`} ${written} ${disclosed.map(({ raw }) => raw).join(' ')}`.toLowerCase(),
  };
}

function sentenceOf(
  entry: LogEntry,
  actor: { id: string; name: string | null } | null,
  object: { table: string; key: string; name: string | null } | null,
): string {
  if (entry.dev !== 'central') return auditSentence({ action: entry.act, actor, object });
  return auditSentence({ action: entry.act, actor: { id: 'central', name: 'Central' }, object });
}

function changesIn(value: unknown): FieldChange[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one) => {
    const change = record(one);
    const [before, after] = [record(change.before), record(change.after)];
    const key = Array.isArray(change.key) ? change.key.join(', ') : String(change.key ?? '');
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].map((column) => ({
      ...{ table: text(change.table) ?? '', key, column },
      ...{ before: before[column] ?? null, after: after[column] ?? null },
    }));
  });
}

/** Every word somewhere in the entry or in what it discloses. */
export function matchesWords(entry: ReviewedEntry, search: string): boolean {
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => entry.words.includes(word));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
