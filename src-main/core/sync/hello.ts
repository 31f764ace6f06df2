import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import type { WritableMirror } from '../mirror/writable.ts';

/** What central says of itself and of this device: `latchkey.hello()`. */
export interface Hello {
  protocol: number;
  system: string;
  device: string;
  organization: string;
  operator: string;
  capability: 'admin' | 'operator' | 'auditor';
  /** Entries of this device's log that central has. */
  entries: number;
  log_size: number;
  channel: string;
  epoch: { id: string; cluster: string; timeline: string; database: string; relation: string };
  retained_since: string;
  snapshot: string;
  fingerprint: string;
  untracked: string[];
  now: string;
}

const protocol = 1;

/** @throws LatchkeyError `central-standby`, `central-too-new`, `central-too-old`, `central-tracking-off`, `device-revoked` … */
export async function hello(client: pg.Client): Promise<Hello> {
  const { rows: recovery } = await client.query<{ standby: string }>(
    'SELECT pg_catalog.pg_is_in_recovery() AS standby',
  );
  if (recovery[0]!.standby === 't') {
    throw new LatchkeyError(
      'central-standby',
      'This is a standby of central. Latchkey needs the primary, because only its snapshots tell what is still under way. Nothing was changed.',
    );
  }
  const { rows } = await client.query<{ hello: string }>('SELECT latchkey.hello() AS hello');
  const answer = JSON.parse(rows[0]!.hello) as Hello;
  if (answer.protocol !== protocol) {
    throw answer.protocol > protocol
      ? new LatchkeyError(
          'central-too-new',
          'Central was upgraded beyond what this version of Latchkey understands. The mirror can be read, and commands stay queued. Update Latchkey.',
        )
      : new LatchkeyError(
          'central-too-old',
          'Central has an older Latchkey than this device. The mirror can be read, and commands stay queued. Ask for central to be migrated.',
        );
  }
  if (answer.untracked.length > 0) {
    throw new LatchkeyError(
      'central-tracking-off',
      `At central the change tracking of ${answer.untracked.join(', ')} was switched off, so this mirror would miss changes. Nothing was changed here. An administrator must enable the triggers again (ENABLE ALWAYS).`,
      { details: { tables: answer.untracked } },
    );
  }
  return answer;
}

/** What this device last knew of the database it syncs with. */
export interface KnownCentral {
  epoch: Hello['epoch'];
  logSize: number;
}

export function knownCentral(mirror: WritableMirror): KnownCentral | null {
  const stored = mirror.meta('central');
  return stored === null ? null : (JSON.parse(stored) as KnownCentral);
}

export function rememberCentral(mirror: WritableMirror, answer: Hello): void {
  mirror.setMeta('central', JSON.stringify({ epoch: answer.epoch, logSize: answer.log_size } satisfies KnownCentral));
  mirror.setMeta('capability', answer.capability);
  mirror.setMeta('fingerprint', answer.fingerprint);
}

/** `same`: go on from the cursor. `changed`: another epoch, cluster, timeline or database: a fresh copy is needed, and lost commands are offered again. */
export function compareEpoch(mirror: WritableMirror, answer: Hello): 'first' | 'same' | 'changed' {
  const known = knownCentral(mirror);
  if (!known) return 'first';
  const same =
    known.epoch.id === answer.epoch.id &&
    known.epoch.cluster === answer.epoch.cluster &&
    known.epoch.timeline === answer.epoch.timeline &&
    known.epoch.database === answer.epoch.database &&
    known.epoch.relation === answer.epoch.relation &&
    answer.log_size >= known.logSize;
  return same ? 'same' : 'changed';
}

/**
 * One REPEATABLE READ transaction, so that everything read in it is one moment of central. When it fails the connection is of no use
 * any more, and the caller lets go of it: a COPY that was left half-way would have to arrive whole before a ROLLBACK.
 */
export async function inSnapshot<T>(client: pg.Client, work: (answer: Hello) => Promise<T>): Promise<T> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const result = await work(await hello(client));
  await client.query('COMMIT');
  return result;
}
