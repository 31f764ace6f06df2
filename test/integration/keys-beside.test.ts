import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalText } from '../../src-main/core/audit/canonical.ts';
import { fillDemo, fillDemoSidecars } from '../../src-main/core/central/demo/index.ts';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { install } from '../../src-main/core/central/install.ts';
import { maintain, maintainKeys } from '../../src-main/core/central/maintain.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { health } from '../../src-main/core/central/operations/health.ts';
import { upgrade } from '../../src-main/core/central/upgrade.ts';
import type { Core } from '../../src-main/core/core.ts';
import { openCore } from '../../src-main/core/open.ts';
import { systemNamed } from '../../src-main/core/systems/index.ts';
import { runCommandLine } from '../../src-main/hosts/cli/command-line.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { connectAsDevice, identityOf } from '../fixtures/device-login.ts';
import { hosts } from '../fixtures/five-systems.ts';
import { passphrase, type TestDevice } from '../fixtures/organization.ts';
import { recordedTerminal } from '../fixtures/terminal.ts';

/* UBeU has a switch on its keys and nothing else: when a key ends and where it came from stands in a sidecar. */

const host = hosts.find(({ system }) => system === 'ubeu')!;
const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');

let database: FreshDatabase;
let folder: string;
let core: Core;
let other: Core;

const open = async (name: string) => {
  const { client, url } = database;
  const { file } = await enroll(client, {
    url,
    organization: host.organization!,
    operator: host.operator,
    device: name,
    role: 'operator',
  });
  const opened = await openCore({ dataFolder: join(folder, name), ports: { secretStore: null, clock: Date.now } });
  await opened.call('device.join', { enrollment: file, passphrase });
  await opened.call('sync.now', {});
  return opened;
};

beforeAll(async () => {
  database = await freshDatabase();
  folder = mkdtempSync(join(tmpdir(), 'latchkey-beside-'));
  const { client } = database;
  await migrateSystem(client, host.system, 'up');
  await host.fill(client);
  await install(client, systemNamed(host.system));
  await host.fillSidecars!(client);
  core = await open('one');
  other = await open('two');
});
afterAll(async () => {
  await core.close();
  await other.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const sync = async (device = core) =>
  expect(await device.call('sync.now', {})).toMatchObject({ pending: 0, conflicts: 0, problem: null });
const show = (key: string, device = core) => device.call('keys.show', { key });
const hostAccepts = async (secret: string) =>
  (await database.client.query(host.authorization!, [hash(secret)])).rowCount === 1;
const isValid = async (secret: string, at = 'now()') =>
  (await database.client.query(`SELECT latchkey.key_is_valid($1, ${at}) AS valid`, [hash(secret)])).rows[0].valid;
const issue = (label: string, expiresInDays: number | null = 30, device = core) =>
  device.call('keys.issue', { label, scopes: [], expiresInDays });
/** As if a month had passed. */
const runOut = (key: string) =>
  database.client.query(
    `UPDATE latchkey.key_lifetime SET expires_at = now() - INTERVAL '20 minutes' WHERE key_id = $1`,
    [key],
  );
const leaves = async () =>
  (
    await database.client.query<{ said: Record<string, unknown> }>(
      `SELECT convert_from(entry, 'UTF8')::JSONB AS said FROM latchkey.audit_leaf WHERE device IS NULL ORDER BY idx`,
    )
  ).rows.map(({ said }) => said);
const keysFinding = async () => (await health(database.client)).findings.filter(({ area }) => area === 'keys');

test('a key has an end, which is honoured by key_is_valid, and by the host only once upkeep has run: it is said at once', async () => {
  const issued = await issue('with an end');
  expect(issued.caveat).toMatch(
    /^UBeU does not look at when a key ends: .*books only.*maintain --keys.*key_is_valid\.$/,
  );
  expect(await show(issued.subject)).toMatchObject({
    endedBy: 'upkeep',
    stillAccepted: false,
    state: 'active',
    pending: 1,
  });
  await sync();
  const { expiresAt } = await show(issued.subject);
  expect(Math.abs(Date.parse(expiresAt!) - Date.now() - 30 * 86_400_000)).toBeLessThan(60_000);
  expect(await isValid(issued.secret)).toBe(true);
  expect(await isValid(issued.secret, `now() + INTERVAL '31 days'`)).toBe(false);
  expect((await issue('without an end', null)).caveat).toBe(null);
  expect((await core.call('device.state', {})).system!.caveats['keys.expiry']).toContain('key_is_valid');
  await sync();
});

test('a rotation keeps where the key came from and an overlap, offline and in force', async () => {
  const old = await issue('rotated', null);
  await sync();
  await core.call('sync.set-offline', { workOffline: true });
  const fresh = await core.call('keys.rotate', { key: old.subject, overlapSeconds: 3_600 });
  expect(fresh.caveat).toContain('books only');
  const lineage = [
    { id: old.subject, state: 'retiring' },
    { id: expect.any(String), state: 'active' },
  ];
  expect(await show(old.subject)).toMatchObject({ state: 'retiring', pending: 1, lineage });
  await expect(core.call('keys.rotate', { key: old.subject, overlapSeconds: 0 })).rejects.toMatchObject({
    code: 'would-violate',
    message: expect.stringContaining('already in its overlap'),
  });
  await core.call('sync.set-offline', { workOffline: false });
  await sync();
  expect(await show(old.subject)).toMatchObject({ state: 'retiring', pending: 0, lineage, endedBy: 'upkeep' });
  const [, version] = (await show(old.subject)).lineage;
  expect(await show(version!.id)).toMatchObject({ rotatedFrom: old.subject, state: 'active', expiresAt: null });
  expect([await isValid(old.secret), await isValid(fresh.secret)]).toEqual([true, true]);
  expect(await isValid(old.secret, `now() + INTERVAL '61 minutes'`)).toBe(false);
  const retiring = await core.call('keys.list', { state: 'retiring' });
  expect(retiring.items.map(({ id }) => id)).toEqual([old.subject]);
});

test('two devices that rotate one key offline both have their way, and the earlier end counts', async () => {
  const old = await issue('rotated twice', null);
  await sync();
  await sync(other);
  const devices = [core, other];
  for (const device of devices) await device.call('sync.set-offline', { workOffline: true });
  await core.call('keys.rotate', { key: old.subject, overlapSeconds: 86_400 });
  await other.call('keys.rotate', { key: old.subject, overlapSeconds: 3_600 });
  for (const device of devices) await device.call('sync.set-offline', { workOffline: false });
  await sync();
  await sync(other);
  await sync();
  const { rows } = await database.client.query(
    `SELECT expires_at < now() + INTERVAL '61 minutes' AS early FROM latchkey.key_lifetime WHERE key_id = $1`,
    [old.subject],
  );
  expect(rows).toEqual([{ early: true }]);
  expect((await show(old.subject)).lineage.map(({ state }) => state)).toEqual(['retiring', 'active', 'active']);
});

describe('a key that has run out', () => {
  test('is accepted by the host, said to be, and revoked by central’s upkeep, with a leaf in the log', async () => {
    const issued = await issue('runs out');
    await sync();
    await runOut(issued.subject);
    await sync();
    expect([await hostAccepts(issued.secret), await isValid(issued.secret)]).toEqual([true, false]);
    expect(await show(issued.subject)).toMatchObject({ state: 'expired', stillAccepted: true });
    expect(await keysFinding()).toMatchObject([{ severity: 'critical', facts: { keys: 1 } }]);

    const { rows } = await database.client.query('SELECT id FROM latchkey.organization');
    const ended = [{ organization: rows[0].id, key: issued.subject, expiresAt: expect.any(String), problem: null }];
    const before = await leaves();
    expect(await maintainKeys(database.client, { dryRun: true })).toEqual(ended);
    expect(await hostAccepts(issued.secret)).toBe(true);
    expect((await maintain(database.client, { keepWeeks: 6, dryRun: false })).endedKeys).toEqual(ended);
    expect(await hostAccepts(issued.secret)).toBe(false);
    expect((await leaves()).slice(before.length)).toEqual([
      {
        act: 'key.expire',
        dev: 'central',
        expires: expect.stringMatching(/Z$/),
        obj: { id: issued.subject, t: 'enterprise_api_keys' },
        org: rows[0].id,
        ts: expect.stringMatching(/Z$/),
        v: 'latchkey/1',
      },
    ]);
    expect(await maintainKeys(database.client, { dryRun: false })).toEqual([]);
    expect(await keysFinding()).toMatchObject([{ severity: 'ok' }]);
    await sync();
    expect(await show(issued.subject)).toMatchObject({ state: 'expired', stillAccepted: false });
    expect((await core.call('mirror.check', {})).equal).toBe(true);
  });

  test('is not said to have been written by others than Latchkey, and what others write to it still is', async () => {
    const [ended, renamed] = [await issue('ended by the upkeep'), await issue('renamed by the host')];
    await sync();
    await runOut(ended.subject);
    const before = (await leaves()).length;
    const wrote = async () => {
      await issue('brings a push', null);
      await sync();
      const told = (await leaves()).slice(before).filter(({ act }) => act === 'host.wrote');
      return told.flatMap(({ obj, rows }) =>
        (obj as { t: string }).t === 'enterprise_api_keys' ? (rows as { id: string }[]).map(({ id }) => id) : [],
      );
    };
    await maintainKeys(database.client, { dryRun: false });
    expect(await wrote()).toEqual([]);
    await database.client.query(`UPDATE public.enterprise_api_keys SET name = 'x' WHERE id = ANY ($1)`, [
      [ended.subject, renamed.subject],
    ]);
    expect(await wrote()).toEqual([ended.subject, renamed.subject].sort());
    expect((await database.client.query('SELECT upkeep FROM latchkey.organization')).rows).toEqual([{ upkeep: '{}' }]);
  });

  test('is told by the command line: what it shows, what the upkeep does, and when somebody should look', async () => {
    const issued = await issue('by the command line');
    await sync();
    await runOut(issued.subject);
    const run = async (...args: string[]) => {
      const terminal = recordedTerminal({ env: { LATCHKEY_CENTRAL_URL: database.url } });
      const code = await runCommandLine(['central', ...args], terminal);
      return { code, printed: terminal.printed.join('\n') };
    };
    const dry = await run('maintain', '--keys', '--dry-run', '--json');
    expect({ ...dry, printed: JSON.parse(dry.printed) }).toMatchObject({
      code: 0,
      printed: { dryRun: true, endedKeys: [{ key: issued.subject, problem: null }] },
    });
    expect(await run('health')).toMatchObject({
      code: 3,
      printed: expect.stringMatching(/CRITICAL +keys +1 keys are accepted beyond their end, for up to 20 minutes/),
    });
    expect(await run('maintain', '--keys')).toMatchObject({
      code: 0,
      printed: expect.stringMatching(/^1 keys .*revoked/),
    });
    expect(await run('maintain', '--keys', '--host')).toMatchObject({ code: 2 });
    expect(await hostAccepts(issued.secret)).toBe(false);
    await sync();
  });

  test('can be revoked from a device at once', async () => {
    const issued = await issue('revoked late');
    await sync();
    await runOut(issued.subject);
    await sync();
    await core.call('keys.revoke', { key: issued.subject, reason: 'cannot wait for the upkeep', compromised: false });
    await sync();
    expect(await hostAccepts(issued.secret)).toBe(false);
    expect(await maintainKeys(database.client, { dryRun: false })).toEqual([]);
    expect(await show(issued.subject)).toMatchObject({ state: 'revoked', stillAccepted: false });
  });

  test('is left, and named, while somebody holds its row; others are ended', async () => {
    const [held, free] = [await issue('held'), await issue('free')];
    await sync();
    await runOut(held.subject);
    await runOut(free.subject);
    const writer = new pg.Client({ connectionString: database.url });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query('UPDATE public.enterprise_api_keys SET name = name WHERE id = $1', [held.subject]);
    const told = await maintainKeys(database.client, { dryRun: false });
    expect(told.map(({ key, problem }) => [key, problem]).sort()).toEqual(
      [
        [held.subject, 'other work holds its row'],
        [free.subject, null],
      ].sort(),
    );
    expect([await hostAccepts(held.secret), await hostAccepts(free.secret)]).toEqual([true, false]);
    await writer.query('COMMIT');
    await writer.end();
    expect(await maintainKeys(database.client, { dryRun: false })).toMatchObject([
      { key: held.subject, problem: null },
    ]);
    expect(await hostAccepts(held.secret)).toBe(false);
  });
});

test('no device writes what is beside another organization’s key, nor learns whether there is one', async () => {
  const { client } = database;
  const { rows: south } = await client.query(
    `SELECT id FROM public.enterprise_accounts WHERE organization_name = 'South'`,
  );
  const foreign = 'f0000000-0000-4000-8000-000000000001';
  await client.query(`INSERT INTO public.enterprise_api_keys (id, enterprise_id, name) VALUES ($1, $2, 'theirs')`, [
    foreign,
    south[0].id,
  ]);
  const third = await open('three');
  await third.close();
  const device = { folder: join(folder, 'three') } as TestDevice;
  const {
    device: { id },
    organization,
  } = await identityOf(device);
  const login = await connectAsDevice(device);
  let position = 0;
  const push = async (op: string, key: string) => {
    const change = { table: 'key_lifetime', key: [key], op, base: {}, set: {}, from_acceptance: { expires_at: 5 } };
    const changes = JSON.stringify({ changes: [change], reason: null, salt: 'c2FsdA', subject: { table: 'x', key } });
    const command = {
      id: crypto.randomUUID(),
      name: 'key.rotate',
      made_at: '2026-11-20T00:00:00Z',
      requires: [],
      changes,
    };
    position += 1;
    const entry = canonicalText({
      ...{ v: 'latchkey/1', org: organization.id, dev: id, seq: position, act: 'key.rotate', cmd: command.id },
      chg: { h: hash(changes) },
    });
    const { rows } = await login.query('SELECT latchkey.push($1, $2, $3) AS answer', [
      JSON.stringify([{ position, entry }]),
      JSON.stringify([command]),
      `origin\n${position}\nroot\n`,
    ]);
    const { state, context } = rows[0].answer.receipts[0];
    return { state, context };
  };
  const absent = 'f0000000-0000-4000-8000-00000000000f';
  const theirs = { insert: await push('insert', foreign), update: await push('update', foreign) };
  expect(theirs).toMatchObject({
    insert: { state: 'refused', context: { code: 'LK404' } },
    update: { state: 'conflict' },
  });
  const words = (value: unknown) => JSON.stringify(value).replaceAll(foreign, absent);
  expect({ insert: await push('insert', absent), update: await push('update', absent) }).toEqual(
    JSON.parse(words(theirs)),
  );
  // Once South says something of it itself, nothing changes for others.
  await client.query('INSERT INTO latchkey.key_lifetime (key_id) VALUES ($1)', [foreign]);
  expect(await push('insert', foreign)).toEqual(theirs.insert);
  expect(
    (await client.query('SELECT expires_at FROM latchkey.key_lifetime WHERE key_id = $1', [foreign])).rows,
  ).toEqual([{ expires_at: null }]);
  await login.end();
});

test('the host deletes and empties its keys as if nobody else knew of them, and what was beside them goes with the upkeep', async () => {
  const { client } = database;
  const issued = await issue('deleted');
  await sync();
  await client.query('DELETE FROM public.enterprise_api_keys WHERE id = $1', [issued.subject]);
  await sync();
  await expect(show(issued.subject)).rejects.toMatchObject({ code: 'not-found' });
  await maintainKeys(client, { dryRun: false });
  const kept = () => client.query('SELECT FROM latchkey.key_lifetime WHERE key_id = $1', [issued.subject]);
  expect((await kept()).rowCount).toBe(0);
  await client.query('TRUNCATE public.enterprise_api_keys');
  await sync();
  expect((await core.call('keys.list', {})).total).toBe(0);
});

test('a database that was installed before there was a sidecar for it gets one by an upgrade, and its devices with it', async () => {
  const old = await freshDatabase();
  try {
    const { client } = old;
    await migrateSystem(client, host.system, 'up');
    await host.fill(client);
    const { tables, keys, ...rest } = systemNamed(host.system);
    const { key_lifetime: _sidecar, ...before } = tables;
    const { beside: _beside, ...plainKeys } = keys!;
    await install(client, { ...rest, tables: before, keys: plainKeys });
    await host.fillSidecars!(client);
    const request = { url: old.url, organization: host.organization!, operator: host.operator };
    const { file } = await enroll(client, { ...request, device: 'old', role: 'operator' });
    const device = await openCore({ dataFolder: join(folder, 'old'), ports: { secretStore: null, clock: Date.now } });
    await device.call('device.join', { enrollment: file, passphrase });
    await device.call('sync.now', {});
    const key = (await device.call('keys.list', {})).items[0]!;
    expect(key).toMatchObject({ state: 'active', expiresAt: null, endedBy: null });
    await expect(device.call('keys.rotate', { key: key.id, overlapSeconds: 60 })).rejects.toMatchObject({
      code: 'central-too-old',
      message: expect.stringContaining('latchkey central upgrade'),
    });

    await upgrade(client, systemNamed(host.system));
    await device.call('sync.now', {});
    await device.call('keys.rotate', { key: key.id, overlapSeconds: 60 });
    await device.call('sync.now', {});
    expect(await device.call('keys.show', { key: key.id })).toMatchObject({ state: 'retiring', pending: 0 });
    expect((await device.call('mirror.check', {})).equal).toBe(true);
    await device.close();
  } finally {
    await old.drop();
  }
});

test('the demo has keys in their overlap, and some that end soon', async () => {
  const demo = await freshDatabase();
  try {
    await migrateSystem(demo.client, 'ubeu', 'up');
    await fillDemo(demo.client, 'ubeu', { now: new Date() });
    await install(demo.client, systemNamed('ubeu'));
    for (const _time of ['first', 'again']) await fillDemoSidecars(demo.client, 'ubeu');
    const { rows } = await demo.client.query(
      `SELECT count(*) = count(k.id) AS whole, bool_or(k.active AND b.expires_at < now() + INTERVAL '6 days') AS soon, count(b.rotated_from) > 3 AS rotated,
         (SELECT count(*)::INTEGER FROM latchkey.overdue_keys()) AS overdue
       FROM latchkey.key_lifetime b LEFT JOIN public.enterprise_api_keys k ON k.id = b.key_id`,
    );
    expect(rows).toEqual([{ whole: true, soon: true, rotated: true, overdue: 0 }]);
  } finally {
    await demo.drop();
  }
});
