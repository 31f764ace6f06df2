import { describe, expect, it } from 'vitest';
import type { AuditItem } from '../../src-main/contract/audit.ts';
import type { KeyDetail } from '../../src-main/contract/keys.ts';
import type { Lane } from '../../src-main/contract/log.ts';
import { auditFilter, chipsOf } from '../../src-renderer/features/audit/audit-filter.ts';
import { barsIn, barsOf, countOf, daysOf, movedEnd } from '../../src-renderer/features/audit/histogram.ts';
import { drawingOf, lastOf, spanOf } from '../../src-renderer/features/audit/lanes.ts';
import { byMonth, keyMoments, lifeOf } from '../../src-renderer/features/audit/life.ts';
import { exportName } from '../../src-renderer/features/audit/save-export.ts';
import { dayWords, monthWords, zonedWords } from '../../src-renderer/words/moments.ts';

describe('the histogram', () => {
  const all = { from: '2026-11-01', to: '2026-11-10' };
  const bars = barsOf(
    [
      { day: '2026-11-03', count: 4 },
      { day: '2026-11-05', count: 2 },
    ],
    all,
  );

  it('has a bar for every day, also for those without entries', () => {
    expect(bars.map(({ from }) => from)).toHaveLength(10);
    expect(bars[2]).toEqual({ from: '2026-11-03', to: '2026-11-03', count: 4 });
    expect(bars[3]?.count).toBe(0);
    expect(barsOf([], all)).toHaveLength(10);
    expect(barsOf([{ day: '', count: 3 }], { from: '', to: '' })).toEqual([]);
  });

  it('puts days together where there are more than can be told apart, and loses none', () => {
    const years = barsOf([{ day: '1970-01-01', count: 1 }, ...[{ day: '2026-11-10', count: 5 }]], all);
    expect(years.length).toBeLessThanOrEqual(190);
    expect(countOf(years, { from: 0, to: years.length - 1 })).toBe(6);
    expect(years.at(-1)?.to).toBe('2026-11-10');
    for (const [at, bar] of years.slice(1).entries())
      expect(Date.parse(bar.from) - Date.parse(years[at]!.to)).toBe(86_400_000);
  });

  it('finds the bars of a range of days, open at either end, and the days of bars', () => {
    expect(barsIn(bars, { from: '2026-11-03', to: '2026-11-05' })).toEqual({ from: 2, to: 4 });
    expect(barsIn(bars, { from: '2026-11-09' })).toEqual({ from: 8, to: 9 });
    expect(barsIn(bars, { to: '2026-11-01' })).toEqual({ from: 0, to: 0 });
    expect(barsIn(bars, { from: '2027-01-01' })).toBeNull();
    expect(barsIn(bars, {})).toBeNull();
    expect(daysOf(bars, 4, 2)).toEqual({ from: '2026-11-03', to: '2026-11-05' });
    expect(daysOf(bars, -5, 99)).toEqual(all);
  });

  it('moves an end by day, by week and to the last, and no further', () => {
    expect(movedEnd('ArrowLeft', 0, 10)).toBe(0);
    expect(movedEnd('ArrowRight', 3, 10)).toBe(4);
    expect(movedEnd('PageUp', 5, 10)).toBe(9);
    expect(movedEnd('PageDown', 9, 10)).toBe(2);
    expect(movedEnd('Home', 5, 10)).toBe(0);
    expect(movedEnd('Tab', 5, 10)).toBeNull();
  });
});

describe('filters of the audit', () => {
  it('are asked for as the address has them, and nonsense is left out', () => {
    expect(auditFilter({ from: '2026-11-20', to: 'soon', origin: 'moon', device: 'Laptop' })).toEqual({
      from: '2026-11-20T00:00:00.000000Z',
      device: 'Laptop',
    });
    expect(auditFilter({ origin: 'here' }).origin).toBe('here');
  });

  it('stand as words, each with what it sets', () => {
    const names = (id: string) => (id === '7' ? 'Ana Ruiz' : undefined);
    expect(chipsOf({ search: 'gate', actor: '7', from: '2026-11-01', to: '2026-11-02' }, names)).toEqual([
      { words: '“gate”', filters: ['search'] },
      { words: 'By Ana Ruiz', filters: ['actor'] },
      { words: '1 Nov 2026 – 2 Nov 2026', filters: ['from', 'to'] },
    ]);
    expect(
      chipsOf({ to: '2026-11-02', object: '9', origin: 'host', sort: 'x' }, names).map(({ words }) => words),
    ).toEqual(['About 9', 'By other applications', 'Until 2 Nov 2026']);
    expect(chipsOf({ from: 'soon' }, names)).toEqual([]);
  });
});

describe('a life', () => {
  const entry = (id: string, at: string, action: string): AuditItem => ({
    id,
    at,
    action,
    actor: { id: 'u1', name: 'Ana Ruiz' },
    object: { table: 'api_keys', key: 'k2', name: 'Billing' },
    reason: null,
    changes: [],
    data: null,
    origin: 'central',
    device: null,
  });
  const rotated = entry('2', '2026-11-20T10:00:00.000000Z', 'key.rotate');
  const issued = entry('1', '2026-06-01T10:00:00.000000Z', 'key.issue');
  const version = { label: 'Billing', state: 'active' as const };
  const key: KeyDetail = {
    id: 'k2',
    label: 'Billing',
    prefix: 'sgk_b',
    last4: null,
    scopes: [],
    state: 'active',
    createdAt: '2026-11-20T10:00:01.000000Z',
    lastUsedAt: null,
    expiresAt: '2027-11-20T10:00:00.000000Z',
    revokedAt: null,
    endedBy: null,
    stillAccepted: false,
    rotatedFrom: 'k1',
    certificate: null,
    pending: 0,
    publicKey: null,
    lineage: [
      { ...version, id: 'k1', prefix: 'sgk_a', createdAt: '2026-01-01T00:00:00.000000Z' },
      { ...version, id: 'k2', prefix: 'sgk_b', createdAt: '2026-11-20T10:00:01.000000Z' },
    ],
    pendingCommands: [],
  };
  const moments = keyMoments(key, Date.parse('2026-11-21T00:00:00Z'));

  it('has entries, what the row says and other versions in one order, newest first, what is ahead above', () => {
    expect(lifeOf(moments, [rotated, issued], false).map(({ words }) => words)).toEqual([
      'Will expire',
      'This version made',
      'Ana Ruiz rotated the key Billing',
      'Ana Ruiz issued the key Billing',
      'Version sgk_a made',
    ]);
    expect(keyMoments(key, Date.parse('2028-01-01')).at(-1)?.words).toBe('Expired');
  });

  it('keeps back what is older than the entries that are here, as long as there are more', () => {
    const shown = lifeOf(moments, [rotated], true).map(({ words }) => words);
    expect(shown).not.toContain('Version sgk_a made');
    expect(shown).toContain('This version made');
  });

  it('is told month by month', () => {
    expect(
      byMonth(lifeOf(moments, [rotated, issued], false)).map(({ month, events }) => [month, events.length]),
    ).toEqual([
      ['2027-11', 1],
      ['2026-11', 2],
      ['2026-06', 1],
      ['2026-01', 1],
    ]);
    expect(monthWords('2026-11')).toBe('November 2026');
  });
});

describe('lanes of devices', () => {
  const at = (time: string) => `2026-11-20T${time}.000Z`;
  const entry = (seq: number, time: string, outcome: string | null, index: number | null = seq) => ({
    ...{ seq, index, outcome, action: 'person.edit', at: at(time), command: null },
  });
  const lane: Lane = {
    device: { id: 'd1', name: 'Laptop' },
    joinedAt: at('08:00:00'),
    revokedAt: null,
    entries: [
      entry(1, '10:00:00', 'applied'),
      entry(2, '10:00:01', 'conflict'),
      entry(3, '14:00:00', 'merged'),
      entry(4, '15:00:00', null, null),
    ],
    pushes: [
      { index: 7, at: at('13:00:00'), entries: 2, since: at('10:00:00') },
      { index: 9, at: at('14:00:01'), entries: 1, since: at('14:00:00') },
    ],
    skews: [
      { at: at('12:00:00'), milliseconds: -7_100_000 },
      { at: at('13:00:00'), milliseconds: -7_200_000 },
      { at: at('13:00:00'), milliseconds: -7_200_000 },
    ],
  };
  const now = Date.parse(at('16:00:00'));
  const span = spanOf([lane], now)!;

  it('reach from the first that happened until now, or less far back', () => {
    expect(span).toEqual({ from: Date.parse(at('10:00:00')), to: now });
    expect(lastOf(span, 3_600_000).from).toBe(Date.parse(at('15:00:00')));
    expect(lastOf(span, null)).toEqual(span);
    expect(spanOf([{ ...lane, entries: [], pushes: [] }], now)).toBeNull();
  });

  it('draw what waited between the device’s clock and central’s receipt, and what still does', () => {
    const { offline, pushes } = drawingOf(lane, span, now);
    expect(offline.map(({ from, to }) => [from, to])).toEqual([
      [0, 0.5],
      [5 / 6, 1],
    ]);
    expect(offline[1]?.words).toBe('1 entry waits to be sent, the oldest for 1 h');
    expect(pushes[0]).toBe(0.5);
  });

  it('draw entries that lie together as one mark, in the colour of the worst', () => {
    const { marks } = drawingOf(lane, span, now);
    expect(marks.map(({ entries, tone }) => [entries, tone])).toEqual([
      [2, 'bad'],
      [1, 'info'],
      [1, 'plain'],
    ]);
  });

  it('say in words what is out of the ordinary, newest first, of the time that is shown', () => {
    expect(drawingOf(lane, span, now).remarks.map(({ words }) => words)).toEqual([
      '1 entry waits to be sent, the oldest for 1 h',
      'Entry 3, person.edit: merged with what others had changed',
      'Its clock was at least 2 h behind',
      'Entry 2, person.edit: in conflict with what others had changed',
      '2 entries waited, the oldest for 3 h',
    ]);
    expect(drawingOf(lane, lastOf(span, 3_600_000), now).remarks).toHaveLength(1);
  });
});

it('names the file of an export by the organization and the day', () => {
  const now = Date.parse('2026-11-21T10:00:00Z');
  expect(exportName('Nordhaven Énergie', now)).toBe('nordhaven-energie-2026-11-21.lkx.zip');
  expect(exportName('../..', now)).toBe('audit-2026-11-21.lkx.zip');
});

it('tells days and moments in the zone that was chosen', () => {
  expect(dayWords('2026-11-20')).toBe('20 Nov 2026');
  expect(zonedWords(Date.parse('2026-11-20T18:39:28Z'), 'UTC')).toBe('20 Nov 2026, 18:39:28');
});
