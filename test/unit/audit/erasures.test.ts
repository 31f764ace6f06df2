import { expect, test } from 'vitest';
import { mentions } from '../../../src-main/core/sync/erasures.ts';

const names = ['zoë lindqvist', 'zoe@nordhaven.example', 'ana "nan" ruiz'];

test.each([
  'Deactivated Zoë Lindqvist',
  'ZOË LINDQVIST',
  '["salt","reason","asked for by zoe@nordhaven.example"]',
  JSON.stringify({ after: { full_name: 'Ana "Nan" Ruiz' } }),
  '(Zoë Lindqvist’s laptop)',
])('%s names them', (text) => expect(mentions(text, names)).toBe(true));

test.each([
  'Zoë',
  'Zoë Lindqvistson',
  'Chloë Lindqvist',
  'chzoë lindqvist',
  'bezoe@nordhaven.example',
  'zoe@nordhaven.examples',
  'zoe@nordhaven+example',
])('%s does not', (text) => expect(mentions(text, names)).toBe(false));

test('nobody is named by nothing', () => expect(mentions('Zoë Lindqvist', [])).toBe(false));
