import type { IncomingMessage } from 'node:http';

/** The body as text; null where it is longer than the limit, without reading the rest. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) return null;
  const chunks: Buffer[] = [];
  let length = 0;
  // Not `for await`, which would destroy the request, and its answer with it, on leaving early.
  const { promise, resolve, reject } = Promise.withResolvers<string | null>();
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > limitBytes) {
      request.pause();
      resolve(null);
    } else chunks.push(chunk);
  });
  request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  request.once('error', reject);
  request.once('close', () => resolve(null));
  return promise;
}
