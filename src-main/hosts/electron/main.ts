import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { app, dialog } from 'electron';
import { toErrorShape } from '../../contract/errors.ts';
import { registerScheme } from './app-protocol.ts';
import { startElectronHost } from './host.ts';

// A packaged app finds its files beside itself, and nowhere that an environment could name.
if (app.isPackaged) delete process.env.LATCHKEY_ROOT;
keepChromiumApart();
app.enableSandbox();
registerScheme();

// One window for one folder: a second start shows the first one's window and ends.
if (app.requestSingleInstanceLock()) void app.whenReady().then(startElectronHost).catch(fail);
else app.quit();

/** Where a data folder is named, what Chromium writes goes there too, and another folder's instance is another instance. */
function keepChromiumApart(): void {
  if (!process.env.LATCHKEY_DATA) return;
  const folder = join(process.env.LATCHKEY_DATA, 'window');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  app.setPath('userData', folder);
}

function fail(error: unknown): void {
  dialog.showErrorBox('Latchkey cannot start', toErrorShape(error).message);
  app.exit(1);
}
