import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let first: TestDevice;
let second: TestDevice;

beforeAll(async () => {
  central = await testCentral();
  first = await central.device({ operator: 'astrid@nordhaven.example' });
  second = await central.device({ operator: 'bjorn@nordhaven.example' });
});
afterAll(() => central.close());

const sync = (...devices: TestDevice[]) =>
  devices.reduce(
    (before, device) => before.then(() => device.core.call('sync.now', {}).then(() => {})),
    Promise.resolve(),
  );

describe('a change made offline', () => {
  test('is queued, then in force, then seen by another device', async () => {
    await first.core.call('sync.set-offline', { workOffline: true });
    const deactivated = await first.core.call('people.deactivate', {
      person: 'dario@nordhaven.example',
      reason: 'left the company',
    });
    const rotated = await first.core.call('keys.rotate', { key: 'billing-export', overlapSeconds: 3_600 });
    expect([deactivated.state, rotated.state]).toEqual(['queued', 'queued']);
    expect((await first.core.call('people.show', { person: 'dario@nordhaven.example' })).state).toBe('deactivated');
    expect((await central.person('dario@nordhaven.example')).status).toBe('active');
    await expect(first.core.call('sync.now', {})).rejects.toMatchObject({ code: 'offline' });

    await first.core.call('sync.set-offline', { workOffline: false });
    await sync(first, second);

    const outbox = await first.core.call('outbox.list', {});
    expect(outbox.items.map((item) => item.state)).toEqual(['in-force', 'in-force']);
    expect((await central.person('dario@nordhaven.example')).status).toBe('deactivated');
    const { rows: sessions } = await central.client.query(
      `SELECT s.expires_at <= now() AS ended FROM api_service.user_sessions s JOIN api_service.users u ON u.id = s.user_id WHERE u.email = 'dario@nordhaven.example'`,
    );
    expect(sessions).toEqual([{ ended: true }]);
    const { rows: keys } = await central.client.query(
      `SELECT status, key_prefix, expires_at - now() < INTERVAL '61 minutes' AS ends_soon FROM api_service.api_keys WHERE label = 'billing-export' ORDER BY created_at`,
    );
    expect(keys).toEqual([
      { status: 'retiring', key_prefix: expect.any(String), ends_soon: true },
      { status: 'active', key_prefix: rotated.prefix, ends_soon: null },
    ]);
    const { rows: valid } = await central.client.query(
      'SELECT api_service.api_key_is_valid($1) AS fresh, api_service.api_key_is_valid($2) AS old',
      [rotated.secret, 'sgk_billing_secret_of_nordhaven'],
    );
    expect(valid).toEqual([{ fresh: true, old: true }]);
    const { rows: events } = await central.client.query(
      `SELECT event_type, event_data #>> '{latchkey,reason}' AS reason FROM api_service.audit_events WHERE organization_id = $1 ORDER BY id`,
      [central.nordhaven],
    );
    expect(events).toEqual([
      { event_type: 'person.deactivate', reason: 'left the company' },
      { event_type: 'key.rotate', reason: null },
    ]);

    expect((await second.core.call('people.show', { person: 'dario@nordhaven.example' })).state).toBe('deactivated');
    expect((await second.core.call('keys.list', { search: 'billing' })).items.map((key) => key.state).sort()).toEqual([
      'active',
      'retiring',
    ]);
    expect((await second.core.call('audit.list', { action: 'key.rotate' })).total).toBe(1);
  });

  test('survives closing and opening the device', async () => {
    await first.core.call('sync.set-offline', { workOffline: true });
    await first.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Chloé Martin-Roux' });
    await first.core.call('device.lock', {});
    await expect(first.core.call('people.list', {})).rejects.toMatchObject({ code: 'locked' });
    await first.core.call('device.unlock', { passphrase: 'correct horse battery staple' });
    expect((await first.core.call('people.show', { person: 'chloe@nordhaven.example' })).name).toBe(
      'Chloé Martin-Roux',
    );
    expect(await first.core.call('status.get', {})).toMatchObject({ mode: 'offline', pending: 1, workOffline: true });
    await first.core.call('sync.set-offline', { workOffline: false });
    await sync(first);
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé Martin-Roux');
  });

  test('can be undone while it is here alone', async () => {
    await first.core.call('sync.set-offline', { workOffline: true });
    const { command } = await first.core.call('people.set-role', {
      person: 'chloe@nordhaven.example',
      role: 'support',
    });
    expect((await first.core.call('people.show', { person: 'chloe@nordhaven.example' })).role).toBe('support');
    expect((await first.core.call('outbox.undo', { command })).state).toBe('undone');
    expect((await first.core.call('people.show', { person: 'chloe@nordhaven.example' })).role).toBe('user');
    await first.core.call('sync.set-offline', { workOffline: false });
    await sync(first);
    expect((await central.person('chloe@nordhaven.example')).role).toBe('user');
    const { rows } = await central.client.query(`SELECT count(*)::INT AS n FROM latchkey.command WHERE id = $1`, [
      command,
    ]);
    expect(rows).toEqual([{ n: 0 }]);
    const { rows: leaves } = await central.client.query(
      `SELECT convert_from(entry, 'UTF8')::JSONB ->> 'act' AS act FROM latchkey.audit_leaf WHERE command = $1 ORDER BY idx`,
      [command],
    );
    expect(leaves.map((leaf) => leaf.act)).toEqual(['person.set-role', 'command.undone']);
    await expect(first.core.call('outbox.undo', { command })).rejects.toMatchObject({ code: 'not-undoable' });
  });
});

describe('two devices that edit the same person offline', () => {
  test('keep both edits when the fields differ', async () => {
    await sync(first, second);
    await first.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Chloé Roux' });
    await second.core.call('people.set-role', { person: 'chloe@nordhaven.example', role: 'developer' });
    await sync(first, second, first);
    expect(await central.person('chloe@nordhaven.example')).toMatchObject({
      full_name: 'Chloé Roux',
      role: 'developer',
    });
    expect(await first.core.call('people.show', { person: 'chloe@nordhaven.example' })).toMatchObject({
      name: 'Chloé Roux',
      role: 'developer',
    });
    expect((await second.core.call('status.get', {})).conflicts).toBe(0);
  });

  test('the first is kept and the second sees a conflict with base, mine and theirs; mine can be sent again', async () => {
    await first.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Oskar A. Holm' });
    await second.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Oskar B. Holm' });
    await sync(first, second);
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Oskar A. Holm');
    expect((await second.core.call('people.show', { person: 'oskar@nordhaven.example' })).name).toBe('Oskar A. Holm');
    const { items } = await second.core.call('conflicts.list', {});
    expect(items).toMatchObject([
      {
        kind: 'fields',
        table: 'users',
        fields: [{ column: 'full_name', base: 'Oskar Holm', mine: 'Oskar B. Holm', theirs: 'Oskar A. Holm' }],
      },
    ]);
    expect(await second.core.call('status.get', {})).toMatchObject({ mode: 'attention', conflicts: 1, pending: 0 });

    const resolved = await second.core.call('conflicts.resolve', { conflict: items[0]!.conflict, take: 'mine' });
    expect(resolved.resolution).toBe('mine');
    await sync(second, first);
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Oskar B. Holm');
    expect((await first.core.call('people.show', { person: 'oskar@nordhaven.example' })).name).toBe('Oskar B. Holm');
    await expect(
      second.core.call('conflicts.resolve', { conflict: items[0]!.conflict, take: 'theirs' }),
    ).rejects.toMatchObject({ code: 'conflict-closed' });
  });

  test('a later change of another field survives the conflict of an earlier one', async () => {
    await sync(first, second);
    await first.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Oskar Earlier' });
    await second.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Oskar Conflicting' });
    await second.core.call('people.set-role', { person: 'oskar@nordhaven.example', role: 'support' });
    await sync(first, second);
    expect(await central.person('oskar@nordhaven.example')).toMatchObject({
      full_name: 'Oskar Earlier',
      role: 'support',
    });
    const { items } = await second.core.call('conflicts.list', {});
    expect(items).toHaveLength(1);
    await second.core.call('conflicts.resolve', { conflict: items[0]!.conflict, take: 'theirs' });
    await central.client.query(
      `UPDATE api_service.users SET role = 'operator' WHERE email = 'oskar@nordhaven.example'`,
    );
    await sync(second);
  });

  test('taking theirs leaves central as it is', async () => {
    await first.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Oskar One' });
    await second.core.call('people.edit', { person: 'oskar@nordhaven.example', name: 'Oskar Two' });
    await sync(first, second);
    const { items } = await second.core.call('conflicts.list', {});
    expect(await second.core.call('conflicts.resolve', { conflict: items[0]!.conflict, take: 'theirs' })).toMatchObject(
      { resolution: 'theirs', command: null },
    );
    await sync(second);
    expect((await central.person('oskar@nordhaven.example')).full_name).toBe('Oskar One');
    expect((await second.core.call('status.get', {})).conflicts).toBe(0);
  });

  test('taking access away wins over a concurrent edit of the same field', async () => {
    await central.client.query(
      `UPDATE api_service.users SET status = 'active' WHERE email = 'chloe@nordhaven.example'`,
    );
    await sync(first, second);
    await first.core.call('people.deactivate', { person: 'chloe@nordhaven.example', reason: 'stolen badge' });
    await central.client.query(
      `UPDATE api_service.users SET status = 'invited' WHERE email = 'chloe@nordhaven.example'`,
    );
    await sync(first);
    expect((await central.person('chloe@nordhaven.example')).status).toBe('deactivated');
    expect((await first.core.call('status.get', {})).conflicts).toBe(0);
  });
});

describe("the host's own changes", () => {
  test('inserts, updates and deletes of any mirrored table arrive, descendants included', async () => {
    await central.client.query(`UPDATE api_service.api_keys SET label = 'metrics (old)' WHERE label = 'metrics'`);
    await central.client.query(`INSERT INTO api_service.infra_nodes (name, region) VALUES ('edge-1', 'eu-north')`);
    await central.client.query(`DELETE FROM api_service.conversations WHERE title = 'Rotation day'`);
    await sync(first);
    expect((await first.core.call('keys.list', { search: 'metrics' })).items[0]!.label).toBe('metrics (old)');
    expect((await first.core.call('data.list', { table: 'infra_nodes' })).items[0]).toMatchObject({ name: 'edge-1' });
    expect((await first.core.call('data.list', { table: 'conversations' })).total).toBe(0);
    expect((await first.core.call('data.list', { table: 'messages' })).total).toBe(0);
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('a row that moves to another organization leaves this mirror with its descendants, and comes back with them', async () => {
    const { rows } = await central.client.query(
      `INSERT INTO api_service.conversations (organization_id, title, type) VALUES ($1, 'Handover', 'group') RETURNING id`,
      [central.nordhaven],
    );
    await central.client.query(`INSERT INTO api_service.messages (conversation_id, content) VALUES ($1, 'hello')`, [
      rows[0].id,
    ]);
    await sync(first);
    expect((await first.core.call('data.list', { table: 'messages' })).total).toBe(1);
    await central.client.query('UPDATE api_service.conversations SET organization_id = $1 WHERE id = $2', [
      central.southbay,
      rows[0].id,
    ]);
    await sync(first);
    expect((await first.core.call('data.list', { table: 'messages' })).total).toBe(0);
    await central.client.query('UPDATE api_service.conversations SET organization_id = $1 WHERE id = $2', [
      central.nordhaven,
      rows[0].id,
    ]);
    await sync(first);
    expect((await first.core.call('data.list', { table: 'messages' })).total).toBe(1);
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('TRUNCATE empties the mirrored table too', async () => {
    await central.client.query('TRUNCATE api_service.infra_nodes CASCADE');
    await sync(first);
    expect((await first.core.call('data.list', { table: 'infra_nodes' })).total).toBe(0);
  });

  test('a writer that was open during a pull is not missed', async () => {
    await central.client.query('BEGIN');
    await central.client.query(
      `UPDATE api_service.users SET full_name = 'Slow Writer' WHERE email = 'oskar@nordhaven.example'`,
    );
    const fast = new pg.Client({ connectionString: central.url });
    await fast.connect();
    await fast.query(`UPDATE api_service.users SET full_name = 'Fast Writer' WHERE email = 'chloe@nordhaven.example'`);
    await sync(first);
    await central.client.query('COMMIT');
    await fast.end();
    await sync(first);
    expect((await first.core.call('people.show', { person: 'oskar@nordhaven.example' })).name).toBe('Slow Writer');
    expect((await first.core.call('people.show', { person: 'chloe@nordhaven.example' })).name).toBe('Fast Writer');
  });
});

test('what takes access away and builds on nothing goes ahead of a long queue', async () => {
  await first.core.call('sync.set-offline', { workOffline: true });
  const made: string[] = [];
  for (let n = 0; n < 60; n++) {
    const edit = { person: 'dario@nordhaven.example', name: `Dario ${n}` };
    made.push((await first.core.call('people.edit', edit)).command);
  }
  const [metrics] = (await first.core.call('keys.list', { search: 'metrics' })).items;
  const { command: revoked } = await first.core.call('keys.revoke', { key: metrics!.id, reason: 'it leaked' });
  const { subject: key } = await first.core.call('keys.issue', { label: 'issued and revoked' });
  const { command: dependent } = await first.core.call('keys.revoke', { key, reason: 'a mistake' });
  await first.core.call('sync.set-offline', { workOffline: false });
  await sync(first);
  const { rows } = await central.client.query(
    'SELECT id, state, rank() OVER (ORDER BY xid::TEXT::BIGINT)::INTEGER AS rank FROM latchkey.command WHERE id = ANY ($1)',
    [[...made, revoked, dependent]],
  );
  const of = (command: string) => rows.find(({ id }) => id === command);
  expect(of(revoked)).toMatchObject({ state: 'applied', rank: 1 });
  expect(of(made.at(-1)!).rank).toBeGreaterThan(1);
  // One that builds on another waits for its turn.
  expect(of(dependent)).toMatchObject({ state: 'applied' });
  expect(of(dependent).rank).toBeGreaterThan(1);
});

describe('refusals', () => {
  test('the last administrator cannot be removed by two devices that each remove one', async () => {
    await central.client.query(
      `UPDATE api_service.users SET role = 'admin', status = 'active' WHERE email IN ('astrid@nordhaven.example', 'bjorn@nordhaven.example')`,
    );
    await sync(first, second);
    await first.core.call('people.set-role', { person: 'bjorn@nordhaven.example', role: 'user' });
    await second.core.call('people.set-role', { person: 'astrid@nordhaven.example', role: 'user' });
    await sync(first);
    await sync(second);
    const { rows } = await central.client.query(
      `SELECT email FROM api_service.users WHERE role = 'admin' AND status = 'active' AND organization_id = $1`,
      [central.nordhaven],
    );
    expect(rows).toEqual([{ email: 'astrid@nordhaven.example' }]);
    // The second operator is no administrator any more: somebody else decides, and cannot leave nobody either.
    const [kept] = (await first.core.call('quarantine.list', {})).items;
    expect(kept).toMatchObject({ name: 'person.set-role', actor: { name: 'Bjørn Dahl' } });
    expect(await first.core.call('quarantine.decide', { command: kept!.command, decision: 'release' })).toMatchObject({
      state: 'refused',
      message: expect.stringContaining('without an active administrator'),
    });
    await sync(second);
    expect((await second.core.call('conflicts.list', {})).items).toMatchObject([
      { kind: 'refused', message: expect.stringContaining('without an active administrator') },
    ]);
  });

  test('a device of an operator has no right to roles, and an auditor none to anything', async () => {
    const operator = await central.device({ operator: 'oskar@nordhaven.example', role: 'operator' });
    await expect(
      operator.core.call('people.set-role', { person: 'chloe@nordhaven.example', role: 'admin' }),
    ).rejects.toMatchObject({ code: 'not-permitted' });
    const auditor = await central.device({ operator: 'oskar@nordhaven.example', role: 'auditor' });
    await expect(
      auditor.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'X' }),
    ).rejects.toMatchObject({ code: 'not-permitted' });
    await expect(auditor.core.call('keys.issue', { label: 'x' })).rejects.toMatchObject({ code: 'not-permitted' });
  });
});

describe('a row made offline', () => {
  test('shows what central will fill in, and can be built upon before it is sent', async () => {
    await first.core.call('sync.set-offline', { workOffline: true });
    const issued = await first.core.call('keys.issue', { label: 'built upon' });
    const [row] = (await first.core.call('data.list', { table: 'api_keys', search: 'built upon' })).items;
    expect(row).toMatchObject({ key_type: 'client', created_at: expect.any(String) });
    const rotated = await first.core.call('keys.rotate', { key: issued.subject, overlapSeconds: 0 });
    await first.core.call('sync.set-offline', { workOffline: false });
    await sync(first);
    const { rows } = await central.client.query(
      `SELECT status, key_type, key_prefix FROM api_service.api_keys WHERE label = 'built upon' ORDER BY created_at, status DESC`,
    );
    expect(rows).toEqual([
      { status: 'revoked', key_type: 'client', key_prefix: issued.prefix },
      { status: 'active', key_type: 'client', key_prefix: rotated.prefix },
    ]);
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
  });
});

describe('other work at central', () => {
  test('on another row does not hold up a push; on the same row the command waits, and the mirror is brought up to date all the same', async () => {
    await sync(first);
    const host = new pg.Client({ connectionString: central.url });
    await host.connect();
    await host.query('BEGIN');
    await host.query(`SELECT 1 FROM api_service.users WHERE email = 'bjorn@nordhaven.example' FOR UPDATE`);
    await first.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Not held up' });
    await sync(first);
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Not held up');

    await first.core.call('people.edit', { person: 'bjorn@nordhaven.example', name: 'Held up' });
    await central.client.query(
      `UPDATE api_service.users SET full_name = 'Seen meanwhile' WHERE email = 'dario@nordhaven.example'`,
    );
    await expect(first.core.call('sync.now', {})).rejects.toMatchObject({ code: 'central-busy' });
    expect((await first.core.call('people.show', { person: 'dario@nordhaven.example' })).name).toBe('Seen meanwhile');
    expect((await first.core.call('status.get', {})).pending).toBe(1);
    await host.query('ROLLBACK');
    await host.end();
    await sync(first);
    expect((await central.person('bjorn@nordhaven.example')).full_name).toBe('Held up');
  });

  test('on partitions is seen: attached, detached, truncated', async () => {
    const total = async () => (await first.core.call('data.list', { table: 'api_access_log' })).total;
    const insert = `INSERT INTO later (id, organization_id, response_status, "timestamp") SELECT 900000 + n, '${central.nordhaven}', 200, '2031-05-02' FROM generate_series(1, 3) n`;
    await central.client.query(
      `CREATE TABLE later (LIKE api_service.api_access_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
    );
    await central.client.query(insert);
    const before = await total();
    await central.client.query(
      `ALTER TABLE api_service.api_access_log ATTACH PARTITION later FOR VALUES FROM ('2031-05-01') TO ('2031-06-01')`,
    );
    await sync(first);
    expect(await total()).toBe(before + 3);
    await central.client.query('TRUNCATE later');
    await sync(first);
    expect(await total()).toBe(before);
    await central.client.query(insert);
    await sync(first);
    await central.client.query('ALTER TABLE api_service.api_access_log DETACH PARTITION later');
    await sync(first);
    expect(await total()).toBe(before);
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('that changes more rows than one would follow makes the table copied, pending changes kept on top', async () => {
    await first.core.call('sync.set-offline', { workOffline: true });
    await first.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Pending over a copy' });
    await central.client.query(
      `INSERT INTO api_service.users (organization_id, email, full_name, password_hash) SELECT $1, 'bulk' || n || '@nordhaven.example', 'Bulk ' || n, 'x' FROM generate_series(1, 20500) n`,
      [central.nordhaven],
    );
    await central.client.query(
      `INSERT INTO api_service.user_sessions (user_id, access_token, expires_at) SELECT id, email, now() + INTERVAL '1 day' FROM api_service.users WHERE email LIKE 'bulk1%'`,
    );
    await first.core.call('sync.set-offline', { workOffline: false });
    await sync(first);
    // 2050, 12050 and 20500.
    expect((await first.core.call('people.list', { search: 'Bulk 2050' })).total).toBe(3);
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Pending over a copy');
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
    await central.client.query(`DELETE FROM api_service.users WHERE email LIKE 'bulk%'`);
    await sync(first);
    expect((await first.core.call('people.list', { search: 'Bulk' })).total).toBe(0);
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('with moments that no calendar has reaches the mirror too', async () => {
    await central.client.query(
      `INSERT INTO api_service.audit_events (organization_id, event_type, created_at) VALUES ($1, 'odd.moment', 'infinity'), ($1, 'odd.moment', '-infinity'), ($1, 'odd.moment', '0044-03-15 BC'), ($1, 'odd.moment', '12026-01-01')`,
      [central.nordhaven],
    );
    await sync(first);
    // Two of them lie before the window of the log.
    expect((await first.core.call('data.list', { table: 'audit_events', search: 'odd.moment' })).total).toBe(2);
    await central.client.query(`DELETE FROM api_service.audit_events WHERE event_type = 'odd.moment'`);
    await sync(first);
    expect((await first.core.call('data.list', { table: 'audit_events', search: 'odd.moment' })).total).toBe(0);
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('that loads children before their parent with triggers off is seen when the parent comes', async () => {
    await central.client.query('SET session_replication_role = replica');
    const { rows } = await central.client.query(`SELECT gen_random_uuid() AS id`);
    await central.client.query(
      `INSERT INTO api_service.messages (conversation_id, content) VALUES ($1, 'came first')`,
      [rows[0].id],
    );
    await central.client.query(
      `INSERT INTO api_service.conversations (id, organization_id, title, type) VALUES ($1, $2, 'Came later', 'group')`,
      [rows[0].id, central.nordhaven],
    );
    await central.client.query('RESET session_replication_role');
    await sync(first);
    expect((await first.core.call('data.list', { table: 'messages', search: 'came first' })).total).toBe(1);
    expect((await first.core.call('mirror.check', {})).equal).toBe(true);
  });
});
