import { z } from 'zod';
import { command, query } from './call.ts';
import { commandReceipt, listOf, moment, page, personReference, reason, searchText } from './values.ts';

export const personState = z.enum(['invited', 'active', 'suspended', 'deactivated']);

export const person = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string().nullable(),
  role: z.string().nullable(),
  state: personState,
  /** The system's own word for the state, e.g. `inactive`. */
  status: z.string().nullable(),
  createdAt: moment.nullable(),
  updatedAt: moment.nullable(),
  lastSeenAt: moment.nullable(),
  /** Commands on this person that are not in force yet. */
  pending: z.number().int(),
});
export type Person = z.infer<typeof person>;

export const session = z.object({
  id: z.string(),
  address: z.string().nullable(),
  agent: z.string().nullable(),
  createdAt: moment.nullable(),
  expiresAt: moment.nullable(),
});

export const personDetail = person.extend({
  sessions: z.array(session),
  pendingCommands: z.array(z.object({ command: z.string(), name: z.string(), state: z.string(), madeAt: moment })),
  activity: z.array(z.object({ id: z.string(), action: z.string(), at: moment })),
  /** The legal hold that stands on them, as the organization's log tells it: while it does nobody erases them. */
  hold: z.object({ reason: z.string().nullable(), at: moment, device: z.string() }).nullable(),
  /** When they were erased, by the organization's log. */
  erasedAt: moment.nullable(),
});
export type PersonDetail = z.infer<typeof personDetail>;

const email = z.email('This is not an email address.').max(255);
const personName = z.string().trim().min(1, 'Give a name.').max(255);
const role = z.string().trim().min(1, 'Choose a role.').max(50);
const optionalReason = reason.optional();

export const peopleCalls = {
  'people.list': query(
    'unlocked',
    z.strictObject({
      search: searchText.optional(),
      role: z.string().max(50).optional(),
      state: personState.optional(),
      sort: z.enum(['name', 'email', 'role', 'state', 'createdAt', 'lastSeenAt']).default('name'),
      descending: z.boolean().default(false),
      ...page,
    }),
    listOf(person),
  ),
  'people.show': query('unlocked', z.strictObject({ person: personReference }), personDetail),
  /** The roles that the system offers, with how many people hold each. */
  'people.roles': query(
    'unlocked',
    z.strictObject({}),
    listOf(z.object({ name: z.string(), people: z.number().int() })),
  ),
  'people.create': command(
    'unlocked',
    z.strictObject({ email, name: personName, role, reason: optionalReason }),
    commandReceipt,
  ),
  'people.edit': command(
    'unlocked',
    z
      .strictObject({
        person: personReference,
        name: personName.optional(),
        email: email.optional(),
        reason: optionalReason,
      })
      .refine((edit) => edit.name !== undefined || edit.email !== undefined, 'Say what to change: name or email.'),
    commandReceipt,
  ),
  'people.deactivate': command('unlocked', z.strictObject({ person: personReference, reason }), commandReceipt),
  /**
   * Takes a person's name and address out of everything that Latchkey keeps, here, at central and on every device. Nobody can take it back, so
   * `confirm` has to be their email address once more.
   */
  'people.erase': command(
    'unlocked',
    z.strictObject({ person: personReference, reason, confirm: z.string().trim().max(320) }),
    commandReceipt,
  ),
  'people.hold': command('unlocked', z.strictObject({ person: personReference, reason }), commandReceipt),
  'people.release-hold': command('unlocked', z.strictObject({ person: personReference, reason }), commandReceipt),
  'people.reactivate': command(
    'unlocked',
    z.strictObject({ person: personReference, reason: optionalReason }),
    commandReceipt,
  ),
  'people.set-role': command(
    'unlocked',
    z.strictObject({ person: personReference, role, reason: optionalReason }),
    commandReceipt,
  ),
};
