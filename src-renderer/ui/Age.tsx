import { Tooltip } from '@mantine/core';
import { absoluteWords, ageWords, milliseconds } from '../words/moments.ts';
import { useNow } from './use-now.ts';

/** For how long something has been. */
export function Age({ since }: { since: string | null }) {
  const now = useNow();
  const value = milliseconds(since);
  if (value === null) return <span>unknown</span>;
  return (
    <Tooltip label={absoluteWords(value)}>
      <time dateTime={since ?? undefined}>{ageWords(value, now)}</time>
    </Tooltip>
  );
}
