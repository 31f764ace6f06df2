import { hash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { inflateRawSync } from 'node:zlib';
import { exportBundle } from '../../src-main/core/audit/bundle/export.ts';
import { mirrorSource } from '../../src-main/core/audit/bundle/mirror-source.ts';
import { keysIn, verifyBundle } from '../../src-main/core/audit/bundle/verification.ts';
import { appendEntry } from '../../src-main/core/audit/device-log.ts';
import { LogTree } from '../../src-main/core/audit/log-tree.ts';
import { Frontier, leafHash } from '../../src-main/core/audit/merkle.ts';
import { actorOf, type Identity } from '../../src-main/core/identity.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { ReadableMirror } from '../../src-main/core/mirror/readable.ts';
import { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';

/** A process of its own, so that its peak of resident memory is what is measured alone. */
export interface AuditReport {
  milliseconds: number;
  peakBytes: number;
  told: unknown;
}

const [mode, folder, file] = process.argv.slice(2) as [keyof typeof works, string, string];
const works = {
  load: async () => ({ milliseconds: 0, told: null }),
  export: exportLog,
  hash: hashAlone,
  verify: verifyInWorker,
};
const { milliseconds, told } = await works[mode]();
const report: AuditReport = { milliseconds, told, peakBytes: process.resourceUsage().maxRSS * 1_024 };
process.stdout.write(JSON.stringify(report));

async function exportLog() {
  const given = JSON.parse(readFileSync(join(folder, 'given.json'), 'utf8')) as { identity: Identity; key: string };
  const key = Buffer.from(given.key, 'base64');
  const actor = actorOf(given.identity);
  rmSync(file, { force: true });
  const began = performance.now();
  const writer = new WritableMirror(openMirror(folder, key, 'write'), skyGenesis);
  const reader = new ReadableMirror(openMirror(folder, key, 'read'));
  const source = mirrorSource(reader, actor, async (changes) => {
    writer.transaction(() =>
      appendEntry(writer, actor, {
        ...{ action: 'audit.export', command: '0192f0a1-0000-7000-8000-000000000002', changes, now: Date.now() },
        subject: { table: 'latchkey.log', key: '*' },
      }),
    );
    return new LogTree(writer, 'device').size;
  });
  const { entries, matched, bytes, undisclosed } = await exportBundle(source, file, { filter: {} });
  const milliseconds = performance.now() - began;
  for (const { database } of [reader, writer]) database.close();
  return { milliseconds, told: { entries, matched, bytes, undisclosed } };
}

/** As `latchkey audit verify` does it: in a worker. */
async function verifyInWorker() {
  const trust = keysIn(readFileSync(join(folder, 'trust.txt'), 'utf8'));
  const began = performance.now();
  const { verdict, code, entries } = await verifyBundle(file, { trust, checkpoint: null });
  const milliseconds = performance.now() - began;
  if (verdict !== 'VERIFIED') throw new Error(`${verdict} ${code}`);
  return { milliseconds, told: entries };
}

/** Every hash that a verifier cannot do without: leaves, both trees' nodes, disclosures. What lies around them is not counted. */
async function hashAlone() {
  const entries = member('log/entries.jsonl');
  const disclosures = member('disclosures.jsonl').toString('latin1').split('\n').slice(0, -1);
  const texts = disclosures.flatMap((line) => (JSON.parse(line) as { d: string[] }).d);
  const frontier = new Frontier();
  const own = new Map<string, Frontier>();
  const lines: Buffer[] = [];
  for (let at = 0; at < entries.length; ) {
    const end = entries.indexOf(10, at);
    lines.push(entries.subarray(at, end));
    at = end + 1;
  }
  const owners = lines.map((line) => /"dev":"(d\d+)"/.exec(line.toString('latin1'))?.[1] ?? null);
  const began = performance.now();
  for (const [place, line] of lines.entries()) {
    const leaf = leafHash(line);
    frontier.append(leaf);
    const owner = owners[place];
    if (!owner) continue;
    const log = own.get(owner) ?? new Frontier();
    own.set(owner, log);
    log.append(leaf);
  }
  for (const text of texts) hash('sha256', text, 'base64url');
  return { milliseconds: performance.now() - began, told: { leaves: frontier.size, disclosures: texts.length } };
}

/** A member's bytes, all at once. */
function member(name: string): Buffer {
  const zip = readFileSync(file);
  for (let at = zip.readUInt32LE(zip.length - 6); ; ) {
    const length = zip.readUInt16LE(at + 28);
    if (zip.toString('latin1', at + 46, at + 46 + length) === name) {
      const from = zip.readUInt32LE(at + 42) + 30 + length;
      return inflateRawSync(zip.subarray(from, from + zip.readUInt32LE(at + 20)));
    }
    at += 46 + length;
  }
}
