import { sql } from 'kysely';
import type pg from 'pg';
import type { CommandBody } from '../command/execute.ts';
import { keyText } from '../mirror/catalogue.ts';
import { momentParameter } from '../mirror/moments.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import type { Hello } from './hello.ts';
import { askReceipts } from './push.ts';

/** For how long a device can give back what a restored central lost. */
const recoveryDays = 35;

/**
 * Commands that central had applied and, after a restore or the loss of a primary, knows nothing of.
 * @returns their ids, in the order in which they were made
 */
export async function lostCommands(client: pg.Client, mirror: WritableMirror, now: number): Promise<string[]> {
  const since = momentParameter(now - recoveryDays * 86_400_000);
  const applied = mirror.all(
    query
      .selectFrom('latchkey_outbox')
      .select('command')
      .where('state', 'in', ['accepted', 'in-force', 'observed', 'quarantined'])
      .where(({ fn }) => fn.coalesce('accepted_at', 'sent_at'), '>=', since)
      // Its words went with somebody who was erased.
      .where(sql<boolean>`changes ->> '$.salt' <> ''`)
      .orderBy('position'),
  );
  const commands = applied.map(({ command }) => command);
  const receipts = await askReceipts(client, commands);
  const known = new Map(receipts.map((receipt) => [receipt.id, receipt]));
  mirror.transaction(() => {
    const renumber = mirror.database.prepare(
      `UPDATE latchkey_outbox SET xid = ? WHERE command = ? AND state = 'accepted'`,
    );
    for (const { id, xid } of receipts) renumber.run(xid ?? null, id);
  });
  return commands.filter((command) => !known.has(command));
}

/** Puts lost commands back in the queue and on top of the rows, and sends the log from where central's ends. Within a transaction. */
export function offerAgain(mirror: WritableMirror, lost: string[], answer: Hello): void {
  const queue = mirror.database.prepare(
    `UPDATE latchkey_outbox SET state = 'queued', xid = NULL, sent_at = NULL, accepted_at = NULL, in_force_at = NULL, offered_again = 1,
       note = 'Central was restored to before it had this command, and is offered it again.'
     WHERE command = ? RETURNING changes`,
  );
  const show = mirror.database.prepare('INSERT INTO latchkey_pending VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  for (const command of lost) {
    const { changes } = queue.get(command) as { changes: string };
    for (const [n, { table, key, op, set }] of (JSON.parse(changes) as CommandBody).changes.entries())
      show.run(command, n, table, keyText(key), op, JSON.stringify(set));
  }
  mirror.database.prepare('UPDATE latchkey_entry SET sent = 0 WHERE position > ?').run(answer.entries);
}
