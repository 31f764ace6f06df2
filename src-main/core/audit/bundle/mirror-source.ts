import { sign } from 'node:crypto';
import { LatchkeyError } from '../../../contract/errors.ts';
import type { Filter } from '../../../verifier/verify.mjs';
import type { Actor } from '../../command/actor.ts';
import type { ReadContext } from '../../handlers.ts';
import type { ReadableMirror } from '../../mirror/readable.ts';
import type { DeviceRow } from '../../mirror/schema.ts';
import { centralLogName, deviceLogName, signCheckpoint } from '../checkpoint.ts';
import { objectId, subjectPseudonym } from '../entry.ts';
import { LogTree } from '../log-tree.ts';
import { questionOf } from '../matching.ts';
import { leafHash } from '../merkle.ts';
import type { BundleSource, CentralSource, ExportableDevice } from './source.ts';

const entriesPerBatch = 256;

/** What the organization's log was when it was last verified here; null before. */
function verifiedOf(mirror: ReadableMirror): { size: number; root: Buffer } | null {
  const stored = mirror.meta('log_verified');
  if (stored === null) return null;
  const { size, root } = JSON.parse(stored) as { size: number; root: string };
  return size === 0 ? null : { size, root: Buffer.from(root, 'base64') };
}

/** The organization's log as this device verified it, signed now; null before the first sync. */
export function centralCheckpoint(mirror: ReadableMirror, actor: Actor): string | null {
  const verified = verifiedOf(mirror);
  if (verified === null) return null;
  const note = signCheckpoint({ origin: centralLogName(actor.organization), ...verified }, actor.keys.checkpoint);
  const text = note.slice(0, note.indexOf('\n\n') + 2);
  const others = mirror
    .prepared('SELECT checkpoint FROM latchkey_device WHERE checkpoint IS NOT NULL AND device <> ? ORDER BY joined')
    .all(actor.device) as { checkpoint: string }[];
  const same = others.filter(({ checkpoint }) => checkpoint.startsWith(text));
  return note + same.map(({ checkpoint }) => checkpoint.slice(text.length)).join('');
}

/**
 * The logs of a mirror, as one bundle sees them. `mirror` is a connection of its own, on which a read transaction begins when the export
 * was recorded: what is appended or rewritten meanwhile is not seen.
 * @param record appends the entry of the export, and answers how long the device's log is with it
 */
export function mirrorSource(
  mirror: ReadableMirror,
  actor: Actor,
  record: (request: string) => Promise<number>,
): BundleSource {
  const verified = verifiedOf(mirror);
  const size = verified?.size ?? 0;
  const { organization, device } = actor;
  const own = new LogTree(mirror, 'device');
  return {
    organization,
    device,
    get devices() {
      return devicesOf(mirror, actor, size);
    },
    central: verified && centralSource(mirror, actor, verified),
    rollback: mirror.meta('rollback_protection') === 'true' ? 'secret-store' : 'none',
    disclosed: (digest) => disclosedOf(mirror, digest),
    async record(request) {
      const tailSize = await record(request);
      mirror.database.exec('BEGIN');
      if (verified && !new LogTree(mirror, 'organization').root(size).equals(verified.root))
        throw new LatchkeyError(
          'central-rewound',
          'Central’s log was set back by a restore while the export began. No file was written. Export again.',
        );
      const counted = mirror
        .prepared('SELECT count(*) AS n FROM latchkey_log WHERE device = ? AND idx < ?')
        .get(device, size) as { n: number };
      const root = own.root(tailSize);
      return {
        first: counted.n,
        size: tailSize,
        checkpoint: signCheckpoint(
          { origin: deviceLogName(organization, device), size: tailSize, root },
          actor.keys.log,
        ),
        hashAt: own.hashAt,
        *entries() {
          for (let at = counted.n; at < tailSize; at += entriesPerBatch)
            yield mirror
              .prepared('SELECT bytes FROM latchkey_entry WHERE position > ? AND position <= ? ORDER BY position')
              .all(at, Math.min(at + entriesPerBatch, tailSize))
              .map((row) => (row as { bytes: Buffer }).bytes);
        },
      };
    },
    sign: (bytes) => sign(null, bytes, actor.keys.log.privateKey),
  };
}

function centralSource(
  mirror: ReadableMirror,
  actor: Actor,
  { size, root }: { size: number; root: Buffer },
): CentralSource {
  const { hashAt } = new LogTree(mirror, 'organization');
  const entries = mirror.prepared('SELECT entry FROM latchkey_log WHERE idx >= ? AND idx < ? ORDER BY idx');
  const bytesOf = (row: unknown) => Buffer.from((row as { entry: string }).entry, 'utf8');
  return {
    size,
    root,
    checkpoint: centralCheckpoint(mirror, actor)!,
    // A device keeps one pin, its newest; earlier ones stand in its entries, and are proven with them.
    pins: [],
    hashAt,
    *entries(first, last) {
      for (let at = first; at < last; at += entriesPerBatch)
        yield entries.all(at, Math.min(at + entriesPerBatch, last)).map(bytesOf);
    },
    entryAt: (index) => bytesOf(entries.get(index, index + 1)),
    deviceLeaves: (device, first, last) =>
      mirror
        .prepared('SELECT entry FROM latchkey_log WHERE device = ? ORDER BY idx LIMIT ? OFFSET ?')
        .all(device, last - first, first)
        .map((row) => leafHash(bytesOf(row))),
  };
}

function devicesOf(mirror: ReadableMirror, { device, keys }: Actor, size: number): ExportableDevice[] {
  const rows = mirror.prepared('SELECT * FROM latchkey_device WHERE joined < ?').all(size) as DeviceRow[];
  const newest = mirror.prepared(
    `SELECT entry FROM latchkey_log WHERE object = ? AND act = 'device.checkpoint' AND idx < ? ORDER BY idx DESC LIMIT 1`,
  );
  const known = rows.map((row): ExportableDevice => {
    const leaf = newest.get(row.device, size) as { entry: string } | undefined;
    return {
      id: row.device,
      log: row.log_key,
      checkpoint: row.checkpoint_key,
      join: row.joined,
      revoke: row.revoked !== null && row.revoked < size ? row.revoked : null,
      note: leaf ? (JSON.parse(leaf.entry) as { note: string }).note : null,
    };
  });
  if (known.some(({ id }) => id === device)) return known;
  const { log, checkpoint } = keys;
  return [...known, { id: device, log: log.vkey, checkpoint: checkpoint.vkey, join: null, revoke: null, note: null }];
}

function disclosedOf(mirror: ReadableMirror, digest: string): string | number | null {
  const told = mirror.prepared('SELECT disclosure FROM latchkey_disclosure WHERE digest = ?').get(digest) as
    | { disclosure: string }
    | undefined;
  if (told) return told.disclosure;
  const erased = mirror.prepared('SELECT idx FROM latchkey_erased WHERE digest = ?').get(digest) as
    | { idx: number }
    | undefined;
  return erased?.idx ?? null;
}

/** What an export was asked for, in terms of the entries' bytes: people by their pseudonyms, objects by what entries call them. */
export function filterOf(
  context: ReadContext,
  { actor, action, object, from, to }: { actor?: string; action?: string; object?: string; from?: string; to?: string },
): Filter {
  const { organization, tables } = context;
  const { actors, objects } = questionOf(context, { actor, object });
  return {
    ...(action !== undefined && { act: [action] }),
    ...(actors !== null && { sub: actors.map((id) => subjectPseudonym(organization.id, id)) }),
    ...(objects !== null && {
      obj: [...tables.keys(), 'latchkey.device'].flatMap((t) =>
        objects.map((key) => ({ t, id: objectId(organization.id, t, key) })),
      ),
    }),
    ...(from !== undefined && { from: momentOf(from, 0) }),
    // Up to a whole day is up to its end.
    ...(to !== undefined && { to: momentOf(to, 86_400_000) }),
  };
}

/** As entries write moments. */
function momentOf(given: string, wholeDay: number): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(given.trim());
  const withZone = isDay || /(?:Z|[+-]\d{2}:?\d{2})$/.test(given.trim()) ? given.trim() : `${given.trim()}Z`;
  return new Date(Date.parse(withZone) + (isDay ? wholeDay : 0)).toISOString();
}
