import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorShape } from '../../src-main/contract/errors.ts';
import { enroll } from '../../src-main/core/central/enroll.ts';
import type { Core } from '../../src-main/core/core.ts';
import type { Identity } from '../../src-main/core/identity.ts';
import { inMirrorWords, openMirror } from '../../src-main/core/mirror/open.ts';
import { openCore } from '../../src-main/core/open.ts';
import { plainPorts } from '../../src-main/core/ports.ts';
import { Vault } from '../../src-main/core/vault/vault.ts';
import { type BareDevice, bareDevice, joinedIdentity } from '../fixtures/bare-device.ts';
import { passphrase, type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';
import { smallDisk } from '../fixtures/small-disk.ts';

let central: TestCentral;
beforeAll(async () => {
  central = await testCentral();
});
afterAll(() => central.close());

const inWords = (error: ErrorShape) => {
  expect(error.code, error.message).not.toBe('internal');
  expect(error.message).not.toMatch(/\n\s+at |SqliteError|node:/);
  return error;
};
const failure = (work: Promise<unknown>): Promise<ErrorShape> =>
  work.then(
    () => {
      throw new Error('This was to fail.');
    },
    (error: ErrorShape) => inWords(error),
  );
const hashes = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => /^(vault\.json|mirror\.db)$/.test(name))
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  );
/** A device's files as they are, in a folder of their own. */
const copyOf = (folder: string, names = ['vault.json', 'mirror.db', 'mirror.db-wal']) => {
  const copy = central.folder();
  for (const name of names) if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(copy, name));
  return copy;
};
async function withFolder<T>(dataFolder: string, work: (core: Core) => Promise<T>): Promise<T> {
  const core = await openCore({ dataFolder, ports: plainPorts });
  try {
    return await work(core);
  } finally {
    await core.close();
  }
}
const closedDevice = async (): Promise<TestDevice> => {
  const device = await central.device();
  await device.core.close();
  return device;
};

describe('the vault', () => {
  test('keeps shut for a wrong passphrase, and nothing changes', async () => {
    const { folder } = await closedDevice();
    const before = hashes(folder);
    await withFolder(folder, async (core) => {
      expect(await failure(core.call('device.unlock', { passphrase: 'not this one at all' }))).toMatchObject({
        code: 'wrong-passphrase',
        field: 'passphrase',
      });
      expect((await core.call('device.state', {})).state).toBe('locked');
      expect((await core.call('device.unlock', { passphrase })).state).toBe('unlocked');
    });
    expect(hashes(folder)['vault.json']).toBe(before['vault.json']);
  });

  test.each<[string, (path: string) => void, string]>([
    ['empty', (path) => writeFileSync(path, ''), 'mirror-damaged'],
    ['cut short', (path) => truncateSync(path, 300), 'mirror-damaged'],
    ['other JSON', (path) => writeFileSync(path, '{"format":"latchkey-vault/1"}'), 'mirror-damaged'],
    [
      'of a later format',
      (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('vault/1', 'vault/9')),
      'mirror-damaged',
    ],
    [
      'with an identity that was tampered with',
      (path) => {
        const vault = JSON.parse(readFileSync(path, 'utf8'));
        vault.identity.data = `AAAA${vault.identity.data.slice(4)}`;
        writeFileSync(path, JSON.stringify(vault));
      },
      'mirror-damaged',
    ],
    [
      'a folder',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
      'folder-unusable',
    ],
  ])('that is %s is said to be damaged, and nothing changes', async (_what, damage, code) => {
    const { folder } = await closedDevice();
    damage(join(folder, 'vault.json'));
    const before =
      existsSync(join(folder, 'vault.json')) && statSync(join(folder, 'vault.json')).isFile() && hashes(folder);
    await withFolder(folder, async (core) => {
      expect(await failure(core.call('device.unlock', { passphrase }))).toMatchObject({
        code,
        message: expect.stringContaining('Nothing was changed'),
      });
    });
    if (before) expect(hashes(folder)).toEqual(before);
  });

  test('that is gone leaves a mirror that nobody can open, and no enrollment is wasted on it', async () => {
    const { folder } = await closedDevice();
    rmSync(join(folder, 'vault.json'));
    const { file } = await enroll(central.client, {
      url: central.url,
      organization: 'Nordhaven',
      operator: 'astrid@nordhaven.example',
      device: 'again',
      role: 'admin',
    });
    await withFolder(folder, async (core) => {
      expect((await core.call('device.state', {})).state).toBe('not-enrolled');
      expect(await failure(core.call('device.join', { enrollment: file, passphrase }))).toMatchObject({
        code: 'mirror-damaged',
        message: expect.stringContaining('vault.json'),
      });
    });
    await withFolder(central.folder(), async (core) => {
      expect((await core.call('device.join', { enrollment: file, passphrase })).state).toBe('unlocked');
    });
  });
});

describe('the mirror', () => {
  let template: string;
  let pages: number;
  const pageSize = 8_192;
  beforeAll(async () => {
    const { folder } = await closedDevice();
    template = folder;
    pages = statSync(join(folder, 'mirror.db')).size / pageSize;
  });
  const using = (folder: string) =>
    withFolder(folder, async (core) => {
      await core.call('device.unlock', { passphrase });
      const people = await core.call('people.list', {});
      await core.call('keys.list', {});
      await core.call('audit.list', {});
      await core.call('outbox.list', {});
      await core.call('sync.set-offline', { workOffline: true });
      await core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Chloé' });
      return people.items.map((person) => person.email);
    });

  test('cut short anywhere is said to be damaged, and is not made worse', async () => {
    for (const bytes of [
      1,
      100,
      pageSize - 1,
      pageSize,
      3 * pageSize,
      Math.floor(pages / 2) * pageSize + 17,
      (pages - 1) * pageSize,
    ]) {
      const folder = copyOf(template);
      truncateSync(join(folder, 'mirror.db'), bytes);
      expect(await failure(using(folder)), `${bytes} bytes`).toMatchObject({ code: 'mirror-damaged' });
    }
  });

  const flipped = (page: number) => {
    const folder = copyOf(template);
    const bytes = readFileSync(join(folder, 'mirror.db'));
    const at = page * pageSize + 40 + ((page * 977) % (pageSize - 80));
    bytes[at] = bytes[at]! ^ 0x10;
    writeFileSync(join(folder, 'mirror.db'), bytes);
    return folder;
  };

  test('with one byte changed says so to whoever asks, and goes on where nothing depends on it', async () => {
    const whole = await using(copyOf(template));
    const seen = { damaged: 0, untouched: 0 };
    for (const page of [0, 1, Math.floor(pages / 3), Math.floor(pages / 2), pages - 1])
      await using(flipped(page)).then(
        (people) => {
          expect(people).toEqual(whole);
          seen.untouched += 1;
        },
        (error: ErrorShape) => {
          expect(inWords(error), `page ${page}`).toMatchObject({ code: 'mirror-damaged' });
          seen.damaged += 1;
        },
      );
    expect(seen.damaged).toBeGreaterThan(0);
  });

  test('with one byte changed in any page never shows anything wrong', async () => {
    const { databaseKey } = await new Vault(template).unlock<Identity>(passphrase);
    const readAll = (folder: string) => {
      const reader = openMirror(folder, databaseKey, 'read');
      try {
        const tables = reader
          .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
          .pluck()
          .all();
        return tables.map((name) => JSON.stringify(reader.prepare(`SELECT * FROM "${String(name)}"`).all()));
      } finally {
        reader.close();
      }
    };
    const whole = readAll(copyOf(template));
    let damaged = 0;
    for (let page = 0; page < pages; page++) {
      const folder = flipped(page);
      try {
        expect(readAll(folder)).toEqual(whole);
      } catch (error) {
        expect(inMirrorWords(error, 'mirror.db'), `page ${page}`).toMatchObject({ code: 'mirror-damaged' });
        damaged += 1;
      }
    }
    expect(damaged).toBeGreaterThan(pages / 4);
  });

  test.each([
    ['another file altogether', (path: string) => writeFileSync(path, 'This is not a database. '.repeat(1_000))],
    ["another device's", (path: string) => copyFileSync(join(template, 'mirror.db'), path)],
  ])('that is %s is not opened', async (_what, replace) => {
    const { folder } = await closedDevice();
    replace(join(folder, 'mirror.db'));
    expect(await failure(using(folder))).toMatchObject({ code: 'mirror-damaged' });
  });

  test('whose last writes are cut short is as it was after some of them, whole', async () => {
    const identity = await joinedIdentity(central);
    const one = bareDevice(central, identity);
    await one.side.handle('sync.now', {});
    await one.side.handle('sync.set-offline', { workOffline: true });
    one.mirror.database.pragma('wal_checkpoint(TRUNCATE)');
    for (let n = 1; n <= 8; n++)
      await one.side.handle('people.edit', { person: 'chloe@nordhaven.example', name: `Chloé ${n}` });
    const wal = statSync(join(one.folder, 'mirror.db-wal')).size;
    const kept: number[] = [];
    for (const part of [1, 0.93, 0.8, 0.61, 0.45, 0.27, 0.1, 0.001, 0])
      for (const flipped of [false, true]) {
        const folder = copyOf(one.folder);
        const path = join(folder, 'mirror.db-wal');
        const bytes = readFileSync(path);
        if (flipped) bytes[Math.min(wal - 1, Math.floor(wal * part))]! ^= 0x01;
        writeFileSync(path, flipped ? bytes : bytes.subarray(0, Math.floor(wal * part)));
        const other = bareDevice(central, identity, { folder, databaseKey: one.databaseKey });
        const count = (table: string) =>
          Number(other.mirror.database.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
        const commands = count('latchkey_outbox');
        expect([count('latchkey_entry'), count('latchkey_pending')]).toEqual([commands, commands]);
        expect(
          other.mirror.database
            .prepare(`SELECT name FROM latchkey_person WHERE email = 'chloe@nordhaven.example'`)
            .get(),
        ).toEqual({ name: commands === 0 ? 'Chloé Martin' : `Chloé ${commands}` });
        kept.push(commands);
        await other.side.close();
      }
    expect(Math.max(...kept)).toBe(8);
    expect(new Set(kept).size).toBeGreaterThan(3);
    await one.side.close();
  });
});

describe('a folder that went back in time', () => {
  const inThePast = async (name: string) => {
    const identity = await joinedIdentity(central);
    const one = bareDevice(central, identity);
    await one.side.handle('sync.now', {});
    one.mirror.database.pragma('wal_checkpoint(TRUNCATE)');
    const old = copyOf(one.folder);
    await one.side.handle('people.edit', { person: 'dario@nordhaven.example', name });
    await one.side.handle('sync.now', {});
    await one.side.close();
    return bareDevice(central, identity, { folder: old, databaseKey: one.databaseKey });
  };
  const rewound = {
    code: 'device-rewound',
    message: expect.stringMatching(/older copy.*kept.*enroll this device again/s),
  };

  test('is told so at the first sync, and its mirror is brought up to date all the same', async () => {
    const device = await inThePast('Sent before');
    expect(await failure(device.side.handle('sync.now', {}))).toMatchObject(rewound);
    expect(device.told.at(-1)).toMatchObject({ mode: 'attention', central: { reachable: true }, problem: rewound });
    expect(
      device.mirror.database.prepare(`SELECT name FROM latchkey_person WHERE email = 'dario@nordhaven.example'`).get(),
    ).toEqual({ name: 'Sent before' });
    await device.side.close();
  });

  test('keeps what is made there and sends nothing of it, however often it tries', async () => {
    const device = await inThePast('Sent earlier');
    for (const name of ['First', 'Second', 'Third'])
      await device.side.handle('people.edit', { person: 'oskar@nordhaven.example', name });
    for (let attempt = 0; attempt < 3; attempt++)
      expect(await failure(device.side.handle('sync.now', {}))).toMatchObject(rewound);
    expect(device.told.at(-1)).toMatchObject({ mode: 'attention', pending: 3, conflicts: 0 });
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Oskar Holm');
    const { rows } = await central.client.query('SELECT entries::INT FROM latchkey.device WHERE id = $1', [
      device.identity.device.id,
    ]);
    expect(rows).toEqual([{ entries: 1 }]);
    await device.side.close();
  });

  test('as a mirror that was deleted does, once anything had been sent from it', async () => {
    const device = await central.device();
    await device.core.call('people.edit', { person: 'dario@nordhaven.example', name: 'Sent' });
    await device.core.call('sync.now', {});
    await device.core.close();
    rmSync(join(device.folder, 'mirror.db'));
    await withFolder(device.folder, async (core) => {
      await core.call('device.unlock', { passphrase });
      expect(await failure(core.call('sync.now', {}))).toMatchObject(rewound);
      expect((await core.call('people.list', {})).total).toBe(5);
    });
  });
});

describe('a folder that vanishes while it is open', () => {
  test.each<[string, (folder: string) => void]>([
    ['is deleted', (folder) => rmSync(folder, { recursive: true })],
    ['is moved away', (folder) => renameSync(folder, `${folder}-elsewhere`)],
    [
      'has its mirror replaced',
      (folder) => {
        cpSync(join(folder, 'mirror.db'), join(folder, 'mirror.db.copy'));
        renameSync(join(folder, 'mirror.db.copy'), join(folder, 'mirror.db'));
      },
    ],
  ])('because it %s takes no more changes, and says so', async (_what, vanish) => {
    const device = await central.device();
    vanish(device.folder);
    expect(
      await failure(device.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Into the void' })),
    ).toMatchObject({ code: 'folder-unusable', message: expect.stringContaining('removed or replaced') });
    await central.client.query(
      `UPDATE api_service.users SET full_name = 'Host' WHERE email = 'oskar@nordhaven.example'`,
    );
    expect(await failure(device.core.call('sync.now', {}))).toMatchObject({ code: 'folder-unusable' });
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé Martin');
    await device.core.close();
  });
});

interface Limited {
  device(identity: Identity): BareDevice;
  fill(device: BareDevice): void;
  free(device: BareDevice): void;
  end(): void;
}
/** Where no disk can be mounted, SQLite's own limit of pages stands for it: the same error comes from the same place. */
function limitedDisk(): Limited {
  const disk = smallDisk(24);
  if (disk)
    return {
      device: (identity) => bareDevice(central, identity, { folder: disk.folder }),
      fill: () => disk.fill(),
      free: () => disk.free(),
      end: () => disk.remove(),
    };
  return {
    device: (identity) => bareDevice(central, identity),
    fill: ({ mirror: { database } }) => {
      database.pragma(`max_page_count = ${String(database.pragma('page_count', { simple: true }))}`);
    },
    free: ({ mirror: { database } }) => void database.pragma('max_page_count = 1073741823'),
    end: () => {},
  };
}

describe('a full disk (a tmpfs where one may be mounted)', () => {
  let disk: Limited;
  let identity: Identity;
  let device: BareDevice;
  const people = () => Number(device.mirror.database.prepare('SELECT count(*) FROM latchkey_person').pluck().get());
  const full = { code: 'disk-full', message: expect.stringMatching(/kept.*Free some space/s) };
  const sync = () => device.side.handle('sync.now', {});
  beforeAll(async () => {
    disk = limitedDisk();
    identity = await joinedIdentity(central);
    await central.client.query(
      `INSERT INTO api_service.users (organization_id, email, full_name, password_hash) SELECT $1, 'many' || n || '@nordhaven.example', repeat('x', 200), 'x' FROM generate_series(1, 3000) n`,
      [central.nordhaven],
    );
  });
  afterAll(async () => {
    await device.side.close();
    disk.end();
    await central.client.query(`DELETE FROM api_service.users WHERE email LIKE 'many%'`);
  });

  test('in the middle of the first mirror is said, and the mirror goes on when there is room', async () => {
    device = disk.device(identity);
    disk.fill(device);
    expect(await failure(sync())).toMatchObject(full);
    disk.free(device);
    expect(await sync()).toMatchObject({ mode: 'idle', mirror: { tables: 18 } });
    expect(people()).toBe(3_005);
  });

  test('in the middle of a pull leaves the mirror as it was', async () => {
    await central.client.query(`UPDATE api_service.users SET full_name = repeat('y', 250) WHERE email LIKE 'many%'`);
    device.mirror.database.pragma('wal_checkpoint(TRUNCATE)');
    disk.fill(device);
    expect(await failure(sync())).toMatchObject(full);
    expect(
      device.mirror.database.prepare(`SELECT count(*) FROM latchkey_person WHERE name LIKE 'y%'`).pluck().get(),
    ).toBe(0);
    disk.free(device);
    expect(await sync()).toMatchObject({ mode: 'idle' });
    expect(
      device.mirror.database.prepare(`SELECT count(*) FROM latchkey_person WHERE name LIKE 'y%'`).pluck().get(),
    ).toBe(3_000);
  });

  test('when a change is made refuses that change whole, and the next one works when there is room', async () => {
    const count = (table: string) =>
      Number(device.mirror.database.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
    device.mirror.database.pragma('wal_checkpoint(TRUNCATE)');
    disk.fill(device);
    let refused: ErrorShape | null = null;
    let made = 0;
    while (!refused && made < 500) {
      const name = `${made} ${'z'.repeat(200)}`;
      refused = await (
        device.side.handle('people.edit', { person: 'oskar@nordhaven.example', name }) as Promise<null>
      ).then(
        () => null,
        (error: ErrorShape) => inWords(error),
      );
      if (!refused) made += 1;
    }
    expect(refused).toMatchObject(full);
    expect([count('latchkey_outbox'), count('latchkey_entry')]).toEqual([made, made]);
    disk.free(device);
    await device.side.handle('people.edit', { person: 'oskar@nordhaven.example', name: 'There is room' });
    expect(await sync()).toMatchObject({ pending: 0, conflicts: 0 });
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('There is room');
    expect(await device.side.handle('mirror.check', { repair: false })).toMatchObject({ equal: true });
  });
});

test('a disk that became read-only takes no change and says so; and goes on when it can be written', async (context) => {
  const disk = smallDisk(24);
  if (!disk) return context.skip('this account may mount no disk');
  try {
    const device = bareDevice(central, await joinedIdentity(central), { folder: disk.folder });
    await device.side.handle('sync.now', {});
    await device.side.close();
    const again = () =>
      bareDevice(central, device.identity, { folder: device.folder, databaseKey: device.databaseKey });
    disk.readOnly(true);
    expect(await failure((async () => again())())).toMatchObject({ code: 'folder-unusable' });
    expect(await failure(openCore({ dataFolder: disk.folder, ports: plainPorts }))).toMatchObject({
      code: 'folder-unusable',
    });
    disk.readOnly(false);
    const writable = again();
    expect(await writable.side.handle('sync.now', {})).toMatchObject({ mode: 'idle' });
    await writable.side.close();
  } finally {
    disk.remove();
  }
});
