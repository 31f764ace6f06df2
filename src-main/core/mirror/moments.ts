/** A stored moment as the contract wants it: ISO 8601 in UTC. Central's zoneless columns hold UTC by the systems' convention. */
export function asMoment(stored: string | null): string | null {
  if (stored === null) return null;
  return /[Z+]|infinity$/.test(stored) ? stored : `${stored}Z`;
}

/**
 * A moment as a parameter to compare stored ones with, as text. Without its zone designator it sorts right against columns
 * with one and without: `…28.573000` is a prefix of `…28.573000Z`.
 */
export function momentParameter(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, -1)}000`;
}
