import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
/** Bjørn's device is the one that stays behind; Astrid's decides. */
let behind: TestDevice;
let deciding: TestDevice;

beforeAll(async () => {
  central = await testCentral();
  behind = await central.device({ operator: 'bjorn@nordhaven.example' });
  deciding = await central.device({ operator: 'astrid@nordhaven.example' });
});
afterAll(() => central.close());

async function setBjorn(set: string): Promise<void> {
  await central.client.query(`UPDATE api_service.users SET ${set} WHERE email = 'bjorn@nordhaven.example'`);
}

async function stateOf(command: string): Promise<string> {
  const { items } = await behind.core.call('outbox.list', { limit: 1000 });
  return items.find((item) => item.command === command)!.state;
}

async function rename(name: string): Promise<string> {
  const { command } = await behind.core.call('people.edit', { person: 'chloe@nordhaven.example', name });
  return command;
}

describe('the commands of an operator who was deactivated meanwhile', () => {
  test('are kept by central, applied to nothing, and shown to an administrator', async () => {
    const command = await rename('Chloé in quarantine');
    await setBjorn(`status = 'deactivated'`);
    await behind.core.call('sync.now', {});
    expect(await stateOf(command)).toBe('quarantined');
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé Martin');
    expect((await behind.core.call('people.show', { person: 'chloe@nordhaven.example' })).name).toBe('Chloé Martin');
    expect((await behind.core.call('mirror.check', {})).equal).toBe(true);
    // Its own device could not decide on it, so it is not asked to.
    expect((await behind.core.call('status.get', {})).inQuarantine).toBe(0);

    expect((await deciding.core.call('sync.now', {})).inQuarantine).toBe(1);
    expect(await deciding.core.call('quarantine.list', {})).toMatchObject({
      total: 1,
      items: [
        {
          command,
          name: 'person.edit',
          object: { table: 'users', name: 'Chloé Martin' },
          device: { id: behind.id },
          actor: { name: 'Bjørn Dahl' },
          changes: [{ table: 'users', column: 'full_name', before: 'Chloé Martin', after: 'Chloé in quarantine' }],
        },
      ],
    });
  });

  test('cannot be released by the operator themself, nor seen by a device without the right', async () => {
    const [kept] = (await deciding.core.call('quarantine.list', {})).items;
    for (const decision of ['release', 'discard'] as const)
      await expect(behind.core.call('quarantine.decide', { command: kept!.command, decision })).rejects.toMatchObject({
        code: 'not-permitted',
      });
    const helper = await central.device({ operator: 'oskar@nordhaven.example', role: 'operator' });
    await expect(helper.core.call('quarantine.list', {})).rejects.toMatchObject({ code: 'not-permitted' });
    const elsewhere = await central.device({ operator: 'ana@southbay.example' });
    expect((await elsewhere.core.call('quarantine.list', {})).total).toBe(0);
    await expect(
      elsewhere.core.call('quarantine.decide', { command: kept!.command, decision: 'release' }),
    ).rejects.toMatchObject({ code: 'not-found' });
  });

  test('are in force once released, on every device, and the audit trail says who released them', async () => {
    const [kept] = (await deciding.core.call('quarantine.list', {})).items;
    expect(
      await deciding.core.call('quarantine.decide', { command: kept!.command, decision: 'release' }),
    ).toMatchObject({ state: 'applied', message: null });
    expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé in quarantine');
    const { rows } = await central.client.query(
      `SELECT actor_id, event_data #>> '{latchkey,released_by}' AS released_by FROM api_service.audit_events
       WHERE event_data #>> '{latchkey,command}' = $1`,
      [kept!.command],
    );
    const [bjorn, astrid] = [
      await central.person('bjorn@nordhaven.example'),
      await central.person('astrid@nordhaven.example'),
    ];
    expect(rows).toEqual([{ actor_id: bjorn.id, released_by: astrid.id }]);
    const { rows: leaves } = await central.client.query(
      `SELECT convert_from(entry, 'UTF8')::JSONB ->> 'act' AS act FROM latchkey.audit_leaf WHERE command = $1 ORDER BY idx`,
      [kept!.command],
    );
    expect(leaves.map((leaf) => leaf.act)).toEqual([
      'person.edit',
      'command.result',
      'quarantine.release',
      'command.result',
    ]);
    await behind.core.call('sync.now', {});
    expect(await stateOf(kept!.command)).toBe('in-force');
    expect((await deciding.core.call('sync.now', {})).inQuarantine).toBe(0);
  });

  test('are refused for good once discarded, and those that build on them are decided on after them', async () => {
    const { command: first } = await behind.core.call('people.create', {
      email: 'newcomer@nordhaven.example',
      name: 'New Comer',
      role: 'user',
    });
    const { command: second } = await behind.core.call('people.edit', {
      person: 'newcomer@nordhaven.example',
      name: 'Newer Comer',
    });
    await behind.core.call('sync.now', {});
    expect([await stateOf(first), await stateOf(second)]).toEqual(['quarantined', 'quarantined']);
    await expect(
      deciding.core.call('quarantine.decide', { command: second, decision: 'release' }),
    ).rejects.toMatchObject({ code: 'central-refused', message: expect.stringContaining('decide on that one first') });
    expect(await deciding.core.call('quarantine.decide', { command: first, decision: 'discard' })).toMatchObject({
      state: 'refused',
    });
    expect(await deciding.core.call('quarantine.decide', { command: second, decision: 'release' })).toMatchObject({
      state: 'refused',
      message: expect.stringContaining('builds on was not applied'),
    });
    await expect(
      deciding.core.call('quarantine.decide', { command: first, decision: 'release' }),
    ).rejects.toMatchObject({ code: 'not-found' });
    await behind.core.call('sync.now', {});
    expect([await stateOf(first), await stateOf(second)]).toEqual(['refused', 'refused']);
    expect(await central.person('newcomer@nordhaven.example')).toBeUndefined();
    expect((await behind.core.call('mirror.check', {})).equal).toBe(true);
  });

  test('wait on the device where the operator is active again but what they build on is still in quarantine', async () => {
    const { command: first } = await behind.core.call('people.edit', {
      person: 'dario@nordhaven.example',
      name: 'Dario I',
    });
    await behind.core.call('sync.now', {});
    await setBjorn(`status = 'active'`);
    const later = await rename('Chloé afterwards');
    await behind.core.call('sync.now', {});
    expect([await stateOf(first), await stateOf(later)]).toEqual(['quarantined', 'in-force']);
    await deciding.core.call('quarantine.decide', { command: first, decision: 'release' });
    await behind.core.call('sync.now', {});
    expect(await stateOf(first)).toBe('in-force');
  });
});

test('an operator who was demoted since the device was enrolled acts no more by it, and one who was promoted does', async () => {
  await setBjorn(`role = 'user'`);
  const command = await rename('Chloé by one demoted');
  await behind.core.call('sync.now', {});
  expect(await stateOf(command)).toBe('quarantined');
  await setBjorn(`role = 'admin'`);
  await deciding.core.call('quarantine.decide', { command, decision: 'discard' });
  const again = await rename('Chloé by one promoted');
  await behind.core.call('sync.now', {});
  expect(await stateOf(again)).toBe('in-force');
});
