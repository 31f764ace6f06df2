import { readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startBrowserHost } from '../../src-main/hosts/browser/host.ts';
import { openerFor, openInBrowser } from '../../src-main/hosts/browser/opener.ts';
import { type Loopback, openLoopback, tokenOf } from '../fixtures/loopback.ts';

let at: Loopback;

beforeEach(async () => {
  at = await openLoopback();
});

afterEach(() => at.close());

describe('what is answered', () => {
  it('is kept, sniffed, framed and shared by nobody, and sets no cookie', async () => {
    const answers = [
      await at.get('/'),
      await at.get('/assets/main-1.js'),
      await at.get('/unknown'),
      await at.redeem(tokenOf(at.host.url)),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control') || name === 'set-cookie')).toEqual(
        [],
      );
    }
  });

  it('is a page whose policy and styles share a nonce that no other response has', async () => {
    const [first, second] = [await at.get('/'), await at.get('/')];
    const nonce = /content="([\w-]{22})"/.exec(first.body)?.[1];
    expect(first.headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; style-src-attr 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
    );
    expect(second.body).not.toContain(nonce);
    expect(first.headers['content-type']).toBe('text/html; charset=utf-8');
    expect((await at.get('/assets/main-1.js')).headers['content-type']).toBe('text/javascript; charset=utf-8');
  });
});

describe('the address', () => {
  it('is of this machine alone, and a taken port is said to be taken', async () => {
    expect(new URL(at.host.url).hostname).toBe('127.0.0.1');
    await expect(startBrowserHost({ core: at.core, rendererFolder: at.folder, port: at.port })).rejects.toMatchObject({
      code: 'invalid-input',
      field: 'port',
      message: expect.stringContaining(String(at.port)),
    });
  });

  it('is not given where there is no built window', async () => {
    await expect(startBrowserHost({ core: at.core, rendererFolder: join(at.folder, 'none') })).rejects.toMatchObject({
      code: 'not-found',
    });
  });
});

describe('opening the browser', () => {
  it('writes the link to a file that this account alone can read, and takes it away again', async () => {
    const opening = await openInBrowser(`http://127.0.0.1:1/#token=a&b`, 60_000);
    const folders = (await readdir(tmpdir())).filter((name) => name.startsWith('latchkey-open-'));
    const pages = await Promise.all(
      folders.map(async (name) => ({
        path: join(tmpdir(), name),
        text: await readFile(join(tmpdir(), name, 'open.html'), 'utf8'),
      })),
    );
    const { path } = pages.find((page) => page.text.includes(`http://127.0.0.1:1/#token=a&amp;b`))!;
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect((await stat(join(path, 'open.html'))).mode & 0o777).toBe(0o600);
    await opening.opened;
    await opening.forget();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('is not tried where there is no desktop', () => {
    expect(openerFor('linux', {})).toBeNull();
    expect(openerFor('linux', { DISPLAY: ':0' })).toEqual({ command: 'xdg-open', before: [] });
    expect(openerFor('darwin', {})).toEqual({ command: 'open', before: [] });
  });
});
