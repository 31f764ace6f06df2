import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Core } from '../../../src-main/core/core.ts';
import { editOffline, mirrored, nothing, type OwnHost, ownHost, syncs } from '../../fixtures/own-mapping.ts';

describe('rows that are known by words of their own', () => {
  let host: OwnHost;
  let core: Core;

  const mapping = {
    name: 'staff-office',
    title: 'Staff office',
    schema: 'hr',
    organization: { table: 'companies', id: 'code', name: 'trading_as' },
    tables: {
      companies: { tenancy: { class: 'root' } },
      staff: {
        tenancy: { class: 'organization', column: 'company' },
        secret: ['pin'],
        rights: { admin: { update: ['mail', 'left_us'] }, operator: { update: ['mail'] } },
        restrictive: { left_us: ['true'] },
        indexes: [['mail', 'login']],
      },
      grants: {
        tenancy: { class: 'path', column: 'login', parent: 'staff', parentKey: 'login' },
        rights: { admin: { insert: ['login', 'job'], update: ['job'] } },
      },
      jobs: { tenancy: { class: 'shared' } },
      badges: { tenancy: { class: 'organization', column: 'company' } },
      doors: { tenancy: { class: 'organization', column: 'company' } },
      tokens: {
        tenancy: { class: 'organization', column: 'company' },
        writeOnly: ['digest'],
        rights: { admin: { insert: ['code', 'company', 'purpose', 'digest', 'live'], update: ['live', 'purpose'] } },
        restrictive: { live: ['false'] },
      },
    },
    people: {
      table: 'staff',
      id: 'login',
      email: 'mail',
      name: ['given', 'family'],
      role: {
        values: ['clerk', 'director'],
        initial: 'clerk',
        administrators: ['director'],
        held: {
          table: 'grants',
          person: 'login',
          role: 'job',
          roles: { table: 'jobs', id: 'title', name: 'title' },
          id: null,
          givenBy: null,
        },
      },
      status: { column: 'left_us', words: { invited: [], active: [false], suspended: [], deactivated: [true] } },
      deletedAt: null,
      lastSeenAt: null,
      organization: 'company',
      createdAt: null,
      updatedAt: null,
    },
    ...nothing,
    keys: {
      table: 'tokens',
      id: 'code',
      organization: 'company',
      owner: null,
      label: 'purpose',
      scopes: null,
      hash: 'digest',
      prefix: null,
      last4: null,
      status: {
        column: 'live',
        words: { active: [true], retiring: [], suspended: [], compromised: [], revoked: [false], expired: [] },
      },
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      createdAt: null,
      rotatedFrom: null,
      certificate: null,
      carriedOver: ['purpose'],
      secretPrefix: 'hr_',
    },
  };

  beforeAll(async () => {
    host = await ownHost(`
      CREATE SCHEMA hr;
      CREATE TABLE hr.companies (code TEXT PRIMARY KEY, trading_as TEXT NOT NULL);
      CREATE TABLE hr.staff (login TEXT PRIMARY KEY, company TEXT NOT NULL REFERENCES hr.companies ON UPDATE CASCADE, mail TEXT NOT NULL UNIQUE,
        given TEXT, family TEXT, pin TEXT NOT NULL, left_us BOOLEAN NOT NULL DEFAULT FALSE);
      CREATE TABLE hr.jobs (title TEXT PRIMARY KEY);
      CREATE TABLE hr.grants (login TEXT REFERENCES hr.staff ON UPDATE CASCADE, job TEXT REFERENCES hr.jobs, PRIMARY KEY (login, job));
      CREATE TABLE hr.badges (company TEXT REFERENCES hr.companies ON UPDATE CASCADE, number INTEGER, holder TEXT REFERENCES hr.staff ON UPDATE CASCADE,
        PRIMARY KEY (company, number));
      CREATE TABLE hr.doors (company TEXT, badge INTEGER, door VARCHAR(20), opened DATE, note TEXT, PRIMARY KEY (company, badge, door, opened),
        FOREIGN KEY (company, badge) REFERENCES hr.badges ON UPDATE CASCADE);
      CREATE TABLE hr.tokens (code TEXT PRIMARY KEY, company TEXT NOT NULL REFERENCES hr.companies ON UPDATE CASCADE, purpose TEXT, digest TEXT, live BOOLEAN);
      INSERT INTO hr.companies VALUES ('NO-1', 'North'), ('SO/1', 'South');
      INSERT INTO hr.jobs VALUES ('clerk'), ('director');
      INSERT INTO hr.staff (login, company, mail, given, family, pin) VALUES ('ada', 'NO-1', 'ada@north.example', 'Ada', 'North', '1234'),
        ('ben|x', 'NO-1', 'ben@north.example', 'Ben', NULL, '1234'), ('zoe', 'SO/1', 'zoe@south.example', 'Zoe', 'South', '9876');
      INSERT INTO hr.grants VALUES ('ada', 'director'), ('ben|x', 'clerk'), ('zoe', 'director');
      INSERT INTO hr.badges SELECT c.code, n, CASE c.code WHEN 'NO-1' THEN 'ada' ELSE 'zoe' END FROM hr.companies c, generate_series(1, 5) n;
      INSERT INTO hr.doors SELECT company, number, 'door ' || d, DATE '2026-01-01' + d, 'of ' || company FROM hr.badges, generate_series(1, 4) d;
      INSERT INTO hr.tokens VALUES ('T1', 'NO-1', 'gate', 'digest of north', TRUE), ('T2', 'SO/1', 'gate', 'digest of south', TRUE);`);
  });
  afterAll(() => host.close());

  let before: string[];

  test('are attached to, mirrored, and worked on offline', async () => {
    before = await host.catalogue();
    expect(await host.install(mapping)).toMatchObject({ code: 0, value: { installed: true, system: 'staff-office' } });
    core = await host.join('North', 'ada@north.example');
    const enrollment = JSON.parse(readFileSync(join(host.folder, 'enrollment.json'), 'utf8')) as { mapping: object };
    expect(enrollment.mapping).toEqual(mapping);
    expect(await mirrored(core, 'doors')).toHaveLength(20);
    const shown = [await mirrored(core, 'staff'), await mirrored(core, 'tokens')];
    expect(JSON.stringify(shown)).not.toMatch(/1234|digest|south/i);

    await editOffline(core, 'ben@north.example', 'benno@north.example');
    expect(await host.rows(`SELECT mail FROM hr.staff WHERE login = 'ben|x'`)).toEqual([
      { mail: 'benno@north.example' },
    ]);
  });

  test('take roles, ends and keys from here', async () => {
    await core.call('people.set-role', { person: 'ben|x', role: 'director' });
    await core.call('people.deactivate', { person: 'ben|x', reason: 'left' });
    await core.call('keys.revoke', { key: 'gate', reason: 'done', compromised: false });
    const issued = await core.call('keys.issue', { label: 'side door', scopes: [], expiresInDays: null });
    await syncs(core);
    expect(
      await host.rows(`SELECT s.left_us, g.job FROM hr.staff s JOIN hr.grants g USING (login) WHERE login = 'ben|x'`),
    ).toEqual([{ left_us: true, job: 'director' }]);
    expect(
      await host.rows(
        `SELECT code, purpose, live, length(digest) AS digits FROM hr.tokens WHERE company = 'NO-1' ORDER BY purpose`,
      ),
    ).toEqual([
      { code: 'T1', purpose: 'gate', live: false, digits: 15 },
      { code: issued.subject, purpose: 'side door', live: true, digits: 64 },
    ]);
  });

  test('are followed when the words themselves change', async () => {
    await host.client.query(`UPDATE hr.staff SET login = 'benjamin' WHERE login = 'ben|x'; UPDATE hr.badges SET number = number + 100 WHERE number < 3;
      UPDATE hr.companies SET code = 'SO-2' WHERE code = 'SO/1'; DELETE FROM hr.doors WHERE door = 'door 4'`);
    await syncs(core);
    expect((await mirrored(core, 'grants')).map(({ login }) => login).sort()).toEqual(['ada', 'benjamin']);
    const badges = (await mirrored(core, 'doors')).map(({ badge }) => Number(badge));
    expect([...new Set(badges)].sort((a, b) => a - b)).toEqual([3, 4, 5, 101, 102]);
  });

  test('uninstalling leaves the catalogue as it was', async () => {
    const { value } = await host.latchkey('central', 'status');
    expect(value).toMatchObject({ tables: 7, untracked: [], hostChanges: [] });
    expect((await host.latchkey('central', 'uninstall')).code).toBe(0);
    expect(await host.catalogue()).toEqual(before);
  });
});
