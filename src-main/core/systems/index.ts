import { LatchkeyError } from '../../contract/errors.ts';
import { skyGenesis } from './sky-genesis.ts';
import type { SystemMapping } from './system.ts';

const systems: Record<string, SystemMapping> = { [skyGenesis.name]: skyGenesis };

export const systemNames = Object.keys(systems);

/** The mapping of that name; null where this version brings none, as of a system that was mapped by hand. */
export function knownSystem(name: string): SystemMapping | null {
  return Object.hasOwn(systems, name) ? systems[name]! : null;
}

/** @throws LatchkeyError `unknown-system`, naming the ones there are. */
export function systemNamed(name: string): SystemMapping {
  const system = knownSystem(name);
  if (!system)
    throw new LatchkeyError('unknown-system', `There is no system called “${name}”. Known: ${systemNames.join(', ')}.`);
  return system;
}
