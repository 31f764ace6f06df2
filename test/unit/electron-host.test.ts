import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ElectronStub, electronStub, StubFrame, type StubWindow } from '../fixtures/electron-stub.ts';

vi.mock('../../src-main/hosts/window/files.ts', () => ({
  loadWindowFiles: async () => ({ page: () => ({ body: Buffer.from('page'), type: 'text/html' }), asset: () => null }),
}));

let electron: ElectronStub;
let dataFolder: string;

beforeEach(async () => {
  anew();
  dataFolder = await mkdtemp(join(tmpdir(), 'latchkey-electron-'));
  vi.stubEnv('LATCHKEY_DATA', dataFolder);
});
afterEach(() => rm(dataFolder, { recursive: true }));

/** A program's life begins anew with each test, and Electron's with it. */
function anew(): void {
  vi.resetModules();
  electron = electronStub();
  vi.doMock('electron', () => electron);
}

async function launch(): Promise<void> {
  await import('../../src-main/hosts/electron/main.ts');
}

async function start(): Promise<StubWindow> {
  await launch();
  electron.app.ready.resolve();
  await vi.waitFor(() => expect(electron.windows).toHaveLength(1));
  return electron.windows[0]!;
}

const core = () => electron.children.at(-1)!;

describe('starting', () => {
  it('sandboxes every renderer and names the scheme before the app is ready', async () => {
    await launch();
    expect(electron.app.enableSandbox).toHaveBeenCalledOnce();
    expect(electron.protocol.registerSchemesAsPrivileged).toHaveBeenCalledOnce();
    expect(electron.windows).toEqual([]);
  });

  it('is done once: a second instance ends, and the first shows its window', async () => {
    electron.app.single = false;
    await launch();
    electron.app.ready.resolve();
    await turn();
    expect(electron.app.quit).toHaveBeenCalledOnce();
    expect(electron.children).toEqual([]);

    anew();
    const window = await start();
    electron.app.emit('second-instance');
    expect(window.restore).toHaveBeenCalledOnce();
    expect(window.focus).toHaveBeenCalledOnce();
    expect(electron.windows).toHaveLength(1);
  });

  it('keeps what Chromium writes in a private folder beside the data it was told to use', async () => {
    await launch();
    expect(electron.app.paths.get('userData')).toBe(join(dataFolder, 'window'));
    expect((await stat(join(dataFolder, 'window'))).mode & 0o777).toBe(0o700);
  });

  it('lets no environment name another place for a packaged app’s files', async () => {
    vi.stubEnv('LATCHKEY_ROOT', '/tmp/evil');
    electron.app.isPackaged = true;
    await launch();
    expect(process.env.LATCHKEY_ROOT).toBeUndefined();
  });

  it('opens the folder in the core’s process', async () => {
    await start();
    expect(core().sent[0]!.message).toEqual({ type: 'open', dataFolder, secretStore: true });
  });
});

describe('a window’s port', () => {
  it('goes to the page of a window of ours alone', async () => {
    const window = await start();
    const contents = window.webContents;
    const ask = (event: object) => electron.ipcMain.emit('latchkey-port', event);

    ask({ sender: contents, senderFrame: new StubFrame() });
    ask({ sender: contents, senderFrame: null });
    ask({ sender: { mainFrame: contents.mainFrame }, senderFrame: contents.mainFrame });
    contents.mainFrame.url = 'https://evil.example/';
    ask({ sender: contents, senderFrame: contents.mainFrame });
    expect(core().types()).toEqual(['open']);

    contents.mainFrame.url = 'app://latchkey/';
    ask({ sender: contents, senderFrame: contents.mainFrame });
    expect(core().types()).toEqual(['open', 'window']);
    expect(contents.mainFrame.postMessage).toHaveBeenCalledExactlyOnceWith('latchkey-port', null, [expect.anything()]);
  });

  it('is given again when the core was started again', async () => {
    const { webContents } = await start();
    electron.ipcMain.emit('latchkey-port', { sender: webContents, senderFrame: webContents.mainFrame });
    core().emit('exit', 1);
    expect(electron.children).toHaveLength(2);
    expect(core().types()).toEqual(['open', 'window']);
    expect(webContents.mainFrame.postMessage).toHaveBeenCalledTimes(2);
  });
});

describe('leaving the machine', () => {
  it.each(['suspend', 'lock-screen', 'user-did-resign-active', 'shutdown'])(
    '%s locks the device, and then clears the page',
    async (event) => {
      const window = await start();
      electron.powerMonitor.emit(event);
      await turn();
      expect(core().types()).toEqual(['open', 'lock']);
      expect(window.webContents.reloadIgnoringCache).not.toHaveBeenCalled();
      core().emit('message', { type: 'locked', id: core().sent[1]!.message.id });
      await turn();
      expect(window.webContents.reloadIgnoringCache).toHaveBeenCalledOnce();
    },
  );
});

describe('ending', () => {
  it('waits until the core has closed', async () => {
    await start();
    const quit = vi.fn();
    electron.app.on('quit', quit);
    electron.app.quit();
    electron.app.quit();
    await turn();
    expect(core().types()).toEqual(['open', 'close']);
    expect(quit).not.toHaveBeenCalled();
    core().emit('exit', 0);
    await vi.waitFor(() => expect(quit).toHaveBeenCalledOnce());
  });

  it('tells why, where the core could not open', async () => {
    await start();
    core().emit('message', { type: 'failed', error: { code: 'folder-in-use', message: 'In use by process 7.' } });
    expect(electron.dialog.showErrorBox).toHaveBeenCalledWith(expect.any(String), 'In use by process 7.');
    expect(electron.app.quit).toHaveBeenCalled();
  });

  it('comes to a page that crashes again and again', async () => {
    const { webContents } = await start();
    const crash = () => webContents.emit('render-process-gone', {}, { reason: 'crashed' });
    for (let time = 0; time < 3; time += 1) crash();
    expect(webContents.reload).toHaveBeenCalledTimes(3);
    expect(electron.app.quit).not.toHaveBeenCalled();
    crash();
    expect(electron.app.quit).toHaveBeenCalled();
  });
});
