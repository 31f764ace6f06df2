import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName } from '../quoting.ts';
import { listed } from '../systems/places.ts';
import type { SystemMapping } from '../systems/system.ts';
import { findOrganization, installedSystem, organizationsSql } from './enroll.ts';
import { relationOf } from './host-tables.ts';
import { inOneTransaction, installError } from './own-objects.ts';

interface Organization {
  id: string;
  name: string;
}

export interface Member {
  id: string;
  email: string | null;
  /** Null: nobody has stated it yet, and no device sees them. */
  organization: Organization | null;
}

export interface StatedMember {
  id: string;
  email: string | null;
  before: Organization | null;
  after: Organization | null;
  /** That may still connect for where this person does not belong any more: what they send is quarantined. */
  devices: { id: string; name: string }[];
}

export interface Statement {
  dryRun: boolean;
  people: StatedMember[];
}

/** Where a sidecar says who belongs to whom, as SQL: `p`, the people, and `m`, what is stated of them. */
interface Places {
  people: string;
  memberships: string;
  id: string;
  email: string;
  /** What the sidecar knows a person by, in either table. */
  ofPerson: string;
  stated: string;
  organization: string;
}

/** @throws LatchkeyError `not-supported` where the system itself says who belongs to whom */
function placesOf(system: SystemMapping): Places {
  const { people, tables } = system;
  const { tenancy } = tables[people.table]!;
  const parent = tenancy.class === 'path' ? tables[tenancy.parent] : undefined;
  if (tenancy.class !== 'path' || !parent?.sidecar || parent.tenancy.class !== 'organization')
    throw new LatchkeyError(
      'not-supported',
      `${system.title} says itself which organization a person belongs to, so there is nothing to state. Nothing was changed.`,
    );
  return {
    people: relationOf(system, { name: people.table }),
    memberships: relationOf(system, { name: tenancy.parent }),
    id: `p.${quoteName(people.id)}::TEXT`,
    email: `p.${quoteName(people.email)}::TEXT`,
    ofPerson: quoteName(tenancy.column),
    stated: quoteName(tenancy.parentKey),
    organization: quoteName(parent.tenancy.column),
  };
}

/**
 * People with the organization that is stated of them, by email address.
 * @param options.organization by id or name: its members alone
 * @param options.unstated those of whom nothing is stated
 * @throws LatchkeyError `not-supported`, `not-found`, `central-not-latchkey`, `insufficient-privilege`
 */
export async function listMembers(
  client: pg.Client,
  options: { organization?: string; unstated: boolean; limit: number; offset: number },
): Promise<{ items: Member[]; total: number }> {
  const system = await installedSystem(client);
  const places = placesOf(system);
  const only =
    options.organization === undefined ? null : (await findOrganization(client, system, options.organization)).id;
  const from = `FROM ${places.people} p LEFT JOIN ${places.memberships} m ON m.${places.stated} = p.${places.ofPerson}
     LEFT JOIN (${organizationsSql(system)}) o ON o.id = m.${places.organization}::TEXT
     WHERE ($1::TEXT IS NULL OR o.id = $1) AND (NOT $2 OR m.${places.stated} IS NULL)`;
  try {
    const { rows } = await client.query<Member>(
      `SELECT ${places.id} AS id, ${places.email} AS email, CASE WHEN o.id IS NOT NULL THEN json_build_object('id', o.id, 'name', o.name) END AS organization
       ${from} ORDER BY lower(${places.email}), 1 LIMIT $3 OFFSET $4`,
      [only, options.unstated, options.limit, options.offset],
    );
    const counted = await client.query<{ total: string }>(`SELECT count(*) AS total ${from}`, [only, options.unstated]);
    return { items: rows, total: Number(counted.rows[0]!.total) };
  } catch (error) {
    throw installError(error);
  }
}

/**
 * States which organization people belong to; in one transaction, so all of them or nobody. Their devices see it at the next sync.
 *
 * @param request.people by email address, whatever its case, or id
 * @param request.organization by id or name; null: to none
 * @param request.move whether somebody may belong to another one so far
 * @throws LatchkeyError `not-found` or `ambiguous` naming everybody of whom that is so, `would-violate` without `move`, `not-supported`
 */
export async function stateMembership(
  client: pg.Client,
  request: { people: string[]; organization: string | null; move: boolean; dryRun: boolean },
): Promise<Statement> {
  const system = await installedSystem(client);
  const places = placesOf(system);
  const { result } = await inOneTransaction(
    client,
    async () => {
      const after = request.organization === null ? null : await findOrganization(client, system, request.organization);
      const found = await findPeople(client, system, places, request.people);
      if (after !== null && !request.move) requireNoOther(found, after);
      const people: StatedMember[] = [];
      for (const { organization: before, ...person } of found) {
        if (before?.id !== after?.id) await state(client, system, places, person.id, after);
        const devices = before && before.id !== after?.id ? await devicesOf(client, person.id, before.id) : [];
        people.push({ ...person, before, after, devices });
      }
      return people;
    },
    request,
  );
  return { dryRun: request.dryRun, people: result };
}

async function state(
  client: pg.Client,
  system: SystemMapping,
  places: Places,
  person: string,
  organization: Organization | null,
): Promise<void> {
  const { people, memberships, ofPerson, stated, id } = places;
  await client.query(
    `DELETE FROM ${memberships} m USING ${people} p WHERE m.${stated} = p.${ofPerson} AND ${id} = $1`,
    [person],
  );
  if (organization === null) return;
  const { table, id: organizationId } = system.organization!;
  await client.query(
    `INSERT INTO ${memberships} (${stated}, ${places.organization})
     SELECT p.${ofPerson}, o.${quoteName(organizationId)} FROM ${people} p, ${relationOf(system, { name: table })} o
     WHERE ${id} = $1 AND o.${quoteName(organizationId)}::TEXT = $2`,
    [person, organization.id],
  );
}

/** In the order in which they were named, each once. */
async function findPeople(
  client: pg.Client,
  system: SystemMapping,
  places: Places,
  named: string[],
): Promise<Member[]> {
  const { rows } = await client.query<Member & { named: string }>(
    `WITH names AS (SELECT * FROM unnest($1::TEXT[]) WITH ORDINALITY AS n (named, place))
     SELECT found.named, found.id, found.email,
       CASE WHEN o.id IS NOT NULL THEN json_build_object('id', o.id, 'name', o.name) END AS organization
     FROM (
       SELECT n.*, ${places.id} AS id, ${places.email} AS email, p.${places.ofPerson} AS person
         FROM names n JOIN ${places.people} p ON lower(${places.email}) = lower(n.named)
       UNION
       SELECT n.*, ${places.id}, ${places.email}, p.${places.ofPerson} FROM names n JOIN ${places.people} p ON ${places.id} = lower(n.named)
     ) found
     LEFT JOIN ${places.memberships} m ON m.${places.stated} = found.person
     LEFT JOIN (${organizationsSql(system)}) o ON o.id = m.${places.organization}::TEXT
     ORDER BY found.place, found.id`,
    [named],
  );
  const refuse = (code: 'not-found' | 'ambiguous', names: string[], what: string) => {
    if (names.length > 0)
      throw new LatchkeyError(code, `${what}: ${listed(names)}. Nothing was changed.`, {
        field: 'person',
        details: { people: names },
      });
  };
  refuse(
    'not-found',
    named.filter((name) => !rows.some((row) => row.named === name)),
    'There is nobody with this email address or id',
  );
  refuse(
    'ambiguous',
    [...new Set(rows.flatMap((row, place) => (rows[place - 1]?.named === row.named ? [row.named] : [])))],
    'Several people are called that; name each by id',
  );
  const byId = new Map(rows.map(({ named: _, ...person }) => [person.id, person]));
  return [...byId.values()];
}

function requireNoOther(people: Member[], after: Organization): void {
  const elsewhere = people.filter(({ organization }) => organization !== null && organization.id !== after.id);
  if (elsewhere.length === 0) return;
  throw new LatchkeyError(
    'would-violate',
    `Nobody belongs to two organizations, and another one than ${after.name} have so far: ${listed(
      elsewhere.map(({ id, email, organization }) => `${email ?? id} (${organization!.name})`),
    )}. Nothing was changed. With --move they belong to ${after.name} instead.`,
    { field: 'move', details: { people: elsewhere } },
  );
}

async function devicesOf(
  client: pg.Client,
  operator: string,
  organization: string,
): Promise<{ id: string; name: string }[]> {
  const { rows } = await client.query<{ id: string; name: string }>(
    `SELECT id, name FROM latchkey.device WHERE operator = $1 AND organization = $2 AND state <> 'revoked' ORDER BY enrolled_at, id`,
    [operator, organization],
  );
  return rows;
}
