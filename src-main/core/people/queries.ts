import { sql } from 'kysely';
import type { CallName, Request } from '../../contract/index.ts';
import type { Person } from '../../contract/people.ts';
import { erasedAt, holdOn } from '../audit/erasures.ts';
import { newestEventsOf } from '../audit/places.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { asMoment } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import { isAmong, rowsContaining } from '../mirror/substrings.ts';
import { pendingCommands, pendingCounts } from '../outbox/queries.ts';
import { type PersonRow, personNamed } from './person-named.ts';

export { peopleWithEmail } from './person-named.ts';

/** A page about one person shows the newest so many sessions and events. */
const sessionsShown = 200;
const activityShown = 50;

const listPeople: Query<'people.list'> = (context, request) => {
  const { mirror, system } = context;
  const { search, role, state, limit, offset } = request;
  const found = search ? rowsContaining(context, system.people.table, search) : null;
  const people = matching(request, found);
  const page = sorted(people, request).selectAll('latchkey_person').limit(limit).offset(offset);
  const isAll = found !== null && role === undefined && state === undefined;
  const total = isAll
    ? found.length
    : (mirror.first(people.select((all) => all.fn.countAll<number>().as('n')))?.n ?? 0);
  return { items: asPeople(context, mirror.all(page)), total };
};

function matching({ role, state }: Request<'people.list'>, found: number[] | null) {
  let people = query.selectFrom('latchkey_person');
  if (role !== undefined) people = people.where('role', '=', role);
  if (state) people = people.where('state', '=', state);
  if (found) people = people.where(isAmong(found));
  return people;
}

const sortColumns = { role: 'role', state: 'state', createdAt: 'created_at' } as const;

function sorted(people: ReturnType<typeof matching>, { sort, descending }: Request<'people.list'>) {
  const direction = descending ? 'desc' : 'asc';
  const bySort =
    sort === 'name' || sort === 'email'
      ? people.orderBy(sort, (term) => term.collate('nocase')[direction]().nullsLast())
      : people.orderBy(sort === 'lastSeenAt' ? lastSeen : sql.ref(sortColumns[sort]), (term) =>
          term[direction]().nullsLast(),
        );
  // Pages neither repeat nor skip anybody among equals.
  return bySort.orderBy('id');
}

/** The newest sign of a person: the start of a session, or something that they did. */
const lastSeen = sql<string | null>`(SELECT max(seen) FROM (
  SELECT latchkey_person.last_login_at AS seen
  UNION ALL SELECT max(created_at) FROM latchkey_session WHERE person_id = latchkey_person.id
  UNION ALL SELECT at FROM latchkey_last_event WHERE actor = CAST(latchkey_person.id AS TEXT)))`;

/** Looks up what lists do not sort by for the rows of one page alone: 100,000 people are listed as fast as 100. */
function asPeople({ mirror, system }: ReadContext, rows: readonly PersonRow[]): Person[] {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const pending = pendingCounts(mirror, [system.people.table], ids);
  const seen = new Map(
    mirror
      .all(
        query
          .selectFrom('latchkey_person')
          .where('id', 'in', ids)
          .select(['id', lastSeen.as('seen')]),
      )
      .map((row) => [row.id, row.seen]),
  );
  return rows.map((row) => ({
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    state: row.state,
    status: row.status,
    createdAt: asMoment(row.created_at),
    updatedAt: asMoment(row.updated_at),
    lastSeenAt: asMoment(seen.get(row.id) ?? null),
    pending: pending.get(row.id) ?? 0,
  }));
}

const showPerson: Query<'people.show'> = (context, request) => {
  const { mirror, system } = context;
  const row = personNamed(context, request.person);
  const [person] = asPeople(context, [row]);
  const sessions = mirror.all(
    query
      .selectFrom('latchkey_session')
      .selectAll()
      .where('person_id', '=', row.id)
      .orderBy('created_at', 'desc')
      .orderBy('id')
      .limit(sessionsShown),
  );
  const activity = newestEventsOf(context, row.id, activityShown);
  return {
    ...(person as Person),
    sessions: sessions.map(({ id, address, agent, created_at, expires_at }) => ({
      id,
      address,
      agent,
      createdAt: asMoment(created_at),
      expiresAt: asMoment(expires_at),
    })),
    pendingCommands: pendingCommands(mirror, [system.people.table], row.id),
    activity: activity.map(({ id, action, at }) => ({ id, action: action ?? '', at: asMoment(at) ?? '' })),
    hold: holdOn(context, row.id),
    erasedAt: erasedAt(context, row.id),
  };
};

const listRoles: Query<'people.roles'> = ({ mirror }) => {
  const roles = mirror.all(query.selectFrom('latchkey_role').select('name').orderBy('position'));
  const held = mirror.all(
    query
      .selectFrom('latchkey_person')
      .groupBy('role')
      .select((person) => ['role', person.fn.countAll<number>().as('people')]),
  );
  const people = new Map(held.map((row) => [row.role, row.people]));
  return { items: roles.map(({ name }) => ({ name, people: people.get(name) ?? 0 })), total: roles.length };
};

export const peopleQueries = {
  'people.list': listPeople,
  'people.show': showPerson,
  'people.roles': listRoles,
} satisfies { [Name in CallName]?: Query<Name> };
