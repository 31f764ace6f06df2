import { passphrase } from '../fixtures/organization.ts';
import { expect, expectAccessible, test } from './desk.ts';

test('an administrator decides on what somebody did who was deactivated meanwhile', async ({ central, desk }) => {
  const gone = await central.device({ operator: 'bjorn@nordhaven.example', name: 'Bjørn’s laptop' });
  const reason = 'left the company';
  await gone.core.call('people.deactivate', { person: 'dario@nordhaven.example', reason });
  await gone.core.call('people.edit', { person: 'chloe@nordhaven.example', name: 'Chloé Renamed' });
  await central.client.query(
    `UPDATE api_service.users SET status = 'deactivated' WHERE email = 'bjorn@nordhaven.example'`,
  );
  await gone.core.call('sync.now', {});

  const { page, unlock, complaints } = await desk('astrid@nordhaven.example');
  await unlock();
  await page.getByRole('status', { name: 'Mirror status' }).getByRole('link', { name: 'Quarantine 2' }).click();
  const card = page.getByRole('article', { name: 'Bjørn Dahl deactivated Dario Conti' });
  await expect(card).toContainText('Bjørn’s laptop');
  await expect(card).toContainText(reason);
  await expectAccessible(page);

  await card.getByRole('button', { name: 'Release' }).click();
  await expect(card).toBeHidden();
  await expect(page.getByText('Released: central has applied it.')).toBeVisible();
  expect((await central.person('dario@nordhaven.example')).status).toBe('deactivated');

  await page
    .getByRole('article', { name: 'Bjørn Dahl edited Chloé Martin' })
    .getByRole('button', { name: 'Discard' })
    .click();
  await expect(page.getByText('Nothing in quarantine')).toBeVisible();
  await expectAccessible(page);
  expect((await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé Martin');

  // What became of it comes back to the device that made it.
  await gone.core.call('device.unlock', { passphrase });
  await gone.core.call('sync.now', {});
  const { items } = await gone.core.call('outbox.list', {});
  expect(items.map(({ name, state }) => [name, state])).toEqual([
    ['person.edit', 'refused'],
    ['person.deactivate', 'in-force'],
  ]);
  expect(complaints).toEqual([]);
});
