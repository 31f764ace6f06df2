import type { Session, WebContents } from 'electron';
import { isPage, pageUrl } from './address.ts';

/**
 * Copying, when the operator presses a button for it: a key's secret is shown once and has to go somewhere. Reading the
 * clipboard is another permission, and denied like every other.
 */
const allowedPermission = 'clipboard-sanitized-write';
const foreignAddresses = ['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*', 'ftp://*/*', 'file://*/*'];

/** Denies a session whatever a page might ask of the machine or the network. */
export function denyBySession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, decide) =>
    decide(permission === allowedPermission && isPage(contents.getURL())),
  );
  session.setPermissionCheckHandler(
    (contents, permission) => permission === allowedPermission && contents !== null && isPage(contents.getURL()),
  );
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event, item) => {
    // What the page itself made, such as an export; the operator is asked where it goes.
    if (!item.getURL().startsWith(`blob:${pageUrl}`)) event.preventDefault();
  });
  // The policy of the page forbids it as well; this holds even where a policy was got round.
  session.webRequest.onBeforeRequest({ urls: foreignAddresses }, (_details, decide) => decide({ cancel: true }));
}

/** Denies a page every way to another one: navigation, redirects, new windows, frames and webviews. */
export function denyByContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => {
    // A page that loads itself anew navigates too, to where it is.
    if (!event.isMainFrame || !isPage(event.url)) event.preventDefault();
  });
}
