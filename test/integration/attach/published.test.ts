import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enroll } from '../../../src-main/core/central/enroll.ts';
import { install, uninstall } from '../../../src-main/core/central/install.ts';
import type { Core } from '../../../src-main/core/core.ts';
import type { Identity } from '../../../src-main/core/identity.ts';
import { openMirror } from '../../../src-main/core/mirror/open.ts';
import { openCore } from '../../../src-main/core/open.ts';
import { quoteName } from '../../../src-main/core/quoting.ts';
import { systemNamed } from '../../../src-main/core/systems/index.ts';
import { Vault } from '../../../src-main/core/vault/vault.ts';
import { catalogueSnapshot } from '../../fixtures/catalogue-snapshot.ts';
import { type FreshDatabase, freshDatabase } from '../../fixtures/central.ts';
import { passphrase } from '../../fixtures/organization.ts';
import { hostQueries } from '../../fixtures/published/host-queries.ts';
import { makePublished, marker, published } from '../../fixtures/published/published.ts';

const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');
/** Roles belong to the whole server, on which other tests have theirs. */
const withoutRoles = (lines: string[]) => lines.filter((line) => !line.startsWith('role '));

describe.each(published)('$system', (host) => {
  const queries = hostQueries[host.system]!;

  describe('in use', () => {
    let database: FreshDatabase;
    let application: pg.Client;
    const role = `application_${randomBytes(6).toString('hex')}`;

    beforeAll(async () => {
      database = await freshDatabase();
      await makePublished(database.client, host);
      const schema = quoteName(host.schema);
      await database.client.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'application'; GRANT USAGE ON SCHEMA ${schema} TO ${role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
      );
      const url = new URL(database.url);
      url.username = role;
      url.password = 'application';
      application = new pg.Client({ connectionString: url.href });
      application.on('error', () => {});
      await application.connect();
    });
    afterAll(async () => {
      await application.end();
      await database.client.query(`DROP OWNED BY ${role}`);
      await database.drop();
    });

    /** What the host's queries answer, each in a transaction that is rolled back. */
    const answers = async () => {
      const all: unknown[] = [];
      for (const text of queries.all) {
        await application.query('BEGIN');
        try {
          const results = [await application.query(text)].flat();
          all.push({ text, results: results.map(({ command, rowCount, rows }) => ({ command, rowCount, rows })) });
        } catch (error) {
          const { code, message, detail, constraint, column } = error as pg.DatabaseError;
          // A whole row with the moment and the id that it was given says no more than the constraint.
          const told = detail?.startsWith('Failing row contains') ? null : detail;
          all.push({ text, error: { code, message, told, constraint, column } });
        }
        await application.query('ROLLBACK');
      }
      return all;
    };

    test('is found out, and gives the host the same rows and errors before, with and after Latchkey', async () => {
      const before = await catalogueSnapshot(database.client);
      const alone = await answers();
      expect(alone.filter((answer) => 'error' in (answer as object))).toHaveLength(queries.refused);
      const { system } = await install(database.client, null);
      expect(system.name).toBe(host.system);
      expect(await catalogueSnapshot(database.client)).not.toEqual(before);
      expect(await answers()).toEqual(alone);
      await uninstall(database.client);
      expect(withoutRoles(await catalogueSnapshot(database.client))).toEqual(withoutRoles(before));
      expect(await answers()).toEqual(alone);
    });
  });

  describe('with a device', () => {
    let database: FreshDatabase;
    let core: Core;
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-device-'));

    const sync = async () => {
      expect(await core.call('sync.now', {})).toMatchObject({ pending: 0, conflicts: 0, problem: null });
      const { equal, tables } = await core.call('mirror.check', {});
      expect(tables.filter((table) => !table.equal)).toEqual([]);
      expect(equal).toBe(true);
    };
    const finds = async (text: string, value: string) => (await database.client.query(text, [value])).rowCount === 1;
    const told = async (command: string) =>
      (await database.client.query<{ action: string }>(queries.audit, [command])).rows.map(({ action }) => action);

    beforeAll(async () => {
      database = await freshDatabase();
      const { client, url } = database;
      await makePublished(client, host);
      for (const statement of queries.more) await client.query(statement);
      await install(client, null);
      const request = {
        url,
        organization: 'north',
        operator: 'ada@north.example',
        device: 'd',
        role: 'admin',
      } as const;
      const { file } = await enroll(client, request);
      core = await openCore({ dataFolder: folder, ports: { secretStore: null, clock: Date.now } });
      await core.call('device.join', { enrollment: file, passphrase });
      await sync();
    });
    afterAll(async () => {
      await core.close();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    test('every table is mirrored, with a row in it', async () => {
      const { rows } = await database.client.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = $1::REGNAMESPACE AND relkind = 'r' ORDER BY 1`,
        [host.schema],
      );
      const { items: all } = await core.call('data.tables', {});
      const items = all.filter(({ name }) => !systemNamed(host.system).tables[name]!.sidecar);
      expect(items.map(({ name }) => name).sort()).toEqual(rows.map(({ name }) => name));
      expect(items.filter((item) => item.rows === 0)).toEqual([]);
    });

    test('no secret, and nothing of another organization, is in the mirror or open to the login of the device', async () => {
      const { databaseKey, identity } = await new Vault(folder).unlock<Identity>(passphrase);
      const mirror = openMirror(folder, databaseKey, 'read');
      const names = mirror
        .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'`)
        .pluck()
        .all() as string[];
      const here = names.flatMap(
        (name) =>
          mirror
            .prepare(`SELECT * FROM ${quoteName(name)}`)
            .raw()
            .all() as unknown[][],
      );
      mirror.close();
      const { host: address, port, database: name, user, password } = identity.central;
      const login = new pg.Client({ host: address, port, database: name, user, password });
      await login.connect();
      const readable = await readableTo(login);
      const there: unknown[][] = [];
      for (const { relation, columns } of readable)
        there.push(...(await login.query({ text: `SELECT ${columns} FROM ${relation}`, rowMode: 'array' })).rows);
      await login.end();
      expect(readable.filter(({ relation }) => relation.startsWith(`${host.schema}.`))).toEqual([]);

      const { rows: columns } = await database.client.query<{ column: string }>(
        `SELECT c.relname || '.' || a.attname AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relnamespace = $1::REGNAMESPACE AND c.relkind = 'r' AND (a.atttypid IN ('text'::REGTYPE, 'bytea'::REGTYPE, 'jsonb'::REGTYPE, 'text[]'::REGTYPE)
           OR a.atttypid = 'varchar'::REGTYPE AND a.atttypmod >= 64)`,
        [host.schema],
      );
      const all = columns.map(({ column }) => column).filter((column) => !(column in host.words));
      for (const place of [here, there]) {
        const text = textOf(place);
        const has = (column: string, organization: string) => text.includes(marker(column, organization));
        expect(all.filter((column) => has(column, 'north')).sort()).toEqual(
          all.filter((column) => !host.secrets.includes(column)).sort(),
        );
        expect(all.filter((column) => has(column, 'south')).sort()).toEqual(
          all.filter((column) => host.shared.includes(column.split('.')[0]!)).sort(),
        );
        expect(text).not.toContain('ada@south.example');
      }
      expect(all).toEqual(expect.arrayContaining(host.secrets));
    });

    test('people are worked on as far as the database goes', async () => {
      await core.call('sync.set-offline', { workOffline: true });
      if (queries.login === null) {
        await expect(
          core.call('people.deactivate', { person: 'ben@north.example', reason: 'left' }),
        ).rejects.toMatchObject({
          code: 'not-supported',
          message: expect.stringContaining('has no column that says who may no longer come in'),
        });
      } else {
        await core.call('people.deactivate', { person: 'ben@north.example', reason: 'left' });
        expect(await finds(queries.login, 'ben@north.example')).toBe(true);
      }
      const { command } = await core.call('people.set-role', { person: 'cem@north.example', role: queries.role });
      await core.call('sync.set-offline', { workOffline: false });
      await sync();
      if (queries.login !== null) {
        expect(await finds(queries.login, 'ben@north.example')).toBe(false);
        expect(await finds(queries.login, 'cem@north.example')).toBe(true);
      }
      expect(await core.call('people.show', { person: 'cem@north.example' })).toMatchObject({ role: queries.role });
      expect(await told(command)).toEqual(['person.set-role']);
    });

    test('a key is revoked, and issued where the database keeps a hash', async () => {
      expect(await finds(queries.authorization, queries.secret)).toBe(true);
      await core.call('keys.revoke', { key: queries.key, reason: 'leaked', compromised: false });
      await sync();
      expect(await finds(queries.authorization, queries.secret)).toBe(false);
      const issue = core.call('keys.issue', { label: 'field kit', scopes: ['read'], expiresInDays: 30 });
      if (!queries.issues) {
        await expect(issue).rejects.toMatchObject({
          code: 'not-supported',
          message: expect.stringContaining('keeps no hash of a key’s secret'),
        });
        return;
      }
      const issued = await issue;
      await sync();
      expect(await finds(queries.authorization, hash(issued.secret))).toBe(true);
      const rotated = await core.call('keys.rotate', { key: issued.subject, overlapSeconds: 0 });
      await sync();
      // The host has no column for it, so it stands beside its tables.
      const { lineage } = await core.call('keys.show', { key: issued.subject });
      expect(lineage.map(({ state }) => state)).toEqual(['revoked', 'active']);
      expect(await finds(queries.authorization, hash(issued.secret))).toBe(false);
      expect(await finds(queries.authorization, hash(rotated.secret))).toBe(true);
    });
  });
});

/** What a login may read, by its own rights or those of everybody, beyond the catalogue of PostgreSQL itself. */
async function readableTo(login: pg.Client): Promise<{ relation: string; columns: string }[]> {
  const { rows } = await login.query<{ relation: string; columns: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS relation, string_agg(quote_ident(a.attname), ', ') AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') GROUP BY 1 ORDER BY 1`,
  );
  return rows;
}

function textOf(rows: unknown[][]): string {
  const values = rows.flat().filter((value) => value !== null && value !== undefined);
  return values
    .map((value) =>
      Buffer.isBuffer(value)
        ? value.toString('latin1')
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value),
    )
    .join('\n');
}
