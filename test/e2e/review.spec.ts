import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goodLog } from '../fixtures/synthetic-log.ts';
import { bundleOf } from '../fixtures/tampered-bundles.ts';
import { expect, expectAccessible, test } from './desk.ts';

test('an export is verified and looked through before anybody has unlocked anything', async ({ desk }) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-review-'));
  const log = goodLog();
  const good = await bundleOf(log.source('d1'));
  const damaged = Buffer.from(good);
  const middle = Math.floor(good.length / 2);
  damaged.writeUInt8(good.readUInt8(middle) ^ 1, middle);
  const fileOf = (name: string, bytes: Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const { page, complaints } = await desk();
  try {
    await page.getByRole('button', { name: 'Review an export…' }).click();
    await expect(page.getByRole('heading', { name: 'Review an export', level: 1 })).toBeVisible();
    await expectAccessible(page);
    const verdict = page.getByRole('region', { name: 'Verdict' });
    await page.getByLabel('Export bundle').setInputFiles(fileOf('good.lkx.zip', good));
    await expect(verdict.getByRole('heading', { name: 'UNTRUSTED KEY' })).toBeVisible();

    await page.getByLabel('Trusted keys').fill(log.device('d1').checkpointKey.vkey);
    await page.getByRole('button', { name: 'Verify again' }).click();
    await expect(verdict.getByRole('heading', { name: /^VERIFIED/ })).toBeVisible();
    await expect(verdict.getByRole('region', { name: 'What is not proven' })).toContainText('source was true');
    const rows = page.getByRole('grid', { name: 'Entries of the bundle' }).locator('tbody').getByRole('row');
    await page.getByLabel('Search the bundle').fill('device.join');
    await expect(rows.first()).toContainText('device join');
    await rows.first().click();
    await expect(page.getByRole('dialog')).toContainText('"act":"device.join"');
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();

    await page.getByLabel('Export bundle').setInputFiles(fileOf('damaged.lkx.zip', damaged));
    await expect(verdict.getByRole('heading', { name: 'TAMPERED' })).toBeVisible();
    await expect(verdict).toContainText('A member’s bytes are damaged');
    await page.getByLabel('Export bundle').setInputFiles(fileOf('none.lkx.zip', Buffer.from('no zip at all')));
    await expect(verdict.getByRole('heading', { name: 'UNSUPPORTED' })).toBeVisible();

    await page.getByRole('button', { name: 'Back' }).click();
    await expect(page.getByLabel('Passphrase')).toBeVisible();
    expect(complaints).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
