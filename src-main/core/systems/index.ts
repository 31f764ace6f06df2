import { LatchkeyError } from '../../contract/errors.ts';
import { publishedSkyGenesis, publishedTrustcred } from './published.ts';
import { rbac } from './rbac.ts';
import { skyGenesis } from './sky-genesis.ts';
import { smarthub } from './smarthub.ts';
import type { SystemMapping } from './system.ts';
import { trustcred } from './trustcred.ts';
import { ubeu } from './ubeu.ts';

/** Those that Latchkey's own migrations make, in the order in which they are offered. */
const migrated = [skyGenesis, trustcred, smarthub, ubeu, rbac];
const all = [...migrated, publishedSkyGenesis, publishedTrustcred];
const systems: Record<string, SystemMapping> = Object.fromEntries(all.map((system) => [system.name, system]));

export const migratedSystemNames = migrated.map(({ name }) => name);
export const systemNames = Object.keys(systems);

/** The mapping of that name; null where this version brings none, as of a system that was mapped by hand. */
export function knownSystem(name: string): SystemMapping | null {
  return Object.hasOwn(systems, name) ? systems[name]! : null;
}

/** The system of a device: as its enrollment describes it, where that did. */
export function systemOf({ system, mapping }: { system: string; mapping?: SystemMapping | undefined }): SystemMapping {
  return mapping ?? systemNamed(system);
}

/** @throws LatchkeyError `unknown-system`, naming the ones there are. */
export function systemNamed(name: string): SystemMapping {
  const system = knownSystem(name);
  if (!system)
    throw new LatchkeyError('unknown-system', `There is no system called “${name}”. Known: ${systemNames.join(', ')}.`);
  return system;
}
