import type { DeviceState } from '../../src-main/contract/device.ts';
import type { Client } from './client.ts';

/**
 * Loads the page anew when an unlocked device is locked: nothing that was on the screen, or in a cache behind it, is then
 * left in the page's memory.
 */
export function forgetOnLock(client: Client, reload: () => void): void {
  let unlocked = false;
  let eventsHeard = 0;

  function learn(state: DeviceState['state']): void {
    if (unlocked && state !== 'unlocked') reload();
    unlocked = state === 'unlocked';
  }

  client.subscribe((event) => {
    if (event.type !== 'device') return;
    eventsHeard += 1;
    learn(event.device.state);
  });
  // A page may be loaded while the device is unlocked, and a lock may fall while there is no connection.
  client.onConnection(async (connected) => {
    if (!connected) return;
    const heardBefore = eventsHeard;
    // Where it fails the connection is gone again, and the next one asks again.
    const device = await client.call('device.state', {}).catch(() => null);
    // An event that came after the question is newer than its answer.
    if (device && heardBefore === eventsHeard) learn(device.state);
  });
}
