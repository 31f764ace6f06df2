import { commandStates } from '../../../contract/values.ts';
import { callVerb } from '../device.ts';
import { moment, shown, table, totals } from '../print.ts';
import { UsageError } from '../verb.ts';
import { pageFlags, printReceipt } from './receipt.ts';

const sides = ['mine', 'theirs'];

export const outboxVerbs = [
  callVerb({
    name: 'outbox list',
    summary: 'What was done on this device, and how far each has come',
    call: 'outbox.list',
    flags: [
      { name: 'state', kind: 'choice', choices: commandStates, text: 'only those that came so far' },
      ...pageFlags,
    ],
    print({ items, total }, terminal) {
      const rows = items.map((item) => [moment(item.madeAt), item.state, item.summary, item.note, item.command]);
      terminal.out(table(['MADE', 'STATE', 'WHAT', 'NOTE', 'COMMAND'], rows));
      for (const { summary, stopsBy } of items)
        if (stopsBy !== null) terminal.say(`${summary}: stops working by ${moment(stopsBy)} UTC.`);
      terminal.say(totals(items.length, total));
    },
  }),
  callVerb({
    name: 'outbox undo',
    summary: 'Take back a command that was not sent yet',
    call: 'outbox.undo',
    positionals: [{ name: 'COMMAND', field: 'command', text: 'a command by id' }],
    print: printReceipt,
  }),
  callVerb({
    name: 'quarantine list',
    summary: 'Commands of deactivated or demoted operators, which wait for an administrator',
    description: 'Asks central; only the device of an administrator gets an answer.',
    call: 'quarantine.list',
    attention: ({ total }) => total > 0,
    print({ items, total }, terminal) {
      for (const item of items) {
        terminal.out(
          `${item.command}  ${item.name} of ${item.object.name ?? item.object.key}, by ${item.actor.name ?? item.actor.id} on ${item.device.name}, made ${moment(item.madeAt)}`,
        );
        if (item.reason) terminal.out(`  reason: ${shown(item.reason, 300)}`);
        for (const change of item.changes)
          terminal.out(`  ${change.table}.${change.column}: ${shown(change.before)} to ${shown(change.after)}`);
      }
      terminal.say(totals(items.length, total));
    },
  }),
  quarantineVerb('release', 'Apply a command in quarantine, with the rights of the device that made it'),
  quarantineVerb('discard', 'Refuse a command in quarantine for good'),
  callVerb({
    name: 'conflicts list',
    summary: 'Commands that central could not take as they were',
    call: 'conflicts.list',
    flags: [{ name: 'state', kind: 'choice', choices: ['open', 'resolved'], text: 'open by default' }, ...pageFlags],
    attention: ({ items }) => items.some((item) => item.state === 'open'),
    print({ items, total }, terminal) {
      for (const item of items) {
        terminal.out(`${item.conflict}  ${item.kind}  ${item.summary}`);
        for (const field of item.fields)
          terminal.out(
            `  ${field.column}: was ${shown(field.base)}, mine ${shown(field.mine)}, theirs ${shown(field.theirs)}`,
          );
        if (item.message) terminal.out(`  ${shown(item.message, 300)}`);
      }
      terminal.say(totals(items.length, total));
    },
  }),
  callVerb({
    name: 'conflicts resolve',
    summary: 'Settle a conflict: send mine again, or keep theirs',
    call: 'conflicts.resolve',
    positionals: [{ name: 'CONFLICT', field: 'conflict', text: 'a conflict by id' }],
    flags: [
      { name: 'take', kind: 'choice', choices: sides, text: 'whose values hold', required: true },
      {
        name: 'columns',
        kind: 'parsed',
        placeholder: 'COLUMN=mine|theirs,…',
        text: 'for some columns, whose values hold there',
        parse: parseColumns,
      },
    ],
    print(resolved, terminal) {
      terminal.out(`${resolved.conflict}: ${resolved.resolution}`);
      if (resolved.command) terminal.say(`Command ${resolved.command} is queued. \`latchkey sync\` sends it.`);
    },
  }),
];

function quarantineVerb(decision: 'release' | 'discard', summary: string) {
  return callVerb({
    name: `quarantine ${decision}`,
    summary,
    call: 'quarantine.decide',
    fixed: { decision },
    positionals: [{ name: 'COMMAND', field: 'command', text: 'a command by id' }],
    attention: ({ state }) => decision === 'release' && (state === 'conflict' || state === 'refused'),
    print: ({ command, state, message }, terminal) =>
      terminal.out(`${command}: ${state}${message ? ` (${message})` : ''}`),
  });
}

function parseColumns(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('='));
  for (const [column, side, ...rest] of pairs)
    if (!column || !side || !sides.includes(side) || rest.length > 0)
      throw new UsageError(
        `--columns takes COLUMN=mine or COLUMN=theirs, with commas between; not “${text}”.`,
        'columns',
      );
  return Object.fromEntries(pairs);
}
