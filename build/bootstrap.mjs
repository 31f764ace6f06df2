import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { root, setUp } from './setup.mjs';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Sets up what is missing, then runs a program of ours on a Node that runs TypeScript, as if it were this process: same
 * streams, same signals, same exit code. The channel between the two closes when this process dies of whatever cause, and the
 * program may take that for a request to end.
 *
 * @param {string} program relative to the root of the checkout
 * @param {{ endWithNpm?: boolean }} [options] also end when the npm that started this is gone
 */
export async function bootstrap(program, { endWithNpm = false } = {}) {
  const node = await setUp();
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(root, program), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  if (endWithNpm) whenNpmIsGone(() => child.kill('SIGTERM'));
  child.on('error', (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/**
 * npm hands SIGTERM on to its shell, and the shell to nobody; killed outright, npm hands on nothing. Either way this process
 * gets another parent, or its shell does.
 */
function whenNpmIsGone(end) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const above = ancestors();
  const timer = setInterval(() => {
    if (ancestors().join() === above.join()) return;
    clearInterval(timer);
    end();
  }, 300);
  timer.unref();
}

/** The parent; and, where that is npm's shell, which only waits, the parent's parent. */
function ancestors() {
  const parent = process.ppid;
  if (process.platform !== 'linux') return [parent];
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8');
    const [, name, grandparent] = /\((.*)\) \S (\d+)/.exec(stat) ?? [];
    return /^(sh|dash|bash|ash|busybox)$/.test(name) ? [parent, Number(grandparent)] : [parent];
  } catch {
    return [parent];
  }
}
