import { describe, expect, it } from 'vitest';
import type { Mode } from '../../src-main/contract/device.ts';
import { commandStates } from '../../src-main/contract/values.ts';
import {
  isOverlapPreset,
  keyMask,
  keyName,
  overlapConsequence,
  scopesOf,
} from '../../src-renderer/features/keys/key-words.ts';
import { changedRows } from '../../src-renderer/ui/changed-rows.ts';
import { stepsReached } from '../../src-renderer/ui/steps-reached.ts';
import { actionWords, auditSentence } from '../../src-renderer/words/actions.ts';
import { progressPercent, progressWords } from '../../src-renderer/words/progress.ts';
import { bytes, counted } from '../../src-renderer/words/quantities.ts';
import { commandStateOf, commandStateWords, modeWords } from '../../src-renderer/words/states.ts';
import { readableWords, valueWords } from '../../src-renderer/words/values.ts';

function status(mode: Mode, more: { workOffline?: boolean; pending?: number; conflicts?: number } = {}) {
  return { mode, workOffline: false, pending: 0, conflicts: 0, ...more };
}

describe('how the mirror and central stand', () => {
  it('claims to be in sync only when nothing waits', () => {
    expect(modeWords(status('idle')).label).toBe('In sync');
    expect(modeWords(status('idle', { pending: 1 })).label).toBe('Connected');
    expect(modeWords(status('idle', { conflicts: 1 })).label).toBe('Connected');
  });

  it("tells the operator's choice from a central that is out of reach", () => {
    expect(modeWords(status('offline', { workOffline: true })).label).toBe('Working offline');
    expect(modeWords(status('offline')).label).toBe('Offline');
  });

  it('marks what needs a person', () => {
    expect(modeWords(status('attention'))).toEqual({ label: 'Needs attention', tone: 'bad', mark: 'alarm' });
  });
});

describe('how far a command has come', () => {
  it('has words and a number of steps for every state', () => {
    for (const state of commandStates) {
      expect(commandStateWords[state].label).not.toBe('');
      expect(stepsReached(state)).toBeGreaterThanOrEqual(0);
    }
    expect(stepsReached('queued')).toBeLessThan(stepsReached('accepted'));
    expect(stepsReached('accepted')).toBeLessThan(stepsReached('in-force'));
    expect(stepsReached('refused')).toBeLessThan(stepsReached('accepted'));
  });

  it('shows a state that it does not know by its own name', () => {
    expect(commandStateOf('observed').label).toBe('Observed');
    expect(commandStateOf('toString').label).toBe('toString');
  });
});

describe('audit entries as sentences', () => {
  const ana = { id: 'u1', name: 'Ana Ruiz' };

  it('tells who did what to whom', () => {
    const object = { table: 'users', key: 'u2', name: 'Zoë Lindqvist' };
    expect(auditSentence({ action: 'person.deactivate', actor: ana, object })).toBe(
      'Ana Ruiz deactivated Zoë Lindqvist',
    );
  });

  it('tells the coming and going of people', () => {
    expect(auditSentence({ action: 'user.login_failed', actor: ana, object: null })).toBe('Ana Ruiz failed to sign in');
    expect(auditSentence({ action: 'LOGIN', actor: null, object: null })).toBe('Somebody unknown signed in');
    const other = { table: 'users', key: 'u2', name: 'Zoë Lindqvist' };
    expect(auditSentence({ action: 'user.login', actor: ana, object: other })).toBe(
      'Ana Ruiz: user login, Zoë Lindqvist',
    );
  });

  it('tells what it does not know in the words of the action', () => {
    expect(auditSentence({ action: 'session.refreshed', actor: ana, object: null })).toBe(
      'Ana Ruiz: session refreshed',
    );
    expect(auditSentence({ action: 'x', actor: null, object: { table: 't', key: '7', name: null } })).toBe(
      'Somebody unknown: x, t 7',
    );
    expect(actionWords('key.set-scopes')).toBe('key set scopes');
  });
});

describe('keys in words', () => {
  it('names a key by its label, else by what its secret begins with', () => {
    expect(keyName({ id: 'k1', label: 'Billing', prefix: 'sgk_ab' })).toBe('Billing');
    expect(keyName({ id: 'k1', label: null, prefix: 'sgk_ab' })).toBe('sgk_ab');
    expect(keyName({ id: 'k1', label: null, prefix: null })).toBe('k1');
    expect(keyMask({ prefix: 'sgk_ab', last4: '9xQz' })).toBe('sgk_ab…9xQz');
    expect(keyMask({ prefix: null, last4: null })).toBeNull();
  });

  it('says what an overlap means for whoever uses the old key', () => {
    expect(overlapConsequence('none')).toContain('stops working the moment central accepts');
    expect(overlapConsequence('30d')).toContain('work for 30 days from');
    expect(isOverlapPreset('24h')).toBe(true);
    expect(isOverlapPreset('constructor')).toBe(false);
  });

  it('reads scopes apart by commas and spaces', () => {
    expect(scopesOf(' read:users,write:users  audit ,')).toEqual(['read:users', 'write:users', 'audit']);
    expect(scopesOf('')).toEqual([]);
  });
});

describe('quantities and values', () => {
  it('counts in words', () => {
    expect(counted(1, 'session')).toBe('1 session');
    expect(counted(12_480, 'person', 'people')).toBe('12,480 people');
  });

  it('measures in powers of 1000', () => {
    expect([0, 999, 1000, 48_211_000, 3e9].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '48.2 MB', '3.0 GB']);
  });

  it('never claims to be done, and no share of an unknown whole', () => {
    const at = { step: 'Copying users', rows: 300, rowsExpected: 250, bytes: 1000, secondsLeft: null };
    expect(progressPercent(at)).toBe(99);
    expect(progressWords(at)).toBe('Copying users: 300 of about 300 rows, 1.0 kB');
    expect(progressWords({ ...at, secondsLeft: 89 })).toBe('Copying users: 300 of about 300 rows, 1.0 kB, 89 s left');
    expect(progressWords({ ...at, secondsLeft: 150 })).toMatch(/, 3 min left$/);
    expect(progressPercent({ ...at, rowsExpected: 0 })).toBeNull();
  });

  it('tells the lack of a value from an empty one', () => {
    expect([null, '', false, 7, { a: [1] }].map(valueWords)).toEqual(['nothing', 'empty text', 'no', '7', '{"a":[1]}']);
  });

  it('writes moments out, and gives none a time zone that it did not have', () => {
    expect(readableWords('2026-11-20T18:39:28.573000Z')).toBe('20 Nov 2026, 18:39:28 UTC');
    expect(readableWords('2026-11-20T18:39:28.573000')).toBe('20 Nov 2026, 18:39:28');
    expect(readableWords('2026-11-20')).toBe('2026-11-20');
    expect(readableWords(['read:users', 'audit'])).toBe('read:users, audit');
  });

  it('shows changes row by row, and knows a row that is new', () => {
    const change = (key: string, column: string, before: unknown) => ({ table: 't', key, column, before, after: 1 });
    const rows = changedRows([change('a', 'x', null), change('b', 'x', 0), change('a', 'y', null)]);
    expect(rows.map((row) => [row.key, row.isNew, row.changes.length])).toEqual([
      ['a', true, 2],
      ['b', false, 1],
    ]);
  });
});
