import { flagsOf } from './arguments.ts';
import type { Flag, Verb } from './verb.ts';

const exitCodes =
  'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done and somebody should look (conflicts, differences).';

export function generalHelp(verbs: readonly Verb[]): string {
  const rows = verbs.map((verb) => [usageOf(verb), verb.summary] as const);
  return [
    'latchkey: administers identity platforms from an encrypted mirror on this device.',
    '',
    'Usage: latchkey <noun> <verb> [arguments] [--json]',
    '',
    ...columns(rows),
    '',
    'latchkey <noun> [verb] --help tells more of each. latchkey --version tells the version.',
    exitCodes,
  ].join('\n');
}

export function nounHelp(noun: string, verbs: readonly Verb[]): string {
  return [
    `Usage: latchkey ${noun} <verb> [arguments]`,
    '',
    ...columns(verbs.map((verb) => [usageOf(verb), verb.summary] as const)),
    '',
    `latchkey ${noun} <verb> --help tells more of each.`,
  ].join('\n');
}

export function verbHelp(verb: Verb): string {
  const positionals = verb.positionals.map(({ name, text }) => [name, text] as const);
  const flags = flagsOf(verb).map((flag) => [flagUsage(flag), explain(flag)] as const);
  return [
    `Usage: latchkey ${usageOf(verb)} [options]`,
    '',
    `${verb.summary}.`,
    ...(verb.description ? ['', verb.description] : []),
    ...(positionals.length ? ['', 'Arguments:', ...columns(positionals)] : []),
    '',
    'Options:',
    ...columns(flags),
    '',
    exitCodes,
  ].join('\n');
}

/** Name, arguments and the flags that must be there. */
export function usageOf(verb: Verb): string {
  const required = verb.flags.filter((flag) => flag.required).map((flag) => flagUsage(flag));
  return [verb.name, ...verb.positionals.map(({ name }) => name), ...required].join(' ');
}

function flagUsage(flag: Flag): string {
  if (flag.kind === 'yes') return `--${flag.name}`;
  return `--${flag.name} ${flag.kind === 'choice' ? flag.choices.join('|') : flag.placeholder}`;
}

function explain(flag: Flag): string {
  const notes = [...(flag.required ? ['required'] : []), ...(flag.kind === 'texts' ? ['may be repeated'] : [])];
  return notes.length ? `${flag.text} (${notes.join(', ')})` : flag.text;
}

/** Two columns; what is too long for the first one gets a line of its own. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, right]) =>
    left.length > width ? [`  ${left}`, `  ${' '.repeat(width)}  ${right}`] : [`  ${left.padEnd(width)}  ${right}`],
  );
}
