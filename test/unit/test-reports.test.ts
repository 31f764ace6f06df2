import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { countOf } from '../../build/tasks/reports.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-reports-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function report(content: unknown): string {
  const file = join(folder, 'report.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const vitest = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };
const playwright = { stats: { expected: 4, unexpected: 0, flaky: 0, skipped: 2 }, errors: [] };

describe('counting what a test runner reports', () => {
  test('what was not run is never among what passed', () => {
    expect(countOf('vitest', report(vitest), 0)).toEqual({ passed: 5, failed: 0, skipped: 2 });
    expect(countOf('playwright', report(playwright), 0)).toEqual({ passed: 4, failed: 0, skipped: 2 });
  });

  test('a file that could not be loaded is a failure', () => {
    const testResults = [
      { status: 'failed', assertionResults: [] },
      { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
    ];
    expect(countOf('vitest', report({ ...vitest, numFailedTests: 1, testResults }), 1).failed).toBe(2);
  });

  test('so is a test that needed a second attempt, and an error outside of all tests', () => {
    const stats = { ...playwright.stats, flaky: 1 };
    expect(countOf('playwright', report({ stats, errors: [{}] }), 1).failed).toBe(2);
  });

  test('so is a runner that fell over, with or without a report', () => {
    expect(countOf('vitest', report(vitest), 1)).toEqual({ passed: 5, failed: 1, skipped: 2 });
    expect(countOf('vitest', join(folder, 'missing.json'), 137)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countOf('vitest', join(folder, 'missing.json'), 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
