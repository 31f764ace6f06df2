import type { Verb } from './verb.ts';
import { auditVerbs } from './verbs/audit.ts';
import { bundleVerbs } from './verbs/bundle.ts';
import { centralVerbs } from './verbs/central.ts';
import { centralBackupVerbs } from './verbs/central-backup.ts';
import { centralMembershipVerbs } from './verbs/central-membership.ts';
import { centralOperationVerbs } from './verbs/central-operations.ts';
import { dataVerbs } from './verbs/data.ts';
import { integrityVerbs } from './verbs/integrity.ts';
import { keyVerbs } from './verbs/keys.ts';
import { migrateVerbs } from './verbs/migrate.ts';
import { outboxVerbs } from './verbs/outbox.ts';
import { peopleVerbs } from './verbs/people.ts';
import { postureVerbs } from './verbs/posture.ts';
import { statusVerbs } from './verbs/status.ts';

/** Everything that can be typed. A name that another one starts with comes after it. */
export const verbs: readonly Verb[] = [
  ...statusVerbs,
  ...peopleVerbs,
  ...keyVerbs,
  ...outboxVerbs,
  ...auditVerbs,
  ...integrityVerbs,
  ...bundleVerbs,
  ...dataVerbs,
  ...centralVerbs,
  ...centralMembershipVerbs,
  ...centralOperationVerbs,
  ...centralBackupVerbs,
  ...migrateVerbs,
  ...postureVerbs,
];
