import type { ReadableMirror } from '../mirror/readable.ts';
import { type HashAt, hashesOfTiles, nodeHash, rootAt, tileLevels } from './merkle.ts';

const hashLength = 32;
const tileHashes = 2 ** tileLevels;

/** The Merkle tree of a log in this mirror: hashes in tiles, so that a root or a proof of any size reads a few of them. */
export class LogTree {
  readonly hashAt: HashAt;
  private readonly mirror: ReadableMirror;
  private readonly log: 'organization' | 'device';

  constructor(mirror: ReadableMirror, log: 'organization' | 'device') {
    this.mirror = mirror;
    this.log = log;
    this.hashAt = hashesOfTiles((level, tile) => this.tile(level, tile));
  }

  /** Number of leaves. */
  get size(): number {
    return this.width(0);
  }

  /** The root of the first `size` leaves. @throws RangeError where there are not as many */
  root(size = this.size): Buffer {
    if (size > this.size) throw new RangeError(`The log has ${this.size} leaves, not ${size}.`);
    return rootAt(size, this.hashAt);
  }

  /** Hashes of the leaves [first, last), one after the other. */
  leaves(first: number, last: number): Buffer {
    const parts: Buffer[] = [];
    for (let tile = Math.floor(first / tileHashes); tile * tileHashes < last; tile++) {
      const start = tile * tileHashes;
      const from = Math.max(first - start, 0);
      parts.push(this.tile(0, tile).subarray(from * hashLength, Math.min(last - start, tileHashes) * hashLength));
    }
    return Buffer.concat(parts);
  }

  /** Appends leaves by their hashes. Within a transaction. */
  append(hashes: Uint8Array[]): void {
    this.extend(0, hashes);
  }

  /** Forgets the leaves from `size` on. Within a transaction. */
  truncate(size: number): void {
    for (let level = 0, width = size; level === 0 || this.width(level) > 0; level++) {
      const full = Math.floor(width / tileHashes);
      this.mirror
        .prepared('DELETE FROM latchkey_tile WHERE log = ? AND level = ? AND tile > ?')
        .run(this.log, level, full);
      const rest = this.tile(level, full).subarray(0, (width - full * tileHashes) * hashLength);
      this.put(level, full, rest);
      width = full;
    }
  }

  private extend(level: number, hashes: Uint8Array[]): void {
    let width = this.width(level);
    const completed: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; ) {
      const tile = Math.floor(width / tileHashes);
      const here = this.tile(level, tile);
      const some = hashes.slice(at, at + tileHashes - here.length / hashLength);
      const whole = Buffer.concat([here, ...some]);
      this.put(level, tile, whole);
      at += some.length;
      width += some.length;
      if (whole.length === tileHashes * hashLength) completed.push(foldedTile(whole));
    }
    if (completed.length > 0) this.extend(level + 1, completed);
  }

  private width(level: number): number {
    const last = this.mirror
      .prepared(
        'SELECT tile, length(hashes) AS bytes FROM latchkey_tile WHERE log = ? AND level = ? ORDER BY tile DESC LIMIT 1',
      )
      .get(this.log, level) as { tile: number; bytes: number } | undefined;
    return last ? last.tile * tileHashes + last.bytes / hashLength : 0;
  }

  private tile(level: number, tile: number): Buffer {
    const row = this.mirror
      .prepared('SELECT hashes FROM latchkey_tile WHERE log = ? AND level = ? AND tile = ?')
      .get(this.log, level, tile) as { hashes: Buffer } | undefined;
    return row?.hashes ?? Buffer.alloc(0);
  }

  private put(level: number, tile: number, hashes: Uint8Array): void {
    if (hashes.length === 0) {
      this.mirror
        .prepared('DELETE FROM latchkey_tile WHERE log = ? AND level = ? AND tile = ?')
        .run(this.log, level, tile);
      return;
    }
    this.mirror
      .prepared(
        'INSERT INTO latchkey_tile VALUES (?, ?, ?, ?) ON CONFLICT (log, level, tile) DO UPDATE SET hashes = excluded.hashes',
      )
      .run(this.log, level, tile, hashes);
  }
}

/** The root of a full tile's perfect subtree. */
function foldedTile(hashes: Buffer): Buffer {
  let nodes = Array.from(
    { length: tileHashes },
    (_, n) => hashes.subarray(n * hashLength, (n + 1) * hashLength) as Uint8Array,
  );
  while (nodes.length > 1)
    nodes = Array.from({ length: nodes.length / 2 }, (_, n) => nodeHash(nodes[2 * n]!, nodes[2 * n + 1]!));
  return Buffer.from(nodes[0]!);
}
