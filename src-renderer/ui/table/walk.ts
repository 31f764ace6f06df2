/** Where the keyboard goes in a list from row `at` (-1 for none yet); null for a key that does not walk. */
export function walk(key: string, at: number, total: number, rowsPerPage: number): number | null {
  if (total === 0) return null;
  const target = targetOf(key, at, total, rowsPerPage);
  return target === null ? null : Math.max(0, Math.min(total - 1, target));
}

function targetOf(key: string, at: number, total: number, rowsPerPage: number): number | null {
  switch (key) {
    case 'j':
    case 'ArrowDown':
      return at + 1;
    case 'k':
    case 'ArrowUp':
      return at < 0 ? 0 : at - 1;
    case 'PageDown':
      return Math.max(0, at) + rowsPerPage;
    case 'PageUp':
      return at - rowsPerPage;
    case 'Home':
      return 0;
    case 'End':
      return total - 1;
    default:
      return null;
  }
}

/** Keys that walk from anywhere in the window; the others walk while the list has the keyboard. */
export const walksFromAnywhere: readonly string[] = ['j', 'k'];
