import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a device's folder is unless somebody says otherwise: the demo's. */
export function defaultDataFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.LATCHKEY_DATA) return environment.LATCHKEY_DATA;
  return join(environment.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'latchkey', 'demo');
}
