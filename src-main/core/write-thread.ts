import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { toErrorShape } from '../contract/errors.ts';
import type { CallName } from '../contract/index.ts';
import type { HighWaterMark } from './audit/own-log.ts';
import type { Identity } from './identity.ts';
import { inMirrorWords, mirrorFile } from './mirror/open.ts';
import { WriteSide } from './write-side.ts';
import type { WriteThreadMessage, WriteThreadRequest } from './write-thread-link.ts';

/** Entry of the write thread: the only writer of a data folder. A screen's reads never wait for it. */
const port = parentPort!;
const send = (message: WriteThreadMessage) => port.postMessage(message);

const path = join((workerData as { folder: string }).folder, mirrorFile);

try {
  const { folder, databaseKey, identity, background, clockOffset, remembered } = workerData as {
    folder: string;
    databaseKey: Uint8Array;
    identity: Identity;
    background: boolean;
    clockOffset: number;
    remembered: HighWaterMark | null | undefined;
  };
  const side = new WriteSide({
    folder,
    databaseKey: Buffer.from(databaseKey),
    identity,
    background,
    now: () => Date.now() + clockOffset,
    remembered,
    onHighWater: (highWater) => send({ highWater }),
    emit: (event) => send({ event }),
  });
  port.on('message', async ({ id, name, request }: WriteThreadRequest) => {
    try {
      const value = name === 'close' ? await side.close() : await side.handle(name as CallName, request as never);
      send({ id, ok: true, value });
      if (name === 'close') port.close();
    } catch (error) {
      send({ id, ok: false, error: toErrorShape(inMirrorWords(error, path)) });
    }
  });
  send({ id: 0, ok: true, value: null });
} catch (error) {
  send({ id: 0, ok: false, error: toErrorShape(inMirrorWords(error, path)) });
  port.close();
}
