import type { CentralHealth } from '../../../src-main/contract/central.ts';
import { milliseconds, relativeWords } from '../../words/moments.ts';
import { bytes, count } from '../../words/quantities.ts';

/** What one of central's figures means: in two words, and what it rests on. */
export interface Judged {
  tone: 'good' | 'wait' | 'bad';
  says: string;
  more: string;
}

const hour = 3_600_000;
const day = 24 * hour;

/** A full backup is made every night: one that is older than a day and a half was missed. */
export function judgeBackups({ backups }: CentralHealth, now: number): Judged {
  const newest = backups
    .filter(({ kind }) => kind === 'full')
    .sort((one, other) => other.finishedAt.localeCompare(one.finishedAt))[0];
  if (!newest) return { tone: 'bad', says: 'None recorded', more: 'latchkey central backup makes and records one' };
  const age = now - (milliseconds(newest.finishedAt) ?? now);
  return {
    tone: age > 36 * hour ? 'bad' : 'good',
    says: relativeWords(milliseconds(newest.finishedAt) ?? now, now),
    more: `${bytes(newest.bytes)}, ${newest.method}${newest.encrypted ? ', encrypted' : ', not encrypted'}`,
  };
}

/** A backup that nobody has restored is a hope. */
export function judgeDrill({ drill }: CentralHealth, now: number): Judged {
  if (!drill) return { tone: 'bad', says: 'Never tried', more: 'latchkey central restore-drill tries a backup' };
  const at = milliseconds(drill.finishedAt) ?? now;
  if (!drill.passed) return { tone: 'bad', says: 'Failed', more: relativeWords(at, now) };
  return { tone: now - at > 92 * day ? 'wait' : 'good', says: 'Passed', more: relativeWords(at, now) };
}

export function judgeLog({ archiving }: CentralHealth): Judged {
  if (archiving.mode === 'off')
    return { tone: 'wait', says: 'Not archived', more: 'no recovery to a point in time between backups' };
  const failing = (archiving.lastFailedAt ?? '') > (archiving.lastArchivedAt ?? '');
  return {
    tone: failing ? 'bad' : 'good',
    says: failing ? 'Failing' : 'Archived',
    more: `${count(archiving.failures)} failures since statistics were reset`,
  };
}

/** Rows beyond the last partition wait in the default one, which makes every later partition dearer. */
export function judgePartitions({ partitions }: CentralHealth, now: number): Judged {
  const [first] = [...partitions].sort((one, other) => one.until.localeCompare(other.until));
  if (!first) return { tone: 'good', says: 'None needed', more: 'no table is partitioned by time' };
  const left = (milliseconds(first.until) ?? now) - now;
  return {
    tone: left < 7 * day ? 'bad' : left < 31 * day ? 'wait' : 'good',
    says: left <= 0 ? 'Missing' : `For ${count(Math.floor(left / day))} days`,
    more: `${first.table} is the first to run out`,
  };
}

export function judgeConnections({ connections, lockWaits }: CentralHealth): Judged {
  const share = connections.used / connections.limit;
  return {
    tone: share > 0.9 ? 'bad' : share > 0.75 ? 'wait' : 'good',
    says: `${count(connections.used)} of ${count(connections.limit)}`,
    more: lockWaits === 0 ? 'nobody waits for a lock' : `${count(lockWaits)} wait for a lock`,
  };
}
