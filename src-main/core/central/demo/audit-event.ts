import type { Moment } from './calendar.ts';
import type { Person } from './people.ts';

/** An audit event before it is written down. */
export interface AuditEvent {
  moment: Moment;
  actor: Person | null;
  type: string;
  data: Record<string, unknown>;
}
