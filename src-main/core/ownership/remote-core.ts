import { connect, type Socket } from 'node:net';
import { LatchkeyError } from '../../contract/errors.ts';
import type { HostMessage, LatchkeyEvent } from '../../contract/events.ts';
import type { CallName, Input, Output } from '../../contract/index.ts';
import type { Core } from '../core.ts';
import { longestAnswerBytes, readLines, writeLine } from './lines.ts';

/** The core of another process, over its socket; null where nobody answers there. */
export async function openRemoteCore(address: string): Promise<Core | null> {
  const socket = await reach(address);
  return socket && remoteCore(socket);
}

function reach(address: string): Promise<Socket | null> {
  const { promise, resolve } = Promise.withResolvers<Socket | null>();
  const socket = connect(address);
  socket.once('connect', () => resolve(socket));
  // A later error is always followed by `close`, which is where the connection is given up.
  socket.on('error', () => resolve(null));
  return promise;
}

function remoteCore(socket: Socket): Core {
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  const listeners = new Set<(event: LatchkeyEvent) => void>();
  let lastId = 0;

  readLines(socket, longestAnswerBytes, {
    received(line) {
      const message = line as HostMessage;
      if ('event' in message) for (const listener of listeners) listener(message.event);
      else settle(message);
    },
    unreadable: () => socket.destroy(),
  });
  socket.once('close', () => {
    for (const call of pending.values()) call.reject(gone());
    pending.clear();
  });

  function settle(response: Exclude<HostMessage, { event: LatchkeyEvent }>): void {
    const call = pending.get(response.id);
    pending.delete(response.id);
    if (response.ok) call?.resolve(response.value);
    else call?.reject(LatchkeyError.fromShape(response.error));
  }

  function handle(name: unknown, input: unknown): Promise<unknown> {
    if (!socket.writable) return Promise.reject(gone());
    const call = Promise.withResolvers<unknown>();
    const id = ++lastId;
    pending.set(id, call);
    writeLine(socket, { id, call: name, input });
    return call.promise;
  }

  return {
    // The owner validates by the same contract, so its answer to this call is this call's output.
    call: <Name extends CallName>(name: Name, input: Input<Name>) => handle(name, input) as Promise<Output<Name>>,
    handle,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      if (socket.closed) return;
      const closed = Promise.withResolvers<void>();
      socket.once('close', () => closed.resolve());
      socket.end();
      await closed.promise;
    },
  };
}

function gone(): LatchkeyError {
  return new LatchkeyError(
    'disconnected',
    'The process that has this data folder open ended before it answered. What was asked for may have been done: look before you ask again.',
  );
}
