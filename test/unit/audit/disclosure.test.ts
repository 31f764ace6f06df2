import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disclosureDigest, makeDisclosure, readDisclosure } from '../../../src-main/core/audit/disclosure.ts';
import { FormatError } from '../../../src-main/core/audit/encoding.ts';

const encoded = (json: string | Buffer): string => Buffer.from(json as string).toString('base64url');
const salt = 'AAECAwQFBgcICQoLDA0ODw';

test.each([
  // RFC 9901 §4.2.3 hashes the disclosure of §4.2.1; §4.2.2 an array's element.
  [
    'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0',
    'X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0',
  ],
  ['WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0', 'w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs'],
])('the digest of %s is the one of RFC 9901', (disclosure, digest) => {
  expect(disclosureDigest(disclosure)).toBe(digest);
  // It hashes the text as it stands; as a disclosure of ours, with spaces and another salt, it is not read.
  expect(() => readDisclosure(disclosure)).toThrow(FormatError);
});

describe('a disclosure', () => {
  test('is read as it was made, whatever its value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 4 }), (name, value) => {
        const disclosure = makeDisclosure(name, value as never);
        const read = readDisclosure(disclosure);
        expect(read.name).toBe(name);
        expect(JSON.stringify(read.value)).toBe(JSON.stringify(JSON.parse(JSON.stringify(read.value))));
        expect(Buffer.from(read.salt, 'base64url')).toHaveLength(16);
        expect(disclosureDigest(disclosure)).toMatch(/^[\w-]{43}$/);
      }),
    );
    expect(readDisclosure(makeDisclosure('actor', { id: 'a', email: 'zoë@example.com' }))).toMatchObject({
      name: 'actor',
      value: { id: 'a', email: 'zoë@example.com' },
    });
    expect(readDisclosure(encoded(`["${salt}","changes",[{"after":1.5}]]`)).value).toEqual([{ after: 1.5 }]);
  });

  test('of the same twice has two digests', () => {
    const digests = Array.from({ length: 100 }, () => disclosureDigest(makeDisclosure('reason', 'yes')));
    expect(new Set(digests).size).toBe(100);
  });

  test.each([
    ['a space', encoded(`["${salt}", "reason","x"]`)],
    ['two elements', encoded(`["${salt}","x"]`)],
    ['four elements', encoded(`["${salt}","reason","x","y"]`)],
    ['no array', encoded(`{"0":"${salt}","1":"reason","2":"x"}`)],
    ['a short salt', encoded(`["${salt.slice(0, 20)}","reason","x"]`)],
    ['a long salt', encoded(`["${salt}AA","reason","x"]`)],
    ['a salt with other last bits', encoded(`["${salt.slice(0, -1)}x","reason","x"]`)],
    ['a salt with padding', encoded(`["${salt}==","reason","x"]`)],
    ['a salt that is a number', encoded('[1,"reason","x"]')],
    ['a name that is a number', encoded(`["${salt}",1,"x"]`)],
    ['the name of the digests', encoded(`["${salt}","_sd","x"]`)],
    ['the name of an element', encoded(`["${salt}","...","x"]`)],
    ['names out of order', encoded(`["${salt}","actor",{"id":1,"email":2}]`)],
    ['a name twice', encoded(`["${salt}","actor",{"id":1,"id":1}]`)],
    ['no UTF-8', encoded(Buffer.concat([Buffer.from(`["${salt}","reason","`), Buffer.of(0xff), Buffer.from('"]')]))],
    ['padding', `${encoded(`["${salt}","reason","xy"]`)}=`],
    ['a newline', `${encoded(`["${salt}","reason","x"]`)}\n`],
    ['base64', Buffer.from(`["${salt}","reason","??>>ü"]`).toString('base64').replaceAll('=', '')],
    ['a character of no alphabet', `${encoded(`["${salt}","reason","x"]`)}!`],
    ['nothing', ''],
  ])('with %s is none', (_, disclosure) => {
    expect(() => readDisclosure(disclosure)).toThrow(FormatError);
  });

  test('with those spellings mended is one', () => {
    expect(readDisclosure(encoded(`["${salt}","reason","??>>ü"]`))).toEqual({ salt, name: 'reason', value: '??>>ü' });
  });
});
