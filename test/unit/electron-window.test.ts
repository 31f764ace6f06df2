import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserWindow, Session, WebContents } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { preventable, StubContents, StubSession, StubWindow } from '../fixtures/electron-stub.ts';

vi.mock('electron', async () => (await import('../fixtures/electron-stub.ts')).electronStub());

const { isPage } = await import('../../src-main/hosts/electron/address.ts');
const { denyByContents, denyBySession } = await import('../../src-main/hosts/electron/denials.ts');
const { openWindow } = await import('../../src-main/hosts/electron/window.ts');
const { readPlace, rememberPlace } = await import('../../src-main/hosts/electron/window-place.ts');
const { menuTemplate } = await import('../../src-main/hosts/electron/menu.ts');

const options = { preload: '/out/preload/index.cjs', icon: '/icon.png', place: null, developerTools: false };

function open(more: Partial<Parameters<typeof openWindow>[0]> = {}): StubWindow {
  return openWindow({ ...options, ...more }) as unknown as StubWindow;
}

describe('the window', () => {
  it('runs its page in a sandbox, apart from Node, with nothing kept on disk', () => {
    expect(open().options.webPreferences).toEqual({
      preload: '/out/preload/index.cjs',
      partition: 'latchkey-window',
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
      spellcheck: false,
      devTools: false,
    });
  });

  it('loads its own page, and is shown when there is something to see', () => {
    const window = open();
    expect(window.loadURL).toHaveBeenCalledWith('app://latchkey/');
    expect(window.options.show).toBe(false);
    window.emit('ready-to-show');
    expect(window.show).toHaveBeenCalledOnce();
  });

  it('stands where it stood before', () => {
    const window = open({ place: { bounds: { x: 1, y: 2, width: 800, height: 600 }, maximized: true } });
    expect(window.options).toMatchObject({ x: 1, y: 2, width: 800, height: 600 });
    expect(window.maximize).toHaveBeenCalledOnce();
  });

  it('offers the developer tools in the menu of a development build alone', () => {
    const roles = (tools: boolean) => JSON.stringify(menuTemplate({ lock() {} }, tools, 'linux'));
    expect(roles(true)).toContain('toggleDevTools');
    expect(roles(false)).not.toContain('toggleDevTools');
  });
});

describe('the page', () => {
  it.each([
    ['app://latchkey/', true],
    ['app://latchkey/#/people', true],
    ['app://latchkey/?x=1', true],
    ['app://latchkey/assets/main.js', false],
    ['app://latchkey.evil.example/', false],
    ['app://evil@latchkey/', false],
    ['app://latchkey:1/', false],
    ['https://latchkey/', false],
    ['file:///etc/passwd', false],
    ['javascript:alert(1)', false],
    ['about:blank', false],
    ['', false],
  ])('%s: %s', (url, is) => {
    expect(isPage(url)).toBe(is);
  });

  it('may load itself anew and go nowhere else', () => {
    const contents = denied();
    const goes = (details: { url: string; isMainFrame: boolean }) => {
      const event = { ...preventable(), ...details };
      contents.emit('will-frame-navigate', event);
      return !event.defaultPrevented;
    };
    expect(goes({ url: 'app://latchkey/#/keys', isMainFrame: true })).toBe(true);
    expect(goes({ url: 'https://evil.example/', isMainFrame: true })).toBe(false);
    expect(goes({ url: 'file:///etc/passwd', isMainFrame: true })).toBe(false);
    expect(goes({ url: 'app://latchkey/', isMainFrame: false })).toBe(false);
  });

  it('opens no window, follows no redirect, holds no webview', () => {
    const contents = denied();
    expect(contents.windowOpenHandler?.()).toEqual({ action: 'deny' });
    for (const name of ['will-redirect', 'will-attach-webview']) {
      const event = preventable();
      contents.emit(name, event);
      expect(event.defaultPrevented).toBe(true);
    }
  });

  it('is granted nothing but copying, by its own page, at a button', () => {
    const session = new StubSession();
    denyBySession(session as unknown as Session);
    const contents = new StubContents();
    const granted = vi.fn();
    const [request] = session.setPermissionRequestHandler.mock.calls[0]!;
    const [check] = session.setPermissionCheckHandler.mock.calls[0]!;
    const [device] = session.setDevicePermissionHandler.mock.calls[0]!;
    for (const permission of [
      'media',
      'geolocation',
      'notifications',
      'clipboard-read',
      'openExternal',
      'fileSystem',
    ]) {
      request(contents, permission, granted);
      expect(granted).toHaveBeenLastCalledWith(false);
      expect(check(contents, permission)).toBe(false);
    }
    expect(device()).toBe(false);
    request(contents, 'clipboard-sanitized-write', granted);
    expect(granted).toHaveBeenLastCalledWith(true);
    contents.mainFrame.url = 'https://evil.example/';
    expect(check(contents, 'clipboard-sanitized-write')).toBe(false);
    expect(check(null, 'clipboard-sanitized-write')).toBe(false);
  });

  it('reaches neither the network nor the disk, and downloads nothing but what it made itself', () => {
    const session = new StubSession();
    denyBySession(session as unknown as Session);
    const [filter, handler] = session.webRequest.onBeforeRequest.mock.calls[0]!;
    expect(filter.urls).toEqual(
      expect.arrayContaining(['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*', 'file://*/*']),
    );
    const decide = vi.fn();
    handler({ url: 'https://evil.example/' }, decide);
    expect(decide).toHaveBeenCalledWith({ cancel: true });
    const isPrevented = (url: string) => {
      const download = preventable();
      session.emit('will-download', download, { getURL: () => url });
      return download.defaultPrevented;
    };
    expect(isPrevented('blob:app://latchkey/5f0c6a52-0000-4000-8000-000000000000')).toBe(false);
    for (const url of [
      'https://evil.example/a.zip',
      'app://latchkey/index.html',
      'blob:https://evil.example/5f0c',
      'data:,x',
    ])
      expect(isPrevented(url), url).toBe(true);
  });
});

describe('the window’s place', () => {
  const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }];
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-place-'));
    file = join(folder, 'window.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is remembered when it closes, for this account alone', () => {
    const window = new StubWindow({});
    rememberPlace(window as unknown as BrowserWindow, file);
    window.emit('close');
    expect(readPlace(file, screens)).toEqual({ bounds: { x: 10, y: 20, width: 900, height: 700 }, maximized: false });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['nothing', null],
    ['nonsense', 'x'],
    ['another shape', '{"bounds":{"x":"1"}}'],
    ['a size that nobody can catch', '{"bounds":{"x":0,"y":0,"width":1,"height":1}}'],
    ['a screen that is gone', '{"bounds":{"x":5000,"y":0,"width":900,"height":700}}'],
  ])('is forgotten where the file holds %s', (_what, text) => {
    if (text !== null) writeFileSync(file, text);
    expect(readPlace(file, screens)).toBeNull();
  });
});

function denied(): StubContents {
  const contents = new StubContents();
  denyByContents(contents as unknown as WebContents);
  return contents;
}
