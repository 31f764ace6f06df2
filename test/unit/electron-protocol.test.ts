import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ElectronStub } from '../fixtures/electron-stub.ts';
import { fakeWindow } from '../fixtures/window.ts';

vi.mock('electron', async () => (await import('../fixtures/electron-stub.ts')).electronStub());

const electron = (await import('electron')) as unknown as ElectronStub;
const { answer, registerScheme, serveWindow } = await import('../../src-main/hosts/electron/app-protocol.ts');
const { loadWindowFiles } = await import('../../src-main/hosts/window/files.ts');

let window: Awaited<ReturnType<typeof fakeWindow>>;
let files: Awaited<ReturnType<typeof loadWindowFiles>>;

beforeEach(async () => {
  window = await fakeWindow();
  files = await loadWindowFiles(window.folder);
});
afterEach(() => window.remove());

function get(url: string, method = 'GET'): Response {
  return answer({ url, method }, files);
}

describe('the app:// protocol', () => {
  it('is a secure, standard scheme that does not go round the page’s policy', () => {
    registerScheme();
    expect(electron.protocol.registerSchemesAsPrivileged).toHaveBeenCalledWith([
      { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
    ]);
  });

  it('is served in the window’s own session', async () => {
    const session = electron.session.fromPartition('latchkey-window');
    serveWindow(session as never, files);
    const [scheme, handle] = session.protocol.handle.mock.calls[0]!;
    expect(scheme).toBe('app');
    expect((await handle(new Request('app://latchkey/'))).status).toBe(200);
  });

  it('serves the page under its policy, with a nonce that no other response has', async () => {
    const [first, second] = [get('app://latchkey/'), get('app://latchkey/#/people')];
    const nonce = /content="([\w-]{22})"/.exec(await first.text())?.[1];
    expect(first.headers.get('content-security-policy')).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; style-src-attr 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
    );
    expect(await second.text()).not.toContain(nonce);
    for (const response of [first, get('app://latchkey/assets/main-1.js'), get('app://latchkey/none')]) {
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('serves its files with their types', async () => {
    const response = get('app://latchkey/assets/main-1.js');
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await response.text()).toBe('export {};');
  });

  it.each(['POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('does not answer a %s', (method) => {
    expect(get('app://latchkey/', method).status).toBe(405);
  });

  it.each([
    'app://evil/',
    'app://latchkey.evil.example/assets/main-1.js',
    'app://latchkey:1/',
    'app:///',
    'http://latchkey/',
    'x',
  ])('knows no %s', (url) => {
    expect(get(url).status).toBe(403);
  });

  it.each([
    'app://latchkey/private.js',
    'app://latchkey/assets/../private.js',
    'app://latchkey/assets/%2e%2e/private.js',
    'app://latchkey/assets/..%2fprivate.js',
    'app://latchkey/assets/..\\private.js',
    'app://latchkey//etc/passwd',
    'app://latchkey/../../secret.js',
    'app://latchkey/assets/link.js',
    'app://latchkey/assets/main-1.js.map',
    'app://latchkey/index.html',
    'app://latchkey/assets/main-1.js%00.png',
  ])('holds its files together: %s', async (url) => {
    const response = get(url);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('secret');
  });
});
