import { uuidv7 } from 'uuidv7';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Output, Request } from '../../contract/index.ts';
import type { ConflictField } from '../../contract/outbox.ts';
import { appendEntry } from '../audit/device-log.ts';
import { keyText, keyValues, type MirroredTable } from '../mirror/catalogue.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import type { Actor } from './actor.ts';
import { type CommandBody, execute } from './execute.ts';
import type { RowChange } from './intent.ts';

/** Takes back a command that was not sent yet. The log keeps both: that it was made and that it was undone. */
export function undo(
  mirror: WritableMirror,
  actor: Actor,
  request: Request<'outbox.undo'>,
  now: number,
): Output<'outbox.undo'> {
  const row = mirror.first(query.selectFrom('latchkey_outbox').selectAll().where('command', '=', request.command));
  if (!row)
    throw new LatchkeyError('not-found', `There is no command ${request.command} on this device.`, {
      field: 'command',
    });
  if ((row.state !== 'queued' && row.state !== 'local') || row.sent_at !== null) {
    throw new LatchkeyError(
      'not-undoable',
      'This command was already sent to central, so it cannot be taken back here. Make a new change instead.',
    );
  }
  const dependant = mirror
    .all(query.selectFrom('latchkey_outbox').select(['summary', 'requires']).where('state', 'in', ['queued', 'local']))
    .find((later) => (JSON.parse(later.requires) as string[]).includes(request.command));
  if (dependant)
    throw new LatchkeyError('not-undoable', `“${dependant.summary}” builds on this command. Undo that one first.`);
  leavePending(mirror, [row.command]);
  mirror.database.prepare(`UPDATE latchkey_outbox SET state = 'undone' WHERE command = ?`).run(row.command);
  const subject = { table: row.subject_table, key: row.subject_key };
  appendEntry(mirror, actor, { action: 'command.undone', command: row.command, changes: null, subject, now });
  return { command: row.command, name: row.name, state: 'undone', subject: row.subject_key };
}

/** Takes commands off what screens show: they are in force, or were not applied. */
export function leavePending(mirror: WritableMirror, commands: string[]): void {
  mirror.unapplyPending();
  for (const command of commands)
    mirror.database.prepare('DELETE FROM latchkey_pending WHERE command = ?').run(command);
  mirror.replayPending();
}

/** Keeps a command that central did not take as it was, for a person to decide. */
export function recordConflict(
  mirror: WritableMirror,
  command: string,
  conflict: {
    kind: 'fields' | 'missing' | 'refused';
    table: string | null;
    key: string | null;
    fields: ConflictField[];
    message: string;
  },
  now: number,
): void {
  mirror.database
    .prepare(
      'INSERT INTO latchkey_conflict (conflict, command, kind, table_name, row_key, fields, message, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    .run(
      uuidv7(),
      command,
      conflict.kind,
      conflict.table,
      conflict.key,
      JSON.stringify(conflict.fields),
      conflict.message,
      `${momentParameter(now)}Z`,
    );
}

/**
 * Ends a conflict. `theirs` leaves central's values; `mine` makes the command anew on top of what central has now; `columns`
 * decides field by field. A new command goes through the one write path like any other.
 */
export function resolve(
  mirror: WritableMirror,
  actor: Actor,
  request: Request<'conflicts.resolve'>,
  now: number,
): Output<'conflicts.resolve'> {
  const conflict = mirror.first(
    query.selectFrom('latchkey_conflict').selectAll().where('conflict', '=', request.conflict),
  );
  if (!conflict)
    throw new LatchkeyError('not-found', `There is no conflict ${request.conflict} on this device.`, {
      field: 'conflict',
    });
  if (conflict.state === 'resolved')
    throw new LatchkeyError('conflict-closed', 'This conflict was resolved already. Nothing was changed.');
  const original = mirror.first(
    query.selectFrom('latchkey_outbox').selectAll().where('command', '=', conflict.command),
  )!;
  const fields = JSON.parse(conflict.fields) as ConflictField[];
  const theirs = givenUp(fields, request);
  const changes =
    request.take === 'theirs' && theirs.size === fields.length ? [] : remade(original.changes, conflict, theirs);
  const resolution = theirs.size === 0 && request.take === 'mine' ? 'mine' : changes.length > 0 ? 'merged' : 'theirs';
  const { subject } = JSON.parse(original.changes) as CommandBody;
  const receipt =
    changes.length === 0
      ? null
      : execute(
          mirror,
          actor,
          {
            name: original.name,
            summary: original.summary,
            reason: original.reason ?? undefined,
            subject: { table: subject.table, key: keyValues(tableOf(mirror, subject.table), subject.key) },
            changes,
          },
          now,
        );
  mirror.database
    .prepare(
      `UPDATE latchkey_conflict SET state = 'resolved', resolution = ?, resolved_by = ?, resolved_at = ? WHERE conflict = ?`,
    )
    .run(resolution, receipt?.command ?? null, `${momentParameter(now)}Z`, conflict.conflict);
  mirror.database
    .prepare('UPDATE latchkey_outbox SET note = ? WHERE command = ?')
    .run(resolutionNotes[resolution], original.command);
  appendEntry(mirror, actor, {
    action: 'conflict.resolve',
    command: original.command,
    changes: null,
    subject: { table: original.subject_table, key: original.subject_key },
    now,
  });
  return { conflict: conflict.conflict, resolution, command: receipt?.command ?? null };
}

/** A host may have dropped or renamed it since the command was made. */
function tableOf(mirror: WritableMirror, name: string): MirroredTable {
  const table = mirror.tables.get(name);
  if (table) return table;
  throw new LatchkeyError(
    'not-supported',
    `This device does not mirror ${name} any more, so the command cannot be made again. Nothing was changed. Take theirs: what you had entered stays in the outbox.`,
    { field: 'take' },
  );
}

const resolutionNotes = {
  mine: 'Resolved: sent again as a new command.',
  theirs: 'Resolved: what central had was kept.',
  merged: 'Resolved: sent again in part as a new command.',
};

function givenUp(fields: ConflictField[], request: Request<'conflicts.resolve'>): Set<string> {
  for (const column of Object.keys(request.columns ?? {})) {
    if (!fields.some((field) => field.column === column)) {
      throw new LatchkeyError('invalid-input', `This conflict has no field “${column}”. Nothing was changed.`, {
        field: 'columns',
      });
    }
  }
  return new Set(
    fields.map((field) => field.column).filter((column) => (request.columns?.[column] ?? request.take) === 'theirs'),
  );
}

/** The command's changes once more, less the fields that were given up. */
function remade(
  text: string,
  conflict: { table_name: string | null; row_key: string | null; kind: string },
  theirs: Set<string>,
): RowChange[] {
  if (conflict.kind === 'missing') {
    throw new LatchkeyError(
      'not-supported',
      'The row that this command changed is not there any more, so it cannot be made again. Take theirs.',
    );
  }
  const { changes } = JSON.parse(text) as CommandBody;
  return changes
    .map((change) => {
      const conflicted = change.table === conflict.table_name && keyText(change.key) === conflict.row_key;
      const set = Object.fromEntries(
        Object.entries(change.set).filter(([column]) => !(conflicted && theirs.has(column))),
      );
      return {
        table: change.table,
        key: change.key,
        op: change.op,
        set,
        ...(change.from_acceptance ? { fromAcceptance: change.from_acceptance } : {}),
      };
    })
    .filter((change) => Object.keys(change.set).length > 0 || Object.keys(change.fromAcceptance ?? {}).length > 0);
}
