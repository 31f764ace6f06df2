import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EnrollmentFile, enroll, enrollmentChecksum } from '../../src-main/core/central/enroll.ts';
import { centralStatus } from '../../src-main/core/central/status.ts';
import { joinCentral } from '../../src-main/core/identity.ts';
import { openCore } from '../../src-main/core/open.ts';
import { plainPorts } from '../../src-main/core/ports.ts';
import { Vault } from '../../src-main/core/vault/vault.ts';
import { freshDatabase } from '../fixtures/central.ts';
import { passphrase, type TestCentral, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
beforeAll(async () => {
  central = await testCentral();
});
afterAll(() => central.close());

const enrollment = async (now?: Date) =>
  JSON.parse(
    (
      await enroll(central.client, {
        url: central.url,
        organization: 'Nordhaven',
        operator: 'astrid@nordhaven.example',
        device: 'd',
        role: 'admin',
        now,
      })
    ).file,
  ) as EnrollmentFile;

const sealed = (file: EnrollmentFile): string => JSON.stringify({ ...file, checksum: enrollmentChecksum(file) });

/** Tries to join in a fresh folder, and says what became of it. */
async function join_(text: string): Promise<{ code: string; message: string; folder: string[] }> {
  const dataFolder = central.folder();
  const core = await openCore({ dataFolder, ports: plainPorts });
  try {
    await core.call('device.join', { enrollment: text, passphrase });
    return { code: 'joined', message: '', folder: readdirSync(dataFolder) };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    expect((await core.call('device.state', {})).state).toBe('not-enrolled');
    expect(existsSync(join(dataFolder, 'vault.json'))).toBe(false);
    return { code, message, folder: readdirSync(dataFolder) };
  } finally {
    await core.close();
  }
}

describe('an enrollment file', () => {
  test.each([
    ['that is not JSON', 'hello'],
    ['that is other JSON', '{"format":"latchkey-enrollment/1"}'],
    ['that is null', 'null'],
    ['of a later format', '{"format":"latchkey-enrollment/9"}'],
  ])('%s is refused by name', async (_what, text) => {
    expect(await join_(text)).toMatchObject({
      code: 'enrollment-invalid',
      message: expect.stringContaining('Nothing was changed'),
    });
  });

  test('that was cut short or edited is refused by its checksum', async () => {
    const file = await enrollment();
    expect(await join_(JSON.stringify(file).slice(0, -40))).toMatchObject({ code: 'enrollment-invalid' });
    expect(await join_(JSON.stringify({ ...file, login: 'postgres' }))).toMatchObject({
      code: 'enrollment-invalid',
      message: expect.stringContaining('checksum'),
    });
    expect(await join_(JSON.stringify({ ...file, extra: 1 }))).toMatchObject({ code: 'enrollment-invalid' });
  });

  test('works once', async () => {
    const file = await enrollment();
    const text = JSON.stringify(file);
    expect((await join_(text)).code).toBe('joined');
    const used = await join_(text);
    expect(used).toMatchObject({
      code: 'enrollment-used',
      message: expect.stringContaining('Ask for a new enrollment file'),
    });
    // Whom to ask about whom: the administrator sees when that device joined.
    expect(used.message).toContain(`the device “d” (${file.device.id})`);
    const { devices } = await centralStatus(central.client);
    expect(devices.find(({ id }) => id === file.device.id)).toMatchObject({ joinedAt: expect.stringMatching(/^20/) });
  });

  test('that an attempt of before used with another passphrase says so, and that passphrase still joins', async () => {
    const file = await enrollment();
    const dataFolder = central.folder();
    // Killed between central's answer and what comes of it here.
    await joinCentral(file, async (identity) => {
      await new Vault(dataFolder).propose('the passphrase of then', identity);
    });
    const core = await openCore({ dataFolder, ports: plainPorts });
    try {
      const rejoin = (passphrase: string) => core.call('device.join', { enrollment: JSON.stringify(file), passphrase });
      await expect(rejoin(passphrase)).rejects.toMatchObject({
        code: 'wrong-passphrase',
        field: 'passphrase',
        message: expect.stringContaining('with another passphrase'),
      });
      expect((await core.call('device.state', {})).state).toBe('not-enrolled');
      expect((await rejoin('the passphrase of then')).state).toBe('unlocked');
    } finally {
      await core.close();
    }
  });

  test('that expired is refused by central, whatever the device’s clock says', async () => {
    const text = JSON.stringify(await enrollment(new Date(Date.now() - 73 * 3_600_000)));
    expect(await join_(text)).toMatchObject({ code: 'enrollment-expired' });
  });

  test('with a wrong password, a wrong port, another database, or none of Latchkey there', async () => {
    const file = await enrollment();
    expect(await join_(sealed({ ...file, password: 'x'.repeat(43) }))).toMatchObject({ code: 'enrollment-used' });
    expect(await join_(sealed({ ...file, central: { ...file.central, port: 1 } }))).toMatchObject({
      code: 'central-unreachable',
    });
    expect(await join_(sealed({ ...file, central: { ...file.central, database: 'nowhere' } }))).toMatchObject({
      code: 'central-not-latchkey',
    });
    const empty = await freshDatabase();
    expect(await join_(sealed({ ...file, central: { ...file.central, database: empty.name } }))).toMatchObject({
      code: 'central-not-latchkey',
    });
    await empty.drop();
    // After all that the file still works: nothing was burnt.
    expect((await join_(JSON.stringify(file))).code).toBe('joined');
  });

  test('for a system that this version does not know', async () => {
    expect(await join_(sealed({ ...(await enrollment()), system: 'future-system' }))).toMatchObject({
      code: 'unknown-system',
    });
  });

  test('that asks for an unencrypted connection to another machine is not followed', async () => {
    const file = await enrollment();
    expect(
      await join_(
        sealed({ ...file, central: { ...file.central, host: 'db.nordhaven.example', tls: { mode: 'plain' } } }),
      ),
    ).toMatchObject({
      code: 'central-certificate',
    });
  });

  test('is refused where a device has joined already', async () => {
    const device = await central.device();
    await expect(
      device.core.call('device.join', { enrollment: JSON.stringify(await enrollment()), passphrase }),
    ).rejects.toMatchObject({ code: 'already-enrolled' });
  });

  test('is not made for an organization or operator that is not there', async () => {
    const ask = {
      url: central.url,
      organization: 'Nordhaven',
      operator: 'astrid@nordhaven.example',
      device: 'd',
      role: 'admin' as const,
    };
    await expect(enroll(central.client, { ...ask, organization: 'Nowhere' })).rejects.toMatchObject({
      code: 'not-found',
      field: 'organization',
    });
    await expect(enroll(central.client, { ...ask, operator: 'ana@southbay.example' })).rejects.toMatchObject({
      code: 'not-found',
      field: 'operator',
    });
  });
});
