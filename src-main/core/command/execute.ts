import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { LatchkeyError } from '../../contract/errors.ts';
import type { CommandReceipt } from '../../contract/values.ts';
import { canonicalText } from '../audit/canonical.ts';
import { appendEntry } from '../audit/device-log.ts';
import { keyText, type MirroredTable } from '../mirror/catalogue.ts';
import { momentParameter } from '../mirror/moments.ts';
import { fromJson, toJson } from '../mirror/rows.ts';
import { keyParameters, keyPredicate, type StoredRow, type WritableMirror } from '../mirror/writable.ts';
import { quoteName } from '../quoting.ts';
import { hiddenColumns } from '../systems/hidden.ts';
import type { Actor } from './actor.ts';
import { defaultValue } from './defaults.ts';
import type { Intent, Json, RowChange } from './intent.ts';

/** One row change as it travels to central: with what this device saw before it. */
interface WireChange {
  table: string;
  key: Json[];
  op: 'insert' | 'update';
  base: Record<string, Json> | null;
  /** Of columns that hold JSON the text of what it saw: a number in it may be more exact than ours are. */
  base_text?: Record<string, string>;
  set: Record<string, Json>;
  from_acceptance?: Record<string, number>;
}

/** The body of a command: its exact canonical bytes are what the audit entry's hash stands for. */
export interface CommandBody {
  changes: WireChange[];
  reason: string | null;
  /** 128 random bits, so that a hash tells nothing about values that are easily guessed. */
  salt: string;
  subject: { table: string; key: string };
}

/**
 * The one write path: what the operator wants becomes shown rows, a queued command and an audit entry, all in the transaction
 * that the caller has open, or nothing at all.
 *
 * @param now this device's clock, whatever it says: the log keeps it as it is
 * @throws LatchkeyError `not-permitted`, `not-found`, `would-violate`, each naming the field
 */
export function execute(mirror: WritableMirror, actor: Actor, intent: Intent, now: number): CommandReceipt {
  const command = uuidv7();
  const planned = intent.changes.map((change) =>
    plan(mirror, change, mirror.nowAtCentral(now), intent.erases === true),
  );
  const subject = { table: intent.subject.table, key: keyText(intent.subject.key) };
  const body: CommandBody = {
    changes: planned.map(({ wire }) => wire),
    reason: intent.reason ?? null,
    salt: randomBytes(16).toString('base64url'),
    subject,
  };
  const changes = canonicalText(body as unknown as Json);
  const requires = pendingBefore(mirror, planned, intent.erases === true);

  mirror.database
    .prepare(
      `INSERT INTO latchkey_outbox (command, position, name, summary, reason, subject_table, subject_key, made_at, state, changes, requires)
       VALUES (?, (SELECT coalesce(max(position), 0) + 1 FROM latchkey_outbox), ?, ?, ?, ?, ?, ?, 'queued', ?, ?)`,
    )
    .run(
      command,
      intent.name,
      intent.summary,
      intent.reason ?? null,
      subject.table,
      subject.key,
      `${momentParameter(now)}Z`,
      changes,
      JSON.stringify(requires),
    );
  for (const [n, { table, key, wire, shown }] of planned.entries()) {
    mirror.database
      .prepare('INSERT INTO latchkey_pending VALUES (?, ?, ?, ?, ?, ?)')
      .run(command, n, table.name, key, wire.op, JSON.stringify(shown));
    mirror.applyPending(table, key, wire.op, shown);
  }
  appendEntry(mirror, actor, {
    action: intent.name,
    command,
    changes,
    subject,
    now,
    disclosed: {
      summary: intent.summary,
      reason: intent.reason,
      changes: body.changes.map((change) => told(mirror, change)),
    },
  });
  return { command, name: intent.name, state: 'queued', subject: subject.key };
}

/** A change as the log discloses it: without what no device may read. */
function told(mirror: WritableMirror, { table, key, op, base, base_text, set }: WireChange): Json {
  const hidden = hiddenColumns(mirror.system, table);
  const shown = (values: Record<string, Json>) =>
    Object.fromEntries(Object.entries(values).filter(([column]) => !hidden.includes(column)));
  const before = base === null ? null : shown({ ...base, ...base_text });
  return { table, key: keyText(key), op, before, after: shown(set) };
}

interface Planned {
  table: MirroredTable;
  key: string;
  wire: WireChange;
  shown: Record<string, Json>;
}

function plan(mirror: WritableMirror, change: RowChange, now: number, erases: boolean): Planned {
  const table = mirror.tables.get(change.table);
  if (!table)
    throw new LatchkeyError('not-supported', `This device does not mirror ${change.table}. Nothing was changed.`);
  requireRights(table, change);
  requirePlainKey(table);
  const key = keyText(change.key);
  const row = mirror.row(table, key);
  if (change.op === 'update' && row === null)
    throw new LatchkeyError('not-found', `The row of ${table.name} is not there any more. Nothing was changed.`);
  if (change.op === 'insert' && row !== null)
    throw new LatchkeyError(
      'would-violate',
      `A row of ${table.name} with this key is there already. Nothing was changed.`,
    );
  requireValues(mirror, table, key, change);
  return {
    table,
    key,
    wire: {
      table: table.name,
      key: change.key,
      op: change.op,
      ...(row === null ? { base: null } : erases ? { base: {} } : baseOf(mirror, table, row, change)),
      set: change.set,
      ...(change.fromAcceptance ? { from_acceptance: change.fromAcceptance } : {}),
    },
    shown: { ...(row === null ? defaults(table, now) : {}), ...change.set, ...estimates(table, row, change, now) },
  };
}

/** What central will fill in by itself, so that a new row does not look unfinished until it comes back. */
function defaults(table: MirroredTable, now: number): Record<string, Json> {
  const known = table.columns.map((column) => [column.name, defaultValue(column, now)] as const);
  return Object.fromEntries(known.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

function requireRights(table: MirroredTable, change: RowChange): void {
  const allowed = new Set(change.op === 'insert' ? [...table.insertable, ...table.key] : table.updatable);
  for (const column of [...Object.keys(change.set), ...Object.keys(change.fromAcceptance ?? {})]) {
    if (!allowed.has(column)) {
      throw new LatchkeyError(
        'not-permitted',
        `This device may not ${change.op === 'insert' ? 'set' : 'change'} ${table.name}.${column}. Nothing was changed. Ask for a device with more rights.`,
        {
          field: column,
        },
      );
    }
  }
}

/** The text of JSON is not the JSON: central would look for a row that is known by that text. */
function requirePlainKey(table: MirroredTable): void {
  const json = table.columns.find(({ name, type }) => table.key.includes(name) && type === 'jsonb');
  if (!json) return;
  throw new LatchkeyError(
    'not-supported',
    `Rows of ${table.name} are known by JSON (${json.name}), and such rows cannot be changed from a device. Nothing was changed.`,
    { field: json.name },
  );
}

/** What central would refuse, refused here: offline, at the field, in words. Central still decides. */
function requireValues(mirror: WritableMirror, table: MirroredTable, key: string, change: RowChange): void {
  for (const [name, value] of Object.entries(change.set)) {
    const column = table.columns.find((candidate) => candidate.name === name);
    if (!column) continue;
    if (value === null && !column.nullable)
      throw new LatchkeyError('would-violate', `${table.name}.${name} must have a value. Nothing was changed.`, {
        field: name,
      });
    const limit = /^character(?: varying)?\((\d+)\)$/.exec(column.type)?.[1];
    if (limit && typeof value === 'string' && [...value].length > Number(limit)) {
      throw new LatchkeyError(
        'would-violate',
        `${table.name}.${name} holds ${limit} characters at most. Nothing was changed.`,
        { field: name },
      );
    }
  }
  for (const names of table.unique) {
    const columns = table.columns.filter(({ name }) => names.includes(name) && (change.set[name] ?? null) !== null);
    if (columns.length < names.length) continue;
    const same = columns.map(({ name }) => `${quoteName(name)} = ?`).join(' AND ');
    const twin = mirror.database
      .prepare(`SELECT 1 FROM ${quoteName(table.name)} WHERE ${same} AND NOT (${keyPredicate(table)}) LIMIT 1`)
      .get(...columns.map((column) => fromJson(column, change.set[column.name]!)), ...keyParameters(table, key));
    if (twin !== undefined) {
      throw new LatchkeyError(
        'would-violate',
        `Another row of ${table.name} has the same ${names.join(' and ')} (${key} must differ). Nothing was changed.`,
        {
          field: names[0],
        },
      );
    }
  }
}

/** What this device saw in the columns that change, and in those that mean something only together with them. */
function baseOf(
  mirror: WritableMirror,
  table: MirroredTable,
  row: StoredRow,
  change: RowChange,
): Pick<WireChange, 'base' | 'base_text'> {
  const groups = mirror.system.tables[table.name]?.groups ?? [];
  const wanted = new Set([...Object.keys(change.set), ...Object.keys(change.fromAcceptance ?? {})]);
  for (const group of groups) if (group.some((name) => wanted.has(name))) for (const name of group) wanted.add(name);
  const seen = table.columns.filter((column) => wanted.has(column.name));
  const texts = seen.filter((column) => column.storage === 'json' && typeof row[column.name] === 'string');
  const base = seen
    .filter((column) => !texts.includes(column))
    .map((column) => [column.name, toJson(column, row[column.name] ?? null)]);
  return {
    base: Object.fromEntries(base),
    ...(texts.length > 0 && { base_text: Object.fromEntries(texts.map(({ name }) => [name, String(row[name])])) }),
  };
}

/** Moments that central will set when it accepts, as near as this device can tell: shown until central's own arrive. */
function estimates(table: MirroredTable, row: StoredRow | null, change: RowChange, now: number): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(change.fromAcceptance ?? {}).map(([name, seconds]) => {
      const zone = table.columns.find((column) => column.name === name)?.storage === 'timestamptz' ? 'Z' : '';
      const estimate = `${momentParameter(now + seconds * 1000)}${zone}`;
      const present = row?.[name];
      return [name, typeof present === 'string' && present < estimate ? present : estimate];
    }),
  );
}

/**
 * For each row the last command, not in force yet, that made it or changed one of the same fields: central must have applied that
 * one first, and it the one before. Commands on other fields of the row stand on their own, and what erases waits for none but that which
 * made the row.
 */
function pendingBefore(mirror: WritableMirror, planned: Planned[], erases: boolean): string[] {
  const earlier = mirror.database.prepare<[string, string], { command: string; op: string; shown: string }>(
    `SELECT p.command, p.op, p.shown FROM latchkey_pending p JOIN latchkey_outbox o ON o.command = p.command
     WHERE p.table_name = ? AND p.row_key = ? ORDER BY o.position DESC`,
  );
  const needed = new Set<string>();
  for (const { table, key, shown } of planned) {
    for (const before of earlier.iterate(table.name, key)) {
      const columns = JSON.parse(before.shown) as Record<string, Json>;
      if (before.op !== 'insert' && (erases || !Object.keys(shown).some((column) => Object.hasOwn(columns, column))))
        continue;
      needed.add(before.command);
      break;
    }
  }
  return [...needed];
}
