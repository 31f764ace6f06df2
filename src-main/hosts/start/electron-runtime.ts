import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../core/package-files.ts';

export type ElectronRuntime = { path: string } | { missing: string };

/** Electron's program, where it is on this machine and has a screen to draw on; otherwise why not, in words. */
export function electronRuntime(environment: NodeJS.ProcessEnv = process.env): ElectronRuntime {
  const screen = missingDisplay(environment);
  if (screen !== null) return { missing: screen };
  const path = environment.LATCHKEY_ELECTRON ?? installedElectron();
  if (path !== null && existsSync(path)) return { path };
  return {
    missing: environment.LATCHKEY_ELECTRON
      ? `LATCHKEY_ELECTRON names ${path}, which is not there`
      : 'Electron’s runtime is not on this machine',
  };
}

/** A desktop session is needed on Linux alone; elsewhere there always is one. */
export function missingDisplay(environment: NodeJS.ProcessEnv = process.env): string | null {
  if (process.platform !== 'linux' || environment.DISPLAY || environment.WAYLAND_DISPLAY) return null;
  return 'this machine has no display';
}

/** Electron's own installer writes `path.txt` last, when its download is complete. */
function installedElectron(): string | null {
  const folder = packageFile('node_modules/electron');
  const marker = join(folder, 'path.txt');
  return existsSync(marker) ? join(folder, 'dist', readFileSync(marker, 'utf8').trim()) : null;
}
