import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Report, verify } from '../../src-main/verifier/verify.mjs';
import {
  linesOf,
  membersOf,
  type Parts,
  packed,
  signed,
  summed,
  unpacked,
  withLines,
  zipOf,
} from '../fixtures/bundle-parts.ts';
import { goodLog } from '../fixtures/synthetic-log.ts';
import { bundleOf } from '../fixtures/tampered-bundles.ts';

const verifier = join(import.meta.dirname, '../../src-main/verifier');
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
const runs = Number(process.env.RUNS ?? 100);
const log = goodLog();
const trust = [log.device('d1').checkpointKey.vkey];
let folder: string;
let good: Buffer;
let parts: Parts;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-fuzzed-'));
  good = await bundleOf(log.source('d1'));
  parts = unpacked(good);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const told = ({ verdict, findings }: Report) => [
  verdict,
  ...findings.map(({ code, index, where }) => [code, index, where]),
];

const byNode = (file: Buffer) =>
  verify({ size: file.length, read: async (offset, length) => file.subarray(offset, offset + length) }, { trust });

function byPython(files: readonly Buffer[]): Report[] {
  const jobs = files.map((content, index) => {
    const file = join(folder, `${index}.lkx.zip`);
    writeFileSync(file, content);
    return { file, trust };
  });
  const answer = execFileSync('python3', [join(import.meta.dirname, '../fixtures/verify-many.py')], {
    input: JSON.stringify({ verifier: join(verifier, 'verify.py'), jobs }),
    maxBuffer: 1e9,
  });
  return (JSON.parse(answer.toString()) as { reports: Report[] }).reports;
}

/** Mulberry32: the same numbers for the same seed. */
function randomBy(state: number): (below: number) => number {
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const texts = [
  'manifest.json',
  'log/entries.jsonl',
  'log/checkpoint',
  'log/devices.jsonl',
  'log/range',
  'log/consistency/22.txt',
  'device/entries.jsonl',
  'device/checkpoint',
  'device/range',
  'disclosures.jsonl',
  'SHA256SUMS',
  'SHA256SUMS.sig',
  'views/audit.csv',
];
const morsels = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '0',
  '-',
  '1e9',
  'null',
  '\u2028',
  '\n',
  '\r',
  '=',
  '\u0000',
  '😀',
  '\ud83d',
];

/** A bundle with something random done to it: to its bytes, to a member's, or to a line, with or without sums and signature made anew. */
function damaged(random: (below: number) => number): Buffer {
  const kind = random(8);
  if (kind === 0) {
    const copy = Buffer.from(good);
    for (let n = random(3); n >= 0; n--) copy[random(copy.length)]! ^= 1 << random(8);
    return copy;
  }
  if (kind === 1) {
    // Headers and the directory, which are little beside the content.
    const copy = packed(parts);
    const at = copy.length - 1 - random(3_000);
    copy[at] = random(256);
    return copy;
  }
  const name = texts[random(texts.length)]!;
  const content = parts.get(name)!;
  let changed = new Map(parts);
  if (kind < 5) {
    const copy = Buffer.from(content);
    if (copy.length > 0) copy[random(copy.length)]! ^= 1 << random(8);
    changed.set(name, copy);
  } else if (kind === 5) {
    const at = random(content.length + 1);
    const morsel = Buffer.from(morsels[random(morsels.length)]!);
    changed.set(name, Buffer.concat([content.subarray(0, at), morsel, content.subarray(at + random(3))]));
  } else {
    const lines = linesOf(parts, name);
    const [from, to] = [random(Math.max(lines.length, 1)), random(Math.max(lines.length, 1))];
    const line = lines.splice(from, 1);
    if (kind === 6) lines.splice(to, 0, ...line, ...(random(2) === 0 ? line : []));
    changed = withLines(changed, name, lines);
  }
  const sealing = random(3);
  if (name.startsWith('SHA256SUMS') || sealing === 0) return packed(changed);
  return packed(sealing === 1 ? summed(changed) : signed(changed, log));
}

describe('verifiers agree', () => {
  test(`on ${runs} bundles damaged at random (SEED=${seed})`, async () => {
    const random = randomBy(seed);
    const files = Array.from({ length: runs }, () => damaged(random));
    const reports = byPython(files);
    for (const [run, file] of files.entries()) {
      const report = await byNode(file);
      expect([seed, run, ...told(reports[run]!)]).toEqual([seed, run, ...told(report)]);
      expect([run, report.code]).not.toEqual([run, 'internal']);
    }
  });

  test('that a bundle cut anywhere is incomplete', async () => {
    const cuts = Array.from({ length: 60 }, (_none, n) =>
      good.subarray(0, 4 + Math.floor(((good.length - 5) * n) / 59)),
    );
    const reports = byPython(cuts);
    for (const [n, cut] of cuts.entries()) {
      expect(told(await byNode(cut))).toEqual(['INCOMPLETE', ['zip.cut', null, null]]);
      expect(told(reports[n]!)).toEqual(['INCOMPLETE', ['zip.cut', null, null]]);
    }
  });

  test('that junk is no bundle', async () => {
    const junk = [
      Buffer.alloc(0),
      Buffer.from('PK'),
      Buffer.alloc(100_000, 'PK\x03\x04'),
      log.bytes(50_000),
      Buffer.alloc(1_000),
    ];
    const reports = byPython(junk);
    for (const [n, file] of junk.entries()) {
      const report = await byNode(file);
      expect(report.verdict).not.toBe('VERIFIED');
      expect(told(reports[n]!)).toEqual(told(report));
    }
  });
});

describe('a bomb that stays below what is refused at once', () => {
  // 200 MB in a file of 1 MB: a line without end, a member that is read whole, hashes, and a view.
  const size = 200_000_000;
  const zeros = Buffer.alloc(size);
  const padding = 1_000_000;

  test.each(['log/entries.jsonl', 'disclosures.jsonl', 'log/range', 'views/audit.csv'])(
    'in %s ends in a verdict in little memory',
    async (name) => {
      // Deflate leaves room for empty blocks: they make the packed bytes more, and nothing of them.
      const squeezed = Buffer.concat([
        Buffer.alloc(padding, Buffer.from([0, 0, 0, 0xff, 0xff])),
        deflateRawSync(zeros),
      ]);
      const file = join(folder, 'bomb.lkx.zip');
      const members = membersOf(parts).map((one) =>
        one.name === name ? { ...one, content: zeros, packed: squeezed } : one,
      );
      writeFileSync(file, zipOf(members));
      const inNode = `const { fileSource, verify } = await import(${JSON.stringify(pathToFileURL(join(verifier, 'verify.mjs')).href)});
const { verdict, code } = await verify(await fileSource(${JSON.stringify(file)}));
console.log(JSON.stringify({ verdict, code, kilobytes: process.resourceUsage().maxRSS })); process.exit();`;
      const inPython = `import json, resource, sys; sys.dont_write_bytecode = True; sys.path.insert(0, ${JSON.stringify(verifier)}); import verify
report = verify.verify(open(${JSON.stringify(file)}, 'rb'))
print(json.dumps({'verdict': report['verdict'], 'code': report['code'], 'kilobytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))`;
      const answers = [
        execFileSync(process.execPath, ['--input-type=module', '-e', inNode]),
        execFileSync('python3', ['-c', inPython]),
      ].map((out) => JSON.parse(out.toString()) as { verdict: string; code: string; kilobytes: number });
      expect(answers[0]).toEqual({ ...answers[1], kilobytes: expect.any(Number) });
      for (const { verdict, kilobytes } of answers) {
        expect(verdict).toBe('TAMPERED');
        expect(kilobytes).toBeLessThan(204_800);
      }
    },
  );
});
