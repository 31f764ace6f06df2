import { parseArgs } from 'node:util';
import { demoSystems } from '../../core/central/demo/index.ts';

export interface StartOptions {
  /** Begin anew: the demo's device and central database are removed first. */
  reset: boolean;
  /** Open the window, or leave it to whoever gets the address. */
  open: boolean;
  /** Of the window's server; a free one by default. */
  port: number | null;
  /** The device's folder; the demo's by default. */
  data: string | null;
  host: 'electron' | 'browser' | null;
  /** The design of the demo's central database; that of an existing demo, or sky-genesis, by default. */
  system: string | null;
  passphraseFile: string | null;
}

export const usage = `Usage: npm start -- [options]

Starts a demo on this machine: a PostgreSQL with a believable organization, a device with its encrypted mirror, the window.

  --reset                  begin anew: forget the demo's device and its central database
  --no-open                do not open the window, only print its address
  --port N                 serve the window on this port
  --data DIR               the device's folder; its central database lies beside it, in DIR-central
  --host electron|browser  which window; by default Electron where it can run, otherwise the browser
  --system NAME            the design of the central database: ${demoSystems.join(', ')}
  --passphrase-file FILE   unlock the device with the passphrase in this file, rather than with a new one
  --help                   show this help
`;

/** What was typed, or what is wrong with it. */
export function parseOptions(args: string[]): StartOptions | 'help' | { problem: string } {
  try {
    const { values } = parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        reset: { type: 'boolean', default: false },
        'no-open': { type: 'boolean', default: false },
        port: { type: 'string' },
        data: { type: 'string' },
        host: { type: 'string' },
        system: { type: 'string' },
        'passphrase-file': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    if (values['no-open'] && values.host === 'electron')
      return { problem: '--no-open prints an address, and Electron has none: it goes with --host browser.' };
    return {
      reset: values.reset,
      open: !values['no-open'],
      port: values.port === undefined ? null : portFrom(values.port),
      data: values.data === undefined ? null : folderFrom(values.data),
      host: values.host === undefined ? null : hostFrom(values.host),
      system: values.system === undefined ? null : systemFrom(values.system),
      passphraseFile: values['passphrase-file'] ?? null,
    };
  } catch (error) {
    // Node's own words go on with how to write a file name that starts with a dash.
    const [words = ''] = (error as Error).message.split(/\. (?:To|Did)/);
    return { problem: `${words.replace(/\.$/, '')}.` };
  }
}

function folderFrom(text: string): string {
  // An unset variable in somebody's script must not stand for the folder that they happen to be in.
  if (text.trim() !== '') return text;
  throw new Error('--data takes a folder, and what was given is empty');
}

function portFrom(text: string): number {
  const port = Number(text);
  // Browsers leave 80 out of the address, and the window answers to its exact address alone.
  if (port === 80) throw new Error('--port cannot be 80, which browsers leave out of the address');
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new Error(`--port takes a number from 1 to 65535, not “${text}”`);
}

function hostFrom(text: string): 'electron' | 'browser' {
  if (text === 'electron' || text === 'browser') return text;
  throw new Error(`--host is electron or browser, not “${text}”`);
}

function systemFrom(text: string): string {
  if (demoSystems.includes(text)) return text;
  throw new Error(`--system is one of ${demoSystems.join(', ')}, not “${text}”`);
}
