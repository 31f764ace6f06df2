import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Opening {
  /** False where there is no browser to open; the link has to be opened by hand then. Never rejects. */
  opened: Promise<boolean>;
  /** Removes the file that holds the link. */
  forget(): Promise<void>;
}

/** How long an opener may take to say that it failed. Some stay for as long as the browser does. */
const patienceMilliseconds = 3000;

/**
 * Opens a link in the user's own browser, by way of a file that only this user can read: a link on a command line stands
 * in the list of processes, for every account of the machine to see.
 */
export async function openInBrowser(link: string, lifeMilliseconds: number): Promise<Opening> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-open-'));
  const file = join(folder, 'open.html');
  await writeFile(file, redirectPage(link), { mode: 0o600, flag: 'wx' });
  const forget = () => rm(folder, { recursive: true, force: true });
  setTimeout(forget, lifeMilliseconds).unref();
  return { opened: launch(file), forget };
}

/** The program that opens a file as the user would; null where there is no desktop to open it on. */
export function openerFor(
  platform: NodeJS.Platform,
  environment: NodeJS.ProcessEnv,
): { command: string; before: string[] } | null {
  if (platform === 'darwin') return { command: 'open', before: [] };
  if (platform === 'win32') return { command: 'rundll32', before: ['url.dll,FileProtocolHandler'] };
  // Without a desktop xdg-open tries browsers of the terminal, which would fight over it with the server's own words.
  if (!environment.DISPLAY && !environment.WAYLAND_DISPLAY) return null;
  return { command: 'xdg-open', before: [] };
}

async function launch(file: string): Promise<boolean> {
  const opener = openerFor(process.platform, process.env);
  if (!opener) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = spawn(opener.command, [...opener.before, file], { detached: true, stdio: 'ignore' });
  const patience = setTimeout(() => resolve(true), patienceMilliseconds);
  patience.unref();
  child.once('error', () => resolve(false));
  child.once('exit', (code) => resolve(code === 0));
  child.unref();
  return promise.finally(() => clearTimeout(patience));
}

function redirectPage(link: string): string {
  const target = link.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${target}">
<title>Latchkey</title>
<p><a href="${target}">Open Latchkey</a></p>
</html>
`;
}
