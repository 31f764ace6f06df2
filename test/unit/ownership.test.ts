import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LatchkeyEvent } from '../../src-main/contract/events.ts';
import type { Core } from '../../src-main/core/core.ts';
import { acquireOwnership, connectToOwner, type Ownership } from '../../src-main/core/ownership.ts';
import { fakeCore, fakePassphrase } from '../fixtures/fake-core.ts';

let root: string;
let folder: string;
const owned: Ownership[] = [];
const children: ChildProcess[] = [];
const connections: Core[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'latchkey-ownership-'));
  folder = join(root, 'data');
});

afterEach(async () => {
  for (const core of connections.splice(0)) await core.close();
  for (const ownership of owned.splice(0)) await ownership.release();
  for (const child of children.splice(0)) await kill(child);
  await rm(root, { recursive: true, force: true });
});

describe('a data folder has one owner', () => {
  it('is refused to a second process, which learns the number of the first', async () => {
    const owner = await ownerProcess();

    await expect(acquireOwnership(folder)).rejects.toMatchObject({
      code: 'folder-in-use',
      message: expect.stringContaining(`process ${owner.pid}`),
      details: { pid: owner.pid },
    });
  });

  it('is refused to a second owner in the same process, and the first goes on owning it', async () => {
    await own();
    await expect(acquireOwnership(folder)).rejects.toMatchObject({ code: 'folder-in-use' });

    await expect(inAnotherProcess()).resolves.toContain('folder-in-use');
  });

  it('is free again after a release', async () => {
    await (await own()).release();
    await own();
  });

  it('is taken over from an owner that was killed, and nobody answers in between', async () => {
    await kill(await ownerProcess());
    expect(await readdir(folder)).toContain('owner.json');

    expect(await connectToOwner(folder)).toBeNull();
    await own();
  });

  it('is taken over by one alone of many that try at once', async () => {
    await kill(await ownerProcess());

    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => acquireOwnership(folder)));

    const winners = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    owned.push(...winners);
    expect(winners).toHaveLength(1);
  });

  it('is not kept from its operator by a record that names a process of another life', async () => {
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, 'owner.json'), JSON.stringify({ pid: process.pid, address: null }));

    await own();
  });

  it('is private: mode 0700, and 0600 for each file, whatever it was before', async () => {
    await mkdir(folder);
    await chmod(folder, 0o755);

    await (await own()).serve(fakeCore());

    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['owner.json', 'owner.lock', 'owner.sock']));
  });

  it('is not taken where others may write, and keeps the rights of a folder that holds other things', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'letter.txt'), 'not ours');
    await chmod(folder, 0o1777);
    await expect(acquireOwnership(folder)).rejects.toMatchObject({ code: 'folder-unusable' });
    expect((await stat(folder)).mode & 0o7777).toBe(0o1777);
    expect(await readdir(folder)).toEqual(['letter.txt']);

    await chmod(folder, 0o755);
    await own();
    expect((await stat(folder)).mode & 0o777).toBe(0o755);
  });

  it('says which folder cannot be used', async () => {
    await writeFile(folder, 'a file');
    await expect(acquireOwnership(folder)).rejects.toMatchObject({
      code: 'folder-unusable',
      message: expect.stringContaining(folder),
    });
  });

  it('answers also from a folder whose name is longer than a socket may have', async () => {
    folder = join(folder, 'a'.repeat(120));
    await (await own()).serve(fakeCore('unlocked'));
    const { address } = JSON.parse(await readFile(join(folder, 'owner.json'), 'utf8'));
    expect(Buffer.byteLength(address)).toBeLessThanOrEqual(100);
    expect((await stat(join(address, '..'))).mode & 0o777).toBe(0o700);
    await expect((await connection()).call('device.state', {})).resolves.toMatchObject({ state: 'locked' });

    await owned.pop()!.release();
    await expect(stat(address)).rejects.toThrow('ENOENT');
  });
});

describe('another process that asks the owner', () => {
  it('finds nobody where nobody owns the folder', async () => {
    expect(await connectToOwner(folder)).toBeNull();
  });

  it('waits for an owner that is still opening', async () => {
    const ownership = await own();
    const waiting = connectToOwner(folder);
    await pause(120);
    await ownership.serve(fakeCore());
    const core = await waiting;
    connections.push(core!);
    await expect(core!.call('device.state', {})).resolves.toEqual({ state: 'locked', version: '0.0.0' });
  });

  it('sees a locked device until it gives the passphrase itself, though the owner is unlocked', async () => {
    await ownerProcess();
    const core = await connection();

    await expect(core.call('device.state', {})).resolves.toEqual({ state: 'locked', version: '0.0.0' });
    await expect(core.call('status.get', {})).resolves.toMatchObject({ mode: 'locked', pending: 0, lastSync: null });
    await expect(core.call('people.list', {})).rejects.toMatchObject({ code: 'locked' });
    await expect(core.call('sync.now', {})).rejects.toMatchObject({ code: 'locked' });
    await expect(core.call('device.unlock', { passphrase: 'a guess' })).rejects.toMatchObject({
      code: 'wrong-passphrase',
    });
    await expect(core.call('people.list', {})).rejects.toMatchObject({ code: 'locked' });

    await core.call('device.unlock', { passphrase: fakePassphrase });
    await expect(core.call('people.list', {})).resolves.toMatchObject({ total: 1 });
    await expect(core.call('status.get', {})).resolves.toMatchObject({ mode: 'idle', pending: 7 });

    await expect((await connection()).call('people.list', {})).rejects.toMatchObject({ code: 'locked' });
  });

  it('must give it again after the device was locked and somebody else unlocked it', async () => {
    const core = fakeCore();
    await (await own()).serve(core);
    const [first, second] = [await connection(), await connection()];
    await first.call('device.unlock', { passphrase: fakePassphrase });
    await second.call('device.lock', {});
    await second.call('device.unlock', { passphrase: fakePassphrase });

    await expect(first.call('people.list', {})).rejects.toMatchObject({ code: 'locked' });
    await expect(second.call('people.list', {})).resolves.toMatchObject({ total: 1 });
  });

  it('leaves a device locked that it found locked, and open one that it found open', async () => {
    const core = fakeCore();
    await (await own()).serve(core);
    const script = await connection();
    await script.call('device.unlock', { passphrase: fakePassphrase });
    await script.close();
    await vi.waitFor(async () => expect((await core.call('device.state', {})).state).toBe('locked'));

    await core.call('device.unlock', { passphrase: fakePassphrase });
    const another = await connection();
    await another.call('device.unlock', { passphrase: fakePassphrase });
    await another.close();
    await (await connection()).close();
    expect((await core.call('device.state', {})).state).toBe('unlocked');
  });

  it('hears events from the moment that it is unlocked', async () => {
    const core = fakeCore();
    await (await own()).serve(core);
    const remote = await connection();
    const heard: LatchkeyEvent[] = [];
    remote.subscribe((event) => heard.push(event));

    core.tell({ type: 'changed', tables: ['secret_project'] });
    await remote.call('device.unlock', { passphrase: fakePassphrase });
    core.tell({ type: 'changed', tables: ['users'] });
    await remote.call('device.state', {});

    expect(heard).toEqual([{ type: 'changed', tables: ['users'] }]);
  });

  it('gets the core’s own words for a call that does not exist', async () => {
    await (await own()).serve(fakeCore('unlocked'));
    const core = await connection();
    await expect(core.handle('sql.run', {})).rejects.toMatchObject({ code: 'locked' });
    await core.call('device.unlock', { passphrase: fakePassphrase });
    await expect(core.handle('sql.run', {})).rejects.toMatchObject({ code: 'unknown-call' });
  });

  it('is told when the owner dies while it waits for an answer', async () => {
    const owner = await ownerProcess();
    const core = await connection();
    await core.call('device.unlock', { passphrase: fakePassphrase });

    const answer = core.call('sync.now', {});
    owner.kill('SIGKILL');

    await expect(answer).rejects.toMatchObject({ code: 'disconnected' });
    await expect(core.call('device.state', {})).rejects.toMatchObject({ code: 'disconnected' });
  });

  it('is cut off when it sends no end of a line, or line after line of nonsense', async () => {
    await (await own()).serve(fakeCore());
    const { address } = JSON.parse(await readFile(join(folder, 'owner.json'), 'utf8'));

    for (const nonsense of ['x'.repeat(1_100_000), 'not json\n'.repeat(10), '{"id":1}\n'.repeat(10)]) {
      const socket = connect(address);
      socket.on('error', () => {});
      socket.resume();
      socket.write(nonsense);
      // `once` of node:events would take the reset for a failure; here it is what is wanted.
      await new Promise((closed) => socket.once('close', closed));
    }
    await expect((await connection()).call('device.state', {})).resolves.toMatchObject({ state: 'locked' });
  });
});

async function own(): Promise<Ownership> {
  const ownership = await acquireOwnership(folder);
  owned.push(ownership);
  return ownership;
}

async function connection(): Promise<Core> {
  const core = await connectToOwner(folder);
  if (!core) throw new Error('Nobody answers for the folder.');
  connections.push(core);
  return core;
}

async function ownerProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fixture('owner-process.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

/** The code with which another process is refused. */
async function inAnotherProcess(): Promise<string> {
  const child = spawn(process.execPath, [fixture('owner-process.ts'), folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let words = '';
  child.stderr!.on('data', (data) => {
    words += data;
  });
  await once(child, 'close');
  return words;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}
