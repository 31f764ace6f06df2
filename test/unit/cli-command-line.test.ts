import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LatchkeyError } from '../../src-main/contract/errors.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { answeringCore, idleStatus, recordedTerminal } from '../fixtures/terminal.ts';

const receipt = { command: 'c-1', name: 'key.issue', state: 'queued' as const, subject: 'k-1' };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(line: string, terminal: ReturnType<typeof recordedTerminal>): Promise<number> {
  return runCommandLine([...line.split(' '), '--data', folder], terminal);
}

describe('a call of the contract', () => {
  test('gets what was typed and nothing else, and the device is closed after it', async () => {
    const core = answeringCore({ 'keys.list': { items: [], total: 0 } });
    expect(await run('keys list --state active --json', recordedTerminal({ core }))).toBe(0);
    expect(core.asked.at(-1)).toEqual({ name: 'keys.list', input: { state: 'active' } });
    expect(core.closed).toBe(1);
  });

  test('with --json prints one document, which is its answer', async () => {
    const terminal = recordedTerminal({ core: answeringCore({ 'data.tables': { items: [], total: 0 } }) });
    await run('data tables --json', terminal);
    expect(terminal.document()).toEqual({ items: [], total: 0 });
    expect(terminal.said).toEqual([]);
  });

  test('--json may stand in front', async () => {
    const terminal = recordedTerminal({ core: answeringCore({ 'data.tables': { items: [], total: 0 } }) });
    await runCommandLine(['--json', 'data', 'tables', '--data', folder], terminal);
    expect(terminal.document()).toEqual({ items: [], total: 0 });
  });

  test('tells a secret once, alone on standard output', async () => {
    const core = answeringCore({
      'keys.issue': { ...receipt, secret: 'sgk_abc', prefix: 'sgk_a', last4: '_abc', caveat: null },
    });
    const terminal = recordedTerminal({ core });
    expect(await run('keys issue ci', terminal)).toBe(0);
    expect(terminal.printed).toEqual(['sgk_abc']);
    expect(terminal.said.join(' ')).not.toContain('sgk_abc');
  });

  test('a value cannot steer the terminal', async () => {
    const name = 'Zoë\u001b[2J\u202e';
    const item = { id: 'p', email: 'a@b.example', name, role: null, state: 'active' as const, status: null };
    const more = { createdAt: null, updatedAt: null, lastSeenAt: null, pending: 0 };
    const terminal = recordedTerminal({
      core: answeringCore({ 'people.list': { items: [{ ...item, ...more }], total: 1 } }),
    });
    await run('people list', terminal);
    for (const steering of ['\u001b', '\u202e']) expect(terminal.printed.join('\n')).not.toContain(steering);
  });
});

describe('exit codes', () => {
  test('1 for what failed, with its code, in words or as a document', async () => {
    const failing = () =>
      answeringCore({ 'people.list': new LatchkeyError('mirror-damaged', 'The mirror is damaged. Join again.') });
    const inWords = recordedTerminal({ core: failing() });
    expect(await run('people list', inWords)).toBe(1);
    expect(inWords.printed).toEqual([]);
    expect(inWords.said).toEqual(['The mirror is damaged. Join again. (mirror-damaged)']);

    const inJson = recordedTerminal({ core: failing() });
    expect(await run('people list --json', inJson)).toBe(1);
    expect(inJson.document()).toEqual({
      error: { code: 'mirror-damaged', message: 'The mirror is damaged. Join again.' },
    });
  });

  test('2 for wrong usage, also where the core finds it, naming the field', async () => {
    const typed = recordedTerminal({ core: answeringCore({}) });
    expect(await run('people show --json', typed)).toBe(2);
    expect(typed.document()).toMatchObject({ error: { code: 'invalid-input', field: 'person' } });

    const refused = new LatchkeyError('invalid-input', 'reason: Give a reason.', { field: 'reason' });
    const found = recordedTerminal({ core: answeringCore({ 'people.deactivate': refused }) });
    expect(await run('people deactivate x --reason y --json', found)).toBe(2);
    expect(found.document()).toMatchObject({ error: { code: 'invalid-input', field: 'reason' } });
  });

  test.each(['', 'nothing', 'people', 'people nothing', 'central migrate'])(
    '2 for “%s”, which is no command',
    async (line) => {
      const terminal = recordedTerminal();
      expect(await runCommandLine(line.split(' ').filter(Boolean), terminal)).toBe(2);
      expect(terminal.printed).toEqual([]);
      expect(terminal.said.join('\n')).toContain('--help');
    },
  );

  test.each([
    ['status', { ...idleStatus, conflicts: 2 }],
    ['status', { ...idleStatus, mode: 'attention' as const }],
    ['sync', { ...idleStatus, conflicts: 1 }],
  ])('3 where %s finds something to look at', async (line, status) => {
    const core = answeringCore({ 'status.get': status, 'sync.now': status });
    const terminal = recordedTerminal({ core });
    expect(await run(`${line} --json`, terminal)).toBe(3);
    expect(terminal.document()).toEqual(status);
  });

  test.each([
    ['3', 3, false],
    ['0 once repaired', 0, true],
  ])('%s where the mirror differs from central', async (_what, code, repaired) => {
    const users = { table: 'users', rowsHere: 1, rowsCentral: 2, equal: false, repaired, differences: [] };
    const core = answeringCore({ 'mirror.check': { equal: false, tables: [users] } });
    expect(await run('mirror check --json', recordedTerminal({ core }))).toBe(code);
  });
});

describe('the passphrase', () => {
  const answers = { 'people.roles': { items: [], total: 0 } };
  const given = (core: ReturnType<typeof answeringCore>) =>
    core.asked.find(({ name }) => name === 'device.unlock')?.input;

  test('comes from the environment', async () => {
    const core = answeringCore(answers, 'locked');
    await run('people roles', recordedTerminal({ core, env: { LATCHKEY_PASSPHRASE: 'from the environment' } }));
    expect(given(core)).toEqual({ passphrase: 'from the environment' });
  });

  test('comes from a file, without its line end', async () => {
    const core = answeringCore(answers, 'locked');
    writeFileSync(join(folder, 'secret'), 'from a file\n');
    await run(`people roles --passphrase-file ${join(folder, 'secret')}`, recordedTerminal({ core }));
    expect(given(core)).toEqual({ passphrase: 'from a file' });
  });

  test('is asked for where a person sits', async () => {
    const core = answeringCore(answers, 'locked');
    const terminal = recordedTerminal({ core, answers: ['typed'] });
    await run('people roles', terminal);
    expect(terminal.questions).toEqual(['Passphrase: ']);
    expect(given(core)).toEqual({ passphrase: 'typed' });
  });

  test('is missing where nobody does, and that is said', async () => {
    const core = answeringCore(answers, 'locked');
    const terminal = recordedTerminal({ core });
    expect(await run('people roles --json', terminal)).toBe(1);
    expect(terminal.document()).toMatchObject({ error: { code: 'locked' } });
    expect(given(core)).toBeUndefined();
  });

  test('is not needed where the device is unlocked', async () => {
    const core = answeringCore(answers);
    expect(await run('people roles', recordedTerminal({ core }))).toBe(0);
    expect(given(core)).toBeUndefined();
  });

  test('is no argument', async () => {
    expect(await run('people roles --passphrase secret', recordedTerminal({ core: answeringCore(answers) }))).toBe(2);
  });
});

describe('a device that is not open', () => {
  test('says by its status how it stands, without a passphrase and without a question', async () => {
    const locked = { ...idleStatus, mode: 'locked' as const };
    const core = answeringCore({ 'status.get': locked }, 'locked');
    const terminal = recordedTerminal({ core, answers: [] });
    expect(await run('status --json', terminal)).toBe(0);
    expect(terminal.document()).toMatchObject({ mode: 'locked' });
    expect(terminal.questions).toEqual([]);
  });

  test('is named where nobody joined', async () => {
    const terminal = recordedTerminal({ core: answeringCore({}, 'not-enrolled') });
    expect(await run('people list --json', terminal)).toBe(1);
    expect(terminal.document()).toMatchObject({
      error: { code: 'not-enrolled', message: expect.stringContaining(folder) },
    });
  });

  test('a folder that is not there is not made by asking about it', async () => {
    const missing = join(folder, 'missing');
    const terminal = recordedTerminal();
    expect(await runCommandLine(['status', '--json', '--data', missing], terminal)).toBe(0);
    expect(terminal.document()).toMatchObject({ mode: 'not-enrolled' });
    expect(() => rmSync(missing)).toThrow('ENOENT');
  });
});

describe('an owner of the folder that ends meanwhile', () => {
  const gone = new LatchkeyError('disconnected', 'The process ended.');

  test('is asked a question again', async () => {
    let asked = 0;
    const core = answeringCore({});
    const terminal = recordedTerminal({ core });
    const call = core.call;
    core.call = async (name, input) => {
      if (name !== 'people.roles') return call(name, input);
      asked += 1;
      if (asked === 1) throw gone;
      return { items: [], total: 0 } as never;
    };
    expect(await run('people roles --json', terminal)).toBe(0);
    expect(asked).toBe(2);
  });

  test('is not given a command again: it may have been done', async () => {
    const core = answeringCore({ 'people.reactivate': gone });
    expect(await run('people reactivate x', recordedTerminal({ core }))).toBe(1);
    expect(core.asked.filter(({ name }) => name === 'people.reactivate')).toHaveLength(1);
  });
});

test('sync --watch goes on until it is stopped', async () => {
  const core = answeringCore({});
  const terminal = recordedTerminal({ core });
  const running = run('sync --watch --json', terminal);
  setTimeout(() => terminal.stop(), 50);
  expect(await running).toBe(0);
  for (const line of terminal.printed) expect(JSON.parse(line)).toEqual(idleStatus);
  expect(core.closed).toBe(1);
});

test('the version is told', async () => {
  const terminal = recordedTerminal();
  expect(await runCommandLine(['--version', '--json'], terminal)).toBe(0);
  expect(terminal.document()).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
});
