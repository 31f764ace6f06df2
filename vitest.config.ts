import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,integration,migration,property,fault,security}/**/*.test.{ts,tsx}'],
    globalSetup: ['test/fixtures/global-setup.ts'],
    environment: 'node',
    // Processes rather than threads: a test may change its folder, its environment and its signals.
    pool: 'forks',
    maxWorkers: 2,
    // Against hangs, not for speed: a busy machine must not turn a right answer red.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    // Passing because nothing ran is not passing, but a filter may well match one folder alone.
    passWithNoTests: false,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
  },
});
