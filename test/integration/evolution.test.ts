import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { uninstall } from '../../src-main/core/central/install.ts';
import { readMigrations } from '../../src-main/core/central/migration-files.ts';
import { centralStatus } from '../../src-main/core/central/status.ts';
import { suspend, upgrade } from '../../src-main/core/central/upgrade.ts';
import { packageFile } from '../../src-main/core/package-files.ts';
import { catalogueSnapshot } from '../fixtures/catalogue-snapshot.ts';
import { north, type OddCentral, type OddDevice, oddCentral, shared } from '../fixtures/odd-system.ts';

let central: OddCentral;
let device: OddDevice;
const run = (sql: string) => central.client.query(sql);
const different = async () => (await device.check()).tables.filter((table) => !table.equal);
const columnsOf = (table: string) => device.mirror.tables.get(table)?.columns.map(({ name }) => name);
const outdated = { code: 'central-schema-changed', message: expect.stringContaining('latchkey central upgrade') };

beforeEach(async () => {
  central = await oddCentral(
    `CREATE TABLE host.goods (id INTEGER PRIMARY KEY, label TEXT, price NUMERIC, organization_id UUID);
     INSERT INTO host.goods VALUES (1, 'one', 1.5, '${north}'), (2, 'two', 2.5, '${north}');
     CREATE TABLE host.parts (id INTEGER PRIMARY KEY, goods INTEGER REFERENCES host.goods ON DELETE CASCADE, note TEXT);
     INSERT INTO host.parts VALUES (1, 1, 'new'), (2, 2, 'new');
     CREATE TABLE host.events (id INTEGER, at DATE, note TEXT, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
     CREATE TABLE host.events_1 PARTITION OF host.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
     CREATE TABLE host.events_2 PARTITION OF host.events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
     INSERT INTO host.events VALUES (1, '2026-01-05', 'a'), (2, '2026-02-05', 'b');`,
    {
      goods: {
        tenancy: { class: 'organization', column: 'organization_id' },
        rights: { admin: { update: ['label', 'price'] } },
        indexes: [['label']],
      },
      parts: {
        tenancy: { class: 'path', column: 'goods', parent: 'goods', parentKey: 'id' },
        rights: { admin: { update: ['note'] } },
      },
      events: shared(['note']),
    },
  );
  device = await central.device();
  await device.pull();
});
afterEach(() => central.close());

describe('a host that changes its tables', () => {
  test('with a new column is followed after the upgrade, backfilled, with what waits here on top', async () => {
    await run(`ALTER TABLE host.goods ADD COLUMN colour TEXT DEFAULT 'red'`);
    await device.pull();
    expect(columnsOf('goods')).not.toContain('colour');
    expect((await centralStatus(central.client)).hostChanges).toEqual(['goods.colour is new']);

    const waiting = device.edit('goods', [1], { label: 'mine' });
    expect((await upgrade(central.client, central.system)).changes).toEqual(['goods.colour is new']);
    expect((await centralStatus(central.client)).hostChanges).toEqual([]);
    await device.pull();
    expect(device.rows('goods').map(({ label, colour }) => [label, colour])).toEqual([
      ['mine', 'red'],
      ['two', 'red'],
    ]);
    await device.push();
    expect(device.outcome(waiting)).toMatchObject({ state: 'accepted' });
    await device.pull();
    expect(await different()).toEqual([]);
  });

  test('drops a column with CASCADE: devices wait with all they have, and go on after the upgrade; a command on it becomes a conflict', async () => {
    await expect(run('ALTER TABLE host.goods DROP COLUMN label')).rejects.toMatchObject({ code: '2BP01' });
    const lost = device.edit('goods', [1], { label: 'mine' });
    const kept = device.edit('goods', [2], { price: '9.99' });
    await run('ALTER TABLE host.goods DROP COLUMN label CASCADE');
    await run(`UPDATE host.goods SET price = 3 WHERE id = 1; DELETE FROM host.parts WHERE id = 2`);
    await expect(device.pull()).rejects.toMatchObject(outdated);
    expect(device.rows('goods').map(({ label }) => label)).toEqual(['mine', 'two']);
    expect([device.outcome(lost).state, device.outcome(kept).state]).toEqual(['queued', 'queued']);
    expect((await centralStatus(central.client)).hostChanges).toContain('goods stands no more on what it stood on');

    await upgrade(central.client, central.system);
    await device.push();
    expect(device.outcome(lost)).toMatchObject({ state: 'refused', note: expect.stringContaining('no column label') });
    expect(device.outcome(kept)).toMatchObject({ state: 'accepted' });
    await device.pull();
    expect(columnsOf('goods')).toEqual(['id', 'price', 'organization_id']);
    expect(device.rows('goods').map(({ price }) => price)).toEqual(['3', '9.99']);
    expect(await different()).toEqual([]);
  });

  test('changes types between suspend and upgrade without CASCADE, that of a key too, and nothing of the log is misread', async () => {
    await suspend(central.client);
    await expect(device.pull()).rejects.toMatchObject(outdated);
    await run(`UPDATE host.goods SET label = 'meanwhile' WHERE id = 2`);
    await run(`ALTER TABLE host.events ALTER COLUMN note TYPE JSONB USING to_jsonb(note)`);
    await run('ALTER TABLE host.parts ALTER COLUMN id TYPE UUID USING lpad(id::TEXT, 32, $$0$$)::UUID');
    await run(`UPDATE host.parts SET note = 'changed'`);
    await upgrade(central.client, central.system);
    await device.pull();
    expect(device.rows('events').map(({ note }) => note)).toEqual(['"a"', '"b"']);
    expect(device.rows('parts').map(({ id, note }) => [id, note])).toEqual([
      ['00000000-0000-0000-0000-000000000001', 'changed'],
      ['00000000-0000-0000-0000-000000000002', 'changed'],
    ]);
    expect(device.rows('goods').map(({ label }) => label)).toEqual(['one', 'meanwhile']);
    expect(await different()).toEqual([]);
  });

  test('drops a table with an open conflict on it: it cannot be made again, which is said, and what was entered is kept', async () => {
    const lost = device.edit('events', [1, '2026-01-05'], { note: 'mine' });
    await run(`UPDATE host.events SET note = 'theirs' WHERE id = 1`);
    await device.push();
    expect(device.outcome(lost)).toMatchObject({ state: 'conflict' });
    await run('DROP TABLE host.events CASCADE');
    const { events: _gone, ...tables } = central.system.tables;
    await upgrade(central.client, { ...central.system, tables });
    await device.pull();
    expect(columnsOf('events')).toBe(undefined);
    expect(() => device.resolve(lost, 'mine')).toThrow(
      expect.objectContaining({ code: 'not-supported', message: expect.stringContaining('does not mirror events') }),
    );
    expect(device.outcome(lost)).toMatchObject({ state: 'conflict', fields: [{ column: 'note', mine: 'mine' }] });
    expect(device.resolve(lost, 'theirs')).toMatchObject({ resolution: 'theirs', command: null });
  });

  test('renames a column that devices see: they see the new name after the upgrade', async () => {
    await run('ALTER TABLE host.goods RENAME COLUMN price TO cost');
    await run('UPDATE host.goods SET cost = 7 WHERE id = 1');
    await device.pull();
    expect(device.rows('goods').find(({ id }) => id === 1n)).toMatchObject({ price: '7' });
    const { changes } = await upgrade(central.client, central.system);
    expect(changes).toEqual(['goods.cost is new', 'goods.price is gone']);
    await device.pull();
    expect(columnsOf('goods')).toEqual(['id', 'label', 'cost', 'organization_id']);
    expect(await different()).toEqual([]);
  });

  test.each([
    ['renames what rows are known by', 'ALTER TABLE host.parts RENAME COLUMN id TO part_id', 'part_id'],
    ['renames a parent table', 'ALTER TABLE host.goods RENAME TO wares', 'id'],
    ['drops a parent table with CASCADE', 'DROP TABLE host.goods CASCADE', 'id'],
    ['takes a right of ours away', 'REVOKE SELECT ON host.goods FROM latchkey_owner', 'id'],
  ])('that %s goes on writing, and no device believes what it cannot know', async (_what, ddl, key) => {
    await run(ddl);
    await run(
      `UPDATE host.parts SET note = 'host' WHERE ${key} = 1; INSERT INTO host.parts (${key}, note) VALUES (9, 'host'); DELETE FROM host.parts WHERE ${key} = 2`,
    );
    const { rows } = await run(`SELECT ${key} AS id, note FROM host.parts ORDER BY 1`);
    expect(rows).toEqual([
      { id: 1, note: 'host' },
      { id: 9, note: 'host' },
    ]);
    await expect(device.pull()).rejects.toThrow();
    expect(device.rows('parts')).toHaveLength(2);
  });

  test('that renamed a table and its key names them back: nothing is lost', async () => {
    await run('ALTER TABLE host.parts RENAME COLUMN id TO part_id; ALTER TABLE host.goods RENAME TO wares');
    await run(
      `UPDATE host.parts SET note = 'host' WHERE part_id = 1; UPDATE host.wares SET label = 'host' WHERE id = 1`,
    );
    await expect(device.pull()).rejects.toMatchObject(outdated);
    await run('ALTER TABLE host.parts RENAME COLUMN part_id TO id; ALTER TABLE host.wares RENAME TO goods');
    await device.pull();
    expect(
      device
        .rows('parts')
        .map(({ note }) => note)
        .sort(),
    ).toEqual(['host', 'new']);
    expect(await different()).toEqual([]);
  });

  test('puts another table in the place of one: it is copied anew, and the old one is let go', async () => {
    await run(`ALTER TABLE host.events RENAME TO events_old;
      CREATE TABLE host.events (id INTEGER, at DATE, note TEXT, PRIMARY KEY (id, at)); INSERT INTO host.events VALUES (7, '2026-03-01', 'fresh')`);
    await expect(device.pull()).rejects.toMatchObject(outdated);
    await upgrade(central.client, central.system);
    await device.pull();
    expect(device.rows('events')).toEqual([{ id: 7n, at: '2026-03-01', note: 'fresh' }]);
    await run(`UPDATE host.events_old SET note = 'old'; UPDATE host.events SET note = 'followed'`);
    await device.pull();
    expect(device.rows('events')).toEqual([{ id: 7n, at: '2026-03-01', note: 'followed' }]);
    const { rows } = await run(
      `SELECT count(*)::INT AS n FROM pg_trigger WHERE tgrelid = 'host.events_old'::REGCLASS AND NOT tgisinternal`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  test('drops, adds and empties partitions; an upgrade gives new ones their trigger', async () => {
    await run(`DROP TABLE host.events_1; CREATE TABLE host.events_3 PARTITION OF host.events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
      INSERT INTO host.events VALUES (3, '2026-03-05', 'c')`);
    await upgrade(central.client, central.system);
    await device.pull();
    expect(device.rows('events').map(({ id }) => id)).toEqual([2n, 3n]);
    await run('TRUNCATE host.events_3');
    const { rows } = await run('SELECT count(*)::INT AS n FROM latchkey.change WHERE row_key IS NULL');
    expect(rows).toEqual([{ n: 1 }]);
    await device.pull();
    expect(device.rows('events').map(({ id }) => id)).toEqual([2n]);
    expect(await different()).toEqual([]);
  });

  test('drops a table with CASCADE: the mirror drops it after the upgrade, and commands on it become conflicts', async () => {
    const lost = device.edit('events', [1, '2026-01-05'], { note: 'mine' });
    await run('DROP TABLE host.events CASCADE');
    await expect(device.pull()).rejects.toMatchObject(outdated);
    expect(device.rows('events')).toHaveLength(2);
    expect((await upgrade(central.client, central.system)).changes).toContain('events is gone');
    await device.push();
    expect(device.outcome(lost)).toMatchObject({ state: 'refused', note: expect.stringContaining('no table events') });
    await device.pull();
    expect(device.mirror.tables.has('events')).toBe(false);
    expect(await different()).toEqual([]);
  });

  test('drops what nothing works without: the upgrade is refused by name, and changes nothing', async () => {
    await run('ALTER TABLE host.people DROP COLUMN status CASCADE');
    const before = await catalogueSnapshot(central.client);
    await expect(upgrade(central.client, central.system)).rejects.toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining('people has no column status'),
    });
    expect(await catalogueSnapshot(central.client)).toEqual(before);
    await run(`ALTER TABLE host.people ADD COLUMN status TEXT NOT NULL DEFAULT 'active'`);
    await upgrade(central.client, central.system);
    await device.pull();
    expect(await different()).toEqual([]);
  });

  test('can be rid of Latchkey in whatever state its tables are', async () => {
    await run(
      `ALTER TABLE host.goods DROP COLUMN label CASCADE; ALTER TABLE host.parts RENAME TO pieces; DROP TABLE host.events CASCADE`,
    );
    await device.leave();
    await uninstall(central.client);
    expect((await catalogueSnapshot(central.client)).filter((line) => line.includes('latchkey'))).toEqual(
      (await catalogueSnapshot(central.client)).filter((line) => line.startsWith('role latchkey')),
    );
  });
});

describe('an upgrade', () => {
  test('where nothing changed costs devices nothing: no table is copied again', async () => {
    const { rows: before } = await run(
      'SELECT latchkey.fingerprint() AS fingerprint, count(*) AS n FROM latchkey.change',
    );
    expect((await upgrade(central.client, central.system)).changes).toEqual([]);
    const { rows: after } = await run(
      'SELECT latchkey.fingerprint() AS fingerprint, count(*) AS n FROM latchkey.change',
    );
    expect(after).toEqual(before);
    const { rows: devices } = await run(`SELECT state FROM latchkey.device`);
    expect(devices).toEqual([{ state: 'active' }]);
  });

  test('brings a table that a newer mapping has, and takes away one that it has no more', async () => {
    await run(`CREATE TABLE host.fresh (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO host.fresh VALUES (1, 'new')`);
    const { events: _gone, ...tables } = central.system.tables;
    await upgrade(central.client, { ...central.system, tables: { ...tables, fresh: shared(['note']) } });
    await device.pull();
    expect(device.rows('fresh')).toEqual([{ id: 1n, note: 'new' }]);
    expect(device.mirror.tables.has('events')).toBe(false);
    await run(`UPDATE host.fresh SET note = 'followed'; UPDATE host.events SET note = 'nobody cares'`);
    await device.pull();
    expect(device.rows('fresh')).toEqual([{ id: 1n, note: 'followed' }]);
    expect(await different()).toEqual([]);
  });

  test('switches tracking on again where somebody switched it off, and lets devices copy what they missed', async () => {
    await run('ALTER TABLE host.goods DISABLE TRIGGER ALL');
    await run(`UPDATE host.goods SET label = 'unseen' WHERE id = 1`);
    await expect(device.pull()).rejects.toMatchObject({ code: 'central-tracking-off' });
    await upgrade(central.client, central.system);
    await device.pull();
    expect(device.rows('goods').map(({ label }) => label)).toEqual(['unseen', 'two']);
    expect(await different()).toEqual([]);
  });

  test('tries everything with dryRun, and prints what it would have run', async () => {
    await run('ALTER TABLE host.goods ADD COLUMN colour TEXT; CREATE TABLE host.fresh (id INTEGER PRIMARY KEY)');
    const system = { ...central.system, tables: { ...central.system.tables, fresh: shared() } };
    const before = await catalogueSnapshot(central.client);
    const { sql, changes } = await upgrade(central.client, system, { dryRun: true });
    expect(changes).toEqual(['goods.colour is new', 'fresh is new']);
    expect(await catalogueSnapshot(central.client)).toEqual(before);
    await run(sql);
    await device.pull();
    expect(columnsOf('goods')).toContain('colour');
    await run('INSERT INTO host.fresh VALUES (1)');
    await device.pull();
    expect(device.rows('fresh')).toEqual([{ id: 1n }]);
    expect(await different()).toEqual([]);
  });

  test('that is killed half-way leaves what was, and works when it is run again', async () => {
    await run('ALTER TABLE host.goods ADD COLUMN colour TEXT');
    const before = await catalogueSnapshot(central.client);
    const queued = device.edit('goods', [1], { label: 'mine' });
    for (const fatal of [
      /^LOCK TABLE/,
      /CREATE VIEW latchkey_write."parts"/,
      /track_events/,
      /GRANT EXECUTE ON FUNCTION latchkey.hello/,
    ]) {
      const client = await killedAt(fatal);
      await expect(upgrade(client, central.system)).rejects.toMatchObject({ code: 'central-refused' });
      await client.end().catch(() => {});
      expect(await catalogueSnapshot(central.client)).toEqual(before);
      await device.pull();
      expect(device.outcome(queued)).toMatchObject({ state: 'queued' });
    }
    await upgrade(central.client, central.system);
    await device.push();
    await device.pull();
    expect(columnsOf('goods')).toContain('colour');
    expect(device.outcome(queued)).toMatchObject({ state: 'in-force' });
    expect(await different()).toEqual([]);
  });

  test('runs the migrations of Latchkey that are still to come, and keeps what devices left', async () => {
    const functions = async () =>
      (await run(`SELECT count(*)::INT AS n FROM pg_proc WHERE pronamespace = 'latchkey'::REGNAMESPACE`)).rows[0].n;
    const all = await functions();
    const answered = device.edit('goods', [2], { label: 'before' });
    await device.push();
    const last = readMigrations(packageFile('migrations/central/latchkey')).at(-1)!;
    await run(`${last.down}; DELETE FROM latchkey.schema_migration WHERE version = ${last.version}`);
    expect(await functions()).toBeLessThan(all);

    await upgrade(central.client, central.system);
    expect(await functions()).toBe(all);
    expect((await run('SELECT id, state FROM latchkey.command')).rows).toEqual([{ id: answered, state: 'applied' }]);
    const command = device.edit('goods', [1], { label: 'mine' });
    await device.push();
    expect(device.outcome(command)).toMatchObject({ state: 'accepted' });
  });
});

/** A connection whose backend is ended right when it is about to run the statement. */
async function killedAt(fatal: RegExp): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: central.url });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const query = client.query.bind(client) as (text: string, values?: unknown[]) => Promise<unknown>;
  Object.assign(client, {
    async query(text: string, values?: unknown[]) {
      if (fatal.test(text)) await run(`SELECT pg_terminate_backend(${rows[0]!.pid}, 5000)`);
      return query(text, values);
    },
  });
  return client;
}
