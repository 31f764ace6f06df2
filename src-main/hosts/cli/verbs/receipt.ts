import type { CommandReceipt } from '../../../contract/values.ts';
import type { Terminal } from '../terminal.ts';
import type { Flag } from '../verb.ts';

export const reasonFlag = {
  name: 'reason',
  kind: 'text',
  placeholder: 'TEXT',
  text: 'why; it becomes part of the audit trail',
} satisfies Flag;

/** The pages of a list. */
export const pageFlags: Flag[] = [
  {
    name: 'limit',
    kind: 'number',
    placeholder: 'N',
    least: 1,
    most: 1_000,
    text: 'at most so many, 100 by default, up to 1000',
  },
  { name: 'offset', kind: 'number', placeholder: 'N', most: 100_000_000, text: 'after so many' },
];

export function printReceipt(receipt: CommandReceipt, terminal: Terminal): void {
  terminal.out(`${receipt.name}: ${receipt.state} (command ${receipt.command}, of ${receipt.subject})`);
  if (receipt.state === 'queued') terminal.say('`latchkey sync` sends it.');
}
