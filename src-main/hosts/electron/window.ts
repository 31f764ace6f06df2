import { BrowserWindow, type BrowserWindowConstructorOptions, nativeTheme } from 'electron';
import { pageUrl } from './address.ts';
import { denyByContents } from './denials.ts';
import type { WindowPlace } from './window-place.ts';

/** In memory only: no cache, no storage and no cookie of the window is ever written to disk. */
export const partition = 'latchkey-window';

export interface WindowOptions {
  preload: string;
  icon: string;
  place: WindowPlace | null;
  developerTools: boolean;
}

export function openWindow(options: WindowOptions): BrowserWindow {
  const window = new BrowserWindow(windowOptions(options, nativeTheme.shouldUseDarkColors));
  denyByContents(window.webContents);
  if (options.place?.maximized) window.maximize();
  // Shown when there is something to see, so that nothing flashes.
  window.once('ready-to-show', () => window.show());
  void window.loadURL(pageUrl);
  return window;
}

function windowOptions(options: WindowOptions, dark: boolean): BrowserWindowConstructorOptions {
  return {
    title: 'Latchkey',
    icon: options.icon,
    show: false,
    width: 1280,
    height: 840,
    ...options.place?.bounds,
    minWidth: 720,
    minHeight: 480,
    backgroundColor: dark ? '#16181d' : '#ffffff',
    webPreferences: {
      preload: options.preload,
      partition,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      plugins: false,
      navigateOnDragDrop: false,
      // The checker would fetch dictionaries, and keep what operators type beside them.
      spellcheck: false,
      devTools: options.developerTools,
    },
  };
}
