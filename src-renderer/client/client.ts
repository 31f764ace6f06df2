import type { LatchkeyEvent } from '../../src-main/contract/events.ts';
import type { CallName, Input, Output } from '../../src-main/contract/index.ts';
import { converse } from './conversation.ts';
import { forgetOnLock } from './forget-on-lock.ts';
import { portTransport } from './port-transport.ts';
import { obtainSession } from './session.ts';
import { socketTransport } from './socket-transport.ts';

/** The window's one way to its host. It is the same in Electron and in a browser. */
export interface Client {
  /**
   * Asks the host. Rejects with LatchkeyError alone: with the host's own error, or with words about a lost connection.
   * While there is no connection it rejects at once; nothing is kept back to be sent later, behind the operator's back.
   */
  call<Name extends CallName>(name: Name, input: Input<Name>): Promise<Output<Name>>;
  /** Hears the host's events until the returned function is called. */
  subscribe(listener: (event: LatchkeyEvent) => void): () => void;
  /** Hears at once how things stand, and then every change. After `true`, ask again for what is on the screen. */
  onConnection(listener: (connected: boolean) => void): () => void;
  readonly connected: boolean;
  close(): void;
}

/** Resolves with the first connection; rejects where this page holds no valid session and a fresh link is needed. */
export async function connect(): Promise<Client> {
  const inElectron = window.location.protocol === 'app:';
  const client = await converse(inElectron ? portTransport() : socketTransport(await obtainSession()));
  forgetOnLock(client, () => window.location.reload());
  return client;
}
