import type { AuditItem } from '../../../src-main/contract/audit.ts';
import type { KeyDetail } from '../../../src-main/contract/keys.ts';
import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { auditSentence } from '../../words/actions.ts';
import { milliseconds } from '../../words/moments.ts';
import type { Tone } from '../../words/states.ts';

/** One thing that became of a person or a key. */
export interface LifeEvent {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  words: string;
  tone: Tone;
  /** The audit entry that tells of it; null for what a row's own columns say. */
  entry: AuditItem | null;
  /** Another version of the key. */
  version?: string;
}

/** Moments that are known of a person without any entry. */
export function personMoments(person: PersonDetail): LifeEvent[] {
  return present([
    moment('created', person.createdAt, 'Created, as the row says', 'good'),
    moment('seen', person.lastSeenAt, 'Last seen', 'plain'),
  ]);
}

/** Moments that are known of a key without any entry; those of its versions too. `now` parts what was from what will be. */
export function keyMoments(key: KeyDetail, now: number): LifeEvent[] {
  const expires = milliseconds(key.expiresAt);
  return present([
    ...key.lineage
      .filter(({ id }) => id !== key.id)
      .map((version) => ({
        ...moment(`version ${version.id}`, version.createdAt, `Version ${version.prefix ?? version.id} made`, 'info'),
        version: version.id,
      })),
    moment('created', key.createdAt, key.rotatedFrom ? 'This version made' : 'Created, as the row says', 'good'),
    moment('used', key.lastUsedAt, 'Last used', 'plain'),
    moment('revoked', key.revokedAt, 'Revoked', 'bad'),
    moment('expires', key.expiresAt, expires !== null && expires > now ? 'Will expire' : 'Expired', 'wait'),
  ]);
}

/**
 * Entries and moments as one, newest first. While older entries are still to be fetched, moments older than the oldest entry
 * wait for them.
 */
export function lifeOf(moments: readonly LifeEvent[], entries: readonly AuditItem[], more: boolean): LifeEvent[] {
  const told = entries.flatMap((entry): LifeEvent[] => {
    const at = milliseconds(entry.at);
    if (at === null) return [];
    return [{ id: entry.id, at, words: auditSentence(entry), tone: toneOf(entry.action), entry }];
  });
  const oldest = more ? Math.min(...told.map(({ at }) => at)) : Number.NEGATIVE_INFINITY;
  return [...told, ...moments.filter(({ at }) => at >= oldest)].sort((one, other) => other.at - one.at);
}

/** Months, each with what fell into it; in the order that was given. `2026-11` */
export function byMonth(events: readonly LifeEvent[]): { month: string; events: LifeEvent[] }[] {
  const months = new Map<string, LifeEvent[]>();
  for (const event of events) {
    const month = new Date(event.at).toISOString().slice(0, 7);
    const there = months.get(month);
    if (there) there.push(event);
    else months.set(month, [event]);
  }
  return [...months].map(([month, within]) => ({ month, events: within }));
}

function toneOf(action: string): Tone {
  if (/revok|deactivat|fail|denied|delet|compromis|erase/i.test(action)) return 'bad';
  if (/creat|issue|reactivat|invit/i.test(action)) return 'good';
  if (/rotat|role|edit|updat|chang/i.test(action)) return 'info';
  return 'plain';
}

function moment(id: string, at: string | null, words: string, tone: Tone) {
  return { id, at: milliseconds(at), words, tone, entry: null };
}

function present(moments: (Omit<LifeEvent, 'at'> & { at: number | null })[]): LifeEvent[] {
  return moments.flatMap((one) => (one.at === null ? [] : [{ ...one, at: one.at }]));
}
