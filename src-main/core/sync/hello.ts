import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { quoteText } from '../quoting.ts';
import { parseSnapshot, until } from './snapshot.ts';

/** What central says of itself and of this device: `latchkey.hello()`. */
export interface Hello {
  protocol: number;
  system: string;
  device: string;
  organization: string;
  operator: string;
  capability: 'admin' | 'operator' | 'auditor';
  /** Entries of this device's log that central has. */
  entries: number;
  log_size: number;
  /** Root of that log, base64. */
  log_root: string;
  /** Changes whenever a trigger that devices rely on was switched off, dropped or made. */
  guards: string;
  /** How many people of this organization were erased. */
  erasures: number;
  /** Hash of the last leaf of the organization's log, lower hex; null for an empty log. */
  last_leaf: string | null;
  /** Hash of the leaf that was the last one when this device last looked; null where the log is shorter than that. */
  known_leaf: string | null;
  /** `xid:hash` of the newest change in the log that may concern this device; null for an empty log. */
  newest_change: string | null;
  /** Whether the newest change that this device knew of is still in the log, or lies before what is retained. */
  known_change: boolean;
  /** Commands of the organization that wait for an administrator; 0 for a device that could not decide on them. */
  in_quarantine: number;
  channel: string;
  /** Connections to the server, of everybody, and how many ordinary logins may have in all. */
  connections: { used: number; limit: number };
  epoch: { id: string; cluster: string; timeline: string; database: string; relation: string };
  /** Of changes that transactions before this one made, the log may have lost some; `forgotten_by` is the transaction that last took some out. */
  retained_since: string;
  forgotten_by: string;
  snapshot: string;
  fingerprint: string;
  untracked: string[];
  /** The day, UTC, that log windows count from: `2026-11-20`. */
  today: string;
  /** Tables that the host changed under Latchkey. */
  outdated: string[];
  now: string;
  /** Milliseconds that this device's clock is ahead of central's, to within half a round trip; negative where it is behind. */
  clock_offset: number;
}

export interface HelloContext {
  client: pg.Client;
  mirror: WritableMirror;
  now: () => number;
}

const protocol = 3;

/** @throws LatchkeyError `central-standby`, `central-too-new`, `central-too-old`, `central-schema-changed`, `central-tracking-off`, `central-rewound`, `device-revoked` … */
export async function hello(context: HelloContext): Promise<Hello> {
  const asked = context.now();
  try {
    const { rows } = await context.client.query<{ hello: string | null }>(question(context));
    return understood(context, rows[0]!.hello, asked);
  } catch (error) {
    // The schema is there and this function is not: the first protocol's took no argument.
    throw (error as { code?: string }).code === '42883' ? tooOld() : error;
  }
}

/** A standby cannot answer, and says nothing. */
function question({ mirror }: HelloContext): string {
  const { logSize, newestChange } = knownCentral(mirror) ?? { logSize: 0, newestChange: null };
  const known = `${Math.trunc(logSize)}, ${newestChange === null ? 'NULL' : quoteText(newestChange)}`;
  return `SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN latchkey.hello(${known})::TEXT END AS hello`;
}

function understood({ mirror, now }: HelloContext, said: string | null, asked: number): Hello {
  if (said === null) {
    throw new LatchkeyError(
      'central-standby',
      'This is a standby of central. Latchkey needs the primary, because only its snapshots tell what is still under way. Nothing was changed.',
    );
  }
  const parsed = JSON.parse(said) as Omit<Hello, 'clock_offset'>;
  const answer: Hello = { ...parsed, clock_offset: Math.round((asked + now()) / 2 - Date.parse(parsed.now)) };
  if (answer.protocol > protocol)
    throw new LatchkeyError(
      'central-too-new',
      'Central was upgraded beyond what this version of Latchkey understands. The mirror can be read, and commands stay queued. Update Latchkey.',
    );
  if (answer.protocol < protocol) throw tooOld();
  if (answer.outdated.length > 0) {
    throw new LatchkeyError(
      'central-schema-changed',
      `The tables of central were changed under Latchkey (${answer.outdated.join(', ')}). The mirror can be read, and commands stay queued. An administrator must run \`latchkey central upgrade\`; then syncing goes on by itself.`,
      { details: { tables: answer.outdated } },
    );
  }
  if (answer.untracked.length > 0) {
    throw new LatchkeyError(
      'central-tracking-off',
      `At central the change tracking of ${answer.untracked.join(', ')} was switched off, so this mirror would miss changes. Nothing was changed here. An administrator must enable the triggers again (ENABLE ALWAYS).`,
      { details: { tables: answer.untracked } },
    );
  }
  if (isRewound(mirror, answer)) {
    throw new LatchkeyError(
      'central-rewound',
      'Central lost what it had acknowledged to this device, and nobody has declared that it was restored. What is here was kept, and nothing was sent. If a backup was restored, an administrator must declare it: latchkey central restored --reason "…". If not, somebody may have tampered with it.',
    );
  }
  return answer;
}

function tooOld(): LatchkeyError {
  return new LatchkeyError(
    'central-too-old',
    'Central has an older Latchkey than this device. The mirror can be read, and commands stay queued. An administrator must bring it up to date: latchkey central upgrade.',
  );
}

/** What this device last knew of the database it syncs with. */
export interface KnownCentral {
  epoch: Hello['epoch'];
  /** Leaves of the organization's log, and the hash of the last one. */
  logSize: number;
  lastLeaf: string | null;
  /** The newest change of which the pull that set the cursor knew. */
  newestChange: string | null;
}

export function knownCentral(mirror: WritableMirror): KnownCentral | null {
  const stored = mirror.meta('central');
  if (stored === null) return null;
  const known = JSON.parse(stored) as Omit<KnownCentral, 'lastLeaf' | 'newestChange'> & Partial<KnownCentral>;
  // A mirror of the first protocol kept no leaf and no change.
  return { ...known, lastLeaf: known.lastLeaf ?? null, newestChange: known.newestChange ?? null };
}

export function rememberCentral(mirror: WritableMirror, answer: Hello): void {
  const known: KnownCentral = {
    epoch: answer.epoch,
    logSize: answer.log_size,
    lastLeaf: answer.last_leaf,
    newestChange: answer.newest_change,
  };
  mirror.setMeta('central', JSON.stringify(known));
  mirror.setMeta('clock_offset_ms', String(answer.clock_offset));
  mirror.setMeta('central_now', answer.now);
  mirror.setMeta('capability', answer.capability);
  mirror.setMeta('fingerprint', answer.fingerprint);
}

/** `same`: go on from the cursor. `changed`: a declared restore, a promoted standby, or the same data in another database: a fresh copy is needed. */
export function compareEpoch(mirror: WritableMirror, answer: Hello): 'first' | 'same' | 'changed' {
  const known = knownCentral(mirror);
  if (!known) return 'first';
  return known.epoch.id === answer.epoch.id && isWhereItWas(known, answer) ? 'same' : 'changed';
}

function isWhereItWas(known: KnownCentral, answer: Hello): boolean {
  return (['cluster', 'timeline', 'database', 'relation'] as const).every(
    (part) => known.epoch[part] === answer.epoch[part],
  );
}

/**
 * Where the log is to be read from: the cursor, but no further than the newest change that was seen. It comes to the same, since nothing
 * lay between; and should central have been put back to a moment in between, what it writes under the same numbers since is not taken for seen.
 */
export function logPosition(mirror: WritableMirror): string | null {
  const cursor = mirror.meta('cursor');
  const newest = knownCentral(mirror)?.newestChange ?? null;
  if (cursor === null || newest === null) return cursor;
  return until(cursor, BigInt(newest.slice(0, newest.indexOf(':'))) + 1n);
}

/** Nothing of this can happen to a database that only goes forward; after a restore, a new epoch says that it was meant. */
function isRewound(mirror: WritableMirror, answer: Hello): boolean {
  const counter = parseSnapshot(answer.snapshot).xmax;
  // Ahead of the cluster's own transaction ids: the epoch began in another cluster, from which this database was loaded.
  if (BigInt(answer.retained_since) > counter) return true;
  const known = knownCentral(mirror);
  if (!known || known.epoch.id !== answer.epoch.id) return false;
  const cursor = mirror.meta('cursor');
  const sent = mirror.first(
    query
      .selectFrom('latchkey_entry')
      .select(({ fn }) => fn.max('position').as('last'))
      .where('sent', '=', 1),
  );
  return (
    answer.log_size < known.logSize ||
    (known.lastLeaf !== null && known.lastLeaf !== answer.known_leaf) ||
    answer.entries < (sent?.last ?? 0) ||
    (isWhereItWas(known, answer) && !answer.known_change) ||
    (isWhereItWas(known, answer) && cursor !== null && parseSnapshot(cursor).xmax > counter)
  );
}

/**
 * One REPEATABLE READ transaction, so that everything read in it is one moment of central. When it fails the connection is of no use
 * any more, and the caller lets go of it: a COPY that was left half-way would have to arrive whole before a ROLLBACK.
 *
 * @param also SQL that goes along with the first question, so that its answer, the rows of its last statement, costs no way of its own
 */
export async function inSnapshot<T, Row = never>(
  context: HelloContext,
  work: (answer: Hello, also: Row[]) => Promise<T>,
  also = '',
): Promise<T> {
  const { answer, rows } = await begin<Row>(context, also);
  const result = await work(answer, rows);
  await context.client.query('COMMIT');
  return result;
}

async function begin<Row>(context: HelloContext, also: string): Promise<{ answer: Hello; rows: Row[] }> {
  const { client, now } = context;
  const text = `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; ${question(context)}; ${also}`;
  const asked = now();
  try {
    const results = (await client.query({ text, rowMode: 'array' })) as unknown as pg.QueryArrayResult[];
    const said = results[1]!.rows[0]![0] as string | null;
    return { answer: understood(context, said, asked), rows: results.at(-1)!.rows as Row[] };
  } catch (error) {
    if (!/^42/.test((error as { code?: string }).code ?? '')) throw error;
    // A central of another age, or with other tables, lacks what was asked, and tells so when it is asked for that alone.
    await client.query('ROLLBACK');
    await hello(context);
    throw error;
  }
}
