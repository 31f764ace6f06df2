import { uuidv7 } from 'uuidv7';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Actor } from '../command/actor.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query, type ReadableMirror } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { appendEntry } from './device-log.ts';

/** What can be found that should not be. */
export type FindingKind =
  /** A leaf that this device had verified is another one now, or gone. */
  | 'log-rewritten'
  /** Another device signed another history than the one that central shows here. */
  | 'split-view'
  /** Entries in the organization's log are not those that their device signed. */
  | 'device-log-differs'
  /** A leaf is not as leaves are made, or breaks the order of its device's log. */
  | 'leaf-invalid'
  /** This device's own log is shorter or another than the system's secret store remembers. */
  | 'own-log-rolled-back'
  /** Central has another continuation of this device's log, signed by this device. */
  | 'own-log-forked'
  /** The host's audit table tells of a command otherwise than central wrote it, or no more. */
  | 'projection-differs'
  /** Change tracking of a table was interrupted, and rows changed meanwhile. */
  | 'tracking-interrupted';

/** Keeps what was found, once for each place until somebody acknowledged it. Within a transaction. @returns whether it is news */
export function recordFinding(
  mirror: WritableMirror,
  kind: FindingKind,
  place: string,
  details: Record<string, unknown>,
  now: number,
): boolean {
  const { changes } = mirror.database
    .prepare(
      `INSERT INTO latchkey_finding (finding, kind, place, details, found_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (kind, place) WHERE acknowledged_at IS NULL DO NOTHING`,
    )
    .run(uuidv7(), kind, place, JSON.stringify(details), `${momentParameter(now)}Z`);
  return changes > 0;
}

export function openFindings(mirror: ReadableMirror): number {
  const counted = mirror.first(
    query
      .selectFrom('latchkey_finding')
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .where('acknowledged_at', 'is', null),
  );
  return Number(counted?.n ?? 0);
}

/** Says that a finding is known. It stays, and so does who said so and why. Within a transaction. @throws LatchkeyError `not-found` */
export function acknowledgeFinding(
  mirror: WritableMirror,
  actor: Actor,
  { finding, reason, now }: { finding: string; reason: string; now: number },
): void {
  const { changes } = mirror.database
    .prepare(
      'UPDATE latchkey_finding SET acknowledged_at = ?, acknowledged_reason = ? WHERE finding = ? AND acknowledged_at IS NULL',
    )
    .run(`${momentParameter(now)}Z`, reason, finding);
  if (changes === 0)
    throw new LatchkeyError('not-found', `There is no open finding ${finding}. Nothing was changed.`, {
      field: 'finding',
    });
  appendEntry(mirror, actor, {
    action: 'finding.acknowledge',
    command: uuidv7(),
    changes: null,
    subject: { table: 'latchkey.finding', key: finding },
    now,
    disclosed: { reason },
  });
}
