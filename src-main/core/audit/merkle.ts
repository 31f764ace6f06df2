import { hash } from 'node:crypto';

/** Merkle trees over SHA-256 as of RFC 6962 §2.1 (the same trees as RFC 9162 §2.1). Sizes and indexes are below 2^53. */

/** A perfect subtree: the 2^level leaves from index × 2^level. */
export interface Subtree {
  level: number;
  index: number;
}

/** The hash of a perfect subtree: level 0 is a leaf's hash. Only asked for subtrees that are full at the size in question. */
export type HashAt = (level: number, index: number) => Uint8Array;

const hashLength = 32;
const leafScratch = Buffer.alloc(16_385, 0x00);
const nodeScratch = Buffer.alloc(1 + 2 * hashLength, 0x01);

/** SHA-256(0x00 ‖ entry), RFC 6962 §2.1. */
export function leafHash(entry: Uint8Array): Buffer {
  // One call of the one-shot hash over bytes that lie together is the fastest there is.
  if (entry.length >= leafScratch.length)
    return hash('sha256', Buffer.concat([leafScratch.subarray(0, 1), entry]), 'buffer');
  leafScratch.set(entry, 1);
  return hash('sha256', leafScratch.subarray(0, entry.length + 1), 'buffer');
}

/** SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeScratch.set(checked(left), 1);
  nodeScratch.set(checked(right), 1 + hashLength);
  return hash('sha256', nodeScratch, 'buffer');
}

/** The root of the tree without leaves: SHA-256 of nothing, RFC 6962 §2.1. */
export function emptyRoot(): Buffer {
  return hash('sha256', '', 'buffer');
}

/** The perfect subtrees that a tree of some size is made of, largest first: all that is needed to append to it and to tell its root. */
export class Frontier {
  #size: number;
  readonly #hashes: Uint8Array[];

  /** @throws RangeError where a tree of that size is not made of that many perfect subtrees, or one is not 32 bytes. */
  constructor(size = 0, hashes: readonly Uint8Array[] = []) {
    this.#size = integer(size);
    this.#hashes = hashes.map(checked);
    if (coverOf(0, size).length !== hashes.length) throw new RangeError(`${hashes.length} hashes for ${size} leaves.`);
  }

  /** From what `toString` said. @throws RangeError where it is anything else. */
  static parse(text: string): Frontier {
    const [size = '', ...hashes] = text.split(' ');
    const frontier = new Frontier(
      Number(size),
      hashes.map((each) => Buffer.from(each, 'base64')),
    );
    if (frontier.toString() !== text) throw new RangeError('No frontier.');
    return frontier;
  }

  /** Size and base64 hashes, with a space between. */
  toString(): string {
    return [this.#size, ...this.#hashes.map((each) => Buffer.from(each).toString('base64'))].join(' ');
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Appends a leaf by its hash, or a whole perfect subtree of 2^level leaves by its root. Tells `completed` every perfect
   * subtree that is full now, from the one appended upwards.
   * @throws RangeError where a subtree of that level cannot begin at this size.
   */
  append(root: Uint8Array, level = 0, completed?: (subtree: Subtree, hash: Uint8Array) => void): void {
    let index = this.#size / 2 ** integer(level);
    if (!Number.isInteger(index)) throw new RangeError(`No subtree of level ${level} begins at ${this.#size}.`);
    const size = integer(this.#size + 2 ** level);
    let node = checked(root);
    for (let at = level; ; at++) {
      completed?.({ level: at, index }, node);
      if (index % 2 === 0) break;
      node = nodeHash(this.#hashes.pop()!, node);
      index = (index - 1) / 2;
    }
    this.#hashes.push(node);
    this.#size = size;
  }

  root(): Buffer {
    return this.#hashes.length === 0 ? emptyRoot() : folded(this.#hashes);
  }
}

/**
 * The root of the tree of the first `size` leaves: what was the root when the log was that long.
 * @throws RangeError for a size that is none.
 */
export function rootAt(size: number, hashAt: HashAt): Buffer {
  return integer(size) === 0 ? emptyRoot() : rangeHash(0, size, hashAt);
}

/** PATH(index, D[size]) of RFC 6962 §2.1.1, from the leaf's sibling up. @throws RangeError where no such leaf is. */
export function inclusionProof(index: number, size: number, hashAt: HashAt): Buffer[] {
  if (integer(index) >= integer(size)) throw new RangeError(`No leaf ${index} in ${size}.`);
  const path: Buffer[] = [];
  for (let [first, last] = [0, size]; last - first > 1; ) {
    const middle = first + largestPowerBelow(last - first);
    if (index < middle) {
      path.push(rangeHash(middle, last, hashAt));
      last = middle;
    } else {
      path.push(rangeHash(first, middle, hashAt));
      first = middle;
    }
  }
  return path.reverse();
}

/** PROOF(older, D[newer]) of RFC 6962 §2.1.2; without hashes from the empty tree. @throws RangeError where older > newer. */
export function consistencyProof(older: number, newer: number, hashAt: HashAt): Buffer[] {
  if (integer(older) > integer(newer)) throw new RangeError(`No tree of ${older} in ${newer}.`);
  if (older === 0) return [];
  const path: Buffer[] = [];
  let first = 0;
  for (let last = newer; last !== older; ) {
    const middle = first + largestPowerBelow(last - first);
    if (older <= middle) {
      path.push(rangeHash(middle, last, hashAt));
      last = middle;
    } else {
      path.push(rangeHash(first, middle, hashAt));
      first = middle;
    }
  }
  // The verifier has the older root; only a subtree that is not all of it must be told.
  if (first > 0) path.push(rangeHash(first, older, hashAt));
  return path.reverse();
}

/** Whether the leaf stands at `index` in the tree of that size and root: RFC 9162 §2.1.3.2. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isInteger(index) || !isInteger(size) || index >= size) return false;
  if (![leaf, root, ...proof].every(isHash)) return false;
  let [fn, sn, r] = [index, size - 1, leaf];
  for (const p of proof) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      r = nodeHash(p, r);
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      r = nodeHash(r, p);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equal(r, root);
}

/**
 * Whether the newer tree begins with all of the older one: RFC 9162 §2.1.4.2. Two trees of one size need an empty proof
 * and the same root; the empty tree begins every tree, with an empty proof.
 */
export function verifyConsistency(
  older: number,
  newer: number,
  proof: readonly Uint8Array[],
  olderRoot: Uint8Array,
  newerRoot: Uint8Array,
): boolean {
  if (!isInteger(older) || !isInteger(newer) || older > newer) return false;
  if (![olderRoot, newerRoot, ...proof].every(isHash)) return false;
  if (newer === 0 && !equal(newerRoot, emptyRoot())) return false;
  if (older === newer) return proof.length === 0 && equal(olderRoot, newerRoot);
  if (older === 0) return proof.length === 0 && equal(olderRoot, emptyRoot());
  if (proof.length === 0) return false;
  const [start, ...rest] = largestPowerBelow(older + 1) === older ? [olderRoot, ...proof] : proof;
  let [fn, sn] = [older - 1, newer - 1];
  while (isOdd(fn)) [fn, sn] = [half(fn), half(sn)];
  let [fr, sr] = [start!, start!];
  for (const c of rest) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      sr = nodeHash(sr, c);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equal(fr, olderRoot) && equal(sr, newerRoot);
}

/**
 * The perfect subtrees left and right of the leaves [first, last) in a tree of `size`, in order: with their hashes and the
 * leaves between them the root can be told. @throws RangeError where the range is not in the tree.
 */
export function complement(first: number, last: number, size: number): { left: Subtree[]; right: Subtree[] } {
  if (integer(first) > integer(last) || last > integer(size)) throw new RangeError(`No ${first}–${last} in ${size}.`);
  return { left: coverOf(0, first), right: coverOf(last, size) };
}

/** The root of a tree of which only the leaves [first, last) are at hand, in the memory of one path. */
export class RangeRoot {
  readonly #frontier: Frontier;
  readonly #last: number;
  readonly #right: readonly Uint8Array[];
  readonly #rightOf: Subtree[];

  /** `left` and `right` are the hashes of the subtrees that `complement` names. @throws RangeError where they do not fit. */
  constructor(
    range: { first: number; last: number; size: number },
    left: readonly Uint8Array[],
    right: readonly Uint8Array[],
  ) {
    this.#rightOf = complement(range.first, range.last, range.size).right;
    if (right.length !== this.#rightOf.length)
      throw new RangeError(`${right.length} hashes to the right, not ${this.#rightOf.length}.`);
    this.#frontier = new Frontier(range.first, left);
    this.#right = right.map(checked);
    this.#last = range.last;
  }

  /** The hash of the range's next leaf. @throws RangeError beyond the range's end. */
  append(leaf: Uint8Array): void {
    if (this.#frontier.size >= this.#last) throw new RangeError('The range is at its end.');
    this.#frontier.append(leaf);
  }

  /** To be asked once, after the range's last leaf. @throws RangeError before it. */
  root(): Buffer {
    if (this.#frontier.size !== this.#last) throw new RangeError(`At ${this.#frontier.size} of ${this.#last}.`);
    for (const [n, { level }] of this.#rightOf.entries()) this.#frontier.append(this.#right[n]!, level);
    return this.#frontier.root();
  }
}

/** Levels that a tile spans, and so 256 hashes in a full one: C2SP tlog-tiles. */
export const tileLevels = 8;

/**
 * Hashes of subtrees out of tiles as of C2SP tlog-tiles: `tile(level, index)` is the concatenation of up to 256 hashes of
 * the tree's level 8 × level, from 256 × index.
 */
export function hashesOfTiles(tile: (level: number, index: number) => Uint8Array): HashAt {
  return (level, index) => {
    const width = 2 ** (level % tileLevels);
    const place = index * width;
    const at = Math.floor(place / 256);
    const hashes = tile(Math.floor(level / tileLevels), at);
    const first = place - at * 256;
    const nodes = Array.from({ length: width }, (_, n) =>
      checked(hashes.subarray((first + n) * hashLength, (first + n + 1) * hashLength)),
    );
    for (let left = width; left > 1; left /= 2)
      for (let n = 0; n < left / 2; n++) nodes[n] = nodeHash(nodes[2 * n]!, nodes[2 * n + 1]!);
    return nodes[0]!;
  };
}

/** The fewest perfect subtrees that cover [first, last), in order. */
function coverOf(first: number, last: number): Subtree[] {
  const cover: Subtree[] = [];
  for (let at = first; at < last; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= last) level++;
    cover.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return cover;
}

/** MTH of RFC 6962 §2.1 over a range that is a subtree of the tree, and so made of ever smaller perfect ones. */
function rangeHash(first: number, last: number, hashAt: HashAt): Buffer {
  return folded(coverOf(first, last).map(({ level, index }) => checked(hashAt(level, index))));
}

function folded(hashes: readonly Uint8Array[]): Buffer {
  return Buffer.from(hashes.reduceRight((right, left) => nodeHash(left, right)));
}

/** The largest power of two smaller than n, for n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

function checked(hash: Uint8Array): Uint8Array {
  if (!isHash(hash)) throw new RangeError(`A hash of ${hash.length} bytes.`);
  return hash;
}

function integer(value: number): number {
  if (!isInteger(value)) throw new RangeError(`${value} is no size.`);
  return value;
}

const isInteger = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isHash = (hash: Uint8Array): boolean => hash.length === hashLength;
const isOdd = (value: number): boolean => value % 2 === 1;
const half = (value: number): number => Math.floor(value / 2);
const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
