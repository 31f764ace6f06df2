import type { MessagePortMain, ParentPort } from 'electron';
import { toErrorShape } from '../../contract/errors.ts';
import { converse } from '../../core/conversation.ts';
import type { Core } from '../../core/core.ts';
import type { OpenOptions } from '../../core/open.ts';
import type { FromCore, ToCore } from './messages.ts';
import { type RemoteSecretStore, remoteSecretStore } from './remote-secret-store.ts';

/** Opens the core when main says so, and serves main and the windows until it is told to close. */
export function serveCore(
  parent: ParentPort,
  open: (options: OpenOptions) => Promise<Core>,
  exit: (code: number) => void = process.exit,
): void {
  const tell = (message: FromCore) => parent.postMessage(message);
  const secretStore: RemoteSecretStore = remoteSecretStore(tell);
  const opened = Promise.withResolvers<Core>();

  async function begin(dataFolder: string, withSecrets: boolean): Promise<void> {
    const ports = { secretStore: withSecrets ? secretStore : null, clock: Date.now };
    try {
      opened.resolve(await open({ dataFolder, ports, background: true }));
      tell({ type: 'opened' });
    } catch (error) {
      tell({ type: 'failed', error: toErrorShape(error) });
      exit(1);
    }
  }

  async function lock(id: number): Promise<void> {
    const core = await opened.promise;
    // A device that has not joined anything has nothing to lock, and says so.
    await core.call('device.lock', {}).catch(() => undefined);
    tell({ type: 'locked', id });
  }

  async function close(): Promise<void> {
    const core = await opened.promise;
    await core.close();
    tell({ type: 'closed' });
    exit(0);
  }

  parent.on('message', ({ data, ports }) => {
    const message = data as ToCore;
    switch (message.type) {
      case 'open':
        void begin(message.dataFolder, message.secretStore);
        break;
      case 'window':
        if (ports[0]) void servePort(opened.promise, ports[0]);
        break;
      case 'lock':
        void lock(message.id);
        break;
      case 'close':
        void close();
        break;
      case 'secret':
        secretStore.answered(message);
        break;
    }
  });
}

/** Messages wait in the port until the core is open. */
async function servePort(opened: Promise<Core>, port: MessagePortMain): Promise<void> {
  const conversation = converse(await opened, {
    send: (message) => port.postMessage(message),
    dismiss: () => port.close(),
  });
  port.on('message', ({ data }) => conversation.received(data));
  port.on('close', () => conversation.ended());
  port.start();
}
