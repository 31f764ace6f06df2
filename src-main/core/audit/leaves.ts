import { sql } from 'kysely';
import type { LogLeaf } from '../../contract/log.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import { parsedJson } from '../mirror/row-values.ts';
import { textIndexName } from '../mirror/text-index.ts';
import { anyPhrase, isTextIndexed } from '../mirror/text-query.ts';
import { disclosureDigest, readDisclosure } from './disclosure.ts';
import { readEvent } from './event.ts';
import { named } from './queries.ts';

/** A leaf as it is stored: without an index while central does not have it. */
export interface StoredLeaf {
  idx: number | null;
  entry: string;
}

/** The parts of an entry's JSON that screens tell of. What stands in a log may be anything. */
export interface LeafFacts {
  act?: unknown;
  dev?: unknown;
  seq?: unknown;
  ts?: unknown;
  cmd?: unknown;
  out?: unknown;
  obj?: unknown;
  ref?: unknown;
  cen?: unknown;
  _sd?: unknown;
}

export function factsOf(entry: string): LeafFacts {
  const facts = parsedJson(entry);
  return typeof facts === 'object' && facts !== null && !Array.isArray(facts) ? facts : {};
}

export function readLeaves(context: ReadContext, stored: readonly StoredLeaf[]): LogLeaf[] {
  const all = stored.map((leaf) => ({ ...leaf, facts: factsOf(leaf.entry) }));
  const digests = all.flatMap(({ facts }) => texts(facts._sd));
  const disclosed = disclosuresOf(context, digests);
  const names = deviceNames(
    context,
    all.flatMap(({ facts }) => (typeof facts.dev === 'string' && facts.dev !== 'central' ? [facts.dev] : [])),
  );
  const leaves = all.map(({ idx, entry, facts }): LogLeaf => {
    const own = texts(facts._sd);
    const known = own.flatMap((digest) => disclosed.get(digest) ?? []);
    const { actor, object, reason, ...rest } = Object.fromEntries(known.map(({ name, value }) => [name, value]));
    const device = text(facts.dev);
    return {
      index: idx,
      device: device === null || device === 'central' ? null : { id: device, name: names.get(device) ?? null },
      seq: typeof facts.seq === 'number' ? facts.seq : null,
      action: text(facts.act) ?? '',
      at: text(facts.ts) ?? '',
      command: text(facts.cmd),
      outcome: text(facts.out),
      actor: actorOf(actor),
      object: objectOf(object, facts.obj),
      reason: text(reason),
      disclosed: rest,
      undisclosed: own.length - known.length,
      text: entry,
    };
  });
  return named(context, leaves);
}

const listLeaves: Query<'audit.leaves'> = (context, { actions, limit, offset }) => {
  const { mirror } = context;
  const logged = query.selectFrom('latchkey_log').where('act', 'in', actions);
  const unsent = mirror
    .all(query.selectFrom('latchkey_entry').select('bytes').where('sent', '=', 0).orderBy('position', 'desc'))
    .map(({ bytes }): StoredLeaf => ({ idx: null, entry: Buffer.from(bytes).toString('utf8') }))
    .filter(({ entry }) => actions.includes(String(factsOf(entry).act)));
  const total = mirror.first(logged.select((all) => all.fn.countAll<number>().as('n')))?.n ?? 0;
  const rows = mirror.all(
    logged
      .select(['idx', 'entry'])
      .orderBy('idx', 'desc')
      .limit(limit)
      .offset(Math.max(0, offset - unsent.length)),
  );
  const page = [...unsent.slice(offset, offset + limit), ...rows].slice(0, limit);
  return { items: readLeaves(context, page), total: total + unsent.length };
};

export const leafQueries = { 'audit.leaves': listLeaves } satisfies { 'audit.leaves': Query<'audit.leaves'> };

/** What devices are called. The log knows them by their ids; central's events tell their names with the commands that they made. */
export function deviceNames(context: ReadContext, devices: readonly string[]): Map<string, string> {
  const { mirror, system, device: own } = context;
  const names = new Map([[own.id, own.name]]);
  const table = system.activity?.table;
  if (table === undefined || !isTextIndexed(mirror, table)) return names;
  for (const device of new Set(devices)) {
    if (names.has(device)) continue;
    const commands = mirror.all(
      query
        .selectFrom('latchkey_log')
        .select('command')
        .where('device', '=', device)
        .where('command', 'is not', null)
        .orderBy('idx', 'desc')
        .limit(commandsAsked),
    );
    const phrase = anyPhrase(commands.map(({ command }) => command ?? ''));
    if (phrase === null) continue;
    const index = sql.table(textIndexName(table));
    const told = mirror.first(
      query
        .selectFrom('latchkey_activity')
        .select('data')
        .where(sql<boolean>`row_id IN (SELECT rowid FROM ${index} WHERE ${index} MATCH ${phrase} LIMIT 1)`),
    );
    const name = told ? readEvent(told.data, system).device : null;
    if (name !== null) names.set(device, name);
  }
  return names;
}

/** A device's newest command may wait, or have been refused, and so be in no event. */
const commandsAsked = 20;

function disclosuresOf({ mirror }: ReadContext, digests: string[]) {
  const found = mirror.all(
    query
      .selectFrom('latchkey_disclosure')
      .select('disclosure')
      .where(sql<boolean>`digest IN (SELECT value FROM json_each(${JSON.stringify(digests)}))`),
  );
  const read = found.flatMap(({ disclosure }) => {
    try {
      return [[disclosureDigest(disclosure), readDisclosure(disclosure)] as const];
    } catch {
      return [];
    }
  });
  return new Map(read);
}

function actorOf(disclosed: unknown): LogLeaf['actor'] {
  const { id } = (disclosed ?? {}) as { id?: unknown };
  return typeof id === 'string' ? { id, name: null } : null;
}

/** By its plain key where that is disclosed, else by what the entry calls it. */
function objectOf(disclosed: unknown, obj: unknown): LogLeaf['object'] {
  const said = (disclosed ?? {}) as { table?: unknown; key?: unknown };
  if (typeof said.table === 'string' && said.key !== undefined)
    return { table: said.table, key: String(said.key), name: null };
  const { t, id } = (obj ?? {}) as { t?: unknown; id?: unknown };
  return typeof t === 'string' && id !== undefined ? { table: t, key: String(id), name: null } : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
