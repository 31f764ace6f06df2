import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCodes } from '../../src-main/contract/errors.ts';
import { type CallName, contract } from '../../src-main/contract/index.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let device: TestDevice;

beforeAll(async () => {
  central = await testCentral();
  device = await central.device();
});
afterAll(() => central.close());

const names = Object.keys(contract) as CallName[];
const malformed: [string, unknown][] = [
  ['text', 'DROP TABLE users'],
  ['a number', 42],
  ['an array', []],
  ['an unknown field', { sql: 'SELECT 1' }],
  ['a prototype', JSON.parse('{"__proto__": {"polluted": true}, "constructor": {}}')],
  [
    'fields of wrong types',
    {
      person: { $ne: null },
      key: 1,
      limit: '1; DROP',
      command: [],
      conflict: {},
      passphrase: 7,
      table: 3,
      id: {},
      search: 5,
      label: 1,
      email: 2,
      workOffline: 'yes',
      enrollment: 3,
      take: 'all',
    },
  ],
  [
    'huge text',
    {
      search: 'x'.repeat(1_000_000),
      person: 'x'.repeat(1_000_000),
      key: 'x'.repeat(1_000_000),
      passphrase: 'x'.repeat(1_000_000),
      table: 'x'.repeat(1_000_000),
    },
  ],
];

describe.each(names)('%s', (name) => {
  test.each(malformed)('refuses %s with a named error', async (_what, input) => {
    const error = await device.core.handle(name, input).then(
      (value) => ({ code: 'answered', value }),
      (thrown: { code: string; message: string }) => thrown,
    );
    expect(error.code).toBe('invalid-input');
    expect(errorCodes).toContain(error.code);
    expect((error as { message: string }).message.length).toBeGreaterThan(10);
  });
});

test.each([['sql.run'], ['__proto__'], ['constructor'], ['toString'], [''], [null], [{}], [7]])(
  'there is no call %j',
  async (name) => {
    await expect(device.core.handle(name, {})).rejects.toMatchObject({ code: 'unknown-call' });
  },
);

test('no call takes SQL: names of tables and columns are looked up, values are bound', async () => {
  for (const table of ['users; DROP TABLE users', 'latchkey_outbox', 'sqlite_schema', 'users"--', "users' OR 1=1"]) {
    await expect(device.core.handle('data.list', { table })).rejects.toMatchObject({ code: 'not-found' });
  }
  const before = await device.core.call('people.list', {});
  for (const search of [`'; DROP TABLE users; --`, `%`, `_`, `" OR 1=1 --`, `\\`, `é'`]) {
    const found = await device.core.call('people.list', { search });
    expect(found.total).toBe(0);
    await device.core.call('audit.list', { search });
    await device.core.call('keys.list', { search });
    await device.core.call('data.list', { table: 'users', search });
  }
  expect(await device.core.call('people.list', {})).toEqual(before);
});

test('a locked device and one that has not joined answer with what they are', async () => {
  await device.core.call('device.lock', {});
  for (const name of names.filter((one) => contract[one].needs === 'unlocked')) {
    const sample = {
      person: 'x',
      key: 'x',
      command: crypto.randomUUID(),
      conflict: crypto.randomUUID(),
      finding: crypto.randomUUID(),
      confirm: 'a@b.example',
      export: crypto.randomUUID(),
      offset: 0,
      actions: ['x'],
      take: 'mine',
      decision: 'release',
      table: 'users',
      id: 'x',
      reason: 'because',
      label: 'x',
      email: 'a@b.example',
      name: 'x',
      role: 'user',
      workOffline: true,
    };
    const shape = Object.keys((contract[name].input as unknown as { shape?: object }).shape ?? {});
    const input = Object.fromEntries(Object.entries(sample).filter(([field]) => shape.includes(field)));
    await expect(device.core.handle(name, input), name).rejects.toMatchObject({ code: 'locked' });
  }
});
