import { LatchkeyError } from '../../src-main/contract/errors.ts';
import { disconnected } from './disconnected.ts';

/** Kept per tab and gone with it, so that a reload works and another tab or a later visit does not. */
const storageKey = 'latchkey-session';

/**
 * The secret that opens the socket: from the launch token in the address, which works once, or kept from before a reload.
 * @throws LatchkeyError `not-permitted` where this page has neither.
 */
export async function obtainSession(): Promise<string> {
  const token = takeLaunchToken();
  const fresh = token === null ? null : await redeem(token);
  if (fresh !== null) sessionStorage.setItem(storageKey, fresh);
  const secret = fresh ?? sessionStorage.getItem(storageKey);
  if (secret === null) throw linkNeeded();
  return secret;
}

export type SessionState = 'valid' | 'ended' | 'unreachable';

/** A refused socket tells a page nothing, so after one this asks whether the session or only the server is gone. */
export async function checkSession(secret: string): Promise<SessionState> {
  try {
    const response = await fetch('/session', { headers: { 'latchkey-session': secret }, cache: 'no-store' });
    if (response.ok) return 'valid';
    return response.status === 401 ? 'ended' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}

export function forgetSession(): void {
  sessionStorage.removeItem(storageKey);
}

export function linkNeeded(): LatchkeyError {
  return new LatchkeyError(
    'not-permitted',
    'This page was not opened with a fresh link, or Latchkey has been started again since. Press Enter in the terminal where Latchkey runs and open the link that it prints.',
  );
}

/** True where the address holds a launch token: somebody opened a fresh link in this very tab. */
export function hasLaunchToken(): boolean {
  return launchToken() !== null;
}

/** Takes the token out of the address at once, so that it is neither shown nor kept in the history. */
function takeLaunchToken(): string | null {
  const token = launchToken();
  if (token !== null) history.replaceState(history.state, '', location.pathname + location.search);
  return token;
}

function launchToken(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('token');
}

/** Null where the token was refused: used before, or too old. */
async function redeem(token: string): Promise<string | null> {
  let response: Response;
  try {
    response = await fetch('/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    });
  } catch (cause) {
    throw disconnected('Latchkey does not answer. Is it still running in its terminal?', cause);
  }
  if (!response.ok) return null;
  const answer: unknown = await response.json();
  if (typeof answer !== 'object' || answer === null || !('session' in answer)) return null;
  return typeof answer.session === 'string' ? answer.session : null;
}
