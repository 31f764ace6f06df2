import type { Socket } from 'node:net';
import type pg from 'pg';

/** How long a device waits for central before it says what is the matter. */
export interface Patience {
  /** For a connection, TLS and the login included. */
  connectMilliseconds: number;
  /** Without a single byte while a query is under way; then central is asked over another connection. */
  silenceMilliseconds: number;
}

export const ordinaryPatience: Patience = { connectMilliseconds: 8_000, silenceMilliseconds: 8_000 };

const looksPerSilence = 8;
const goodbyeMilliseconds = 500;

/** Parts of pg's client that its types leave out. */
interface Insides {
  connection: { stream: Socket };
  processID: number;
  _getActiveQuery(): unknown;
}

/**
 * Cuts a connection whose query gets no answer. Silence alone proves nothing: central may be at work on a large table, and a
 * deadline for the whole query would break off a first copy over a slow wire for ever. So `verdict` finds out.
 *
 * Silence is counted in looks rather than by the clock: neither a sleeping laptop nor this thread's own work may count as central's.
 */
export function watchWire(client: pg.Client, patience: Patience, verdict: () => Promise<Error | null>): void {
  let heard = 0;
  let silentLooks = 0;
  let asking = false;
  const look = async () => {
    const { bytesRead } = stream(client);
    if (!insides(client)._getActiveQuery() || bytesRead !== heard) {
      heard = bytesRead;
      silentLooks = 0;
      return;
    }
    silentLooks += 1;
    if (asking || silentLooks < looksPerSilence) return;
    asking = true;
    const error = await verdict();
    asking = false;
    silentLooks = 0;
    if (error && stream(client).bytesRead === heard) cutWire(client, error);
  };
  const timer = setInterval(() => void look(), patience.silenceMilliseconds / looksPerSilence);
  timer.unref();
  client.once('end', () => clearInterval(timer));
}

/** Ends a connection at once, whatever is under way on it; queries fail with `reason`. */
export function cutWire(client: pg.Client, reason?: Error): void {
  stream(client).destroy(reason);
}

/** Says goodbye, and does not wait for an answer that may never come. */
export async function disconnect(client: pg.Client): Promise<void> {
  const impatience = setTimeout(() => cutWire(client), goodbyeMilliseconds);
  await client.end().catch(() => {});
  clearTimeout(impatience);
}

/** The process at central that serves this connection. */
export function backendOf(client: pg.Client): number {
  return insides(client).processID;
}

function stream(client: pg.Client): Socket {
  return insides(client).connection.stream;
}

function insides(client: pg.Client): Insides {
  return client as unknown as Insides;
}
