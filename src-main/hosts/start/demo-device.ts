import { LatchkeyError } from '../../contract/errors.ts';
import { enroll, revokeDevice } from '../../core/central/enroll.ts';
import type { Core } from '../../core/core.ts';
import { openCore } from '../../core/open.ts';
import { plainPorts } from '../../core/ports.ts';
import type { DemoCentral } from './demo-central.ts';
import type { DemoFolder, DemoState } from './demo-folder.ts';
import type { Lifetime } from './lifetime.ts';
import type { Progress } from './progress.ts';

/** Enrolls the demo's device and makes its mirror, or finishes what an interrupted start began. Leaves it locked. */
export async function prepareDemoDevice(
  folder: DemoFolder,
  state: DemoState,
  central: DemoCentral,
  passphrase: string,
  progress: Progress,
  lifetime: Lifetime,
): Promise<void> {
  if (state.mirrored) return;
  if (state.device !== null) {
    // Enrolled, and then interrupted: what there is of the device may be half of one, and nobody has used it.
    await forget(central, state.device);
    folder.clearDevice();
  }
  await withCore(folder, lifetime, async (core) => {
    if ((await core.call('device.state', {})).state !== 'not-enrolled')
      throw new LatchkeyError(
        'already-enrolled',
        `The device in ${folder.device} belongs to another central than this demo’s. Nothing was changed. Choose another folder with --data DIR.`,
      );
    await progress.step('Enrolling this device', async () => {
      const { file, deviceId } = await enrollDevice(central, state);
      state.device = deviceId;
      await folder.writeState(state);
      await core.call('device.join', { enrollment: file, passphrase });
    });
    await progress.step('Making the mirror', async (report) => {
      core.subscribe((event) => {
        const current = event.type === 'status' ? event.status.progress : null;
        if (current) report(`${current.step}, ${current.rows.toLocaleString('en')} rows`);
      });
      await core.call('sync.now', {});
    });
    state.mirrored = true;
    await folder.writeState(state);
  });
}

async function enrollDevice(central: DemoCentral, state: DemoState): Promise<{ file: string; deviceId: string }> {
  const client = await central.connect();
  try {
    const { organization, operator } = state.demo!;
    return await enroll(client, {
      url: central.deviceUrl,
      organization: organization ?? undefined,
      operator,
      device: 'Demo device',
      role: 'admin',
    });
  } finally {
    await client.end();
  }
}

async function forget(central: DemoCentral, device: string): Promise<void> {
  const client = await central.connect();
  try {
    await revokeDevice(client, device);
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.code !== 'not-found') throw error;
  } finally {
    await client.end();
  }
}

async function withCore(folder: DemoFolder, lifetime: Lifetime, work: (core: Core) => Promise<void>): Promise<void> {
  const core = await openCore({ dataFolder: folder.device, ports: plainPorts });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= core.close();
    return closed;
  };
  lifetime.onEnd(close);
  try {
    await work(core);
  } finally {
    await close();
  }
}
