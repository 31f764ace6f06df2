/** The window's own scheme: a page of it is served by this process, and by nothing on the network or the disk. */
export const scheme = 'app';
export const host = 'latchkey';
export const pageUrl = `${scheme}://${host}/`;

/** True for the window's page, whatever its fragment says; nothing else may be navigated to or may ask for a port. */
export function isPage(url: string): boolean {
  const parsed = URL.parse(url);
  return (
    parsed !== null &&
    parsed.protocol === `${scheme}:` &&
    parsed.host === host &&
    parsed.username === '' &&
    parsed.password === '' &&
    parsed.pathname === '/'
  );
}
