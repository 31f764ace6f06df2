import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNode } from './node-runtime.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.latchkey-stamp');

/**
 * Installs the packages where the lockfile asks for others than are there, and finds a Node that runs TypeScript.
 * Everything it says goes to standard error: standard output belongs to whatever is started.
 *
 * @returns {Promise<string>} the path of that Node
 */
export async function setUp() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = readStamp();
  if (stamp.lock === lock && existsSync(stamp.node)) return stamp.node;
  if (stamp.lock !== lock && !isInstalled()) await install();
  const found = findNode(root);
  if ('problem' in found) fail(found.problem);
  remember(() => writeFileSync(stampFile, JSON.stringify({ lock, node: found.path })));
  // npm links the commands of packages, and not that of the checkout itself.
  if (process.platform !== 'win32')
    remember(() => symlinkSync('../../build/latchkey.mjs', join(modules, '.bin', 'latchkey')));
  return found.path;
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

/** It may be there already; and somebody else's checkout may be read-only: then the question is asked again next time. */
function remember(write) {
  try {
    write();
  } catch {
    return;
  }
}

/** Whether npm, by its own record, installed what the lockfile names. Packages for other machines may be missing. */
function isInstalled() {
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === '' || link) return true;
    const there = present[path];
    return there ? there.version === version && existsSync(join(root, path)) : optional === true;
  });
}

async function install() {
  process.stderr.write('Installing packages, once, about 20 seconds …\n');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const [program, programArgs] = npm?.endsWith('.js')
    ? [process.execPath, [npm, ...args]]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm', args];
  const child = spawn(program, programArgs, {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
    shell: program.endsWith('.cmd'),
  });
  const stop = (signal) => child.kill(signal);
  process.on('SIGTERM', stop).on('SIGHUP', stop);
  const code = await new Promise((done) => {
    child.on('error', () => done(null));
    child.on('exit', done);
  });
  process.off('SIGTERM', stop).off('SIGHUP', stop);
  if (code !== 0)
    fail(
      'The packages could not be installed: npm said why above. Check that the registry can be reached, then try again.',
    );
}

function fail(problem) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
