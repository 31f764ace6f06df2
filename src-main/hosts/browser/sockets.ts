import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { converse } from '../../core/conversation.ts';
import type { Core } from '../../core/core.ts';

const subprotocol = 'latchkey';
const sessionPrefix = 'session.';
/** An enrollment file of 256 KiB, escaped as JSON, is the longest thing that a window has to say. */
const messageLimitBytes = 1_048_576;
/** A window that does not read what it asked for is cut off before it fills the memory. */
const unreadLimitBytes = 67_108_864;
const windowsLimit = 16;
const heartbeatMilliseconds = 30_000;

/** WebSocket close codes of RFC 6455, 7.4.1. */
const policyViolation = 1008;
const unsupportedData = 1003;
const goingAway = 1001;

export interface Sockets {
  /** Takes over a connection whose request was judged and let in. */
  accept(request: IncomingMessage, connection: Duplex, head: Buffer): void;
  full(): boolean;
  close(): void;
}

/** The session's secret that a page offers as one of its subprotocols, because it can set no header on a socket. */
export function offeredSession(request: IncomingMessage): string | null {
  const offers = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((offer) => offer.trim());
  const secrets = offers.filter((offer) => offer.startsWith(sessionPrefix));
  if (!offers.includes(subprotocol) || offers.length !== 2 || secrets.length !== 1) return null;
  return secrets[0]!.slice(sessionPrefix.length);
}

export function openSockets(core: Core): Sockets {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: messageLimitBytes,
    perMessageDeflate: false,
    // The answer names the plain subprotocol, so that the secret does not come back in a header.
    handleProtocols: () => subprotocol,
  });
  const awake = new Set<WebSocket>();

  const heartbeat = setInterval(() => {
    for (const socket of server.clients) {
      if (!awake.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }, heartbeatMilliseconds);
  heartbeat.unref();

  function serve(socket: WebSocket): void {
    awake.add(socket);
    const conversation = converse(core, {
      send(message) {
        if (socket.readyState !== socket.OPEN) return;
        socket.send(JSON.stringify(message));
        if (socket.bufferedAmount > unreadLimitBytes) socket.terminate();
      },
      dismiss: (reason) => socket.close(policyViolation, reason),
    });
    socket.on('pong', () => awake.add(socket));
    socket.on('message', (data, binary) => {
      if (binary) socket.close(unsupportedData, 'text only');
      else deliver(String(data), conversation);
    });
    // ws closes the socket after an error by itself, e.g. after a message that is too long.
    socket.on('error', () => {});
    socket.on('close', () => {
      awake.delete(socket);
      conversation.ended();
    });
  }

  return {
    accept: (request, connection, head) => server.handleUpgrade(request, connection, head, serve),
    full: () => server.clients.size >= windowsLimit,
    close() {
      clearInterval(heartbeat);
      for (const socket of server.clients) {
        socket.close(goingAway, 'Latchkey was stopped');
        socket.terminate();
      }
      server.close();
    },
  };
}

function deliver(text: string, to: { received(message: unknown): void; unreadable(): void }): void {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    to.unreadable();
    return;
  }
  to.received(message);
}
