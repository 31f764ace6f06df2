import { join } from 'node:path';
import { app, type BrowserWindow, dialog, screen, session } from 'electron';
import type { ErrorShape } from '../../contract/errors.ts';
import { packageFile } from '../../core/package-files.ts';
import { defaultDataFolder } from '../data-folder.ts';
import { loadWindowFiles } from '../window/files.ts';
import { serveWindow } from './app-protocol.ts';
import { type CoreLink, startCore } from './core-link.ts';
import { denyBySession } from './denials.ts';
import { setMenu } from './menu.ts';
import { lockOnPowerEvents } from './power.ts';
import { RestartBudget } from './restart-budget.ts';
import { openSecretStore } from './secret-store.ts';
import { openWindow, partition } from './window.ts';
import { readPlace, rememberPlace } from './window-place.ts';
import { handOutPorts } from './window-port.ts';

const reloadsLimit = 3;
const reloadSpanMilliseconds = 5 * 60_000;

/** Everything after the app is ready: the core in its process, the window, and what ties them to the machine. */
export async function startElectronHost(): Promise<void> {
  const dataFolder = defaultDataFolder();
  const developerTools = !app.isPackaged;
  const windows: BrowserWindow[] = [];
  const windowSession = session.fromPartition(partition);
  denyBySession(windowSession);
  serveWindow(windowSession, await loadWindowFiles(packageFile('out/renderer')));

  const core = startCore({
    entry: packageFile('out/main/core-process.js'),
    dataFolder,
    secretStore: await openSecretStore(join(dataFolder, 'secrets')),
    onRestart: () => ports.handOutAgain(),
    onGone: giveUp,
  });
  const ports = handOutPorts(() => windows, core.connect);
  const lock = () => void lockAndForget(core, windows);
  lockOnPowerEvents(lock);
  setMenu({ lock }, developerTools);
  closeCoreBeforeQuit(core);

  const placeFile = join(app.getPath('userData'), 'window.json');
  function open(): void {
    const place = readPlace(
      placeFile,
      screen.getAllDisplays().map((display) => display.workArea),
    );
    const window = openWindow({
      preload: packageFile('out/preload/index.cjs'),
      icon: packageFile('build/icons/icon.png'),
      place,
      developerTools,
    });
    rememberPlace(window, placeFile);
    reloadAfterCrash(window);
    windows.push(window);
    window.on('closed', () => windows.splice(windows.indexOf(window), 1));
  }
  open();
  app.on('activate', () => {
    if (windows.length === 0) open();
  });
  app.on('second-instance', () => {
    if (windows[0]) show(windows[0]);
    else open();
  });
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
}

/** Closes the mirror first, and then clears the pages of what was read from it. */
async function lockAndForget(core: CoreLink, windows: readonly BrowserWindow[]): Promise<void> {
  await core.lock();
  for (const window of windows) window.webContents.reloadIgnoringCache();
}

function show(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

function reloadAfterCrash(window: BrowserWindow): void {
  const budget = new RestartBudget(reloadsLimit, reloadSpanMilliseconds);
  window.webContents.on('render-process-gone', (_event, details) => {
    if (details.reason === 'clean-exit' || window.isDestroyed()) return;
    if (budget.spend(performance.now())) window.webContents.reload();
    else giveUp({ code: 'internal', message: 'The window failed several times in a row. What was saved is kept.' });
  });
}

/** Quitting waits until the core has closed the mirror and given its folder free. */
function closeCoreBeforeQuit(core: CoreLink): void {
  let state: 'open' | 'closing' | 'closed' = 'open';
  app.on('before-quit', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    if (state === 'closing') return;
    state = 'closing';
    void core.close().then(() => {
      state = 'closed';
      app.quit();
    });
  });
}

function giveUp(error: ErrorShape): void {
  dialog.showErrorBox('Latchkey cannot go on', error.message);
  app.quit();
}
