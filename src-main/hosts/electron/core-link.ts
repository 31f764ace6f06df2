import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import { type ErrorShape, toErrorShape } from '../../contract/errors.ts';
import type { SecretStore } from '../../core/ports.ts';
import type { FromCore, SecretAnswer, SecretQuestion, ToCore } from './messages.ts';
import { RestartBudget } from './restart-budget.ts';

export interface CoreLinkOptions {
  /** The built entry of the core process. */
  entry: string;
  dataFolder: string;
  secretStore: SecretStore | null;
  /** The core crashed and runs again, locked; windows need new ports. */
  onRestart(): void;
  /** It could not open, or crashed too often: there will be no other. */
  onGone(error: ErrorShape): void;
}

export interface CoreLink {
  /** Gives the core one end of a window's port. */
  connect(port: MessagePortMain): void;
  /** Resolves when the mirror is closed and its keys are forgotten. */
  lock(): Promise<void>;
  /** Lets the core end what is under way and give its folder free. */
  close(): Promise<void>;
}

const restartsLimit = 3;
const restartSpanMilliseconds = 5 * 60_000;
const closeMilliseconds = 10_000;

/** Runs the core in a process of its own, so that neither can take the other down or read its memory. */
export function startCore(options: CoreLinkOptions): CoreLink {
  const budget = new RestartBudget(restartsLimit, restartSpanMilliseconds);
  const locks = new Map<number, () => void>();
  let lastLock = 0;
  let child: UtilityProcess | null = null;
  let ending = false;
  let exited = Promise.withResolvers<void>();

  function tell(message: ToCore, ports: MessagePortMain[] = []): void {
    child?.postMessage(message, ports);
  }

  function launch(): void {
    const process = utilityProcess.fork(options.entry, [], { serviceName: 'Latchkey core', stdio: 'inherit' });
    child = process;
    exited = Promise.withResolvers();
    process.on('message', (message: FromCore) => hear(message));
    process.on('exit', () => onExit(process));
    tell({ type: 'open', dataFolder: options.dataFolder, secretStore: options.secretStore !== null });
  }

  function hear(message: FromCore): void {
    switch (message.type) {
      case 'secret':
        void askStore(options.secretStore, message).then(tell);
        break;
      case 'locked':
        locks.get(message.id)?.();
        locks.delete(message.id);
        break;
      case 'failed':
        ending = true;
        options.onGone(message.error);
        break;
      case 'opened':
      case 'closed':
        break;
    }
  }

  function onExit(process: UtilityProcess): void {
    if (child !== process) return;
    child = null;
    // A process that is gone holds no key any more.
    for (const locked of locks.values()) locked();
    locks.clear();
    exited.resolve();
    if (ending) return;
    if (!budget.spend(performance.now())) {
      ending = true;
      options.onGone(crashedTooOften);
      return;
    }
    launch();
    options.onRestart();
  }

  launch();
  return {
    connect: (port) => tell({ type: 'window' }, [port]),
    async lock() {
      if (!child) return;
      const id = ++lastLock;
      const { promise, resolve } = Promise.withResolvers<void>();
      locks.set(id, resolve);
      tell({ type: 'lock', id });
      await promise;
    },
    async close() {
      ending = true;
      if (!child) return;
      tell({ type: 'close' });
      // What hangs is ended: the mirror survives that, as it would survive a power cut.
      const patience = setTimeout(() => child?.kill(), closeMilliseconds);
      await exited.promise;
      clearTimeout(patience);
    },
  };
}

async function askStore(store: SecretStore | null, question: SecretQuestion): Promise<SecretAnswer> {
  const { id, name } = question;
  try {
    if (!store) throw new Error('This system has no secret store that encrypts.');
    if (question.operation === 'read') return { type: 'secret', id, ok: true, value: await store.read(name) };
    if (question.operation === 'write') await store.write(name, question.value);
    else await store.remove(name);
    return { type: 'secret', id, ok: true, value: null };
  } catch (error) {
    return { type: 'secret', id, ok: false, message: toErrorShape(error).message };
  }
}

const crashedTooOften: ErrorShape = {
  code: 'internal',
  message:
    'The part of Latchkey that holds the data ended several times in a row, so it was not started again. What was saved before is kept. Start Latchkey again.',
};
