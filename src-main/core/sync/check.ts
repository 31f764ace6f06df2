import { uuidv7 } from 'uuidv7';
import type { Output } from '../../contract/index.ts';
import { appendEntry } from '../audit/device-log.ts';
import { type CentralAddress, connectionError, connectToCentral } from '../central/connection.ts';
import { disconnect, type Patience } from '../central/wire.ts';
import type { Actor } from '../command/actor.ts';
import type { MirroredTable } from '../mirror/catalogue.ts';
import type { Stored } from '../mirror/rows.ts';
import { keyOf, type StoredRow, type WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { copyTable } from './copy-table.ts';
import { caughtUp, type PullContext } from './pull.ts';

type Difference = Output<'mirror.check'>['tables'][number]['differences'][number];
const listedDifferences = 100;

interface Comparison {
  mirror: WritableMirror;
  now: () => number;
  actor: Actor;
  /** Replace a table that differs by what central has. */
  repair: boolean;
  onChanged: (tables: string[]) => void;
}

export interface CheckContext extends Comparison {
  address: CentralAddress;
  patience?: Patience | undefined;
  /** Runs while no sync cycle does; the signal comes when the operator goes offline. */
  exclusively: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/**
 * Proves the mirror: in one snapshot of central it catches up, reads everything that this device may see once more, and compares
 * value by value with the confirmed rows. What differs is replaced, if wanted, by what was read, and an entry says so.
 */
export async function checkMirror(context: CheckContext): Promise<Output<'mirror.check'>> {
  const { mirror, address, patience, now, onChanged } = context;
  return context.exclusively(async (signal) => {
    const client = await connectToCentral(address, { name: 'latchkey check', patience, signal });
    const shared = { client, mirror, now, onProgress: () => {}, onChanged };
    try {
      const tables = await caughtUp(shared, ({ snapshot }) =>
        compareTables(shared, context, [...mirror.tables.values()], snapshot),
      );
      return { equal: tables.every((table) => table.equal), tables };
    } catch (error) {
      throw connectionError(error, address);
    } finally {
      await disconnect(client);
    }
  });
}

/** Compares these tables, in a transaction at central in which the mirror has caught up. */
export async function compareTables(
  { client, mirror }: PullContext,
  check: Comparison,
  tables: MirroredTable[],
  snapshot: string,
): Promise<Output<'mirror.check'>['tables']> {
  const compared: Output<'mirror.check'>['tables'] = [];
  for (const table of tables) {
    const rowsCentral = await copyTable(client, mirror, table);
    compared.push(mirror.transaction(() => compare(check, table, rowsCentral, snapshot)));
  }
  const repaired = compared.filter((table) => table.repaired).map(({ table }) => table);
  if (repaired.length > 0) check.onChanged(repaired);
  return compared;
}

function compare(
  { mirror, actor, now, repair }: Comparison,
  table: MirroredTable,
  rowsCentral: number,
  snapshot: string,
): Output<'mirror.check'>['tables'][number] {
  mirror.unapplyPending();
  const here = quoteName(table.name);
  const there = quoteName(`latchkey_incoming_${table.name}`);
  const names = table.columns.map((column) => quoteName(column.name)).join(', ');
  const except = (left: string, right: string) =>
    mirror.database
      .prepare(`SELECT ${names} FROM ${left} EXCEPT SELECT ${names} FROM ${right}`)
      .safeIntegers(true)
      .all() as Record<string, Stored>[];
  const onlyHere = new Set(except(here, there).map((row) => keyOf(table, row as StoredRow)));
  const onlyThere = new Set(except(there, here).map((row) => keyOf(table, row as StoredRow)));
  const rowsHere = Number(mirror.database.prepare(`SELECT count(*) FROM ${here}`).pluck().get());
  const repaired = repair && onlyHere.size + onlyThere.size > 0;
  if (repaired) {
    mirror.swapIn(table, rowsCentral, snapshot);
    const subject = { table: table.name, key: '' };
    appendEntry(mirror, actor, { action: 'mirror.repair', command: uuidv7(), changes: null, subject, now: now() });
  } else mirror.database.exec(`DROP TABLE ${there}`);
  mirror.replayPending();
  const differences: Difference[] = [...new Set([...onlyHere, ...onlyThere])].map((key) => ({
    key,
    kind: !onlyHere.has(key) ? 'missing' : !onlyThere.has(key) ? 'extra' : 'different',
  }));
  return {
    table: table.name,
    rowsHere,
    rowsCentral,
    equal: differences.length === 0,
    repaired,
    differences: differences.slice(0, listedDifferences),
  };
}
