import { defineConfig } from '@playwright/test';
import { findChromium } from './build/tasks/chromium.ts';

const chromium = await findChromium();

/** The same specs against both hosts. Whoever runs them leaves `electron-host` out where its runtime is missing, and says so. */
export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results',
  timeout: 90_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 1,
  retries: 0,
  forbidOnly: true,
  reporter: 'list',
  use: {
    actionTimeout: 10_000,
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: chromium.path,
      env: { ...(process.env as Record<string, string>), ...chromium.env },
    },
  },
  projects: [{ name: 'browser-host' }, { name: 'electron-host' }],
});
