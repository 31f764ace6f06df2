import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FormatError } from '../../../src-main/core/audit/encoding.ts';
import {
  addSignature,
  type NoteSigner,
  noteSigner,
  openNote,
  readVerifierKey,
  signNote,
  UnverifiedNote,
} from '../../../src-main/core/audit/note.ts';

/** The example of Go's sumdb/note, the first implementation of the format: a published key pair and what it signed. */
const published = {
  /** 0x01 and the seed: the last part of `PRIVATE+KEY+PeterNeumann+c74f20a3+…`. */
  key: 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  signature: 'x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=',
};
const publishedNote = `${published.text}\n— PeterNeumann ${published.signature}\n`;

/** The example of C2SP signed-note. Its public key is not published. */
const quasimodo = [
  'Ognuno sta solo sul cuor della terra',
  'trafitto da un raggio di sole:',
  '',
  'ed è subito sera.',
  '',
  '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=',
  '',
].join('\n');

const fromSeed = (seed: Buffer): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
const signerOf = (name: string): NoteSigner => noteSigner(name, generateKeyPairSync('ed25519').privateKey);
const reasonOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof UnverifiedNote) return error.reason;
    if (error instanceof FormatError) return 'format';
    throw error;
  }
  return 'opened';
};

describe('the published examples', () => {
  const signer = noteSigner('PeterNeumann', fromSeed(Buffer.from(published.key, 'base64').subarray(1)));

  test('are signed to the byte, with the published id and verifier key', () => {
    expect(signer.id).toBe('c74f20a3');
    expect(signer.vkey).toBe(published.vkey);
    expect(signNote(published.text, signer)).toBe(publishedNote);
  });

  test('open with the published key', () => {
    const key = readVerifierKey(published.vkey);
    expect(openNote(publishedNote, [key])).toEqual({ text: published.text, signers: [key] });
    expect(openNote(Buffer.from(publishedNote), [key]).signers[0]?.name).toBe('PeterNeumann');
  });

  test('of C2SP reads to its last empty line, by the key id in its signature', () => {
    const poem = quasimodo.slice(0, quasimodo.lastIndexOf('\n—'));
    const own = signerOf('latchkey.local/o/central');
    expect(openNote(addSignature(quasimodo, own), [own]).text).toBe(poem);
    expect(reasonOf(() => openNote(quasimodo, [own]))).toBe('unknown');
    const claimed = { ...own, name: 'quasimodo.example/salvatore', id: '367ba04b' };
    expect(reasonOf(() => openNote(quasimodo, [claimed]))).toBe('wrong');
    expect(reasonOf(() => openNote(quasimodo, [{ ...claimed, id: '367ba04c' }]))).toBe('unknown');
    expect(reasonOf(() => openNote(quasimodo, [{ ...claimed, name: 'quasimodo.example' }]))).toBe('unknown');
  });
});

describe('verifier keys', () => {
  test('that were changed anywhere are refused', () => {
    expect(readVerifierKey(published.vkey).vkey).toBe(published.vkey);
    for (let n = 0; n < published.vkey.length; n++) {
      const changed = String.fromCharCode(published.vkey.charCodeAt(n) + 1);
      expect(
        reasonOf(() => readVerifierKey(published.vkey.slice(0, n) + changed + published.vkey.slice(n + 1))),
        `at ${n}`,
      ).toBe('format');
      expect(reasonOf(() => readVerifierKey(published.vkey.slice(0, n)))).toBe('format');
    }
  });

  test.each([
    ['a key too long, under its own id', 'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=='],
    ['another algorithm, under its own id', 'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'],
    ['an id in capitals', published.vkey.replace('c74f20a3', 'C74F20A3')],
    ['a newline at the end', `${published.vkey}\n`],
    ['no name', published.vkey.replace('PeterNeumann', '')],
  ])('with %s are refused', (_, vkey) => {
    expect(reasonOf(() => readVerifierKey(vkey))).toBe('format');
  });

  test.each(['', 'a b', 'a+b', 'a\nb', 'a\u00a0b', 'a\u2003', 'a\u0085', 'a\u0000', '\ud800'])(
    'have no name such as %j',
    (name) => {
      expect(reasonOf(() => signerOf(name))).toBe('format');
    },
  );

  test('are of Ed25519', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(reasonOf(() => noteSigner('name', privateKey))).toBe('format');
    expect(reasonOf(() => noteSigner('name', generateKeyPairSync('ed25519').publicKey))).toBe('format');
  });
});

describe('a note', () => {
  const [one, other, stranger] = [signerOf('log'), signerOf('log'), signerOf('stranger')];
  const text = 'first\n\nlast — ünï\n';
  const note = signNote(text, one);

  test('opens by any of several keys of one name, and names who signed', () => {
    const both = addSignature(note, other);
    expect(openNote(note, [one, other])).toEqual({ text, signers: [one] });
    expect(openNote(both, [one, other])).toEqual({ text, signers: [one, other] });
    expect(openNote(both, [other])).toEqual({ text, signers: [other] });
    expect(openNote(addSignature(note, stranger), [one])).toEqual({ text, signers: [one] });
    expect(reasonOf(() => openNote(both, [stranger]))).toBe('unknown');
    expect(reasonOf(() => openNote(both, []))).toBe('unknown');
  });

  test('has each signature added once', () => {
    expect(addSignature(note, one)).toBe(note);
    const both = addSignature(note, other);
    expect(addSignature(both, one)).toBe(both);
    expect(addSignature(both, other)).toBe(both);
    expect(openNote(`${note}${note.slice(text.length + 1)}`, [one]).signers).toEqual([one]);
  });

  test('is refused where a known key’s signature is wrong, whoever else signed', () => {
    const wrong = signNote('something else\n', one).split('\n').at(-2);
    expect(reasonOf(() => openNote(`${note}${wrong}\n`, [one]))).toBe('wrong');
    const spoilt = addSignature(`${text}\n${wrong}\n`, other);
    expect(reasonOf(() => openNote(spoilt, [one, other]))).toBe('wrong');
    expect(openNote(spoilt, [other]).signers).toEqual([other]);
  });

  test('is refused where another key stands under a known id, and opens where both do', () => {
    const impostor = { ...other, id: one.id };
    const forged = signNote(text, impostor);
    expect(reasonOf(() => openNote(forged, [one]))).toBe('wrong');
    expect(openNote(forged, [one, impostor]).signers).toEqual([impostor]);
    expect(openNote(note, [impostor, one]).signers).toEqual([one]);
  });

  test('is refused with a signature of another length', () => {
    const bytes = Buffer.from(note.slice(0, -1).split(' ').at(-1)!, 'base64');
    const signed = (signature: Buffer) => `${text}\n— log ${signature.toString('base64')}\n`;
    expect(openNote(signed(bytes), [one]).text).toBe(text);
    expect(reasonOf(() => openNote(signed(bytes.subarray(0, -1)), [one]))).toBe('wrong');
    expect(reasonOf(() => openNote(signed(Buffer.concat([bytes, Buffer.of(0)])), [one]))).toBe('wrong');
    expect(reasonOf(() => openNote(signed(bytes.subarray(0, 5)), [one]))).toBe('wrong');
    expect(reasonOf(() => openNote(signed(bytes.subarray(0, 4)), [one]))).toBe('format');
  });

  test('may have a hundred signatures and no more', () => {
    const filler = note.replace('log', 'stranger').slice(text.length + 1);
    const hundred = note + filler.repeat(99);
    expect(openNote(hundred, [one]).signers).toEqual([one]);
    expect(reasonOf(() => openNote(hundred + filler, [one]))).toBe('format');
    expect(reasonOf(() => addSignature(hundred, other))).toBe('format');
    expect(addSignature(hundred, one)).toBe(hundred);
  });

  const line = note.slice(text.length + 1);
  test.each([
    ['nothing', ''],
    ['no signature', `${text}\n`],
    ['no empty line', `first\n${line}`],
    ['no text', `\n${line}`],
    ['no last newline', note.slice(0, -1)],
    ['a hyphen for the dash', note.replace('— log', '- log')],
    ['a hyphen among the dashes', `${note}${line.replace('—', '-')}`],
    ['two spaces', note.replace('— log', '—  log')],
    ['no space', note.replace('— log', '—log')],
    ['a space after', note.replace(/\n$/, ' \n')],
    ['a plus in a name', `${note}${line.replace('log', 'l+og')}`],
    ['a no-break space in a name', `${note}${line.replace('log', 'l\u00a0og')}`],
    ['no padding', note.replace('=', '')],
    ['base64url', `${note}— other ${Buffer.alloc(68, 0xff).toString('base64url')}\n`],
    ['a tab', note.replace('first', 'fir\tst')],
    ['a carriage return', note.replaceAll('\n', '\r\n')],
    ['a null', note.replace('first', 'fir\u0000st')],
    ['a null in the signatures', note.replace('— log', '— log\u0000')],
    ['half a surrogate pair', note.replace('first', 'first\ud800')],
  ])('with %s is none', (_, changed) => {
    expect(changed).not.toBe(note);
    expect(reasonOf(() => openNote(changed, [one]))).toBe('format');
    expect(reasonOf(() => addSignature(changed, other))).toBe('format');
  });

  test('of invalid UTF-8 is none', () => {
    const bytes = Buffer.from(note);
    for (const sequence of ['80', 'c3', 'c0af', 'eda080', 'f4908080', 'ff'])
      expect(reasonOf(() => openNote(Buffer.concat([Buffer.from(sequence, 'hex'), bytes]), [one]))).toBe('format');
  });

  test.each(['', 'no newline', 'tab\t\n', 'return\r\n', '\ud800\n', 'escape\u001b\n'])('is not made of %j', (bad) => {
    expect(reasonOf(() => signNote(bad, one))).toBe('format');
  });

  test('does not open to anything else, whichever byte is changed', () => {
    const bytes = Buffer.from(note);
    for (let n = 0; n < bytes.length; n++)
      for (const bit of [0x01, 0x20, 0x80]) {
        const changed = Buffer.from(bytes);
        changed[n]! ^= bit;
        expect(
          reasonOf(() => openNote(changed, [one])),
          `byte ${n}`,
        ).not.toBe('opened');
      }
  });

  test('signed opens, whatever it says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.constantFrom('', 'a', '— log b')), (said, lines) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what no note may hold.
        const whole = `${[said, ...lines].join('\n').replaceAll(/[\u0000-\u0009\u000b-\u001f]/g, '')}\n`;
        expect(openNote(Buffer.from(addSignature(signNote(whole, one), other)), [one, other]).text).toBe(whole);
      }),
      { numRuns: 100 },
    );
  });
});
