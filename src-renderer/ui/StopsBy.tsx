import { absoluteWords, clockWords, milliseconds } from '../words/moments.ts';
import { useNow } from './use-now.ts';

/** Until when the host may go on accepting what was taken away: `stops working by 14:05`. */
export function StopsBy({ at }: { at: string | null }) {
  const now = useNow();
  const by = milliseconds(at);
  if (by === null) return null;
  return (
    <time dateTime={at ?? undefined} title={absoluteWords(by)}>
      {by > now ? 'stops working by ' : 'stopped working by '}
      {clockWords(by, now)}
    </time>
  );
}
