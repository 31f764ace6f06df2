import AxeBuilder from '@axe-core/playwright';
import { _electron, test as base, expect, type Page } from '@playwright/test';
import type { Core } from '../../src-main/core/core.ts';
import { openCore } from '../../src-main/core/open.ts';
import { plainPorts } from '../../src-main/core/ports.ts';
import { startBrowserHost } from '../../src-main/hosts/browser/host.ts';
import { passphrase, type TestCentral, testCentral } from '../fixtures/organization.ts';

/** One operator's desk: a window on a device that has joined and mirrored, still locked. */
export interface Desk {
  page: Page;
  folder: string;
  /** Everything that the page's Content-Security-Policy refused, or the page threw. */
  complaints: string[];
  unlock(): Promise<void>;
}

interface Fixtures {
  central: TestCentral;
  /** Opens a window for an operator; several make several devices. */
  desk: (operator?: string) => Promise<Desk>;
}

/** The same specs run against both hosts; the project's name says which. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that a function needs from its parameter.
  central: async ({}, use) => {
    const central = await testCentral();
    await use(central);
    await central.close();
  },
  desk: async ({ central, browser }, use, info) => {
    const closing: (() => Promise<unknown>)[] = [];
    await use(async (operator = 'astrid@nordhaven.example') => {
      const device = await central.device({ operator });
      await device.core.close();
      const opened =
        info.project.name === 'electron-host'
          ? await openElectron(device.folder)
          : await openBrowser(device.folder, browser);
      closing.unshift(opened.close);
      const complaints = watch(opened.page);
      return {
        page: opened.page,
        folder: device.folder,
        complaints,
        async unlock() {
          await opened.page.getByLabel('Passphrase').fill(passphrase);
          await opened.page.getByRole('button', { name: 'Unlock' }).click();
          await expect(opened.page.getByRole('navigation')).toBeVisible();
        },
      };
    });
    for (const close of closing) await close();
  },
});

async function openBrowser(folder: string, browser: import('@playwright/test').Browser) {
  const core: Core = await openCore({ dataFolder: folder, ports: plainPorts, background: true });
  const host = await startBrowserHost({ core, open: false });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(host.url);
  return {
    page,
    close: async () => {
      await context.close();
      await host.close();
      await core.close();
    },
  };
}

async function openElectron(folder: string) {
  const app = await _electron.launch({
    args: ['.'],
    env: { ...(process.env as Record<string, string>), LATCHKEY_DATA: folder },
  });
  return { page: await app.firstWindow(), close: () => app.close() };
}

function watch(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return complaints;
}

/** WCAG 2.2 A and AA, by axe. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  expect(
    violations.map(
      (violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(' ')).join(', ')}`,
    ),
  ).toEqual([]);
}

export { expect };
