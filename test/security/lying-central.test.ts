import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { canonicalText } from '../../src-main/core/audit/canonical.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

/** A central that lies: whoever owns the database may do all of this, and the next device that syncs says so. */
const opened: TestCentral[] = [];
let central: TestCentral;
let device: TestDevice;

beforeEach(async () => {
  central = await testCentral();
  opened.push(central);
  device = await central.device();
});
afterAll(async () => {
  for (const one of opened) await one.close();
});

const edit = async (name: string, person = 'dario') =>
  (await device.core.call('people.edit', { person: `${person}@nordhaven.example`, name })).command;
const sync = (one: TestDevice = device) => one.core.call('sync.now', {});
const integrity = (one: TestDevice = device) => one.core.call('audit.integrity', {});

/** As the owner of the database would: the trigger off, the deed done, the trigger on again. */
async function unseen(table: string, trigger: string, sql: string, parameters: unknown[] = []): Promise<void> {
  await central.client.query(`ALTER TABLE ${table} DISABLE TRIGGER "${trigger}"`);
  await central.client.query(sql, parameters);
  await central.client.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER "${trigger}"`);
}

async function indexOf(command: string): Promise<number> {
  const { rows } = await central.client.query<{ idx: string }>(
    `SELECT idx::TEXT AS idx FROM latchkey.audit_leaf WHERE command = $1 AND device IS NOT NULL`,
    [command],
  );
  return Number(rows[0]!.idx);
}

const forged = async (command: string) => {
  const { rows } = await central.client.query<{ entry: string }>(
    `SELECT convert_from(entry, 'UTF8') AS entry FROM latchkey.audit_leaf WHERE command = $1 AND device IS NOT NULL`,
    [command],
  );
  return canonicalText({ ...JSON.parse(rows[0]!.entry), act: 'person.create' });
};

test('an honest one is trusted, and its log is this device’s own computation', async () => {
  await edit('Dario the First');
  await sync();
  const found = await integrity();
  expect(found).toMatchObject({ state: 'trusted', findings: [], rollbackProtection: false });
  const { rows } = await central.client.query(
    `SELECT log_size::INTEGER AS size, encode(log_root, 'base64') AS root FROM latchkey.organization WHERE id = $1`,
    [central.nordhaven],
  );
  expect(found.log).toMatchObject(rows[0]);
  expect(await device.core.call('audit.check', {})).toMatchObject({ state: 'trusted', findings: [] });
});

test('the log cannot be changed by mistake', async () => {
  for (const sql of [
    `UPDATE latchkey.audit_leaf SET entry = entry`,
    `DELETE FROM latchkey.audit_leaf`,
    `TRUNCATE latchkey.audit_leaf CASCADE`,
  ])
    await expect(central.client.query(sql)).rejects.toMatchObject({ code: 'LK451' });
});

describe('a central that', () => {
  test('edits an entry in place is found at that entry, and nothing is sent to it', async () => {
    const command = await edit('Dario the First');
    await sync();
    const index = await indexOf(command);
    await unseen(
      'latchkey.audit_leaf',
      '00_latchkey_log',
      `UPDATE latchkey.audit_leaf SET entry = convert_to($2, 'UTF8') WHERE command = $1 AND device IS NOT NULL`,
      [command, await forged(command)],
    );
    await edit('Dario the Second');
    for (const attempt of [1, 2])
      await expect(sync(), `attempt ${attempt}`).rejects.toMatchObject({
        code: 'log-tampered',
        message: expect.stringContaining(`entry #${index}`),
      });
    expect(await integrity()).toMatchObject({
      state: 'distrusted',
      findings: [{ kind: 'log-rewritten', place: String(index), acknowledged: null }],
    });
    expect(await device.core.call('status.get', {})).toMatchObject({ mode: 'attention', findings: 1 });
  });

  test('edits an entry and makes the tree fit it is found too', async () => {
    const command = await edit('Dario the First');
    await sync();
    const index = await indexOf(command);
    await unseen(
      'latchkey.audit_leaf',
      '00_latchkey_log',
      `UPDATE latchkey.audit_leaf SET entry = convert_to($2, 'UTF8') WHERE command = $1 AND device IS NOT NULL`,
      [command, await forged(command)],
    );
    await retellTree();
    await edit('Dario the Second');
    await expect(sync()).rejects.toMatchObject({ code: expect.stringMatching(/log-tampered|central-rewound/) });
    expect((await device.core.call('outbox.list', {})).items).toHaveLength(2);
    await expect(sync()).rejects.toMatchObject({ message: expect.stringContaining(`entry #${index}`) });
    expect((await integrity()).state).toBe('distrusted');
  });

  test('is believed again once it has put back what was there, and gets what was queued', async () => {
    const command = await edit('Dario the First');
    await sync();
    const { rows } = await central.client.query(
      `SELECT idx, entry::TEXT AS entry FROM latchkey.audit_leaf WHERE command = $1 AND device IS NOT NULL`,
      [command],
    );
    const put = (entry: string) =>
      unseen(
        'latchkey.audit_leaf',
        '00_latchkey_log',
        `UPDATE latchkey.audit_leaf SET entry = $2::BYTEA WHERE idx = $1 AND organization = '${central.nordhaven}'`,
        [rows[0].idx, entry],
      );
    await put(`\\x${Buffer.from(await forged(command)).toString('hex')}`);
    await expect(sync()).rejects.toMatchObject({ code: 'log-tampered' });
    await edit('Dario the Second');
    await put(rows[0].entry);
    await sync();
    expect((await central.person('dario@nordhaven.example')).full_name).toBe('Dario the Second');
    const { state, findings } = await integrity();
    expect(state).toBe('attention');
    await device.core.call('audit.acknowledge', { finding: findings[0]!.finding, reason: 'told to security' });
    expect((await integrity()).state).toBe('trusted');
  });

  test('deletes an entry in the middle is found at that entry', async () => {
    const command = await edit('Dario the First');
    await sync();
    const index = await indexOf(command);
    await central.client.query('DELETE FROM latchkey.audit_disclosure');
    await unseen(
      'latchkey.audit_leaf',
      '00_latchkey_log',
      'DELETE FROM latchkey.audit_leaf WHERE command = $1 AND device IS NOT NULL',
      [command],
    );
    await expect(sync()).rejects.toMatchObject({ message: expect.stringContaining(`entry #${index}`) });
  });

  test('adds an entry in a device’s name is found by every device, and work goes on', async () => {
    const command = await edit('Dario the First');
    await sync();
    const other = await central.device({ operator: 'bjorn@nordhaven.example' });
    const { rows } = await central.client.query<{ entry: string; n: string }>(
      `SELECT convert_from(entry, 'UTF8') AS entry, (SELECT entries FROM latchkey.device WHERE id = device)::TEXT AS n FROM latchkey.audit_leaf
       WHERE command = $1 AND device IS NOT NULL`,
      [command],
    );
    const entry = canonicalText({
      ...JSON.parse(rows[0]!.entry),
      act: 'person.deactivate',
      seq: Number(rows[0]!.n) + 1,
    });
    await central.client.query(
      `SELECT latchkey.append_leaves($1, $2, $3, ARRAY[$4::UUID], ARRAY[convert_to($5, 'UTF8')])`,
      [central.nordhaven, device.id, Number(rows[0]!.n) + 1, command, entry],
    );
    await other.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Chloe the First' });
    await sync(other);
    expect((await integrity(other)).devices.find((one) => one.device === device.id)).toMatchObject({
      entries: Number(rows[0]!.n) + 1,
      signed: Number(rows[0]!.n),
    });
    expect(await integrity(other)).toMatchObject({
      state: 'attention',
      findings: [{ kind: 'device-log-differs', place: expect.stringContaining(device.id) }],
    });
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloe the First');
  });

  test('shows two devices two histories is found by the one that sees the other’s signature', async () => {
    const other = await central.device({ operator: 'bjorn@nordhaven.example' });
    const before = await head();
    await edit('Dario the First');
    await sync();
    // What the first one signed stays where it is; the log goes back, and on without it, for the second.
    await unseen(
      'latchkey.audit_leaf',
      '00_latchkey_log',
      `WITH gone AS (DELETE FROM latchkey.audit_disclosure) DELETE FROM latchkey.audit_leaf WHERE idx >= $1`,
      [before.size],
    );
    await central.client.query(
      'UPDATE latchkey.organization SET log_size = $2, frontier = $3::BYTEA[], log_root = $4::BYTEA WHERE id = $1',
      [central.nordhaven, before.size, before.frontier, before.root],
    );
    for (const name of ['One', 'Two', 'Three'])
      await other.core.call('people.edit', { person: 'chloe@nordhaven.example', name });
    await expect(sync(other)).rejects.toMatchObject({ code: 'log-tampered' });
    expect(await integrity(other)).toMatchObject({
      findings: [{ kind: 'split-view', details: { device: device.id } }],
    });
  });

  test.each([
    [
      'edits',
      `UPDATE api_service.audit_events SET event_data = jsonb_set(event_data, '{latchkey,reason}', '"for fun"') WHERE event_data #>> '{latchkey,command}' = $1`,
      'edited',
    ],
    ['deletes', `DELETE FROM api_service.audit_events WHERE event_data #>> '{latchkey,command}' = $1`, 'deleted'],
  ])('%s an event of the host’s audit table is found, and sync goes on', async (_what, sql, what) => {
    const command = await edit('Dario the First');
    await sync();
    await central.client.query(sql, [command]);
    await sync();
    expect(await integrity()).toMatchObject({
      state: 'attention',
      findings: [{ kind: 'projection-differs', place: command, details: { what } }],
    });
  });

  test('invents an event of Latchkey’s is found', async () => {
    const command = await edit('Dario the First');
    await sync();
    await central.client.query(
      `INSERT INTO api_service.audit_events (organization_id, event_type, event_data)
       SELECT organization_id, 'key.revoke', jsonb_set(event_data, '{latchkey,command}', '"0199a000-0000-7000-8000-000000000001"')
       FROM api_service.audit_events WHERE event_data #>> '{latchkey,command}' = $1`,
      [command],
    );
    await sync();
    expect((await integrity()).findings).toMatchObject([{ kind: 'projection-differs', details: { what: 'invented' } }]);
  });

  test('switches tracking off, edits a row and switches it on again is found with that row, which is brought here', async () => {
    await sync();
    await unseen(
      'api_service.users',
      '00_latchkey_change',
      `UPDATE api_service.users SET full_name = 'Unseen' WHERE email = 'dario@nordhaven.example'`,
    );
    await edit('Chloe the First', 'chloe');
    await sync();
    expect((await device.core.call('people.show', { person: 'dario@nordhaven.example' })).name).toBe('Unseen');
    expect((await integrity()).findings).toMatchObject([
      { kind: 'tracking-interrupted', place: 'users', details: { differences: [{ kind: 'different' }] } },
    ]);
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloe the First');
  });

  test('switches tracking off and on again without a change is compared, and nothing is found', async () => {
    await sync();
    await unseen('api_service.users', '00_latchkey_change', 'SELECT 1');
    await sync();
    expect(await integrity()).toMatchObject({ state: 'trusted', findings: [] });
  });
});

async function head(): Promise<{ size: string; frontier: string; root: string }> {
  const { rows } = await central.client.query(
    `SELECT log_size::TEXT AS size, frontier::TEXT, log_root::TEXT AS root FROM latchkey.organization WHERE id = $1`,
    [central.nordhaven],
  );
  return rows[0];
}

/** Computes the tree anew over the leaves as they stand. */
async function retellTree(): Promise<void> {
  const { client, nordhaven } = central;
  await client.query(`
    CREATE TEMP TABLE retold AS SELECT * FROM latchkey.audit_leaf WHERE organization = '${nordhaven}';
    CREATE TEMP TABLE disclosed AS SELECT * FROM latchkey.audit_disclosure;
    ALTER TABLE latchkey.audit_leaf DISABLE TRIGGER "00_latchkey_log";
    DELETE FROM latchkey.audit_disclosure;
    DELETE FROM latchkey.audit_leaf WHERE organization = '${nordhaven}';
    UPDATE latchkey.organization SET log_size = 0, frontier = '{}', log_root = sha256('') WHERE id = '${nordhaven}';
    DO $$ DECLARE leaf RECORD; BEGIN
      FOR leaf IN SELECT * FROM retold ORDER BY idx LOOP
        PERFORM latchkey.append_leaves(leaf.organization, leaf.device, leaf.device_idx, ARRAY[leaf.command], ARRAY[leaf.entry]);
      END LOOP;
    END $$;
    INSERT INTO latchkey.audit_disclosure SELECT * FROM disclosed;
    ALTER TABLE latchkey.audit_leaf ENABLE ALWAYS TRIGGER "00_latchkey_log";`);
}
