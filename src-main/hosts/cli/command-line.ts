import { type ErrorShape, toErrorShape } from '../../contract/errors.ts';
import { packageVersion } from '../../core/package-files.ts';
import { parseArguments } from './arguments.ts';
import { generalHelp, nounHelp, usageOf, verbHelp } from './help.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './verb.ts';
import { verbs } from './verbs.ts';

export const exitCode = { done: 0, failed: 1, usage: 2, attention: 3 } as const;

/** Runs one command line and answers its exit code. Never throws. */
export async function runCommandLine(given: string[], process: Terminal): Promise<number> {
  // In front of the noun, too: a script that always wants JSON may say so first.
  const args = given[0] === '--json' ? [...given.slice(1), '--json'] : given;
  const terminal: Terminal = { ...process, json: args.includes('--json') };
  if (args[0] === '--version') {
    terminal.out(terminal.json ? JSON.stringify({ version: packageVersion() }) : packageVersion());
    return exitCode.done;
  }
  const help = helpAskedFor(args);
  if (help !== null) {
    terminal.out(terminal.json ? JSON.stringify({ help }) : help);
    return exitCode.done;
  }
  const verb = verbs.find(({ name }) => startsWith(args, name.split(' ')));
  if (!verb) return refuse(terminal, new UsageError(unknownVerb(args)), 'Run `latchkey --help` for all there are.');
  try {
    const values = parseArguments(verb, args.slice(verb.name.split(' ').length));
    const { value, attention = false, failed = false } = await verb.run(values, terminal);
    if (terminal.json) terminal.out(JSON.stringify(value));
    else verb.print(value, terminal, values);
    if (failed) return exitCode.failed;
    return attention ? exitCode.attention : exitCode.done;
  } catch (error) {
    if (error instanceof UsageError)
      return refuse(terminal, error, `Usage: latchkey ${usageOf(verb)} [options]. More with --help.`);
    return fail(terminal, toErrorShape(error));
  }
}

/** `--help` after a verb, after a noun, or alone; and `help` in front of any of them. */
function helpAskedFor(args: string[]): string | null {
  const words = args.filter((arg) => !arg.startsWith('-'));
  const asked = words[0] === 'help' ? words.slice(1) : args.includes('--help') || args.includes('-h') ? words : null;
  if (asked === null) return null;
  const verb = verbs.find(({ name }) => startsWith(asked, name.split(' ')));
  if (verb) return verbHelp(verb);
  const [noun] = asked;
  const ofNoun = verbs.filter(({ name }) => name.split(' ')[0] === noun);
  return noun !== undefined && ofNoun.length > 0 ? nounHelp(noun, ofNoun) : generalHelp(verbs);
}

function unknownVerb(args: string[]): string {
  const [noun] = args;
  if (noun === undefined || noun.startsWith('-')) return 'Say what to do.';
  const known = verbs.filter(({ name }) => name.startsWith(`${noun} `)).map(({ name }) => name);
  if (known.length === 0) return `There is no “${noun}”.`;
  return args[1] === undefined
    ? `Say what to do with ${noun}: ${known.join(', ')}.`
    : `There is no “${noun} ${args[1]}”. There are ${known.join(', ')}.`;
}

function refuse(terminal: Terminal, error: UsageError, advice: string): number {
  const field = error.field === undefined ? {} : { field: error.field };
  if (terminal.json)
    terminal.out(JSON.stringify({ error: { code: 'invalid-input', message: `${error.message} ${advice}`, ...field } }));
  else terminal.say(`${error.message}\n${advice}`);
  return exitCode.usage;
}

function fail(terminal: Terminal, error: ErrorShape): number {
  if (terminal.json) terminal.out(JSON.stringify({ error }));
  else terminal.say(`${error.message} (${error.code})`);
  return error.code === 'invalid-input' ? exitCode.usage : exitCode.failed;
}

function startsWith(args: string[], words: string[]): boolean {
  return words.every((word, index) => args[index] === word);
}
