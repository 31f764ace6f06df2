import type { IncomingMessage } from 'node:http';

/** Why a request is not let in, before anybody looks at what it asks. */
export interface Refusal {
  status: 400 | 403;
  message: string;
}

/**
 * Judges where a request comes from. Null lets it go on to the token check; nothing here lets anything in by itself.
 *
 * `Host` defeats DNS rebinding: a foreign page whose name was pointed at 127.0.0.1 sends its own name. `Origin` and
 * `Sec-Fetch-Site` defeat foreign pages that ask this address openly; a page cannot forge any of the three.
 */
export function refusal(request: IncomingMessage, authority: string): Refusal | null {
  if (!request.url?.startsWith('/')) return { status: 400, message: 'The request target must be a path.' };
  const hosts = request.headersDistinct.host;
  if (hosts?.length !== 1 || hosts[0] !== authority)
    return { status: 403, message: 'This server answers only to its own address.' };
  if (!sameSite(request) && !opensThePage(request))
    return { status: 403, message: 'Requests from other sites are not answered.' };
  if (!originAllowed(request, `http://${authority}`))
    return { status: 403, message: 'Only pages of this server may ask this.' };
  return null;
}

/** The path without its query, undecoded: the route table and the list of files hold plain names alone. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0]!;
}

/** `same-site` would include every other server on this machine. Tools that send no such header have no page to protect. */
function sameSite(request: IncomingMessage): boolean {
  const site = request.headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none';
}

/**
 * Somebody follows a link to the empty page: the redirect file that opens the browser is such a link, and to the browser
 * a foreign one. The page holds no data, and the token that gives it a session travels in a fragment, which is not sent.
 */
function opensThePage(request: IncomingMessage): boolean {
  return (
    request.method === 'GET' &&
    pathOf(request) === '/' &&
    request.headers.upgrade === undefined &&
    request.headers['sec-fetch-mode'] === 'navigate' &&
    request.headers['sec-fetch-dest'] === 'document'
  );
}

/** Required on whatever may change something and on the socket; a page's own GET may leave it out, but not differ. */
function originAllowed(request: IncomingMessage, own: string): boolean {
  const origins = request.headersDistinct.origin;
  if (origins === undefined) return request.method === 'GET' && request.headers.upgrade === undefined;
  return origins.length === 1 && origins[0] === own;
}
