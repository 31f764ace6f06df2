import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { LatchkeyError } from '../../contract/errors.ts';
import type { Core } from '../../core/core.ts';
import { packageFile } from '../../core/package-files.ts';
import { loadWindowFiles } from '../window/files.ts';
import { protectiveHeaders } from '../window/policy.ts';
import { pathOf, refusal } from './admission.ts';
import { type Opening, openInBrowser } from './opener.ts';
import { findRoutes, type Grounds, type Reply } from './routes.ts';
import { SecretList } from './secrets.ts';
import { offeredSession, openSockets, type Sockets } from './sockets.ts';

export interface BrowserHostOptions {
  /** Asked by the window. Stays open when the host closes: whoever opened it closes it. */
  core: Core;
  /** 0, the default, takes a free one. */
  port?: number;
  /** Opens the user's browser at the window. */
  open?: boolean;
  /** The built window; where it is not given, the one that comes with Latchkey. */
  rendererFolder?: string;
  /** Milliseconds since 1970. */
  clock?: () => number;
}

export interface BrowserHost {
  /** The window's address with a launch token, good for one use within 60 seconds. */
  url: string;
  /** Resolves true where a browser was started; false where none was wanted or there is none. */
  opened: Promise<boolean>;
  /** Another address like `url`, with a token of its own. */
  mintLink(): string;
  close(): Promise<void>;
}

export const launchTokenLifeMilliseconds = 60_000;
const launchTokensLimit = 16;
const sessionsLimit = 64;
const connectionsLimit = 64;
const loopback = '127.0.0.1';

/**
 * Serves the window to a browser of this machine.
 * @throws LatchkeyError `invalid-input` where the port is taken, `not-found` where the window has not been built.
 */
export async function startBrowserHost(options: BrowserHostOptions): Promise<BrowserHost> {
  const clock = options.clock ?? Date.now;
  const grounds: Grounds = {
    files: await loadWindowFiles(options.rendererFolder ?? packageFile('out/renderer')),
    launchTokens: new SecretList(launchTokensLimit, clock),
    sessions: new SecretList(sessionsLimit, clock),
  };
  const sockets = openSockets(options.core);
  const server = createLimitedServer();
  const authority = `${loopback}:${await listen(server, options.port ?? 0)}`;
  server.on('request', (request, response) => void answer(request, response, grounds, authority));
  server.on('upgrade', (request, connection, head) => upgrade(request, connection, head, grounds, authority, sockets));

  const mintLink = () => `http://${authority}/#token=${grounds.launchTokens.add(launchTokenLifeMilliseconds)}`;
  const opening: Opening | null = options.open ? await openInBrowser(mintLink(), launchTokenLifeMilliseconds) : null;
  return {
    url: mintLink(),
    opened: opening?.opened ?? Promise.resolve(false),
    mintLink,
    async close() {
      sockets.close();
      await stop(server);
      await opening?.forget();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  grounds: Grounds,
  authority: string,
): Promise<void> {
  let reply: Reply;
  try {
    reply = refuse(request, authority) ?? (await dispatch(request, grounds));
  } catch {
    // What failed is for nobody who asks over HTTP to know; a request that broke off is not even read.
    reply = { status: 500, body: 'This request could not be answered.' };
  }
  send(response, reply);
}

function refuse(request: IncomingMessage, authority: string): Reply | null {
  const refused = refusal(request, authority);
  return refused && { status: refused.status, body: refused.message };
}

async function dispatch(request: IncomingMessage, grounds: Grounds): Promise<Reply> {
  const candidates = findRoutes(pathOf(request));
  const route = candidates.find((candidate) => candidate.method === request.method);
  // What is not in the table needs a session too, if only to hear that it is not there.
  const access =
    route?.access ?? (candidates.every((candidate) => candidate.access === 'session') ? 'session' : 'public');
  if (access === 'session' && !grounds.sessions.has(String(request.headers['latchkey-session'] ?? '')))
    return { status: 401, body: 'This needs a session. Open the link that Latchkey prints.' };
  if (route) return route.answer(request, grounds);
  if (candidates.length === 0) return { status: 404, body: 'There is nothing here.' };
  const allow = candidates.map((candidate) => candidate.method).join(', ');
  return { status: 405, body: 'This cannot be done here.', headers: { allow } };
}

function send(response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(reply.body ?? '');
  response.writeHead(reply.status, {
    ...protectiveHeaders,
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    ...(reply.body === undefined
      ? {}
      : { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(body.length) }),
    ...reply.headers,
  });
  response.end(body);
}

function upgrade(
  request: IncomingMessage,
  connection: Duplex,
  head: Buffer,
  grounds: Grounds,
  authority: string,
  sockets: Sockets,
): void {
  connection.on('error', () => connection.destroy());
  const status = upgradeRefusal(request, grounds, authority, sockets);
  if (status === null) sockets.accept(request, connection, head);
  else hangUp(connection, status);
}

function upgradeRefusal(
  request: IncomingMessage,
  grounds: Grounds,
  authority: string,
  sockets: Sockets,
): number | null {
  const refused = refusal(request, authority);
  if (refused) return refused.status;
  if (!grounds.sessions.has(offeredSession(request) ?? '')) return 401;
  if (pathOf(request) !== '/socket') return 404;
  return sockets.full() ? 503 : null;
}

function hangUp(connection: Duplex, status: number): void {
  connection.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
    connection.destroy(),
  );
}

/** Limits in size, number and time on everything that comes in before it is known who sends it. */
function createLimitedServer(): Server {
  const server = createServer({
    maxHeaderSize: 16_384,
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 1_000,
    requireHostHeader: true,
    insecureHTTPParser: false,
  });
  server.maxConnections = connectionsLimit;
  server.setTimeout(30_000);
  server.on('clientError', (_error, connection) => connection.destroy());
  server.on('connect', (_request, connection) => connection.destroy());
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  return server;
}

async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: loopback, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new LatchkeyError(
      'invalid-input',
      `The window cannot be served on port ${port} of this machine: ${(cause as Error).message}. Choose another port, or leave it to Latchkey.`,
      { field: 'port', cause },
    );
  }
  return (server.address() as AddressInfo).port;
}

async function stop(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
