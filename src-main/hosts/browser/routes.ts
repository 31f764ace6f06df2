import type { IncomingMessage } from 'node:http';
import type { WindowFiles } from '../window/files.ts';
import { contentPolicy, freshNonce } from '../window/policy.ts';
import { pathOf } from './admission.ts';
import { readBody } from './body.ts';
import type { SecretList } from './secrets.ts';

/**
 * Who may use a route. `public`: the page and its scripts, the same for everybody and without a word of data.
 * `launch-token`: a single-use token in the body. `session`: the secret that such a token was exchanged for.
 */
type Access = 'public' | 'launch-token' | 'session';

export interface Route {
  method: 'GET' | 'POST';
  /** Exact, or everything below a folder: `/assets/*`. */
  path: string;
  access: Access;
  answer(request: IncomingMessage, grounds: Grounds): Promise<Reply>;
}

/** What the answers are made of. */
export interface Grounds {
  files: WindowFiles;
  launchTokens: SecretList;
  sessions: SecretList;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: Buffer | string;
}

const bodyLimitBytes = 1024;
/** Until this process ends: what is behind a session is guarded by the vault's own lock, not by the session's age. */
const sessionLifeMilliseconds = Number.POSITIVE_INFINITY;

/** Everything that this server answers. What is not here is refused without a session, and unknown with one. */
export const routes: readonly Route[] = [
  { method: 'GET', path: '/', access: 'public', answer: showPage },
  { method: 'GET', path: '/assets/*', access: 'public', answer: showAsset },
  { method: 'POST', path: '/session', access: 'launch-token', answer: beginSession },
  { method: 'GET', path: '/session', access: 'session', answer: async () => ({ status: 204 }) },
  { method: 'GET', path: '/socket', access: 'session', answer: async () => upgradeNeeded },
];

export function findRoutes(path: string): Route[] {
  return routes.filter((route) =>
    route.path.endsWith('/*') ? path.startsWith(route.path.slice(0, -1)) : path === route.path,
  );
}

async function showPage(_request: IncomingMessage, { files }: Grounds): Promise<Reply> {
  const nonce = freshNonce();
  const { body, type } = files.page(nonce);
  return { status: 200, body, headers: { 'content-type': type, 'content-security-policy': contentPolicy(nonce) } };
}

async function showAsset(request: IncomingMessage, { files }: Grounds): Promise<Reply> {
  const file = files.asset(pathOf(request));
  if (!file) return { status: 404, body: 'There is no such file.' };
  return { status: 200, body: file.body, headers: { 'content-type': file.type } };
}

async function beginSession(request: IncomingMessage, { launchTokens, sessions }: Grounds): Promise<Reply> {
  if (request.headers['content-type'] !== 'application/json') return { status: 415, body: 'Send JSON.' };
  const body = await readBody(request, bodyLimitBytes);
  if (body === null) return { status: 413, body: 'That is too long.', headers: { connection: 'close' } };
  if (!launchTokens.take(tokenIn(body))) return { status: 401, body: 'This link was used before or is too old.' };
  const session = sessions.add(sessionLifeMilliseconds);
  return {
    status: 200,
    body: JSON.stringify({ session }),
    headers: { 'content-type': 'application/json; charset=utf-8' },
  };
}

function tokenIn(body: string): string {
  try {
    const { token } = JSON.parse(body) as { token?: unknown };
    return typeof token === 'string' ? token : '';
  } catch {
    return '';
  }
}

const upgradeNeeded: Reply = { status: 426, headers: { upgrade: 'websocket' }, body: 'This address is a WebSocket.' };
