import type { LatchkeyError } from '../../contract/errors.ts';
import type { ReadableMirror } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';

const kept = 20;

export interface KeptError {
  /** When it happened last, ISO 8601 in UTC. */
  at: string;
  code: string;
  message: string;
  /** How many times in a row. */
  times: number;
}

/** What kept this device from syncing, newest first. */
export function lastErrors(mirror: ReadableMirror): KeptError[] {
  const stored = mirror.meta('last_errors');
  return stored === null ? [] : (JSON.parse(stored) as KeptError[]);
}

/** The same error over and over is one, with its count. Never throws: the error that is reported may be that nothing can be written. */
export function keepError(mirror: WritableMirror, { code, message }: LatchkeyError, now: number): void {
  const at = new Date(now).toISOString();
  const [newest, ...older] = lastErrors(mirror);
  const next =
    newest?.code === code && newest.message === message
      ? [{ ...newest, at, times: newest.times + 1 }, ...older]
      : [{ at, code, message, times: 1 }, ...(newest ? [newest, ...older] : [])];
  try {
    mirror.transaction(() => mirror.setMeta('last_errors', JSON.stringify(next.slice(0, kept))));
  } catch {
    // What is the matter is in the status already.
  }
}
