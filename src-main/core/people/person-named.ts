import { sql } from 'kysely';
import { LatchkeyError } from '../../contract/errors.ts';
import type { ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import type { MirrorSchema } from '../mirror/schema.ts';

export type PersonRow = MirrorSchema['latchkey_person'];

/**
 * The one person that an operator named by id or email address, whatever its case. Where addresses differ by case alone,
 * the one that is written exactly so is meant.
 *
 * @throws LatchkeyError `not-found` or `ambiguous`, at field `person`.
 */
export function personNamed({ mirror }: Pick<ReadContext, 'mirror'>, reference: string): PersonRow {
  const people = query.selectFrom('latchkey_person').selectAll();
  const byId = mirror.first(people.where('id', 'in', [reference, reference.toLowerCase()]));
  if (byId) return byId;
  const matches = peopleWithEmail({ mirror }, reference);
  const [match] = matches;
  if (!match)
    throw new LatchkeyError(
      'not-found',
      `Nobody here has the email address or id “${reference}”. Look them up in the list of people; somebody who is new at central appears after the next sync.`,
      { field: 'person' },
    );
  if (matches.length === 1) return match;
  const exact = matches.find(({ email }) => email === reference);
  if (exact) return exact;
  throw new LatchkeyError(
    'ambiguous',
    `${matches.length} people have the email address “${reference}”, written in different cases. Name one by id.`,
    { field: 'person', details: { candidates: matches.map(({ id, email }) => ({ id, email })) } },
  );
}

export function peopleWithEmail({ mirror }: Pick<ReadContext, 'mirror'>, email: string): PersonRow[] {
  return mirror.all(
    query.selectFrom('latchkey_person').selectAll().where(sql<boolean>`email = ${email} COLLATE NOCASE`),
  );
}

/** How a person is called in a sentence. */
export function called(person: Pick<PersonRow, 'name' | 'email'>): string {
  return person.name ?? person.email;
}
