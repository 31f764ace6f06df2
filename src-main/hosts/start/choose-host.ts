import { spawn } from 'node:child_process';
import { LatchkeyError } from '../../contract/errors.ts';
import { packageFile } from '../../core/package-files.ts';
import { type ElectronRuntime, electronRuntime, missingDisplay } from './electron-runtime.ts';
import type { StartOptions } from './options.ts';

export type Choice = { host: 'electron'; program: string } | { host: 'browser'; why: string };

const downloadTimeoutMs = { asked: 180_000, tried: 20_000 };

/**
 * Electron where it runs or can be had, else the browser and why. Electron's own installer is tried where somebody asked for Electron,
 * or where there is a screen and this is the first start.
 * @throws LatchkeyError where Electron was asked for and cannot run
 */
export async function chooseHost(
  { host: asked, open }: Pick<StartOptions, 'host' | 'open'>,
  mayTryDownload: boolean,
): Promise<Choice> {
  if (asked === 'browser') return { host: 'browser', why: 'asked for with --host browser' };
  if (!open) return { host: 'browser', why: 'with --no-open there is only an address' };
  if (asked === null && process.getuid?.() === 0)
    return { host: 'browser', why: 'Electron gives up its sandbox when root runs it' };
  const runtime = await foundOrFetched(asked === 'electron', mayTryDownload);
  if ('path' in runtime) return { host: 'electron', program: runtime.path };
  if (asked === null) return { host: 'browser', why: runtime.missing };
  throw new LatchkeyError(
    'not-supported',
    `The Electron window cannot be opened: ${runtime.missing}. Nothing was changed. \`npm start -- --host browser\` opens the same window in the browser.`,
  );
}

async function foundOrFetched(asked: boolean, mayTryDownload: boolean): Promise<ElectronRuntime> {
  const found = electronRuntime();
  if ('path' in found || missingDisplay() !== null || process.env.LATCHKEY_ELECTRON) return found;
  if (!asked && !mayTryDownload) return found;
  await download(asked ? downloadTimeoutMs.asked : downloadTimeoutMs.tried);
  const after = electronRuntime();
  return 'path' in after ? after : { missing: `${after.missing} and could not be downloaded` };
}

function download(timeoutMs: number): Promise<void> {
  const installer = spawn(process.execPath, [packageFile('node_modules/electron/install.js')], {
    stdio: 'ignore',
    timeout: timeoutMs,
  });
  return new Promise((done) => {
    installer.on('error', () => done());
    installer.on('exit', () => done());
  });
}
