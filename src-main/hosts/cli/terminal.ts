import type { Core } from '../../core/core.ts';

/** Where a command line runs: what it may read, write and wait for. A test brings its own. */
export interface Terminal {
  env: NodeJS.ProcessEnv;
  /** For results. */
  out(line: string): void;
  /** For everything else that a person may want to know. */
  say(line: string): void;
  /** A person sits there who can be asked. */
  interactive: boolean;
  /** Asks without showing what is typed. */
  askSecret(question: string): Promise<string>;
  /** Aborts when the person, or the system, asks the program to stop. Only a verb that has something to end in order asks for it. */
  stopped(): AbortSignal;
  /** The core of a device's folder: in this process, or in the one that has the folder open. */
  openDevice(dataFolder: string, options?: { background?: boolean }): Promise<Core>;
  /** `--json` was given: standard output is for documents alone. */
  json: boolean;
}
