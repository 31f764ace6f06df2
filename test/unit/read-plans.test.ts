import { expect, test } from 'vitest';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { auditQueries } from '../../src-main/core/audit/queries.ts';
import { plainMirror } from '../fixtures/plain-mirror.ts';

const actor = '0a000000-0000-4000-8000-000000000001';

/** The plans of every statement over the log that a list runs, as SQLite tells them. */
function plansOf(input: Input<'audit.list'>): string[] {
  const { context, insert } = plainMirror();
  const { mirror } = context;
  for (let id = 1; id <= 20; id++)
    insert('audit_events', {
      id,
      created_at: `2026-11-${String(id).padStart(2, '0')}T10:00:00.000000`,
      event_type: id % 2 ? 'key.rotate' : 'key.revoke',
      actor_id: actor,
      event_data: '{"note":"as planned"}',
    });
  const plans: string[] = [];
  const all = mirror.all.bind(mirror);
  mirror.all = (statement) => {
    const { sql, parameters } = statement.compile();
    if (/latchkey_activity|latchkey_text_audit/.test(sql)) {
      const steps = mirror.database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[];
      plans.push(...steps.map(({ detail }) => detail));
    }
    return all(statement);
  };
  auditQueries['audit.list'](context, contract['audit.list'].input.parse({ limit: 5, ...input }));
  return plans;
}

const byMoment = 'USING COVERING INDEX latchkey_key audit_events';
const byWords = 'latchkey_text_audit_events VIRTUAL TABLE';

test.each<[string, Input<'audit.list'>, string]>([
  ['the newest events', {}, byMoment],
  ['events far down the list', { offset: 15 }, byMoment],
  ['events between two moments', { from: '2026-11-03T04:00:00Z', to: '2026-11-09' }, byMoment],
  ['events of an actor', { actor }, byWords],
  ['events of an actor between two days', { actor, from: '2026-11-03', to: '2026-11-09' }, byWords],
  ['events of an action', { action: 'key.rotate' }, byWords],
  ['events of actions that start alike', { action: 'key.*' }, byWords],
  ['events of an actor and an action', { actor, action: 'key.rotate' }, byWords],
  ['events with words', { search: 'as planned' }, byWords],
  ['events about an object', { object: 'as planned' }, byWords],
])('%s are read off an index in their order: none is scanned, none sorted', (_what, input, index) => {
  const plans = plansOf(input);

  expect(
    plans.some((step) => step.includes(index)),
    plans.join('\n'),
  ).toBe(true);
  for (const step of plans) {
    // Of a part of a day the rows are counted by action.
    expect(step.replace('TEMP B-TREE FOR GROUP BY', '')).not.toContain('TEMP B-TREE');
    expect(step).not.toMatch(/^SCAN audit_events(?! USING COVERING INDEX)/);
  }
});
