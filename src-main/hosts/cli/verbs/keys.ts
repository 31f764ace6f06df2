import { type IssuedKey, type Key, keyState, overlapPresets } from '../../../contract/keys.ts';
import { callVerb } from '../device.ts';
import { facts, moment, table, totals } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import { type Positional, UsageError } from '../verb.ts';
import { pageFlags, printReceipt, reasonFlag } from './receipt.ts';

const key: Positional = { name: 'KEY', field: 'key', text: 'a key by id, label or prefix' };

export const keyVerbs = [
  callVerb({
    name: 'keys list',
    summary: 'API keys of the organization',
    call: 'keys.list',
    flags: [
      { name: 'search', kind: 'text', placeholder: 'TEXT', text: 'parts of labels, prefixes and scopes, in any order' },
      { name: 'state', kind: 'choice', choices: keyState.options, text: 'only those in this state' },
      {
        name: 'expires-within-days',
        kind: 'number',
        placeholder: 'N',
        text: 'only those that expire within so many days, overdue ones included',
      },
      {
        name: 'sort',
        kind: 'choice',
        choices: ['label', 'state', 'createdAt', 'lastUsedAt', 'expiresAt'],
        text: 'by label by default',
      },
      { name: 'descending', kind: 'yes', text: 'the other way round' },
      ...pageFlags,
    ],
    print({ items, total }, terminal) {
      const rows = items.map((item) => [
        item.label,
        item.prefix,
        stateOf(item),
        moment(item.expiresAt),
        moment(item.lastUsedAt),
        item.pending || '',
        item.id,
      ]);
      terminal.out(table(['LABEL', 'PREFIX', 'STATE', 'EXPIRES', 'LAST USED', 'PENDING', 'ID'], rows));
      terminal.say(totals(items.length, total));
      if (items.some(({ endedBy }) => endedBy === 'upkeep')) terminal.say(`EXPIRES: ${byUpkeep}`);
    },
  }),
  callVerb({
    name: 'keys show',
    summary: 'One key, with its earlier versions and what is pending',
    call: 'keys.show',
    positionals: [key],
    print(found, terminal) {
      terminal.out(
        facts([
          ['Label', found.label],
          ['Id', found.id],
          ['Prefix', found.prefix],
          ['State', stateOf(found)],
          ['Scopes', found.scopes.join(', ')],
          ['Created', moment(found.createdAt)],
          ['Last used', moment(found.lastUsedAt)],
          ['Expires', moment(found.expiresAt)],
          ['Revoked', moment(found.revokedAt)],
          ['Ended by', found.endedBy === 'upkeep' ? byUpkeep : null],
          ['Certificate', found.certificate?.fingerprint ?? found.certificate?.type],
        ]),
      );
      for (const version of found.lineage)
        terminal.out(`version  ${moment(version.createdAt)}  ${version.prefix ?? ''}  ${version.state}  ${version.id}`);
      for (const command of found.pendingCommands) terminal.out(`pending  ${command.name}  ${command.state}`);
    },
  }),
  callVerb({
    name: 'keys issue',
    summary: 'Make a key; its secret is printed once and kept nowhere',
    call: 'keys.issue',
    positionals: [{ name: 'LABEL', field: 'label', text: 'what people call the key' }],
    flags: [
      { name: 'scope', field: 'scopes', kind: 'texts', placeholder: 'SCOPE', text: 'what the key may do' },
      {
        name: 'expires-in-days',
        kind: 'parsed',
        placeholder: 'N|never',
        text: 'how long it is valid; by default 365 days, or for ever where the system keeps no end of keys',
        parse: parseDays,
      },
      reasonFlag,
    ],
    print: printSecret,
  }),
  callVerb({
    name: 'keys rotate',
    summary: 'Replace a key; the new secret is printed once and kept nowhere',
    description: 'The old key goes on working for the overlap, counted from when central accepts the rotation.',
    call: 'keys.rotate',
    positionals: [key],
    flags: [
      {
        name: 'overlap',
        field: 'overlapSeconds',
        kind: 'parsed',
        placeholder: `${Object.keys(overlapPresets).join('|')}|SECONDS`,
        text: 'how long the old key goes on working, 7d by default',
        parse: parseOverlap,
      },
      reasonFlag,
    ],
    print: printSecret,
  }),
  callVerb({
    name: 'keys revoke',
    summary: 'End a key at once',
    call: 'keys.revoke',
    positionals: [key],
    flags: [
      { ...reasonFlag, required: true },
      { name: 'compromised', kind: 'yes', text: 'somebody who should not have it has it' },
    ],
    print: printReceipt,
  }),
];

const byUpkeep =
  'in Latchkey’s books only. The host itself does not look at it, unless it asks latchkey.key_is_valid; `latchkey central maintain --keys` revokes the key at its time.';

function stateOf({ state, stillAccepted }: Pick<Key, 'state' | 'stillAccepted'>): string {
  return stillAccepted ? `${state}, and still accepted` : state;
}

/** The secret alone on standard output, so that a script can catch it; the words beside it. */
function printSecret(issued: IssuedKey, terminal: Terminal): void {
  terminal.say(`${issued.name}: ${issued.state} (command ${issued.command}, key ${issued.subject})`);
  if (issued.caveat !== null) terminal.say(issued.caveat);
  terminal.say('This secret is shown once and kept nowhere:');
  terminal.out(issued.secret);
}

function parseDays(text: string): number | null {
  if (text === 'never') return null;
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new UsageError(`--expires-in-days takes a number of days or never, not “${text}”.`, 'expiresInDays');
}

function parseOverlap(text: string): number {
  const preset = Object.entries(overlapPresets).find(([name]) => name === text);
  if (preset) return preset[1];
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(
    `--overlap takes ${Object.keys(overlapPresets).join(', ')} or a number of seconds, not “${text}”.`,
    'overlapSeconds',
  );
}
