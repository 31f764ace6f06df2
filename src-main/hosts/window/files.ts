import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LatchkeyError } from '../../contract/errors.ts';

interface WindowFile {
  body: Buffer;
  type: string;
}

/** The built window: its page, and its scripts, styles and fonts. None of them holds data. */
export interface WindowFiles {
  /** The page, whose style elements may carry the nonce of this very response. */
  page(nonce: string): WindowFile;
  /** A file by its exact path, e.g. `/assets/main-3f2a.js`; null for anything else. */
  asset(path: string): WindowFile | null;
}

const noncePlaceholder = '__CSP_NONCE__';
const assetName = /^[\w-][\w.-]*$/;

const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/**
 * Reads the built window once and keeps it: a request then picks from a fixed list of names, and no request can name
 * another file, by whatever spelling of `..`, link or escape.
 * @throws LatchkeyError `not-found` where there is no built window.
 */
export async function loadWindowFiles(folder: string): Promise<WindowFiles> {
  const html = await readPage(folder);
  const assets = new Map<string, WindowFile>();
  for (const name of await assetNames(join(folder, 'assets'))) {
    const type = types[extname(name)];
    if (type) assets.set(`/assets/${name}`, { body: await readFile(join(folder, 'assets', name)), type });
  }
  return {
    page: (nonce) => ({
      body: Buffer.from(html.replaceAll(noncePlaceholder, nonce)),
      type: 'text/html; charset=utf-8',
    }),
    asset: (path) => assets.get(path) ?? null,
  };
}

async function readPage(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, 'index.html'), 'utf8');
  } catch (cause) {
    throw new LatchkeyError(
      'not-found',
      'The window of Latchkey has not been built, so it cannot be shown. Run `npm run build` and start again.',
      { cause },
    );
  }
}

/** Plain files alone: a link could lead anywhere. Source maps stay here. */
async function assetNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile() && assetName.test(entry.name)).map((entry) => entry.name);
}
