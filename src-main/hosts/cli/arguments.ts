import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { type Flag, UsageError, type Values, type Verb } from './verb.ts';

const common: Flag[] = [
  { name: 'json', kind: 'yes', text: 'print exactly one JSON document on standard output' },
  { name: 'help', kind: 'yes', text: 'show this help' },
];

const forDevices: Flag[] = [
  {
    name: 'data',
    kind: 'text',
    placeholder: 'DIR',
    text: 'the device’s folder (LATCHKEY_DATA, or the demo’s by default)',
  },
  {
    name: 'passphrase-file',
    kind: 'text',
    placeholder: 'FILE',
    text: 'read the passphrase from a file (LATCHKEY_PASSPHRASE, or a question in a terminal by default)',
  },
];

const forCentral: Flag[] = [
  {
    name: 'url',
    kind: 'text',
    placeholder: 'URL',
    text: 'the central database, as postgres://user:password@host/database (LATCHKEY_CENTRAL_URL by default)',
  },
  { name: 'tls-ca', kind: 'text', placeholder: 'FILE', text: 'PEM of the CA that signs central’s certificate' },
];

/** All flags that a verb takes: its own, those of where it works, and those of all. */
export function flagsOf(verb: Verb): Flag[] {
  const ofPlace = { device: forDevices, central: forCentral, file: [] };
  return [...verb.flags, ...ofPlace[verb.place], ...common];
}

export function fieldOf(flag: Flag): string {
  return flag.field ?? flag.name.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** @throws UsageError */
export function parseArguments(verb: Verb, args: string[]): Values {
  const flags = flagsOf(verb);
  const { values, positionals } = parseStrictly(flags, args);
  const parsed: Values = {};
  for (const flag of flags) {
    const given = values[flag.name];
    if (given === '') throw new UsageError(`--${flag.name} was given nothing.`, fieldOf(flag));
    if (given !== undefined) parsed[fieldOf(flag)] = parsedValue(flag, given);
  }
  if (parsed.help === true) return parsed;
  for (const [index, { name, field }] of verb.positionals.entries()) {
    if (positionals[index] === undefined) throw new UsageError(`${name} is missing.`, field);
    parsed[field] = positionals[index];
  }
  const surplus = positionals[verb.positionals.length];
  if (surplus !== undefined) throw new UsageError(`“${surplus}” is one argument too many.`);
  const missing = flags.find((flag) => flag.required && parsed[fieldOf(flag)] === undefined);
  if (missing) throw new UsageError(`--${missing.name} is missing.`, fieldOf(missing));
  return parsed;
}

function parseStrictly(flags: Flag[], args: string[]) {
  const options: ParseArgsOptionsConfig = {};
  for (const { name, kind } of flags)
    options[name] = { type: kind === 'yes' ? 'boolean' : 'string', multiple: kind === 'texts' };
  try {
    return parseArgs({ args: negativesJoined(flags, args), options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's own words go on with how to write a file name that starts with a dash.
    const [words = ''] = (error as Error).message.split(/\. (?:To|Did)/);
    throw new UsageError(`${words.replace(/\.$/, '')}.`);
  }
}

/** Node takes `--limit -1` for two options, and says so at length; that it is out of range is said below. */
function negativesJoined(flags: Flag[], args: string[]): string[] {
  const numbers = new Set(flags.filter(({ kind }) => kind === 'number').map(({ name }) => `--${name}`));
  return args.flatMap((arg, place) => {
    if (/^-\d/.test(arg) && numbers.has(args[place - 1] ?? '')) return [];
    const next = args[place + 1];
    return numbers.has(arg) && next !== undefined && /^-\d/.test(next) ? [`${arg}=${next}`] : [arg];
  });
}

function wholeNumber(flag: Flag & { kind: 'number' }, given: string): number {
  const { least = 0, most } = flag;
  const number = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
  if (number >= least && number <= (most ?? Number.POSITIVE_INFINITY)) return number;
  const range = most === undefined ? `, ${least} or more` : ` from ${least} to ${most}`;
  throw new UsageError(`--${flag.name} must be a whole number${range}; not “${given}”.`, fieldOf(flag));
}

function parsedValue(flag: Flag, given: NonNullable<unknown>): unknown {
  switch (flag.kind) {
    case 'number':
      return wholeNumber(flag, String(given));
    case 'choice':
      if (!flag.choices.includes(String(given)))
        throw new UsageError(`--${flag.name} is one of ${flag.choices.join(', ')}; not “${given}”.`, fieldOf(flag));
      return given;
    case 'parsed':
      return flag.parse(String(given));
    default:
      return given;
  }
}
