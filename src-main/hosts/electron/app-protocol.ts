import { protocol, type Session } from 'electron';
import type { WindowFiles } from '../window/files.ts';
import { contentPolicy, freshNonce, protectiveHeaders } from '../window/policy.ts';
import { host, isPage, scheme } from './address.ts';

/** Must run before the app is ready, when Chromium fixes what its schemes may do. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

export function serveWindow(session: Session, files: WindowFiles): void {
  session.protocol.handle(scheme, (request) => answer(request, files));
}

/** GET only, of this one host, from a fixed list of files. */
export function answer(request: Pick<Request, 'method' | 'url'>, files: WindowFiles): Response {
  if (request.method !== 'GET') return refuse(405, 'Only GET is answered.');
  const url = URL.parse(request.url);
  if (url === null || url.protocol !== `${scheme}:` || url.host !== host) return refuse(403, 'There is no such host.');
  if (isPage(request.url)) return page(files);
  const file = files.asset(url.pathname);
  if (!file) return refuse(404, 'There is no such file.');
  return new Response(new Uint8Array(file.body), { headers: { ...protectiveHeaders, 'content-type': file.type } });
}

function page(files: WindowFiles): Response {
  const nonce = freshNonce();
  const { body, type } = files.page(nonce);
  return new Response(new Uint8Array(body), {
    headers: { ...protectiveHeaders, 'content-type': type, 'content-security-policy': contentPolicy(nonce) },
  });
}

function refuse(status: number, words: string): Response {
  return new Response(words, {
    status,
    headers: { ...protectiveHeaders, 'content-type': 'text/plain; charset=utf-8' },
  });
}
