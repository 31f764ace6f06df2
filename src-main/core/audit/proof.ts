import type { Output } from '../../contract/index.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import type { DeviceRow } from '../mirror/schema.ts';
import { centralLogName, openCheckpoint } from './checkpoint.ts';
import { deviceNames, factsOf, readLeaves, type StoredLeaf } from './leaves.ts';
import { LogTree } from './log-tree.ts';
import { inclusionProof, leafHash, verifyInclusion } from './merkle.ts';
import { readVerifierKey } from './note.ts';

const leavesTold = 50;

const showProof: Query<'audit.proof'> = (context, { command }) => {
  const stored = leavesOf(context, command);
  const at = stored.findIndex(({ entry }) => {
    const { dev, chg } = factsOf(entry) as { dev?: unknown; chg?: unknown };
    return dev !== 'central' && chg !== undefined;
  });
  const own = at < 0 ? stored.findIndex(({ entry }) => factsOf(entry).dev !== 'central') : at;
  const leaf = stored[own];
  const [entry = null, ...others] = readLeaves(context, leaf ? [leaf, ...stored.filter((_, n) => n !== own)] : stored);
  if (!leaf || entry === null)
    return {
      entry: null,
      others: entry === null ? others : [entry, ...others],
      ...{ place: null, own: null, signers: [], notBefore: null, notAfter: null },
    };
  const devices = context.mirror.all(query.selectFrom('latchkey_device').selectAll());
  const device = devices.find((row) => row.device === entry.device?.id);
  return {
    entry,
    others,
    place: placeOf(context, leaf),
    own: device && entry.seq !== null ? { signed: device.signed, covers: device.signed >= entry.seq } : null,
    signers: signersOf(context, leaf, devices),
    notBefore: notBefore(context, leaf, device),
    notAfter: leaf.idx === null ? null : momentOf(context, 'after', leaf.idx),
  };
};

export const proofQueries = { 'audit.proof': showProof } satisfies { 'audit.proof': Query<'audit.proof'> };

type Proof = Output<'audit.proof'>;

/** In the organization's log; and of this device's own, what is not there yet. */
function leavesOf({ mirror }: ReadContext, command: string): StoredLeaf[] {
  const logged = mirror.all(
    query
      .selectFrom('latchkey_log')
      .select(['idx', 'entry'])
      .where('command', '=', command)
      .orderBy('idx')
      .limit(leavesTold),
  );
  const unsent = mirror.all(
    query
      .selectFrom('latchkey_entry')
      .select('bytes')
      .where('command', '=', command)
      .where('sent', '=', 0)
      .orderBy('position')
      .limit(leavesTold),
  );
  const there = new Set(logged.map(({ entry }) => entry));
  const own = unsent
    .map(({ bytes }): StoredLeaf => ({ idx: null, entry: Buffer.from(bytes).toString('utf8') }))
    .filter(({ entry }) => !there.has(entry));
  return [...logged, ...own];
}

function placeOf({ mirror }: ReadContext, { idx, entry }: StoredLeaf): Proof['place'] {
  const tree = new LogTree(mirror, 'organization');
  const { size } = tree;
  if (idx === null || idx >= size) return null;
  const root = tree.root(size);
  const hashes = inclusionProof(idx, size, tree.hashAt);
  return {
    size,
    root: root.toString('base64'),
    hashes: hashes.map((hash) => hash.toString('base64')),
    holds: verifyInclusion(leafHash(Buffer.from(entry, 'utf8')), idx, size, hashes, root),
  };
}

/** Looked at anew each time: a signature is worth what can be verified of it here and now. */
function signersOf(context: ReadContext, { idx }: StoredLeaf, devices: readonly DeviceRow[]): Proof['signers'] {
  if (idx === null) return [];
  const { mirror, organization } = context;
  const tree = new LogTree(mirror, 'organization');
  const names = deviceNames(
    context,
    devices.map(({ device }) => device),
  );
  return devices.flatMap(({ device, checkpoint: published, checkpoint_key, checkpoint_at }) => {
    // This device's own is here before it comes back from central.
    const checkpoint = (device === context.device.id ? mirror.meta('log_checkpoint') : null) ?? published;
    if (checkpoint === null) return [];
    const told = { device: { id: device, name: names.get(device) ?? null }, at: checkpoint_at };
    try {
      const origin = centralLogName(organization.id);
      const { size, root } = openCheckpoint(checkpoint, origin, [readVerifierKey(checkpoint_key)]);
      if (size <= idx) return [];
      return [{ ...told, size, holds: size <= tree.size && tree.root(size).equals(root) }];
    } catch {
      return [{ ...told, size: 0, holds: false }];
    }
  });
}

/** What the entry had seen of central's log, or that its device had joined: it was not made before that. */
function notBefore(context: ReadContext, { idx, entry }: StoredLeaf, device: DeviceRow | undefined): string | null {
  const { cen } = factsOf(entry);
  const seen = Array.isArray(cen) && Number.isSafeInteger(cen[0]) ? (cen[0] as number) : null;
  // Nobody has seen a log longer than the one that the entry itself then became a part of.
  const size = seen !== null && (idx === null || seen <= idx) ? seen : device ? device.joined + 1 : null;
  return size === null ? null : momentOf(context, 'before', size);
}

/** The moment of central's last own leaf before an index, or of its first after one. */
export function momentOf({ mirror }: ReadContext, side: 'before' | 'after', index: number): string | null {
  const own = query.selectFrom('latchkey_log').select('entry').where('device', '=', 'central').limit(1);
  const leaf = mirror.first(
    side === 'before'
      ? own.where('idx', '<', index).orderBy('idx', 'desc')
      : own.where('idx', '>', index).orderBy('idx'),
  );
  const ts = leaf && factsOf(leaf.entry).ts;
  return typeof ts === 'string' ? ts : null;
}
