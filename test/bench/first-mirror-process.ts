import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { openCore } from '../../src-main/core/open.ts';
import { passphrase } from './device.ts';

/** A process of its own, so that its peak of resident memory is the product's: joins, makes the first mirror, closes. */
export interface FirstMirrorReport {
  /** From opening an empty folder to the closed mirror. */
  milliseconds: number;
  peakBytes: number;
  mirroredRows: number;
  /** How long the window's list of people took each time, while the mirror was made; in milliseconds. */
  reads: number[];
}

const [folder, enrollmentFile] = process.argv.slice(2) as [string, string];
const enrollment = readFileSync(enrollmentFile, 'utf8');
const started = performance.now();
const core = await openCore({ dataFolder: folder, ports: { secretStore: null, clock: Date.now } });
await core.call('device.join', { enrollment, passphrase });
const reads: number[] = [];
const reading = setInterval(async () => {
  const before = performance.now();
  await core.call('people.list', {});
  reads.push(performance.now() - before);
}, 100);
const { mirror } = await core.call('sync.now', {});
clearInterval(reading);
await core.close();
const milliseconds = performance.now() - started;
const report: FirstMirrorReport = { milliseconds, peakBytes: peakBytes(), mirroredRows: mirror.rows, reads };
process.stdout.write(JSON.stringify(report));

function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1_024;
}
