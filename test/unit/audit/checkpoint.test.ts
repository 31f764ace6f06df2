import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  centralLogName,
  checkpointText,
  deviceLogName,
  openCheckpoint,
  readCheckpoint,
  signCheckpoint,
} from '../../../src-main/core/audit/checkpoint.ts';
import { FormatError } from '../../../src-main/core/audit/encoding.ts';
import { emptyRoot } from '../../../src-main/core/audit/merkle.ts';
import { addSignature, noteSigner, signNote, UnverifiedNote } from '../../../src-main/core/audit/note.ts';

const root = Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64');
/** The example of C2SP tlog-checkpoint. */
const sofa = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
const signerOf = (name: string) => noteSigner(name, generateKeyPairSync('ed25519').privateKey);

describe('a checkpoint', () => {
  test('is read and written as in the example of C2SP', () => {
    expect(readCheckpoint(sofa)).toEqual({ origin: 'example.com/behind-the-sofa', size: 20_852_163, root });
    expect(checkpointText(readCheckpoint(sofa))).toBe(sofa);
    const note = `${sofa}\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n`;
    const witness = signerOf('example.com/behind-the-sofa');
    expect(openCheckpoint(addSignature(note, witness), witness.name, [witness])).toEqual({
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
      root,
      signers: [witness],
    });
  });

  const bodies: [string, string][] = [
    ['no lines', ''],
    ['two lines', 'o\n1\n'],
    ['no origin', sofa.replace('example.com/behind-the-sofa', '')],
    ['no last newline', sofa.slice(0, -1)],
    ['an extension line', `${sofa}more\n`],
    ['an empty line after', `${sofa}\n`],
    ['a leading zero', sofa.replace('2085', '02085')],
    ['a sign', sofa.replace('2085', '+2085')],
    ['a minus', sofa.replace('2085', '-2085')],
    ['an exponent', sofa.replace('20852163', '2e7')],
    ['hexadecimal', sofa.replace('20852163', '0x1')],
    ['a fraction', sofa.replace('20852163', '1.0')],
    ['a space', sofa.replace('20852163', ' 20852163')],
    ['other digits', sofa.replace('20852163', '٢')],
    ['no size', sofa.replace('20852163', '')],
    ['2^53', sofa.replace('20852163', '9007199254740992')],
    ['a size beyond counting', sofa.replace('20852163', '9'.repeat(400))],
    ['no padding', sofa.replace('=', '')],
    ['other last bits', sofa.replace('q2I=', 'q2J=')],
    ['base64url', sofa.replace('m/X', 'm_X')],
    ['a short root', sofa.replace('CsUY', '')],
    ['a long root', sofa.replace('CsUY', 'CsUYCsUY')],
    ['a root that is not the empty tree’s', sofa.replace('20852163', '0')],
  ];
  test.each(bodies)('with %s is none', (_, body) => {
    expect(body).not.toBe(sofa);
    expect(() => readCheckpoint(body)).toThrow(FormatError);
  });

  test('is of the empty tree, or of the largest', () => {
    for (const each of [
      { origin: 'o', size: 0, root: emptyRoot() },
      { origin: 'o', size: 2 ** 53 - 1, root },
    ])
      expect(readCheckpoint(checkpointText(each))).toEqual(each);
  });

  test('is not made of what could not be read', () => {
    for (const change of [
      { origin: '' },
      { origin: 'a\nb' },
      { size: -1 },
      { size: 1.5 },
      { size: 2 ** 53 },
      { root: root.subarray(1) },
    ])
      expect(() => checkpointText({ origin: 'o', size: 1, root, ...change })).toThrow(FormatError);
  });
});

describe('a signed checkpoint', () => {
  const central = centralLogName('acme');
  const [one, other] = [signerOf(central), signerOf(central)];
  const device = signerOf(deviceLogName('acme', 'd7'));
  const head = { origin: central, size: 7, root };

  test('opens for its log, by any of the keys of its name', () => {
    const note = addSignature(signCheckpoint(head, one), other);
    expect(openCheckpoint(note, central, [device, other])).toEqual({ ...head, signers: [other] });
    expect(openCheckpoint(Buffer.from(note), central, [one, other]).signers).toEqual([one, other]);
  });

  test('is not vouched for by a key of another log', () => {
    expect(() => signCheckpoint(head, device)).toThrow(FormatError);
    const note = signNote(checkpointText(head), device);
    expect(() => openCheckpoint(note, central, [device, one])).toThrow(UnverifiedNote);
    expect(() => openCheckpoint(note, device.name, [device])).toThrow(FormatError);
  });

  test('of another log is refused under this one’s key', () => {
    const note = signNote(checkpointText({ ...head, origin: centralLogName('other') }), one);
    expect(() => openCheckpoint(note, central, [one])).toThrow(FormatError);
  });
});

test('logs are named by their organization and device, whatever those are called', () => {
  expect(deviceLogName('acme', 'd7')).toBe('latchkey.local/acme/d/d7');
  expect(centralLogName('acme')).toBe('latchkey.local/acme/central');
  expect(deviceLogName('a/b c+ü', 'd\n1')).toBe('latchkey.local/a%2Fb%20c%2B%C3%BC/d/d%0A1');
  expect(signerOf(deviceLogName('a/b c+ü', 'd\n1')).name).toBe(deviceLogName('a/b c+ü', 'd\n1'));
  expect(deviceLogName('a', 'b/d/c')).not.toBe(deviceLogName('a/d/b', 'c'));
});
