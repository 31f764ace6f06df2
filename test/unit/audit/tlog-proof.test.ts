import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { centralLogName, openCheckpoint, signCheckpoint } from '../../../src-main/core/audit/checkpoint.ts';
import { FormatError } from '../../../src-main/core/audit/encoding.ts';
import { inclusionProof, leafHash, nodeHash, verifyInclusion } from '../../../src-main/core/audit/merkle.ts';
import { noteSigner } from '../../../src-main/core/audit/note.ts';
import { logProofText, readLogProof } from '../../../src-main/core/audit/tlog-proof.ts';

/** The example of C2SP tlog-proof, which leaves out most of its signatures. */
const published = [
  'c2sp.org/tlog-proof@v1',
  'index 73894',
  'gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=',
  'B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=',
  'EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=',
  'RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=',
  'AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=',
  '',
  'example.com/fancylog',
  '109482',
  'sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=',
  '',
  '— example.com/fancylog hI2DJw[...]1roloI=',
  '',
].join('\n');
const withExtra = published.replace('index', 'extra YWdl\nindex');

describe('a proof', () => {
  test('is read and written as in the example of C2SP', () => {
    const proof = readLogProof(published);
    expect(proof.index).toBe(73_894);
    expect(proof.extra).toBeUndefined();
    expect(proof.hashes.map((hash) => Buffer.from(hash).toString('hex').slice(0, 8))).toEqual([
      '8122b25e',
      '07de650d',
      '10a373a0',
      '468a2912',
      '0070a2a1',
    ]);
    expect(proof.checkpoint.startsWith('example.com/fancylog\n109482\n')).toBe(true);
    expect(logProofText(proof)).toBe(published);
    expect(Buffer.from(readLogProof(withExtra).extra!).toString()).toBe('age');
    expect(logProofText(readLogProof(withExtra))).toBe(withExtra);
  });

  test('proves a leaf offline', () => {
    const name = centralLogName('acme');
    const signer = noteSigner(name, generateKeyPairSync('ed25519').privateKey);
    const leaves = ['zero', 'one', 'two'].map((each) => leafHash(Buffer.from(each)));
    const hashAt = (level: number, index: number) => (level === 0 ? leaves[index]! : nodeHash(leaves[0]!, leaves[1]!));
    const root = nodeHash(nodeHash(leaves[0]!, leaves[1]!), leaves[2]!);
    const checkpoint = signCheckpoint({ origin: name, size: 3, root }, signer);
    for (const [index, leaf] of leaves.entries()) {
      const read = readLogProof(logProofText({ index, hashes: inclusionProof(index, 3, hashAt), checkpoint }));
      const head = openCheckpoint(read.checkpoint, name, [signer]);
      expect(verifyInclusion(leaf, read.index, head.size, read.hashes, head.root)).toBe(true);
      expect(verifyInclusion(leaves[(index + 1) % 3]!, read.index, head.size, read.hashes, head.root)).toBe(false);
    }
  });

  test('of the only leaf has no hashes', () => {
    expect(readLogProof('c2sp.org/tlog-proof@v1\nindex 0\n\nnote\n')).toEqual({
      index: 0,
      hashes: [],
      checkpoint: 'note\n',
    });
  });

  const hash = 'gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=';
  test.each([
    ['another version', published.replace('@v1', '@v2')],
    ['no version', published.slice(published.indexOf('\n') + 1)],
    ['no index', published.replace('index 73894\n', '')],
    ['the extra after the index', published.replace('index 73894', 'index 73894\nextra YWdl')],
    ['two extras', withExtra.replace('extra YWdl', 'extra YWdl\nextra YWdl')],
    ['an empty extra', published.replace('index', 'extra \nindex')],
    ['an extra in other bits', withExtra.replace('YWdl', 'YWd')],
    ['a leading zero', published.replace('73894', '073894')],
    ['a sign', published.replace('73894', '+73894')],
    ['a space after the index', published.replace('73894', '73894 ')],
    ['2^53', published.replace('73894', '9007199254740992')],
    ['a short hash', published.replace('gSKy', '')],
    ['a hash in other bits', published.replace('PlQ=', 'PlR=')],
    ['base64url', published.replace('gSKy', 'g-Ky')],
    ['64 hashes', published.replace(hash, Array(60).fill(hash).join('\n'))],
    ['carriage returns', published.replaceAll('\n', '\r\n')],
    ['no checkpoint', published.slice(0, published.indexOf('\n\n') + 2)],
    ['no empty line', published.replaceAll('\n\n', '\n')],
    ['two empty lines', published.replace('\n\n', '\n\n\n')],
    ['no last newline', published.slice(0, -1)],
    ['nothing', ''],
  ])('with %s is none', (_, text) => {
    expect(text).not.toBe(published);
    expect(() => readLogProof(text)).toThrow(FormatError);
  });

  test('of 63 hashes is one', () => {
    expect(readLogProof(published.replace(hash, Array(59).fill(hash).join('\n'))).hashes).toHaveLength(63);
  });

  test('is not made of what could not be read', () => {
    const proof = readLogProof(published);
    for (const change of [
      { index: -1 },
      { index: 0.5 },
      { hashes: [Buffer.alloc(31)] },
      { hashes: Array(64).fill(Buffer.alloc(32)) },
      { checkpoint: '' },
      { checkpoint: '\nnote\n' },
      { checkpoint: 'note' },
      { extra: Buffer.alloc(0) },
    ])
      expect(() => logProofText({ ...proof, ...change })).toThrow(FormatError);
  });
});
