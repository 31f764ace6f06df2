import { cpSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { disclosureDigest, readDisclosure } from '../../src-main/core/audit/disclosure.ts';
import { LogTree } from '../../src-main/core/audit/log-tree.ts';
import { leafHash } from '../../src-main/core/audit/merkle.ts';
import type { HighWaterMark } from '../../src-main/core/audit/own-log.ts';
import { revokeDevice } from '../../src-main/core/central/enroll.ts';
import { maintain } from '../../src-main/core/central/maintain.ts';
import { upgrade } from '../../src-main/core/central/upgrade.ts';
import { type BareDevice, bareDevice, joinedIdentity } from '../fixtures/bare-device.ts';
import { type TestCentral, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let one: BareDevice;
let two: BareDevice;

beforeAll(async () => {
  central = await testCentral();
  one = bareDevice(central, await joinedIdentity(central));
  two = bareDevice(central, await joinedIdentity(central, { operator: 'bjorn@nordhaven.example' }));
  for (const { side } of [one, two]) await side.handle('sync.now', {});
});
afterAll(async () => {
  for (const { side } of [one, two]) await side.close();
  await central.close();
});

interface Leaf {
  act: string;
  dev: string;
  cmd?: string;
  _sd?: string[];
  [field: string]: unknown;
}
const leavesOf = ({ mirror }: BareDevice, from = 0) =>
  (
    mirror.database.prepare('SELECT entry FROM latchkey_log WHERE idx >= ? ORDER BY idx').all(from) as {
      entry: string;
    }[]
  ).map(({ entry }) => JSON.parse(entry) as Leaf);
const sizeOf = ({ mirror }: BareDevice) => new LogTree(mirror, 'organization').size;
const edit = async ({ side }: BareDevice, name: string) =>
  (
    (await side.handle('people.edit', { person: 'dario@nordhaven.example', name, reason: 'a new name' })) as {
      command: string;
    }
  ).command;
const sync = ({ side }: BareDevice) => side.handle('sync.now', {});
const integrity = ({ mirror }: BareDevice) =>
  mirror.database.prepare('SELECT kind, place, details FROM latchkey_finding').all();

test('every device holds the same log, and central the same tree', async () => {
  await edit(one, 'Dario the First');
  await sync(one);
  await sync(two);
  expect(leavesOf(two)).toEqual(leavesOf(one));
  const { rows } = await central.client.query(
    `SELECT encode(log_root, 'base64') AS root, (SELECT string_agg(leaf_hash, '' ORDER BY idx) FROM latchkey.audit_leaf WHERE organization = o.id) AS hashes
     FROM latchkey.organization o WHERE id = $1`,
    [central.nordhaven],
  );
  for (const { mirror } of [one, two]) {
    const tree = new LogTree(mirror, 'organization');
    expect(tree.root().toString('base64')).toBe(rows[0].root);
    expect(tree.leaves(0, tree.size)).toEqual(rows[0].hashes);
  }
});

test('an entry is followed by its device’s note and by what became of its command', async () => {
  const before = sizeOf(one);
  const command = await edit(one, 'Dario the Second');
  await sync(one);
  expect(leavesOf(one, before)).toMatchObject([
    { act: 'person.edit', dev: one.identity.device.id, cmd: command, cen: [before, expect.any(String)] },
    { act: 'device.checkpoint', dev: 'central', obj: { id: one.identity.device.id, t: 'latchkey.device' } },
    { act: 'command.result', dev: 'central', cmd: command, out: 'applied', prj: { t: 'audit_events' } },
  ]);
});

test('what an entry discloses reaches the other devices beside it, and is what its digests are of', async () => {
  const before = sizeOf(one);
  await edit(one, 'Dario the Third');
  await sync(one);
  await sync(two);
  const [entry] = leavesOf(two, before);
  const disclosed = entry!._sd!.map((digest) => {
    const found = two.mirror.database
      .prepare('SELECT disclosure FROM latchkey_disclosure WHERE digest = ?')
      .get(digest);
    const { disclosure } = found as { disclosure: string };
    expect(disclosureDigest(disclosure)).toBe(digest);
    return readDisclosure(disclosure);
  });
  expect(Object.fromEntries(disclosed.map(({ name, value }) => [name, value]))).toMatchObject({
    actor: { email: 'astrid@nordhaven.example' },
    object: { table: 'users' },
    reason: 'a new name',
    summary: expect.stringContaining('Dario the Third'),
    changes: [{ table: 'users', op: 'update', after: { full_name: 'Dario the Third' } }],
  });
  expect(JSON.stringify(entry)).not.toMatch(/Dario|astrid|a new name/);
});

describe('what others wrote', () => {
  test('to people is a leaf with the next push, without what Latchkey itself wrote', async () => {
    await sync(one);
    const { id } = (await central.person('chloe@nordhaven.example')) as { id: string };
    await central.client.query(`UPDATE api_service.users SET full_name = 'By the host' WHERE id = $1`, [id]);
    await central.client.query(`UPDATE api_service.organizations SET name = name`);
    const before = sizeOf(one);
    await edit(one, 'Dario the Fourth');
    await sync(one);
    const wrote = leavesOf(one, before).filter(({ act }) => act === 'host.wrote');
    expect(wrote).toMatchObject([
      {
        dev: 'central',
        obj: { t: 'users', id: '*' },
        n: 1,
        rows: [{ id, op: 'update' }],
        h: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
    await edit(one, 'Dario the Fifth');
    const after = sizeOf(one);
    await sync(one);
    expect(leavesOf(one, after).map(({ act }) => act)).not.toContain('host.wrote');
  });

  test('to more than a hundred rows is told by their number and hash', async () => {
    await central.client.query(
      `INSERT INTO api_service.user_sessions (user_id, access_token, expires_at)
       SELECT u.id, 'token ' || n, now() + INTERVAL '1 hour' FROM api_service.users u, generate_series(1, 150) n WHERE email = 'chloe@nordhaven.example'`,
    );
    const before = sizeOf(one);
    await edit(one, 'Dario the Sixth');
    await sync(one);
    const [wrote] = leavesOf(one, before).filter(({ act }) => act === 'host.wrote');
    expect(wrote).toMatchObject({ obj: { t: 'user_sessions' }, n: 150 });
    expect(wrote).not.toHaveProperty('rows');
  });
});

test('a device that was revoked is in the log as such, and others take nothing more of it', async () => {
  const third = bareDevice(central, await joinedIdentity(central, { operator: 'chloe@nordhaven.example' }));
  await third.side.handle('sync.now', {});
  await third.side.close();
  await revokeDevice(central.client, third.identity.device.id);
  const before = sizeOf(one);
  await sync(one);
  expect(leavesOf(one, before).map(({ act, obj }) => [act, (obj as { id: string }).id])).toEqual([
    ['device.join', third.identity.device.id],
    ['device.revoke', third.identity.device.id],
  ]);
  expect(integrity(one)).toEqual([]);
});

test('upkeep, an upgrade and a quiet day find nothing', async () => {
  await maintain(central.client, { keepWeeks: 6, dryRun: false });
  await upgrade(central.client, null);
  for (const device of [one, two]) await sync(device);
  expect(integrity(one)).toEqual([]);
  await expect(central.client.query('DELETE FROM latchkey.audit_leaf')).rejects.toMatchObject({ code: 'LK451' });
});

describe('this device’s own log', () => {
  test('is signed to its last entry, whatever was sent', async () => {
    await edit(two, 'Dario offline');
    const found = (await two.side.handle('audit.check', {})) as {
      own: { size: number; unsent: number; checkpoint: string };
      state: string;
    };
    const { own } = found;
    expect(found.state).toBe('trusted');
    expect(own.unsent).toBe(1);
    expect(own.checkpoint.split('\n')[1]).toBe(String(own.size));
  });

  test('that was edited in its file is found', async () => {
    const folder = central.folder();
    const device = bareDevice(central, await joinedIdentity(central), { folder });
    await device.side.handle('sync.now', {});
    await edit(device, 'Dario the Edited');
    device.mirror.database
      .prepare(
        `UPDATE latchkey_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'person.edit', 'person.quit') AS BLOB)`,
      )
      .run();
    expect(await device.side.handle('audit.check', {})).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ kind: 'own-log-rolled-back' })]),
    });
    await device.side.close();
  });

  test('that is an older copy than the secret store remembers is found at once', async () => {
    let mark: HighWaterMark | null = null;
    const identity = await joinedIdentity(central);
    const first = bareDevice(central, identity, {
      remembered: null,
      onHighWater: (told) => {
        mark = told;
      },
    });
    await first.side.handle('sync.now', {});
    await edit(first, 'Dario before');
    await first.side.close();
    const { size } = mark!;
    expect(size).toBe(1);
    const reopened = () => bareDevice(central, identity, { folder: first.folder, databaseKey: first.databaseKey });
    for (const [remembered, found] of [
      [{ size: 1, root: mark!.root }, 0],
      [{ size: 2, root: mark!.root }, 1],
    ] as [HighWaterMark, number][]) {
      const again = bareDevice(central, identity, { folder: first.folder, databaseKey: first.databaseKey, remembered });
      expect(integrity(again)).toHaveLength(found);
      expect(again.mirror.meta('rollback_protection')).toBe('true');
      await again.side.close();
    }
    const without = reopened();
    expect(without.mirror.meta('rollback_protection')).toBe('false');
    await without.side.close();
  });
});

test('a folder that is used in two places is a fork of its log, found where it cannot go on', async () => {
  const identity = await joinedIdentity(central);
  const original = bareDevice(central, identity);
  await sync(original);
  await edit(original, 'Dario before the copy');
  await sync(original);
  await original.side.close();
  const folder = central.folder();
  cpSync(original.folder, folder, { recursive: true });
  const again = bareDevice(central, identity, { folder: original.folder, databaseKey: original.databaseKey });
  const copy = bareDevice(central, identity, { folder, databaseKey: original.databaseKey });
  await edit(again, 'Dario of the original');
  await sync(again);
  await edit(copy, 'Dario of the copy');
  await expect(sync(copy)).rejects.toMatchObject({ code: 'device-rewound' });
  expect(integrity(copy)).toMatchObject([{ kind: 'own-log-forked' }]);
  expect(integrity(again)).toEqual([]);
  for (const { side } of [again, copy]) await side.close();
});

test('a tree in tiles has the roots that its leaves have, at every size, and can be cut', () => {
  const tree = new LogTree(two.mirror, 'device');
  const { mirror } = two;
  mirror.database.exec('SAVEPOINT tiles');
  const before = tree.size;
  const roots = new Map<number, string>();
  for (let n = 0; n < 700; n += 7) {
    tree.append(Array.from({ length: 7 }, (_, k) => leafHash(Buffer.from(`leaf ${n + k}`))));
    roots.set(tree.size, tree.root().toString('hex'));
  }
  for (const [size, root] of roots) expect(tree.root(size).toString('hex')).toBe(root);
  for (const size of [...roots.keys()].toReversed()) {
    tree.truncate(size);
    expect([tree.size, tree.root().toString('hex')]).toEqual([size, roots.get(size)]);
  }
  expect(tree.size).toBe(before + 7);
  mirror.database.exec('ROLLBACK TO tiles; RELEASE tiles');
});
