import { performance } from 'node:perf_hooks';
import type { Progress } from '../../contract/device.ts';

const millisecondsBetweenReports = 200;
/** A speed measured over less says nothing of the rest. */
const millisecondsUntilForecast = 1_000;

/** Tells how far copying is: at once when it turns to something else, and a few times a second meanwhile. */
export class CopyProgress {
  private rowsExpected: number | null;
  private readonly tell: (progress: Progress) => void;
  private readonly started = performance.now();
  private lastReport = Number.NEGATIVE_INFINITY;
  private step = '';
  private rows = 0;
  private skipped = 0;
  private bytes = 0;

  /** @param rowsExpected null as long as nobody knows */
  constructor(rowsExpected: number | null, tell: (progress: Progress) => void) {
    this.rowsExpected = rowsExpected;
    this.tell = tell;
  }

  expect(rows: number): void {
    this.rowsExpected = rows;
  }

  turnTo(step: string): void {
    this.step = step;
    this.report(performance.now());
  }

  /** Rows that an earlier attempt brought. */
  skip(rows: number): void {
    this.rows += rows;
    this.skipped += rows;
  }

  add(rows: number, bytes: number): void {
    this.rows += rows;
    this.bytes += bytes;
    const now = performance.now();
    if (now - this.lastReport >= millisecondsBetweenReports) this.report(now);
  }

  private report(now: number): void {
    this.lastReport = now;
    const { step, rows, bytes } = this;
    const rowsExpected = this.rowsExpected === null ? 0 : Math.max(this.rowsExpected, rows);
    const elapsed = now - this.started;
    const fetched = rows - this.skipped;
    const secondsLeft =
      rowsExpected === 0 || fetched === 0 || elapsed < millisecondsUntilForecast
        ? null
        : Math.round(((rowsExpected - rows) * elapsed) / fetched / 1_000);
    this.tell({ step, rows, rowsExpected, bytes, secondsLeft });
  }
}
