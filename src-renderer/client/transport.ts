import type { LatchkeyError } from '../../src-main/contract/errors.ts';
import type { HostMessage, RequestMessage } from '../../src-main/contract/events.ts';

/** A road for messages between this window and its host, which may break and mend. */
export interface Transport {
  /** Begins to connect, and tells the listener from then on. Called once. */
  start(listener: TransportListener): void;
  /** False where the message could not be handed over, because there is no connection now. */
  send(request: RequestMessage): boolean;
  close(): void;
}

export interface TransportListener {
  opened(): void;
  received(message: HostMessage): void;
  /** `final` says why no further attempt will be made; without it the transport goes on trying. */
  closed(final?: LatchkeyError): void;
}
