import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { linesOf, packed, summed, unpacked, withLines } from '../fixtures/bundle-parts.ts';
import { goodLog } from '../fixtures/synthetic-log.ts';
import { bundleOf } from '../fixtures/tampered-bundles.ts';

test('the page in a bundle, opened from disk, verifies without a network', async ({ browser }, info) => {
  test.skip(info.project.name !== 'browser-host', 'One browser is enough.');
  const log = goodLog();
  const good = await bundleOf(log.source('d1'));
  const parts = unpacked(good);
  const lines = linesOf(parts, 'log/entries.jsonl').with(7, '{}');
  const bad = packed(summed(withLines(parts, 'log/entries.jsonl', lines)));
  const page = info.outputPath('verify.html');
  writeFileSync(page, parts.get('verify/verify.html')!);

  const context = await browser.newContext({ offline: true });
  const tab = await context.newPage();
  const errors: string[] = [];
  tab.on('pageerror', (error) => errors.push(error.message));
  await tab.goto(pathToFileURL(page).href);
  const choose = (name: string, buffer: Buffer) =>
    tab.getByLabel('Drop a bundle').setInputFiles({ name, mimeType: 'application/zip', buffer });
  const report = tab.getByRole('status');

  await choose('good.lkx.zip', good);
  await expect(report).toContainText('UNTRUSTED KEY trust.none');
  await tab.getByLabel('Keys that you trust').fill(log.device('d1').checkpointKey.vkey);
  await tab.getByLabel('A checkpoint that you hold').fill(log.checkpoint('d2', 17));
  await expect(report).toContainText('VERIFIED (CENTRAL)');
  await expect(report).toContainText('Entries checked: 38 of 38.');

  await choose('bad.lkx.zip', bad);
  await expect(report).toContainText('TAMPERED entry.edited');
  await expect(report).toContainText('first at 7');
  await choose('none.lkx.zip', Buffer.from('not a bundle'));
  await expect(report).toContainText('UNSUPPORTED zip.signature');
  expect((await new AxeBuilder({ page: tab }).analyze()).violations).toEqual([]);
  expect(errors).toEqual([]);
  await context.close();
});
