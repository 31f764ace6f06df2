import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { MessagePortMain, ParentPort } from 'electron';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LatchkeyError } from '../../src-main/contract/errors.ts';
import type { OpenOptions } from '../../src-main/core/open.ts';
import type { SecretStore } from '../../src-main/core/ports.ts';
import type { FromCore, ToCore } from '../../src-main/hosts/electron/messages.ts';
import { type ElectronStub, type StubChild, StubPort } from '../fixtures/electron-stub.ts';
import { type FakeCore, fakeCore } from '../fixtures/fake-core.ts';

vi.mock('electron', async () => (await import('../fixtures/electron-stub.ts')).electronStub());

const electron = (await import('electron')) as unknown as ElectronStub;
const { startCore } = await import('../../src-main/hosts/electron/core-link.ts');
const { serveCore } = await import('../../src-main/hosts/electron/core-side.ts');

describe('main’s side of the core', () => {
  const onRestart = vi.fn();
  const onGone = vi.fn();

  beforeEach(() => {
    electron.children.length = 0;
    onRestart.mockClear();
    onGone.mockClear();
  });

  function start(secretStore: SecretStore | null = null) {
    return startCore({ entry: '/out/main/core-process.js', dataFolder: '/data', secretStore, onRestart, onGone });
  }
  const child = (): StubChild => electron.children.at(-1)!;

  it('forks the core’s process and tells it what to open', () => {
    start();
    expect(electron.utilityProcess.fork).toHaveBeenCalledWith('/out/main/core-process.js', [], expect.anything());
    expect(child().sent).toEqual([{ message: { type: 'open', dataFolder: '/data', secretStore: false }, ports: [] }]);
  });

  it('hands on a window’s port', () => {
    const port = new StubPort();
    start().connect(port as unknown as MessagePortMain);
    expect(child().sent[1]).toEqual({ message: { type: 'window' }, ports: [port] });
  });

  it('locks, and knows when it is done', async () => {
    const locked = start().lock();
    const done = vi.fn();
    void locked.then(done);
    await turn();
    expect(done).not.toHaveBeenCalled();
    child().emit('message', { type: 'locked', id: child().sent[1]!.message.id });
    await locked;
  });

  it('counts a core that dies while it locks as locked: its keys are gone with it', async () => {
    const locked = start().lock();
    child().emit('exit', 1);
    await locked;
  });

  it('starts a crashed core again, three times in five minutes and no more', () => {
    start();
    for (let crash = 1; crash <= 3; crash += 1) child().emit('exit', 1);
    expect(electron.children).toHaveLength(4);
    expect(onRestart).toHaveBeenCalledTimes(3);
    expect(child().types()).toEqual(['open']);

    child().emit('exit', 1);
    expect(electron.children).toHaveLength(4);
    expect(onGone).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'internal' }));
  });

  it('does not try again what could not open, and says why', () => {
    start();
    const error = new LatchkeyError('folder-in-use', 'The data folder is open in process 4711.').toShape();
    child().emit('message', { type: 'failed', error });
    child().emit('exit', 1);
    expect(onGone).toHaveBeenCalledExactlyOnceWith(error);
    expect(electron.children).toHaveLength(1);
  });

  it('closes, and ends a core that does not', async () => {
    vi.useFakeTimers();
    const core = start();
    const closed = core.close();
    expect(child().types()).toEqual(['open', 'close']);
    expect(child().kill).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(child().kill).toHaveBeenCalledOnce();
    await closed;
    await core.close();
    expect(onRestart).not.toHaveBeenCalled();
    vi.useRealTimers();
  });

  it('asks the system’s store for the core, and tells of its failures', async () => {
    const store: SecretStore = {
      read: async () => new Uint8Array([1]),
      write: async () => {
        throw new Error('the wallet is closed');
      },
      remove: async () => {},
    };
    start(store);
    expect(child().sent[0]!.message).toMatchObject({ secretStore: true });
    child().emit('message', { type: 'secret', id: 1, operation: 'read', name: 'key' });
    child().emit('message', { type: 'secret', id: 2, operation: 'write', name: 'key', value: new Uint8Array([2]) });
    child().emit('message', { type: 'secret', id: 3, operation: 'remove', name: 'key' });
    await turn();
    const answers = child().sent.slice(1);
    expect(answers.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        { type: 'secret', id: 1, ok: true, value: new Uint8Array([1]) },
        { type: 'secret', id: 2, ok: false, message: expect.stringContaining('the wallet is closed') },
        { type: 'secret', id: 3, ok: true, value: null },
      ]),
    );
  });
});

describe('the core’s own process', () => {
  let parent: EventEmitter & { postMessage: (message: FromCore) => void };
  let told: FromCore[];
  let core: FakeCore;
  const exit = vi.fn();

  beforeEach(() => {
    told = [];
    core = fakeCore('unlocked');
    exit.mockClear();
    parent = Object.assign(new EventEmitter(), { postMessage: (message: FromCore) => void told.push(message) });
  });

  function serve(open: (options: OpenOptions) => Promise<FakeCore> = async () => core): void {
    serveCore(parent as unknown as ParentPort, open, exit);
  }
  function tell(data: ToCore, ports: StubPort[] = []): void {
    parent.emit('message', { data, ports });
  }
  const openMessage: ToCore = { type: 'open', dataFolder: '/data', secretStore: false };

  it('opens what it is told to, with syncing in the background', async () => {
    const open = vi.fn(async () => core);
    serve(open);
    tell(openMessage);
    await turn();
    expect(open).toHaveBeenCalledWith(expect.objectContaining({ dataFolder: '/data', background: true }));
    expect(told).toEqual([{ type: 'opened' }]);
  });

  it('says why it could not, and ends', async () => {
    serve(async () => {
      throw new LatchkeyError('folder-in-use', 'In use.');
    });
    tell(openMessage);
    await turn();
    expect(told).toEqual([{ type: 'failed', error: { code: 'folder-in-use', message: 'In use.' } }]);
    expect(exit).toHaveBeenCalledWith(1);
  });

  it('answers a window over its port, which may come before the core is open', async () => {
    const port = new StubPort();
    serve();
    tell({ type: 'window' }, [port]);
    expect(port.start).not.toHaveBeenCalled();
    tell(openMessage);
    await turn();
    expect(port.start).toHaveBeenCalledOnce();

    port.emit('message', { data: { id: 1, call: 'people.list', input: {} } });
    port.emit('message', { data: { id: 2, call: 'sql.run', input: {} } });
    await turn();
    expect(port.postMessage).toHaveBeenCalledWith(expect.objectContaining({ id: 1, ok: true }));
    expect(port.postMessage).toHaveBeenCalledWith(expect.objectContaining({ id: 2, ok: false }));
  });

  it('tells every window of events until its port is closed, and closes the port of one that sends nonsense', async () => {
    const [first, second] = [new StubPort(), new StubPort()];
    serve();
    tell(openMessage);
    tell({ type: 'window' }, [first]);
    tell({ type: 'window' }, [second]);
    await turn();
    first.emit('close');
    core.tell({ type: 'changed', tables: ['users'] });
    expect(first.postMessage).not.toHaveBeenCalled();
    expect(second.postMessage).toHaveBeenCalledWith({ event: { type: 'changed', tables: ['users'] } });

    for (const data of [null, 'x', 1, {}, []]) second.emit('message', { data });
    expect(second.close).toHaveBeenCalledOnce();
  });

  it('locks when main says so, and says when it has', async () => {
    serve();
    tell(openMessage);
    tell({ type: 'lock', id: 5 });
    await turn();
    expect(core.asked).toEqual([{ name: 'device.lock', input: {} }]);
    expect(told).toContainEqual({ type: 'locked', id: 5 });
  });

  it('has nothing to lock before it has joined, and says that it is locked', async () => {
    serve(async () => Object.assign(core, { call: () => Promise.reject(new LatchkeyError('not-enrolled', 'Join.')) }));
    tell(openMessage);
    tell({ type: 'lock', id: 6 });
    await turn();
    expect(told).toContainEqual({ type: 'locked', id: 6 });
  });

  it('closes the core before it ends', async () => {
    serve();
    tell(openMessage);
    tell({ type: 'close' });
    await turn();
    expect(core.closed).toBe(true);
    expect(told.at(-1)).toEqual({ type: 'closed' });
    expect(exit).toHaveBeenCalledWith(0);
  });

  it('reaches the system’s secret store through main', async () => {
    const ports = Promise.withResolvers<OpenOptions['ports']>();
    serve(async (options) => {
      ports.resolve(options.ports);
      return core;
    });
    tell({ ...openMessage, secretStore: true } as ToCore);
    const store = (await ports.promise).secretStore!;
    const read = store.read('key');
    const write = store.write('key', new Uint8Array([9]));
    expect(told.filter((message) => message.type === 'secret')).toEqual([
      { type: 'secret', id: 1, operation: 'read', name: 'key' },
      { type: 'secret', id: 2, operation: 'write', name: 'key', value: new Uint8Array([9]) },
    ]);
    tell({ type: 'secret', id: 2, ok: false, message: 'the wallet is closed' });
    tell({ type: 'secret', id: 1, ok: true, value: new Uint8Array([9]) });
    expect(await read).toEqual(new Uint8Array([9]));
    await expect(write).rejects.toThrow('the wallet is closed');
  });
});
