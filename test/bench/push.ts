import { performance } from 'node:perf_hooks';
import { joinedDevice } from './device.ts';
import { type BenchContext, type Figure, milliseconds, type Part } from './figure.ts';

const commands = 1_000;
const limitMs = 3_000;

/** What somebody did through a long day without a network goes to central at once, each command with its receipt. */
export const part: Part = {
  name: 'push',
  async run(context: BenchContext): Promise<Figure[]> {
    const { core, close } = await joinedDevice(await context.dataset());
    try {
      await core.call('sync.set-offline', { workOffline: true });
      const began = performance.now();
      for (let n = 0; n < commands; n++)
        await core.call('people.edit', { person: `person${n + 10}@nordhaven.example`, name: `Edited ${n}` });
      const made = performance.now() - began;
      await core.call('sync.set-offline', { workOffline: false });
      const started = performance.now();
      const { pending, conflicts } = await core.call('sync.now', {});
      const pushed = performance.now() - started;
      if (pending + conflicts > 0) throw new Error(`${pending} commands are pending, ${conflicts} in conflict.`);
      return [
        {
          what: `making ${commands.toLocaleString('en')} commands offline`,
          measured: milliseconds(made),
          against: '',
          ratio: null,
          target: '',
          met: null,
        },
        {
          what: `push of ${commands.toLocaleString('en')} queued commands, and the pull that sees them`,
          measured: milliseconds(pushed),
          against: '',
          ratio: limitMs / pushed,
          target: `< ${milliseconds(limitMs)}`,
          met: pushed < limitMs,
        },
      ];
    } finally {
      await close();
    }
  },
};
