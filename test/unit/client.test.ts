import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { LatchkeyEvent } from '../../src-main/contract/events.ts';
import { startBrowserHost } from '../../src-main/hosts/browser/host.ts';
import { type Client, connect } from '../../src-renderer/client/client.ts';
import { fakePassphrase } from '../fixtures/fake-core.ts';
import { type Loopback, openLoopback } from '../fixtures/loopback.ts';

let at: Loopback;
let page: EventTarget & { location: FakeLocation };
const clients: Client[] = [];

interface FakeLocation {
  protocol: string;
  href: string;
  origin: string;
  pathname: string;
  search: string;
  hash: string;
  reload(): void;
}

beforeEach(async () => {
  at = await openLoopback();
  const stored = new Map<string, string>();
  vi.stubGlobal('sessionStorage', {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
    removeItem: (name: string) => stored.delete(name),
  });
  open(at.host.url);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await at.close();
});

/** A tab at an address, as far as the client looks at one. */
function open(url: string): void {
  const location = { ...partsOf(new URL(url)), reload: vi.fn() };
  page = Object.assign(new EventTarget(), { location });
  vi.stubGlobal('window', page);
  vi.stubGlobal('location', location);
  vi.stubGlobal('history', { state: null, replaceState: (_: unknown, __: string, path: string) => moveTo(path) });
  const moveTo = (path: string) => Object.assign(location, partsOf(new URL(path, location.href)));
  const { origin } = location;
  const plainFetch = globalThis.fetch;
  vi.stubGlobal('fetch', (path: string, init: RequestInit) =>
    plainFetch(new URL(path, origin), { ...init, headers: { ...init.headers, origin } }),
  );
  vi.stubGlobal(
    'WebSocket',
    class extends WebSocket {
      constructor(address: string | URL, protocols: string[]) {
        super(address, protocols, { origin });
        // A browser's socket tells of its errors, and throws none that nobody listens for.
        this.on('error', () => {});
      }
    },
  );
}

function partsOf({ protocol, href, origin, pathname, search, hash }: URL) {
  return { protocol, href, origin, pathname, search, hash };
}

async function connected(): Promise<Client> {
  const client = await connect();
  clients.push(client);
  return client;
}

describe('a page opened by a fresh link', () => {
  it('exchanges its token, takes it out of the address, asks and is answered', async () => {
    const client = await connected();
    expect(page.location.hash).toBe('');
    await expect(client.call('device.state', {})).resolves.toEqual({ state: 'locked', version: '0.0.0' });
    await expect(client.call('people.list', {})).rejects.toMatchObject({ name: 'LatchkeyError', code: 'locked' });
  });

  it('goes on after a reload, which has no token any more', async () => {
    (await connected()).close();
    open(`${at.own}/`);
    await expect((await connected()).call('device.state', {})).resolves.toMatchObject({ state: 'locked' });
  });

  it('says what to do where the link was used before and there is no session', async () => {
    await at.redeem(new URLSearchParams(page.location.hash.slice(1)).get('token')!);
    await expect(connect()).rejects.toMatchObject({
      code: 'not-permitted',
      message: expect.stringContaining('Press Enter in the terminal'),
    });
    expect(page.location.hash).toBe('');
  });

  it('is loaded anew when a fresh link is opened in the same tab', async () => {
    await connected();
    page.location.hash = new URL(at.host.mintLink()).hash;
    page.dispatchEvent(new Event('hashchange'));
    expect(page.location.reload).toHaveBeenCalledOnce();
  });
});

describe('a connected page', () => {
  it('hears events until it no longer wants to', async () => {
    const client = await connected();
    const heard: LatchkeyEvent[] = [];
    const stop = client.subscribe((event) => heard.push(event));
    at.core.tell({ type: 'changed', tables: ['users'] });
    await client.call('device.state', {});
    stop();
    at.core.tell({ type: 'changed', tables: ['sessions'] });
    await client.call('device.state', {});
    expect(heard).toEqual([{ type: 'changed', tables: ['users'] }]);
  });

  it('is loaded anew when the device is locked, and not when it only hears that it is', async () => {
    const client = await connected();
    at.core.tell({ type: 'device', device: { state: 'locked', version: '0.0.0' } });
    await client.call('device.unlock', { passphrase: fakePassphrase });
    expect(page.location.reload).not.toHaveBeenCalled();
    await client.call('device.lock', {});
    expect(page.location.reload).toHaveBeenCalledOnce();
  });

  it('rejects what is under way when the host goes, and what is asked meanwhile, and connects again', async () => {
    const client = await connected();
    const connection: boolean[] = [];
    client.onConnection((is) => connection.push(is));
    const answer = client.call('sync.now', {});
    const lost = expect(answer).rejects.toMatchObject({
      code: 'disconnected',
      message: expect.stringContaining('may have been done'),
    });
    await at.host.close();
    await lost;
    await expect(client.call('device.state', {})).rejects.toMatchObject({ code: 'disconnected' });
    expect(connection).toEqual([true, false]);
    expect(client.connected).toBe(false);
  });

  it('learns that its session ended with the host that gave it, and does not try for ever', async () => {
    const client = await connected();
    await at.host.close();
    const next = await startBrowserHost({ core: at.core, rendererFolder: at.folder, port: at.port });
    await vi.waitFor(
      async () => {
        await expect(client.call('device.state', {})).rejects.toMatchObject({ code: 'not-permitted' });
      },
      { timeout: 5000 },
    );
    await pause(50);
    expect(client.connected).toBe(false);
    await next.close();
  });

  it('mends a broken socket by itself', async () => {
    const client = await connected();
    const connection: boolean[] = [];
    client.onConnection((is) => connection.push(is));
    // Not a window's work, so the host closes the socket; the session is still good.
    await Promise.allSettled(Array.from({ length: 70 }, () => client.call('sync.now', {})));
    await vi.waitFor(() => expect(connection).toEqual([true, false, true]), { timeout: 5000 });
    await expect(client.call('device.state', {})).resolves.toMatchObject({ state: 'locked' });
  });
});

describe('in Electron', () => {
  it('takes the port that the preload script hands over, and no other message', async () => {
    vi.resetModules();
    open('http://latchkey/');
    Object.assign(page.location, { protocol: 'app:', origin: 'app://latchkey' });
    const { connect: connectByPort } = await import('../../src-renderer/client/client.ts');
    const client = connectByPort();
    hand('foreign', 'app://latchkey');
    hand('latchkey-port', 'https://evil.example');
    const port = hand('latchkey-port', 'app://latchkey');
    port.onmessage = ({ data }) => port.postMessage({ id: data.id, ok: true, value: data.call });
    await expect((await client).call('device.state', {})).resolves.toBe('device.state');

    const lost = expect((await client).call('sync.now', {})).rejects.toMatchObject({ code: 'disconnected' });
    port.onmessage = null;
    const restarted = hand('latchkey-port', 'app://latchkey');
    restarted.onmessage = ({ data }) => restarted.postMessage({ id: data.id, ok: true, value: 'again' });
    await lost;
    await expect((await client).call('device.state', {})).resolves.toBe('again');
    restarted.close();
    await vi.waitFor(async () => expect((await client).connected).toBe(false));
  });
});

function hand(data: string, origin: string): MessagePort {
  const { port1, port2 } = new MessageChannel();
  page.dispatchEvent(Object.assign(new Event('message'), { data, origin, source: page, ports: [port2] }));
  return port1;
}
