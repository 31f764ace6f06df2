import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { readCanonicalObject } from '../audit/canonical.ts';
import { centralLogName, deviceLogName, openCheckpoint, readCheckpoint, signCheckpoint } from '../audit/checkpoint.ts';
import { keepDisclosures } from '../audit/device-log.ts';
import { type FindingKind, recordFinding } from '../audit/findings.ts';
import { LogTree } from '../audit/log-tree.ts';
import { Frontier, leafHash } from '../audit/merkle.ts';
import { readVerifierKey } from '../audit/note.ts';
import type { Actor } from '../command/actor.ts';
import { query } from '../mirror/readable.ts';
import type { DeviceRow } from '../mirror/schema.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import type { Hello } from './hello.ts';

export interface LogContext {
  client: pg.Client;
  mirror: WritableMirror;
  actor: Actor;
  now: () => number;
  onChanged: (tables: string[]) => void;
}

/** What this device last verified of the organization's log: no older log is ever taken for the whole one. */
interface Verified {
  size: number;
  /** Base64. */
  root: string;
  epoch: string;
  /** ISO 8601, by central's clock. */
  at: string;
}

const hashLength = 32;
/** How often all of central's leaves are held against this device's, even where nothing looks suspicious. */
const fullCheckMilliseconds = 86_400_000;

/** @returns null before the log was first verified */
export function verifiedLog(mirror: WritableMirror): Verified | null {
  const stored = mirror.meta('log_verified');
  return stored === null ? null : (JSON.parse(stored) as Verified);
}

/**
 * Brings this device's copy of the organization's log to where central's is, recomputing its tree: what central says of it is believed only
 * where the roots are the same. Pins what was verified before anything else rests on it.
 *
 * @param signs whether to publish a checkpoint over it, as whoever just pushed does
 * @throws LatchkeyError `log-tampered`, naming the first leaf that is wrong
 */
export async function followLog(context: LogContext, answer: Hello, signs: boolean): Promise<void> {
  const { mirror, now } = context;
  const tree = new LogTree(mirror, 'organization');
  const verified = verifiedLog(mirror);
  if (verified && verified.epoch !== answer.epoch.id) await acceptRestore(context, tree, verified, answer);
  const isNew = tree.size < answer.log_size;
  if (isNew) await copyLeaves(context, tree, answer.log_size);
  if (isNew)
    mirror.transaction(() => {
      findUnsigned(mirror, now());
      findFork(context);
    });
  const root = tree.size >= answer.log_size ? tree.root(answer.log_size).toString('base64') : '';
  if (root !== answer.log_root) await tampered(context, tree, verified?.size ?? 0, answer);
  if (isNew || verified === null || verified.epoch !== answer.epoch.id) {
    const pinned: Verified = { size: answer.log_size, root, epoch: answer.epoch.id, at: answer.now };
    mirror.transaction(() => mirror.setMeta('log_verified', JSON.stringify(pinned)));
    await compareCheckpoints(context, tree);
    if (signs) await publish(context, tree);
    context.onChanged(['log']);
  }
  if (now() - Number(mirror.meta('log_checked') ?? 0) > fullCheckMilliseconds) await checkLeaves(context);
}

/** After something was found of central's log, everything is looked at anew before anything is sent. @throws LatchkeyError `log-tampered` */
export async function regainTrust(context: LogContext, answer: Hello): Promise<void> {
  const { mirror } = context;
  if (mirror.meta('log_distrusted') === null) return;
  await followLog(context, answer, false);
  await checkLeaves(context);
  await compareCheckpoints(context, new LogTree(mirror, 'organization'));
  mirror.transaction(() => mirror.database.prepare(`DELETE FROM latchkey_meta WHERE name = 'log_distrusted'`).run());
}

/** Holds every leaf at central against this device's copy. @throws LatchkeyError `log-tampered` */
export async function checkLeaves(context: LogContext): Promise<number> {
  const { mirror, client, now } = context;
  const tree = new LogTree(mirror, 'organization');
  const size = verifiedLog(mirror)?.size ?? 0;
  const wrong = await firstDifference(client, tree, size);
  if (wrong !== null) refuse(context, 'log-rewritten', wrong, { index: wrong, size });
  mirror.transaction(() => mirror.setMeta('log_checked', String(now())));
  return size;
}

/** Of a bytea, as PostgreSQL prints it. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex');
}

/** @returns null where central has the same leaves, as far as this device's go */
async function firstDifference(client: pg.Client, tree: LogTree, size: number): Promise<number | null> {
  for (let first = 0; first < size; ) {
    const { rows } = await client.query<{ hashes: string | null }>('SELECT latchkey.leaf_hashes($1, $2) AS hashes', [
      first,
      size,
    ]);
    const there = bytesOf(rows[0]!.hashes ?? '');
    const count = there.length / hashLength;
    const here = tree.leaves(first, Math.min(size, first + count));
    if (!there.equals(here) || count === 0) {
      let same = 0;
      while (
        same < count &&
        here
          .subarray(same * hashLength, (same + 1) * hashLength)
          .equals(there.subarray(same * hashLength, (same + 1) * hashLength))
      )
        same += 1;
      return first + same;
    }
    first += count;
  }
  return null;
}

/**
 * After a restore that was declared, the log goes on with less than it had. The declaration stands in it as a leaf; what central had
 * written until it was declared stands before that. Leaves that were lost are kept here: they are what others can be told by.
 */
async function acceptRestore(context: LogContext, tree: LogTree, verified: Verified, answer: Hello): Promise<void> {
  const { client, mirror } = context;
  const size = tree.size;
  const kept = (await firstDifference(client, tree, size)) ?? size;
  if (kept === size) return;
  if (!(await isDeclared(client, kept, answer))) refuse(context, 'log-rewritten', kept, { index: kept, size });
  mirror.transaction(() => {
    mirror.database
      .prepare('INSERT OR IGNORE INTO latchkey_lost_leaf SELECT ?, idx, entry FROM latchkey_log WHERE idx >= ?')
      .run(verified.epoch, kept);
    mirror.database.prepare('DELETE FROM latchkey_log WHERE idx >= ?').run(kept);
    tree.truncate(kept);
    const erased = Math.min(kept - 1, Number(mirror.meta('erasures_done') ?? -1));
    mirror.setMeta('erasures_done', String(erased));
    rebuildDevices(mirror, answer.organization);
  });
}

async function isDeclared(client: pg.Client, from: number, { epoch, log_size }: Hello): Promise<boolean> {
  for (let index = from; index < log_size; ) {
    const { rows } = await client.query<{ entry: string }>('SELECT entry FROM latchkey.log_since($1) ORDER BY idx', [
      index,
    ]);
    if (rows.length === 0) return false;
    const said = `"epoch":"${epoch.id}"`;
    const found = rows.map(({ entry }) => bytesOf(entry).toString('utf8')).find((text) => text.includes(said));
    if (found) {
      const leaf = JSON.parse(found) as Leaf;
      if (leaf.act === 'epoch.begin' && leaf.dev === 'central') return true;
    }
    index += rows.length;
  }
  return false;
}

interface Leaf {
  act?: string;
  dev?: string;
  seq?: number;
  org?: string;
  note?: string;
  obj?: { id?: string };
  keys?: { log: string; checkpoint: string };
}

/** A leaf that its device should not have made is kept and found: it stands in the log, and a member's mischief must not stop the others. */
async function copyLeaves({ client, mirror, actor, now }: LogContext, tree: LogTree, until: number): Promise<void> {
  while (tree.size < until) {
    const { rows } = await client.query<{ entry: string; disclosures: string }>(
      'SELECT entry, to_json(disclosures)::TEXT AS disclosures FROM latchkey.log_since($1) WHERE idx < $2 ORDER BY idx',
      [tree.size, until],
    );
    if (rows.length === 0) return;
    mirror.transaction(() => {
      const insert = mirror.database.prepare('INSERT INTO latchkey_log (idx, entry) VALUES (?, ?)');
      const devices = new DeviceLogs(mirror, actor.organization);
      const first = tree.size;
      const entries = rows.map(({ entry }) => bytesOf(entry));
      for (const [n, { disclosures }] of rows.entries()) {
        const entry = entries[n]!;
        const wrong = devices.take(first + n, entry);
        if (wrong) recordFinding(mirror, wrong.kind, String(first + n), { index: first + n, why: wrong.why }, now());
        insert.run(first + n, entry.toString('utf8'));
        if (disclosures !== '[]') keepDisclosures(mirror, JSON.parse(disclosures) as string[]);
      }
      tree.append(entries.map(leafHash));
      devices.store();
    });
  }
}

/** A push ends with its device's signature under all that it brought: what stands in a device's name beyond that is not its own. */
function findUnsigned(mirror: WritableMirror, now: number): void {
  for (const { device, frontier, signed } of mirror.all(query.selectFrom('latchkey_device').selectAll())) {
    const { size } = Frontier.parse(frontier);
    if (size === signed) continue;
    const why = `it signed ${signed} of its ${size} entries`;
    recordFinding(mirror, 'device-log-differs', `${device} from entry ${signed + 1}`, { device, why }, now);
  }
}

/**
 * Two histories under one device's signature: the folder was copied, or an older copy of it was put in place, and both went on. Central has
 * both branches' notes or one of them; with the one that is here they are the proof.
 */
function findFork({ mirror, actor, now }: LogContext): void {
  const row = mirror.first(query.selectFrom('latchkey_device').selectAll().where('device', '=', actor.device));
  if (!row) return;
  const there = Frontier.parse(row.frontier);
  const own = new LogTree(mirror, 'device');
  const isOurs = there.size <= own.size && own.root(there.size).equals(there.root());
  if (isOurs) return;
  const place = `${actor.device} at entry ${there.size}`;
  const details = { size: own.size, central: there.size, checkpoint: mirror.meta('device_checkpoint') };
  recordFinding(mirror, 'own-log-forked', place, details, now());
}

/** What arrived and did not prove itself is not kept. */
function forgetFrom({ mirror, actor }: LogContext, tree: LogTree, size: number): void {
  mirror.transaction(() => {
    mirror.database.prepare('DELETE FROM latchkey_log WHERE idx >= ?').run(size);
    tree.truncate(size);
    rebuildDevices(mirror, actor.organization);
  });
}

/** The devices' own logs, as far as they have come in the organization's: leaves are held against them one by one. */
class DeviceLogs {
  private readonly mirror: WritableMirror;
  private readonly organization: string;
  private readonly known: Map<string, DeviceRow & { log: Frontier }>;

  constructor(mirror: WritableMirror, organization: string) {
    this.mirror = mirror;
    this.organization = organization;
    const rows = mirror.all(query.selectFrom('latchkey_device').selectAll());
    this.known = new Map(rows.map((row) => [row.device, { ...row, log: Frontier.parse(row.frontier) }]));
  }

  /** @returns null, or what is wrong with the leaf */
  take(index: number, entry: Buffer): Wrong | null {
    let leaf: Leaf;
    try {
      leaf = readCanonicalObject(entry) as Leaf;
    } catch (error) {
      return invalid((error as Error).message);
    }
    if (leaf.org !== this.organization) return invalid('it is another organization’s');
    if (leaf.dev !== 'central') return this.takeEntry(leaf, entry);
    const id = leaf.obj?.id ?? '';
    const device = this.known.get(id);
    switch (leaf.act) {
      case 'device.join':
        if (
          !leaf.keys ||
          !isKey(leaf.keys.log, deviceLogName(this.organization, id)) ||
          !isKey(leaf.keys.checkpoint, centralLogName(this.organization))
        )
          return invalid('its keys are none of that device');
        this.known.set(id, {
          device: id,
          joined: index,
          revoked: null,
          log_key: leaf.keys.log,
          checkpoint_key: leaf.keys.checkpoint,
          frontier: '',
          signed: 0,
          checkpoint: null,
          checkpoint_at: null,
          log: new Frontier(),
        });
        return null;
      case 'device.revoke':
        if (device) device.revoked = index;
        return null;
      case 'device.checkpoint':
        return device && this.isSigned(device, leaf.note ?? '')
          ? null
          : { kind: 'device-log-differs', why: `device ${id} did not sign its entries up to here` };
      default:
        return null;
    }
  }

  private takeEntry(leaf: Leaf, entry: Buffer): Wrong | null {
    const device = this.known.get(leaf.dev ?? '');
    if (!device) return invalid('no such device had joined');
    if (device.revoked !== null) return invalid('its device was revoked before');
    if (leaf.seq !== device.log.size + 1)
      return invalid(`it is entry ${leaf.seq} of its device, after entry ${device.log.size}`);
    device.log.append(leafHash(entry));
    return null;
  }

  private isSigned(device: DeviceRow & { log: Frontier }, note: string): boolean {
    try {
      const checkpoint = openCheckpoint(note, deviceLogName(this.organization, device.device), [
        readVerifierKey(device.log_key),
      ]);
      if (checkpoint.size !== device.log.size || !device.log.root().equals(checkpoint.root)) return false;
      device.signed = checkpoint.size;
      return true;
    } catch {
      return false;
    }
  }

  store(): void {
    const put = this.mirror.database.prepare(
      `INSERT INTO latchkey_device (device, joined, revoked, log_key, checkpoint_key, frontier, signed) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (device) DO UPDATE SET joined = excluded.joined, revoked = excluded.revoked, log_key = excluded.log_key,
         checkpoint_key = excluded.checkpoint_key, frontier = excluded.frontier, signed = excluded.signed`,
    );
    for (const { device, joined, revoked, log_key, checkpoint_key, log, signed } of this.known.values())
      put.run(device, joined, revoked, log_key, checkpoint_key, log.toString(), signed);
  }
}

interface Wrong {
  kind: FindingKind;
  why: string;
}

function invalid(why: string): Wrong {
  return { kind: 'leaf-invalid', why };
}

function isKey(vkey: unknown, name: string): boolean {
  try {
    return readVerifierKey(String(vkey)).name === name;
  } catch {
    return false;
  }
}

/** Within a transaction. */
function rebuildDevices(mirror: WritableMirror, organization: string): void {
  mirror.database.exec('DELETE FROM latchkey_device');
  const devices = new DeviceLogs(mirror, organization);
  const leaves = mirror.database.prepare<[], { idx: number; entry: string }>(
    'SELECT idx, entry FROM latchkey_log ORDER BY idx',
  );
  for (const { idx, entry } of leaves.iterate()) devices.take(idx, Buffer.from(entry, 'utf8'));
  devices.store();
}

/** What other devices signed, against what central shows here. */
async function compareCheckpoints(context: LogContext, tree: LogTree): Promise<void> {
  const { client, mirror, actor, now } = context;
  const { rows } = await client.query<{ checkpoints: string }>('SELECT latchkey.checkpoints() AS checkpoints');
  const signed = JSON.parse(rows[0]!.checkpoints) as { device: string; note: string; at: string }[];
  const name = centralLogName(actor.organization);
  const keys = new Map(mirror.all(query.selectFrom('latchkey_device').selectAll()).map((row) => [row.device, row]));
  const keep = mirror.database.prepare('UPDATE latchkey_device SET checkpoint = ?, checkpoint_at = ? WHERE device = ?');
  const split: { device: string; size: number }[] = [];
  mirror.transaction(() => {
    for (const { device, note, at } of signed) {
      const key = keys.get(device)?.checkpoint_key;
      if (key === undefined) continue;
      try {
        const checkpoint = openCheckpoint(note, name, [readVerifierKey(key)]);
        keep.run(note, at, device);
        if (checkpoint.size <= tree.size && !tree.root(checkpoint.size).equals(checkpoint.root))
          split.push({ device, size: checkpoint.size });
      } catch {
        // A signature that does not hold tells nothing of the log; whoever wrote it there can write to central.
        recordFinding(mirror, 'device-log-differs', `checkpoint of ${device}`, { device, size: readSize(note) }, now());
      }
    }
  });
  const [first] = split;
  if (first) refuse(context, 'split-view', first.size, { device: first.device, size: first.size });
}

function readSize(note: string): number | null {
  try {
    return readCheckpoint(note.slice(0, note.indexOf('\n\n') + 1)).size;
  } catch {
    return null;
  }
}

async function publish({ client, mirror, actor }: LogContext, tree: LogTree): Promise<void> {
  const { size, root, at } = verifiedLog(mirror)!;
  if (size > tree.size) return;
  const note = signCheckpoint(
    { origin: centralLogName(actor.organization), size, root: Buffer.from(root, 'base64') },
    actor.keys.checkpoint,
  );
  await client.query('SELECT latchkey.publish_checkpoint($1)', [note]);
  mirror.transaction(() => {
    mirror.setMeta('log_checkpoint', note);
    mirror.database
      .prepare('UPDATE latchkey_device SET checkpoint = ?, checkpoint_at = ? WHERE device = ?')
      .run(note, at, actor.device);
  });
}

/** Central's root is another than the one of the leaves that it gives: says which leaf it is, and keeps nothing of what came. */
async function tampered(context: LogContext, tree: LogTree, verified: number, answer: Hello): Promise<never> {
  const wrong = await firstDifference(context.client, tree, Math.min(tree.size, answer.log_size));
  if (tree.size > verified) forgetFrom(context, tree, verified);
  const index = wrong ?? Math.min(tree.size, answer.log_size);
  return refuse(context, 'log-rewritten', index, {
    index,
    size: answer.log_size,
    root: answer.log_root,
  });
}

function refuse(
  { mirror, now }: LogContext,
  kind: FindingKind,
  index: number,
  details: Record<string, unknown>,
): never {
  const error = new LatchkeyError(
    'log-tampered',
    `${said[kind] ?? 'Central’s audit log is not what it was.'} (entry #${index}). Nothing was sent, and what is on this device was kept, its copy of the log included. Tell your security team: \`latchkey audit integrity\` and an export show what this device can prove.`,
    { details: { kind, index } },
  );
  mirror.transaction(() => {
    recordFinding(mirror, kind, String(index), details, now());
    mirror.setMeta('log_distrusted', error.message);
  });
  throw error;
}

const said: Partial<Record<FindingKind, string>> = {
  'log-rewritten':
    'Central’s audit log was rewritten: an entry that this device had verified is another one now, or gone',
  'split-view': 'Another device signed another history than the one that central shows here',
};
