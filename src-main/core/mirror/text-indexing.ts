import type { WritableMirror } from './writable.ts';

/** Between two slices, for whatever else the write thread has to do. */
const pauseMilliseconds = 10;

/** After the last thing that somebody waited for: more of the kind may follow, and would have to wait for a slice each. */
const quietMilliseconds = 250;

/** Completes the mirror's full-text indexes in the background, slice by slice, while nobody waits for anything else. */
export class TextIndexing {
  private readonly mirror: WritableMirror;
  private readonly isBusy: () => boolean;
  private readonly onComplete: () => void;
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;
  /** Of what was indexed since this process began the parts are to be joined, which makes the index faster to read. */
  private merging: 'not yet' | 'to begin' | 'begun' = 'not yet';

  constructor(mirror: WritableMirror, isBusy: () => boolean, onComplete: () => void) {
    this.mirror = mirror;
    this.isBusy = isBusy;
    this.onComplete = onComplete;
  }

  /** There may be something to do. */
  wake(): void {
    if (this.timer || this.stopped) return;
    if (!this.mirror.isIndexing && this.merging === 'not yet') return;
    this.arm(pauseMilliseconds);
  }

  /** Somebody is at work, and comes first. */
  giveWay(): void {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.arm(quietMilliseconds);
  }

  private arm(milliseconds: number): void {
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.isBusy()) {
        this.arm(quietMilliseconds);
        return;
      }
      try {
        this.slice();
      } catch {
        // A full disk, say: what is done stays, and the next word from sync wakes this again.
        return;
      }
      this.wake();
    }, milliseconds);
  }

  /** Every row can be found when this ends. */
  async finish(): Promise<void> {
    while (!this.stopped && (this.mirror.isIndexing || this.merging !== 'not yet')) {
      this.slice();
      await new Promise(setImmediate);
    }
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private slice(): void {
    if (this.mirror.isIndexing) {
      this.mirror.indexMore();
      this.merging = 'to begin';
      if (!this.mirror.isIndexing) this.onComplete();
      return;
    }
    this.merging = this.mirror.mergeMore(this.merging === 'to begin') ? 'begun' : 'not yet';
  }
}
