import { type BrowserWindow, ipcMain, MessageChannelMain, type MessagePortMain } from 'electron';
import { isPage } from './address.ts';

const channel = 'latchkey-port';

export interface WindowPorts {
  /** Gives every window that asked before a new port: the core at the other end is a new one. */
  handOutAgain(): void;
}

/** Gives a port to the page of a window that asks for one, and its other end to `connect`. */
export function handOutPorts(
  windows: () => readonly BrowserWindow[],
  connect: (port: MessagePortMain) => void,
): WindowPorts {
  const asked = new WeakSet<BrowserWindow>();

  function handOut(window: BrowserWindow): void {
    const { port1, port2 } = new MessageChannelMain();
    connect(port1);
    window.webContents.mainFrame.postMessage(channel, null, [port2]);
  }

  ipcMain.on(channel, (event) => {
    const window = windows().find((candidate) => candidate.webContents === event.sender);
    const frame = event.senderFrame;
    // The page itself: not a frame in it, not a page that took its place, not contents of another kind.
    if (!window || frame === null || frame !== event.sender.mainFrame || !isPage(frame.url)) return;
    asked.add(window);
    handOut(window);
  });

  return {
    handOutAgain() {
      for (const window of windows()) if (asked.has(window)) handOut(window);
    },
  };
}
