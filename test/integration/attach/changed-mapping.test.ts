import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Core } from '../../../src-main/core/core.ts';
import { openMirror } from '../../../src-main/core/mirror/open.ts';
import { Vault } from '../../../src-main/core/vault/vault.ts';
import { passphrase } from '../../fixtures/organization.ts';
import { editOffline, mirrored, nothing, type OwnHost, ownHost, syncs } from '../../fixtures/own-mapping.ts';

const ofClub = { tenancy: { class: 'organization', column: 'club' } };
const first = {
  name: 'clubs',
  title: 'Clubs',
  schema: 'clubs',
  organization: { table: 'clubs', id: 'id', name: 'name' },
  tables: {
    clubs: { tenancy: { class: 'root' } },
    members: { ...ofClub, rights: { admin: { update: ['mail', 'name', 'state'] } }, indexes: [['mail']] },
    teams: ofClub,
    notices: ofClub,
  },
  people: {
    table: 'members',
    id: 'id',
    email: 'mail',
    name: ['name'],
    role: null,
    status: { column: 'state', words: { invited: [], active: ['in'], suspended: [], deactivated: ['out'] } },
    deletedAt: null,
    lastSeenAt: null,
    organization: 'club',
    createdAt: null,
    updatedAt: null,
  },
  ...nothing,
};
const { notices: _, ...kept } = first.tables;
/** With a table more and one less, a column that is secret now, and a right less. */
const second = {
  ...first,
  tables: {
    ...kept,
    members: { ...first.tables.members, secret: ['phone'], rights: { admin: { update: ['mail', 'state'] } } },
    players: { tenancy: { class: 'path', column: 'team', parent: 'teams', parentKey: 'id' } },
  },
};

let host: OwnHost;
let core: Core;

beforeAll(async () => {
  host = await ownHost(`
    CREATE SCHEMA clubs;
    CREATE TABLE clubs.clubs (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE clubs.members (id INTEGER PRIMARY KEY, club INTEGER REFERENCES clubs.clubs, mail TEXT, name TEXT, phone TEXT, state TEXT);
    CREATE TABLE clubs.teams (id INTEGER PRIMARY KEY, club INTEGER REFERENCES clubs.clubs, label TEXT);
    CREATE TABLE clubs.players (team INTEGER REFERENCES clubs.teams, member INTEGER REFERENCES clubs.members, PRIMARY KEY (member, team));
    CREATE TABLE clubs.notices (id INTEGER PRIMARY KEY, club INTEGER REFERENCES clubs.clubs, body TEXT);
    INSERT INTO clubs.clubs VALUES (1, 'North'), (2, 'South');
    INSERT INTO clubs.members SELECT n, 1 + n % 2, 'm' || n || '@clubs.example', 'Member ' || n, 'phone ' || n, 'in' FROM generate_series(1, 20) n;
    INSERT INTO clubs.teams SELECT n, 1 + n % 2, 'Team ' || n FROM generate_series(1, 4) n;
    INSERT INTO clubs.players SELECT 1 + n % 4, n FROM generate_series(1, 20) n;
    INSERT INTO clubs.notices VALUES (1, 1, 'old news');`);
  expect(await host.install(first)).toMatchObject({ code: 0 });
  core = await host.join('North', 'm2@clubs.example');
});
afterAll(() => host.close());

const tables = async () => (await core.call('data.tables', {})).items.map(({ name }) => name).sort();
const restart = async () => {
  await core.close();
  core = await host.reopen();
};

test('a device with a mapping of its own goes on after a lock and after a restart', async () => {
  await editOffline(core, 'm4@clubs.example', 'four@clubs.example');
  await core.call('device.lock', {});
  await core.call('device.unlock', { passphrase });
  expect(await core.call('people.show', { person: 'four@clubs.example' })).toMatchObject({ id: '4', state: 'active' });
  await core.call('people.edit', { person: '6', name: 'Waits here' });
  await restart();
  expect(await core.call('people.show', { person: '6' })).toMatchObject({ name: 'Waits here', pending: 1 });
  await syncs(core);
  expect(await host.rows('SELECT name FROM clubs.members WHERE id = 6')).toEqual([{ name: 'Waits here' }]);
});

test('an upgrade without a file goes by the mapping that is installed', async () => {
  await host.client.query('ALTER TABLE clubs.teams ADD COLUMN colour TEXT');
  expect(await host.latchkey('central', 'upgrade')).toMatchObject({
    code: 0,
    value: { upgraded: true, changes: ['teams.colour is new'] },
  });
  await syncs(core);
  expect((await mirrored(core, 'teams'))[0]).toHaveProperty('colour');
});

test('another mapping: what is new in it is mirrored, what it hides or leaves out goes, and what it grants counts', async () => {
  await core.call('people.edit', { person: '8', name: 'Too late' });
  const file = host.mapping(second, 'second.json');
  expect(await host.latchkey('central', 'upgrade', '--mapping', file)).toMatchObject({
    code: 0,
    value: { changes: ['members.phone is gone', 'players is new', 'notices is not in the mapping any more'] },
  });
  expect(await core.call('sync.now', {})).toMatchObject({ pending: 0, problem: null });
  expect(await core.call('mirror.check', {})).toMatchObject({ equal: true });
  expect(await tables()).toEqual(['clubs', 'members', 'players', 'teams']);
  expect(await mirrored(core, 'players')).toHaveLength(10);
  expect(JSON.stringify(await mirrored(core, 'members'))).not.toContain('phone');

  // It was granted when it was made, and is not when it arrives: central says so, and nothing is lost silently.
  expect(await host.rows('SELECT name FROM clubs.members WHERE id = 8')).toEqual([{ name: 'Member 8' }]);
  const { items } = await core.call('outbox.list', {});
  expect(items[0]).toMatchObject({ summary: expect.stringContaining('Too late'), state: 'refused' });
  await expect(core.call('people.edit', { person: '10', name: 'Not any more' })).rejects.toMatchObject({
    code: 'not-permitted',
  });

  await host.client.query(
    'UPDATE clubs.teams SET club = 3 - club WHERE id <= 2; DELETE FROM clubs.players WHERE member = 3',
  );
  await core.call('sync.now', {});
  expect(await core.call('mirror.check', {})).toMatchObject({ equal: true });
});

test('rows of a table that came with the upgrade are found by their parents', async () => {
  await core.call('device.lock', {});
  const folder = join(host.folder, 'device');
  const { databaseKey } = await new Vault(folder).unlock(passphrase);
  const mirror = openMirror(folder, databaseKey, 'read');
  const plan = mirror.prepare('EXPLAIN QUERY PLAN SELECT member FROM players WHERE team = 1').all();
  mirror.close();
  expect(JSON.stringify(plan)).toMatch(/SEARCH players USING (COVERING )?INDEX/);
  await core.call('device.unlock', { passphrase });
});

test('it goes on after a restart, and a device that is enrolled now has the new mapping', async () => {
  await restart();
  await core.call('people.edit', { person: '10', email: 'ten@clubs.example' });
  expect(await core.call('sync.now', {})).toMatchObject({ pending: 0, problem: null });
  expect(await host.rows('SELECT mail FROM clubs.members WHERE id = 10')).toEqual([{ mail: 'ten@clubs.example' }]);
  expect(await core.call('mirror.check', {})).toMatchObject({ equal: true });

  const out = join(host.folder, 'second-device.json');
  const request = ['--organization', 'North', '--operator', 'm2@clubs.example', '--device', 'other', '--role', 'admin'];
  expect(await host.latchkey('central', 'enroll', ...request, '--out', out)).toMatchObject({ code: 0 });
  expect((JSON.parse(readFileSync(out, 'utf8')) as { mapping: object }).mapping).toEqual(second);
});

test('a mapping by another name is no upgrade', async () => {
  const before = await host.catalogue();
  const file = host.mapping({ ...second, name: 'leagues' }, 'third.json');
  expect(await host.latchkey('central', 'upgrade', '--mapping', file)).toMatchObject({
    code: 1,
    value: {
      error: { code: 'schema-mismatch', message: expect.stringContaining('installed as clubs, not as leagues') },
    },
  });
  expect(await host.catalogue()).toEqual(before);
});
