import type { ErrorShape } from '../../contract/errors.ts';
import type { Hello } from './hello.ts';

/** Shares of central's connections: above the first devices give way, below the second they come back. */
const crowded = 0.8;
const roomy = 0.6;
const crowdedPollMilliseconds = 15_000;

/**
 * Whether a device is to let go of its connection between polls, so that the host's own applications find one. The fuller central is,
 * the more of the devices go: if all went at once they would all come back at once.
 *
 * @param gaveWay whether it does so already
 */
export function isToLeave({ used, limit }: Hello['connections'], gaveWay: boolean, chance = Math.random()): boolean {
  const share = used / limit;
  if (gaveWay) return share >= roomy;
  return share > crowded && chance < (share - crowded) / (1 - crowded);
}

/** Milliseconds until the next poll of a device that gave way; never the same, so that devices do not come in step. */
export function crowdedPoll(): number {
  return crowdedPollMilliseconds * (0.5 + Math.random());
}

export function poolShort(): ErrorShape {
  return {
    code: 'central-crowded',
    message:
      'Central has few connections to spare, so this device connects for a moment every 15 seconds or so. Your own changes are sent at once; those of others take a little longer to come.',
  };
}
