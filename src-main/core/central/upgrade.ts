import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import type { SystemMapping, TableMapping } from '../systems/system.ts';
import { installedSystem } from './enroll.ts';
import { type HostColumn, presentTables, readHostTables } from './host-tables.ts';
import { neededTables } from './mapping-problems.ts';
import {
  dropViews,
  type InstallOptions,
  inOneTransaction,
  makeOwnObjects,
  makeSidecars,
  migrateOwnSchema,
  readMirroredTables,
  releaseSql,
} from './own-objects.ts';

export interface Upgrade {
  /** Every statement that was run, in order. */
  sql: string;
  /** What was done about the host's tables, in words; empty where they are as they were. */
  changes: string[];
}

/**
 * Brings Latchkey's own part of this database to this version and to the host's tables as they are now, in one transaction: devices,
 * receipts, logs and the change log stay. What the host dropped is left out, unless nothing works without it.
 *
 * @param system the mapping to go by; the one of the installation where this version has none of that name
 * @param options.isComplete whether every column that the mapping names must be there, as in one that was just written for this database
 * @throws LatchkeyError `central-not-latchkey`, `schema-mismatch`, `central-too-new`, `insufficient-privilege`, `central-refused`
 */
export async function upgrade(
  client: pg.Client,
  system: SystemMapping | null,
  options: InstallOptions & { isComplete?: boolean } = {},
): Promise<Upgrade> {
  const installed = await installedSystem(client);
  const wanted = system ?? installed;
  if (wanted.name !== installed.name)
    throw new LatchkeyError(
      'schema-mismatch',
      `This database was installed as ${installed.name}, not as ${wanted.name}. Nothing was changed.`,
    );
  const { result: changes, sql } = await inOneTransaction(
    client,
    async (recorded) => {
      // Two upgrades take turns, and nobody enrolls a device in between.
      await recorded.query('LOCK TABLE latchkey.installation IN SHARE ROW EXCLUSIVE MODE');
      await migrateOwnSchema(recorded);
      await makeSidecars(recorded, wanted);
      const found = await hostChanges(client, wanted);
      const { isComplete = false } = options;
      const fitting = isComplete ? wanted : fitMapping(wanted, await presentTables(client, wanted));
      const tables = await readHostTables(client, fitting, isComplete);
      const released = await releaseSql(
        client,
        tables.map(({ oid }) => oid),
      );
      await forgetTables(
        recorded,
        tables.map(({ name }) => name),
      );
      await makeOwnObjects(recorded, fitting, { ...options, isComplete, released });
      return found;
    },
    options,
  );
  return { sql, changes };
}

/**
 * Takes Latchkey's views off the host's tables, so that columns can be dropped and retyped without CASCADE. Changes are still
 * tracked; devices keep what they have, and wait until `upgrade`.
 */
export async function suspend(client: pg.Client): Promise<void> {
  await installedSystem(client);
  await inOneTransaction(client, dropViews);
}

async function forgetTables(client: pg.Client, kept: string[]): Promise<void> {
  for (const [name, { id }] of await readMirroredTables(client)) {
    if (kept.includes(name)) continue;
    await client.query(`DELETE FROM latchkey.mirrored_table WHERE id = ${id}`);
  }
}

/** The mapping less the tables and columns that the host does not have; what nothing works without stays, and is refused by name. */
export function fitMapping(system: SystemMapping, present: ReadonlyMap<string, HostColumn[]>): SystemMapping {
  const needed = neededTables(system);
  const tables = Object.entries(system.tables)
    .filter(([name]) => present.has(name) || needed.has(name))
    .map(([name, mapping]) => [name, fitTable(mapping, new Set(present.get(name)?.map((column) => column.name)))]);
  return { ...system, tables: Object.fromEntries(tables) };
}

function fitTable(mapping: TableMapping, present: ReadonlySet<string>): TableMapping {
  const there = (columns: string[]) => columns.filter((column) => present.has(column));
  const keyed = <T>(record: Record<string, T>) =>
    Object.fromEntries(Object.entries(record).filter(([column]) => present.has(column)));
  const { rights, secret, writeOnly, insertDefaults, groups, restrictive, earliest, window } = mapping;
  return {
    ...mapping,
    ...(secret && { secret: there(secret) }),
    ...(writeOnly && { writeOnly: there(writeOnly) }),
    ...(insertDefaults && { insertDefaults: keyed(insertDefaults) }),
    ...(groups && { groups: groups.map(there).filter((group) => group.length > 1) }),
    ...(restrictive && { restrictive: keyed(restrictive) }),
    ...(window && { window: present.has(window.column) ? window : undefined }),
    ...(earliest && { earliest: there(earliest) }),
    ...(rights && {
      rights: Object.fromEntries(
        Object.entries(rights).map(([capability, { insert, update }]) => [
          capability,
          fitRights({ ...(insert && { insert: there(insert) }), ...(update && { update: there(update) }) }),
        ]),
      ),
    }),
  };
}

/** A grant names at least one column. */
function fitRights(rights: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(rights).filter(([, columns]) => columns.length > 0));
}

interface DescribedColumn {
  table: string;
  column: string;
  type: string;
}

/** How the host's tables differ from what devices are shown of them, in words: what an upgrade would bring. */
export async function hostChanges(client: pg.Client, system: SystemMapping): Promise<string[]> {
  const { rows } = await client.query<{ described: DescribedColumn[] | string; outdated: string[] | string }>(
    `SELECT coalesce(jsonb_agg(jsonb_build_object('table', c.relname, 'column', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod))), '[]') AS described,
       to_jsonb(latchkey.outdated_tables()) AS outdated
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = to_regnamespace('latchkey_write') AND c.relkind = 'v'`,
  );
  const described = parsed<DescribedColumn[]>(rows[0]!.described);
  const outdated = parsed<string[]>(rows[0]!.outdated);
  const mirrored = await readMirroredTables(client);
  const present = await presentTables(client, system);
  const changes: string[] = [];
  for (const [name, mapping] of Object.entries(system.tables)) {
    const columns = present.get(name);
    if (!columns) {
      if (mirrored.has(name)) changes.push(`${name} is gone`);
    } else if (!mirrored.has(name)) changes.push(`${name} is new`);
    else {
      const shown = new Map(described.filter(({ table }) => table === name).map((one) => [one.column, one.type]));
      if (shown.size > 0) changes.push(...columnChanges(name, shown, columns, mapping.secret ?? []));
      if (outdated.includes(name)) changes.push(`${name} stands no more on what it stood on`);
    }
  }
  for (const name of mirrored.keys()) {
    if (!Object.hasOwn(system.tables, name)) changes.push(`${name} is not in the mapping any more`);
  }
  return changes;
}

function columnChanges(
  table: string,
  shown: ReadonlyMap<string, string>,
  columns: readonly HostColumn[],
  secret: readonly string[],
): string[] {
  const open = columns.filter(({ name }) => !secret.includes(name));
  return [
    ...open.filter(({ name }) => !shown.has(name)).map(({ name }) => `${table}.${name} is new`),
    ...[...shown.keys()]
      .filter((name) => !open.some((column) => column.name === name))
      .map((name) => `${table}.${name} is gone`),
    ...open
      .filter(({ name, type }) => shown.has(name) && shown.get(name) !== type)
      .map(({ name, type }) => `${table}.${name} is ${type} now`),
  ];
}

function parsed<T>(value: T | string): T {
  return typeof value === 'string' ? (JSON.parse(value) as T) : value;
}
