import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDeviceRole } from '../../src-main/core/central/enroll.ts';
import type { MirroredTable } from '../../src-main/core/mirror/catalogue.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { dropAged, isNewDay } from '../../src-main/core/sync/window.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { connectAsDevice } from '../fixtures/device-login.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
beforeAll(async () => {
  central = await testCentral();
});
afterAll(() => central.close());

async function tablesOf({ core }: TestDevice): Promise<string[]> {
  return (await core.call('data.tables', {})).items.map(({ name }) => name);
}

const messaging = [
  'conversation_participants',
  'conversations',
  'message_attachments',
  'message_reactions',
  'message_reads',
  'messages',
];

test('rows are found by their keys without a look at the rest of the organization', async () => {
  await central.client.query(
    `INSERT INTO api_service.users (organization_id, email, full_name, password_hash)
     SELECT $1, 'many' || n || '@nordhaven.example', 'Many', 'x' FROM generate_series(1, 2000) n`,
    [central.nordhaven],
  );
  await central.client.query(
    `INSERT INTO api_service.audit_events (organization_id, event_type, event_data, created_at)
     SELECT $1, 'user.login', jsonb_build_object('many', n), now() - n * INTERVAL '1 minute' FROM generate_series(1, 2000) n`,
    [central.nordhaven],
  );
  await central.client.query(
    `INSERT INTO api_service.user_sessions (user_id, access_token, expires_at)
     SELECT id, 'token of ' || email, now() + INTERVAL '1 day' FROM api_service.users WHERE email LIKE 'many%'`,
  );
  await central.client.query('ANALYZE');
  const { rows } = await central.client.query(
    `SELECT u.id AS person, s.id AS session, e.id AS event, e.created_at::TEXT AS at
     FROM api_service.users u JOIN api_service.user_sessions s ON s.user_id = u.id, api_service.audit_events e
     WHERE u.email = 'many7@nordhaven.example' AND e.event_data @> '{"many": 7}'`,
  );
  const { person, session, event, at } = rows[0];
  const login = await connectAsDevice(await central.device());
  try {
    for (const [table, lookup] of [
      ['users', `users_by_key(ARRAY['${person}'])`],
      ['audit_events', `audit_events_by_key(ARRAY['${event}'], ARRAY['${at}'])`],
      ['user_sessions', `user_sessions_by_key(ARRAY['${session}'])`],
      ['user_sessions', `user_sessions_by_parent(ARRAY['${person}'])`],
    ]) {
      await login.query('BEGIN');
      const found = await login.query(`SELECT * FROM latchkey_mirror.${lookup}`);
      const read = await login.query(
        `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::INTEGER AS rows FROM pg_stat_xact_user_tables
         WHERE schemaname = 'api_service' AND relname LIKE $1 || '%'`,
        [table],
      );
      await login.query('COMMIT');
      expect(found.rowCount, lookup).toBe(1);
      expect(read.rows[0].rows, lookup).toBeLessThan(10);
    }
  } finally {
    await login.end();
  }
});

describe('what a device mirrors follows its role', () => {
  let device: TestDevice;
  beforeAll(async () => {
    device = await central.device({ role: 'auditor' });
  });

  test('an auditor’s has no messages, and everything else', async () => {
    const tables = await tablesOf(device);
    expect(tables).toEqual(expect.arrayContaining(['users', 'api_keys', 'audit_events']));
    expect(tables.filter((table) => messaging.includes(table))).toEqual([]);
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('neither their rows, nor their keys in the change log, can be had by SQL', async () => {
    const login = await connectAsDevice(device);
    try {
      const { rows: before } = await login.query('SELECT pg_current_snapshot()::TEXT AS snapshot');
      await central.client.query(`UPDATE api_service.messages SET content = content || '!'`);
      await central.client.query(`UPDATE api_service.users SET full_name = full_name`);
      const { rows } = await login.query('SELECT DISTINCT table_name FROM latchkey.changes_since($1)', [
        before[0].snapshot,
      ]);
      expect(rows).toEqual([{ table_name: 'users' }]);
      for (const sql of [
        'SELECT * FROM latchkey_mirror.messages',
        `SELECT * FROM latchkey_mirror.messages_by_key(ARRAY['1'])`,
        `SELECT * FROM latchkey_mirror.messages_by_parent(ARRAY['1'])`,
        'SET ROLE latchkey_reads_admin',
      ])
        await expect(login.query(sql), sql).rejects.toMatchObject({ code: '42501' });
    } finally {
      await login.end();
    }
  });

  test('a wider role brings them at the next sync, a narrower one removes them', async () => {
    await setDeviceRole(central.client, device.id, 'operator');
    expect((await device.core.call('sync.now', {})).mode).toBe('idle');
    expect(await tablesOf(device)).toEqual(expect.arrayContaining(messaging));
    expect((await device.core.call('data.list', { table: 'messages' })).total).toBe(3);
    await setDeviceRole(central.client, device.id, 'auditor');
    await device.core.call('sync.now', {});
    expect((await tablesOf(device)).filter((table) => messaging.includes(table))).toEqual([]);
    await expect(device.core.call('data.list', { table: 'messages' })).rejects.toMatchObject({ code: 'not-found' });
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });
});

describe('a log is mirrored as far back as its window', () => {
  test('at the first copy and in later pulls', async () => {
    const insert = (days: number) =>
      central.client.query(
        `INSERT INTO api_service.api_access_log (organization_id, latency_ms, timestamp)
         VALUES ($1, $2, date_trunc('day', now() AT TIME ZONE 'UTC') - make_interval(days => $2))`,
        [central.nordhaven, days],
      );
    await insert(181);
    await insert(180);
    const device = await central.device();
    const ages = async () => {
      const { items } = await device.core.call('data.list', { table: 'api_access_log' });
      return items.map(({ latency_ms }) => Number(latency_ms)).sort((a, b) => a - b);
    };
    expect(await ages()).toEqual([180]);
    await insert(182);
    await insert(1);
    await device.core.call('sync.now', {});
    expect(await ages()).toEqual([1, 180]);
    expect((await device.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('and what grew too old goes when the day changes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-window-'));
    try {
      const mirror = new WritableMirror(openMirror(folder, randomBytes(32), 'write'), skyGenesis);
      const column = (name: string, storage: 'integer' | 'timestamp' | 'timestamptz') =>
        ({ name, storage, type: storage, nullable: true, default: null }) as const;
      const log = (name: string, storage: 'timestamp' | 'timestamptz'): MirroredTable => ({
        name,
        key: ['id'],
        columns: [column('id', 'integer'), column('at', storage)],
        parent: null,
        window: { column: 'at', days: 180 },
        partitions: null,
        unique: [],
        references: [],
        insertable: [],
        updatable: [],
      });
      const zone = { zoned: 'Z', zoneless: '' };
      for (const table of [log('zoned', 'timestamptz'), log('zoneless', 'timestamp')]) {
        const end = zone[table.name as keyof typeof zone];
        const rows = [
          [1, `2026-05-24T23:59:59.999999${end}`],
          [2, `2026-05-25T00:00:00.000000${end}`],
          [3, null],
          [4, 'infinity'],
          [5, '12026-01-01 00:00:00'],
          [6, '-infinity'],
          [7, '0044-03-15 00:00:00 BC'],
        ];
        const incoming = mirror.createIncoming(table);
        incoming.append(rows.length, (row, values, place) => values.splice(place, 2, ...rows[row]!));
        incoming.flush();
        mirror.transaction(() => mirror.swapIn(table, incoming.rows, '1:1:'));
      }
      const ids = (table: string) => mirror.database.prepare(`SELECT id FROM ${table} ORDER BY id`).pluck().all();
      const rows = () => mirror.database.prepare('SELECT rows FROM latchkey_table').pluck().all();
      expect(mirror.transaction(() => dropAged(mirror, { today: '2026-11-20' }))).toEqual(['zoned', 'zoneless']);
      expect([ids('zoned'), rows()]).toEqual([
        [1, 2, 3, 4, 5],
        [5, 5],
      ]);
      expect(isNewDay(mirror, { today: '2026-11-20' })).toBe(false);
      expect(isNewDay(mirror, { today: '2026-11-21' })).toBe(true);
      expect(mirror.transaction(() => dropAged(mirror, { today: '2026-11-21' }))).toEqual(['zoned', 'zoneless']);
      expect([ids('zoned'), ids('zoneless'), rows()]).toEqual([
        [2, 3, 4, 5],
        [2, 3, 4, 5],
        [4, 4],
      ]);
      mirror.database.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
