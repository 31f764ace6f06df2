import { Worker } from 'node:worker_threads';
import { type ErrorShape, LatchkeyError } from '../contract/errors.ts';
import type { LatchkeyEvent } from '../contract/events.ts';
import type { HighWaterMark } from './audit/own-log.ts';
import type { Identity } from './identity.ts';

export interface WriteThreadRequest {
  id: number;
  name: string;
  request: unknown;
}
export type WriteThreadMessage =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; error: ErrorShape }
  | { event: LatchkeyEvent }
  | { highWater: HighWaterMark };

export interface WriteThreadOptions {
  folder: string;
  databaseKey: Buffer;
  identity: Identity;
  background: boolean;
  /** Milliseconds to add to this machine's clock; other than 0 in tests alone. */
  clockOffset: number;
  /** How long this device's log was, by the system's secret store; undefined where there is none. */
  remembered: HighWaterMark | null | undefined;
  onHighWater: (mark: HighWaterMark) => void;
  onEvent: (event: LatchkeyEvent) => void;
  /** The thread ended without being asked to. */
  onLost: () => void;
}

/** A copy leaves a row's values behind by the million: what is collected soon takes 50 MB less, and no longer. */
const maxYoungGenerationSizeMb = 8;

/** This side of the write thread: requests go there, answers and events come back. */
export class WriteThread {
  private readonly worker: Worker;
  private readonly waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: LatchkeyError) => void }
  >();
  private last = 0;
  private closing = false;

  private constructor(options: WriteThreadOptions) {
    const { onEvent, onHighWater, onLost, ...workerData } = options;
    // Beside this file, in the sources as in a build.
    const entry = new URL(import.meta.url.endsWith('.ts') ? './write-thread.ts' : './write-thread.js', import.meta.url);
    this.worker = new Worker(entry, {
      workerData,
      name: 'latchkey-write',
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    this.worker.on('message', (message: WriteThreadMessage) => {
      if ('event' in message) {
        onEvent(message.event);
        return;
      }
      if ('highWater' in message) {
        onHighWater(message.highWater);
        return;
      }
      const waiter = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.ok) waiter?.resolve(message.value);
      else waiter?.reject(LatchkeyError.fromShape(message.error));
    });
    const lost = (error?: unknown) => {
      const reason = error instanceof Error ? `: ${error.message}` : '';
      for (const { reject } of this.waiting.values())
        reject(new LatchkeyError('internal', `The write thread ended${reason}. What was committed before is kept.`));
      this.waiting.clear();
      if (!this.closing) onLost();
      this.closing = true;
    };
    this.worker.on('error', lost);
    this.worker.on('exit', () => lost());
  }

  static async open(options: WriteThreadOptions): Promise<WriteThread> {
    const thread = new WriteThread(options);
    const ready = new Promise((resolve, reject) => thread.waiting.set(0, { resolve, reject }));
    try {
      await ready;
    } catch (error) {
      thread.closing = true;
      await thread.worker.terminate();
      throw error;
    }
    return thread;
  }

  request(name: string, request: unknown): Promise<unknown> {
    this.last += 1;
    const id = this.last;
    return new Promise((resolve, reject) => {
      if (this.closing) {
        reject(new LatchkeyError('locked', 'This device is locked. Unlock it and try again.'));
        return;
      }
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, name, request } satisfies WriteThreadRequest);
    });
  }

  /** Lets the cycle under way end, closes the mirror, ends the thread. */
  async close(): Promise<void> {
    if (this.closing) return;
    const closed = this.request('close', null);
    this.closing = true;
    await closed.catch(() => {});
    await this.worker.terminate();
  }
}
