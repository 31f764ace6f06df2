import type { HostMessage, RequestMessage } from '../../src-main/contract/events.ts';
import { checkSession, forgetSession, hasLaunchToken, linkNeeded } from './session.ts';
import type { Transport, TransportListener } from './transport.ts';

const firstDelayMilliseconds = 250;
const longestDelayMilliseconds = 10_000;

/** A WebSocket to the loopback server, opened again with growing pauses when it breaks. */
export function socketTransport(secret: string): Transport {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let listener: TransportListener | undefined;
  let failures = 0;
  let done = false;

  function open(): void {
    const address = new URL('/socket', location.href);
    address.protocol = 'ws:';
    address.hash = '';
    // A browser lets a page set no header on a socket; a subprotocol is the one place where a secret is not in the URL.
    const attempt = new WebSocket(address, ['latchkey', `session.${secret}`]);
    socket = attempt;
    attempt.onopen = () => {
      failures = 0;
      listener?.opened();
    };
    attempt.onmessage = (event) => listener?.received(JSON.parse(String(event.data)) as HostMessage);
    attempt.onclose = () => {
      if (socket === attempt && !done) void mend();
    };
  }

  async function mend(): Promise<void> {
    socket = undefined;
    listener?.closed();
    const state = await checkSession(secret);
    if (done) return;
    if (state === 'ended') {
      done = true;
      forgetSession();
      listener?.closed(linkNeeded());
      return;
    }
    failures += 1;
    const delay = Math.min(firstDelayMilliseconds * 2 ** (failures - 1), longestDelayMilliseconds);
    timer = setTimeout(open, delay * (0.75 + Math.random() / 2));
  }

  return {
    start(of) {
      listener = of;
      // A fresh link opened in this tab changes nothing but the fragment, which loads no page by itself.
      window.addEventListener('hashchange', () => {
        if (hasLaunchToken()) location.reload();
      });
      open();
    },
    send(request: RequestMessage): boolean {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(request));
      return true;
    },
    close() {
      done = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}
