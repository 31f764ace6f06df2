import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { uuidv7 } from 'uuidv7';
import { appendEntry } from '../../src-main/core/audit/device-log.ts';
import { actorOf, type Identity, newPrivateKey } from '../../src-main/core/identity.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';

import { type BenchContext, type Figure, milliseconds, type Part, percentile } from './figure.ts';

const before = 100_000;
const appends = 3_000;
const limitMs = 10;

/** One entry of this device's log, signed and on the disk, against a transaction that writes one short row to the same file. */
export const part: Part = {
  name: 'append',
  async run(context: BenchContext): Promise<Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-append-'));
    const mirror = new WritableMirror(openMirror(folder, randomBytes(32), 'write'), skyGenesis);
    try {
      const actor = actorOf({
        device: { id: 'd1', name: 'bench' },
        organization: { id: '0a000000-0000-4000-8000-000000000001', name: 'Nordhaven' },
        operator: { id: '0a000000-0000-4000-8000-000000000002', email: 'astrid@nordhaven.example' },
        system: 'sky-genesis',
        central: { host: '', port: 0, database: '', user: '', password: '', tls: { mode: 'plain' } },
        logKey: newPrivateKey(),
        checkpointKey: newPrivateKey(),
      } as Identity);
      const about = () => ({
        action: 'person.edit',
        command: uuidv7(),
        changes: '{"changes":[]}',
        subject: { table: 'users', key: '0a000000-0000-4000-8000-000000000003' },
        now: Date.now(),
        disclosed: {
          summary: 'Renamed somebody',
          reason: 'a bench',
          changes: [{ table: 'users', before: {}, after: {} }],
        },
      });
      const filled = performance.now();
      mirror.transaction(() => {
        for (let n = 0; n < before; n++) appendEntry(mirror, actor, about());
      });
      context.log(
        `  ${before.toLocaleString('en')} entries in one transaction: ${milliseconds(performance.now() - filled)}`,
      );
      const timed = (work: () => void) =>
        Array.from({ length: appends }, () => {
          const began = performance.now();
          mirror.transaction(work);
          return performance.now() - began;
        });
      const plain = timed(() => mirror.setMeta('bench', uuidv7()));
      const appended = timed(() => appendEntry(mirror, actor, about()));
      const p99 = percentile(appended, 0.99);
      return [
        {
          what: `append to a device log of ${before.toLocaleString('en')} entries, signed, FULL durability: p99`,
          measured: `${milliseconds(p99)} (p50 ${milliseconds(percentile(appended, 0.5))})`,
          against: `one row: p99 ${milliseconds(percentile(plain, 0.99))} (p50 ${milliseconds(percentile(plain, 0.5))})`,
          ratio: percentile(plain, 0.5) / percentile(appended, 0.5),
          target: `< ${milliseconds(limitMs)}`,
          met: p99 < limitMs,
        },
      ];
    } finally {
      mirror.database.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
