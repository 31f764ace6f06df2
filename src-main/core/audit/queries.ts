import { sql } from 'kysely';
import type { AuditItem } from '../../contract/audit.ts';
import { LatchkeyError } from '../../contract/errors.ts';
import type { CallName } from '../../contract/index.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { asMoment } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import type { OutboxRow } from '../mirror/schema.ts';
import { fieldChangesOf } from '../outbox/queries.ts';
import { readEvent } from './event.ts';
import { centralMatching, ownMatching } from './matching.ts';

/** What stands before the id of a command that is listed among central's events. */
const commandMark = 'command:';

/**
 * Central's events and this device's commands that central's events do not tell of (yet), newest first. A command that was
 * undone or refused stays in the list: it happened here.
 */
const listAudit: Query<'audit.list'> = (context, request) => {
  const { mirror, operator } = context;
  const central = centralMatching(context, request);
  const own = ownMatching(context, request);
  const rows = mirror.all(
    central
      .select(activityColumns)
      .unionAll(own.select(commandColumns(operator.id)))
      .orderBy('at', 'desc')
      .orderBy('own', 'desc')
      .orderBy('place', 'desc')
      .limit(request.limit)
      .offset(request.offset),
  );
  const counts = [
    mirror.first(central.select((all) => all.fn.countAll<number>().as('n'))),
    mirror.first(own.select((all) => all.fn.countAll<number>().as('n'))),
  ];
  return {
    items: asItems(context, rows),
    total: counts.reduce((sum, count) => sum + (count?.n ?? 0), 0),
  };
};

const showAudit: Query<'audit.show'> = (context, { id }) => {
  const { mirror, operator } = context;
  const row = id.startsWith(commandMark)
    ? mirror.first(
        query
          .selectFrom('latchkey_outbox')
          .where('command', '=', id.slice(commandMark.length))
          .select(commandColumns(operator.id)),
      )
    : mirror.first(query.selectFrom('latchkey_activity').where('id', '=', id).select(activityColumns));
  const [item] = row ? asItems(context, [row]) : [];
  if (!row || !item)
    throw new LatchkeyError(
      'not-found',
      'There is no audit event with this id in the mirror. It may be older than what this device keeps, or not be here until the next sync.',
      { field: 'id' },
    );
  return { ...item, entry: entryOf(context, commandOf(context, row)) };
};

const listActions: Query<'audit.actions'> = (context) => {
  const { mirror } = context;
  const central = mirror.all(
    query
      .selectFrom('latchkey_activity')
      .groupBy('action')
      .select((all) => ['action', all.fn.countAll<number>().as('count')]),
  );
  const own = mirror.all(
    ownMatching(context, {})
      .groupBy('name')
      .select((all) => ['name as action', all.fn.countAll<number>().as('count')]),
  );
  const counts = new Map<string, number>();
  for (const { action, count } of [...central, ...own]) {
    if (action !== null) counts.set(action, (counts.get(action) ?? 0) + count);
  }
  const items = [...counts].map(([action, count]) => ({ action, count }));
  items.sort((one, other) => (one.action < other.action ? -1 : 1));
  return { items, total: items.length };
};

export const auditQueries = {
  'audit.list': listAudit,
  'audit.show': showAudit,
  'audit.actions': listActions,
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
  /** Order among lines of one moment: central's id, or the command's place in the outbox. */
  place: unknown;
  own: number;
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
  sql<unknown>`latchkey_activity.id`.as('place'),
  sql<number>`0`.as('own'),
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
    sql<unknown>`position`.as('place'),
    sql<number>`1`.as('own'),
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
function named({ mirror, system }: ReadContext, items: AuditItem[]): AuditItem[] {
  const { people, keys } = system;
  const objectsOf = (table: string) => items.flatMap(({ object }) => (object?.table === table ? [object.key] : []));
  const personIds = new Set([...items.flatMap(({ actor }) => (actor ? [actor.id] : [])), ...objectsOf(people.table)]);
  const keyIds = new Set(objectsOf(keys.table));
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
      names.set(`${keys.table} ${key.id}`, key.label ?? key.prefix);
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
