import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documents } from '../../build/tasks/documents.ts';

test.each(Object.entries(documents()))('docs/%s says what the code says (npm run documents)', (name, text) => {
  expect(readFileSync(`docs/${name}`, 'utf8')).toBe(text);
});
