import type { Progress } from '../../src-main/contract/device.ts';
import { bytes, count } from './quantities.ts';

/** How much is done, or null where nobody knows how much there is. An estimate may be too low, so never over 99. */
export function progressPercent(progress: Progress): number | null {
  if (progress.rowsExpected <= 0) return null;
  return Math.min(99, Math.floor((100 * progress.rows) / progress.rowsExpected));
}

/** `Copying audit_events: 12,000 of about 20,000 rows, 3.1 MB, 2 min left`. */
export function progressWords(progress: Progress): string {
  const rows =
    progress.rowsExpected > 0
      ? `${count(progress.rows)} of about ${count(Math.max(progress.rows, progress.rowsExpected))} rows`
      : `${count(progress.rows)} rows`;
  return [`${progress.step}: ${rows}`, bytes(progress.bytes), timeLeft(progress.secondsLeft)]
    .filter(Boolean)
    .join(', ');
}

function timeLeft(seconds: number | null): string {
  if (seconds === null) return '';
  return seconds < 90 ? `${seconds} s left` : `${Math.round(seconds / 60)} min left`;
}
