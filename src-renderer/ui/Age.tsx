import { absoluteWords, ageWords, milliseconds } from '../words/moments.ts';
import { useNow } from './use-now.ts';

/** For how long something has been; pointed at, it says since when exactly. */
export function Age({ since }: { since: string | null }) {
  const now = useNow();
  const value = milliseconds(since);
  if (value === null) return <span>unknown</span>;
  return (
    <time dateTime={since ?? undefined} title={absoluteWords(value)}>
      {ageWords(value, now)}
    </time>
  );
}
