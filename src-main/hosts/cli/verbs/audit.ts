import { callVerb } from '../device.ts';
import { facts, moment, shown, table, totals } from '../print.ts';
import { pageFlags } from './receipt.ts';

export const auditVerbs = [
  callVerb({
    name: 'audit list',
    summary: 'What happened, newest first',
    call: 'audit.list',
    flags: [
      { name: 'actor', kind: 'text', placeholder: 'PERSON', text: 'by whom: an email address or id' },
      { name: 'action', kind: 'text', placeholder: 'ACTION', text: 'one of `latchkey audit actions`' },
      { name: 'object', kind: 'text', placeholder: 'OBJECT', text: 'to whom or what' },
      { name: 'search', kind: 'text', placeholder: 'TEXT', text: 'words of the entry, each and in any order' },
      { name: 'from', kind: 'text', placeholder: 'MOMENT', text: 'from this moment on, as 2026-11-20T00:00:00Z' },
      { name: 'to', kind: 'text', placeholder: 'MOMENT', text: 'before this moment' },
      ...pageFlags,
    ],
    print({ items, total, more }, terminal) {
      const rows = items.map((item) => [
        moment(item.at),
        item.action,
        item.actor?.name ?? item.actor?.id,
        item.object?.name ?? item.object?.key,
        item.origin,
        item.reason,
      ]);
      terminal.out(table(['AT', 'ACTION', 'BY', 'OF', 'ORIGIN', 'REASON'], rows));
      terminal.say(totals(items.length, total, more));
    },
  }),
  callVerb({
    name: 'audit show',
    summary: 'One entry, with each value before and after',
    call: 'audit.show',
    positionals: [{ name: 'ENTRY', field: 'id', text: 'an entry by id' }],
    print(entry, terminal) {
      terminal.out(
        facts([
          ['At', entry.at],
          ['Action', entry.action],
          ['By', entry.actor?.name ?? entry.actor?.id],
          ['Of', entry.object?.name ?? entry.object?.key],
          ['Reason', entry.reason],
          ['Origin', entry.origin],
          ['Device', entry.device],
        ]),
      );
      for (const change of entry.changes)
        terminal.out(`  ${change.table}.${change.column}: ${shown(change.before)} → ${shown(change.after)}`);
    },
  }),
  callVerb({
    name: 'audit counts',
    summary: 'How much happened, by day (UTC) or by action',
    call: 'audit.counts',
    flags: [
      {
        name: 'by',
        kind: 'choice',
        choices: ['day', 'action', 'day-and-action'],
        text: 'what to count by: day, action, or day-and-action',
      },
      {
        name: 'action',
        kind: 'text',
        placeholder: 'ACTION',
        text: 'this one alone, or those that start alike: user.*',
      },
      { name: 'from', kind: 'text', placeholder: 'MOMENT', text: 'from this day or moment on' },
      { name: 'to', kind: 'text', placeholder: 'MOMENT', text: 'up to this day or moment' },
    ],
    print({ items, total }, terminal) {
      const [first] = items;
      const headings = [
        ...(first?.day === undefined ? [] : ['DAY']),
        ...(first?.action === undefined ? [] : ['ACTION']),
      ];
      const rows = items.map(({ day, action, count }) => [day, action, count].filter((value) => value !== undefined));
      terminal.out(table([...headings, 'COUNT'], rows));
      terminal.say(`${total} in all.`);
    },
  }),
  callVerb({
    name: 'audit actions',
    summary: 'The actions that there are, with how often each happened',
    call: 'audit.actions',
    print({ items }, terminal) {
      terminal.out(
        table(
          ['ACTION', 'COUNT'],
          items.map((item) => [item.action, item.count]),
        ),
      );
    },
  }),
];
