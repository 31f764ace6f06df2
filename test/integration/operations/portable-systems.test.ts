import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { install } from '../../../src-main/core/central/install.ts';
import { migrateSystem } from '../../../src-main/core/central/migrate.ts';
import { backUp } from '../../../src-main/core/central/operations/backup.ts';
import { drill } from '../../../src-main/core/central/operations/restore-drill.ts';
import { migratedSystemNames, systemNamed } from '../../../src-main/core/systems/index.ts';
import { freshDatabase } from '../../fixtures/central.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-portable-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/* Of every system that our migrations make: what a restore makes of it has each definition and each row that it had. */
test.each(migratedSystemNames)('%s comes back from a portable backup as it was', async (name) => {
  const [original, empty] = [await freshDatabase(), await freshDatabase()];
  await migrateSystem(original.client, name, 'up');
  await install(original.client, systemNamed(name));
  const request = { to: join(folder, name), kind: 'full', method: 'portable', expire: false, dryRun: false } as const;
  const made = await backUp(original.client, request);
  const done = await drill({ from: made.folder! }, { client: empty.client });
  expect(done.checks.filter(({ passed }) => !passed)).toEqual([]);
  expect(done.checks.find((check) => check.name === 'definitions')!.detail).toMatch(/^[1-9]\d\d+ definitions$/);
  await original.drop();
  await empty.drop();
});
