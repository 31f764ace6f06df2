import { Tooltip } from '@mantine/core';
import { absoluteWords, milliseconds, relativeWords } from '../words/moments.ts';
import { useNow } from './use-now.ts';

/** A moment as `4 min ago`; pointed at, it says when exactly, in UTC and here. */
export function Moment({ at, none = 'never' }: { at: string | null; none?: string }) {
  const now = useNow();
  const value = milliseconds(at);
  if (value === null) return <span>{none}</span>;
  return (
    <Tooltip label={absoluteWords(value)}>
      <time dateTime={at ?? undefined}>{relativeWords(value, now)}</time>
    </Tooltip>
  );
}
