import { absoluteWords, milliseconds, relativeWords } from '../words/moments.ts';
import { useNow } from './use-now.ts';

/** A moment as `4 min ago`; pointed at, it says when exactly, in UTC and here. */
export function Moment({ at, none = 'never' }: { at: string | null; none?: string }) {
  const now = useNow();
  const value = milliseconds(at);
  if (value === null) return <span>{none}</span>;
  return (
    <time dateTime={at ?? undefined} title={absoluteWords(value)}>
      {relativeWords(value, now)}
    </time>
  );
}
