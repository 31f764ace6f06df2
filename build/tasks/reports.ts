import { existsSync, readFileSync } from 'node:fs';

export interface Count {
  passed: number;
  failed: number;
  /** Written and not run, each for a reason that the report gives. Never part of what passed. */
  skipped: number;
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

interface PlaywrightReport {
  stats: { expected: number; unexpected: number; flaky: number; skipped: number };
  errors: unknown[];
}

/** Nothing but a readable report and a clean exit counts as passed: a runner that fell over is at least one failure. */
export function countOf(runner: 'vitest' | 'playwright', file: string, exitCode: number): Count {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const count = readers[runner](JSON.parse(readFileSync(file, 'utf8')));
  return exitCode !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
}

const readers = {
  vitest(report: VitestReport): Count {
    // A file that cannot even be loaded has no test that failed.
    const unloaded = report.testResults.filter(
      (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
    );
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + unloaded.length,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  },
  // A test that passes at the second attempt is a failure that hides.
  playwright({ stats, errors }: PlaywrightReport): Count {
    return { passed: stats.expected, failed: stats.unexpected + stats.flaky + errors.length, skipped: stats.skipped };
  },
};
