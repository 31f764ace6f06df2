import type { Actor } from '../command/actor.ts';
import type { ReadableMirror } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { deviceLogName, openCheckpoint } from './checkpoint.ts';
import { recordFinding } from './findings.ts';
import { LogTree } from './log-tree.ts';
import { leafHash } from './merkle.ts';

/** How long this device's own log was, kept where an older copy of its folder does not reach: in the system's secret store. */
export interface HighWaterMark {
  size: number;
  /** Base64. */
  root: string;
}

/** The name under which the secret store keeps it: every device of this computer has one of its own. */
export function highWaterName(device: string): string {
  return `log-${device}`;
}

export function highWaterMark(mirror: ReadableMirror): HighWaterMark {
  const tree = new LogTree(mirror, 'device');
  return { size: tree.size, root: tree.root().toString('base64') };
}

/** Looks whether this log still begins with all that was remembered. */
export function checkHighWater(mirror: WritableMirror, remembered: HighWaterMark, now: number): void {
  const tree = new LogTree(mirror, 'device');
  const { size } = tree;
  if (size >= remembered.size && tree.root(remembered.size).toString('base64') === remembered.root) return;
  mirror.transaction(() =>
    recordFinding(mirror, 'own-log-rolled-back', 'own log', { size, remembered: remembered.size }, now),
  );
}

/** Recomputes this device's own log from its entries, and opens its checkpoint. */
export function checkOwnLog(mirror: WritableMirror, actor: Actor, now: number): void {
  const tree = new LogTree(mirror, 'device');
  const { size } = tree;
  const entries = mirror.database.prepare<[], { position: number; bytes: Buffer }>(
    'SELECT position, bytes FROM latchkey_entry ORDER BY position',
  );
  let position = 0;
  let wrong: number | null = null;
  for (const entry of entries.iterate()) {
    position += 1;
    if (
      entry.position === position &&
      position <= size &&
      leafHash(entry.bytes).equals(tree.leaves(position - 1, position))
    )
      continue;
    wrong = position;
    break;
  }
  if (wrong === null && position === size && isSigned(mirror, actor, tree)) return;
  mirror.transaction(() =>
    recordFinding(
      mirror,
      'own-log-rolled-back',
      'own log',
      { size: position, remembered: size, entry: wrong ?? position },
      now,
    ),
  );
}

function isSigned(mirror: WritableMirror, { organization, device, keys }: Actor, tree: LogTree): boolean {
  const note = mirror.meta('device_checkpoint');
  if (note === null) return tree.size === 0;
  try {
    const checkpoint = openCheckpoint(note, deviceLogName(organization, device), [keys.log]);
    return checkpoint.size === tree.size && tree.root().equals(checkpoint.root);
  } catch {
    return false;
  }
}
