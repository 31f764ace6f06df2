import { describe, expect, test } from 'vitest';
import { flagsOf } from '../../src-main/hosts/cli/arguments.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { verbs } from '../../src-main/hosts/cli/verbs.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

async function help(...args: string[]): Promise<string> {
  const terminal = recordedTerminal();
  expect(await runCommandLine(args, terminal)).toBe(0);
  expect(terminal.said).toEqual([]);
  return terminal.printed.join('\n');
}

describe('help', () => {
  test('names every verb', async () => {
    const text = await help('--help');
    for (const { name, summary } of verbs) {
      expect(text).toContain(`  ${name}`);
      expect(text).toContain(summary);
    }
    expect(await help('help')).toBe(text);
  });

  test.each([...new Set(verbs.map(({ name }) => name.split(' ')[0]!))])('%s names its verbs', async (noun) => {
    const text = await help(noun, '--help');
    for (const { name } of verbs.filter((verb) => verb.name.split(' ')[0] === noun)) expect(text).toContain(name);
  });

  test.each(verbs.map((verb) => [verb.name, verb] as const))(
    '%s tells all its arguments and flags',
    async (name, verb) => {
      const text = await help(...name.split(' '), '--help');
      expect(text).toContain(`Usage: latchkey ${name}`);
      expect(text).toContain(verb.summary);
      for (const positional of verb.positionals)
        expect(text).toMatch(new RegExp(`^ +${positional.name} +${positional.text}$`, 'm'));
      for (const flag of flagsOf(verb)) {
        expect(text).toContain(`--${flag.name}`);
        expect(text).toContain(flag.text);
      }
      expect(text).toContain('Exit codes');
      expect(await help('help', ...name.split(' '))).toBe(text);
    },
  );

  test('no verb hides behind another one that it starts with', () => {
    for (const [index, { name }] of verbs.entries())
      expect(verbs.slice(0, index).filter((earlier) => name.startsWith(`${earlier.name} `))).toEqual([]);
  });
});
