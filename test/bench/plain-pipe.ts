import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import Database from 'better-sqlite3';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { MirroredTable } from '../../src-main/core/mirror/catalogue.ts';
import { quoteName } from '../../src-main/core/quoting.ts';

/** What the plain way has to end with: the same tables, rows and indexes, in the clear. */
export interface PlainMirror {
  tables: MirroredTable[];
  createTables: string[];
  createIndexes: string[];
  /** The rows of a table, as a condition on the host's own table. */
  condition(table: MirroredTable): string;
}

export interface PlainWay {
  name: string;
  /** @returns milliseconds */
  run(url: string, file: string, mirror: PlainMirror): Promise<number>;
}

/** psql's CSV straight into sqlite3's import; where one of them is not installed, COPY's text into prepared inserts. */
export function plainWay(): PlainWay {
  return isInstalled('psql') && isInstalled('sqlite3')
    ? { name: 'psql COPY | sqlite3 .import', run: pipe }
    : { name: 'COPY to prepared inserts (no psql or sqlite3 here)', run: insertLoop };
}

async function pipe(url: string, file: string, { tables, createTables, createIndexes, condition }: PlainMirror) {
  const started = performance.now();
  execFileSync('sqlite3', [file], { input: createTables.join(';\n') });
  for (const table of tables) {
    const copy = `${copySql(table, condition(table))} (FORMAT csv)`;
    const load = `.import --csv /dev/stdin ${quoteName(table.name)}`;
    execFileSync('sh', ['-c', 'psql -X -q "$1" -c "$2" | sqlite3 "$3" "$4"', 'sh', url, copy, file, load]);
  }
  execFileSync('sqlite3', [file], { input: createIndexes.join(';\n') });
  return finished(started, file);
}

async function insertLoop(url: string, file: string, { tables, createTables, createIndexes, condition }: PlainMirror) {
  const started = performance.now();
  const database = new Database(file);
  for (const sql of createTables) database.exec(sql);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const table of tables) {
    const insert = database.prepare(
      `INSERT INTO ${quoteName(table.name)} VALUES (${table.columns.map(() => '?').join(', ')})`,
    );
    database.exec('BEGIN');
    let rest = '';
    for await (const chunk of client.query(copyTo(copySql(table, condition(table)))).setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) insert.run(line.split('\t').map((field) => (field === '\\N' ? null : field)));
    }
    database.exec('COMMIT');
  }
  await client.end();
  for (const sql of createIndexes) database.exec(sql);
  database.close();
  return finished(started, file);
}

function copySql(table: MirroredTable, condition: string): string {
  const columns = table.columns.map((column) => quoteName(column.name)).join(', ');
  return `COPY (SELECT ${columns} FROM api_service.${quoteName(table.name)} t WHERE ${condition}) TO STDOUT`;
}

function finished(started: number, file: string): number {
  const milliseconds = performance.now() - started;
  rmSync(file);
  return milliseconds;
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
