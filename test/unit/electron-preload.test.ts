import { EventEmitter } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';

const ipcRenderer = Object.assign(new EventEmitter(), { send: vi.fn() });
vi.mock('electron', () => ({ ipcRenderer }));
afterEach(() => vi.resetModules());

it('asks for a port when the page listens, hands each port on to this page alone, and does nothing else', async () => {
  const page = Object.assign(new EventTarget(), { location: { origin: 'app://latchkey' }, postMessage: vi.fn() });
  vi.stubGlobal('window', page);
  const before = Object.keys(page);
  await import('../../src-main/preload/index.ts');
  expect(ipcRenderer.send).not.toHaveBeenCalled();
  page.dispatchEvent(new Event('load'));
  expect(ipcRenderer.send).toHaveBeenCalledExactlyOnceWith('latchkey-port');

  const port = {};
  ipcRenderer.emit('latchkey-port', { ports: [port] });
  expect(page.postMessage).toHaveBeenCalledExactlyOnceWith('latchkey-port', 'app://latchkey', [port]);
  expect(Object.keys(page)).toEqual(before);
  expect(ipcRenderer.eventNames()).toEqual(['latchkey-port']);
});
