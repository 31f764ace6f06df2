import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { openCore } from '../../src-main/core/open.ts';
import { passphrase } from './device.ts';

/** A process of its own, so that its peak of resident memory is the product's: joins, makes the first mirror, closes. */
export interface FirstMirrorReport {
  /** From opening an empty folder to having joined, which stretches a new passphrase on purpose. */
  joinMilliseconds: number;
  /** From there to the closed mirror. */
  milliseconds: number;
  peakBytes: number;
  /** Of the first mirror alone, without the 128 MiB that stretching takes. */
  mirrorPeakBytes: number;
  mirroredRows: number;
  /** How long the window's list of people took each time, while the mirror was made; in milliseconds. */
  reads: number[];
}

const [folder, enrollmentFile] = process.argv.slice(2) as [string, string];
const enrollment = readFileSync(enrollmentFile, 'utf8');
const started = performance.now();
const core = await openCore({ dataFolder: folder, ports: { secretStore: null, clock: Date.now } });
await core.call('device.join', { enrollment, passphrase });
const joined = performance.now();
const joinPeak = peakBytes();
forgetPeak();
const reads: number[] = [];
const reading = setInterval(async () => {
  const before = performance.now();
  await core.call('people.list', {});
  reads.push(performance.now() - before);
}, 250);
const { mirror } = await core.call('sync.now', {});
clearInterval(reading);
await core.close();
const milliseconds = performance.now() - joined;
const mirrorPeakBytes = peakBytes();
const report: FirstMirrorReport = {
  joinMilliseconds: joined - started,
  milliseconds,
  peakBytes: Math.max(joinPeak, mirrorPeakBytes),
  mirrorPeakBytes,
  mirroredRows: mirror.rows,
  reads,
};
process.stdout.write(JSON.stringify(report));

/** Where the system cannot tell since when, since the start. */
function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1_024;
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1_024;
}

function forgetPeak(): void {
  if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5');
}
