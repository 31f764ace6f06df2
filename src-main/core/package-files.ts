import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let root: string | undefined;

/** A file that ships with Latchkey, such as a migration: found from the sources, from a build and from a packaged app alike. */
export function packageFile(relative: string): string {
  root ??= process.env.LATCHKEY_ROOT ?? findRoot(dirname(fileURLToPath(import.meta.url)));
  return join(root, relative);
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

function findRoot(folder: string): string {
  const candidate = join(folder, 'package.json');
  if (existsSync(candidate) && (JSON.parse(readFileSync(candidate, 'utf8')) as { name?: string }).name === 'latchkey')
    return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('The package of Latchkey was not found above its own code.');
  return findRoot(parent);
}
