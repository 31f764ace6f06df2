import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRoute, home, href, parseRoute, places } from '../../src-renderer/navigation/route.ts';

describe('routes in the address', () => {
  it('reads a place, what is open in it, and its filters', () => {
    expect(parseRoute('#/people/0190-a?state=active&role=')).toEqual({
      place: 'people',
      open: '0190-a',
      filters: { state: 'active' },
    });
  });

  it.each(['', '#', '#/', '#/nowhere/1', '#token=abc', '#/people%', '%%%'])('leads home from %j', (hash) => {
    expect(parseRoute(hash)).toEqual(home);
  });

  it('takes an id that cannot be decoded for none', () => {
    expect(parseRoute('#/keys/%E0%A4%A')).toEqual({ place: 'keys', open: null, filters: {} });
  });

  it('leaves out empty filters', () => {
    expect(href('keys', null, { state: '', search: 'a b' })).toBe('#/keys?search=a+b');
  });

  it('reads back whatever it writes', () => {
    const filled = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.option(filled),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), filled, { noNullPrototype: true }),
        (place, open, filters) => {
          expect(parseRoute(formatRoute({ place, open, filters }))).toEqual({ place, open, filters });
        },
      ),
    );
  });
});
