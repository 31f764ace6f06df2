import { describe, expect, it } from 'vitest';
import { type Disclosed, type LogEntry, type Report, verify } from '../../src-main/verifier/verify.mjs';
import { matchesWords, type ReviewedEntry, reviewedEntry } from '../../src-renderer/features/review/reviewed-entry.ts';
import { checkedWords, verdictWords } from '../../src-renderer/features/review/verdict-words.ts';
import { goodLog } from '../fixtures/synthetic-log.ts';
import { bundleOf } from '../fixtures/tampered-bundles.ts';

const entry: LogEntry = {
  ...{ org: 'o', dev: 'd1', act: 'person.edit', ts: '2026-11-20T08:00:00.000Z', seq: 3, sub: 'ab12cd34ef' },
  obj: { t: 'users', id: '7' },
};
const said = (values: Record<string, unknown>): Disclosed[] =>
  Object.entries(values).map(([name, value]) => ({ name, raw: JSON.stringify(value), value }));

describe('an entry of a bundle', () => {
  it('is told in a sentence, with what it discloses field by field', () => {
    const told = reviewedEntry(
      entry,
      12,
      said({
        actor: { id: 'u1', email: 'ana@nordhaven.example' },
        object: { table: 'users', key: '7', name: 'Zoë Berg' },
        reason: 'Married',
        changes: [{ table: 'users', key: '7', op: 'update', before: { name: 'Zoë L' }, after: { name: 'Zoë Berg' } }],
      }),
      [],
    );
    expect(told).toMatchObject({
      id: '#12',
      sentence: 'ana@nordhaven.example edited Zoë Berg',
      reason: 'Married',
      changes: [{ table: 'users', key: '7', column: 'name', before: 'Zoë L', after: 'Zoë Berg' }],
    });
    expect(JSON.parse(told.text)).toEqual(entry);
    expect(matchesWords(told, 'MARRIED zoë')).toBe(true);
    expect(matchesWords(told, '#12')).toBe(true);
    expect(matchesWords(told, 'divorced')).toBe(false);
  });

  it('names nobody who was erased or is not disclosed, and says under what', () => {
    const told = reviewedEntry(entry, null, [], [40]);
    expect(told).toMatchObject({ id: 'd1 3', index: null, sentence: 'operator ab12cd34 edited users 7', erased: [40] });
  });

  it('is read whatever it discloses', () => {
    for (const value of [
      null,
      7,
      'text',
      [1, 'x', null],
      { before: 3 },
      [{ key: ['a', 1], before: null, after: [] }],
    ]) {
      const told = reviewedEntry(entry, 0, said({ actor: value, object: value, reason: value, changes: value }), []);
      expect(told.changes).toEqual([]);
      expect(told.at).toBe(entry.ts);
    }
    const { dev, ...rest } = entry;
    expect(reviewedEntry({ ...rest, dev: 'central', act: 'host.wrote' }, 1, [], []).sentence).toBe(
      'Central: host wrote, users 7',
    );
    expect(dev).toBe('d1');
  });
});

it('is told by the verifier as it verifies: every entry that the filter asks for, with what is disclosed of it', async () => {
  const log = goodLog();
  const file = await bundleOf(log.source('d1'), { filter: { act: ['person.*'] } });
  const told: ReviewedEntry[] = [];
  const report = await verify(
    { size: file.length, read: async (offset, length) => file.subarray(offset, offset + length) },
    { trust: [log.device('d1').checkpointKey.vkey], onEntry: (...one) => void told.push(reviewedEntry(...one)) },
  );
  expect(report.verdict).toBe('VERIFIED');
  expect(told).toHaveLength(report.filter!.matched);
  expect(told.length).toBeGreaterThan(0);
  for (const { action } of told) expect(action).toMatch(/^person\./);
  expect(told.map(({ reason }) => reason)).toContain('round 0');
});

describe('a verdict in words', () => {
  const report: Report = {
    ...{ verdict: 'VERIFIED', level: 'CENTRAL', code: null, index: null, where: null, expected: null, found: null },
    ...{ meaning: null, findings: [], devices: [], erased: [], forks: [], notProven: [], rollback: null, tail: 2 },
    entries: { checked: 38, claimed: 38 },
    filter: { act: ['key.*'], matched: 4, complete: false },
    erasedEntries: 1,
  };

  it('is the verifier’s own, with how far it goes', () => {
    expect(verdictWords(report)).toMatchObject({ label: 'VERIFIED (CENTRAL)', tone: 'good' });
    expect(verdictWords({ ...report, verdict: 'TAMPERED' })).toMatchObject({ label: 'TAMPERED', tone: 'bad' });
    expect(verdictWords({ ...report, verdict: 'UNTRUSTED KEY' }).tone).toBe('wait');
  });

  it('says what was checked, and never that nothing was left out where that is not proven', () => {
    expect(checkedWords(report)).toEqual([
      '38 of 38 entries checked.',
      '2 entries at the end were seen by the exporting device alone.',
      'Filter {"act":["key.*"]}: 4 entries match; whether one was left out is not proven.',
      'Of 1 entry something was erased, as the log says itself.',
    ]);
  });
});
