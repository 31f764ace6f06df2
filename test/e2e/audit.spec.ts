import { type Desk, expect, expectAccessible, test } from './desk.ts';

async function openAudit({ page }: Desk): Promise<void> {
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await expect(page.getByRole('grid', { name: 'Audit entries' })).toBeVisible();
}

const entries = ({ page }: Desk) => page.getByRole('grid', { name: 'Audit entries' }).locator('tbody').getByRole('row');

test('the audit is narrowed down by what entries have in common and by days, and widened again', async ({
  central,
  desk,
}) => {
  const day = (back: number) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
  await central.client.query(
    `INSERT INTO api_service.audit_events (organization_id, event_type, event_data, created_at)
     SELECT $1, CASE n % 3 WHEN 0 THEN 'gate.opened' ELSE 'gate.closed' END, jsonb_build_object('gate', n),
            date_trunc('day', now() AT TIME ZONE 'UTC') - make_interval(days => n % 30) + interval '1 minute'
     FROM generate_series(0, 89) AS n`,
    [central.nordhaven],
  );
  const one = await desk();
  await one.unlock();
  await openAudit(one);
  const { page } = one;
  await expect(page.getByText('90 entries')).toBeVisible();

  const facets = page.getByRole('region', { name: 'Facets' });
  await facets.getByRole('button', { name: 'gate.opened 30' }).click();
  await expect(page.getByText('30 entries')).toBeVisible();
  await expect(page.getByRole('list', { name: 'Filters' })).toContainText('gate.opened');
  await expect(facets.getByRole('button', { name: 'gate.opened 30' })).toHaveAttribute('aria-pressed', 'true');
  await expectAccessible(page);

  // With the keyboard: the last day first goes back to the oldest, then on by one week.
  const last = page.getByRole('slider', { name: 'Last day' });
  await last.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('PageUp');
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByLabel('To', { exact: true })).toHaveValue(day(23));
  await expect(page.getByLabel('From', { exact: true })).toHaveValue(day(29));
  await expect(last).toHaveAttribute('aria-valuetext', /6 entries in the range/);
  await expect(page.getByText('6 entries', { exact: true })).toBeVisible();
  await expect(entries(one)).toHaveCount(6);
  await page.keyboard.press('Escape');
  await expect(page.getByText('30 entries')).toBeVisible();

  // With the pointer: the second half of the days.
  const box = (await page.getByRole('group', { name: 'Entries by day' }).boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.51, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.99, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await expect(page.getByLabel('From', { exact: true })).toHaveValue(day(14));
  await expect(page.getByLabel('To', { exact: true })).toHaveValue(day(0));
  await expect(page.getByText('15 entries')).toBeVisible();

  await page.getByLabel('Search audit').fill('no such word');
  await expect(page.getByText('Nothing matches')).toBeVisible();
  await page.getByRole('button', { name: 'Clear all' }).click();
  await expect(page.getByText('90 entries')).toBeVisible();
  expect(one.complaints).toEqual([]);
});

test('an entry leads to its cause, to what else its people did, and to the life that it is part of', async ({
  desk,
}) => {
  const one = await desk();
  const { page } = one;
  await one.unlock();
  await page.getByLabel('Search people').fill('Oskar');
  await page
    .getByRole('grid', { name: 'People' })
    .getByRole('row', { name: /Oskar Holm/ })
    .click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const form = page.getByRole('form', { name: /^Edit/ });
  await form.getByRole('textbox', { name: 'Name' }).fill('Oskar Holmberg');
  await form.getByRole('textbox', { name: /Reason/ }).fill('Married');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toBeHidden();
  await page.getByRole('link', { name: 'Life', exact: true }).click();

  await expect(page.getByRole('heading', { name: 'The life of Oskar Holmberg', level: 1 })).toBeVisible();
  const life = page.getByRole('region', { name: 'The life of Oskar Holmberg' });
  await expect(life).toContainText('“Married”');
  await expectAccessible(page);
  await life.getByRole('link', { name: 'Astrid Lund edited Oskar Holmberg' }).click();
  const drawer = page.getByRole('dialog', { name: 'Astrid Lund edited Oskar Holmberg' });
  await expect(drawer.getByRole('row', { name: /full name Oskar Holm Oskar Holmberg/ })).toBeVisible();
  await expect(drawer.getByText(/Command .*, made on this device/)).toBeVisible();
  await expect(drawer.getByText(/Made not before .* and not after .*: by central’s clock/)).toBeVisible();
  await expect(drawer.getByText(/lead from it to the root that this device recomputed/)).toBeVisible();
  await drawer.getByText('Entry, byte for byte').click();
  await expect(drawer.locator('pre').first()).toContainText('"act":"person.edit"');
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(drawer).toBeHidden();

  await page.getByRole('link', { name: 'Done by them' }).click();
  await expect(page.getByText('Nothing recorded')).toBeVisible();
  await page.getByRole('link', { name: 'Done to them' }).click();
  await life.getByRole('link', { name: 'Astrid Lund edited Oskar Holmberg' }).click();
  await drawer.getByRole('link', { name: /^What Astrid Lund did on/ }).click();
  await expect(page.getByRole('list', { name: 'Filters' })).toContainText('By Astrid Lund');
  await expect(entries(one)).toHaveCount(1);
  expect(one.complaints).toEqual([]);
});

test('the integrity centre says that the log is verified, and which entry was edited at central', async ({
  central,
  desk,
}) => {
  const one = await desk();
  const { page } = one;
  await one.unlock();
  await page.getByLabel('Search people').fill('Oskar');
  await page
    .getByRole('grid', { name: 'People' })
    .getByRole('row', { name: /Oskar Holm/ })
    .click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const form = page.getByRole('form', { name: /^Edit/ });
  await form.getByRole('textbox', { name: 'Name' }).fill('Oskar Holmberg');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toBeHidden();
  await expect(page.getByRole('contentinfo')).toContainText('In sync');

  await openAudit(one);
  const views = page.getByRole('navigation', { name: 'Audit views' });
  await views.getByRole('link', { name: 'Devices' }).click();
  await expect(page.getByRole('article').filter({ hasText: '1 entry, 1 push' })).toBeVisible();
  await expectAccessible(page);
  await views.getByRole('link', { name: 'Registers' }).click();
  await expect(page.getByText('Nobody was erased.')).toBeVisible();
  await expectAccessible(page);

  await views.getByRole('link', { name: 'Integrity Verified' }).click();
  await page.getByRole('button', { name: 'Check now' }).click();
  await expect(page.getByText(/Checked .* nothing found/)).toBeVisible();
  await expectAccessible(page);

  const { rows } = await central.client.query<{ idx: string }>(
    `SELECT idx::TEXT FROM latchkey.audit_leaf WHERE device IS NOT NULL ORDER BY idx LIMIT 1`,
  );
  await central.client.query('ALTER TABLE latchkey.audit_leaf DISABLE TRIGGER "00_latchkey_log"');
  await central.client.query(
    `UPDATE latchkey.audit_leaf SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'person.edit', 'person.kept'), 'UTF8')
     WHERE idx = $1 AND organization = $2`,
    [rows[0]!.idx, central.nordhaven],
  );
  await central.client.query('ALTER TABLE latchkey.audit_leaf ENABLE ALWAYS TRIGGER "00_latchkey_log"');
  await page.getByRole('button', { name: 'Check now' }).click();
  await expect(page.getByRole('alert').first()).toContainText(`entry #${rows[0]!.idx}`);
  const finding = page.getByRole('article', { name: `Central’s log was rewritten at entry #${rows[0]!.idx}` });
  await expect(finding).toContainText('What to do: Export the log from this device now');
  await expect(views).toContainText('Distrusted');
  await expect(page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: /^Audit/ })).toContainText(
    '1 finding',
  );
  await expectAccessible(page);
  await finding.getByRole('button', { name: 'Acknowledge…' }).click();
  const known = page.getByRole('form', { name: /^Acknowledge/ });
  await known.getByRole('textbox', { name: /Reason/ }).fill('Told the security team');
  await known.getByRole('button', { name: 'Acknowledge' }).click();
  await page.getByText('1 finding acknowledged earlier').click();
  await expect(page.getByText('“Told the security team”')).toBeVisible();
});

test('what the list is filtered by is exported, and the export verifies', async ({ desk }, info) => {
  test.skip(info.project.name === 'electron-host', 'Electron asks where the file goes in a dialog of the system.');
  const one = await desk();
  const { page } = one;
  await one.unlock();
  await page.getByLabel('Search people').fill('Oskar');
  await page
    .getByRole('grid', { name: 'People' })
    .getByRole('row', { name: /Oskar Holm/ })
    .click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const form = page.getByRole('form', { name: /^Edit/ });
  await form.getByRole('textbox', { name: 'Name' }).fill('Oskar Holmberg');
  await form.getByRole('textbox', { name: /Reason/ }).fill('Married');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toBeHidden();
  await expect(page.getByRole('contentinfo')).toContainText('In sync');

  await openAudit(one);
  await page.getByRole('region', { name: 'Facets' }).getByRole('button', { name: 'person.edit 1' }).click();
  await page.getByLabel('Search audit').fill('married');
  await page.getByRole('button', { name: 'Export…' }).click();
  const drawer = page.getByRole('dialog', { name: 'Export' });
  await expect(drawer).toContainText('of these what they disclose: person.edit.');
  await expect(drawer).toContainText('Not part of it: “married”.');
  await expectAccessible(page);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    drawer.getByRole('button', { name: 'Export', exact: true }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^nordhaven-\d{4}-\d\d-\d\d\.lkx\.zip$/);
  await expect(drawer).toContainText('1 entry');
  await expectAccessible(page);
  const views = page.getByRole('navigation', { name: 'Audit views' });
  await views.getByRole('link', { name: 'Registers' }).click();
  await expect(page.getByRole('region', { name: 'Exports', exact: true })).toContainText('Astrid Lund');

  await views.getByRole('link', { name: 'Review' }).click();
  await page.getByLabel('Export bundle').setInputFiles(await download.path());
  const verdict = page.getByRole('region', { name: 'Verdict' });
  await expect(verdict.getByRole('heading', { name: 'UNTRUSTED KEY' })).toBeVisible();
  const entries = page.getByRole('grid', { name: 'Entries of the bundle' });
  await expect(entries.locator('tbody').getByRole('row')).toHaveCount(1);
  await entries
    .getByRole('row', { name: /edited Oskar Holmberg|edited/ })
    .last()
    .click();
  await expect(
    page.getByRole('dialog').getByRole('row', { name: /full name Oskar Holm Oskar Holmberg/ }),
  ).toBeVisible();
  expect(one.complaints).toEqual([]);
});

test('an erasure stands in its register, with the devices that have let go of the person', async ({ desk }) => {
  const one = await desk();
  const { page } = one;
  await one.unlock();
  await page.getByLabel('Search people').fill('Oskar');
  await page
    .getByRole('grid', { name: 'People' })
    .getByRole('row', { name: /Oskar Holm/ })
    .click();
  await page.getByRole('button', { name: 'Erase', exact: true }).click();
  const form = page.getByRole('form', { name: 'Erase Oskar Holm' });
  await form.getByLabel('Type oskar@nordhaven.example to confirm').fill('oskar@nordhaven.example');
  await form.getByRole('textbox', { name: /Reason/ }).fill('Asked for it in writing');
  await form.getByRole('button', { name: 'Erase for good' }).click();
  await expect(form).toBeHidden();
  await page.goto(page.url().replace(/#.*/, '#/audit?show=registers'));
  const register = page.getByRole('region', { name: 'Erasures', exact: true });
  await expect(register).toContainText('Asked for it in writing', { timeout: 30_000 });
  await expect(register).toContainText('all have', { timeout: 30_000 });
  await expectAccessible(page);
  expect(one.complaints).toEqual([]);
});
