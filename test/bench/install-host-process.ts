import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { quoteName } from '../../src-main/core/quoting.ts';

/** What a host's statements took while one thing went on, in milliseconds. */
export interface HostReport {
  during: string;
  milliseconds: number;
  statements: number;
  /** Tables that were written to and read. */
  tables: number;
  longestWrite: number;
  longestRead: number;
  /** The tables of those. */
  longestOn: string;
  failures: string[];
}

const writers = 6;
const readers = 6;
/** Between two statements of one connection: a host is not alone on its server. */
const pauseMilliseconds = 2;
/** Of one transaction that is open for long; there is one most of the time. */
const openMilliseconds = 2_000;

/**
 * A host at work, in a process of its own: each connection goes round all tables, in an order of its own, and times each statement. Told
 * by message what is going on, it answers with the report of what went on before.
 */
const [url, schema] = process.argv.slice(2) as [string, string];
let report = newReport('');
let started = performance.now();
let isOver = false;
const touched = new Set<string>();

const tables = await connected(async (client) => {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = $1::REGNAMESPACE AND relkind = 'r'`,
    [schema],
  );
  return rows.map(({ name }) => name);
});
process.on('message', (during: string | null) => {
  process.send!({ ...report, milliseconds: performance.now() - started, tables: touched.size });
  if (during === null) isOver = true;
  else {
    report = newReport(during);
    started = performance.now();
    touched.clear();
  }
});
const loops = [
  ...Array.from({ length: writers }, () => goRound('longestWrite', `UPDATE % SET note = 'w' || $1 WHERE id = $1`)),
  ...Array.from({ length: readers }, () => goRound('longestRead', 'SELECT note FROM % WHERE id = $1')),
  keepOpen(),
];
process.send!('ready');
await Promise.all(loops);
process.disconnect();

async function goRound(longest: 'longestWrite' | 'longestRead', statement: string): Promise<void> {
  await connected(async (client) => {
    const order = tables.map((table) => ({ table, at: Math.random() })).sort((a, b) => a.at - b.at);
    for (let turn = 0; !isOver; turn++) {
      const { table } = order[turn % order.length]!;
      const before = performance.now();
      const of = report;
      try {
        await client.query(statement.replace('%', `${quoteName(schema)}.${quoteName(table)}`), [
          1 + Math.floor(Math.random() * 90),
        ]);
      } catch (error) {
        of.failures.push(`${table}: ${(error as Error).message}`);
      }
      const took = performance.now() - before;
      // A statement counts for all that it went on during.
      for (const one of new Set([of, report])) {
        one.statements += 1;
        if (took > one[longest]) {
          one[longest] = took;
          if (took >= Math.max(one.longestWrite, one.longestRead)) one.longestOn = table;
        }
      }
      touched.add(table);
      await pause(pauseMilliseconds);
    }
  });
}

/** Transactions that are open for long, each on some table: in rows that nobody else writes to. */
async function keepOpen(): Promise<void> {
  await connected(async (client) => {
    while (!isOver) {
      const table = tables[Math.floor(Math.random() * tables.length)]!;
      await client.query('BEGIN');
      await client.query(`UPDATE ${quoteName(schema)}.${quoteName(table)} SET note = 'kept open' WHERE id = 95`);
      await pause(openMilliseconds);
      await client.query('COMMIT');
      await pause(Math.random() * openMilliseconds);
    }
  });
}

function newReport(during: string): HostReport {
  return {
    during,
    milliseconds: 0,
    statements: 0,
    tables: 0,
    longestWrite: 0,
    longestRead: 0,
    longestOn: '',
    failures: [],
  };
}

async function connected<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
