import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';

/** An enrollment file of 256 KiB, escaped as JSON, is the longest thing that anybody has to say. */
export const longestRequestBytes = 1_048_576;
/** A page of 1,000 rows is the longest answer. */
export const longestAnswerBytes = 67_108_864;

/**
 * Reads newline-delimited JSON from a socket. `unreadable` hears of lines that are no JSON; a line that grows beyond
 * the limit ends the connection, since what follows cannot be told apart any more.
 */
export function readLines(
  socket: Socket,
  limitBytes: number,
  to: { received(message: unknown): void; unreadable(): void },
): void {
  const decoder = new StringDecoder('utf8');
  let parts: string[] = [];
  let partsLength = 0;

  socket.on('data', (chunk: Buffer) => {
    let rest = decoder.write(chunk);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = parts.join('') + rest.slice(0, end);
      parts = [];
      partsLength = 0;
      rest = rest.slice(end + 1);
      if (line.length > limitBytes) return void socket.destroy();
      deliver(line, to);
      if (socket.destroyed) return;
    }
    parts.push(rest);
    partsLength += rest.length;
    if (partsLength > limitBytes) socket.destroy();
  });
}

export function writeLine(socket: Socket, message: unknown): void {
  if (!socket.writable) return;
  socket.write(`${JSON.stringify(message)}\n`);
}

function deliver(line: string, to: { received(message: unknown): void; unreadable(): void }): void {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    to.unreadable();
    return;
  }
  to.received(message);
}
