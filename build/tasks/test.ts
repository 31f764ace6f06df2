import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { electronRuntime } from '../../src-main/hosts/start/electron-runtime.ts';
import { runChecks } from './check.ts';
import { compile } from './compile.ts';
import { endWithPrograms, programOf, runProgram, wasEnded } from './program.ts';
import { type Count, countOf } from './reports.ts';

endWithPrograms();
const filters = process.argv.slice(2);
const isEndToEnd = (filter: string) => /^(test\/)?e2e\b/.test(filter);
const reports = mkdtempSync(join(tmpdir(), 'latchkey-reports-'));
const counts: Count[] = [];
try {
  if (filters.length === 0) counts.push({ ...(await runChecks()), skipped: 0 });
  counts.push(await build());
  if (filters.length === 0 || !filters.every(isEndToEnd)) counts.push(await runVitest());
  if (filters.length === 0 || filters.some(isEndToEnd)) counts.push(await runPlaywright());
} finally {
  rmSync(reports, { recursive: true, force: true });
}

const sum = (part: keyof Count) => counts.reduce((total, count) => total + count[part], 0);
if (sum('skipped') > 0) console.log(`${sum('skipped')} not run`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = wasEnded() ? 130 : sum('failed') === 0 ? 0 : 1;

async function build(): Promise<Count> {
  const { failed, output } = await compile();
  console.log(failed ? `✗ build\n${output.trim()}` : '✓ build');
  return { passed: failed ? 0 : 1, failed: failed ? 1 : 0, skipped: 0 };
}

async function runVitest(): Promise<Count> {
  const report = join(reports, 'vitest.json');
  const { code } = await runProgram(programOf('vitest'), [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...filters.filter((filter) => !isEndToEnd(filter)),
  ]);
  return countOf('vitest', report, code);
}

async function runPlaywright(): Promise<Count> {
  const report = join(reports, 'playwright.json');
  const electron = electronRuntime();
  const projects = ['browser-host', ...('path' in electron ? ['electron-host'] : [])];
  const { code } = await runProgram(
    programOf('@playwright/test', 'playwright'),
    [
      'test',
      ...projects.map((project) => `--project=${project}`),
      '--reporter=list,json',
      ...filters
        .filter(isEndToEnd)
        .map((filter) => filter.replace(/^(test\/)?e2e\/?/, ''))
        .filter(Boolean),
    ],
    { env: { PLAYWRIGHT_JSON_OUTPUT_FILE: report } },
  );
  if ('missing' in electron) console.log(`electron-host: not run: ${electron.missing}`);
  return countOf('playwright', report, code);
}
