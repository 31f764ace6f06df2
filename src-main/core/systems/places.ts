/** A place in a mapping: `tables.users.rights.admin.update[1]`, `tables["order lines"].secret`. */
export function placeOf(path: readonly PropertyKey[]): string {
  const place = path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`;
      return /^[\p{L}_$][\p{L}\d_$-]*$/u.test(String(part)) ? `.${String(part)}` : `[${JSON.stringify(String(part))}]`;
    })
    .join('');
  return place.replace(/^\./, '') || 'the file';
}

const shown = 20;

/** Problems in one sentence; of very many the first ones and how many more there are. */
export function listed(problems: readonly string[]): string {
  const rest = problems.length - shown;
  return problems.slice(0, shown).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}
