import { describe, expect, test } from 'vitest';
import { query } from '../../src-main/core/mirror/readable.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { indexStatements, viewStatements } from '../../src-main/core/systems/views.ts';
import { apiKey, person, plainMirror } from '../fixtures/plain-mirror.ts';

describe('the normalized views of a system', () => {
  test.each([
    ['invited', 'invited'],
    ['active', 'active'],
    ['locked', 'suspended'],
    ['suspended', 'suspended'],
    ['inactive', 'deactivated'],
    ['deactivated', 'deactivated'],
    ['a word that nobody mapped', 'deactivated'],
    [null, 'deactivated'],
  ])('show the status %o of a person as %s, and keep the word', (status, state) => {
    const { context, insert } = plainMirror();
    insert('users', person({ id: 'p', email: 'p@nordlicht.example', status }));

    const row = context.mirror.first(query.selectFrom('latchkey_person').selectAll());

    expect(row).toMatchObject({ state, status });
  });

  test('never show a key of unknown status as one that is let in', () => {
    const { context, insert } = plainMirror();
    insert('api_keys', apiKey({ id: 'k', status: 'frobnicated' }));

    const row = context.mirror.first(query.selectFrom('latchkey_api_key').select(['state', 'status']));

    expect(row).toEqual({ state: 'suspended', status: 'frobnicated' });
  });

  test('give NULL for a column that this device may not see', () => {
    const { context, insert } = plainMirror({ without: { columns: ['users.full_name', 'users.status'] } });
    insert('users', { id: 'p', email: 'p@nordlicht.example', role: 'user' });

    const row = context.mirror.first(query.selectFrom('latchkey_person').selectAll());

    expect(row).toMatchObject({ email: 'p@nordlicht.example', name: null, status: null, state: 'deactivated' });
  });

  test('are there and empty for a table that this device may not see', () => {
    const { context } = plainMirror({ without: { tables: ['users', 'user_sessions', 'api_keys', 'audit_events'] } });

    for (const view of ['latchkey_person', 'latchkey_session', 'latchkey_api_key', 'latchkey_activity'] as const) {
      expect(context.mirror.all(query.selectFrom(view).selectAll())).toEqual([]);
    }
  });

  test('list the roles, least privileged first', () => {
    const { context } = plainMirror();

    const roles = context.mirror.all(query.selectFrom('latchkey_role').select('name').orderBy('position'));

    expect(roles.map(({ name }) => name)).toEqual(skyGenesis.people.role!.values);
  });

  test('can be made again over themselves', () => {
    const { context, database } = plainMirror();

    const again = () => {
      for (const statement of viewStatements(skyGenesis, context.tables)) database.exec(statement);
      for (const statement of indexStatements(skyGenesis, context.tables)) database.exec(statement);
    };

    expect(again).not.toThrow();
  });

  test('quote whatever central calls its tables, columns and states', () => {
    const { database } = plainMirror();
    const name = 'odd "name"; --';
    const system = structuredClone(skyGenesis);
    system.people.table = name;
    system.people.name = ['it"s'];
    system.people.role!.values = ["o'brien"];
    system.people.status!.words.active = ["'); DROP TABLE users; --"];
    system.tables[name] = { tenancy: { class: 'shared' }, indexes: [['it"s']] };
    const column = (each: string) => ({
      name: each,
      type: 'text',
      storage: 'text' as const,
      default: null,
      nullable: true,
    });
    const table = {
      name,
      key: ['id'],
      columns: ['id', 'it"s', 'status'].map(column),
      parent: null,
      window: null,
      partitions: null,
      unique: [],
      references: [],
      insertable: [],
      updatable: [],
    };
    database.exec('CREATE TABLE "odd ""name""; --" (id TEXT PRIMARY KEY, "it""s" TEXT, status TEXT)');
    database.exec(`INSERT INTO "odd ""name""; --" VALUES ('p', 'Pia', '''); DROP TABLE users; --')`);

    const tables = new Map([[name, table]]);
    for (const statement of [...viewStatements(system, tables), ...indexStatements(system, tables)])
      database.exec(statement);

    expect(database.prepare('SELECT name, state FROM latchkey_person').get()).toEqual({ name: 'Pia', state: 'active' });
    expect(database.prepare('SELECT name FROM latchkey_role').get()).toEqual({ name: "o'brien" });
    expect(database.prepare('SELECT count(*) AS n FROM users').get()).toEqual({ n: 0 });
  });
});

describe('the indexes of a system', () => {
  test('are left out where one of their columns is not mirrored', () => {
    const { context } = plainMirror({ without: { columns: ['users.role'], tables: ['user_sessions'] } });

    const statements = indexStatements(skyGenesis, context.tables).join('\n');

    expect(statements).toContain('ON "users" ("full_name" COLLATE NOCASE, "id")');
    expect(statements).not.toContain('"role"');
    expect(statements).not.toContain('user_sessions');
  });

  test.each([
    ['people by name', 'SELECT * FROM latchkey_person ORDER BY name COLLATE NOCASE LIMIT 10'],
    ['a person by address', "SELECT * FROM latchkey_person WHERE email = 'A@b.example' COLLATE NOCASE"],
    ['events by moment', 'SELECT * FROM latchkey_activity ORDER BY at DESC LIMIT 10'],
    ['an event by id', "SELECT row_id FROM latchkey_activity WHERE id = '12'"],
    ['the sessions of a person', "SELECT max(created_at) FROM latchkey_session WHERE person_id = 'p'"],
    ['keys by end', "SELECT * FROM latchkey_api_key WHERE expires_at <= '2027'"],
  ])('serve %s through the view', (_what, sql) => {
    const { database } = plainMirror();

    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];

    expect(plan.map(({ detail }) => detail).join('\n')).toMatch(/USING (INDEX|COVERING INDEX|PRIMARY KEY)/);
    expect(plan.map(({ detail }) => detail).join('\n')).not.toContain('TEMP B-TREE FOR ORDER BY');
  });
});
