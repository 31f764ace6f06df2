import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Core } from '../../core/core.ts';
import { openCore } from '../../core/open.ts';
import { connectToOwner } from '../../core/ownership.ts';
import { plainPorts } from '../../core/ports.ts';

const takingTurnsMs = 5_000;

/** Asks the process that has the folder open, or opens it here. A command line that ends just now gives way first. */
export async function openDevice(dataFolder: string, options: { background?: boolean } = {}): Promise<Core> {
  for (const deadline = Date.now() + takingTurnsMs; ; await pause(100)) {
    const owner = await connectToOwner(dataFolder);
    if (owner) return owner;
    try {
      return await openCore({ dataFolder, ports: plainPorts, ...options });
    } catch (error) {
      const waits = error instanceof LatchkeyError && error.code === 'folder-in-use' && Date.now() < deadline;
      if (!waits) throw error;
    }
  }
}

/** For questions alone: a folder that is not there must not be made by asking about it, so an empty one stands in. */
export async function openDeviceToAsk(dataFolder: string, open: (dataFolder: string) => Promise<Core>): Promise<Core> {
  if (existsSync(dataFolder)) return open(dataFolder);
  const stand = mkdtempSync(join(tmpdir(), 'latchkey-nothing-'));
  const core = await open(stand);
  return {
    call: core.call.bind(core),
    handle: core.handle.bind(core),
    subscribe: core.subscribe.bind(core),
    async close() {
      await core.close();
      rmSync(stand, { recursive: true, force: true });
    },
  };
}
