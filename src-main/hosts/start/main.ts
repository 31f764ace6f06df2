import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { LatchkeyError, toErrorShape } from '../../contract/errors.ts';
import { packageFile } from '../../core/package-files.ts';
import { defaultDataFolder } from '../data-folder.ts';
import { type Choice, chooseHost } from './choose-host.ts';
import { choosePort, startDemoCentral } from './demo-central.ts';
import { prepareDemoDevice } from './demo-device.ts';
import { type DemoFolder, type DemoState, openDemoFolder } from './demo-folder.ts';
import { startLifetime } from './lifetime.ts';
import { parseOptions, type StartOptions, usage } from './options.ts';
import { keptPassphrase, readPassphrase } from './passphrase.ts';
import { startProgress } from './progress.ts';
import { openBrowserWindow, openElectronWindow } from './windows.ts';

const usualSystem = 'sky-genesis';
const lifetime = startLifetime();
const progress = startProgress(process.stdout);
const options = parseOptions(process.argv.slice(2));
if (options === 'help') {
  process.stdout.write(usage);
} else if ('problem' in options) {
  process.stderr.write(`${options.problem}\n\n${usage}`);
  process.exitCode = 2;
} else {
  try {
    await start(options);
  } catch (error) {
    // What fails because everything is being stopped is no news.
    if (!lifetime.ending) process.stderr.write(`\n${toErrorShape(error).message}\n`);
    await lifetime.end(1);
  }
}

async function start(options: StartOptions): Promise<void> {
  const begun = performance.now();
  const folder = await openDemoFolder(options.data ?? folderOf(options.system));
  lifetime.onEnd(async () => folder.unlock());
  checkPassphraseFile(options, folder.readState());
  checkSystem(options, folder.readState());
  const choice = await chooseHost(options, folder.readState() === null);
  if (options.reset || folder.readState()?.removing)
    await progress.step('Removing the earlier demo', () => folder.clear());
  const state = folder.readState() ?? (await firstState(folder, options));
  const passphrase = await passphraseFor(folder, state, options);

  await progress.step('Building the window', buildWindow);
  const central = await startDemoCentral(folder, state, progress, lifetime);
  await prepareDemoDevice(folder, state, central, passphrase, progress, lifetime);

  const address = await openWindow(choice, folder, options);
  const why = choice.host === 'browser' ? `browser host: ${choice.why}` : 'Electron';
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(`ready in ${seconds} s (${why})\n`);
  process.stdout.write(summary(folder, state, { address, passphrase, cluster: central.cluster }));
}

/** Each system's demo has a folder of its own, so that one does not have to go for another. */
function folderOf(system: string | null): string {
  const folder = defaultDataFolder();
  return system === null || system === usualSystem ? folder : `${folder}-${system}`;
}

function checkSystem({ system, reset }: StartOptions, state: DemoState | null): void {
  if (system === null || reset || state === null || state.system === system) return;
  throw new LatchkeyError(
    'already-enrolled',
    `The demo in this folder is one of ${state.system}, not of ${system}. Nothing was changed. Choose another folder with --data DIR, or begin anew with --reset.`,
  );
}

/** Before anything is made: a file that cannot serve is refused, and so is one for a device that has its passphrase. */
function checkPassphraseFile({ passphraseFile, reset }: StartOptions, state: DemoState | null): void {
  if (passphraseFile === null) return;
  if (state?.mirrored && !reset && resolve(passphraseFile) !== state.passphraseFile)
    throw new LatchkeyError(
      'already-enrolled',
      'This demo has its passphrase already. Nothing was changed. Leave --passphrase-file out, or begin anew with --reset.',
    );
  if ([...readPassphrase(passphraseFile)].length < 12)
    throw new LatchkeyError(
      'weak-passphrase',
      `The passphrase in ${passphraseFile} is shorter than 12 characters. Nothing was changed.`,
      { field: 'passphrase-file' },
    );
}

async function firstState(folder: DemoFolder, options: StartOptions): Promise<DemoState> {
  const state: DemoState = {
    format: 1,
    system: options.system ?? usualSystem,
    port: await choosePort(),
    demo: null,
    device: null,
    mirrored: false,
    removing: false,
    passphraseFile: options.passphraseFile === null ? null : resolve(options.passphraseFile),
  };
  await folder.writeState(state);
  return state;
}

/** The one that the device was made with; before that, the one that it will be made with. */
async function passphraseFor(folder: DemoFolder, state: DemoState, options: StartOptions): Promise<string> {
  if (options.passphraseFile !== null && !state.mirrored) {
    state.passphraseFile = resolve(options.passphraseFile);
    await folder.writeState(state);
  }
  return state.passphraseFile === null ? keptPassphrase(folder.passphrase) : readPassphrase(state.passphraseFile);
}

async function buildWindow(): Promise<void> {
  const build = spawn(process.execPath, [packageFile('build/tasks/compile.ts')], { stdio: ['ignore', 'pipe', 'pipe'] });
  lifetime.onEnd(async () => build.kill());
  let output = '';
  for (const stream of [build.stdout, build.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const [code] = await once(build, 'close');
  if (code !== 0) throw new LatchkeyError('internal', `The window could not be built:\n${output.trim()}`);
}

async function openWindow(choice: Choice, folder: DemoFolder, options: StartOptions): Promise<string | null> {
  if (choice.host === 'browser')
    return openBrowserWindow(folder.device, { port: options.port, open: options.open }, lifetime);
  openElectronWindow(choice.program, folder.device, lifetime);
  return null;
}

function summary(
  folder: DemoFolder,
  state: DemoState,
  told: { address: string | null; passphrase: string; cluster: string },
): string {
  const fresh =
    process.stdin.isTTY === true ? 'press Enter for another link' : `\`kill -USR2 ${process.pid}\` prints another link`;
  const unlock = state.passphraseFile === null ? told.passphrase : `with the passphrase in ${state.passphraseFile}`;
  const lines = [
    ...(told.address === null ? [] : [`  Window   ${told.address}`, `           good once, within a minute; ${fresh}`]),
    `  Unlock   ${unlock}`,
    `  Device   ${folder.device} (encrypted)`,
    `  Central  ${told.cluster}`,
    `           for psql, or npx latchkey central status --url "$(cat ${folder.superuserUrl})"`,
    `  Stop     Ctrl-C here, or kill ${process.pid}`,
  ];
  return `${lines.join('\n')}\n`;
}
