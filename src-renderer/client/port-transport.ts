import type { HostMessage, RequestMessage } from '../../src-main/contract/events.ts';
import type { Transport, TransportListener } from './transport.ts';

/** What the preload script names the one message that it sends to the page. */
const portMessage = 'latchkey-port';

/** The newest port from the preload script. A restarted core comes with a new one. */
let newest: MessagePort | undefined;
let onPort: ((port: MessagePort) => void) | undefined;

// The port may come before the screen asks for it, so this listens from the moment that the module is loaded.
if (typeof window !== 'undefined' && window.location?.protocol === 'app:') {
  window.addEventListener('message', (event) => {
    const [port] = event.ports;
    if (event.source !== window || event.origin !== window.location.origin) return;
    if (event.data !== portMessage || !port) return;
    newest = port;
    onPort?.(port);
  });
}

/** The MessagePort that Electron's main process hands to the page, with the core process at its other end. */
export function portTransport(): Transport {
  let current: MessagePort | undefined;
  let listener: TransportListener | undefined;

  function use(port: MessagePort): void {
    if (current) {
      current.close();
      listener?.closed();
    }
    current = port;
    port.onmessage = (event: MessageEvent<HostMessage>) => listener?.received(event.data);
    port.addEventListener('close', () => {
      if (current !== port) return;
      current = undefined;
      listener?.closed();
    });
    port.start();
    listener?.opened();
  }

  return {
    start(of) {
      listener = of;
      onPort = use;
      if (newest) use(newest);
    },
    send(request: RequestMessage): boolean {
      if (!current) return false;
      current.postMessage(request);
      return true;
    },
    close() {
      onPort = undefined;
      current?.close();
      current = undefined;
    },
  };
}
