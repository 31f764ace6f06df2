import type { SystemMapping } from './system.ts';

/** A change of a row as it travels to central. */
interface Change {
  table: string;
  op: string;
  set: Record<string, unknown>;
  from_acceptance?: Record<string, number>;
}

/** How long the host may go on accepting what was taken away, as a sentence; null where it looks at its tables each time. */
export function delaySentence({ title, hostDelay }: SystemMapping): string | null {
  if (!hostDelay) return null;
  const { seconds, why } = hostDelay;
  const span = seconds === null ? 'for a while' : `for up to ${spanWords(seconds)}`;
  return `${title} may go on accepting ${span} what central has as revoked: it ${why}.`;
}

/**
 * The moment at which the host, too, has noticed what a command took away, in milliseconds since 1970. Null where it took nothing away, or where
 * nobody has said how long the host's caches keep it.
 * @param acceptedAt when central accepted it
 */
export function stopsBy({ hostDelay, tables }: SystemMapping, changes: Change[], acceptedAt: number): number | null {
  if (!hostDelay || hostDelay.seconds === null) return null;
  const ends = changes.flatMap((change) => {
    const { restrictive = {}, earliest = [], sidecar } = tables[change.table] ?? {};
    // Of an end in a sidecar the host takes no notice at all.
    if (change.op !== 'update' || sidecar) return [];
    const isTaken = Object.entries(change.set).some(([column, value]) => restrictive[column]?.includes(String(value)));
    const after = Object.entries(change.from_acceptance ?? {}).filter(([column]) => earliest.includes(column));
    return [...(isTaken ? [0] : []), ...after.map(([, seconds]) => seconds)];
  });
  return ends.length === 0 ? null : acceptedAt + (Math.max(...ends) + hostDelay.seconds) * 1_000;
}

function spanWords(seconds: number): string {
  const units = [
    [3_600, 'hour'],
    [60, 'minute'],
  ] as const;
  const [size, word] = units.find(([each]) => seconds >= each && seconds % each === 0) ?? [1, 'second'];
  return `${seconds / size} ${word}${seconds === size ? '' : 's'}`;
}
