import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enroll } from '../../src-main/core/central/enroll.ts';
import { install, uninstall } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { posture } from '../../src-main/core/central/posture/posture.ts';
import { recordPosture } from '../../src-main/core/central/posture/record.ts';
import type { Core } from '../../src-main/core/core.ts';
import { openCore } from '../../src-main/core/open.ts';
import { capabilitiesOf } from '../../src-main/core/systems/capabilities.ts';
import { systemNamed } from '../../src-main/core/systems/index.ts';
import { catalogueSnapshot } from '../fixtures/catalogue-snapshot.ts';
import { type FreshDatabase, freshDatabase } from '../fixtures/central.ts';
import { hosts } from '../fixtures/five-systems.ts';
import { passphrase } from '../fixtures/organization.ts';

/** What a text that may be base64url says. */
const readBase64 = (text: string) =>
  /^[A-Za-z0-9_-]{40,}$/.test(text) ? Buffer.from(text, 'base64url').toString('utf8') : '';

const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');

describe.each(hosts)('$system', (host) => {
  const system = systemNamed(host.system);
  const capabilities = capabilitiesOf(system);
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-device-'));
  let database: FreshDatabase;
  let before: string[];
  let core: Core;

  const letsIn = async (email: string) => (await database.client.query(host.login, [email])).rowCount === 1;
  /** As the host's own authorization sees it, which has to agree with the one that Latchkey offers to hosts. */
  const accepts = async (secret: string) => {
    const { rowCount } = await database.client.query(host.authorization!, [hash(secret)]);
    const { rows } = await database.client.query('SELECT latchkey.key_is_valid($1) AS valid', [hash(secret)]);
    expect(rows[0].valid).toBe(rowCount === 1);
    return rowCount === 1;
  };
  const told = async (command: string) =>
    host.audit === null
      ? null
      : (await database.client.query<{ action: string }>(host.audit, [command])).rows.map(({ action }) => action);
  const sync = async () => {
    expect(await core.call('sync.now', {})).toMatchObject({ pending: 0, conflicts: 0, problem: null });
    const { equal, tables } = await core.call('mirror.check', {});
    expect(
      tables.flatMap(({ table, differences }) => differences.map((difference) => ({ table, ...difference }))),
    ).toEqual([]);
    expect(equal).toBe(true);
  };
  const offline = (workOffline: boolean) => core.call('sync.set-offline', { workOffline });

  beforeAll(async () => {
    database = await freshDatabase();
    const { client, url } = database;
    await migrateSystem(client, host.system, 'up');
    await host.fill(client);
    before = await catalogueSnapshot(client);
    await install(client, system);
    await host.fillSidecars?.(client);
    const organization = host.organization ?? undefined;
    const { file } = await enroll(client, { url, organization, operator: host.operator, device: 'd', role: 'admin' });
    core = await openCore({ dataFolder: folder, ports: { secretStore: null, clock: Date.now } });
    await core.call('device.join', { enrollment: file, passphrase });
    await sync();
  });
  afterAll(async () => {
    await core.close();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('mirrors every table, and nobody of another organization', async () => {
    const { items } = await core.call('data.tables', {});
    expect(items.map(({ name }) => name).sort()).toEqual(Object.keys(system.tables).sort());
    const people = await core.call('people.list', {});
    expect(people.items.map(({ email }) => email).sort()).toEqual([host.operator, host.person].sort());
    if (host.foreigner !== null)
      await expect(core.call('people.show', { person: host.foreigner })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('of the host’s own tables Latchkey holds no more rights than its devices need, and on the audit table none but to take its own words back', async () => {
    const { rows } = await database.client.query<{ table: string; rights: string[] }>(
      `SELECT c.relname AS table, array_agg(DISTINCT a.privilege_type ORDER BY a.privilege_type) AS rights
       FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
       WHERE c.relnamespace = $1::REGNAMESPACE AND c.relkind IN ('r', 'p') AND a.grantee = 'latchkey_owner'::REGROLE GROUP BY 1 ORDER BY 1`,
      [system.schema],
    );
    const wanted = Object.entries(system.tables).flatMap(([table, { sidecar, rights = {} }]) => {
      const may = (op: 'insert' | 'update') => Object.values(rights).some((right) => right[op] !== undefined);
      const isTold = table === system.activity?.table;
      if (sidecar) return [];
      return {
        table,
        rights: [...(may('insert') || isTold ? ['INSERT'] : []), 'SELECT', ...(may('update') ? ['UPDATE'] : [])],
      };
    });
    expect(rows).toEqual(wanted.sort((a, b) => (a.table < b.table ? -1 : 1)));
    if (system.activity !== null)
      expect(rows.find(({ table }) => table === system.activity!.table)?.rights).toEqual(['INSERT', 'SELECT']);
    const { rows: columns } = await database.client.query<{ column: string; right: string }>(
      `SELECT DISTINCT t.attname AS column, a.privilege_type AS right FROM pg_attribute t CROSS JOIN aclexplode(t.attacl) a
       WHERE t.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = $1::REGNAMESPACE AND relkind IN ('r', 'p'))
         AND a.grantee = 'latchkey_owner'::REGROLE ORDER BY 1`,
      [system.schema],
    );
    const told = [...new Set([system.activity?.data, system.activity?.before])].filter((column) => column != null);
    expect(columns).toEqual(told.sort().map((column) => ({ column, right: 'UPDATE' })));
  });

  test('somebody who is deactivated offline is let in no more once central knows, and again when reactivated', async () => {
    expect(await letsIn(host.person)).toBe(true);
    await offline(true);
    const { command } = await core.call('people.deactivate', { person: host.person, reason: 'left' });
    expect(await core.call('people.show', { person: host.person })).toMatchObject({ state: 'deactivated' });
    expect(await letsIn(host.person)).toBe(true);
    await offline(false);
    await sync();
    expect(await letsIn(host.person)).toBe(false);
    expect(await core.call('people.show', { person: host.person })).toMatchObject({ state: 'deactivated', pending: 0 });
    if (host.audit !== null) expect(await told(command)).toEqual(['person.deactivate']);
    if (capabilities.audit === null)
      expect((await core.call('audit.list', {})).items[0]).toMatchObject({ action: 'person.deactivate' });

    await core.call('people.reactivate', { person: host.person });
    await sync();
    expect(await letsIn(host.person)).toBe(true);
  });

  test('the last administrator stays', async () => {
    const act = core.call('people.deactivate', { person: host.operator, reason: 'leaves us' });
    if (capabilities['people.roles'] === null)
      await expect(act).rejects.toMatchObject({ code: 'would-remove-last-administrator' });
    else await expect(act).rejects.toMatchObject({ code: 'not-permitted' });
  });

  test.runIf(capabilities['people.roles'] === null)('a role that is given offline is held at central', async () => {
    const { people } = system;
    const [highest] = people.role!.administrators;
    await offline(true);
    await core.call('people.set-role', { person: host.person, role: highest! });
    await offline(false);
    await sync();
    expect(await core.call('people.show', { person: host.person })).toMatchObject({ role: highest });
    const roles = await core.call('people.roles', {});
    expect(roles.items.find(({ name }) => name === highest)).toMatchObject({ people: 2 });
  });

  test('somebody new, with their role, or why not', async () => {
    const input = {
      email: 'new.person@north.example',
      name: 'Nora van Dijk',
      role: system.people.role?.initial ?? 'x',
    };
    const why = capabilities['people.create'] ?? capabilities['people.names'];
    if (why !== null) {
      await expect(core.call('people.create', input)).rejects.toMatchObject({
        code: 'not-supported',
        message: expect.stringContaining(why),
      });
      return;
    }
    await core.call('people.create', input);
    await sync();
    expect(await core.call('people.show', { person: input.email })).toMatchObject({
      name: input.name,
      role: input.role,
      state: capabilities['people.invited'] === null ? 'invited' : 'active',
    });
  });

  test.runIf(host.key !== null)(
    'a key is issued, rotated and revoked, and the host accepts what it should',
    async () => {
      const issued = await core.call('keys.issue', { label: 'field kit', scopes: [], expiresInDays: null });
      expect(await accepts(issued.secret)).toBe(false);
      await sync();
      expect(await accepts(issued.secret)).toBe(true);
      if (host.audit !== null) expect(await told(issued.command)).toEqual(['key.issue']);

      const overlapSeconds = capabilities['keys.overlap'] === null ? 3_600 : 0;
      const rotated = await core.call('keys.rotate', { key: issued.subject, overlapSeconds });
      await sync();
      expect([await accepts(issued.secret), await accepts(rotated.secret)]).toEqual([overlapSeconds > 0, true]);
      if (overlapSeconds > 0) {
        const ended = `SELECT latchkey.key_is_valid($1, now() + INTERVAL '3601 seconds') AS valid`;
        expect((await database.client.query(ended, [hash(issued.secret)])).rows).toEqual([{ valid: false }]);
      }
      if (overlapSeconds > 0)
        expect(await core.call('keys.show', { key: issued.subject })).toMatchObject({ state: 'retiring' });

      const { items } = await core.call('keys.list', { search: 'field kit' });
      for (const { id, state } of items)
        if (state !== 'revoked') await core.call('keys.revoke', { key: id, reason: 'done', compromised: false });
      await sync();
      expect([await accepts(issued.secret), await accepts(rotated.secret)]).toEqual([false, false]);
    },
  );

  test.runIf(host.key === null)('a system without keys offers none, and says so', async () => {
    expect(await core.call('keys.list', {})).toMatchObject({ total: 0 });
    await expect(core.call('keys.issue', { label: 'x', scopes: [], expiresInDays: null })).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringContaining('has no keys'),
    });
  });

  test('somebody is erased, from the host’s row and from what it was told of them, or why not', async () => {
    const request = { person: host.person, reason: 'asked for by letter', confirm: host.person };
    if (capabilities['people.erase'] !== null) {
      await expect(core.call('people.erase', request)).rejects.toMatchObject({
        code: 'not-supported',
        message: expect.stringContaining(capabilities['people.erase']),
      });
      return;
    }
    if (capabilities['people.names'] === null)
      await core.call('people.edit', {
        person: host.person,
        name: 'Bennet Northgate',
        reason: 'Bennet Northgate it is',
      });
    const { id } = await core.call('people.show', { person: host.person });
    await sync();
    const { command } = await core.call('people.erase', request);
    await sync();
    await sync();
    expect(await letsIn(host.person)).toBe(false);
    if (host.audit !== null) expect(await told(command)).toEqual(['person.erase']);
    const { rows: tables } = await database.client.query<{ name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname IN ('latchkey', $1) AND c.relkind = 'r' ORDER BY 1`,
      [system.schema],
    );
    for (const { name } of tables) {
      const { rows } = await database.client.query<{ text: string }>(`SELECT t::TEXT AS text FROM ${name} t`);
      const texts = rows.flatMap(({ text }) => [text, ...text.split(/[(),"]/).map(readBase64)]).join('\n');
      expect(texts, name).not.toMatch(/\bben\b|bennet|northgate/i);
    }
    const left = await core.call('people.show', { person: id });
    expect(left).toMatchObject({ name: 'Erased person', state: 'deactivated', erasedAt: expect.any(String) });
    expect((await core.call('audit.erasures', {})).items).toMatchObject([
      { person: id, reason: 'asked for by letter' },
    ]);
    expect(await core.call('audit.check', {})).toMatchObject({ state: 'trusted', findings: [] });
  });

  test('central tells an administrator how each of its tables is doing', async () => {
    const health = await core.call('central.health', {});
    expect(health.tables.map(({ name }) => name).sort()).toEqual(Object.keys(system.tables).sort());
    expect(health).toMatchObject({ backups: [], drill: null, devices: { active: 1, silent: 0 } });
    for (const { until } of health.partitions) expect(Date.parse(until)).toBeGreaterThan(Date.now());
  });

  test('weaknesses that a database administrator recorded are shown to an administrator', async () => {
    expect(await core.call('central.posture', {})).toEqual({ report: null });
    const found = await posture(database.client, { system });
    await recordPosture(database.client, found);
    const { report } = await core.call('central.posture', {});
    expect(report?.findings.map(({ id }) => id)).toEqual(found.findings.map(({ id }) => id));
    expect(found.findings.length).toBeGreaterThan(0);
  });

  test('the catalogue is as before once it is uninstalled', async () => {
    await uninstall(database.client);
    expect((await catalogueSnapshot(database.client)).filter((line) => !/latchkey_/.test(line))).toEqual(
      before.filter((line) => !/latchkey_/.test(line)),
    );
  });
});
