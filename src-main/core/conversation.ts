import { LatchkeyError, toErrorShape } from '../contract/errors.ts';
import type { HostMessage, RequestMessage } from '../contract/events.ts';
import type { Core } from './core.ts';

/** Whoever asks from outside: a window's socket or port, or another process. Nothing that it sends is trusted. */
export interface Peer {
  send(message: HostMessage): void;
  /** Ends the connection, because the other side does not keep to the rules. */
  dismiss(reason: string): void;
}

export interface Conversation {
  /** Takes one message of the peer, whatever it is. */
  received(message: unknown): void;
  /** A message that could not even be read. */
  unreadable(): void;
  ended(): void;
}

const pendingCallsLimit = 64;
/** A window that opens asks for a dozen things at once; more than this for seconds on end is not a person's work. */
const burstMessages = 200;
const messagesPerSecond = 50;
/** One broken message may be a mismatch of versions; many are an attempt to find something. */
const malformedLimit = 5;

/** Answers a peer's requests and tells it the core's events, within limits. */
export function converse(core: Pick<Core, 'handle' | 'subscribe'>, peer: Peer): Conversation {
  let over = false;
  let pending = 0;
  let malformed = 0;
  let allowance = burstMessages;
  let allowanceAt = performance.now();

  const unsubscribe = core.subscribe((event) => {
    if (!over) peer.send({ event });
  });

  function end(): void {
    over = true;
    unsubscribe();
  }

  function dismiss(reason: string): void {
    end();
    peer.dismiss(reason);
  }

  function withinRate(): boolean {
    const now = performance.now();
    allowance = Math.min(burstMessages, allowance + ((now - allowanceAt) * messagesPerSecond) / 1000);
    allowanceAt = now;
    if (allowance < 1) return false;
    allowance -= 1;
    return true;
  }

  function unreadable(): void {
    malformed += 1;
    if (!over && malformed >= malformedLimit) dismiss('too many malformed messages');
  }

  async function answer(request: RequestMessage): Promise<void> {
    pending += 1;
    let response: HostMessage;
    try {
      response = { id: request.id, ok: true, value: await core.handle(request.call, request.input) };
    } catch (error) {
      response = { id: request.id, ok: false, error: toErrorShape(error) };
    }
    pending -= 1;
    if (!over) peer.send(response);
  }

  return {
    received(message) {
      if (over) return;
      if (!withinRate()) return dismiss('too many messages');
      if (!isRequest(message)) {
        const id = idOf(message);
        if (id !== undefined) peer.send({ id, ok: false, error: malformedRequest.toShape() });
        return unreadable();
      }
      if (pending >= pendingCallsLimit) return dismiss('too many calls at once');
      void answer(message);
    },
    unreadable,
    ended: end,
  };
}

const malformedRequest = new LatchkeyError(
  'invalid-input',
  'A request is an object with a number `id`, the name of a `call`, and its `input`. This one was not, and nothing was done.',
);

function isRequest(message: unknown): message is RequestMessage {
  if (idOf(message) === undefined) return false;
  const { call, ...rest } = message as Record<string, unknown>;
  const known = Object.keys(rest).every((name) => name === 'id' || name === 'input');
  return known && typeof call === 'string' && call.length <= 100;
}

function idOf(message: unknown): number | undefined {
  if (typeof message !== 'object' || message === null || !('id' in message)) return undefined;
  return Number.isSafeInteger(message.id) && (message.id as number) >= 0 ? (message.id as number) : undefined;
}
