import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { LatchkeyError } from '../../contract/errors.ts';
import { type CallName, contract, type Input, type Output } from '../../contract/index.ts';
import type { Core } from '../../core/core.ts';
import { defaultDataFolder } from '../data-folder.ts';
import { fieldOf } from './arguments.ts';
import { openDeviceToAsk } from './open-device.ts';
import type { Terminal } from './terminal.ts';
import type { CallVerb, Values, Verb } from './verb.ts';

/** A verb that unlocks the device and makes one call. */
export function callVerb<Name extends CallName>(verb: CallVerb<Name>): Verb {
  const positionals = verb.positionals ?? [];
  const flags = verb.flags ?? [];
  const fields = [...positionals.map(({ field }) => field), ...flags.map(fieldOf)];
  return {
    name: verb.name,
    summary: verb.summary,
    description: verb.description,
    place: 'device',
    positionals,
    flags,
    async run(values, terminal) {
      const input = {
        ...Object.fromEntries(fields.filter((field) => field in values).map((field) => [field, values[field]])),
        ...verb.fixed,
      };
      // The core validates it: whatever the command line allows, the contract decides.
      const output = await asked(verb.call, () =>
        withDevice(values, terminal, (core) => unlockedCall(core, verb.call, input as Input<Name>, values, terminal)),
      );
      return { value: output, attention: verb.attention?.(output) };
    },
    print: (value, terminal, values) => verb.print(value as Output<Name>, terminal, values),
  };
}

export function dataFolderOf(values: Values, terminal: Terminal): string {
  return resolve(typeof values.data === 'string' ? values.data : defaultDataFolder(terminal.env));
}

export async function withDevice<T>(values: Values, terminal: Terminal, work: (core: Core) => Promise<T>): Promise<T> {
  const core = await openDeviceToAsk(dataFolderOf(values, terminal), (folder) => terminal.openDevice(folder));
  try {
    return await work(core);
  } finally {
    await core.close();
  }
}

/** @throws LatchkeyError `not-enrolled`, `locked` without a passphrase to be had, `wrong-passphrase` */
export async function unlock(core: Core, values: Values, terminal: Terminal): Promise<void> {
  const { state } = await core.call('device.state', {});
  if (state === 'not-enrolled')
    throw new LatchkeyError(
      'not-enrolled',
      `No device has joined in ${dataFolderOf(values, terminal)}. Nothing was changed. Name its folder with --data, or join with \`latchkey mirror join --enrollment FILE\`.`,
    );
  if (state === 'locked')
    await core.call('device.unlock', { passphrase: await readPassphrase(values, terminal, 'Passphrase: ') });
}

/** Never from the command line itself, which everybody on the machine can list. */
export async function readPassphrase(values: Values, terminal: Terminal, question: string): Promise<string> {
  if (typeof values.passphraseFile === 'string') return readPassphraseFile(values.passphraseFile);
  if (terminal.env.LATCHKEY_PASSPHRASE) return terminal.env.LATCHKEY_PASSPHRASE;
  if (terminal.interactive) return terminal.askSecret(question);
  throw new LatchkeyError(
    'locked',
    'The passphrase is needed, and nobody is there to be asked. Nothing was changed. Set LATCHKEY_PASSPHRASE, or name a file with --passphrase-file.',
  );
}

export function canReadPassphrase(values: Values, terminal: Terminal): boolean {
  return typeof values.passphraseFile === 'string' || Boolean(terminal.env.LATCHKEY_PASSPHRASE);
}

async function unlockedCall<Name extends CallName>(
  core: Core,
  name: Name,
  input: Input<Name>,
  values: Values,
  terminal: Terminal,
): Promise<Output<Name>> {
  await unlock(core, values, terminal);
  return core.call(name, input);
}

/** A question whose answer got lost because the owner of the folder ended can be asked again; a command cannot. */
async function asked<T>(name: CallName, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const lost = error instanceof LatchkeyError && error.code === 'disconnected';
    if (!lost || contract[name].kind !== 'query') throw error;
    return ask();
  }
}

function readPassphraseFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new LatchkeyError('not-found', `The passphrase file ${path} cannot be read: ${(error as Error).message}.`, {
      field: 'passphraseFile',
      cause: error,
    });
  }
}
