import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { milliseconds } from '../../words/moments.ts';

/** Sessions that still hold at a moment; one without an end always does. */
export function openSessions(sessions: PersonDetail['sessions'], now: number): PersonDetail['sessions'] {
  return sessions.filter((session) => (milliseconds(session.expiresAt) ?? Number.POSITIVE_INFINITY) > now);
}
