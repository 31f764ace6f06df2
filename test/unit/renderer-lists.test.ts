import { describe, expect, it } from 'vitest';
import { LatchkeyError } from '../../src-main/contract/errors.ts';
import { isOutdated } from '../../src-renderer/calls/freshness.ts';
import { pageSize, pagesOf } from '../../src-renderer/calls/row-range.ts';
import { auditFilter } from '../../src-renderer/features/audit/audit-filter.ts';
import { keysFilter } from '../../src-renderer/features/keys/keys-filter.ts';
import { resolutionOf } from '../../src-renderer/features/outbox/resolution.ts';
import { openSessions } from '../../src-renderer/features/people/open-sessions.ts';
import { peopleFilter } from '../../src-renderer/features/people/people-filter.ts';
import { fieldErrors, refusedField } from '../../src-renderer/ui/form/field-errors.ts';
import { nextOrder } from '../../src-renderer/ui/table/column.ts';
import { walk } from '../../src-renderer/ui/table/walk.ts';

describe('lists that come page by page', () => {
  it('asks for the pages in view and no others', () => {
    expect(pagesOf({ first: 0, last: 40 }, 250)).toEqual([0]);
    expect(pagesOf({ first: pageSize - 1, last: pageSize }, 250)).toEqual([0, 1]);
    expect(pagesOf({ first: 99_950, last: 100_200 }, 100_000)).toEqual([999]);
    expect(pagesOf({ first: 0, last: 0 }, 0)).toEqual([]);
  });

  it('walks with the keyboard and stops at both ends', () => {
    expect(walk('j', -1, 3, 10)).toBe(0);
    expect(walk('k', -1, 3, 10)).toBe(0);
    expect(walk('k', 0, 3, 10)).toBe(0);
    expect(walk('ArrowDown', 2, 3, 10)).toBe(2);
    expect(walk('PageDown', 0, 100, 10)).toBe(10);
    expect(walk('End', 0, 100, 10)).toBe(99);
    expect(walk('x', 0, 100, 10)).toBeNull();
    expect(walk('j', -1, 0, 10)).toBeNull();
  });

  it('turns the order round at the second click on a heading', () => {
    const byName = nextOrder({ column: 'email', descending: true }, 'name');
    expect(byName).toEqual({ column: 'name', descending: false });
    expect(nextOrder(byName, 'name')).toEqual({ column: 'name', descending: true });
  });
});

describe('what an event makes out of date', () => {
  it('leaves the outbox alone when a pull changed rows', () => {
    expect(isOutdated('people.list', ['users'])).toBe(true);
    expect(isOutdated('outbox.list', ['users'])).toBe(false);
    expect(isOutdated('status.get', ['users', 'outbox'])).toBe(false);
  });

  it('follows the outbox wherever pending commands are shown', () => {
    for (const call of ['outbox.list', 'conflicts.list', 'people.show', 'keys.list', 'audit.list']) {
      expect(isOutdated(call, ['outbox'])).toBe(true);
    }
  });
});

describe('filters from the address', () => {
  it('leaves out what no list understands', () => {
    const filter = peopleFilter({ state: 'asleep', sort: 'password', role: 'admin' });
    expect(filter).toMatchObject({ state: undefined, sort: 'name', role: 'admin', descending: false });
    expect(keysFilter({ expiring: '7' }).expiresWithinDays).toBeUndefined();
  });

  it('puts what expires first on top where that is asked for', () => {
    expect(keysFilter({ expiring: '30' })).toMatchObject({ expiresWithinDays: 30, sort: 'expiresAt' });
    expect(keysFilter({ expiring: '30', sort: 'label' }).sort).toBe('label');
  });

  it('takes days as whole days in UTC', () => {
    expect(auditFilter({ from: '2026-11-01', to: '2026-11-30' })).toMatchObject({
      from: '2026-11-01T00:00:00.000000Z',
      to: '2026-11-30T23:59:59.999999Z',
    });
    expect(auditFilter({ from: '2026-13-77', to: 'yesterday' })).toMatchObject({ from: undefined, to: undefined });
  });
});

describe('forms against the contract', () => {
  it("says at the field what the contract has against it, in the contract's words", () => {
    expect(fieldErrors('people.deactivate', { person: 'p1', reason: ' ' })).toEqual({
      reason: 'Give a reason of at least 3 characters.',
    });
    expect(fieldErrors('people.edit', { person: 'p1' })).toEqual({ '': 'Say what to change: name or email.' });
    expect(fieldErrors('keys.rotate', { key: 'k1', overlapSeconds: 0 })).toEqual({});
  });

  it("puts the host's refusal at its field where the form has one", () => {
    const taken = new LatchkeyError('would-violate', 'Taken.', { field: 'email' });
    expect(refusedField(taken, ['name', 'email'])).toBe('email');
    expect(refusedField(taken, ['reason'])).toBeNull();
    expect(refusedField(null, ['email'])).toBeNull();
  });
});

describe('a conflict resolved field by field', () => {
  const conflict = {
    conflict: 'c1',
    command: 'x',
    name: 'person.edit',
    summary: '',
    kind: 'fields' as const,
    table: 'users',
    key: 'u1',
    fields: ['full_name', 'email'].map((column) => ({ column, base: 1, mine: 2, theirs: 3 })),
    message: null,
    state: 'open' as const,
    resolution: null,
    madeAt: '2026-11-20T18:00:00.000000Z',
  };

  it('is no answer before every field has one', () => {
    expect(resolutionOf(conflict, {})).toBeNull();
    expect(resolutionOf(conflict, { email: 'mine' })).toBeNull();
  });

  it('is a side where all agree, and a choice by column where they do not', () => {
    expect(resolutionOf(conflict, { full_name: 'mine', email: 'mine' })).toEqual({ conflict: 'c1', take: 'mine' });
    expect(resolutionOf(conflict, { full_name: 'mine', email: 'theirs' })).toEqual({
      conflict: 'c1',
      take: 'theirs',
      columns: { full_name: 'mine', email: 'theirs' },
    });
  });
});

describe('sessions that a deactivation ends', () => {
  it('counts those without an end, and not those that are over', () => {
    const now = Date.parse('2026-11-20T18:00:00Z');
    const at = (expiresAt: string | null) => ({
      id: String(expiresAt),
      address: null,
      agent: null,
      createdAt: null,
      expiresAt,
    });
    const sessions = [at('2026-11-20T17:59:59.000000Z'), at('2026-11-20T18:00:01.000000Z'), at(null)];
    expect(openSessions(sessions, now).map((session) => session.expiresAt)).toEqual([
      '2026-11-20T18:00:01.000000Z',
      null,
    ]);
  });
});
