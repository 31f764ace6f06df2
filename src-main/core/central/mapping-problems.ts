import { placeOf } from '../systems/places.ts';
import type { KeysBeside, SystemMapping, TableMapping, Word } from '../systems/system.ts';
import type { HostColumn, HostTable } from './host-tables.ts';

/** What stands in the way of an installation, and where the mapping says it. */
export interface Problem {
  place: string;
  text: string;
}

/** A column of a table as the mapping names it. */
export interface NamedColumn extends Pick<Problem, 'place'> {
  table: string;
  column: string;
  /** Nothing works without it. Of others a host may have dropped some since. */
  isNeeded: boolean;
}

type Path = (string | number)[];

/** Every column that a mapping names. */
export function namedColumns(system: SystemMapping): NamedColumn[] {
  return [
    ...Object.entries(system.tables).flatMap(([name, mapping]) => columnsOfTable(name, mapping)),
    ...columnsOfFeatures(system),
  ];
}

/** Tables without which there is nothing to install. */
export function neededTables(system: SystemMapping): Set<string> {
  return new Set(columnsOfFeatures(system).map(({ table }) => table));
}

function columnsOfTable(name: string, mapping: TableMapping): NamedColumn[] {
  const { tenancy, rights = {}, secret, writeOnly, insertDefaults = {}, window, groups, restrictive = {} } = mapping;
  const { earliest, indexes, search } = mapping;
  const named = (path: Path, column: string, isNeeded = true): NamedColumn => ({
    table: name,
    column,
    place: placeOf(['tables', name, ...path]),
    isNeeded,
  });
  const list = (path: Path, columns: readonly string[] = [], isNeeded = true) =>
    columns.map((column, place) => named([...path, place], column, isNeeded));
  const keyed = (property: string, record: Record<string, unknown>) =>
    Object.keys(record).map((column) => named([property, column], column));
  return [
    ...('column' in tenancy ? [named(['tenancy', 'column'], tenancy.column)] : []),
    ...Object.entries(rights).flatMap(([capability, { insert, update }]) => [
      ...list(['rights', capability, 'insert'], insert),
      ...list(['rights', capability, 'update'], update),
    ]),
    ...list(['secret'], secret),
    ...list(['writeOnly'], writeOnly),
    ...keyed('insertDefaults', insertDefaults),
    ...(window ? [named(['window', 'column'], window.column)] : []),
    ...(groups ?? []).flatMap((group, place) => list(['groups', place], group)),
    ...keyed('restrictive', restrictive),
    ...list(['earliest'], earliest),
    ...(indexes ?? []).flatMap((columns, place) => list(['indexes', place], columns, false)),
    ...list(['search', 'words'], search?.words, false),
    ...list(['search', 'whole'], search?.whole, false),
    ...(search ? [named(['search', 'newest'], search.newest, false)] : []),
  ];
}

function columnsOfFeatures({ organization, people, keys, sessions, activity, tables }: SystemMapping): NamedColumn[] {
  const all: NamedColumn[] = [];
  const add = (table: string, path: Path, columns: Record<string, string | null | undefined>, isNeeded: boolean) => {
    for (const [property, column] of Object.entries(columns))
      if (column != null) all.push({ table, column, place: placeOf([...path, property]), isNeeded });
  };
  const addList = (table: string, path: Path, columns: readonly string[]) => {
    for (const [place, column] of columns.entries())
      all.push({ table, column, place: placeOf([...path, place]), isNeeded: false });
  };
  if (organization) add(organization.table, ['organization'], { id: organization.id, name: organization.name }, true);

  const { id, email, deletedAt, lastSeenAt, createdAt, updatedAt, derived = {} } = people;
  add(people.table, ['people'], { id, email, organization: people.organization, deletedAt }, true);
  add(people.table, ['people'], { lastSeenAt, createdAt, updatedAt }, false);
  add(people.table, ['people', 'status'], { column: people.status?.column }, true);
  addList(people.table, ['people', 'name'], people.name);
  add(people.table, ['people', 'derived'], Object.fromEntries(Object.keys(derived).map((name) => [name, name])), false);
  const held = people.role?.held;
  if (held && 'column' in held) add(people.table, ['people', 'role', 'held'], { column: held.column }, true);
  if (held && 'table' in held) {
    add(held.table, ['people', 'role', 'held'], { person: held.person, role: held.role }, true);
    add(held.table, ['people', 'role', 'held'], { id: held.id, givenBy: held.givenBy }, false);
    add(held.roles.table, ['people', 'role', 'held', 'roles'], { id: held.roles.id, name: held.roles.name }, true);
  }

  if (keys) {
    const { table, status, certificate, carriedOver, beside, secretPrefix: _, id: keyId, ...columns } = keys;
    add(table, ['keys'], { id: keyId }, true);
    add(table, ['keys', 'status'], { column: status.column }, true);
    add(table, ['keys'], columns, false);
    if (certificate) add(table, ['keys', 'certificate'], certificate, false);
    addList(table, ['keys', 'carriedOver'], carriedOver);
    if (beside) {
      const { table: sidecar, ...besides } = beside;
      add(sidecar, ['keys', 'beside'], besides, true);
    }
  }
  if (sessions) {
    const { table, id: sessionId, person, expiresAt, ...columns } = sessions;
    add(table, ['sessions'], { id: sessionId, person, expiresAt }, true);
    add(table, ['sessions'], columns, false);
  }
  if (activity) {
    const { table, id: eventId, at, subject, ...columns } = activity;
    add(table, ['activity'], columns, true);
    add(table, ['activity', 'subject'], { ...subject }, true);
    add(table, ['activity'], { id: eventId, at }, false);
  }
  for (const [name, { tenancy }] of Object.entries(tables))
    if (tenancy.class === 'path')
      add(tenancy.parent, ['tables', name, 'tenancy'], { parentKey: tenancy.parentKey }, true);
  return all;
}

/** What is wrong about a mapping whatever the database is. */
export function mappingProblems(system: SystemMapping): Problem[] {
  const { organization, people, keys, sessions, activity } = system;
  const problems: Problem[] = [];
  const add = (path: Path, text: string) => problems.push({ place: placeOf(path), text });
  if (/^(latchkey|pg_|information_schema$)/.test(system.schema))
    add(['schema'], `the schema ${system.schema} is not a host’s own`);
  const byFolded = new Map<string, string>();
  for (const [name, { tenancy, sidecar }] of Object.entries(system.tables)) {
    if (/^latchkey_/i.test(name)) add(['tables', name], `${name}: names that start with latchkey_ are reserved`);
    if (/^sqlite_/i.test(name))
      add(['tables', name], `${name}: names that start with sqlite_ are SQLite's own, so a mirror cannot hold it`);
    const twin = byFolded.get(folded(name));
    if (twin !== undefined)
      add(
        ['tables', name],
        `${twin} and ${name} differ in case alone, which a mirror cannot: leave one out of the mapping`,
      );
    byFolded.set(folded(name), name);
    for (const [place, column] of (sidecar?.key ?? []).entries())
      if (!Object.hasOwn(sidecar!.columns, column))
        add(['tables', name, 'sidecar', 'key', place], `${name} is to have no column ${column}`);
    for (const text of tenancyProblems(system, name)) add(['tables', name, 'tenancy'], text);
    if (tenancy.class === 'path' && !Object.hasOwn(system.tables, tenancy.parent))
      add(
        ['tables', name, 'tenancy', 'parent'],
        `${name} belongs to rows of ${tenancy.parent}, which the mapping does not have`,
      );
  }
  const held = people.role && 'table' in people.role.held ? people.role.held : null;
  const features: [Path, string | undefined][] = [
    [['organization', 'table'], organization?.table],
    [['people', 'table'], people.table],
    [['people', 'role', 'held', 'table'], held?.table],
    [['people', 'role', 'held', 'roles', 'table'], held?.roles.table],
    [['keys', 'table'], keys?.table],
    [['keys', 'beside', 'table'], keys?.beside?.table],
    [['sessions', 'table'], sessions?.table],
    [['activity', 'table'], activity?.table],
  ];
  for (const [path, table] of features)
    if (table !== undefined && !Object.hasOwn(system.tables, table))
      add(path, `the mapping does not have the table ${table}`);
  if (keys?.beside)
    for (const [property, text] of besideProblems(system, keys.beside)) add(['keys', 'beside', property], text);
  if (!people.role) return problems;
  const { values, initial, administrators } = people.role;
  if (!values.includes(initial)) add(['people', 'role', 'initial'], `${initial} is none of the values`);
  for (const [place, role] of administrators.entries())
    if (!values.includes(role)) add(['people', 'role', 'administrators', place], `${role} is none of the values`);
  return problems;
}

function besideProblems({ keys, tables }: SystemMapping, beside: KeysBeside): [keyof KeysBeside, string][] {
  const problems: [keyof KeysBeside, string][] = [];
  const sidecar = tables[beside.table]?.sidecar;
  if (Object.hasOwn(tables, beside.table) && !sidecar)
    problems.push(['table', `${beside.table} is a table of the host: what stands beside keys is a sidecar`]);
  if (sidecar && sidecar.key.join() !== beside.key)
    problems.push([
      'key',
      `rows of ${beside.table} are known by ${sidecar.key.join(', ')}, not by ${beside.key} alone`,
    ]);
  for (const property of ['expiresAt', 'rotatedFrom'] as const)
    if (beside[property] !== null && keys?.[property] !== null)
      problems.push([property, `keys.${property} says that the host’s own table has it: one of the two is null`]);
  if ((beside.expiresAt === null) !== (beside.endedAt === null))
    problems.push(['endedAt', 'what ends by expiresAt is marked in endedAt: both are columns, or both null']);
  return problems;
}

function tenancyProblems(system: SystemMapping, name: string): string[] {
  const { tenancy } = system.tables[name]!;
  const { organization } = system;
  if (tenancy.class === 'database' && organization !== null)
    return [`${name} belongs to the whole database, and its organizations are rows of ${organization.table}`];
  if ((tenancy.class === 'root' || tenancy.class === 'organization') && organization === null)
    return [`${name} belongs to an organization, and the mapping names no table of organizations`];
  if (tenancy.class === 'root' && name !== organization?.table)
    return [`${name} is not the table of organizations, which is ${organization?.table}`];
  if (tenancy.class !== 'root' && name === organization?.table)
    return [`${name} is the table of organizations, of which each belongs to itself: its class is root`];
  if (tenancy.class === 'path' && Object.hasOwn(system.tables, tenancy.parent) && isCircular(system, name))
    return [`${name} belongs to itself by way of ${tenancy.parent}`];
  return [];
}

/** SQLite's names are the same in either case of ASCII letters, and of those alone. */
export function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function isCircular(system: SystemMapping, start: string): boolean {
  const seen = new Set<string>();
  for (let name = start; !seen.has(name); ) {
    seen.add(name);
    const tenancy = system.tables[name]?.tenancy;
    if (tenancy?.class !== 'path') return false;
    name = tenancy.parent;
  }
  return true;
}

/** What a mapping says of columns that are there, and that cannot be. */
export function columnProblems(system: SystemMapping, tables: HostTable[]): Problem[] {
  const find = (table: string, name: string) =>
    tables.find((one) => one.name === table)?.columns.find((column) => column.name === name);
  return [
    ...tables.flatMap((table) => [...tenancyTypeProblems(system, tables, table), ...windowProblems(table)]),
    ...keyProblems(system, tables),
    ...statusProblems(['people'], system.people.status, (name) => find(system.people.table, name)),
    ...statusProblems(['keys'], system.keys?.status ?? null, (name) => find(system.keys!.table, name)),
  ];
}

/** Types of which two values are equal only if their texts are: rows of a parent are found by such a text. */
const exactTypes = /^(uuid|smallint|integer|bigint|text|character varying.*|name|macaddr|macaddr8)$/;

function tenancyTypeProblems(system: SystemMapping, tables: HostTable[], table: HostTable): Problem[] {
  const { name, mapping, columns } = table;
  const { tenancy } = mapping;
  if (!('column' in tenancy)) return [];
  const problem = (property: string, text: string) => [{ place: placeOf(['tables', name, 'tenancy', property]), text }];
  const column = columns.find((one) => one.name === tenancy.column);
  if (!column) return [];
  if (tenancy.class === 'path' && !exactTypes.test(column.base))
    return problem(
      'column',
      `${name}.${tenancy.column} is ${column.base}: the way to a parent is a uuid, a whole number or text`,
    );
  const [parentName, parentColumn] =
    tenancy.class === 'path'
      ? [tenancy.parent, tenancy.parentKey]
      : [system.organization?.table, system.organization?.id];
  const parent = tables.find((one) => one.name === parentName);
  const target = parent?.columns.find((one) => one.name === parentColumn);
  if (!parent || !target) return [];
  if (family(target) !== family(column))
    return problem(
      'column',
      `${name}.${column.name} is ${column.type} and ${parent.name}.${target.name} is ${target.type}: the two are never equal`,
    );
  if (tenancy.class === 'path' && !parent.unique.includes(target.name))
    return problem(
      'parentKey',
      `several rows of ${parent.name} may have the same ${target.name}: rows belong to one parent by its key, or by a column that is unique`,
    );
  return [];
}

/** Types of one family are compared as they are. */
function family({ base }: HostColumn): string {
  if (/^(text|character|name$)/.test(base)) return 'text';
  return /^(smallint|integer|bigint)$/.test(base) ? 'whole number' : base;
}

function windowProblems({ name, mapping: { window }, columns }: HostTable): Problem[] {
  const column = columns.find((one) => one.name === window?.column);
  if (!column || /^(date|timestamp)/.test(column.base)) return [];
  return [
    {
      place: placeOf(['tables', name, 'window', 'column']),
      text: `${name}.${column.name} is ${column.type}, which tells no moment`,
    },
  ];
}

/** People, keys and sessions are known by one value each. */
function keyProblems({ people, keys, sessions, tables: mappings }: SystemMapping, tables: HostTable[]): Problem[] {
  const features = [
    ['people', people.table, people.id, 'are made'],
    ...(keys ? [['keys', keys.table, keys.id, 'are issued']] : []),
    ...(sessions ? [['sessions', sessions.table, sessions.id, 'are made']] : []),
  ] as const;
  return features.flatMap(([feature, name, id, made]) => {
    const table = tables.find((one) => one.name === name);
    const column = table?.columns.find((one) => one.name === id);
    if (!table || !column || table.key.length === 0) return [];
    const key = table.key.map((one) => one.name);
    if (key.length > 1 || key[0] !== id)
      return [
        {
          place: placeOf([feature!, 'id']),
          text: `rows of ${name} are known by ${key.join(', ')}, not by ${id} alone`,
        },
      ];
    if (family(column) === 'text' || column.base === 'uuid') return [];
    return Object.entries(mappings[name!]?.rights ?? {})
      .filter(([, { insert }]) => insert !== undefined)
      .map(([capability]) => ({
        place: placeOf(['tables', name!, 'rights', capability, 'insert']),
        text: `${feature} ${made} on devices with a uuid for their id, and ${name}.${id} is ${column.type}: nobody can insert there from a device`,
      }));
  });
}

function statusProblems(
  path: Path,
  status: { column: string; words: Record<string, Word[]> } | null,
  find: (name: string) => HostColumn | undefined,
): Problem[] {
  const column = status ? find(status.column) : undefined;
  if (!status || !column) return [];
  const isBoolean = column.base === 'boolean';
  return Object.entries(status.words).flatMap(([state, words]) =>
    words.flatMap((word, place) => {
      const fits =
        (typeof word === 'boolean') === isBoolean && (!column.labels || column.labels.includes(String(word)));
      if (fits) return [];
      const values = column.labels?.join(', ') ?? (isBoolean ? 'true or false' : 'a text');
      return [
        {
          place: placeOf([...path, 'status', 'words', state, place]),
          text: `${JSON.stringify(word)} is no value of ${column.name}, which is ${column.type} (${values})`,
        },
      ];
    }),
  );
}
