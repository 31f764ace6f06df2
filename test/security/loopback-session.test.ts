import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { launchTokenLifeMilliseconds } from '../../src-main/hosts/browser/host.ts';
import { fakePassphrase } from '../fixtures/fake-core.ts';
import { ask, type Loopback, nextMessage, openLoopback, socketStatus, tokenOf } from '../fixtures/loopback.ts';

let at: Loopback;

beforeEach(async () => {
  at = await openLoopback();
});

afterEach(() => at.close());

describe('a launch token', () => {
  it('is 32 bytes in the fragment, which no browser sends', () => {
    const { pathname, search, hash } = new URL(at.host.url);
    expect([pathname, search]).toEqual(['/', '']);
    expect(Buffer.from(tokenOf(at.host.url), 'base64url')).toHaveLength(32);
    expect(hash).toBe(`#token=${tokenOf(at.host.url)}`);
    expect(at.host.mintLink()).not.toBe(at.host.url);
  });

  it('works once', async () => {
    expect((await at.redeem(tokenOf(at.host.url))).status).toBe(200);
    expect((await at.redeem(tokenOf(at.host.url))).status).toBe(401);
  });

  it('works for one alone of two that come at once', async () => {
    const answers = await Promise.all([at.redeem(tokenOf(at.host.url)), at.redeem(tokenOf(at.host.url))]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 401]);
  });

  it('is too old after 60 seconds', async () => {
    at.pass(launchTokenLifeMilliseconds);
    expect((await at.redeem(tokenOf(at.host.url))).status).toBe(401);
    const fresh = tokenOf(at.host.mintLink());
    at.pass(launchTokenLifeMilliseconds - 1);
    expect((await at.redeem(fresh)).status).toBe(200);
  });

  it.each(['', 'A'.repeat(43), '__proto__'])('is not %o', async (token) => {
    expect((await at.redeem(token)).status).toBe(401);
  });

  it.each(['', 'not json', '[]', 'null', '{"token":1}', '{"token":{"length":43}}'])(
    'is not in the body %o',
    async (body) => {
      expect((await at.post(body)).status).toBe(401);
    },
  );

  it('is not taken from a form, which any page could send', async () => {
    const body = JSON.stringify({ token: tokenOf(at.host.url) });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-8'])
      expect((await at.post(body, [`Content-Type: ${type}`])).status).toBe(415);
    expect((await at.redeem(tokenOf(at.host.url))).status).toBe(200);
  });

  it('is not a session, nor a session a launch token', async () => {
    expect((await at.get('/session', [`latchkey-session: ${tokenOf(at.host.url)}`])).status).toBe(401);
    expect((await at.redeem(await at.beginSession())).status).toBe(401);
  });

  it('is not guessed after a hundred others were asked for: the newest few are kept', async () => {
    const links = Array.from({ length: 100 }, () => at.host.mintLink());
    expect((await at.redeem(tokenOf(links[0]!))).status).toBe(401);
    expect((await at.redeem(tokenOf(links[99]!))).status).toBe(200);
  });
});

describe('a window’s socket', () => {
  it('asks, is answered and hears, each error as a shape', async () => {
    const socket = await at.openSocket();
    expect(socket.protocol).toBe('latchkey');
    expect(await ask(socket, 1, 'device.state', {})).toEqual({
      id: 1,
      ok: true,
      value: { state: 'locked', version: '0.0.0' },
    });
    expect(await ask(socket, 2, 'people.list', {})).toMatchObject({ id: 2, ok: false, error: { code: 'locked' } });
    expect(await ask(socket, 3, 'sql.run', {})).toMatchObject({ id: 3, ok: false, error: { code: 'unknown-call' } });

    const other = await at.openSocket();
    const heard = nextMessage(other, (message) => 'event' in message);
    await ask(socket, 4, 'device.unlock', { passphrase: fakePassphrase });
    expect(await heard).toMatchObject({ event: { type: 'device', device: { state: 'unlocked' } } });
  });

  it('is told what is malformed, and is closed when it goes on', async () => {
    const socket = await at.openSocket();
    const closed = once(socket, 'close');
    const told = nextMessage(socket, (message) => 'id' in message && message.id === 9);
    socket.send(JSON.stringify({ id: 9, call: 'device.state', input: {}, extra: 1 }));
    expect(await told).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
    for (const bad of ['nonsense', '[]', 'null', '{"id":-1,"call":"device.state"}', '{"id":1,"call":2}'])
      socket.send(bad);
    expect((await closed)[0]).toBe(1008);
    expect(at.core.asked).toEqual([]);
  });

  it.each([
    ['a binary message', 1003, (socket: WebSocket) => socket.send(Buffer.from('{}'))],
    ['a message beyond 1 MiB', 1009, (socket: WebSocket) => socket.send('x'.repeat(1_100_000))],
    ['more calls at once than a window has', 1008, (socket: WebSocket) => flood(socket, 'sync.now', 70)],
    ['more calls a second than a person makes', 1008, (socket: WebSocket) => flood(socket, 'device.state', 400)],
  ])('is closed after %s', async (_what, code, abuse) => {
    const socket = await at.openSocket();
    const closed = once(socket, 'close');
    abuse(socket);
    expect((await closed)[0]).toBe(code);
  });

  it('is one of 16 at most', async () => {
    for (let count = 0; count < 16; count += 1) await at.openSocket();
    const protocols = ['latchkey', `session.${await at.beginSession()}`];
    expect(await socketStatus(`ws://${at.authority}/socket`, protocols, { origin: at.own })).toBe(503);
  });

  it('is closed with the host, whose core stays open for whoever opened it', async () => {
    const socket = await at.openSocket();
    const closed = once(socket, 'close');
    await at.host.close();
    await closed;
    await expect(at.raw(['GET / HTTP/1.1', `Host: ${at.authority}`])).rejects.toThrow('ECONNREFUSED');
    expect(at.core.closed).toBe(false);
  });
});

function flood(socket: WebSocket, call: string, count: number): void {
  for (let id = 1; id <= count; id += 1) socket.send(JSON.stringify({ id, call, input: {} }));
}
