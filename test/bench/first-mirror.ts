import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { MirroredTable } from '../../src-main/core/mirror/catalogue.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { quoteText } from '../../src-main/core/quoting.ts';
import { Vault } from '../../src-main/core/vault/vault.ts';
import type { Dataset } from './dataset.ts';
import { deviceFolder, enrollDevice, passphrase } from './device.ts';
import { type BenchContext, type Figure, median, megabytes, milliseconds, type Part, percentile } from './figure.ts';
import type { FirstMirrorReport } from './first-mirror-process.ts';
import { type PlainMirror, plainWay } from './plain-pipe.ts';

const pairs = 3;
const peakLimitBytes = 200 * 1_048_576;

/** Our whole way, encrypted, in turns with the plainest way there is, which neither encrypts nor remembers where it was. */
export const part: Part = {
  name: 'first-mirror',
  async run(context: BenchContext): Promise<Figure[]> {
    const dataset = await context.dataset();
    const way = plainWay();
    const ours: FirstMirrorReport[] = [];
    const plain: number[] = [];
    // Strips TypeScript's types and compiles, once, uncounted: what is packaged needs neither, nor the memory for it.
    await inNewFolder((folder) => firstMirror(dataset, folder));
    for (let pair = 0; pair < pairs; pair++) {
      const report = await inNewFolder(async (folder) => {
        const made = await firstMirror(dataset, folder);
        plain.push(await way.run(dataset.url, join(folder, 'plain.db'), await asMirrored(folder, dataset)));
        return made;
      });
      ours.push(report);
      context.log(
        `pair ${pair + 1}: ours ${milliseconds(report.milliseconds)} (after joining in ${milliseconds(report.joinMilliseconds)}), at most ${megabytes(report.mirrorPeakBytes)} (${megabytes(report.peakBytes)} with joining); ${way.name} ${milliseconds(plain.at(-1)!)}`,
      );
    }
    const rows = ours[0]!.mirroredRows;
    const ratio = median(ours.map(({ milliseconds }, pair) => plain[pair]! / milliseconds));
    const peak = Math.max(...ours.map(({ mirrorPeakBytes }) => mirrorPeakBytes));
    const slowest = percentile(
      ours.flatMap(({ reads }) => reads),
      0.95,
    );
    return [
      {
        what: `first mirror of ${rows.toLocaleString('en')} rows, encrypted`,
        measured: milliseconds(median(ours.map((report) => report.milliseconds))),
        against: `${milliseconds(median(plain))} ${way.name}`,
        ratio,
        target: '≥ 1.00',
        met: ratio >= 1,
      },
      {
        what: 'peak resident memory while it is made',
        measured: megabytes(peak),
        against: megabytes(peakLimitBytes),
        ratio: peakLimitBytes / peak,
        target: `< ${megabytes(peakLimitBytes)}`,
        met: peak < peakLimitBytes,
      },
      {
        what: 'list of people during the first mirror, p95',
        measured: milliseconds(slowest),
        against: '',
        ratio: null,
        target: '< 50 ms',
        met: slowest < 50,
      },
    ];
  },
};

async function inNewFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = deviceFolder();
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function firstMirror(dataset: Dataset, folder: string): Promise<FirstMirrorReport> {
  const enrollment = join(folder, 'enrollment.json');
  writeFileSync(enrollment, await enrollDevice(dataset));
  const entry = join(import.meta.dirname, 'first-mirror-process.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entry, folder, enrollment],
    { env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'compiled') } },
  );
  return JSON.parse(stdout) as FirstMirrorReport;
}

/** The tables and indexes of a mirror that was made, and which of the host's rows they hold. */
async function asMirrored(folder: string, { organization }: Dataset): Promise<PlainMirror> {
  const { databaseKey } = await new Vault(folder).unlock(passphrase);
  const mirror = openMirror(folder, databaseKey, 'read');
  try {
    const definitions = mirror.prepare('SELECT definition FROM latchkey_table').pluck().all() as string[];
    const tables = definitions.map((definition) => JSON.parse(definition) as MirroredTable);
    const schema = mirror.prepare(`SELECT type, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL`).all() as {
      type: string;
      tbl_name: string;
      sql: string;
    }[];
    const ofTables = (type: string) =>
      schema
        .filter((one) => one.type === type && tables.some(({ name }) => name === one.tbl_name))
        .map(({ sql }) => sql);
    return {
      tables,
      createTables: ofTables('table'),
      createIndexes: ofTables('index'),
      condition: ({ name, columns }) =>
        name === 'organizations'
          ? `t.id = ${quoteText(organization.id)}`
          : columns.some((column) => column.name === 'organization_id')
            ? `t.organization_id = ${quoteText(organization.id)}`
            : 'TRUE',
    };
  } finally {
    mirror.close();
  }
}
