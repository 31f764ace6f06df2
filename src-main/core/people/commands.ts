import { randomBytes } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { LatchkeyError } from '../../contract/errors.ts';
import type { CallName } from '../../contract/index.ts';
import { objectId } from '../audit/entry.ts';
import { holdOn } from '../audit/erasures.ts';
import type { Intent, Json, RowChange } from '../command/intent.ts';
import { hasRights, requireRights } from '../command/rights.ts';
import type { Decide, Decision, ReadContext } from '../handlers.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query, type ReadableMirror } from '../mirror/readable.ts';
import { requireCapability } from '../systems/capabilities.ts';
import type { PeopleMapping, RoleRows } from '../systems/system.ts';
import { keepAnAdministrator } from './administrators.ts';
import { called, type PersonRow, peopleWithEmail, personNamed } from './person-named.ts';

/** Somebody who is invited: no password is set here, and central lets nobody in by this row alone. */
const createPerson: Decide<'people.create'> = (context, { email, name, role, reason }) => {
  const { people } = context.system;
  requireCapability(context.system, 'people.create', 'email');
  requireCapability(context.system, 'people.names', 'name');
  requireKnownRole(context, role);
  requireFreeEmail(context, email);
  const id = uuidv7();
  const held = people.role?.held;
  const { words } = people.status ?? {};
  const set: Record<string, Json> = {
    [people.id]: id,
    ...(people.organization === null ? {} : { [people.organization]: context.organization.id }),
    [people.email]: email,
    ...nameColumns(people, name),
    // Where nobody is invited, they are let in: no password is set, so that the host's own login still asks for one.
    ...(people.status && words ? { [people.status.column]: (words.invited[0] ?? words.active[0])! } : {}),
    ...(held && 'column' in held ? { [held.column]: role } : {}),
    ...derivedColumns(people, id, email),
  };
  // Central gives everybody the initial role by itself, so a device that may not name roles can still invite.
  if (held && 'column' in held && role === people.role?.initial) {
    const mayNameRole = hasRights(context, { table: people.table, op: 'insert', columns: [held.column] });
    if (!mayNameRole) delete set[held.column];
  }
  requirePeopleRights(context, 'insert', Object.keys(set), `invite ${name} as ${role}`, 'email');
  return decided({
    name: 'person.create',
    summary: `Invited ${name} as ${role}`,
    reason,
    subject: { table: people.table, key: [id] },
    changes: [
      { table: people.table, key: [id], op: 'insert', set },
      ...(held && 'table' in held ? [newRoleRow(context, held, id, role)] : []),
    ],
  });
};

const editPerson: Decide<'people.edit'> = (context, { person: reference, name, email, reason }) => {
  const { people } = context.system;
  requireCapability(context.system, 'people.edit', 'person');
  const person = personNamed(context, reference);
  const set: Record<string, Json> = {};
  const parts: string[] = [];
  if (name !== undefined && name !== person.name) {
    requireCapability(context.system, 'people.names', 'name');
    Object.assign(set, nameColumns(people, name));
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
  const person = personNamed(context, reference);
  const { column, words } = statusOf(context);
  if (person.status !== null && words.deactivated.map(String).includes(person.status))
    throw noChange(`${called(person)} is deactivated already`, 'person');
  const set = { [column]: words.deactivated[0]! };
  requirePeopleRights(context, 'update', Object.keys(set), `deactivate ${called(person)}`, 'person');
  keepAnAdministrator(context, person, { isActive: false }, 'person');
  requireSomebodyElse(context, person, 'deactivates themself');
  const change = personChange(context, person, 'person.deactivate', `Deactivated ${called(person)}`, set, reason);
  return decided({ ...change, changes: [...change.changes, ...sessionEnds(context, person)] });
};

const reactivatePerson: Decide<'people.reactivate'> = (context, { person: reference, reason }) => {
  const person = personNamed(context, reference);
  const { column, words } = statusOf(context);
  if (person.state === 'active') throw noChange(`${called(person)} is active already`, 'person');
  if (person.state === 'invited')
    throw new LatchkeyError(
      'not-supported',
      `${called(person)} was invited and has not come in yet: there is nothing to reactivate. Nothing was changed. The invitation stands until they accept it.`,
      { field: 'person' },
    );
  if (person.status !== null && words.active.map(String).includes(person.status))
    throw new LatchkeyError(
      'not-supported',
      `${called(person)} was deleted at central, and nobody is brought back from here. Nothing was changed. Ask whoever runs ${context.system.title}.`,
      { field: 'person' },
    );
  const set = { [column]: words.active[0]! };
  requirePeopleRights(context, 'update', Object.keys(set), `reactivate ${called(person)}`, 'person');
  return decided(personChange(context, person, 'person.reactivate', `Reactivated ${called(person)}`, set, reason));
};

const setRole: Decide<'people.set-role'> = (context, { person: reference, role, reason }) => {
  const person = personNamed(context, reference);
  requireKnownRole(context, role);
  if (person.role === role) throw noChange(`${called(person)} has the role ${role} already`, 'role');
  const change = roleChange(context, person, role);
  keepAnAdministrator(context, person, { role }, 'role');
  requireSomebodyElse(context, person, 'changes their own role');
  const summary = `Changed ${called(person)}’s role from ${person.role ?? 'none'} to ${role}`;
  return decided({ ...personChange(context, person, 'person.set-role', summary, {}, reason), changes: [change] });
};

/** What stands in place of a name that was erased. */
const erasedName = 'Erased person';

const erasePerson: Decide<'people.erase'> = (context, { person: reference, reason, confirm }) => {
  const { people } = context.system;
  requireCapability(context.system, 'people.erase', 'person');
  requireAdministrator(context, 'erase people');
  const person = personNamed(context, reference);
  if (confirm.toLowerCase() !== person.email.toLowerCase())
    throw new LatchkeyError(
      'would-violate',
      'This is not the email address of the person who is to be erased. Nothing was changed. Nobody can take an erasure back: give their address once more.',
      { field: 'confirm' },
    );
  requireKnownByNoName(context, person);
  const hold = holdOn(context, person.id);
  if (hold)
    throw new LatchkeyError(
      'would-violate',
      `A legal hold stands on ${called(person)}${hold.reason === null ? '' : `: ${hold.reason}`}. Nothing was changed. Whoever placed it can say when it ends; then an administrator releases it.`,
      { field: 'person', details: { hold } },
    );
  // The reason is kept for good, and says in the register why somebody is not known any more.
  if ([person.email, person.name].some((name) => name && reason.toLowerCase().includes(name.toLowerCase())))
    throw new LatchkeyError(
      'would-violate',
      'The reason is kept for good, so it must not say who they were. Nothing was changed. Give it without their name and address.',
      { field: 'reason' },
    );
  keepAnAdministrator(context, person, { isActive: false }, 'person');
  requireSomebodyElse(context, person, 'erases themself');
  const { status } = people;
  const mark = `erased-${randomBytes(4).toString('hex')}`;
  const set: Record<string, Json> = {
    [people.email]: `${mark}@erased.invalid`,
    ...(people.name.length > 0 ? nameColumns(people, erasedName) : {}),
    ...(status && status.words.deactivated.length > 0 ? { [status.column]: status.words.deactivated[0]! } : {}),
    ...Object.fromEntries(
      Object.entries(people.derived ?? {}).flatMap(([column, how]) => (how.from === 'login' ? [[column, mark]] : [])),
    ),
    ...Object.fromEntries((people.erased ?? []).map((column) => [column, null])),
  };
  requirePeopleRights(context, 'update', Object.keys(set), `erase ${called(person)}`, 'person');
  const change = personChange(context, person, 'person.erase', 'Erased a person', set, reason);
  return decided({ ...change, changes: [...change.changes, ...sessionEnds(context, person)], erases: true });
};

const holdPerson: Decide<'people.hold'> = (context, { person: reference, reason }) => {
  requireAdministrator(context, 'place legal holds');
  const person = personNamed(context, reference);
  requireKnownByNoName(context, person);
  if (holdOn(context, person.id)) throw noChange(`A legal hold stands on ${called(person)} already`, 'person');
  const change = personChange(context, person, 'person.hold', `Placed a legal hold on ${called(person)}`, {}, reason);
  return decided({ ...change, changes: [] });
};

const releaseHold: Decide<'people.release-hold'> = (context, { person: reference, reason }) => {
  requireAdministrator(context, 'release legal holds');
  const person = personNamed(context, reference);
  if (!holdOn(context, person.id)) throw noChange(`No legal hold stands on ${called(person)}`, 'person');
  const summary = `Released the legal hold on ${called(person)}`;
  return decided({ ...personChange(context, person, 'person.release-hold', summary, {}, reason), changes: [] });
};

export const peopleCommands = {
  'people.create': createPerson,
  'people.edit': editPerson,
  'people.deactivate': deactivatePerson,
  'people.reactivate': reactivatePerson,
  'people.set-role': setRole,
  'people.erase': erasePerson,
  'people.hold': holdPerson,
  'people.release-hold': releaseHold,
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
  if (!sessions || !hasRights(context, { table: sessions.table, op: 'update', columns: [sessions.expiresAt] }))
    return [];
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
  const held = people.role?.held;
  const fields = {
    [people.email]: 'email',
    ...Object.fromEntries(people.name.map((column) => [column, 'name'])),
    ...(held && 'column' in held ? { [held.column]: 'role' } : {}),
  };
  requireRights(context, { table: people.table, op, columns, act, fields, field });
}

/** Given names and family name where they stand apart: the last word is the family's. */
function nameColumns({ name: columns }: PeopleMapping, name: string): Record<string, Json> {
  const [first, last] = columns;
  if (first === undefined) return {};
  if (last === undefined) return { [first]: name };
  const words = name.trim().split(/\s+/);
  return { [first]: words.slice(0, -1).join(' ') || words[0]!, [last]: words.length > 1 ? words.at(-1)! : null };
}

function derivedColumns({ derived = {} }: PeopleMapping, id: string, email: string): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(derived).map(([column, how]) => [
      column,
      how.from === 'constant' ? how.value : `${email.split('@')[0]!.slice(0, 80)}-${id.slice(-6)}`,
    ]),
  );
}

/** @throws LatchkeyError `not-supported` */
function statusOf({ system }: ReadContext): NonNullable<PeopleMapping['status']> {
  requireCapability(system, 'people.deactivate', 'person');
  return system.people.status!;
}

/** What gives somebody another role: a column of theirs, or the row that gave them the one they have. */
function roleChange(context: ReadContext, person: PersonRow, role: string): RowChange {
  const { people } = context.system;
  const held = people.role!.held;
  const act = `change ${called(person)}’s role`;
  if ('column' in held) {
    const set = { [held.column]: role };
    requirePeopleRights(context, 'update', Object.keys(set), act, 'person');
    return { table: people.table, key: [person.id], op: 'update', set };
  }
  const rows = roleRowsOf(context, held, person.id);
  if (rows.length > 1)
    throw new LatchkeyError(
      'not-supported',
      `${called(person)} has several roles (${rows.map(({ name }) => name).join(', ')}), and Latchkey changes the role of people who have one. Nothing was changed. Take the others away at central first.`,
      { field: 'person', details: { roles: rows.map(({ name }) => name) } },
    );
  const [row] = rows;
  const change: RowChange = row
    ? { table: held.table, key: row.key, op: 'update', set: { [held.role]: roleId(context, held, role) } }
    : newRoleRow(context, held, person.id, role);
  const { table, op, set } = change;
  requireRights(context, { table, op, columns: Object.keys(set), act, field: 'person' });
  return change;
}

function newRoleRow(context: ReadContext, held: RoleRows, person: string, role: string): RowChange {
  const id = uuidv7();
  const reference = roleId(context, held, role);
  const set = {
    ...(held.id === null ? {} : { [held.id]: id }),
    [held.person]: person,
    [held.role]: reference,
    ...(held.givenBy === null ? {} : { [held.givenBy]: context.operator.id }),
  };
  const act = `give somebody the role ${role}`;
  requireRights(context, { table: held.table, op: 'insert', columns: Object.keys(set), act, field: 'role' });
  return { table: held.table, key: held.id === null ? keyOf(context, held, set) : [id], op: 'insert', set };
}

function roleId({ mirror }: ReadContext, { roles }: RoleRows, role: string): string {
  const { id } = heldRows<{ id: string }>(
    mirror,
    sql`SELECT ${sql.id(roles.id)} AS id FROM ${sql.id(roles.table)} WHERE ${sql.id(roles.name)} = ${role}`,
  )[0]!;
  return id;
}

/** The rows that give a person their roles, with the names of those. */
function roleRowsOf(context: ReadContext, held: RoleRows, person: string): { key: Json[]; name: string }[] {
  const { table, roles } = held;
  const rows = heldRows<Record<string, string>>(
    context.mirror,
    sql`SELECT h.*, r.${sql.id(roles.name)} AS latchkey_role_name FROM ${sql.id(table)} h
      JOIN ${sql.id(roles.table)} r ON r.${sql.id(roles.id)} = h.${sql.id(held.role)} WHERE h.${sql.id(held.person)} = ${person}`,
  );
  return rows.map((row) => ({ key: keyOf(context, held, row), name: row.latchkey_role_name! }));
}

function keyOf({ tables }: ReadContext, { table }: RoleRows, row: Record<string, Json>): Json[] {
  return (tables.get(table)?.key ?? []).map((column) => row[column]!);
}

function heldRows<Row>(mirror: ReadableMirror, statement: RawBuilder<unknown>): Row[] {
  const { sql: text, parameters } = statement.compile(query);
  return mirror.database.prepare(text).all(...parameters) as Row[];
}

function requireKnownRole({ mirror, system }: ReadContext, role: string): void {
  requireCapability(system, 'people.roles', 'role');
  const values = mirror
    .all(query.selectFrom('latchkey_role').select('name').orderBy('position'))
    .map(({ name }) => name);
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

/** @throws LatchkeyError `not-permitted` */
function requireAdministrator({ capability }: ReadContext, act: string): void {
  if (capability === 'admin') return;
  throw new LatchkeyError(
    'not-permitted',
    `This device may not ${act}: it was enrolled as ${capability}. Nothing was changed. Ask somebody whose device is an administrator’s.`,
    { field: 'person', details: { capability } },
  );
}

/** The key of a row stays in every hash, and where it names the person there is no letting go of the name. */
function requireKnownByNoName({ organization, system }: ReadContext, person: PersonRow): void {
  if (objectId(organization.id, system.people.table, person.id) === person.id) return;
  throw new LatchkeyError(
    'not-supported',
    `${system.title} knows people by keys that may name them, and keys cannot be erased. Nothing was changed.`,
    { field: 'person' },
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
