import type { Status } from '../../contract/device.ts';
import { asMoment } from '../mirror/moments.ts';
import { query, type ReadableMirror } from '../mirror/readable.ts';

/** Beyond this, a command that waits although central answers is worth a person's look. */
const patienceMilliseconds = 600_000;

/** How things stand with central, as far as it explains why a command waits. */
export interface Standing {
  reachable: boolean;
  workOffline: boolean;
  /** What went wrong last, in words; null where nothing did. */
  problem: string | null;
  now: number;
}

/** The command that has waited longest, and why: so that nothing is ever stuck without somebody being told. */
export function oldestPending(mirror: ReadableMirror, standing: Standing): Status['oldestPending'] {
  const waiting = mirror.first(
    query
      .selectFrom('latchkey_outbox')
      .select(['command', 'summary', 'made_at', 'state', 'sent_at', 'note'])
      .where('state', 'in', ['local', 'queued', 'accepted'])
      .orderBy('position')
      .limit(1),
  );
  if (!waiting) return null;
  const madeAt = asMoment(waiting.made_at) ?? waiting.made_at;
  return {
    command: waiting.command,
    summary: waiting.summary,
    madeAt,
    why: whyItWaits(waiting, standing),
    overdue: standing.reachable && !standing.workOffline && standing.now - Date.parse(madeAt) > patienceMilliseconds,
  };
}

function whyItWaits(
  { state, sent_at, note }: { state: string; sent_at: string | null; note: string | null },
  { workOffline, problem }: Standing,
): string {
  if (workOffline) return 'You chose to work offline.';
  if (problem !== null) return problem;
  if (state === 'accepted')
    return 'Central applied it, and other work that was open there at that moment has still to end before this mirror shows it.';
  if (note !== null) return note;
  return sent_at === null
    ? 'It is sent at the next sync.'
    : 'It was sent, and no answer came; it is sent again at the next sync.';
}
