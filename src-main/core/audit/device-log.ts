import { randomBytes } from 'node:crypto';
import type { Actor } from '../command/actor.ts';
import type { Json } from '../command/intent.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { sha256Hex } from './canonical.ts';
import { deviceLogName, signCheckpoint } from './checkpoint.ts';
import { disclosureDigest, makeDisclosure } from './disclosure.ts';
import { entryText, nextHlc, objectId, subjectPseudonym } from './entry.ts';
import { LogTree } from './log-tree.ts';
import { Frontier, leafHash } from './merkle.ts';

/** Of this process: two readings of the monotonic clock can be compared within one boot alone. */
const boot = randomBytes(4).toString('hex');

/** What an entry is about, before it is bytes. */
export interface EntryAbout {
  action: string;
  /** The command that it stands for, or that it is an act on. */
  command: string;
  /** The command's exact change bytes; null for an act on a command. */
  changes: string | null;
  subject: { table: string; key: string };
  /** Milliseconds since 1970, by this device's clock. */
  now: number;
  /** What is said in hashes alone, beside who acted and on what: by name (docs/audit-format.md). */
  disclosed?: { summary?: string; reason?: string | undefined; changes?: Json };
}

/**
 * Appends to this device's log, in the same transaction as what the entry is about: the entry, what it discloses, and the signed
 * checkpoint of the log with it.
 */
export function appendEntry(mirror: WritableMirror, actor: Actor, about: EntryAbout): void {
  const { database } = mirror;
  // The tree's tiles are for proofs; what an append needs are its perfect subtrees.
  const frontier = Frontier.parse(mirror.meta('device_frontier') ?? '0');
  const position = frontier.size + 1;
  const hlc = nextHlc(mirror.meta('hlc'), about.now);
  const seen = mirror.meta('log_verified');
  const { summary, reason, changes } = about.disclosed ?? {};
  const disclosures = Object.entries({
    actor: actor.email === null ? { id: actor.operator } : { id: actor.operator, email: actor.email },
    object: about.subject,
    ...(summary ? { summary } : {}),
    ...(reason ? { reason } : {}),
    ...(changes === undefined ? {} : { changes }),
  }).map(([of, value]) => makeDisclosure(of, value as Json));
  const text = entryText({
    organization: actor.organization,
    device: actor.device,
    position,
    action: about.action,
    command: about.command,
    changesHash: about.changes === null ? null : sha256Hex(about.changes),
    digests: disclosures.map(disclosureDigest),
    object: { table: about.subject.table, id: objectId(actor.organization, about.subject.table, about.subject.key) },
    subject: subjectPseudonym(actor.organization, actor.operator),
    at: about.now,
    hlc,
    monotonic: [boot, Math.floor(performance.now())],
    epoch: epochOf(mirror),
    central: seen === null ? null : (JSON.parse(seen) as { size: number; root: string }),
  });
  const bytes = Buffer.from(text, 'utf8');
  database
    .prepare('INSERT INTO latchkey_entry (position, command, bytes) VALUES (?, ?, ?)')
    .run(position, about.command, bytes);
  keepDisclosures(mirror, disclosures);
  const hash = leafHash(bytes);
  new LogTree(mirror, 'device').append([hash]);
  frontier.append(hash);
  mirror.setMeta('device_frontier', frontier.toString());
  mirror.setMeta('device_checkpoint', signedCheckpoint(actor, position, frontier.root()));
  mirror.setMeta('hlc', hlc);
}

/** This device's own checkpoint over the first `size` of its entries. */
export function signedCheckpoint(actor: Actor, size: number, root: Uint8Array): string {
  return signCheckpoint({ origin: deviceLogName(actor.organization, actor.device), size, root }, actor.keys.log);
}

export function keepDisclosures(mirror: WritableMirror, disclosures: string[]): void {
  const keep = mirror.prepared('INSERT INTO latchkey_disclosure VALUES (?, ?) ON CONFLICT DO NOTHING');
  for (const disclosure of disclosures) keep.run(disclosureDigest(disclosure), disclosure);
}

/** What is disclosed of an entry here; those that were erased are not among them. */
export function disclosuresOf(mirror: WritableMirror, digests: string[]): string[] {
  if (digests.length === 0) return [];
  const found = mirror.all(query.selectFrom('latchkey_disclosure').select('disclosure').where('digest', 'in', digests));
  return found.map(({ disclosure }) => disclosure);
}

function epochOf(mirror: WritableMirror): string | null {
  const central = mirror.meta('central');
  return central === null ? null : (JSON.parse(central) as { epoch: { id: string } }).epoch.id;
}
