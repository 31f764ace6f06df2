import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LatchkeyError } from '../contract/errors.ts';
import { converse } from './conversation.ts';
import type { Core } from './core.ts';
import { type Address, chooseAddress } from './ownership/address.ts';
import { lockFolder, makePrivateFolder } from './ownership/folder-lock.ts';
import { gate } from './ownership/gate.ts';
import { longestRequestBytes, readLines, writeLine } from './ownership/lines.ts';
import { isAlive, readRecord, removeRecord, writeRecord } from './ownership/record.ts';
import { openRemoteCore } from './ownership/remote-core.ts';

/** A data folder has one owner: the one process that opens its mirror. Others ask that process. */
export interface Ownership {
  /** Answers other processes of this account, each of which must give the passphrase itself. */
  serve(core: Core): Promise<void>;
  release(): Promise<void>;
}

const connectionsLimit = 16;
/** A peer that does not read what it asked for is cut off before it fills the memory. */
const unreadAnswersLimitBytes = 67_108_864;
/** An owner needs a moment between taking the folder and listening. */
const openingMilliseconds = 3000;

/**
 * @throws LatchkeyError `folder-in-use`, naming the process that has it; `folder-unusable`.
 */
export async function acquireOwnership(dataFolder: string): Promise<Ownership> {
  const folder = resolve(dataFolder);
  await makePrivateFolder(folder);
  const lock = await lockFolder(folder);
  if (!lock) throw await inUse(folder);
  await writeRecord(folder, { pid: process.pid, address: null });

  let listening: { server: Server; address: Address; sockets: Set<Socket> } | undefined;
  return {
    async serve(core) {
      const address = await chooseAddress(folder);
      listening = { ...(await listen(core, address)), address };
      await writeRecord(folder, { pid: process.pid, address: address.path });
    },
    async release() {
      await removeRecord(folder);
      if (listening) await stop(listening.server, listening.sockets);
      await listening?.address.remove();
      listening = undefined;
      lock.unlock();
    },
  };
}

/** The core of the process that owns the folder; null where nobody does, and the caller may become the owner. */
export async function connectToOwner(dataFolder: string): Promise<Core | null> {
  const folder = resolve(dataFolder);
  const deadline = performance.now() + openingMilliseconds;
  for (;;) {
    const record = await readRecord(folder);
    if (!record) return null;
    if (record.address !== null) return openRemoteCore(record.address);
    if (!isAlive(record.pid) || performance.now() > deadline) return null;
    await pause(50);
  }
}

async function listen(core: Core, address: Address): Promise<{ server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    answer(core, socket);
  });
  server.maxConnections = connectionsLimit;
  const { promise, resolve: listens, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(address.path, listens);
  await promise;
  if (process.platform !== 'win32') await chmod(address.path, 0o600);
  return { server, sockets };
}

function answer(core: Core, socket: Socket): void {
  const gated = gate(core);
  const conversation = converse(gated, {
    send(message) {
      writeLine(socket, message);
      if (socket.writableLength > unreadAnswersLimitBytes) socket.destroy();
    },
    dismiss: () => socket.destroy(),
  });
  readLines(socket, longestRequestBytes, conversation);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => {
    conversation.ended();
    gated.close();
  });
}

async function stop(server: Server, sockets: Set<Socket>): Promise<void> {
  const { promise, resolve: closed } = Promise.withResolvers<void>();
  server.close(() => closed());
  for (const socket of sockets) socket.destroy();
  await promise;
}

async function inUse(folder: string): Promise<LatchkeyError> {
  const record = await readRecord(folder);
  const who = record && isAlive(record.pid) ? `process ${record.pid}` : 'another process';
  return new LatchkeyError(
    'folder-in-use',
    `The data folder ${folder} is open in ${who}. Nothing was changed. Use that one, or end it first.`,
    { details: record && isAlive(record.pid) ? { pid: record.pid } : {} },
  );
}
