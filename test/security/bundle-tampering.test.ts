import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codes, type Report, type Source, verify } from '../../src-main/verifier/verify.mjs';
import { type Tampered, tamperedBundles } from '../fixtures/tampered-bundles.ts';

const verifier = join(import.meta.dirname, '../../src-main/verifier');
let folder: string;
let cases: Tampered[];
let files: string[];
let reports: Report[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-tampered-'));
  cases = await tamperedBundles();
  files = cases.map(({ file }, index) => {
    const path = join(folder, `${index}.lkx.zip`);
    writeFileSync(path, file);
    return path;
  });
  reports = [];
  for (const one of cases) reports.push(await verify(sourceOf(one.file), optionsOf(one)));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Mutant = [check: number, cases: number[]];

interface Answer {
  checks: string[];
  reports: Report[];
  /** Whether a tampered bundle was told wrongly. */
  mutants: boolean[];
}

interface Job {
  file: string;
  trust: string[];
  checkpoint?: string;
  expected: [verdict: string, code: string | null, index: number | null];
}

const programs = {
  python: ['python3', 'verify-many.py', 'verify.py'],
  node: [process.execPath, 'verify-many.mjs', 'verify.mjs'],
};

function verifiedBy(program: keyof typeof programs, jobs: Job[], mutants: Mutant[] = []): Answer {
  const [command, driver, name] = programs[program] as [string, string, string];
  const input = JSON.stringify({ verifier: join(verifier, name), jobs, mutants });
  const answer = execFileSync(command, [join(import.meta.dirname, '../fixtures', driver)], { input, maxBuffer: 1e9 });
  return JSON.parse(answer.toString()) as Answer;
}

const jobs = () =>
  cases.map(({ trust, checkpoint, verdict, code, index }, place): Job => {
    return { file: files[place]!, trust, checkpoint, expected: [verdict, code, index] };
  });

const sourceOf = (file: Buffer): Source => ({
  size: file.length,
  read: async (offset, length) => file.subarray(offset, offset + length),
});

const optionsOf = ({ trust, checkpoint }: Tampered) => ({ trust, checkpoint: checkpoint ?? null });

/** What each says in its own words. */
const unsaid = { findings: null, expected: null, found: null };

const findings = ({ verdict, findings }: Report) => [
  verdict,
  ...findings.map(({ code, index, where }) => [code, index, where]),
];

describe('a bundle that was tampered with', () => {
  test('is told by JavaScript, with where', () => {
    for (const [index, one] of cases.entries()) {
      const { verdict, code, index: place, found } = reports[index]!;
      const told = [one.name, verdict, code, place, code === 'internal' ? found : null];
      expect(told).toEqual([one.name, one.verdict, one.code, one.index, null]);
    }
  });

  test('is told by Python in the same words', () => {
    const answers = verifiedBy('python', jobs()).reports;
    for (const [index, { name }] of cases.entries()) {
      expect([name, ...findings(answers[index]!)]).toEqual([name, ...findings(reports[index]!)]);
      expect({ name, ...answers[index], ...unsaid }).toEqual({ name, ...reports[index], ...unsaid });
    }
  });

  test('is told alike by the page’s own hashes and signatures', async () => {
    // They are slow, and their checks are the same: a few of all kinds.
    for (const [index, one] of cases.entries()) {
      if (index % 8 !== 0) continue;
      const plain = await verify(sourceOf(one.file), { ...optionsOf(one), plain: true });
      expect([one.name, ...findings(plain)]).toEqual([one.name, ...findings(reports[index]!)]);
    }
  });
});

describe('each check', () => {
  test('has a code that both verifiers explain alike', () => {
    const table = execFileSync('python3', [
      '-c',
      'import json,sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import verify; print(json.dumps(verify.CODES))',
      verifier,
    ]);
    expect(JSON.parse(table.toString())).toEqual(codes);
  });

  test.each(['python', 'node'] as const)('is needed, by %s', (program) => {
    const { checks } = verifiedBy(program, []);
    const mutants = checks.map((code, check): Mutant => [check, casesOf(code)]);
    const answers = verifiedBy(program, jobs(), mutants).mutants;
    const needless = checks.filter((_code, check) => !answers[check]);
    expect(needless).toEqual([]);
  });
});

function casesOf(code: string): number[] {
  return [...cases.keys()].filter((index) => cases[index]!.code === code);
}
