import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export const root = dirname(dirname(import.meta.dirname));

export interface Ran {
  code: number;
  /** Standard output and error, where they were asked for. */
  output: string;
}

const running = new Set<ChildProcess>();
let ending = false;

/**
 * Runs a program of an installed package, or a file of ours, on this Node, and waits for it. When this process is told to end, or
 * the one that started it is gone, so are all programs that it runs.
 */
export function runProgram(
  file: string,
  args: string[],
  options: { env?: Record<string, string>; quiet?: boolean } = {},
): Promise<Ran> {
  if (ending) return Promise.resolve({ code: 130, output: '' });
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', options.quiet ? 'pipe' : 'inherit', options.quiet ? 'pipe' : 'inherit'],
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (code) => {
      running.delete(child);
      done({ code: code ?? 1, output });
    });
  });
}

/** The file behind a command of an installed package. */
export function programOf(packageName: string, command = packageName): string {
  const manifest = join(root, 'node_modules', packageName, 'package.json');
  const { bin } = createRequire(import.meta.url)(manifest) as { bin: string | Record<string, string> };
  const file = typeof bin === 'string' ? bin : bin[command];
  if (file === undefined) throw new Error(`${packageName} has no command ${command}.`);
  return join(dirname(manifest), file);
}

export function endWithPrograms(): void {
  const end = () => {
    ending = true;
    for (const child of running) child.kill('SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  process.on('disconnect', end);
  // Listening alone must not keep this process alive.
  process.channel?.unref();
}

export function wasEnded(): boolean {
  return ending;
}
