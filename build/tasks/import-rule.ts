import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';

/** What one part of the house may import, by where the import leads. */
interface Part {
  folder: string;
  /** Folders of ours. Its own is always allowed. */
  ours: string[];
  /** Whether Node's own modules are there when it runs. */
  node: boolean;
  /** Packages that it must not know. `true` allows every package that is not denied. */
  packages: true | string[];
  denied?: string[];
}

const nodeOnly = ['pg', 'pg-copy-streams', 'better-sqlite3', 'ws', 'kysely'];

/** contract ← core ← hosts, and the window knows the contract alone, and the verifier, which knows nobody. The first part whose folder holds a file is the file's. */
const parts: Part[] = [
  { folder: 'src-main/contract', ours: [], node: false, packages: ['zod'] },
  // Goes into bundles as it is, so it is alone in the world.
  { folder: 'src-main/verifier', ours: [], node: false, packages: [] },
  {
    folder: 'src-main/core',
    ours: ['src-main/contract', 'src-main/verifier'],
    node: true,
    packages: true,
    denied: ['electron'],
  },
  { folder: 'src-main/preload', ours: ['src-main/contract'], node: false, packages: ['electron'] },
  {
    folder: 'src-main/hosts/electron',
    ours: ['src-main/contract', 'src-main/core', 'src-main/hosts'],
    node: true,
    packages: true,
  },
  {
    folder: 'src-main/hosts',
    ours: ['src-main/contract', 'src-main/core', 'src-main/hosts'],
    node: true,
    packages: true,
    denied: ['electron'],
  },
  {
    folder: 'src-renderer',
    ours: ['src-main/contract', 'src-main/verifier'],
    node: false,
    packages: true,
    denied: ['electron', ...nodeOnly],
  },
];

/** Features show each other two files; everything else in their folders is their own. */
const features = ['people', 'keys', 'certificates', 'rotation', 'sessions'].map((name) => `src-main/core/${name}`);
const shown = ['queries.ts', 'commands.ts'];

/** @returns one line for each import that breaks the rule: `file imports what: why`. */
export function brokenImports(root: string): string[] {
  return parts
    .map((part) => part.folder)
    .filter((folder, index, all) => !all.slice(0, index).some((outer) => within(folder, outer)))
    .flatMap((folder) => sourceFiles(join(root, folder)))
    .map((path) => relative(root, path).split(sep).join('/'))
    .filter((file, index, all) => all.indexOf(file) === index)
    .flatMap((file) =>
      importsOf(readFileSync(join(root, file), 'utf8')).flatMap((specifier) => {
        const why = refusal(file, specifier);
        return why === null ? [] : [`${file} imports ${specifier}: ${why}`];
      }),
    );
}

/** Why a file may not import something; null where it may. Paths are relative to the root, with forward slashes. */
export function refusal(file: string, specifier: string): string | null {
  const part = parts.find(({ folder }) => within(file, folder));
  if (!part) return null;
  if (specifier.startsWith('.')) return refusalOfOurs(part, file, posix.join(dirname(file), specifier));
  if (specifier.startsWith('node:')) return part.node ? null : `${part.folder} must run without Node`;
  const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]!;
  if (part.denied?.includes(name)) return `${part.folder} must not know ${name}`;
  if (part.packages === true || part.packages.includes(name)) return null;
  return `${part.folder} may use no package${part.packages.length ? ` but ${part.packages.join(', ')}` : ''}`;
}

function refusalOfOurs(part: Part, file: string, target: string): string | null {
  const allowed = [part.folder, ...part.ours];
  if (!allowed.some((folder) => within(target, folder)) && !isSheet(target))
    return `${part.folder} may import ${part.ours.join(', ') || 'nothing of ours'} alone`;
  const feature = features.find((folder) => within(target, folder));
  if (feature && !within(file, feature) && within(file, 'src-main/core') && !shown.includes(posix.basename(target)))
    return `of another feature only ${shown.join(' and ')} may be imported`;
  return null;
}

/** Every module that a text names in an import, an export from, or an import expression; not those in comments. */
export function importsOf(source: string): string[] {
  const code = source.replace(/^\s*\/\/.*$/gm, '').replace(/\/\*[\s\S]*?\*\//g, '');
  const pattern =
    /\b(?:import|export)\s+(?:type\s+)?[\w*{}\s,$]*?\bfrom\s*(['"])(.+?)\1|\bimport\s*(['"])(.+?)\3|\bimport\(\s*(['"])(.+?)\5/g;
  return [...code.matchAll(pattern)].map((match) => (match[2] ?? match[4] ?? match[6])!);
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts|cts|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function isSheet(target: string): boolean {
  return target.endsWith('.css');
}
