import type { Input } from '../../../src-main/contract/index.ts';
import type { Conflict } from '../../../src-main/contract/outbox.ts';

export type Side = 'mine' | 'theirs';
export type Choices = Readonly<Record<string, Side>>;

/** The answer to a conflict from a choice per field; null until every field has one. */
export function resolutionOf(conflict: Conflict, choices: Choices): Input<'conflicts.resolve'> | null {
  const sides = conflict.fields.map((field) => choices[field.column]);
  if (sides.length === 0 || sides.some((side) => side === undefined)) return null;
  if (sides.every((side) => side === 'mine')) return { conflict: conflict.conflict, take: 'mine' };
  if (sides.every((side) => side === 'theirs')) return { conflict: conflict.conflict, take: 'theirs' };
  return { conflict: conflict.conflict, take: 'theirs', columns: { ...choices } };
}

/** What taking a side will mean, by what the conflict is about. */
export function consequenceWords(kind: Conflict['kind']): string {
  switch (kind) {
    case 'fields':
      return 'Mine sends your values again, on top of what central has now. Theirs keeps central’s values and drops yours.';
    case 'missing':
      return 'Mine sends the change again, which works only if the row is back. Theirs gives the change up.';
    case 'refused':
      return 'Mine sends the change again, which works only if what central objected to is gone. Theirs gives it up.';
  }
}
