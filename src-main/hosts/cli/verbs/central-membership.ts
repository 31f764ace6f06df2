import { readFileSync } from 'node:fs';
import { LatchkeyError } from '../../../contract/errors.ts';
import { listMembers, type Member, type Statement, stateMembership } from '../../../core/central/membership.ts';
import { withCentral } from '../central.ts';
import { table, totals } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import { type Done, type Flag, type Positional, UsageError, type Values, type Verb } from '../verb.ts';
import { pageFlags } from './receipt.ts';

const person: Positional = {
  name: 'PERSON',
  field: 'person',
  text: 'a person by email address or id, or @FILE with one a line',
};
const dryRun: Flag = { name: 'dry-run', kind: 'yes', text: 'change nothing, and say what would be done' };

/** For systems that do not say themselves who belongs to whom. */
export const centralMembershipVerbs: Verb[] = [
  {
    name: 'central membership list',
    summary: 'Who belongs to which organization, where the database itself does not say',
    place: 'central',
    positionals: [],
    flags: [
      { name: 'organization', kind: 'text', placeholder: 'ID', text: 'only its members; by id or name' },
      { name: 'unstated', kind: 'yes', text: 'only people of whom it is not stated: no device sees them' },
      ...pageFlags,
    ],
    async run(values, terminal) {
      const organization = values.organization === undefined ? undefined : String(values.organization);
      if (organization !== undefined && values.unstated)
        throw new UsageError('--unstated are people of no organization: leave out one of the two.', 'unstated');
      return {
        value: await withCentral(values, terminal, (client) =>
          listMembers(client, {
            organization,
            unstated: values.unstated === true,
            limit: Number(values.limit ?? 100),
            offset: Number(values.offset ?? 0),
          }),
        ),
      };
    },
    print(value, terminal) {
      const { items, total } = value as { items: Member[]; total: number };
      const rows = items.map((item) => [item.email, item.organization?.name ?? '– not stated', item.id]);
      terminal.out(table(['PERSON', 'ORGANIZATION', 'ID'], rows));
      terminal.say(totals(items.length, total));
    },
  },
  {
    name: 'central membership add',
    summary: 'State that people belong to an organization, where the database itself does not say',
    description:
      'All of them or nobody. Devices of the organization see them from their next sync on. Somebody belongs to one organization: who belongs to another one so far is refused without --move. Exits 3 where a device is left at which somebody works who does not belong there any more.',
    place: 'central',
    positionals: [person],
    flags: [
      { name: 'organization', kind: 'text', placeholder: 'ID', text: 'which one, by id or name', required: true },
      { name: 'move', kind: 'yes', text: 'also those who belong to another one so far' },
      dryRun,
    ],
    run: (values, terminal) => state(values, terminal, String(values.organization)),
    print: printStatement,
  },
  {
    name: 'central membership remove',
    summary: 'State that people belong to no organization any more',
    description:
      'All of them or nobody. Their rows stay at central; devices lose sight of them at their next sync. Exits 3 where a device is left at which one of them works: revoke it.',
    place: 'central',
    positionals: [person],
    flags: [dryRun],
    run: (values, terminal) => state(values, terminal, null),
    print: printStatement,
  },
];

async function state(values: Values, terminal: Terminal, organization: string | null): Promise<Done> {
  const people = named(String(values.person));
  const value = await withCentral(values, terminal, (client) =>
    stateMembership(client, {
      people,
      organization,
      move: values.move === true,
      dryRun: values.dryRun === true,
    }),
  );
  return { value, attention: value.people.some(({ devices }) => devices.length > 0) };
}

function named(argument: string): string[] {
  if (!argument.startsWith('@')) return [argument];
  const path = argument.slice(1);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new LatchkeyError('not-found', `${path} cannot be read: ${(error as Error).message}. Nothing was changed.`, {
      field: 'person',
      cause: error,
    });
  }
  const people = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (people.length === 0) throw new UsageError(`${path} names nobody.`, 'person');
  return [...new Set(people)];
}

function printStatement(value: unknown, terminal: Terminal): void {
  const { people, dryRun: isDry } = value as Statement;
  for (const { id, email, before, after, devices } of people) {
    const name = email ?? id;
    const to = after?.name ?? 'no organization';
    if (before?.id === after?.id) terminal.out(`${name} belongs to ${to} already.`);
    else
      terminal.out(
        `${name} ${isDry ? `would belong to ${to}` : `belongs to ${to} now`}; before: ${before?.name ?? 'none'}.`,
      );
    for (const device of devices)
      terminal.say(
        `Device ${device.id} (${device.name}) is ${name}’s and works for ${before!.name}: latchkey central revoke-device ${device.id}`,
      );
  }
}
