import { uuidv7 } from 'uuidv7';
import { LatchkeyError } from '../../contract/errors.ts';
import type { CallName } from '../../contract/index.ts';
import type { Intent, Json, RowChange } from '../command/intent.ts';
import { hasRights, requireRights } from '../command/rights.ts';
import type { Decide, Decision, ReadContext } from '../handlers.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import { keepAnAdministrator } from './administrators.ts';
import { called, type PersonRow, peopleWithEmail, personNamed } from './person-named.ts';

/** Somebody who is invited: no password is set here, and central lets nobody in by this row alone. */
const createPerson: Decide<'people.create'> = (context, { email, name, role, reason }) => {
  const { people } = context.system;
  requireKnownRole(context, role);
  requireFreeEmail(context, email);
  const id = uuidv7();
  const set: Record<string, Json> = {
    [people.id]: id,
    [people.organization]: context.organization.id,
    [people.email]: email,
    [people.name]: name,
    [people.status.column]: people.status.words.invited[0]!,
    [people.role.column]: role,
  };
  // Central gives everybody the initial role by itself, so a device that may not name roles can still invite.
  const mayNameRole = hasRights(context, { table: people.table, op: 'insert', columns: [people.role.column] });
  if (role === people.role.initial && !mayNameRole) delete set[people.role.column];
  requirePeopleRights(context, 'insert', Object.keys(set), `invite ${name} as ${role}`, 'email');
  return decided({
    name: 'person.create',
    summary: `Invited ${name} as ${role}`,
    reason,
    subject: { table: people.table, key: [id] },
    changes: [{ table: people.table, key: [id], op: 'insert', set }],
  });
};

const editPerson: Decide<'people.edit'> = (context, { person: reference, name, email, reason }) => {
  const { people } = context.system;
  const person = personNamed(context, reference);
  const set: Record<string, Json> = {};
  const parts: string[] = [];
  if (name !== undefined && name !== person.name) {
    set[people.name] = name;
    parts.push(`name to ${name}`);
  }
  if (email !== undefined && email !== person.email) {
    requireFreeEmail(context, email, person);
    set[people.email] = email;
    parts.push(`email address to ${email}`);
  }
  if (parts.length === 0) {
    const field = name === undefined ? 'email' : 'name';
    throw noChange(`${called(person)} has this ${field} already`, field);
  }
  requirePeopleRights(context, 'update', Object.keys(set), `edit ${called(person)}`, 'person');
  return decided(
    personChange(context, person, 'person.edit', `Changed ${called(person)}’s ${parts.join(' and ')}`, set, reason),
  );
};

const deactivatePerson: Decide<'people.deactivate'> = (context, { person: reference, reason }) => {
  const { people } = context.system;
  const person = personNamed(context, reference);
  if (person.status !== null && people.status.words.deactivated.includes(person.status))
    throw noChange(`${called(person)} is deactivated already`, 'person');
  const set = { [people.status.column]: people.status.words.deactivated[0]! };
  requirePeopleRights(context, 'update', Object.keys(set), `deactivate ${called(person)}`, 'person');
  keepAnAdministrator(context, person, set, 'person');
  requireSomebodyElse(context, person, 'deactivates themself');
  const change = personChange(context, person, 'person.deactivate', `Deactivated ${called(person)}`, set, reason);
  return decided({ ...change, changes: [...change.changes, ...sessionEnds(context, person)] });
};

const reactivatePerson: Decide<'people.reactivate'> = (context, { person: reference, reason }) => {
  const { people } = context.system;
  const person = personNamed(context, reference);
  if (person.state === 'active') throw noChange(`${called(person)} is active already`, 'person');
  if (person.state === 'invited')
    throw new LatchkeyError(
      'not-supported',
      `${called(person)} was invited and has not come in yet: there is nothing to reactivate. Nothing was changed. The invitation stands until they accept it.`,
      { field: 'person' },
    );
  const set = { [people.status.column]: people.status.words.active[0]! };
  requirePeopleRights(context, 'update', Object.keys(set), `reactivate ${called(person)}`, 'person');
  return decided(personChange(context, person, 'person.reactivate', `Reactivated ${called(person)}`, set, reason));
};

const setRole: Decide<'people.set-role'> = (context, { person: reference, role, reason }) => {
  const { people } = context.system;
  const person = personNamed(context, reference);
  requireKnownRole(context, role);
  if (person.role === role) throw noChange(`${called(person)} has the role ${role} already`, 'role');
  const set = { [people.role.column]: role };
  requirePeopleRights(context, 'update', Object.keys(set), `change ${called(person)}’s role`, 'person');
  keepAnAdministrator(context, person, set, 'role');
  requireSomebodyElse(context, person, 'changes their own role');
  const summary = `Changed ${called(person)}’s role from ${person.role ?? 'none'} to ${role}`;
  return decided(personChange(context, person, 'person.set-role', summary, set, reason));
};

export const peopleCommands = {
  'people.create': createPerson,
  'people.edit': editPerson,
  'people.deactivate': deactivatePerson,
  'people.reactivate': reactivatePerson,
  'people.set-role': setRole,
} satisfies { [Name in CallName]?: Decide<Name> };

type PeopleCommand = keyof typeof peopleCommands;

function decided(intent: Intent): Decision<PeopleCommand> {
  return { intent, answer: {} };
}

function personChange(
  { system }: ReadContext,
  person: PersonRow,
  name: string,
  summary: string,
  set: Record<string, Json>,
  reason: string | undefined,
): Intent {
  const { table } = system.people;
  return {
    name,
    summary,
    reason,
    subject: { table, key: [person.id] },
    changes: [{ table, key: [person.id], op: 'update', set }],
  };
}

/** Ends what is still running, from the moment at which central accepts; nothing where this device may not end sessions. */
function sessionEnds(context: ReadContext, person: PersonRow): RowChange[] {
  const { sessions } = context.system;
  if (!hasRights(context, { table: sessions.table, op: 'update', columns: [sessions.expiresAt] })) return [];
  // What had expired by central's own clock when it was last asked needs no end; this device's clock may be ahead by any amount.
  const lastAsked = Date.parse(context.mirror.meta('central_now') ?? '');
  const since = momentParameter(Math.min(context.now, Number.isNaN(lastAsked) ? context.now : lastAsked));
  const running = context.mirror.all(
    query
      .selectFrom('latchkey_session')
      .select('id')
      .where('person_id', '=', person.id)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', since)]))
      .orderBy('id'),
  );
  return running.map(({ id }) => ({
    table: sessions.table,
    key: [id],
    op: 'update',
    set: {},
    fromAcceptance: { [sessions.expiresAt]: 0 },
  }));
}

function requirePeopleRights(
  context: ReadContext,
  op: 'insert' | 'update',
  columns: string[],
  act: string,
  field: string,
): void {
  const { people } = context.system;
  const fields = { [people.email]: 'email', [people.name]: 'name', [people.role.column]: 'role' };
  requireRights(context, { table: people.table, op, columns, act, fields, field });
}

function requireKnownRole({ system }: ReadContext, role: string): void {
  const { values } = system.people.role;
  if (values.includes(role)) return;
  throw new LatchkeyError(
    'would-violate',
    `There is no role “${role}” in ${system.title}. Nothing was changed. Choose one of: ${values.join(', ')}.`,
    { field: 'role', details: { roles: values } },
  );
}

/** An address that differs by case alone is taken too: mail and people do not tell the two apart. */
function requireFreeEmail(context: ReadContext, email: string, except?: PersonRow): void {
  const holder = peopleWithEmail(context, email).find(({ id }) => id !== except?.id);
  if (!holder) return;
  const what = holder.state === 'deactivated' ? ', who is deactivated and could be reactivated' : '';
  throw new LatchkeyError(
    'would-violate',
    `The email address ${holder.email} belongs to ${called(holder)} already${what}. Nothing was changed. Give another address.`,
    { field: 'email', details: { person: holder.id } },
  );
}

function requireSomebodyElse({ operator }: ReadContext, person: PersonRow, what: string): void {
  if (person.id !== operator.id) return;
  throw new LatchkeyError('not-permitted', `Nobody ${what}. Nothing was changed. Ask another administrator to do it.`, {
    field: 'person',
  });
}

function noChange(why: string, field: string): LatchkeyError {
  return new LatchkeyError('would-violate', `${why}, so there is nothing to change.`, { field });
}
