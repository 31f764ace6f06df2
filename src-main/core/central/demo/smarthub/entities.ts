import { day, hour, type Moment, timestamp, workingMoment } from '../calendar.ts';
import { type Change, withinLog } from '../change.ts';
import type { Row } from '../copy.ts';
import { type Person, somebodyAt } from '../people.ts';
import { type Random, weightedPicker } from '../random.ts';

interface Entity {
  id: string;
  kind: Kind;
  name: string;
  owner: Person;
  data: Record<string, unknown>;
  status: 'draft' | 'active' | 'archived';
  createdAt: Moment;
  updatedAt: Moment;
  archivedAt: Moment | null;
  deletedAt: Moment | null;
}

interface Kind {
  type: string;
  /** Entities relative to the other kinds. */
  weight: number;
  name(random: Random, number: number): string;
  data(random: Random): Record<string, unknown>;
}

const streets = ['rue des Tanneurs', 'quai Sud', 'Hafenstraße', 'avenue Jaurès', 'Nørregade', 'rue du Four', 'Mühlweg'];
const clients = [
  'Boulangerie Aubert',
  'Clinique du Parc',
  'Lycée Curie',
  'Gasthof Linde',
  'Ateliers Noël',
  'Piscine Sud',
];

const kinds: Kind[] = [
  {
    type: 'substation',
    weight: 2,
    name: (random, number) => `Sous-station ${random.pick(streets)} ${number}`,
    data: (random) => ({ capacity_kw: random.integer(4, 60) * 50, commissioned: random.integer(1998, 2025) }),
  },
  {
    type: 'meter',
    weight: 5,
    name: (_, number) => `Compteur M-${400_000 + number}`,
    data: (random) => ({
      serial: random.hex(10).toUpperCase(),
      medium: 'heat',
      interval_minutes: random.pick([15, 60]),
    }),
  },
  {
    type: 'customer',
    weight: 3,
    name: (random, number) => `${random.pick(clients)} (${number})`,
    data: (random) => ({
      segment: random.pick(['retail', 'public', 'industry']),
      city: random.pick(['Lille', 'Gent']),
    }),
  },
  {
    type: 'contract',
    weight: 3,
    name: (_, number) => `Contrat C-${10_000 + number}`,
    data: (random) => ({ tariff: random.pick(['base', 'flex', 'night']), annual_mwh: random.integer(8, 900) }),
  },
  {
    type: 'work_order',
    weight: 3,
    name: (random, number) => `Intervention ${random.pick(streets)} #${number}`,
    data: (random) => ({ priority: random.integer(1, 4), team: random.pick(['north', 'south', 'night']) }),
  },
];

const pickKind = weightedPicker(kinds, (kind) => kind.weight);

/**
 * Business entities, and the changes that made them what they are: `checks` of them are somebody noting down that they
 * looked at one.
 */
export function generateEntities(
  random: Random,
  people: Person[],
  { count, checks }: { count: number; checks: number },
  span: { founded: Moment; from: Moment; now: Moment },
): { rows: Row[]; changes: Change[] } {
  const { founded, from, now } = span;
  const staff = people.filter((person) => person.status === 'active' && person.createdAt < now - 30 * day);
  const entities = Array.from({ length: count }, (_, index) => makeEntity(random, index, staff, founded, now));
  const changes = entities.map((entity): Change => {
    const after = { entity_type: entity.kind.type, name: entity.name, status: 'draft', data: { ...entity.data } };
    return { ...of(entity), moment: entity.createdAt, actor: entity.owner, action: 'create', after };
  });
  addChecks(random, entities, staff, checks, from, now, changes);
  for (const entity of entities) addStates(entity, changes);
  return { rows: entities.map(entityRow), changes: withinLog(changes, from, now) };
}

function makeEntity(random: Random, index: number, staff: Person[], founded: Moment, now: Moment): Entity {
  const kind = pickKind(random);
  // Some of each state, so that a list of states always has something to show.
  const status = index % 11 === 0 ? 'draft' : index % 7 === 1 ? 'archived' : 'active';
  const owner = random.pick(staff);
  const earliest = Math.max(founded, owner.createdAt + hour);
  const createdAt = workingMoment(
    random,
    status === 'draft' ? Math.max(earliest, now - 25 * day) : earliest,
    now - 10 * day,
  );
  const ended = (from: Moment) => workingMoment(random, Math.max(from, now - 250 * day), now - hour);
  const archivedAt = status === 'archived' ? ended(createdAt + 2 * day) : null;
  const deletedAt = index % 17 === 4 ? ended((archivedAt ?? createdAt) + 2 * day) : null;
  return {
    id: random.uuid(),
    kind,
    name: kind.name(random, index + 1),
    owner,
    data: kind.data(random),
    status,
    createdAt,
    updatedAt: createdAt,
    archivedAt,
    deletedAt,
  };
}

/** Each check changes one field of data from what the last check left there. */
function addChecks(
  random: Random,
  entities: Entity[],
  staff: Person[],
  count: number,
  from: Moment,
  now: Moment,
  changes: Change[],
): void {
  const inUse = entities
    .map((entity) => ({
      entity,
      start: Math.max(from, entity.createdAt + hour),
      end: Math.min(now - hour, entity.archivedAt ?? now, entity.deletedAt ?? now),
      moments: [] as Moment[],
    }))
    .filter(({ start, end }) => end > start);
  const pick = weightedPicker(inUse, ({ start, end }) => (end - start) * random.around(1, 0.5));
  for (let i = 0; i < count; i++) {
    const { start, end, moments } = pick(random);
    moments.push(workingMoment(random, start, end));
  }
  for (const { entity, moments } of inUse) {
    for (const moment of moments.sort((a, b) => a - b)) {
      const before = { data: entity.data };
      entity.data = { ...entity.data, checked_on: new Date(moment).toISOString().slice(0, 10) };
      const actor = somebodyAt(random, staff, moment);
      changes.push({ ...of(entity), moment, actor, action: 'update', before, after: { data: entity.data } });
      entity.updatedAt = moment;
    }
  }
}

/** How an entity came out of draft, and whether it was put away or deleted in the end. */
function addStates(entity: Entity, changes: Change[]): void {
  const change = (moment: Moment, action: Change['action'], before: object, after: object) => {
    changes.push({ ...of(entity), moment, actor: entity.owner, action, before: { ...before }, after: { ...after } });
    entity.updatedAt = Math.max(entity.updatedAt, moment);
  };
  if (entity.status !== 'draft')
    change(entity.createdAt + hour / 2, 'update', { status: 'draft' }, { status: 'active' });
  if (entity.archivedAt !== null) change(entity.archivedAt, 'update', { status: 'active' }, { status: 'archived' });
  if (entity.deletedAt !== null)
    change(entity.deletedAt, 'delete', { deleted_at: null }, { deleted_at: timestamp(entity.deletedAt) });
}

function of(entity: Entity): { table: string; id: string } {
  return { table: 'entities', id: entity.id };
}

function entityRow(entity: Entity): Row {
  return {
    id: entity.id,
    entity_type: entity.kind.type,
    name: entity.name,
    description: null,
    owner_id: entity.owner.id,
    data: { json: entity.data },
    status: entity.status,
    created_at: timestamp(entity.createdAt),
    updated_at: timestamp(entity.updatedAt),
    deleted_at: entity.deletedAt === null ? null : timestamp(entity.deletedAt),
  };
}
