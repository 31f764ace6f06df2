import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import Database from 'better-sqlite3';
import { contract, type Input } from '../../src-main/contract/index.ts';
import { auditQueries } from '../../src-main/core/audit/queries.ts';
import type { ReadContext } from '../../src-main/core/handlers.ts';
import { keyQueries } from '../../src-main/core/keys/queries.ts';
import { mirrorFile, openMirror } from '../../src-main/core/mirror/open.ts';
import { ReadableMirror } from '../../src-main/core/mirror/readable.ts';
import { createTextIndex, textIndexName } from '../../src-main/core/mirror/text-index.ts';
import { TextIndexing } from '../../src-main/core/mirror/text-indexing.ts';
import { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { peopleQueries } from '../../src-main/core/people/queries.ts';
import { readContext } from '../../src-main/core/read-context.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { Vault } from '../../src-main/core/vault/vault.ts';
import { joinedDevice, passphrase } from './device.ts';
import { type BenchContext, type Figure, megabytes, milliseconds, type Part, percentile } from './figure.ts';

const rounds = 300;
const limitMs = 10;
/** As many people, and as many keys. */
const people = 100_000;

type ListInput = Input<'audit.list'>;

/** What a person asks of a large log, through the product's own queries; each in turns with the same on the same file, decrypted. */
export const part: Part = {
  name: 'reads',
  async run(context: BenchContext): Promise<Figure[]> {
    const device = await joinedDevice(await context.dataset());
    const { folder } = device;
    try {
      await device.core.call('mirror.index', {});
      await device.core.close();
      const { databaseKey } = await new Vault(folder).unlock(passphrase);
      const built = await rebuild(folder, databaseKey);
      addCopies(folder, databaseKey);
      const plainFile = decrypted(folder, databaseKey);
      const ours = contextOver(openMirror(folder, databaseKey, 'read'));
      const plain = contextOver(plainConnection(plainFile));
      const figures = measured(context, ours, plain);
      ours.mirror.database.close();
      plain.mirror.database.close();
      return [...figures, ...built];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function measured(bench: BenchContext, ours: ReadContext, plain: ReadContext): Figure[] {
  const pick = picker(ours);
  const listed = (what: string, input: () => ListInput, target: number | null = limitMs) =>
    compared(bench, what, target, [ours, plain], () => {
      const request = contract['audit.list'].input.parse({ limit: 50, ...input() });
      return (context) => auditQueries['audit.list'](context, request);
    });
  const counted = (what: string, input: Input<'audit.counts'>, target: number) =>
    compared(bench, what, target, [ours, plain], () => {
      const request = contract['audit.counts'].input.parse(input);
      return (context) => auditQueries['audit.counts'](context, request);
    });
  const faceted = (what: string, input: () => Input<'audit.facets'>) =>
    compared(bench, what, 50, [ours, plain], () => {
      const request = contract['audit.facets'].input.parse(input());
      return (context) => {
        const { items } = auditQueries['audit.facets'](context, request).actions;
        return { total: items.reduce((sum, { count }) => sum + count, 0) };
      };
    });
  const listedPeople = (what: string, input: () => Input<'people.list'>) =>
    compared(bench, what, 20, [ours, plain], () => {
      const request = contract['people.list'].input.parse({ limit: 50, ...input() });
      return (context) => peopleQueries['people.list'](context, request);
    });
  const listedKeys = (what: string, input: () => Input<'keys.list'>) =>
    compared(bench, what, 20, [ours, plain], () => {
      const request = contract['keys.list'].input.parse({ limit: 50, ...input() });
      return (context) => keyQueries['keys.list'](context, request);
    });
  return [
    listed('newest 50', () => ({})),
    listed('newest 50 of an actor', () => ({ actor: pick.actor() })),
    listed('newest 50 of an action', () => ({ action: pick.action() })),
    listed('newest 50 of an actor and an action', () => ({ actor: pick.actor(), action: pick.action() })),
    listed('newest 50 of some days', () => pick.days()),
    listed('newest 50 of a rare word', () => ({ search: pick.rare() })),
    listed('newest 50 of two common words', () => ({ search: `${pick.common()} ${pick.common()}` })),
    listed('newest 50 of two common words that never meet', () => ({
      search: pick.one(['console routine', 'usual review']),
    })),
    listed('newest 50 of two common words on some days', () => ({
      search: `${pick.common()} ${pick.common()}`,
      ...pick.days(),
    })),
    listed('newest 50 of a common word of an actor', () => ({ search: pick.common(), actor: pick.actor() })),
    listed('newest 50 while a word is typed', () => ({ search: pick.common().slice(0, pick.one([2, 3, 4, 5])) }), null),
    listed('newest 50 of an address', () => ({ search: `192.0.2.${pick.below(250)}` })),
    listed('50 from anywhere in the list', () => ({ offset: pick.below(pick.events) })),
    listed('50 from anywhere among an action', () => ({ action: 'user.login', offset: pick.below(pick.events / 6) })),
    counted('count by action and day', { by: 'day-and-action' }, 50),
    counted('count by day of an action since a moment', { by: 'day', action: 'key.*', from: pick.moment() }, 50),
    faceted('facets of everything', () => ({})),
    faceted('facets of an action', () => ({ action: pick.action() })),
    faceted('facets of an actor', () => ({ actor: pick.actor() })),
    faceted('facets of a common word', () => ({ search: pick.common() })),
    faceted('facets of a rare word', () => ({ search: pick.rare() })),
    listedPeople(`first 50 of ${people.toLocaleString('en')} people`, () => ({})),
    afterUnlocking(bench, [ours, plain]),
    listedPeople('people by part of name or address', () => ({ search: pick.name() })),
    listedPeople('people of a role by part of name or address', () => ({ search: pick.name(), role: 'developer' })),
    listedPeople('50 from anywhere among people of an address', () => ({
      search: 'example',
      offset: pick.below(people),
    })),
    listedKeys('keys by part of label or scope', () => ({ search: pick.label() })),
  ];
}

/** The first search reads everybody, and remembers them. */
function afterUnlocking(bench: BenchContext, contexts: [ReadContext, ReadContext]): Figure {
  const request = contract['people.list'].input.parse({ search: 'nobody here' });
  const [own, peer] = contexts.map((context) => {
    const started = performance.now();
    peopleQueries['people.list'](context, request);
    return performance.now() - started;
  });
  const what = 'the first search of people after unlocking';
  bench.log(`${what}: ${milliseconds(own!)}`);
  return {
    what,
    measured: milliseconds(own!),
    against: `${milliseconds(peer!)} unencrypted`,
    ratio: peer! / own!,
    target: '',
    met: null,
  };
}

/** The same question to both, in turns: the machine's moods meet both alike. */
function compared(
  bench: BenchContext,
  what: string,
  target: number | null,
  [ours, plain]: [ReadContext, ReadContext],
  next: () => (context: ReadContext) => { total: number },
): Figure {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const ask = next();
    for (const [side, context] of [ours, plain].entries()) {
      const started = performance.now();
      ask(context);
      times[side]!.push(performance.now() - started);
    }
  }
  const [own, peer] = times.map((values) => ({ p50: percentile(values, 0.5), p95: percentile(values, 0.95) }));
  bench.log(`${what}: p50 ${milliseconds(own!.p50)}, p95 ${milliseconds(own!.p95)}`);
  return {
    what: `${what}, p95`,
    measured: milliseconds(own!.p95),
    against: `${milliseconds(peer!.p95)} unencrypted`,
    ratio: peer!.p95 / own!.p95,
    target: target === null ? '' : `< ${target} ms`,
    met: target === null ? null : own!.p95 < target,
  };
}

/** Parameters as varied as the data is, the same in every run. */
function picker({ mirror }: ReadContext) {
  let state = 1;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const one = <T>(values: readonly T[]) => values[below(values.length)]!;
  const events = mirror.database.prepare('SELECT count(*) FROM audit_events').pluck().get() as number;
  const column = (name: string) => mirror.database.prepare(`SELECT ${name} FROM audit_events WHERE rowid = ?`).pluck();
  const [actor, action, at, data] = ['actor_id', 'event_type', 'created_at', 'event_data'].map(column);
  const ofSome = (statement: Database.Statement | undefined) => statement!.get(1 + below(events)) as string;
  const common = [
    'report',
    'login',
    'user',
    'success',
    'denied',
    'linux',
    'firefox',
    'console',
    'routine',
    'review',
    'usual',
  ];
  return {
    events,
    below,
    one,
    actor: () => ofSome(actor),
    action: () => ofSome(action),
    moment: () => `${ofSome(at)}Z`,
    days() {
      const day = ofSome(at).slice(0, 10);
      return { from: day, to: new Date(Date.parse(day) + below(7) * 86_400_000).toISOString().slice(0, 10) };
    },
    common: () => one(common),
    rare: () => one(['quarantine', 'exfiltration', (JSON.parse(ofSome(data)) as { request: string }).request]),
    label: () => one(['billing', 'metrics-77', 'ledger:read', 'export-1', 'write search', 'nothing here']),
    name: () =>
      one(['zoe', 'miro', 'lund', 'Astrid Lund', 'person123', 'yilmaz', 'weiß', 'okaf', '@nordhaven', 'nobody here']),
  };
}

/** What full text costs beside the rows: it is built behind the first mirror, and all at once here. */
async function rebuild(folder: string, key: Buffer): Promise<Figure[]> {
  const mirror = new WritableMirror(openMirror(folder, key, 'write'), skyGenesis);
  const table = mirror.tables.get(skyGenesis.activity!.table)!;
  const pages = () => mirror.database.prepare('SELECT sum(pgsize) FROM dbstat WHERE name LIKE ?').pluck();
  const started = performance.now();
  mirror.transaction(() => createTextIndex(mirror.database, skyGenesis, table));
  await new TextIndexing(
    mirror,
    () => false,
    () => {},
  ).finish();
  const text = performance.now() - started;
  const bytes = pages().get(`${textIndexName(table.name)}%`) as number;
  const rows = pages().get(table.name) as number;
  mirror.database.pragma('wal_checkpoint(TRUNCATE)');
  mirror.database.close();
  return [
    {
      what: 'full text of the events, built in the background',
      measured: `${milliseconds(text)}, ${megabytes(bytes)}`,
      against: `${megabytes(rows)} of rows`,
      ratio: rows / bytes,
      target: '',
      met: null,
    },
  ];
}

/** Copies of the people and the keys that there are, until there are as many as are wanted. */
function addCopies(folder: string, key: Buffer): void {
  const mirror = new WritableMirror(openMirror(folder, key, 'write'), skyGenesis);
  for (const table of ['users', 'api_keys']) {
    const columns = mirror.tables.get(table)!.columns.map(({ name }) => name);
    const values = columns.map((name) =>
      name === 'id' ? `'more-' || (? + rowid)` : name === 'email' ? `'more.' || email` : name,
    );
    const count = mirror.database.prepare(`SELECT count(*) FROM ${table}`).pluck();
    const double = mirror.database.prepare(
      `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${values.join(', ')} FROM ${table} LIMIT ?`,
    );
    for (let there = count.get() as number; there < people; there = count.get() as number)
      mirror.transaction(() => double.run(there, people - there));
  }
  mirror.database.pragma('wal_checkpoint(TRUNCATE)');
  mirror.database.close();
}

function decrypted(folder: string, key: Buffer): string {
  const path = join(folder, 'plain.db');
  copyFileSync(join(folder, mirrorFile), path);
  const database = new Database(path);
  database.pragma(`cipher = 'aegis'`);
  (database as Database.Database & { key(key: Buffer): void }).key(Buffer.concat([Buffer.from('raw:'), key]));
  database.pragma('journal_mode = DELETE');
  database.pragma(`rekey = ''`);
  database.close();
  return path;
}

function plainConnection(path: string): Database.Database {
  const database = new Database(path, { readonly: true });
  database.pragma('temp_store = MEMORY');
  database.pragma('cache_size = -16384');
  return database;
}

function contextOver(database: Database.Database): ReadContext {
  const mirror = new ReadableMirror(database);
  const tables = new WritableMirror(database, skyGenesis).tables;
  const identity = {
    system: skyGenesis.name,
    device: { id: 'd1', name: 'bench' },
    organization: { id: '', name: '' },
    operator: { id: '', email: '' },
  };
  return readContext(mirror, identity as Parameters<typeof readContext>[1], tables, Date.now());
}
