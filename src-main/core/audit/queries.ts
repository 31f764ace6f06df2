import { sql } from 'kysely';
import type { AuditItem } from '../../contract/audit.ts';
import { LatchkeyError } from '../../contract/errors.ts';
import type { CallName, Output } from '../../contract/index.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { asMoment } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import type { OutboxRow } from '../mirror/schema.ts';
import { fieldChangesOf } from '../outbox/queries.ts';
import { type DailyCount, dailyCounts } from './daily.ts';
import { readEvent } from './event.ts';
import { facetsOf } from './facets.ts';
import { everything, ownMatching, type Question, questionOf } from './matching.ts';
import { centralPlaces } from './places.ts';

/** What stands before the id of a command that is listed among central's events. */
const commandMark = 'command:';

/**
 * Central's events and this device's commands that central's events do not tell of (yet), newest first. A command that was
 * undone or refused stays in the list: it happened here.
 */
const listAudit: Query<'audit.list'> = (context, request) => {
  const { offset, limit } = request;
  const question = questionOf(context, request);
  const own = ownPlaces(context, question);
  // However the two lists mix, the page's part of central's begins at most so many rows before it.
  const from = Math.max(0, offset - own.length);
  const central = centralPlaces(context, question, from, offset + limit - from);
  const page = mixed(central.places, own, from, offset, limit);
  return {
    items: asItems(context, linesAt(context, page)),
    total: central.total + own.length,
    more: central.more,
  };
};

/** A line of the list before it is read: an event's row, or a command. */
type Entry = { at: string | null } & ({ row_id: number } | { command: string });

function ownPlaces({ mirror, ...context }: ReadContext, question: Question) {
  const own = ownMatching({ mirror, ...context }, question);
  return mirror.all(own.select(['made_at as at', 'command']).orderBy('made_at', 'desc').orderBy('position', 'desc'));
}

/**
 * The page of both lists as one. `central` begins at its place `from`, which is 0 or as many places before the page as there are
 * commands.
 */
function mixed(central: readonly Entry[], own: readonly Entry[], from: number, offset: number, limit: number): Entry[] {
  const precedes = (command: Entry, event: Entry) => (command.at ?? '') >= (event.at ?? '');
  const [start] = central;
  // Past the end of central's events there is nothing: as many places as there are commands were allowed for.
  if (from > 0 && !start) return [];
  let taken = from === 0 ? 0 : own.filter((command) => precedes(command, start!)).length;
  const skip = offset - from - taken;
  const all: Entry[] = [];
  for (const event of central) {
    while (taken < own.length && precedes(own[taken]!, event)) all.push(own[taken++]!);
    all.push(event);
  }
  return [...all, ...own.slice(taken)].slice(skip, skip + limit);
}

function linesAt({ mirror, operator }: ReadContext, entries: readonly Entry[]): Line[] {
  const rowIds = entries.flatMap((entry) => ('row_id' in entry ? [entry.row_id] : []));
  const commands = entries.flatMap((entry) => ('command' in entry ? [entry.command] : []));
  const events = query.selectFrom('latchkey_activity').where('row_id', 'in', rowIds);
  const own = query.selectFrom('latchkey_outbox').where('command', 'in', commands);
  const byRow = new Map(mirror.all(events.select(['row_id', ...activityColumns])).map((line) => [line.row_id, line]));
  const byCommand = new Map(
    mirror.all(own.select(['command', ...commandColumns(operator.id)])).map((line) => [line.command, line]),
  );
  return entries.map((entry) => ('row_id' in entry ? byRow.get(entry.row_id)! : byCommand.get(entry.command)!));
}

const showAudit: Query<'audit.show'> = (context, { id }) => {
  const { mirror, operator } = context;
  const row = id.startsWith(commandMark)
    ? mirror.first(
        query
          .selectFrom('latchkey_outbox')
          .where('command', '=', id.slice(commandMark.length))
          .select(commandColumns(operator.id)),
      )
    : mirror.first(
        query
          .selectFrom('latchkey_activity')
          // Found in an index that begins with the moment, where it need not look at rows.
          .where('row_id', 'in', query.selectFrom('latchkey_activity').select('row_id').where('id', '=', id))
          .select(activityColumns),
      );
  const [item] = row ? asItems(context, [row]) : [];
  if (!row || !item)
    throw new LatchkeyError(
      'not-found',
      'There is no audit event with this id in the mirror. It may be older than what this device keeps, or not be here until the next sync.',
      { field: 'id' },
    );
  const command = commandOf(context, row);
  return {
    ...item,
    about: kindOf(context, item.object?.table),
    entry: entryOf(context, command),
    command: command === null ? null : { id: command, own: isOwn(context, command) },
    sessions: sessionsAt(context, row.actor_id, row.at),
  };
};

function kindOf({ system }: ReadContext, table: string | undefined): 'person' | 'key' | null {
  if (table === system.people.table) return 'person';
  return table !== undefined && table === system.keys?.table ? 'key' : null;
}

/** So many sessions that were open at once are told. */
const sessionsTold = 5;

function sessionsAt({ mirror }: ReadContext, person: string | null, at: string | null) {
  if (person === null || at === null) return [];
  // Stored moments end in `Z` or not: without it, one sorts before itself.
  const moment = at.replace(/Z$/, '');
  const open = query
    .selectFrom('latchkey_session')
    .selectAll()
    .where('person_id', '=', person)
    .where('created_at', '<=', `${moment}Z`)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>=', moment)]))
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(sessionsTold);
  return mirror.all(open).map(({ id, address, agent, created_at, expires_at }) => ({
    id,
    address,
    agent,
    createdAt: asMoment(created_at),
    expiresAt: asMoment(expires_at),
  }));
}

function isOwn({ mirror }: ReadContext, command: string): boolean {
  return (
    mirror.first(query.selectFrom('latchkey_outbox').select('command').where('command', '=', command)) !== undefined
  );
}

const listActions: Query<'audit.actions'> = (context) => {
  const counts = new Map<string, number>();
  for (const { action, events } of eventCounts(context, everything))
    if (action !== '') counts.set(action, (counts.get(action) ?? 0) + events);
  const items = [...counts].map(([action, count]) => ({ action, count }));
  items.sort((one, other) => (one.action < other.action ? -1 : 1));
  return { items, total: items.length };
};

const countAudit: Query<'audit.counts'> = (context, { by, ...filter }) => {
  const question = { ...everything, ...questionOf(context, filter) };
  const items = new Map<string, Output<'audit.counts'>['items'][number]>();
  for (const { day, action, events } of eventCounts(context, question)) {
    const group = { ...(by === 'action' ? {} : { day }), ...(by === 'day' ? {} : { action }) };
    const name = JSON.stringify(group);
    items.set(name, { ...group, count: (items.get(name)?.count ?? 0) + events });
  }
  const sorted = [...items.values()].sort((one, other) =>
    one.day === other.day
      ? (one.action ?? '') < (other.action ?? '')
        ? -1
        : 1
      : (one.day ?? '') < (other.day ?? '')
        ? -1
        : 1,
  );
  return { items: sorted, total: sorted.reduce((sum, { count }) => sum + count, 0) };
};

/** Both sides of the list, counted by day and action. */
function eventCounts(context: ReadContext, question: Question): DailyCount[] {
  const own = ownMatching(context, question)
    .select((all) => [
      sql<string>`substr(made_at, 1, 10)`.as('day'),
      'name as action',
      all.fn.countAll<number>().as('events'),
    ])
    .groupBy(['day', 'action']);
  return [...dailyCounts(context, question), ...context.mirror.all(own)];
}

const facetAudit: Query<'audit.facets'> = (context, filter) => facetsOf(context, questionOf(context, filter));

export const auditQueries = {
  'audit.list': listAudit,
  'audit.show': showAudit,
  'audit.actions': listActions,
  'audit.counts': countAudit,
  'audit.facets': facetAudit,
} satisfies { [Name in CallName]?: Query<Name> };

/** One line of the list, from either side. */
interface Line {
  id: string;
  at: string | null;
  actor_id: string | null;
  action: string | null;
  origin: AuditItem['origin'];
  /** Text of an event's data; of a command's changes. */
  data: string | null;
  reason: string | null;
  subject_table: string | null;
  subject_key: string | null;
}

const nothing = sql<string | null>`NULL`;

const activityColumns = [
  sql<string>`CAST(latchkey_activity.id AS TEXT)`.as('id'),
  sql.ref<string | null>('at').as('at'),
  sql.ref<string | null>('actor_id').as('actor_id'),
  sql.ref<string | null>('action').as('action'),
  sql<AuditItem['origin']>`'central'`.as('origin'),
  sql.ref<string | null>('data').as('data'),
  nothing.as('reason'),
  nothing.as('subject_table'),
  nothing.as('subject_key'),
];

function commandColumns(operator: string) {
  return [
    sql<string>`${sql.lit(commandMark)} || command`.as('id'),
    sql.ref<string | null>('made_at').as('at'),
    sql<string | null>`${operator}`.as('actor_id'),
    sql.ref<string | null>('name').as('action'),
    sql.ref<AuditItem['origin']>('state').as('origin'),
    sql.ref<string | null>('changes').as('data'),
    sql.ref<string | null>('reason').as('reason'),
    sql.ref<string | null>('subject_table').as('subject_table'),
    sql.ref<string | null>('subject_key').as('subject_key'),
  ];
}

function asItems(context: ReadContext, lines: readonly Line[]): AuditItem[] {
  const { system } = context;
  const items = lines.map((line): AuditItem => {
    const told = line.origin === 'central' ? readEvent(line.data, system) : ownEvent(context, line);
    return {
      id: line.id,
      at: asMoment(line.at) ?? '',
      action: line.action ?? '',
      actor: line.actor_id === null ? null : { id: line.actor_id, name: null },
      object: told.subject && { ...told.subject, name: null },
      reason: told.reason,
      changes: told.changes,
      data: told.data,
      origin: line.origin,
      device: told.device,
    };
  });
  return named(context, items);
}

function ownEvent({ system, device }: ReadContext, line: Line) {
  const subject =
    line.subject_table === null || line.subject_key === null
      ? null
      : { table: line.subject_table, key: line.subject_key };
  const row: Pick<OutboxRow, 'changes' | 'made_at'> = { changes: line.data ?? '', made_at: line.at ?? '' };
  return { subject, reason: line.reason, changes: fieldChangesOf(row, system), data: null, device: device.name };
}

/** Says who and what the ids stand for, as far as the mirror knows them now. */
export function named<Item extends Pick<AuditItem, 'actor' | 'object'>>(
  { mirror, system }: Pick<ReadContext, 'mirror' | 'system'>,
  items: Item[],
): Item[] {
  const { people, keys } = system;
  const objectsOf = (table: string) => items.flatMap(({ object }) => (object?.table === table ? [object.key] : []));
  const personIds = new Set([...items.flatMap(({ actor }) => (actor ? [actor.id] : [])), ...objectsOf(people.table)]);
  const keyIds = new Set(keys ? objectsOf(keys.table) : []);
  const names = new Map<string, string | null>();
  if (personIds.size > 0)
    for (const person of mirror.all(
      query
        .selectFrom('latchkey_person')
        .select(['id', 'name', 'email'])
        .where('id', 'in', [...personIds]),
    ))
      names.set(`${people.table} ${person.id}`, person.name ?? person.email);
  if (keyIds.size > 0)
    for (const key of mirror.all(
      query
        .selectFrom('latchkey_api_key')
        .select(['id', 'label', 'prefix'])
        .where('id', 'in', [...keyIds]),
    ))
      names.set(`${keys?.table} ${key.id}`, key.label ?? key.prefix);
  return items.map((item) => ({
    ...item,
    actor: item.actor && { ...item.actor, name: names.get(`${people.table} ${item.actor.id}`) ?? null },
    object: item.object && { ...item.object, name: names.get(`${item.object.table} ${item.object.key}`) ?? null },
  }));
}

function commandOf({ system }: ReadContext, line: Line): string | null {
  return line.origin === 'central' ? readEvent(line.data, system).command : line.id.slice(commandMark.length);
}

/** The exact bytes of the log entry about a command, where this device made it. */
function entryOf({ mirror }: ReadContext, command: string | null): string | null {
  if (command === null) return null;
  const entry = mirror.first(
    query.selectFrom('latchkey_entry').select('bytes').where('command', '=', command).orderBy('position').limit(1),
  );
  return entry ? Buffer.from(entry.bytes).toString('utf8') : null;
}
