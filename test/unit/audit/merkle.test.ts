import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  complement,
  consistencyProof,
  emptyRoot,
  Frontier,
  type HashAt,
  hashesOfTiles,
  inclusionProof,
  leafHash,
  nodeHash,
  RangeRoot,
  rootAt,
  type Subtree,
  verifyConsistency,
  verifyInclusion,
} from '../../../src-main/core/audit/merkle.ts';

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');
const bytes = (text: string): Buffer => Buffer.from(text, 'hex');

/** The tree of Certificate Transparency's reference tests: eight leaves, and the root after each. */
const published = {
  leaves: ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
    bytes,
  ),
  roots: [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ].map(bytes),
  inclusion: [
    { index: 0, size: 1, proof: [] },
    {
      index: 0,
      size: 8,
      proof: [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    },
    {
      index: 5,
      size: 8,
      proof: [
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    },
    { index: 2, size: 3, proof: ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'] },
    {
      index: 1,
      size: 5,
      proof: [
        '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    },
  ],
  consistency: [
    { older: 1, newer: 1, proof: [] },
    {
      older: 1,
      newer: 8,
      proof: [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    },
    {
      older: 6,
      newer: 8,
      proof: [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    },
    {
      older: 2,
      newer: 5,
      proof: [
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    },
    {
      older: 6,
      newer: 7,
      proof: [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    },
  ],
};

/** RFC 6962 §2.1 to §2.1.2 word for word, recursively, over whole leaves. */
const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const split = (n: number): number => 2 ** (Math.ceil(Math.log2(n)) - 1);
function mth(d: readonly Uint8Array[]): Buffer {
  if (d.length === 0) return sha256();
  if (d.length === 1) return sha256(Buffer.of(0), d[0]!);
  const k = split(d.length);
  return sha256(Buffer.of(1), mth(d.slice(0, k)), mth(d.slice(k)));
}
function path(m: number, d: readonly Uint8Array[]): Buffer[] {
  if (d.length === 1) return [];
  const k = split(d.length);
  if (m < k) return [...path(m, d.slice(0, k)), mth(d.slice(k))];
  return [...path(m - k, d.slice(k)), mth(d.slice(0, k))];
}
function subproof(m: number, d: readonly Uint8Array[], whole: boolean): Buffer[] {
  if (m === d.length) return whole ? [] : [mth(d)];
  const k = split(d.length);
  if (m <= k) return [...subproof(m, d.slice(0, k), whole), mth(d.slice(k))];
  return [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))];
}

const leavesOf = (size: number): Buffer[] => Array.from({ length: size }, (_, n) => Buffer.from(`leaf ${n}`));
const frontierOf = (leaves: readonly Uint8Array[]): Frontier => {
  const frontier = new Frontier();
  for (const each of leaves) frontier.append(leafHash(each));
  return frontier;
};
/** Hashes of perfect subtrees by the naive recursion. */
const naive =
  (leaves: readonly Uint8Array[]): HashAt =>
  (level, index) => {
    const under = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level);
    if (under.length !== 2 ** level) throw new Error(`${level}/${index} is not full.`);
    return mth(under);
  };
const flipped = (hash: Uint8Array): Buffer => {
  const other = Buffer.from(hash);
  other[7]! ^= 8;
  return other;
};
const someHash = sha256(Buffer.from('some'));
const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33];

describe('the published tree', () => {
  test('has the published roots, from none to eight leaves', () => {
    const frontier = new Frontier();
    expect(hex(emptyRoot())).toBe(hex(published.roots[0]!));
    for (const [n, root] of published.roots.entries()) {
      expect(hex(frontier.root())).toBe(hex(root));
      expect(hex(rootAt(n, naive(published.leaves)))).toBe(hex(root));
      if (n < 8) frontier.append(leafHash(published.leaves[n]!));
    }
  });

  test.each(published.inclusion)(
    'has the published inclusion proof of leaf $index in $size',
    ({ index, size, proof }) => {
      expect(inclusionProof(index, size, naive(published.leaves)).map(hex)).toEqual(proof);
      expect(
        verifyInclusion(leafHash(published.leaves[index]!), index, size, proof.map(bytes), published.roots[size]!),
      ).toBe(true);
    },
  );

  test.each(published.consistency)('has the published consistency proof from $older to $newer', (vector) => {
    const { older, newer, proof } = vector;
    expect(consistencyProof(older, newer, naive(published.leaves)).map(hex)).toEqual(proof);
    expect(verifyConsistency(older, newer, proof.map(bytes), published.roots[older]!, published.roots[newer]!)).toBe(
      true,
    );
  });
});

describe('hashes', () => {
  test('of a leaf and of a node differ for the same bytes', () => {
    const [left, right] = [someHash, flipped(someHash)];
    expect(hex(leafHash(Buffer.concat([left, right])))).not.toBe(hex(nodeHash(left, right)));
  });

  test.each([0, 1, 16_383, 16_384, 16_385, 100_000])('of a leaf of %i bytes are those of RFC 6962', (length) => {
    const entry = randomBytes(length);
    expect(hex(leafHash(entry))).toBe(hex(mth([entry])));
  });

  test('of other lengths make no node', () => {
    expect(() => nodeHash(someHash.subarray(1), someHash)).toThrow(RangeError);
    expect(() => new Frontier().append(Buffer.alloc(33))).toThrow(RangeError);
  });
});

describe('the frontier', () => {
  test('has the root of the naive tree at every size, and goes on from its text', () => {
    const leaves = leavesOf(70);
    let frontier = new Frontier();
    for (const [n, each] of leaves.entries()) {
      frontier.append(leafHash(each));
      expect(frontier.size).toBe(n + 1);
      expect(hex(frontier.root())).toBe(hex(mth(leaves.slice(0, n + 1))));
      frontier = Frontier.parse(frontier.toString());
    }
  });

  test('tells every perfect subtree once, when it is full', () => {
    const leaves = leavesOf(37);
    const told: (Subtree & { hash: string })[] = [];
    const frontier = new Frontier();
    for (const [n, each] of leaves.entries())
      frontier.append(leafHash(each), 0, (subtree, hash) => {
        expect((subtree.index + 1) * 2 ** subtree.level).toBe(n + 1);
        told.push({ ...subtree, hash: hex(hash) });
      });
    const all = [0, 1, 2, 3, 4, 5].flatMap((level) =>
      Array.from({ length: Math.floor(37 / 2 ** level) }, (_, index) => ({
        level,
        index,
        hash: hex(naive(leaves)(level, index)),
      })),
    );
    const order = (one: Subtree, other: Subtree) => one.level - other.level || one.index - other.index;
    expect(told.sort(order)).toEqual(all);
  });

  test('reads nothing but its own text', () => {
    const text = frontierOf(leavesOf(5)).toString();
    expect(Frontier.parse(text).toString()).toBe(text);
    expect(Frontier.parse('0').size).toBe(0);
    const [, one, other] = text.split(' ');
    for (const bad of [
      '',
      ' ',
      `6 ${one} ${other} ${one}`,
      `5 ${one}`,
      `05 ${one} ${other}`,
      `+5 ${one} ${other}`,
      `5 ${one} ${other} `,
      `5 ${one} ${other!.slice(0, -1)}`,
      `5 ${one}  ${other}`,
      `5\n${one}\n${other}`,
      '-1',
      '0.5',
      'NaN',
      '9007199254740992',
      `5 ${one} ${other!.slice(4)}`,
    ])
      expect(() => Frontier.parse(bad), bad).toThrow(RangeError);
  });

  test('counts beyond 32 bits', () => {
    const size = 2 ** 40 + 2 ** 33;
    const frontier = new Frontier(size, [someHash, flipped(someHash)]);
    frontier.append(someHash);
    expect(frontier.size).toBe(size + 1);
    expect(hex(frontier.root())).toBe(hex(nodeHash(someHash, nodeHash(flipped(someHash), someHash))));
    expect(() => new Frontier(2 ** 53 - 1, Array(53).fill(someHash)).append(someHash)).toThrow(RangeError);
    expect(() => new Frontier(size, [someHash])).toThrow(RangeError);
  });
});

describe('proofs', () => {
  test('of inclusion are those of RFC 6962, at every index of small trees', () => {
    for (let size = 1; size <= 33; size++) {
      const leaves = leavesOf(size);
      const root = mth(leaves);
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(index, size, naive(leaves));
        expect(proof.map(hex)).toEqual(path(index, leaves).map(hex));
        expect(verifyInclusion(leafHash(leaves[index]!), index, size, proof, root)).toBe(true);
      }
    }
  });

  test('of consistency are those of RFC 6962, between all small sizes', () => {
    for (let newer = 0; newer <= 33; newer++) {
      const leaves = leavesOf(newer);
      for (let older = 0; older <= newer; older++) {
        const proof = consistencyProof(older, newer, naive(leaves));
        if (older > 0) expect(proof.map(hex)).toEqual(subproof(older, leaves, true).map(hex));
        expect(verifyConsistency(older, newer, proof, mth(leaves.slice(0, older)), mth(leaves))).toBe(true);
      }
    }
  });

  test('hold for sizes and indexes drawn at random', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat(), (newer, index, older) => {
        const leaves = leavesOf(newer);
        const root = frontierOf(leaves).root();
        expect(hex(root)).toBe(hex(mth(leaves)));
        const inclusion = inclusionProof(index % newer, newer, naive(leaves));
        expect(inclusion.map(hex)).toEqual(path(index % newer, leaves).map(hex));
        expect(verifyInclusion(leafHash(leaves[index % newer]!), index % newer, newer, inclusion, root)).toBe(true);
        const from = older % (newer + 1);
        const consistency = consistencyProof(from, newer, naive(leaves));
        expect(verifyConsistency(from, newer, consistency, mth(leaves.slice(0, from)), root)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('of nothing that is there are not made', () => {
    const hashAt = naive(leavesOf(4));
    expect(() => inclusionProof(4, 4, hashAt)).toThrow(RangeError);
    expect(() => inclusionProof(0, 0, hashAt)).toThrow(RangeError);
    expect(() => inclusionProof(-1, 4, hashAt)).toThrow(RangeError);
    expect(() => inclusionProof(0.5, 4, hashAt)).toThrow(RangeError);
    expect(() => consistencyProof(5, 4, hashAt)).toThrow(RangeError);
    expect(() => rootAt(2 ** 53, hashAt)).toThrow(RangeError);
  });
});

/** A proof that something was done to, each of which must be refused. */
function damaged(proof: readonly Uint8Array[], others: Uint8Array[]): Uint8Array[][] {
  return [
    ...proof.map((each, n) => proof.with(n, flipped(each))),
    ...proof.map((_, n) => proof.toSpliced(n, 1)),
    ...proof.map((each, n) => proof.with(n, each.subarray(1))),
    ...[...others, Buffer.alloc(0), Buffer.alloc(33)].flatMap((other) => [
      [other, ...proof],
      [...proof, other],
    ]),
    ...(proof.length > 1 ? [proof.toReversed()] : []),
    ...(proof.length > 0 ? [[]] : []),
    [...proof, ...Array<Uint8Array>(64).fill(someHash)],
  ];
}

describe('verification refuses', () => {
  test('an inclusion proof that is damaged, or of another index, size, leaf or root', () => {
    for (const size of sizes.filter((each) => each > 0)) {
      const leaves = leavesOf(size);
      const root = mth(leaves);
      for (let index = 0; index < size; index++) {
        const leaf = leafHash(leaves[index]!);
        const proof = path(index, leaves);
        const holds = (change: { leaf?: Uint8Array; index?: number; size?: number; root?: Uint8Array }): boolean =>
          verifyInclusion(change.leaf ?? leaf, change.index ?? index, change.size ?? size, proof, change.root ?? root);
        expect(holds({})).toBe(true);
        for (const other of [
          index - 1,
          index + 1,
          index + 2,
          index + 0.5,
          size,
          size + index,
          index + 2 ** 32,
          2 ** 53,
          Number.NaN,
        ])
          expect(holds({ index: other }), `${index} as ${other} in ${size}`).toBe(false);
        for (const other of [0, index, size * 2 + 1, size * 4, size + 2 ** 32, size + 0.5, -size, 2 ** 53, Number.NaN])
          expect(holds({ size: other }), `${index} in ${size} as ${other}`).toBe(false);
        for (const other of [flipped(leaf), someHash, leaf.subarray(1), Buffer.alloc(0)])
          expect(holds({ leaf: other })).toBe(false);
        for (const other of [flipped(root), emptyRoot(), root.subarray(1), Buffer.alloc(0)])
          expect(holds({ root: other })).toBe(false);
        for (const other of damaged(proof, [root, leaf, someHash]))
          expect(verifyInclusion(leaf, index, size, other, root)).toBe(false);
      }
    }
  });

  test('a leaf in the empty tree', () => {
    expect(verifyInclusion(someHash, 0, 0, [], emptyRoot())).toBe(false);
    expect(verifyInclusion(emptyRoot(), 0, 0, [], emptyRoot())).toBe(false);
  });

  test('a node as a leaf of a smaller tree where the leaf is hashed as one', () => {
    const leaves = leavesOf(4);
    const inner = Buffer.concat([mth(leaves.slice(0, 1)), mth(leaves.slice(1, 2))]);
    expect(verifyInclusion(leafHash(inner), 0, 2, [mth(leaves.slice(2))], mth(leaves))).toBe(false);
  });

  test('a consistency proof that is damaged, or of other sizes or roots', () => {
    for (const newer of sizes) {
      const leaves = leavesOf(newer);
      const newerRoot = mth(leaves);
      for (let older = 0; older <= newer; older++) {
        const olderRoot = mth(leaves.slice(0, older));
        const proof = consistencyProof(older, newer, naive(leaves));
        const holds = (change: {
          older?: number;
          newer?: number;
          olderRoot?: Uint8Array;
          newerRoot?: Uint8Array;
        }): boolean =>
          verifyConsistency(
            change.older ?? older,
            change.newer ?? newer,
            proof,
            change.olderRoot ?? olderRoot,
            change.newerRoot ?? newerRoot,
          );
        expect(holds({})).toBe(true);
        expect(holds({ olderRoot: flipped(olderRoot) })).toBe(false);
        expect(holds({ olderRoot: olderRoot.subarray(1) })).toBe(false);
        expect(holds({ newerRoot: newerRoot.subarray(1) })).toBe(false);
        // Every tree begins with nothing, so only there any root will do.
        if (older > 0 || newer === 0) expect(holds({ newerRoot: flipped(newerRoot) })).toBe(false);
        for (const other of [newer + 1, older + 2 ** 32, older + 0.5, -1, 2 ** 53, Number.NaN])
          expect(holds({ older: other }), `${older} as ${other} to ${newer}`).toBe(false);
        for (const other of [older - 1, newer + 0.5, -1, 2 ** 53, Number.NaN])
          expect(holds({ newer: other }), `${older} to ${newer} as ${other}`).toBe(false);
        if (older > 0 && older < newer) {
          for (const other of [0, older - 1, older + 1].filter((each) => each !== older))
            expect(holds({ older: other }), `${older} as ${other} to ${newer}`).toBe(false);
          expect(holds({ newer: older })).toBe(false);
          expect(holds({ olderRoot: newerRoot, newerRoot: olderRoot })).toBe(false);
        }
        for (const other of damaged(proof, [olderRoot, newerRoot, someHash]))
          expect(verifyConsistency(older, newer, other, olderRoot, newerRoot)).toBe(false);
      }
    }
  });

  test('a longer tree of which an older leaf was changed', () => {
    const leaves = leavesOf(21);
    const forked = leaves.with(4, Buffer.from('changed'));
    const proof = consistencyProof(9, 21, naive(forked));
    expect(verifyConsistency(9, 21, proof, mth(forked.slice(0, 9)), mth(forked))).toBe(true);
    expect(verifyConsistency(9, 21, proof, mth(leaves.slice(0, 9)), mth(forked))).toBe(false);
  });

  test('another root at the same size', () => {
    expect(verifyConsistency(5, 5, [], mth(leavesOf(5)), someHash)).toBe(false);
    expect(verifyConsistency(0, 0, [], someHash, someHash)).toBe(false);
    expect(verifyConsistency(0, 0, [], emptyRoot(), emptyRoot())).toBe(true);
    expect(verifyConsistency(2, 1, [], someHash, someHash)).toBe(false);
  });
});

describe('a range and its complement', () => {
  const rootOf = (leaves: readonly Uint8Array[], first: number, last: number, hashAt: HashAt): Buffer => {
    const size = leaves.length;
    const { left, right } = complement(first, last, size);
    const hashesOf = (subtrees: Subtree[]) => subtrees.map(({ level, index }) => hashAt(level, index));
    const range = new RangeRoot({ first, last, size }, hashesOf(left), hashesOf(right));
    for (const each of leaves.slice(first, last)) range.append(leafHash(each));
    return range.root();
  };

  test('tell the root, for every range of small trees', () => {
    for (let size = 0; size <= 20; size++) {
      const leaves = leavesOf(size);
      for (let first = 0; first <= size; first++)
        for (let last = first; last <= size; last++) {
          const { left, right } = complement(first, last, size);
          const covered = [...left, { level: -1, index: 0 }, ...right];
          let at = 0;
          for (const { level, index } of covered) {
            if (level >= 0) expect(index * 2 ** level).toBe(at);
            at = level < 0 ? last : at + 2 ** level;
          }
          expect(at).toBe(size);
          expect(hex(rootOf(leaves, first, last, naive(leaves)))).toBe(hex(mth(leaves)));
        }
    }
  });

  test('tell the root, for ranges drawn at random', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(), fc.nat(), (size, one, other) => {
        const leaves = leavesOf(size);
        const [first, last] = [one % (size + 1), other % (size + 1)].sort((a, b) => a - b) as [number, number];
        expect(hex(rootOf(leaves, first, last, naive(leaves)))).toBe(hex(mth(leaves)));
      }),
      { numRuns: 60 },
    );
  });

  test('tell another root where a leaf is changed, missing or moved, or a hash beside it changed', () => {
    const leaves = leavesOf(23);
    const hashAt = naive(leaves);
    const root = hex(mth(leaves));
    for (let n = 6; n < 15; n++)
      expect(hex(rootOf(leaves.with(n, Buffer.from('changed')), 6, 15, hashAt))).not.toBe(root);
    expect(hex(rootOf(leaves.with(7, leaves[8]!).with(8, leaves[7]!), 6, 15, hashAt))).not.toBe(root);
    const { left, right } = complement(6, 15, 23);
    for (const subtree of [...left, ...right])
      expect(
        hex(
          rootOf(leaves, 6, 15, (level, index) =>
            level === subtree.level && index === subtree.index ? flipped(hashAt(level, index)) : hashAt(level, index),
          ),
        ),
      ).not.toBe(root);
  });

  test('are refused where they do not fit', () => {
    const hashes = (count: number): Buffer[] => Array<Buffer>(count).fill(someHash);
    expect(() => complement(3, 2, 9)).toThrow(RangeError);
    expect(() => complement(3, 10, 9)).toThrow(RangeError);
    expect(() => complement(-1, 2, 9)).toThrow(RangeError);
    const range = { first: 3, last: 5, size: 9 };
    const { left, right } = complement(3, 5, 9);
    expect([left.length, right.length]).toEqual([2, 3]);
    expect(() => new RangeRoot(range, hashes(1), hashes(3))).toThrow(RangeError);
    expect(() => new RangeRoot(range, hashes(3), hashes(3))).toThrow(RangeError);
    expect(() => new RangeRoot(range, hashes(2), hashes(2))).toThrow(RangeError);
    expect(() => new RangeRoot(range, hashes(2), hashes(4))).toThrow(RangeError);
    expect(() => new RangeRoot(range, hashes(2), [someHash, someHash, someHash.subarray(1)])).toThrow(RangeError);
    const short = new RangeRoot(range, hashes(2), hashes(3));
    short.append(someHash);
    expect(() => short.root()).toThrow(RangeError);
    short.append(someHash);
    expect(() => short.append(someHash)).toThrow(RangeError);
    expect(short.root()).toHaveLength(32);
  });
});

describe('tiles', () => {
  /** Tiles as of C2SP tlog-tiles, the last of each level as long as it is. */
  const tilesOf = (leaves: readonly Uint8Array[]): Map<string, Buffer> => {
    const tiles = new Map<string, Buffer>();
    const frontier = new Frontier();
    for (const each of leaves)
      frontier.append(leafHash(each), 0, ({ level, index }, hash) => {
        if (level % 8 !== 0) return;
        const at = `${level / 8}/${Math.floor(index / 256)}`;
        tiles.set(at, Buffer.concat([tiles.get(at) ?? Buffer.alloc(0), hash]));
      });
    return tiles;
  };

  test.each([1, 255, 256, 257, 600, 1_030])('serve the hashes of a tree of %i leaves', (size) => {
    const leaves = leavesOf(size);
    const tiles = tilesOf(leaves);
    const hashAt = hashesOfTiles((level, index) => tiles.get(`${level}/${index}`)!);
    const root = mth(leaves);
    expect(hex(rootAt(size, hashAt))).toBe(hex(root));
    for (let level = 0; 2 ** level <= size; level++) {
      const index = Math.floor(size / 2 ** level) - 1;
      expect(hex(hashAt(level, index))).toBe(hex(naive(leaves)(level, index)));
    }
    for (const index of [0, size >> 1, size - 1])
      expect(inclusionProof(index, size, hashAt).map(hex)).toEqual(path(index, leaves).map(hex));
    for (const older of [1, size >> 1, size - 1].filter((each) => each > 0))
      expect(consistencyProof(older, size, hashAt).map(hex)).toEqual(subproof(older, leaves, true).map(hex));
    expect(() => hashAt(0, size)).toThrow();
  });
});

const python = spawnSync('python3', ['-c', 'import hashlib, sys']).status === 0;

// Another language, another author's hash: the standard library alone, one pass, a stack of subtrees.
const program = `
import hashlib, sys
stack, size = [], 0
for line in sys.stdin:
    node = hashlib.sha256(b"\\x00" + bytes.fromhex(line.strip())).digest()
    n = size
    while n & 1:
        node = hashlib.sha256(b"\\x01" + stack.pop() + node).digest()
        n >>= 1
    stack.append(node)
    size += 1
while len(stack) > 1:
    right = stack.pop()
    stack[-1] = hashlib.sha256(b"\\x01" + stack[-1] + right).digest()
print(stack[0].hex())
`;

test.skipIf(!python)(`the root is what Python makes of the same leaves${python ? '' : ' (needs python3)'}`, () => {
  const leaves = Array.from({ length: 3_001 }, (_, n) => randomBytes(n % 900));
  const ran = spawnSync('python3', ['-c', program], { input: leaves.map((each) => `${hex(each)}\n`).join('') });
  expect(ran.stderr.toString()).toBe('');
  expect(ran.stdout.toString().trim()).toBe(hex(frontierOf(leaves).root()));
});
