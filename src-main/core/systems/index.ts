import { LatchkeyError } from '../../contract/errors.ts';
import { skyGenesis } from './sky-genesis.ts';
import type { SystemMapping } from './system.ts';

const systems: Record<string, SystemMapping> = { [skyGenesis.name]: skyGenesis };

export const systemNames = Object.keys(systems);

/** @throws LatchkeyError `unknown-system`, naming the ones there are. */
export function systemNamed(name: string): SystemMapping {
  const system = Object.hasOwn(systems, name) ? systems[name] : undefined;
  if (!system)
    throw new LatchkeyError('unknown-system', `There is no system called “${name}”. Known: ${systemNames.join(', ')}.`);
  return system;
}
