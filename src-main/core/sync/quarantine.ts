import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Output, Request } from '../../contract/index.ts';
import { canonicalText } from '../audit/canonical.ts';
import { appendEntry } from '../audit/device-log.ts';
import { named } from '../audit/queries.ts';
import type { Actor } from '../command/actor.ts';
import type { CommandBody } from '../command/execute.ts';
import type { Json } from '../command/intent.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { fieldChangesOf } from '../outbox/queries.ts';
import { push } from './push.ts';

export interface QuarantineContext {
  client: pg.Client;
  mirror: WritableMirror;
  actor: Actor;
  now: () => number;
  onChanged: (tables: string[]) => void;
}

/** One of `latchkey.quarantine()`. */
interface Kept extends Pick<CommandBody, 'changes' | 'reason' | 'subject'> {
  id: string;
  name: string;
  device: string;
  device_name: string;
  operator: string;
  made_at: string;
  received_at: string;
}

/** Commands of this organization whose operators were deactivated or demoted before central got them. Central tells administrators alone. */
export async function listQuarantine({ client, mirror }: QuarantineContext): Promise<Output<'quarantine.list'>> {
  const kept = await readQuarantine(client);
  const items = kept.map(
    ({ id, name, device, device_name, operator, subject, reason, made_at, received_at, changes }) => ({
      command: id,
      name,
      device: { id: device, name: device_name },
      actor: { id: operator, name: null },
      object: { ...subject, name: null },
      reason,
      madeAt: made_at,
      receivedAt: received_at,
      changes: fieldChangesOf({ changes: canonicalText({ changes } as unknown as Json), made_at }, mirror.system),
    }),
  );
  return { total: kept.length, items: named({ mirror, system: mirror.system }, items) };
}

/** Central takes a decision only with its entry in this device's log, so the entry is written and sent first. */
export async function decideQuarantined(
  context: QuarantineContext,
  { command, decision }: Request<'quarantine.decide'>,
): Promise<Output<'quarantine.decide'>> {
  const { client, mirror, actor, now } = context;
  const kept = (await readQuarantine(client)).find(({ id }) => id === command);
  if (!kept)
    throw new LatchkeyError('not-found', `There is no command ${command} in quarantine. Nothing was changed.`, {
      field: 'command',
    });
  if (kept.operator === actor.operator)
    throw new LatchkeyError(
      'not-permitted',
      'Another administrator than its operator decides on a command in quarantine. Nothing was changed.',
      { field: 'command' },
    );
  mirror.transaction(() =>
    appendEntry(mirror, actor, {
      action: `quarantine.${decision}`,
      command,
      changes: null,
      subject: kept.subject,
      now: now(),
    }),
  );
  await push(context);
  const { rows } = await client.query<{ receipt: string }>('SELECT latchkey.decide($1, $2) AS receipt', [
    command,
    decision,
  ]);
  const { state, context: outcome } = JSON.parse(rows[0]!.receipt) as {
    state: Output<'quarantine.decide'>['state'];
    context: { message: string } | null;
  };
  return { command, state, message: outcome?.message ?? null };
}

async function readQuarantine(client: pg.Client): Promise<Kept[]> {
  const { rows } = await client.query<{ kept: string }>('SELECT latchkey.quarantine() AS kept');
  return JSON.parse(rows[0]!.kept) as Kept[];
}
