import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enroll } from '../../src-main/core/central/enroll.ts';
import type { Core } from '../../src-main/core/core.ts';
import { openCore } from '../../src-main/core/open.ts';
import { type Dataset, withClient } from './dataset.ts';

export const passphrase = 'correct horse battery staple';

/** What a device needs to know of where it is to join. */
type CentralToJoin = Pick<Dataset, 'url' | 'organization' | 'operator'>;

/** @returns the enrollment file of a new device of the large organization's administrator */
export async function enrollDevice(dataset: CentralToJoin, device = 'bench'): Promise<string> {
  const { url, organization, operator } = dataset;
  const { file } = await withClient(url, (client) =>
    enroll(client, { url, organization: organization.id, operator, device, role: 'admin' }),
  );
  return file;
}

export function deviceFolder(): string {
  return mkdtempSync(join(tmpdir(), 'device-'));
}

/** A device that has made its first mirror, by the product's own way. `close` removes its folder. */
export async function joinedDevice(
  dataset: CentralToJoin,
  background = false,
): Promise<{ core: Core; folder: string; close(): Promise<void> }> {
  const folder = deviceFolder();
  const core = await openCore({ dataFolder: folder, ports: { secretStore: null, clock: Date.now }, background });
  await core.call('device.join', { enrollment: await enrollDevice(dataset), passphrase });
  await core.call('sync.now', {});
  return {
    core,
    folder,
    async close() {
      await core.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
