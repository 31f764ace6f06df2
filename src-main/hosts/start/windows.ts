import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { openCore } from '../../core/open.ts';
import { packageFile } from '../../core/package-files.ts';
import { plainPorts } from '../../core/ports.ts';
import { startBrowserHost } from '../browser/host.ts';
import type { Lifetime } from './lifetime.ts';

/** Serves the window to a browser; answers its address. Enter in the terminal, or SIGUSR2, prints another one. */
export async function openBrowserWindow(
  dataFolder: string,
  options: { port: number | null; open: boolean },
  lifetime: Lifetime,
): Promise<string> {
  const core = await openCore({ dataFolder, ports: plainPorts, background: true });
  lifetime.onEnd(() => core.close());
  const host = await startBrowserHost({ core, port: options.port ?? 0, open: options.open });
  lifetime.onEnd(() => host.close());
  const printLink = () => process.stdout.write(`  ${host.mintLink()}\n`);
  if (process.platform !== 'win32') process.on('SIGUSR2', printLink);
  if (process.stdin.isTTY) createInterface({ input: process.stdin }).on('line', printLink);
  return host.url;
}

/** Runs Electron until its window is closed, which ends everything. */
export function openElectronWindow(program: string, dataFolder: string, lifetime: Lifetime): void {
  const { ELECTRON_RUN_AS_NODE: _, ...environment } = process.env;
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const child = spawn(program, [...asRoot, packageFile('')], {
    env: { ...environment, LATCHKEY_DATA: dataFolder },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const gone = once(child, 'exit').catch(() => {});
  lifetime.onEnd(async () => {
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(impatience);
  });
  child.on('error', (error) => {
    process.stderr.write(`Electron could not be started: ${error.message}\n`);
    void lifetime.end(1);
  });
  child.on('exit', (code) => void lifetime.end(code ?? 0));
}
