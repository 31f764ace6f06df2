import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { install } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import type { Core } from '../../src-main/core/core.ts';
import { openCore } from '../../src-main/core/open.ts';
import { systemNamed } from '../../src-main/core/systems/index.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { hosts } from '../fixtures/five-systems.ts';
import { passphrase } from '../fixtures/organization.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

/* UBeU does not say who belongs to which enterprise: an administrator states it, by the command line. */

const host = hosts.find(({ system }) => system === 'ubeu')!;
let database: FreshDatabase;
let folder: string;
let core: Core;

async function membership(...args: string[]) {
  const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: database.url } });
  const code = await runCommandLine(['central', 'membership', ...args, '--json'], terminal);
  // biome-ignore lint/suspicious/noExplicitAny: as a script sees it
  return { code, value: terminal.document() as any };
}
async function inWords(...args: string[]): Promise<string> {
  const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: database.url } });
  await runCommandLine(['central', 'membership', ...args], terminal);
  return [...terminal.printed, ...terminal.said].join('\n');
}
const stated = async () =>
  (
    await database.client.query<{ line: string }>(
      `SELECT u.email || ' ' || e.organization_name AS line FROM latchkey.membership m
       JOIN public.users u ON u.id = m.user_id JOIN public.enterprise_accounts e ON e.id = m.enterprise_id ORDER BY 1`,
    )
  ).rows.map(({ line }) => line);

beforeAll(async () => {
  database = await freshDatabase();
  folder = mkdtempSync(join(tmpdir(), 'latchkey-membership-'));
  const { client, url } = database;
  await migrateSystem(client, host.system, 'up');
  await host.fill(client);
  await install(client, systemNamed(host.system));
  const request = { url, organization: 'North', operator: host.operator, device: 'desk', role: 'admin' } as const;
  await expect(enroll(client, request)).rejects.toMatchObject({
    message: expect.stringContaining('latchkey central membership add'),
  });
  expect(await membership('add', 'ADA@north.example', '--organization', 'North')).toMatchObject({
    code: 0,
    value: {
      dryRun: false,
      people: [{ email: 'ada@north.example', before: null, after: { name: 'North' }, devices: [] }],
    },
  });
  const { file } = await enroll(client, request);
  core = await openCore({ dataFolder: join(folder, 'desk'), ports: { secretStore: null, clock: Date.now } });
  await core.call('device.join', { enrollment: file, passphrase });
  await core.call('sync.now', {});
});
afterAll(async () => {
  await core.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const seen = async () => {
  await core.call('sync.now', {});
  expect((await core.call('mirror.check', {})).equal).toBe(true);
  return (await core.call('people.list', {})).items.map(({ email }) => email).sort();
};

test('devices see who was stated to belong to their organization, and lose sight of whom it is taken back of', async () => {
  expect(await seen()).toEqual(['ada@north.example']);
  expect((await membership('add', 'ben@north.example', '--organization', 'North')).code).toBe(0);
  expect(await seen()).toEqual(['ada@north.example', 'ben@north.example']);
  expect(await membership('remove', 'ben@north.example')).toMatchObject({
    code: 0,
    value: { people: [{ before: { name: 'North' }, after: null, devices: [] }] },
  });
  expect(await seen()).toEqual(['ada@north.example']);
  expect(await inWords('remove', 'ben@north.example')).toBe('ben@north.example belongs to no organization already.');
});

test('the list tells who belongs where, and of whom it was never stated', async () => {
  const { code, value } = await membership('list');
  expect({ code, total: value.total }).toEqual({ code: 0, total: 3 });
  const told = value.items.map((one: { email: string; organization: { name: string } | null }) => [
    one.email,
    one.organization?.name,
  ]);
  expect(told).toEqual([
    ['ada@north.example', 'North'],
    ['ben@north.example', undefined],
    ['zoe@south.example', undefined],
  ]);
  const emails = async (...args: string[]) =>
    (await membership('list', ...args)).value.items.map(({ email }: { email: string }) => email);
  expect(await emails('--unstated')).toEqual(['ben@north.example', 'zoe@south.example']);
  expect(await emails('--organization', 'North')).toEqual(['ada@north.example']);
  expect(await emails('--limit', '1', '--offset', '1')).toEqual(['ben@north.example']);
  expect(await membership('list', '--unstated', '--organization', 'North')).toMatchObject({ code: 2 });
  expect(await membership('list', '--organization', 'Nowhere')).toMatchObject({
    code: 1,
    value: { error: { code: 'not-found', field: 'organization' } },
  });
  expect(await inWords('list')).toMatch(/zoe@south.example +– not stated/);
});

describe('all or nobody', () => {
  test('a file with one a line; a dry run changes nothing', async () => {
    const file = join(folder, 'people.txt');
    const { rows } = await database.client.query(`SELECT id FROM public.users WHERE email = 'zoe@south.example'`);
    writeFileSync(file, `\uFEFF# of the wiki\r\nBen@north.example\r\n\r\n${rows[0].id}\r\n`);
    const before = await stated();
    const dry = await membership('add', `@${file}`, '--organization', 'South', '--dry-run');
    expect(dry).toMatchObject({ code: 0, value: { dryRun: true } });
    expect(await stated()).toEqual(before);
    const done = await membership('add', `@${file}`, '--organization', 'South');
    expect(done.value).toEqual({ ...dry.value, dryRun: false });
    expect(await stated()).toEqual(['ada@north.example North', 'ben@north.example South', 'zoe@south.example South']);
    expect(await seen()).toEqual(['ada@north.example']);
  });

  test('whoever is not there, or belongs to another one, is named, and nothing is changed', async () => {
    const before = await stated();
    const file = join(folder, 'wrong.txt');
    writeFileSync(file, 'ada@north.example\nnobody@north.example\n7\n');
    const refused = (code: string, words: string, field: string) => ({
      code: 1,
      value: { error: { code, message: expect.stringContaining(words), field } },
    });
    expect(await membership('add', `@${file}`, '--organization', 'South')).toMatchObject(
      refused('not-found', 'nobody@north.example; 7', 'person'),
    );
    expect(await membership('add', 'ben@north.example', '--organization', 'North')).toMatchObject(
      refused('would-violate', 'ben@north.example (South)', 'move'),
    );
    expect(await membership('add', `@${join(folder, 'absent.txt')}`, '--organization', 'North')).toMatchObject(
      refused('not-found', 'absent.txt', 'person'),
    );
    expect(await membership('add', 'ben@north.example')).toMatchObject({ code: 2 });
    expect(await stated()).toEqual(before);
  });

  test('several people by one email address are told apart by their ids', async () => {
    const twin = '00000000-0000-4000-8000-0000000000aa';
    await database.client.query(
      `INSERT INTO public.users (id, email, primary_did, hcs_topic_id) VALUES ($1, 'BEN@north.example', 'did:ubeu:twin', '0.0.9')`,
      [twin],
    );
    expect(await membership('remove', 'ben@north.example')).toMatchObject({
      code: 1,
      value: { error: { code: 'ambiguous', field: 'person' } },
    });
    expect(await membership('remove', twin)).toMatchObject({ code: 0, value: { people: [{ id: twin }] } });
    await database.client.query('DELETE FROM public.users WHERE id = $1', [twin]);
  });

  test('who moves comes to the other organization’s devices', async () => {
    expect((await membership('add', 'ben@north.example', '--organization', 'North', '--move')).code).toBe(0);
    expect(await seen()).toEqual(['ada@north.example', 'ben@north.example']);
  });
});

test('a device that is left to somebody who does not belong any more is named, and somebody should look', async () => {
  const { code, value } = await membership('remove', 'ada@north.example', '--dry-run');
  expect({ code, devices: value.people[0].devices }).toEqual({ code: 3, devices: [{ id: 'd1', name: 'desk' }] });
  expect(await inWords('remove', 'ada@north.example', '--dry-run')).toContain('latchkey central revoke-device d1');
  expect(await seen()).toContain('ada@north.example');
});

test('a system that says itself who belongs to whom has nothing to state', async () => {
  const other = await freshDatabase();
  try {
    await migrateSystem(other.client, 'smarthub', 'up');
    await install(other.client, systemNamed('smarthub'));
    const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: other.url } });
    expect(await runCommandLine(['central', 'membership', 'list', '--json'], terminal)).toBe(1);
    expect(terminal.document()).toMatchObject({ error: { code: 'not-supported' } });
  } finally {
    await other.drop();
  }
});
