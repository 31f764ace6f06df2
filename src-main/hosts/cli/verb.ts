import type { CallName, Output } from '../../contract/index.ts';
import type { Terminal } from './terminal.ts';

/** What stands on the command line without a dash. */
export interface Positional {
  /** As in `EMAIL`. */
  name: string;
  /** Where its value goes in the input. */
  field: string;
  text: string;
}

interface FlagBase {
  /** Without the dashes. */
  name: string;
  text: string;
  /** Where its value goes in the input; the name in camelCase by default. */
  field?: string;
  required?: boolean;
}

export type Flag = FlagBase &
  (
    | { kind: 'yes' }
    | { kind: 'text'; placeholder: string }
    | { kind: 'texts'; placeholder: string }
    /** A whole number, 0 at least where nothing else is said. */
    | { kind: 'number'; placeholder: string; least?: number; most?: number }
    | { kind: 'choice'; choices: readonly string[] }
    /** Turns the text into its value; throws UsageError. */
    | { kind: 'parsed'; placeholder: string; parse: (text: string) => unknown }
  );

/** What the command line said, each value under its field. */
export type Values = Record<string, unknown>;

export interface Done {
  /** The one JSON document, and what `print` shows to a person. */
  value: unknown;
  /** Done, and somebody should look: exit code 3. */
  attention?: boolean;
  /** Done, and what was looked at is not in order: exit code 1. */
  failed?: boolean;
}

/** Where a verb works: on a device's folder, on a central database as its administrator, or on a file alone. */
export type Place = 'device' | 'central' | 'file';

export interface Verb {
  /** Noun and verb, as typed: `people list`. */
  name: string;
  summary: string;
  /** More to know, for `--help` alone. */
  description?: string;
  place: Place;
  positionals: Positional[];
  flags: Flag[];
  run(values: Values, terminal: Terminal): Promise<Done>;
  /** The result in words, on standard output; not called with `--json`. */
  print(value: unknown, terminal: Terminal, values: Values): void;
}

/** A verb that is one call of the contract: its values are the call's input. */
export interface CallVerb<Name extends CallName> {
  name: string;
  summary: string;
  description?: string;
  call: Name;
  positionals?: Positional[];
  flags?: Flag[];
  /** What the verb itself says, in its name. */
  fixed?: Values;
  attention?: (output: Output<Name>) => boolean;
  print(output: Output<Name>, terminal: Terminal, values: Values): void;
}

/** Wrong usage: exit code 2, with how to do it right. */
export class UsageError extends Error {
  readonly field: string | undefined;

  constructor(message: string, field?: string) {
    super(message);
    this.name = 'UsageError';
    this.field = field;
  }
}
