import type { WritableMirror } from './writable.ts';

/** Between two slices, for whatever else the write thread has to do. */
const pauseMilliseconds = 10;

/** Completes the mirror's full-text indexes in the background, slice by slice, while nothing is being copied. */
export class TextIndexing {
  private readonly mirror: WritableMirror;
  private readonly isCopying: () => boolean;
  private readonly onComplete: () => void;
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(mirror: WritableMirror, isCopying: () => boolean, onComplete: () => void) {
    this.mirror = mirror;
    this.isCopying = isCopying;
    this.onComplete = onComplete;
  }

  /** There may be something to index. */
  wake(): void {
    if (this.timer || this.stopped || this.isCopying() || !this.mirror.isIndexing) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      try {
        this.mirror.indexMore();
      } catch {
        // A full disk, say: what is indexed stays, and the next word from sync wakes this again.
        return;
      }
      if (this.mirror.isIndexing) this.wake();
      else this.onComplete();
    }, pauseMilliseconds);
  }

  /** Completes all of it now. */
  async finish(): Promise<void> {
    while (!this.stopped && this.mirror.indexMore()) await new Promise(setImmediate);
    this.onComplete();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
