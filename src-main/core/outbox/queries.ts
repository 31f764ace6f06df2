import type { CallName } from '../../contract/index.ts';
import type { ConflictField } from '../../contract/outbox.ts';
import type { FieldChange } from '../../contract/values.ts';
import type { Json } from '../command/intent.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { keyText } from '../mirror/catalogue.ts';
import { asMoment, momentParameter } from '../mirror/moments.ts';
import { query, type ReadableMirror } from '../mirror/readable.ts';
import { parsedJson } from '../mirror/row-values.ts';
import type { OutboxRow } from '../mirror/schema.ts';
import { isHidden } from '../systems/hidden.ts';
import { stopsBy } from '../systems/host-delay.ts';
import type { SystemMapping } from '../systems/system.ts';

const listOutbox: Query<'outbox.list'> = ({ mirror, system }, { state, limit, offset }) => {
  let commands = query.selectFrom('latchkey_outbox');
  if (state) commands = commands.where('state', '=', state);
  const rows = mirror.all(commands.selectAll().orderBy('position', 'desc').limit(limit).offset(offset));
  const total = mirror.first(commands.select((all) => all.fn.countAll<number>().as('n')))?.n ?? 0;
  return {
    total,
    items: rows.map((row) => ({
      command: row.command,
      name: row.name,
      summary: row.summary,
      reason: row.reason,
      state: row.state,
      madeAt: asMoment(row.made_at) ?? row.made_at,
      sentAt: asMoment(row.sent_at),
      acceptedAt: asMoment(row.accepted_at),
      inForceAt: asMoment(row.in_force_at),
      stopsBy: stopsByOf(row, system),
      // What was sent may have been applied, although no answer came.
      undoable: (row.state === 'local' || row.state === 'queued') && row.sent_at === null,
      note: row.note,
      changes: fieldChangesOf(row, system),
    })),
  };
};

const listConflicts: Query<'conflicts.list'> = ({ mirror, system }, { state, limit, offset }) => {
  const conflicts = query.selectFrom('latchkey_conflict').where('latchkey_conflict.state', '=', state);
  const rows = mirror.all(
    conflicts
      .innerJoin('latchkey_outbox', 'latchkey_outbox.command', 'latchkey_conflict.command')
      .selectAll('latchkey_conflict')
      .select(['latchkey_outbox.name', 'latchkey_outbox.summary'])
      .orderBy('latchkey_conflict.made_at', 'desc')
      .orderBy('latchkey_conflict.conflict', 'desc')
      .limit(limit)
      .offset(offset),
  );
  const total = mirror.first(conflicts.select((all) => all.fn.countAll<number>().as('n')))?.n ?? 0;
  return {
    total,
    items: rows.map((row) => ({
      conflict: row.conflict,
      command: row.command,
      name: row.name,
      summary: row.summary,
      kind: row.kind,
      table: row.table_name,
      key: row.row_key,
      fields: (JSON.parse(row.fields) as ConflictField[]).filter(
        ({ column }) => row.table_name === null || !isHidden(system, row.table_name, column),
      ),
      message: row.message,
      state: row.state,
      resolution: row.resolution,
      madeAt: asMoment(row.made_at) ?? row.made_at,
    })),
  };
};

export const outboxQueries = {
  'outbox.list': listOutbox,
  'conflicts.list': listConflicts,
} satisfies { [Name in CallName]?: Query<Name> };

/**
 * How many commands that are not in force yet touch each of these rows; rows without any are not in the map.
 * @param tables that keep something of what has such a key
 */
export function pendingCounts(
  mirror: ReadableMirror,
  tables: readonly string[],
  keys: readonly string[],
): Map<string, number> {
  if (keys.length === 0) return new Map();
  const counts = mirror.all(
    query
      .selectFrom('latchkey_pending')
      .where('table_name', 'in', tables)
      .where('row_key', 'in', keys)
      .groupBy('row_key')
      .select((row) => ['row_key', row.fn.count<number>('command').distinct().as('commands')]),
  );
  return new Map(counts.map(({ row_key, commands }) => [row_key, commands]));
}

/** The commands that touch this row and are not in force yet, oldest first. */
export function pendingCommands(
  mirror: ReadableMirror,
  tables: readonly string[],
  key: string,
): { command: string; name: string; state: string; madeAt: string }[] {
  const touching = query
    .selectFrom('latchkey_pending')
    .where('table_name', 'in', tables)
    .where('row_key', '=', key)
    .select('command');
  return mirror
    .all(
      query
        .selectFrom('latchkey_outbox')
        .where('command', 'in', touching)
        .orderBy('position')
        .select(['command', 'name', 'state', 'made_at']),
    )
    .map(({ made_at, ...command }) => ({ ...command, madeAt: asMoment(made_at) ?? made_at }));
}

/** One change as the outbox records it, in the bytes that the audit entry names by their hash. */
interface RecordedChange {
  base: Record<string, Json> | null;
  base_text?: Record<string, string>;
  from_acceptance?: Record<string, number>;
  key: Json[];
  op: string;
  set: Record<string, Json>;
  table: string;
}

function stopsByOf({ state, accepted_at, changes }: OutboxRow, system: SystemMapping): string | null {
  const accepted = Date.parse(asMoment(accepted_at) ?? '');
  if ((state !== 'accepted' && state !== 'in-force') || Number.isNaN(accepted)) return null;
  const moment = stopsBy(system, (JSON.parse(changes) as { changes: RecordedChange[] }).changes, accepted);
  return moment === null ? null : asMoment(momentParameter(moment));
}

/** What a command changes, field by field, without the values that no screen may show. */
export function fieldChangesOf(
  row: Pick<OutboxRow, 'changes' | 'made_at'>,
  system: ReadContext['system'],
): FieldChange[] {
  const { changes } = JSON.parse(row.changes) as { changes: RecordedChange[] };
  return changes.flatMap((change) => {
    const after = { ...estimatedMoments(change, row.made_at), ...change.set };
    const before = { ...change.base, ...parsedTexts(change.base_text ?? {}) };
    return (
      Object.keys(after)
        .filter((column) => !isHidden(system, change.table, column))
        .map((column) => ({
          table: change.table,
          key: keyText(change.key),
          column,
          before: before[column] ?? null,
          after: after[column],
        }))
        // A new row's empty column is nothing that changed.
        .filter((field) => field.before !== null || field.after !== null)
    );
  });
}

function parsedTexts(texts: Record<string, string>): Record<string, Json> {
  return Object.fromEntries(Object.entries(texts).map(([column, text]) => [column, parsedJson(text)]));
}

/** Moments that central will set when it accepts: until then, as if it had accepted at once. Never later than they are. */
function estimatedMoments(change: RecordedChange, madeAt: string): Record<string, Json> {
  const made = Date.parse(asMoment(madeAt) ?? madeAt);
  const moments = Object.entries(change.from_acceptance ?? {}).map(([column, seconds]) => {
    const before = change.base?.[column];
    const estimate = momentParameter(made + seconds * 1000);
    if (typeof before !== 'string') return [column, estimate];
    return [column, before < estimate ? before : estimate + (before.endsWith('Z') ? 'Z' : '')];
  });
  return Object.fromEntries(moments);
}
