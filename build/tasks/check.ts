import { pathToFileURL } from 'node:url';
import { brokenImports } from './import-rule.ts';
import { endWithPrograms, programOf, type Ran, root, runProgram } from './program.ts';

interface Check {
  name: string;
  run(): Promise<Ran>;
}

const checks: Check[] = [
  { name: 'types', run: () => runProgram(programOf('typescript', 'tsc'), ['-p', '.'], { quiet: true }) },
  { name: 'lint and format', run: () => runProgram(programOf('@biomejs/biome', 'biome'), ['check'], { quiet: true }) },
  { name: 'import rule', run: checkImports },
  { name: 'unused code', run: () => runProgram(programOf('knip'), ['--no-progress'], { quiet: true }) },
];

/** Each check says one line, and everything it found where it failed. */
export async function runChecks(): Promise<{ passed: number; failed: number }> {
  let passed = 0;
  for (const check of checks) {
    const { code, output } = await check.run();
    if (code === 0) passed++;
    console.log(code === 0 ? `✓ ${check.name}` : `✗ ${check.name}\n${output.trim()}`);
  }
  return { passed, failed: checks.length - passed };
}

async function checkImports(): Promise<Ran> {
  const broken = brokenImports(root);
  return { code: broken.length === 0 ? 0 : 1, output: broken.join('\n') };
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  endWithPrograms();
  const { failed } = await runChecks();
  process.exitCode = failed === 0 ? 0 : 1;
}
