import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { endWithPrograms, programOf, root, runProgram } from './program.ts';

/** All that the built files are made of. */
const inputs = ['src-main', 'src-renderer', 'electron.vite.config.ts', 'tsconfig.json', 'package-lock.json'];
const stampFile = join(root, 'out', '.stamp');

/** Builds `out/` where its inputs changed since the last build. */
export async function compile(): Promise<{ built: boolean; failed: boolean; output: string }> {
  const fingerprint = fingerprintOf(inputs);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint)
    return { built: false, failed: false, output: '' };
  rmSync(stampFile, { force: true });
  const { code, output } = await runProgram(programOf('electron-vite'), ['build', '--logLevel', 'warn'], {
    quiet: true,
  });
  if (code === 0) writeFileSync(stampFile, fingerprint);
  return { built: true, failed: code !== 0, output };
}

function fingerprintOf(paths: string[]): string {
  const hash = createHash('sha256');
  for (const path of paths.flatMap((input) => filesIn(input)))
    hash.update(`${path}\0`).update(
      createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest(),
    );
  return hash.digest('hex');
}

function filesIn(path: string): string[] {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => filesIn(`${path}/${name}`));
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  endWithPrograms();
  const { built, failed, output } = await compile();
  if (failed) console.error(output.trim());
  else console.log(built ? 'Built out/.' : 'out/ is up to date.');
  process.exitCode = failed ? 1 : 0;
}
