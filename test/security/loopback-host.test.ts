import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Route, routes } from '../../src-main/hosts/browser/routes.ts';
import { type Loopback, openLoopback, socketStatus, tokenOf } from '../fixtures/loopback.ts';

let at: Loopback;

beforeEach(async () => {
  at = await openLoopback();
});

afterEach(() => at.close());

/** The address of a route as a request would spell it. */
function pathOf(route: Route): string {
  return route.path === '/assets/*' ? '/assets/main-1.js' : route.path;
}

const everyRoute = routes.map((route) => ({ route, name: `${route.method} ${route.path}` }));

describe('without a token', () => {
  it.each(everyRoute)('$name gives away nothing', async ({ route }) => {
    const answer = await at.raw([
      `${route.method} ${pathOf(route)} HTTP/1.1`,
      `Host: ${at.authority}`,
      `Origin: ${at.own}`,
    ]);
    // The page and its scripts are the same for everybody; that they hold no data is what makes them public.
    if (route.access === 'public')
      expect([route.path, answer.status]).toEqual([expect.stringMatching(/^\/(assets\/\*)?$/), 200]);
    else expect([401, 415]).toContain(answer.status);
    expect(at.core.asked).toEqual([]);
  });

  it('a socket is refused: with no session, a made-up one, and in places where a secret would be seen', async () => {
    const session = await at.beginSession();
    const url = `ws://${at.authority}/socket`;
    for (const protocols of [[], ['latchkey'], ['latchkey', 'session.'], ['latchkey', `session.${'A'.repeat(43)}`]])
      expect(await socketStatus(url, protocols, { origin: at.own })).toBe(401);
    expect(await socketStatus(url, [`session.${session}`], { origin: at.own })).toBe(401);
    expect(await socketStatus(url, ['other', `session.${session}`], { origin: at.own })).toBe(401);
    expect(await socketStatus(`${url}?session=${session}`, ['latchkey'], { origin: at.own })).toBe(401);
    expect(await socketStatus(url, ['latchkey'], { origin: at.own, headers: { cookie: `session=${session}` } })).toBe(
      401,
    );
    expect(await socketStatus(url, ['latchkey', `session.${session}`], { origin: at.own })).toBe(101);
  });

  it.each(['GET /socket', 'GET /unknown', 'DELETE /socket', 'POST /unknown', 'OPTIONS /unknown', 'PUT /socket'])(
    '%s is refused before it is known whether there is such a thing',
    async (line) => {
      const answer = await at.raw([`${line} HTTP/1.1`, `Host: ${at.authority}`, `Origin: ${at.own}`]);
      expect(answer.status).toBe(401);
    },
  );

  it('with one, what is not there is not there', async () => {
    const secret = `latchkey-session: ${await at.beginSession()}`;
    expect((await at.get('/unknown', [secret])).status).toBe(404);
    expect((await at.get('/socket', [secret])).status).toBe(426);
    expect((await at.get('/session', [secret])).status).toBe(204);
  });
});

describe('from elsewhere', () => {
  it.each(everyRoute)('$name is refused under a foreign Host', async ({ route }) => {
    const foreign = [
      'evil.example',
      `evil.example:${at.port}`,
      `localhost:${at.port}`,
      '127.0.0.1',
      `127.0.0.1:${at.port}.`,
      '',
    ];
    for (const name of foreign) {
      const answer = await at.raw([`${route.method} ${pathOf(route)} HTTP/1.1`, `Host: ${name}`, `Origin: ${at.own}`]);
      expect(answer.status).toBe(403);
    }
    const twice = await at.raw([
      `${route.method} ${pathOf(route)} HTTP/1.1`,
      `Host: ${at.authority}`,
      'Host: evil.example',
    ]);
    expect([400, 403]).toContain(twice.status);
    expect((await at.raw([`${route.method} ${pathOf(route)} HTTP/1.1`])).status).toBe(400);
    expect((await at.raw([`${route.method} ${pathOf(route)} HTTP/1.0`])).status).toBe(403);
  });

  it.each(everyRoute)('$name is refused under a foreign Origin', async ({ route }) => {
    for (const origin of [
      'http://evil.example',
      'null',
      `http://localhost:${at.port}`,
      `https://${at.authority}`,
      `${at.own}/`,
    ]) {
      const answer = await at.raw([
        `${route.method} ${pathOf(route)} HTTP/1.1`,
        `Host: ${at.authority}`,
        `Origin: ${origin}`,
      ]);
      expect(answer.status).toBe(403);
    }
  });

  it.each(everyRoute)('$name is refused when another site asks', async ({ route }) => {
    for (const site of ['cross-site', 'same-site', 'nonsense']) {
      const lines = [`${route.method} ${pathOf(route)} HTTP/1.1`, `Host: ${at.authority}`, `Origin: ${at.own}`];
      expect((await at.raw([...lines, `Sec-Fetch-Site: ${site}`, 'Sec-Fetch-Mode: cors'])).status).toBe(403);
      const framed = [...lines, `Sec-Fetch-Site: ${site}`, 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe'];
      expect((await at.raw(framed)).status).toBe(403);
    }
  });

  it('a link to the empty page may be followed, and to nothing else: the redirect file is such a link', async () => {
    const followed = ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'];
    expect((await at.get('/', followed)).status).toBe(200);
    for (const path of ['/assets/main-1.js', '/session', '/socket', '/?a=b#', '//'])
      expect((await at.get(path, followed)).status).toBe(path.startsWith('/?') ? 200 : 403);
    expect((await at.get('/', [...followed, 'Origin: http://evil.example'])).status).toBe(403);
  });

  it('a missing Origin is refused on everything but a GET', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE'])
      for (const path of ['/', '/session', '/assets/main-1.js', '/unknown'])
        expect((await at.raw([`${method} ${path} HTTP/1.1`, `Host: ${at.authority}`])).status).toBe(403);
  });

  it('a socket needs the exact Origin, and Host, though its session is right', async () => {
    const protocols = ['latchkey', `session.${await at.beginSession()}`];
    const url = `ws://${at.authority}/socket`;
    for (const origin of [undefined, 'http://evil.example', 'null', `http://localhost:${at.port}`, 'file://'])
      expect(await socketStatus(url, protocols, { origin })).toBe(403);
    expect(await socketStatus(url, protocols, { origin: at.own, headers: { host: 'evil.example' } })).toBe(403);
    const crossSite = { origin: at.own, headers: { 'sec-fetch-site': 'cross-site' } };
    expect(await socketStatus(url, protocols, crossSite)).toBe(403);
    expect(await socketStatus(`ws://${at.authority}/other`, protocols, { origin: at.own })).toBe(404);
  });

  it('a request for another server, by its full address, is no request for this one', async () => {
    expect((await at.raw(['GET http://evil.example/ HTTP/1.1', `Host: ${at.authority}`])).status).toBe(400);
    await expect(at.raw(['CONNECT evil.example:443 HTTP/1.1', `Host: ${at.authority}`])).resolves.toMatchObject({
      status: 0,
    });
  });
});

describe('what is sent', () => {
  it('may not be long: a declared length, or one that only shows', async () => {
    const long = JSON.stringify({ token: 'x'.repeat(5000) });
    expect((await at.post(long)).status).toBe(413);
    const chunks = `1388\r\n${'x'.repeat(5000)}\r\n0\r\n\r\n`;
    const lines = [
      'POST /session HTTP/1.1',
      `Host: ${at.authority}`,
      `Origin: ${at.own}`,
      'Content-Type: application/json',
    ];
    expect((await at.raw([...lines, 'Transfer-Encoding: chunked'], chunks)).status).toBe(413);
  });

  it('may not have endless headers', async () => {
    const answer = await at
      .raw(['GET / HTTP/1.1', `Host: ${at.authority}`, `X-Long: ${'x'.repeat(20_000)}`])
      .catch(() => null);
    expect(answer?.status ?? 0).not.toBe(200);
  });

  it('may not come by the drop: a request that does not end is cut off', async () => {
    const socket = connect(at.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write(`GET / HTTP/1.1\r\nHost: ${at.authority}\r\n`);
    await once(socket, 'close');
  }, 15_000);

  it.each([
    '/assets/../private.js',
    '/assets/%2e%2e/private.js',
    '/assets/..%2fprivate.js',
    '/assets/..\\private.js',
    '/assets//main-1.js',
    '/assets/./main-1.js',
    '/assets/main-1.js%00',
    '/assets/link.js',
    '/assets/main-1.js.map',
    '/assets/',
    '/assets/constructor',
  ])('%s is no file', async (path) => {
    const answer = await at.get(path);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('secret');
  });

  it.each(['/private.js', '/index.html', '/../secret.js', '//assets/main-1.js', '/assets'])(
    '%s is nothing without a session',
    async (path) => {
      expect((await at.get(path)).status).toBe(401);
    },
  );

  it('cannot change anything by a GET, and no other method but the one is known', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD'])
      for (const path of ['/', '/assets/main-1.js']) {
        const answer = await at.raw([`${method} ${path} HTTP/1.1`, `Host: ${at.authority}`, `Origin: ${at.own}`]);
        expect([answer.status, answer.headers.allow]).toEqual([405, 'GET']);
      }
    await at.get(`/session?token=${tokenOf(at.host.url)}`);
    await at.get(`/?token=${tokenOf(at.host.url)}`);
    expect((await at.redeem(tokenOf(at.host.url))).status).toBe(200);
    expect(at.core.asked).toEqual([]);
  });
});
