import type { LatchkeyEvent } from '../contract/events.ts';
import type { CallName, Input, Output } from '../contract/index.ts';

/** The product, as its hosts see it: one data folder, open in this process or in the process that owns it. */
export interface Core {
  /** Validates, dispatches and answers one request. Rejects with LatchkeyError alone. */
  call<Name extends CallName>(name: Name, input: Input<Name>): Promise<Output<Name>>;
  /** For requests that come from outside: name and input are not trusted. */
  handle(name: unknown, input: unknown): Promise<unknown>;
  subscribe(listener: (event: LatchkeyEvent) => void): () => void;
  /** Lets what is under way end, closes the mirror, forgets the keys, gives the data folder free. */
  close(): Promise<void>;
}
