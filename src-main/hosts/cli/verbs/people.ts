import { personState } from '../../../contract/people.ts';
import { callVerb } from '../device.ts';
import { facts, moment, table, totals } from '../print.ts';
import type { Positional } from '../verb.ts';
import { pageFlags, printReceipt, reasonFlag } from './receipt.ts';

const person: Positional = { name: 'PERSON', field: 'person', text: 'a person by email address or id' };

export const peopleVerbs = [
  callVerb({
    name: 'people list',
    summary: 'People of the organization',
    call: 'people.list',
    flags: [
      { name: 'search', kind: 'text', placeholder: 'TEXT', text: 'parts of names and email addresses, in any order' },
      { name: 'role', kind: 'text', placeholder: 'ROLE', text: 'only those with this role' },
      { name: 'state', kind: 'choice', choices: personState.options, text: 'only those in this state' },
      {
        name: 'sort',
        kind: 'choice',
        choices: ['name', 'email', 'role', 'state', 'createdAt', 'lastSeenAt'],
        text: 'by name by default',
      },
      { name: 'descending', kind: 'yes', text: 'the other way round' },
      ...pageFlags,
    ],
    print({ items, total }, terminal) {
      const rows = items.map((item) => [
        item.email,
        item.name,
        item.role,
        item.state,
        moment(item.lastSeenAt),
        item.pending || '',
      ]);
      terminal.out(table(['EMAIL', 'NAME', 'ROLE', 'STATE', 'LAST SEEN', 'PENDING'], rows));
      terminal.say(totals(items.length, total));
    },
  }),
  callVerb({
    name: 'people show',
    summary: 'One person, with sessions, activity and what is pending',
    call: 'people.show',
    positionals: [person],
    print(found, terminal) {
      terminal.out(
        facts([
          ['Name', found.name],
          ['Email', found.email],
          ['Id', found.id],
          ['Role', found.role],
          ['State', found.state],
          ['Created', moment(found.createdAt)],
          ['Last seen', moment(found.lastSeenAt)],
          ['Legal hold', found.hold && `since ${moment(found.hold.at)}: ${found.hold.reason ?? ''}`],
          ['Erased', found.erasedAt && moment(found.erasedAt)],
        ]),
      );
      for (const session of found.sessions)
        terminal.out(
          `session   ${moment(session.createdAt)}  ${session.address ?? ''}  until ${moment(session.expiresAt)}`,
        );
      for (const command of found.pendingCommands) terminal.out(`pending   ${command.name}  ${command.state}`);
      for (const event of found.activity) terminal.out(`activity  ${moment(event.at)}  ${event.action}`);
    },
  }),
  callVerb({
    name: 'people roles',
    summary: 'The roles that there are, with how many people hold each',
    call: 'people.roles',
    print({ items }, terminal) {
      terminal.out(
        table(
          ['ROLE', 'PEOPLE'],
          items.map((item) => [item.name, item.people]),
        ),
      );
    },
  }),
  callVerb({
    name: 'people create',
    summary: 'Add a person',
    call: 'people.create',
    positionals: [{ name: 'EMAIL', field: 'email', text: 'the new person’s email address' }],
    flags: [
      { name: 'name', kind: 'text', placeholder: 'TEXT', text: 'the full name', required: true },
      { name: 'role', kind: 'text', placeholder: 'ROLE', text: 'one of `latchkey people roles`', required: true },
      reasonFlag,
    ],
    print: printReceipt,
  }),
  callVerb({
    name: 'people edit',
    summary: 'Change a person’s name or email address',
    call: 'people.edit',
    positionals: [person],
    flags: [
      { name: 'name', kind: 'text', placeholder: 'TEXT', text: 'the full name' },
      { name: 'email', kind: 'text', placeholder: 'EMAIL', text: 'the email address' },
      reasonFlag,
    ],
    print: printReceipt,
  }),
  callVerb({
    name: 'people deactivate',
    summary: 'Shut a person out and end all sessions',
    call: 'people.deactivate',
    positionals: [person],
    flags: [{ ...reasonFlag, required: true }],
    print: printReceipt,
  }),
  callVerb({
    name: 'people erase',
    summary: 'Take a person’s name and address out of everything, for good',
    call: 'people.erase',
    positionals: [person],
    flags: [
      { ...reasonFlag, required: true },
      { name: 'confirm', kind: 'text', placeholder: 'EMAIL', text: 'their email address once more', required: true },
    ],
    print: printReceipt,
  }),
  callVerb({
    name: 'people hold',
    summary: 'Place a legal hold: while it stands, nobody erases the person',
    call: 'people.hold',
    positionals: [person],
    flags: [{ ...reasonFlag, required: true }],
    print: printReceipt,
  }),
  callVerb({
    name: 'people release-hold',
    summary: 'Release a legal hold',
    call: 'people.release-hold',
    positionals: [person],
    flags: [{ ...reasonFlag, required: true }],
    print: printReceipt,
  }),
  callVerb({
    name: 'people reactivate',
    summary: 'Let a deactivated person in again',
    call: 'people.reactivate',
    positionals: [person],
    flags: [reasonFlag],
    print: printReceipt,
  }),
  callVerb({
    name: 'people set-role',
    summary: 'Give a person another role',
    call: 'people.set-role',
    positionals: [person, { name: 'ROLE', field: 'role', text: 'one of `latchkey people roles`' }],
    flags: [reasonFlag],
    print: printReceipt,
  }),
];
