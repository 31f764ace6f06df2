import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { LatchkeyError } from '../contract/errors.ts';
import { centralLogName, deviceLogName } from './audit/checkpoint.ts';
import { noteSigner } from './audit/note.ts';
import { type CentralAddress, connectionError, connectToCentral } from './central/connection.ts';
import { type EnrollmentFile, enrollmentChecksum, enrollmentFile } from './central/enroll.ts';
import { newPassword, scramVerifier } from './central/scram.ts';
import { disconnect } from './central/wire.ts';
import type { Actor } from './command/actor.ts';
import { systemOf } from './systems/index.ts';
import type { SystemMapping } from './systems/system.ts';

/** Who this device is. Sealed in the vault: it holds the device's login at central and its signing key. */
export interface Identity {
  device: { id: string; name: string };
  organization: { id: string; name: string };
  operator: { id: string; email: string };
  system: string;
  /** Of a system that no version of Latchkey brings. */
  mapping?: SystemMapping;
  central: CentralAddress;
  /** Ed25519, PKCS#8 DER, base64: signs this device's log. */
  logKey: string;
  /** Likewise, of its own: signs checkpoints of the organization's log. */
  checkpointKey: string;
}

/** Who acts at this device, with its signing keys at hand. */
export function actorOf({ device, organization, operator, logKey, checkpointKey }: Identity): Actor {
  return {
    device: device.id,
    organization: organization.id,
    operator: operator.id,
    email: operator.email || null,
    keys: {
      log: noteSigner(deviceLogName(organization.id, device.id), privateKey(logKey)),
      checkpoint: noteSigner(centralLogName(organization.id), privateKey(checkpointKey)),
    },
  };
}

function privateKey(pkcs8: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(pkcs8, 'base64'), format: 'der', type: 'pkcs8' });
}

/** Ed25519, PKCS#8 DER, base64. */
export function newPrivateKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
}

/** @throws LatchkeyError `enrollment-invalid`, saying where the file is wrong */
export function readEnrollment(text: string): EnrollmentFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new LatchkeyError(
      'enrollment-invalid',
      'This is not an enrollment file: it is not JSON. Nothing was changed. Ask for the file again.',
      { field: 'enrollment' },
    );
  }
  const result = enrollmentFile.safeParse(parsed);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new LatchkeyError(
      'enrollment-invalid',
      `This is not an enrollment file that Latchkey can read: ${issue?.path.join('.') || 'the file'}: ${issue?.message}. Nothing was changed.`,
      {
        field: 'enrollment',
      },
    );
  }
  if (enrollmentChecksum(result.data) !== result.data.checksum) {
    throw new LatchkeyError(
      'enrollment-invalid',
      'This enrollment file was damaged or edited: its checksum does not match. Nothing was changed. Ask for the file again.',
      {
        field: 'enrollment',
      },
    );
  }
  systemOf(result.data as Pick<Identity, 'system' | 'mapping'>);
  return result.data;
}

/**
 * Joins with an enrollment file: makes the device's keys here, registers the public ones, sets a new random password as a SCRAM
 * verifier, and burns the file, in one transaction at central. `keep` stores the identity before that transaction commits, so
 * that a device which central knows is never without it.
 *
 * @throws LatchkeyError `enrollment-used`, `enrollment-expired`, `central-unreachable`, `central-certificate`, …
 */
export async function joinCentral(file: EnrollmentFile, keep: (identity: Identity) => Promise<void>): Promise<void> {
  const oneTime: CentralAddress = { ...file.central, user: file.login, password: file.password };
  const password = newPassword();
  const identity: Identity = {
    device: file.device,
    organization: file.organization,
    operator: file.operator,
    system: file.system,
    ...(file.mapping && { mapping: file.mapping as SystemMapping }),
    central: { ...oneTime, password },
    logKey: newPrivateKey(),
    checkpointKey: newPrivateKey(),
  };
  const client = await connectToCentral(oneTime, { name: 'latchkey join' }).catch((error: unknown) => {
    throw error instanceof LatchkeyError && error.code === 'central-login-refused'
      ? new LatchkeyError(
          'enrollment-used',
          `Central refused this enrollment of the device “${file.device.name}” (${file.device.id}): it was used already, expired, or revoked. Nothing was changed. Ask for a new enrollment file; where it was not you who used this one, say so: \`latchkey central status\` tells when that device joined, and \`latchkey central revoke-device ${file.device.id}\` shuts it out.`,
          { field: 'enrollment', cause: error },
        )
      : error;
  });
  try {
    await client.query('BEGIN');
    const { log, checkpoint } = actorOf(identity).keys;
    await client.query('SELECT latchkey.join($1, $2)', [log.vkey, checkpoint.vkey]);
    await client.query(`ALTER ROLE CURRENT_USER PASSWORD ${client.escapeLiteral(scramVerifier(password))}`);
    await keep(identity);
    await client.query('COMMIT');
  } catch (error) {
    throw connectionError(error, oneTime);
  } finally {
    await disconnect(client);
  }
}

/** Whether central took this device: its own password was set in the transaction that joined it. */
export async function isKnownToCentral({ central }: Identity): Promise<boolean> {
  try {
    await disconnect(await connectToCentral(central, { name: 'latchkey join' }));
    return true;
  } catch (error) {
    if (error instanceof LatchkeyError && error.code === 'central-login-refused') return false;
    throw error;
  }
}
