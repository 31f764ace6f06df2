import { ipcRenderer } from 'electron';

/**
 * All that this script does: it asks the main process for a MessagePort once the page listens, and hands it on. The page
 * gets nothing else of Electron: no function, no channel, no object of this world.
 */
const channel = 'latchkey-port';

ipcRenderer.on(channel, (event) => {
  window.postMessage(channel, window.location.origin, [...event.ports]);
});
window.addEventListener('load', () => ipcRenderer.send(channel));
