import { type Desk, expect, expectAccessible, test } from './desk.ts';

async function openPerson({ page }: Desk, name: string): Promise<void> {
  await page.getByRole('link', { name: 'People' }).click();
  await page.getByLabel('Search people').fill(name);
  await page
    .getByRole('grid', { name: 'People' })
    .getByRole('row', { name: new RegExp(name) })
    .click();
  await expect(page.getByRole('dialog', { name }).or(page.getByRole('complementary', { name }))).toBeVisible();
}

async function rename(desk: Desk, name: string, next: string): Promise<void> {
  await openPerson(desk, name);
  await desk.page.getByRole('button', { name: 'Edit', exact: true }).click();
  const form = desk.page.getByRole('form', { name: /^Edit/ });
  await form.getByRole('textbox', { name: 'Name' }).fill(next);
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toBeHidden();
}

const offlineSwitch = ({ page }: Desk) => page.getByRole('switch', { name: 'Work offline' });
const outboxStates = async ({ page }: Desk) => {
  await page.getByRole('link', { name: /^Outbox/ }).click();
  return page.getByRole('grid', { name: 'Commands' }).getByRole('row');
};

test('what is done offline is queued, then in force, at central and on a second device', async ({ central, desk }) => {
  const first = await desk('astrid@nordhaven.example');
  await first.unlock();
  await offlineSwitch(first).click();
  await expect(first.page.getByRole('contentinfo')).toContainText('Working offline');

  await openPerson(first, 'Dario Conti');
  await first.page.getByRole('button', { name: 'Deactivate' }).click();
  const deactivate = first.page.getByRole('form', { name: 'Deactivate Dario Conti' });
  await deactivate.getByRole('button', { name: 'Deactivate' }).click();
  await expect(deactivate.getByText(/reason/i).first()).toBeVisible();
  await deactivate.getByRole('textbox', { name: /Reason/ }).fill('Left the company');
  await deactivate.getByRole('button', { name: 'Deactivate' }).click();
  await expect(deactivate).toBeHidden();

  await first.page.getByRole('link', { name: 'Keys' }).click();
  await first.page
    .getByRole('grid', { name: 'Keys' })
    .getByRole('row', { name: /billing-export/ })
    .click();
  await first.page.getByRole('button', { name: 'Rotate' }).click();
  const rotate = first.page.getByRole('form', { name: 'Rotate billing-export' });
  await rotate.getByRole('combobox', { name: 'Overlap' }).selectOption('1h');
  await rotate.getByRole('button', { name: 'Rotate' }).click();
  const told = first.page.getByRole('dialog', { name: /secret/i });
  await expect(told).toBeVisible();
  await expect(told.getByLabel('Secret')).toContainText('••••');
  await told.getByRole('button', { name: 'Close' }).click();
  await expect(told.getByRole('alert')).toContainText('Nobody has seen it yet');
  await told.getByRole('button', { name: /Hold to reveal/ }).hover();
  await first.page.mouse.down();
  const secret = (await told.getByLabel('Secret').textContent()) ?? '';
  await first.page.mouse.up();
  expect(secret).toMatch(/^sgk_[0-9A-Za-z]{49}$/);
  await expect(told.getByLabel('Secret')).not.toContainText(secret);
  await told.getByRole('button', { name: 'Done' }).click();
  await expect(told).toBeHidden();

  const rows = await outboxStates(first);
  await expect(rows.filter({ hasText: 'Deactivated Dario Conti' })).toContainText('Queued');
  await expect(rows.filter({ hasText: 'Rotated the key' })).toContainText('Queued');
  expect((await central.person('dario@nordhaven.example')).status).toBe('active');

  await offlineSwitch(first).click();
  await expect(rows.filter({ hasText: 'Deactivated Dario Conti' })).toContainText('In force');
  await expect(rows.filter({ hasText: 'Rotated the key' })).toContainText('In force');
  expect((await central.person('dario@nordhaven.example')).status).toBe('deactivated');
  const { rows: keys } = await central.client.query(
    `SELECT status FROM api_service.api_keys WHERE label = 'billing-export' ORDER BY created_at`,
  );
  expect(keys).toEqual([{ status: 'retiring' }, { status: 'active' }]);
  expect((await central.client.query('SELECT api_service.api_key_is_valid($1) AS valid', [secret])).rows).toEqual([
    { valid: true },
  ]);
  const { rows: events } = await central.client.query(
    `SELECT event_type FROM api_service.audit_events WHERE event_data ? 'latchkey' ORDER BY id`,
  );
  expect(events.map((event) => event.event_type)).toEqual(['person.deactivate', 'key.rotate']);

  const second = await desk('bjorn@nordhaven.example');
  await second.unlock();
  await openPerson(second, 'Dario Conti');
  await expect(
    second.page.getByRole('grid', { name: 'People' }).getByRole('row', { name: /Dario Conti/ }),
  ).toContainText('Deactivated');
  await second.page.getByRole('link', { name: 'Audit', exact: true }).click();
  await second.page
    .getByRole('grid', { name: 'Audit' })
    .getByRole('row', { name: /Dario Conti/ })
    .first()
    .click();
  await expect(second.page.getByText('Left the company').first()).toBeVisible();
  expect([...first.complaints, ...second.complaints]).toEqual([]);
});

test('two devices that edit the same field: the second sees base, mine and theirs, and resolves it in the window', async ({
  central,
  desk,
}) => {
  const first = await desk('astrid@nordhaven.example');
  const second = await desk('bjorn@nordhaven.example');
  for (const one of [first, second]) {
    await one.unlock();
    await offlineSwitch(one).click();
  }
  await rename(first, 'Chloé Martin', 'Chloé First');
  await rename(second, 'Chloé Martin', 'Chloé Second');
  await offlineSwitch(first).click();
  await expect.poll(async () => (await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé First');
  await offlineSwitch(second).click();
  await expect(second.page.getByRole('contentinfo')).toContainText('Conflicts 1');

  await second.page.getByRole('link', { name: /^Outbox/ }).click();
  await second.page
    .getByRole('navigation', { name: 'Outbox views' })
    .getByRole('link', { name: /^Conflicts/ })
    .click();
  const cells = second.page.getByRole('table').getByRole('row').last();
  await expect(cells).toContainText('Chloé Martin');
  await expect(cells).toContainText('Chloé Second');
  await expect(cells).toContainText('Chloé First');
  await expectAccessible(second.page);
  await second.page.getByRole('button', { name: 'Take mine' }).click();
  await expect.poll(async () => (await central.person('chloe@nordhaven.example')).full_name).toBe('Chloé Second');
  await expect(second.page.getByRole('contentinfo')).not.toContainText('Conflicts 1');
  expect([...first.complaints, ...second.complaints]).toEqual([]);
});

test('a change can be undone until it is sent', async ({ desk }) => {
  const one = await desk();
  await one.unlock();
  await offlineSwitch(one).click();
  await rename(one, 'Oskar Holm', 'Oskar Renamed');
  const rows = await outboxStates(one);
  await rows.filter({ hasText: 'Oskar' }).getByRole('button', { name: /Undo/ }).click();
  await expect(rows.filter({ hasText: 'Oskar' })).toContainText('Undone');
  await openPerson(one, 'Oskar Holm');
});

test('a wrong passphrase is refused in words, and locking hides everything', async ({ desk }) => {
  const { page, unlock } = await desk();
  await page.getByLabel('Passphrase').fill('not the passphrase');
  await page.getByRole('button', { name: 'Unlock' }).click();
  await expect(page.getByText(/not the passphrase of this device/)).toBeVisible();
  await expect(page.getByRole('navigation')).toBeHidden();
  await unlock();
  await expect(page.getByRole('grid', { name: 'People' }).getByRole('row', { name: /Astrid Lund/ })).toBeVisible();
  await page.getByRole('button', { name: 'Lock' }).click();
  await expect(page.getByLabel('Passphrase')).toBeVisible();
  await expect(page.getByText('Astrid Lund')).toBeHidden();
});

test('an error at a field says what is wrong there, and what was typed stays', async ({ desk }) => {
  const one = await desk();
  await one.unlock();
  await one.page.getByRole('button', { name: 'New person' }).click();
  const form = one.page.getByRole('form', { name: /person/i });
  await form.getByRole('textbox', { name: 'Name' }).fill('Nina Berg');
  await form.getByRole('textbox', { name: /Email/ }).fill('not an address');
  await form.getByRole('button', { name: /Create|Invite|Add/ }).click();
  await expect(form.getByText('This is not an email address.')).toBeVisible();
  await expect(form.getByRole('textbox', { name: 'Name' })).toHaveValue('Nina Berg');
  await form.getByRole('textbox', { name: /Email/ }).fill('astrid@nordhaven.example');
  await form.getByRole('combobox', { name: 'Role' }).selectOption('support');
  await form.getByRole('button', { name: /Create|Invite|Add/ }).click();
  await expect(form.getByText(/astrid@nordhaven\.example/)).toBeVisible();
});

test('every place is reached by the keyboard, and is accessible in both themes', async ({ desk }) => {
  const { page, unlock, complaints } = await desk();
  await expectAccessible(page);
  await unlock();
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [key, heading] of [
      ['p', 'People'],
      ['k', 'Keys'],
      ['o', 'Outbox'],
      ['a', 'Audit'],
      ['d', 'Data'],
      ['c', 'Central'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
      await expectAccessible(page);
    }
  }
  await page.keyboard.press('g');
  await page.keyboard.press('p');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Edit', exact: true })).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Edit', exact: true })).toBeHidden();
  await page.keyboard.press('/');
  await expect(page.getByLabel('Search people')).toBeFocused();
  expect(complaints).toEqual([]);
});
