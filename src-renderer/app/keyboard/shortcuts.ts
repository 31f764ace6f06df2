import type { Place } from '../../navigation/route.ts';

/** After `g`: where to. */
export const goKeys: Readonly<Record<string, Place>> = {
  p: 'people',
  k: 'keys',
  o: 'outbox',
  a: 'audit',
  d: 'data',
  c: 'central',
};

export interface Shortcut {
  keys: string[];
  does: string;
}

export const shortcuts: { title: string; entries: Shortcut[] }[] = [
  {
    title: 'Go',
    entries: [
      { keys: ['g', 'p'], does: 'People' },
      { keys: ['g', 'k'], does: 'Keys' },
      { keys: ['g', 'o'], does: 'Outbox' },
      { keys: ['g', 'a'], does: 'Audit' },
      { keys: ['g', 'd'], does: 'Data' },
      { keys: ['g', 'c'], does: 'Central' },
    ],
  },
  {
    title: 'Lists',
    entries: [
      { keys: ['/'], does: 'Search' },
      { keys: ['j'], does: 'Next row' },
      { keys: ['k'], does: 'Previous row' },
      { keys: ['Enter'], does: 'Open the row' },
      { keys: ['Esc'], does: 'Back out: form, drawer, search' },
    ],
  },
  {
    title: 'Window',
    entries: [{ keys: ['?'], does: 'This sheet' }],
  },
];
