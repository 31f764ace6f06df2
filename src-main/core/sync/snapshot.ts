/** A PostgreSQL snapshot as `pg_current_snapshot()` prints it: `xmin:xmax:xip,…`. A pull's cursor is one of these, not a number. */
export interface Snapshot {
  xmin: bigint;
  xmax: bigint;
  /** Transactions in progress when the snapshot was taken. */
  inProgress: Set<bigint>;
}

export function parseSnapshot(text: string): Snapshot {
  const match = /^(\d+):(\d+):([\d,]*)$/.exec(text);
  if (!match) throw new RangeError(`“${text}” is not a snapshot.`);
  return {
    xmin: BigInt(match[1]!),
    xmax: BigInt(match[2]!),
    inProgress: new Set(match[3] === '' ? [] : match[3]!.split(',').map(BigInt)),
  };
}

/**
 * Whether changes that the snapshot did not see may have been taken out of central's log. What the snapshot saw being taken out it had
 * seen before, however old the transactions are that were open when it was taken.
 */
export function isTooOld(snapshot: Snapshot, log: { retained_since: string; forgotten_by: string }): boolean {
  return snapshot.xmin < BigInt(log.retained_since) && !isVisible(snapshot, BigInt(log.forgotten_by));
}

/** Whether a committed transaction's rows were visible to the snapshot. */
export function isVisible(snapshot: Snapshot, xid: bigint): boolean {
  return xid < snapshot.xmax && !snapshot.inProgress.has(xid);
}

/** The snapshot as if it had been taken before any transaction from `end` on. */
export function until(snapshot: string, end: bigint): string {
  const { xmin, xmax, inProgress } = parseSnapshot(snapshot);
  if (xmax <= end) return snapshot;
  const open = [...inProgress].filter((xid) => xid < end);
  return `${xmin < end ? xmin : end}:${end}:${open.join(',')}`;
}
