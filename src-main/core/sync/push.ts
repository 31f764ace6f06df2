import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import type { ConflictField } from '../../contract/outbox.ts';
import { disclosuresOf, signedCheckpoint } from '../audit/device-log.ts';
import { LogTree } from '../audit/log-tree.ts';
import type { Actor } from '../command/actor.ts';
import { leavePending, recordConflict } from '../command/outcomes.ts';
import { keyText } from '../mirror/catalogue.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import { parsedJson } from '../mirror/row-values.ts';
import type { WritableMirror } from '../mirror/writable.ts';

const commandsPerPush = 50;
/** What takes access away and builds on nothing does not wait behind a long queue. */
const urgent = ['key.revoke', 'person.deactivate'];
const entriesPerPush = 400;
/** Of the changes of all commands in a push, and of its entries with what they disclose; central takes 16 MiB in all. A larger one goes alone. */
const bytesPerPush = 4_194_304;

/** Central's answer to one command. `waiting` was not claimed: what it builds on has no answer yet. */
interface Receipt {
  id: string;
  state: 'applied' | 'merged' | 'quarantined' | 'conflict' | 'refused' | 'waiting';
  context?: {
    kind: 'fields' | 'missing' | 'refused';
    code: string;
    message: string;
    table?: string;
    key?: string[];
    fields?: ConflictField[];
  } | null;
  xid?: string;
  at?: string;
}

export interface PushContext {
  client: pg.Client;
  mirror: WritableMirror;
  actor: Actor;
  now: () => number;
  onChanged: (tables: string[]) => void;
}

/**
 * Sends the log and the outbox, in batches, until central has answered everything that it will. Sending twice is harmless:
 * central knows ids and gives the same receipt.
 *
 * @returns how many commands got an answer
 */
export async function push(context: PushContext): Promise<number> {
  let answered = 0;
  for (;;) {
    const batch = context.mirror.transaction(() => nextBatch(context.mirror, context.now()));
    if (batch.entries.length === 0 && batch.commands.length === 0) return answered;
    // Told with the push itself: whoever is erased between the look at central and this is not named by what is sent.
    const { rows } = await context.client.query<{ answer: string }>(
      `SELECT set_config('latchkey.known_erasures', $4, TRUE), latchkey.push($1, $2, $3) AS answer`,
      [
        JSON.stringify(batch.entries),
        JSON.stringify(batch.commands),
        noteOf(context, batch),
        context.mirror.meta('erasures') ?? '0',
      ],
    );
    const answer = parsedJson(rows[0]!.answer) as unknown as { entries: number; receipts: Receipt[] };
    const taken = context.mirror.transaction(() => take(context.mirror, answer, context.now()));
    answered += taken;
    context.onChanged(['outbox', 'conflicts']);
    // Nothing moved although something was sent: going on would only send the same again.
    if (taken === 0 && batch.entries.length === 0) return answered;
  }
}

/** The device's signature under its log, up to the last entry that is sent. */
function noteOf({ mirror, actor }: PushContext, { entries }: Batch): string | null {
  const last = entries.at(-1);
  return last ? signedCheckpoint(actor, last.position, new LogTree(mirror, 'device').root(last.position)) : null;
}

const receiptsPerQuestion = 5_000;

/** What became of commands of this device; those that central does not know are not among the answers. */
export async function askReceipts(client: pg.Client, commands: string[]): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (let at = 0; at < commands.length; at += receiptsPerQuestion) {
    const { rows } = await client.query<{ receipts: string }>('SELECT latchkey.receipts($1) AS receipts', [
      commands.slice(at, at + receiptsPerQuestion),
    ]);
    for (const receipt of JSON.parse(rows[0]!.receipts) as Receipt[]) receipts.push(receipt);
  }
  return receipts;
}

/** Whether an administrator has decided on the commands of this device that central keeps in quarantine. */
export async function followQuarantine({ client, mirror, now, onChanged }: PushContext): Promise<void> {
  const waiting = mirror.all(query.selectFrom('latchkey_outbox').select('command').where('state', '=', 'quarantined'));
  if (waiting.length === 0) return;
  const receipts = await askReceipts(
    client,
    waiting.map(({ command }) => command),
  );
  const decided = receipts.filter(({ state }) => state !== 'quarantined');
  if (decided.length === 0) return;
  mirror.transaction(() => takeReceipts(mirror, decided, now()));
  onChanged(['outbox', 'conflicts']);
}

interface Batch {
  entries: { position: number; entry: string; disclosures: string[] }[];
  commands: { id: string; name: string; made_at: string; requires: string[]; changes: string; again?: true }[];
}

/** Entries strictly in order, whatever becomes of their commands; a command goes only once its entry does, urgent ones first. */
function nextBatch(mirror: WritableMirror, now: number): Batch {
  const unsent = mirror.all(
    query
      .selectFrom('latchkey_entry')
      .select(['position', 'bytes'])
      .where('sent', '=', 0)
      .orderBy('position')
      .limit(entriesPerPush),
  );
  const entries: Batch['entries'] = [];
  let bytes = 0;
  for (const { position, bytes: said } of unsent) {
    const entry = Buffer.from(said).toString('utf8');
    const disclosures = disclosuresOf(mirror, (JSON.parse(entry) as { _sd?: string[] })._sd ?? []);
    bytes += entry.length + disclosures.reduce((sum, disclosure) => sum + disclosure.length, 0);
    if (bytes > bytesPerPush && entries.length > 0) break;
    entries.push({ position, entry, disclosures });
  }
  const isAll = unsent.length < entriesPerPush && entries.length === unsent.length;
  const horizon = isAll ? Number.MAX_SAFE_INTEGER : entries.at(-1)!.position;
  const waiting = mirror.all(
    query
      .selectFrom('latchkey_outbox')
      .innerJoin('latchkey_entry', (join) => join.onRef('latchkey_entry.command', '=', 'latchkey_outbox.command'))
      .select(['latchkey_outbox.command as id', 'name', 'made_at', 'requires', 'changes', 'offered_again'])
      .select(({ fn }) => fn.min('latchkey_entry.position').as('entry'))
      .where('state', '=', 'queued')
      .groupBy('latchkey_outbox.command')
      .orderBy(({ and, eb }) => and([eb('name', 'in', urgent), eb('requires', '=', '[]')]), 'desc')
      .orderBy('latchkey_outbox.position')
      .limit(commandsPerPush),
  );
  bytes = 0;
  const commands = waiting.filter(({ entry, changes }, place) => {
    bytes += Buffer.byteLength(changes);
    return Number(entry) <= horizon && (place === 0 || bytes <= bytesPerPush);
  });
  for (const { id } of commands)
    mirror.database
      .prepare('UPDATE latchkey_outbox SET sent_at = coalesce(sent_at, ?) WHERE command = ?')
      .run(`${momentParameter(now)}Z`, id);
  return {
    entries,
    commands: commands.map(({ id, name, made_at, requires, changes, offered_again }) => ({
      id,
      name,
      made_at,
      requires: JSON.parse(requires),
      changes,
      ...(offered_again === 1 ? { again: true as const } : {}),
    })),
  };
}

function take(mirror: WritableMirror, answer: { entries: number; receipts: Receipt[] }, now: number): number {
  mirror.database.prepare('UPDATE latchkey_entry SET sent = 1 WHERE sent = 0 AND position <= ?').run(answer.entries);
  return takeReceipts(mirror, answer.receipts, now);
}

/** @returns how many commands got an answer */
function takeReceipts(mirror: WritableMirror, receipts: Receipt[], now: number): number {
  const lost: string[] = [];
  let taken = 0;
  for (const receipt of receipts) {
    switch (receipt.state) {
      case 'applied':
      case 'merged':
        mirror.database
          .prepare(
            `UPDATE latchkey_outbox SET state = 'accepted', accepted_at = ?, xid = ?, note = ? WHERE command = ? AND state IN ('queued', 'local', 'quarantined')`,
          )
          .run(
            receipt.at ?? null,
            receipt.xid ?? null,
            receipt.state === 'merged' ? 'Merged with a concurrent change at central.' : null,
            receipt.id,
          );
        taken += 1;
        break;
      case 'quarantined':
        lost.push(receipt.id);
        mirror.database
          .prepare(
            "UPDATE latchkey_outbox SET state = 'quarantined', note = ? WHERE command = ? AND state IN ('queued', 'local')",
          )
          .run(receipt.context?.message ?? null, receipt.id);
        taken += 1;
        break;
      case 'conflict':
      case 'refused':
        lost.push(receipt.id);
        settle(mirror, receipt, now);
        taken += 1;
        break;
      case 'waiting':
        mirror.database
          .prepare(
            `UPDATE latchkey_outbox SET state = 'local', sent_at = NULL, note = 'Waits for an earlier command that has no answer yet.' WHERE command = ?`,
          )
          .run(receipt.id);
        break;
      default:
        throw new LatchkeyError(
          'central-too-new',
          `Central answered a command with “${String(receipt.state)}”, which this version does not know. The command was kept.`,
        );
    }
  }
  if (lost.length > 0) leavePending(mirror, lost);
  // Whatever got an answer may free what waited for it.
  if (taken > 0) mirror.database.exec(`UPDATE latchkey_outbox SET state = 'queued', note = NULL WHERE state = 'local'`);
  return taken;
}

function settle(mirror: WritableMirror, receipt: Receipt, now: number): void {
  const context = receipt.context ?? { kind: 'refused' as const, code: '', message: 'Central gave no reason.' };
  const state = receipt.state === 'conflict' ? 'conflict' : 'refused';
  const { changes } = mirror.database
    .prepare(
      "UPDATE latchkey_outbox SET state = ?, note = ? WHERE command = ? AND state IN ('queued', 'local', 'quarantined')",
    )
    .run(state, context.message, receipt.id);
  if (changes === 0) return;
  recordConflict(
    mirror,
    receipt.id,
    {
      kind: context.kind,
      table: context.table ?? null,
      key: context.key ? keyText(context.key) : null,
      fields: context.fields ?? [],
      message:
        context.code === '' || /^LK/.test(context.code)
          ? context.message
          : `${context.message} (SQLSTATE ${context.code})`,
    },
    now,
  );
}
