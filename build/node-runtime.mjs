import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The first version that runs TypeScript as it stands. */
const oldest = [22, 18];

/**
 * A Node that runs TypeScript: the one that comes as a package, else the one that runs this, else the one on the path.
 * @returns {{ path: string } | { problem: string }}
 */
export function findNode(root) {
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  const packaged = join(root, 'node_modules', `node-${system}-${process.arch}`, 'bin', program);
  const candidates = [packaged, process.execPath, program];
  const path = candidates.find((candidate) => isNewEnough(candidate));
  if (path !== undefined) return { path };
  return {
    problem:
      `Latchkey needs Node ${oldest.join('.')} or newer to run; this is ${process.version}, and there is no packaged Node for ` +
      `${process.platform}-${process.arch}. Nothing was changed. Install Node 24 from nodejs.org and try again.`,
  };
}

function isNewEnough(program) {
  if (program.includes('node_modules') && !existsSync(program)) return false;
  const [major, minor] = versionOf(program);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

/** Asked of the program itself: a packaged Node for another C library is there and does not run. */
function versionOf(program) {
  if (program === process.execPath) return process.versions.node.split('.').map(Number);
  try {
    const version = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return version.trim().slice(1).split('.').map(Number);
  } catch {
    return [0, 0];
  }
}
