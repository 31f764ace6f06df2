import { sql } from 'kysely';
import type { CallName, Request } from '../../contract/index.ts';
import type { Person } from '../../contract/people.ts';
import { newestEventsOf } from '../audit/places.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { asMoment } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import { contains, containsFolded } from '../mirror/search.ts';
import { pendingCommands, pendingCounts } from '../outbox/queries.ts';
import { type PersonRow, personNamed } from './person-named.ts';

export { peopleWithEmail } from './person-named.ts';

/** A page about one person shows the newest so many sessions and events. */
const sessionsShown = 200;
const activityShown = 50;

/** So many people are looked up by id sooner than they are searched for a second time, in the order of the list. */
const few = 1_000;

const listPeople: Query<'people.list'> = (context, request) => {
  const people = narrowed(context, matching(context, request), request);
  const page = sorted(people, request).selectAll('latchkey_person').limit(request.limit).offset(request.offset);
  const total = context.mirror.first(people.select((all) => all.fn.countAll<number>().as('n')))?.n ?? 0;
  return { items: asPeople(context, context.mirror.all(page)), total };
};

/** Looks through everybody once: the page and the total then ask of those who were found, where they are few. */
function narrowed({ mirror }: ReadContext, people: ReturnType<typeof matching>, { search }: Request<'people.list'>) {
  if (!search) return people;
  const found = mirror.all(people.select('id').limit(few + 1)).map(({ id }) => id);
  return found.length > few ? people : query.selectFrom('latchkey_person').where('id', 'in', found);
}

function matching({ mirror }: ReadContext, { search, role, state }: Request<'people.list'>) {
  let people = query.selectFrom('latchkey_person');
  if (role !== undefined) people = people.where('role', '=', role);
  if (state) people = people.where('state', '=', state);
  if (search)
    people = people.where((where) =>
      where.or([
        containsFolded(mirror, 'name', search),
        contains('email', search),
        contains('id', search),
        contains('role', search),
      ]),
    );
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
  SELECT max(created_at) AS seen FROM latchkey_session WHERE person_id = latchkey_person.id
  UNION ALL SELECT at FROM latchkey_last_event WHERE actor = CAST(latchkey_person.id AS TEXT)))`;

/** Looks up what lists do not sort by for the rows of one page alone: 100,000 people are listed as fast as 100. */
function asPeople({ mirror, system }: ReadContext, rows: readonly PersonRow[]): Person[] {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const pending = pendingCounts(mirror, system.people.table, ids);
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
    pendingCommands: pendingCommands(mirror, system.people.table, row.id),
    activity: activity.map(({ id, action, at }) => ({ id, action: action ?? '', at: asMoment(at) ?? '' })),
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
