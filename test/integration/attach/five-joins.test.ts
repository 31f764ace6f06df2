import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Core } from '../../../src-main/core/core.ts';
import { editOffline, mirrored, nothing, type OwnHost, ownHost, syncs } from '../../fixtures/own-mapping.ts';

describe('people who belong to an organization by five joins', () => {
  let host: OwnHost;
  let core: Core;
  const chain = ['division', 'site', 'building', 'room', 'desk', 'occupant'];
  const table = (name: string) => `${name}s`;
  const of = (parent: string) => ({
    tenancy: { class: 'path', column: `${parent}_id`, parent: table(parent), parentKey: 'id' },
  });
  const update = (...columns: string[]) => ({ rights: { admin: { update: columns } } });

  const mapping = {
    name: 'estate',
    title: 'Estate',
    schema: 'estate',
    organization: { table: 'owners', id: 'id', name: 'name' },
    tables: {
      owners: { tenancy: { class: 'root' } },
      divisions: { tenancy: { class: 'organization', column: 'owner_id' } },
      ...Object.fromEntries(chain.slice(1).map((name, place) => [table(name), of(chain[place]!)])),
      occupants: { ...of('desk'), ...update('email', 'name', 'state') },
      visits: of('occupant'),
    },
    people: {
      table: 'occupants',
      id: 'id',
      email: 'email',
      name: ['name'],
      role: null,
      status: { column: 'state', words: { invited: [], active: ['1'], suspended: [], deactivated: ['0', '2'] } },
      deletedAt: null,
      lastSeenAt: null,
      organization: null,
      createdAt: null,
      updatedAt: null,
      notCreated: 'gives a desk together with the person',
    },
    ...nothing,
  };

  beforeAll(async () => {
    const tables = chain.map((name, place) => {
      const parent = place === 0 ? 'owner' : chain[place - 1]!;
      const more = name === 'occupant' ? `, email TEXT, name TEXT, state SMALLINT NOT NULL DEFAULT 1` : ', label TEXT';
      return `CREATE TABLE estate.${table(name)} (id INTEGER PRIMARY KEY, ${parent}_id INTEGER NOT NULL REFERENCES estate.${table(parent)}${more});`;
    });
    // Two of everything below each: of 2 owners 4 divisions, 8 sites, … 64 desks with an occupant each.
    const rows = chain.map((name, place) => {
      const count = 2 ** Math.min(place + 2, 6);
      const parents = place === 0 ? 2 : 2 ** Math.min(place + 1, 6);
      const values = name === 'occupant' ? `'p' || n || '@estate.example', 'Person ' || n, 1` : `'${name} ' || n`;
      return `INSERT INTO estate.${table(name)} SELECT n, 1 + (n - 1) * ${parents} / ${count}, ${values} FROM generate_series(1, ${count}) n;`;
    });
    host = await ownHost(`CREATE SCHEMA estate; CREATE TABLE estate.owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
      INSERT INTO estate.owners VALUES (1, 'North'), (2, 'South'); ${tables.join(' ')} ${rows.join(' ')}
      CREATE TABLE estate.visits (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, occupant_id INTEGER REFERENCES estate.occupants, at TIMESTAMPTZ);
      INSERT INTO estate.visits (occupant_id, at) SELECT 1 + n % 64, now() - n * INTERVAL '1 hour' FROM generate_series(1, 640) n;`);
  });
  afterAll(() => host.close());

  const occupants = async () => (await mirrored(core, 'occupants')).map(({ id }) => Number(id)).sort((a, b) => a - b);
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

  test('are mirrored, and worked on offline', async () => {
    expect(await host.install(mapping)).toMatchObject({ code: 0, value: { installed: true } });
    core = await host.join('North', 'p1@estate.example');
    await syncs(core);
    expect(await occupants()).toEqual(range(1, 32));
    expect(await mirrored(core, 'visits')).toHaveLength(320);
    await editOffline(core, 'p7@estate.example', 'seven@estate.example');
    expect(await host.rows('SELECT email FROM estate.occupants WHERE id = 7')).toEqual([
      { email: 'seven@estate.example' },
    ]);
    await expect(core.call('people.edit', { person: '40', email: 'x@x.example' })).rejects.toMatchObject({
      code: 'not-found',
    });
    await core.call('people.deactivate', { person: '8', reason: 'left' });
    await syncs(core);
    expect(await host.rows('SELECT state FROM estate.occupants WHERE id = 8')).toEqual([{ state: 0 }]);
    expect(await core.call('people.show', { person: '8' })).toMatchObject({
      id: '8',
      state: 'deactivated',
      status: '0',
    });
    await core.call('people.reactivate', { person: '8' });
    await syncs(core);
  });

  test('come and go with any of their parents', async () => {
    // A division of South comes to North with all that is below it, and half of a site goes there.
    await host.client.query(
      'UPDATE estate.divisions SET owner_id = 1 WHERE id = 3; UPDATE estate.buildings SET site_id = 8 WHERE id = 3',
    );
    await syncs(core);
    expect(await occupants()).toEqual([...range(1, 8), ...range(13, 48)]);
    await editOffline(core, 'p40@estate.example', 'forty@estate.example');
    expect(await host.rows('SELECT email FROM estate.occupants WHERE id = 40')).toEqual([
      { email: 'forty@estate.example' },
    ]);
    await syncs(core);
  });
});
