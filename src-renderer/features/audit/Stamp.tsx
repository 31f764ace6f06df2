import { absoluteWords, milliseconds, zonedWords } from '../../words/moments.ts';
import { useZone } from './zone.ts';

/** A moment to the second, in the zone that was chosen; pointed at, in UTC and here. */
export function Stamp({ at }: { at: string | null }) {
  const zone = useZone((chosen) => chosen.zone);
  const value = milliseconds(at);
  if (value === null) return <span>{at || 'unknown'}</span>;
  return (
    <time dateTime={at ?? undefined} title={absoluteWords(value)}>
      {zonedWords(value, zone)}
    </time>
  );
}
