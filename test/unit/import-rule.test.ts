import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { brokenImports, importsOf, refusal } from '../../build/tasks/import-rule.ts';

describe('the import rule', () => {
  test.each([
    ['src-main/contract/people.ts', './values.ts'],
    ['src-main/contract/people.ts', 'zod'],
    ['src-main/core/sync/pull.ts', '../../contract/errors.ts'],
    ['src-main/core/sync/pull.ts', 'node:fs'],
    ['src-main/core/audit/bundle/export.ts', '../../../verifier/verify.mjs'],
    ['src-main/core/people/commands.ts', '../keys/queries.ts'],
    ['src-main/core/open.ts', './keys/commands.ts'],
    ['src-main/hosts/cli/main.ts', '../../core/open.ts'],
    ['src-main/hosts/start/windows.ts', '../browser/host.ts'],
    ['src-main/hosts/electron/main.ts', 'electron'],
    ['src-main/preload/index.ts', 'electron'],
    ['src-renderer/client/client.ts', '../../src-main/contract/index.ts'],
    ['src-renderer/client/client.ts', '../../src-main/verifier/verify.mjs'],
    ['src-renderer/app/main.tsx', 'react-dom/client'],
    ['src-renderer/app/main.tsx', './main.css'],
    ['test/unit/import-rule.test.ts', '../../src-main/core/open.ts'],
  ])('%s may import %s', (file, specifier) => {
    expect(refusal(file, specifier)).toBeNull();
  });

  test.each([
    ['src-main/contract/people.ts', '../core/open.ts'],
    ['src-main/contract/people.ts', 'node:crypto'],
    ['src-main/contract/people.ts', 'kysely'],
    ['src-main/verifier/verify.mjs', '../core/audit/merkle.ts'],
    ['src-main/verifier/verify.mjs', 'canonicalize'],
    ['src-main/verifier/verify.mjs', 'node:crypto'],
    ['src-main/core/open.ts', '../hosts/cli/main.ts'],
    ['src-main/core/open.ts', 'electron'],
    ['src-main/core/open.ts', '../../src-renderer/client/client.ts'],
    ['src-main/core/people/commands.ts', '../keys/secret.ts'],
    ['src-main/hosts/browser/host.ts', 'electron'],
    ['src-main/hosts/cli/main.ts', '../../../src-renderer/client/client.ts'],
    ['src-main/preload/index.ts', '../core/open.ts'],
    ['src-main/preload/index.ts', 'node:fs'],
    ['src-renderer/client/client.ts', '../../src-main/core/open.ts'],
    ['src-renderer/client/client.ts', 'node:fs'],
    ['src-renderer/client/client.ts', 'better-sqlite3'],
    ['src-renderer/client/client.ts', 'electron'],
  ])('%s may not import %s', (file, specifier) => {
    expect(refusal(file, specifier)).not.toBeNull();
  });

  test('finds imports however they are written, and none in comments', () => {
    const source = `
      import one from 'one';
      import type { Two } from "two";
      import {
        three,
        type Four,
      } from 'three';
      import 'four';
      export * from 'five';
      export { six } from 'six';
      const seven = await import('seven');
      type Eight = import('eight').Eight;
      // import nothing from 'comment';
      /* import nothing from 'remark'; */
    `;
    expect(importsOf(source)).toEqual(['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']);
  });

  test('holds for everything that there is', () => {
    expect(brokenImports(join(import.meta.dirname, '../..'))).toEqual([]);
  });
});
