import { LatchkeyError } from '../../contract/errors.ts';
import type { ReadContext } from '../handlers.ts';
import { query } from '../mirror/readable.ts';
import { called, type PersonRow } from './person-named.ts';

/**
 * Refuses a change that would leave the organization without an administrator, as far as this mirror knows. Advice alone:
 * another device may demote another administrator at the same time, so central counts again when it applies.
 *
 * @param after the person's role, and whether they may come in, as they would be
 * @throws LatchkeyError `would-remove-last-administrator`
 */
export function keepAnAdministrator(
  { mirror, organization, system }: ReadContext,
  person: PersonRow,
  after: { role?: string; isActive?: boolean },
  field: string,
): void {
  const administrators = system.people.role?.administrators ?? [];
  const isOne = (role: string | null, isActive: boolean) => isActive && role !== null && administrators.includes(role);
  if (!isOne(person.role, person.state === 'active')) return;
  if (isOne(after.role ?? person.role, after.isActive ?? true)) return;
  const another = query
    .selectFrom('latchkey_person')
    .select('id')
    .where('role', 'in', administrators)
    .where('state', '=', 'active')
    .where('id', '<>', person.id)
    .limit(1);
  if (mirror.first(another)) return;
  throw new LatchkeyError(
    'would-remove-last-administrator',
    `${called(person)} is the last active administrator: without one nobody could administer ${organization.name} any more. Nothing was changed. Make somebody else an administrator first.`,
    { field },
  );
}
