import { LatchkeyError } from '../../src-main/contract/errors.ts';
import type { HostMessage, LatchkeyEvent, ResponseMessage } from '../../src-main/contract/events.ts';
import type { CallName, Input, Output } from '../../src-main/contract/index.ts';
import type { Client } from './client.ts';
import { disconnected } from './disconnected.ts';
import type { Transport } from './transport.ts';

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: LatchkeyError): void;
}

/** Speaks the contract over a transport: matches answers to calls and hands events on. */
export function converse(transport: Transport): Promise<Client> {
  const { promise, resolve, reject } = Promise.withResolvers<Client>();
  const conversation = new Conversation(transport);
  transport.start({
    opened() {
      conversation.opened();
      resolve(conversation);
    },
    received: (message) => conversation.received(message),
    closed(final) {
      conversation.closed(final);
      if (final) reject(final);
    },
  });
  return promise;
}

class Conversation implements Client {
  connected = false;
  private readonly transport: Transport;
  private readonly pending = new Map<number, PendingCall>();
  private readonly eventListeners = new Set<(event: LatchkeyEvent) => void>();
  private readonly connectionListeners = new Set<(connected: boolean) => void>();
  private lastId = 0;
  private final: LatchkeyError | undefined;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  call<Name extends CallName>(name: Name, input: Input<Name>): Promise<Output<Name>> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = ++this.lastId;
    this.pending.set(id, { resolve, reject });
    if (!this.transport.send({ id, call: name, input })) {
      this.pending.delete(id);
      reject(this.final ?? notConnected());
    }
    // The host validates against the same contract, so an answer to this call is this call's output.
    return promise as Promise<Output<Name>>;
  }

  subscribe(listener: (event: LatchkeyEvent) => void): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.connectionListeners.add(listener);
    listener(this.connected);
    return () => this.connectionListeners.delete(listener);
  }

  close(): void {
    this.transport.close();
    this.closed(disconnected('This window has closed its connection to Latchkey.'));
  }

  opened(): void {
    this.tell(true);
  }

  received(message: HostMessage): void {
    if ('event' in message) for (const listener of this.eventListeners) listener(message.event);
    else this.answered(message);
  }

  closed(final?: LatchkeyError): void {
    this.final ??= final;
    const calls = [...this.pending.values()];
    this.pending.clear();
    for (const call of calls) call.reject(connectionLost());
    this.tell(false);
  }

  private answered(response: ResponseMessage): void {
    const call = this.pending.get(response.id);
    if (!call) return;
    this.pending.delete(response.id);
    if (response.ok) call.resolve(response.value);
    else call.reject(LatchkeyError.fromShape(response.error));
  }

  private tell(connected: boolean): void {
    if (this.connected === connected) return;
    this.connected = connected;
    for (const listener of this.connectionListeners) listener(connected);
  }
}

function notConnected(): LatchkeyError {
  return disconnected(
    'There is no connection to Latchkey at the moment, so this was not sent. It is being tried again.',
  );
}

function connectionLost(): LatchkeyError {
  return disconnected(
    'The connection to Latchkey was lost before it answered. What you asked for may have been done: look before you ask again.',
  );
}
