import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalText,
  readCanonical,
  readCanonicalObject,
  sha256Hex,
} from '../../../src-main/core/audit/canonical.ts';
import { FormatError } from '../../../src-main/core/audit/encoding.ts';
import type { Json } from '../../../src-main/core/command/intent.ts';

const utf8 = (text: string): Buffer => Buffer.from(text);

describe('the samples of RFC 8785', () => {
  test('of §3.2.2 and §3.2.3: numbers, strings, literals, and their order', () => {
    const parsed = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    const text = String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`;
    expect(canonicalText(parsed)).toBe(text);
    expect(readCanonical(utf8(text))).toEqual(parsed);
    expect(() => readCanonicalObject(utf8(text))).toThrow('no integer');
  });

  test('of §3.2.4: the very bytes', () => {
    const hex = [
      '7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72',
      '75 65 2c 66 61 6c 73 65 5d 2c 22 6e 75 6d 62 65 72 73 22 3a',
      '5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31',
      '65 2b 33 30 2c 34 2e 35 2c 30 2e 30 30 32 2c 31 65 2d 32 37',
      '5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2 82 ac 24 5c 75 30 30',
      '30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d',
    ].join(' ');
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(utf8(canonicalText(readCanonical(bytes))).equals(bytes)).toBe(true);
  });

  test('of §3.2.3: names in order of UTF-16 units', () => {
    const sorted: [string, string][] = [
      ['\r', 'Carriage Return'],
      ['1', 'One'],
      ['\u0080', 'Control'],
      ['\u00f6', 'Latin Small Letter O With Diaeresis'],
      ['\u20ac', 'Euro Sign'],
      ['\ud83d\ude00', 'Emoji: Grinning Face'],
      ['\ufb33', 'Hebrew Letter Dalet With Dagesh'],
    ];
    const text = `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:"${value}"`).join(',')}}`;
    expect(canonicalText(Object.fromEntries(sorted.toReversed()))).toBe(text);
    expect(Object.values(readCanonicalObject(utf8(text))).toSorted()).toEqual(
      sorted.map(([, value]) => value).toSorted(),
    );
    // As code points or as UTF-8 bytes the last two would change places.
    const byCodePoint = [...sorted.slice(0, 5), sorted[6]!, sorted[5]!];
    const other = `{${byCodePoint.map(([name, value]) => `${JSON.stringify(name)}:"${value}"`).join(',')}}`;
    expect(() => readCanonicalObject(utf8(other))).toThrow(FormatError);
  });

  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('of appendix B: %s is %s', (ieee, text) => {
    const number = Buffer.from(ieee, 'hex').readDoubleBE();
    expect(canonicalText([number])).toBe(`[${text}]`);
    expect(readCanonical(utf8(`[${text}]`))).toEqual([number === 0 ? 0 : number]);
    const entry = utf8(`{"n":${text}}`);
    if (number === 0) expect(readCanonicalObject(entry)).toEqual({ n: 0 });
    else expect(() => readCanonicalObject(entry)).toThrow(FormatError);
  });

  test('of appendix B: what is no number has no text', () => {
    for (const ieee of ['7fffffffffffffff', '7ff0000000000000'])
      expect(() => canonicalText(Buffer.from(ieee, 'hex').readDoubleBE())).toThrow();
  });
});

describe('the reader of entries', () => {
  const entry =
    '{"_sd":["a","b"],"act":"key.rotate","mono":["9f",81234],"obj":{"id":"7","t":"api_keys"},"out":"ok","seq":41}';

  test.each([
    '{}',
    entry,
    '{"":0}',
    '{"a":-1,"b":9007199254740991,"c":-9007199254740991,"d":null,"e":[true,false,{}],"f":[]}',
    '{"s":"\u2028\u2029\u007f\u0080/é😀\ufeff\\b\\t\\n\\f\\r\\u0000\\u001f\\"\\\\"}',
    // V8 would list the names that are numbers by their size, and these first.
    '{"!":0,"1":0,"10":0,"2":0,"a":0}',
    '{"10":{"10":1,"9":2},"9":0}',
    '{"__proto__":{"a":1},"constructor":0,"toJSON":1}',
    '{"a":"\\\\ud800","b":"\\\\u0041"}',
    '{"e\u0301":1,"é":2}',
  ])('reads %s', (text) => {
    expect(readCanonicalObject(utf8(text))).toEqual(JSON.parse(text));
    expect(readCanonical(utf8(text))).toEqual(JSON.parse(text));
  });

  test.each([
    ['a space after', `${entry} `],
    ['a newline after', `${entry}\n`],
    ['a carriage return after', `${entry}\r\n`],
    ['a byte order mark', `\ufeff${entry}`],
    ['a space within', entry.replace(':41', ': 41')],
    ['names in another order', entry.replace('"id":"7","t":"api_keys"', '"t":"api_keys","id":"7"')],
    ['a name twice', entry.replace('"seq":41', '"seq":41,"seq":41')],
    ['a name twice, escaped once', entry.replace('"seq":41', '"se\\u0071":40,"seq":41')],
    ['a number’s name out of order', '{"2":0,"10":0}'],
    ['a number’s name twice', '{"10":0,"10":0}'],
    ['__proto__ twice', '{"__proto__":{},"__proto__":{}}'],
    ['__proto__ out of order', '{"a":0,"__proto__":{}}'],
    ['a fraction of nothing', entry.replace('41', '41.0')],
    ['a fraction', entry.replace('41', '41.5')],
    ['an exponent', entry.replace('41', '4e1')],
    ['nothing less than nothing', entry.replace('41', '-0')],
    ['a leading zero', entry.replace('41', '041')],
    ['a plus', entry.replace('41', '+41')],
    ['2^53', entry.replace('41', '9007199254740992')],
    ['-2^53', entry.replace('41', '-9007199254740992')],
    ['2^53 + 1', entry.replace('41', '9007199254740993')],
    ['1e21', entry.replace('41', '1e+21')],
    ['no finite number', entry.replace('41', '1e999')],
    ['NaN', entry.replace('41', 'NaN')],
    ['an escape of a letter', entry.replace('ok', '\\u006fk')],
    ['an escape in capitals', entry.replace('ok', '\\u001F')],
    ['the long escape of a newline', entry.replace('ok', '\\u000a')],
    ['an escaped solidus', entry.replace('ok', '\\/')],
    ['an escape of U+2028', entry.replace('ok', '\\u2028')],
    ['an escaped surrogate pair', entry.replace('ok', '\\ud83d\\ude00')],
    ['half a surrogate pair', entry.replace('ok', '\\ud800')],
    ['the other half', entry.replace('ok', '\\udc00')],
    ['half a surrogate pair in a name', entry.replace('"seq"', '"seq\\udead"')],
    ['a bare newline', entry.replace('ok', 'o\nk')],
    ['a comma too many', entry.replace('},', ',},')],
    ['single quotes', entry.replaceAll('"', "'")],
    ['a comment', entry.replace('{', '{/**/')],
    ['a second value', `${entry}{}`],
    ['a cut end', entry.slice(0, -1)],
    ['a null after', `${entry}\u0000`],
    ['nothing', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"a"'],
    ['a number', '1'],
  ])('refuses %s', (_, text) => {
    expect(text).not.toBe(entry);
    expect(() => readCanonicalObject(utf8(text))).toThrow(FormatError);
  });

  test.each(['80', 'c3', 'c0af', 'eda080', 'edb080', 'eda0bdedb880', 'f4908080', 'f8888080', 'ff', 'e282'])(
    'refuses the bytes %s, which are no UTF-8',
    (sequence) => {
      const bytes = Buffer.concat([utf8('{"a":"'), Buffer.from(sequence, 'hex'), utf8('"}')]);
      expect(() => readCanonicalObject(bytes)).toThrow('UTF-8');
    },
  );

  test('refuses every other value of every byte of an entry, unless it is another entry’s', () => {
    const bytes = utf8(entry);
    let others = 0;
    for (let n = 0; n < bytes.length; n++)
      for (let bit = 1; bit < 256; bit *= 2) {
        const changed = Buffer.from(bytes);
        changed[n]! ^= bit;
        try {
          expect(canonicalText(readCanonicalObject(changed))).toBe(changed.toString());
          others++;
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }
    expect(others).toBeGreaterThan(100);
    expect(others).toBeLessThan(bytes.length * 8);
  });

  test('reads so many levels and refuses one more, or a hundred thousand', () => {
    const nested = (levels: number) => utf8(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`);
    expect(readCanonicalObject(nested(200))).toHaveProperty('a');
    expect(() => readCanonicalObject(nested(201))).toThrow(FormatError);
    expect(() => readCanonicalObject(nested(100_000))).toThrow(FormatError);
    expect(() => readCanonical(utf8('['.repeat(100_000) + ']'.repeat(100_000)))).toThrow(FormatError);
    expect(() => readCanonical(utf8('['.repeat(1_000_000)))).toThrow(FormatError);
  });
});

describe('whatever the value', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('1', '10', '2', '__proto__', '_sd', '😀', '\ufb33'),
  );
  const { json } = fc.letrec<{ json: Json }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, false, 0, -1, 2 ** 53 - 1),
      fc.maxSafeInteger(),
      fc.string({ unit: 'binary' }),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(name, tie('json'), { maxKeys: 5, noNullPrototype: true }),
    ),
  }));
  const object = fc.dictionary(name, json, { maxKeys: 6, noNullPrototype: true });

  test('its canonical bytes are read, as the same value', () => {
    fc.assert(
      fc.property(object, (value) => {
        const text = canonicalText(value);
        expect(canonicalText(readCanonicalObject(utf8(text)))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test('any other writing of it is refused', () => {
    fc.assert(
      fc.property(object, fc.integer({ min: 0, max: 3 }), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        if (text === canonicalText(value)) expect(readCanonicalObject(utf8(text))).toEqual(JSON.parse(text));
        else expect(() => readCanonicalObject(utf8(text))).toThrow(FormatError);
      }),
      { numRuns: 500 },
    );
  });

  test('any number is read in its one spelling', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const text = canonicalText([number]);
        expect(readCanonical(utf8(text))).toEqual([number === 0 ? 0 : number]);
        const spelled = `[${number.toExponential()}]`;
        if (spelled !== text) expect(() => readCanonical(utf8(spelled))).toThrow(FormatError);
      }),
      { numRuns: 500 },
    );
  });
});

test('half a surrogate pair and what is not JSON have no canonical text', () => {
  expect(() => canonicalText(['\ud800'])).toThrow();
  expect(() => canonicalText({ '\udc00': 1 })).toThrow();
  expect(() => canonicalText(undefined as unknown as Json)).toThrow(TypeError);
});

test('SHA-256 is that of FIPS 180-2, over UTF-8', () => {
  expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(sha256Hex('é')).toBe('4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c');
});
