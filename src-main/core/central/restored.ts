import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { installedSystem } from './enroll.ts';
import { installError } from './own-objects.ts';

/**
 * Declares that this database was restored from a backup: a new epoch begins, every mirror takes a fresh copy, and devices offer again
 * what they know was applied and is not there any more.
 * @returns the new epoch's id
 * @throws LatchkeyError `invalid-input` for a reason that says nothing, `insufficient-privilege`, `central-not-latchkey`
 */
export async function declareRestored(client: pg.Client, reason: string): Promise<{ epoch: string; reason: string }> {
  await installedSystem(client);
  if (reason.trim().length < 3 || reason.length > 500)
    throw new LatchkeyError('invalid-input', 'Give a reason of 3 to 500 characters. Nothing was changed.', {
      field: 'reason',
    });
  try {
    const { rows } = await client.query<{ epoch: string }>('SELECT latchkey.begin_epoch($1) AS epoch', [reason]);
    return { epoch: rows[0]!.epoch, reason };
  } catch (error) {
    throw installError(error);
  }
}

export interface RecoveredCommand {
  organization: string;
  device: string;
  deviceName: string;
  operator: string;
  command: string;
  name: string;
  madeAt: string;
  receivedAt: string;
  state: string;
}

/** What came back since the epoch began, and from which device, oldest first. */
export async function recoveredCommands(client: pg.Client): Promise<RecoveredCommand[]> {
  await installedSystem(client);
  const { rows } = await client.query<RecoveredCommand>(
    `SELECT organization, device, device_name AS "deviceName", operator, command::TEXT, name, made_at AS "madeAt",
       to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "receivedAt", state
     FROM latchkey.recovered ORDER BY received_at, command`,
  );
  return rows;
}
