import type { DeviceState, Status } from '../../contract/device.ts';
import { LatchkeyError } from '../../contract/errors.ts';
import type { LatchkeyEvent } from '../../contract/events.ts';
import { closedStatus } from '../closed-status.ts';
import type { Core } from '../core.ts';

/**
 * The core as another process may see it: locked, until that very process has given the passphrase. The owner being
 * unlocked must not open the mirror to everything that runs under the same account.
 */
export function gate(core: Core): Pick<Core, 'handle' | 'subscribe'> & { close(): void } {
  let proven = false;
  /** It stood locked until this connection came: when the connection goes, it is locked again. */
  let opened = false;
  const listeners = new Set<(event: LatchkeyEvent) => void>();

  const unsubscribe = core.subscribe((event) => {
    if (!proven) return;
    // Whoever unlocks next has shown something about itself alone.
    if (event.type === 'device' && event.device.state !== 'unlocked') proven = opened = false;
    for (const listener of listeners) listener(event);
  });

  async function prove(name: string, input: unknown): Promise<unknown> {
    const before = (await core.handle('device.state', {})) as DeviceState;
    const answer = await core.handle(name, input);
    proven = (answer as DeviceState).state === 'unlocked';
    opened ||= proven && before.state === 'locked';
    return answer;
  }

  async function handle(name: unknown, input: unknown): Promise<unknown> {
    // A passphrase is checked each time that it is given: another process's word for it would be nobody's.
    if (name === 'device.unlock' || name === 'device.join') return prove(name, input);
    if (proven || !isCall(name)) return core.handle(name, input);
    if (name === 'device.state') return asLocked((await core.handle(name, input)) as DeviceState);
    if (name === 'status.get')
      return closedStatus(
        ((await core.handle(name, input)) as Status).mode === 'not-enrolled' ? 'not-enrolled' : 'locked',
      );
    if (name === 'device.lock') return asLocked((await core.handle(name, input)) as DeviceState);
    throw locked();
  }

  return {
    handle,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      unsubscribe();
      // An operator who locked the window and left must not find it open because a script ran meanwhile.
      if (opened) core.handle('device.lock', {}).catch(() => {});
    },
  };
}

/** What is no name of a call goes on to the core, which says so in its own words. */
function isCall(name: unknown): name is string {
  return typeof name === 'string';
}

function locked(): LatchkeyError {
  return new LatchkeyError(
    'locked',
    'Latchkey is open in another process, which asks for the passphrase here as well. Give it, and ask again.',
  );
}

function asLocked(device: DeviceState): DeviceState {
  return { state: device.state === 'not-enrolled' ? 'not-enrolled' : 'locked', version: device.version };
}
