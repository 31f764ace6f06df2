import { LatchkeyError } from '../../src-main/contract/errors.ts';

/** A failure of the road to the host, not of what was asked; `details.disconnected` tells it from a bug of the host. */
export function disconnected(message: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError('internal', message, { details: { disconnected: true }, cause });
}
