import { describe, expect, it } from 'vitest';
import {
  absoluteWords,
  ageWords,
  clockWords,
  expiryWords,
  milliseconds,
  relativeWords,
} from '../../src-renderer/words/moments.ts';

const now = Date.parse('2026-11-20T18:00:00Z');
const minute = 60_000;
const day = 86_400_000;

describe('moments in words', () => {
  it('reads moments with microseconds, and nothing else', () => {
    expect(milliseconds('2026-11-20T18:39:28.573421Z')).toBe(Date.parse('2026-11-20T18:39:28.573Z'));
    expect(milliseconds('soon')).toBeNull();
    expect(milliseconds(null)).toBeNull();
  });

  it.each([
    [0, 'just now'],
    [-59_000, 'just now'],
    [40_000, 'just now'],
    [-4 * minute, '4 min ago'],
    [-119 * minute, '1 h ago'],
    [-30 * 60 * minute, '1 day ago'],
    [12 * day, 'in 12 days'],
    [-90 * day, '3 months ago'],
    [7 * day - 5_000, 'in 7 days'],
    [365 * day - 5_000, 'in 12 months'],
    [729 * day, 'in 2 years'],
    [-800 * day, '2 years ago'],
  ])('says %i ms from now as "%s"', (offset, words) => {
    expect(relativeWords(now + offset, now)).toBe(words);
  });

  it('says an age without a direction, and never a negative one', () => {
    expect(ageWords(now - 3 * day, now)).toBe('3 days');
    expect(ageWords(now + 3 * day, now)).toBe('new');
  });

  it('tells overdue from soon from later from never', () => {
    expect(expiryWords(now - 4 * day, now)).toEqual({ words: 'overdue by 4 days', urgency: 'overdue' });
    expect(expiryWords(now, now)).toEqual({ words: 'overdue by under a minute', urgency: 'overdue' });
    expect(expiryWords(now + 30 * day, now)).toEqual({ words: 'in 30 days', urgency: 'soon' });
    expect(expiryWords(now + 31 * day, now)).toEqual({ words: 'in 31 days', urgency: 'later' });
    expect(expiryWords(null, now)).toEqual({ words: 'never', urgency: 'never' });
  });

  it('writes UTC first, and the time here only where it differs', () => {
    expect(absoluteWords(now, 'UTC')).toBe('20 Nov 2026, 18:00:00 UTC');
    expect(absoluteWords(now, 'Europe/Berlin')).toBe('20 Nov 2026, 18:00:00 UTC (20 Nov 2026, 19:00:00 here)');
  });
});

it('a time of today is a clock’s, another day’s names the day', () => {
  const now = Date.parse('2026-11-20T23:50:00Z');
  expect(clockWords(now + 300_000, now, 'UTC')).toBe('23:55');
  expect(clockWords(now + 900_000, now, 'UTC')).toBe('00:05 on 21 Nov 2026');
  expect(clockWords(now + 900_000, now, 'Europe/Berlin')).toBe('01:05');
});
