import { LatchkeyError } from '../../src-main/contract/errors.ts';

/** A failure of the road to the host, not of what was asked. */
export function disconnected(message: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError('disconnected', message, { cause });
}
