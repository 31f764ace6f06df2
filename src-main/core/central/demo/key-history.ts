import type { AuditEvent } from './audit-event.ts';
import { type Moment, minute } from './calendar.ts';
import type { Key } from './keys.ts';
import { type Person, somebodyAt } from './people.ts';
import type { Random } from './random.ts';

/** How every key came to be as it is. */
export function keyHistory(random: Random, keys: Key[], officers: Person[]): AuditEvent[] {
  const byId = new Map(keys.map((key) => [key.id, key]));
  const reasons = new Map(keys.map((key) => [key.id, random.pick(revocationReasons)]));

  return keys.flatMap((key): AuditEvent[] => {
    const event = (type: string, moment: Moment, data: Record<string, unknown>): AuditEvent => ({
      moment,
      type,
      actor: type === 'api_key.expired' ? null : somebodyAt(random, officers, moment),
      data: { ...identity(key), ...data },
    });
    const previous = key.rotatedFrom === null ? null : byId.get(key.rotatedFrom)!;
    const reason = reasons.get(previous?.id ?? key.id)!;
    const events = [previous ? rotated(event, key, previous, reason) : created(event, key)];
    if (key.certificate) events.push(certified(event, key));
    if (key.revokedAt !== null) {
      const before = { status: key.retiredAt === null ? 'active' : 'retiring' };
      events.push(event('api_key.revoked', key.revokedAt, { reason, before, after: { status: 'revoked' } }));
    } else if (key.status === 'suspended' || key.status === 'expired') {
      const change = { before: { status: 'active' }, after: { status: key.status } };
      events.push(event(`api_key.${key.status}`, key.updatedAt, change));
    } else if (key.status === 'active' && key.updatedAt > key.createdAt) {
      const before = { quota_limit: random.pick([5_000, 20_000, 75_000]) };
      events.push(event('api_key.updated', key.updatedAt, { before, after: { quota_limit: key.quota } }));
    }
    return events;
  });
}

type Write = (type: string, moment: Moment, data: Record<string, unknown>) => AuditEvent;

function created(event: Write, key: Key): AuditEvent {
  const { scopes } = key.deployment.workload;
  return event('api_key.created', key.createdAt, { after: { permissions: scopes, status: 'active' } });
}

function rotated(event: Write, key: Key, previous: Key, reason: string): AuditEvent {
  return event('api_key.rotated', key.createdAt, {
    reason: previous.status === 'revoked' ? reason : 'Rotation planifiée',
    before: { api_key_id: previous.id, key_prefix: previous.marks.prefix, status: 'active' },
    after: { api_key_id: key.id, key_prefix: key.marks.prefix, status: 'active', previous_status: 'retiring' },
  });
}

function certified(event: Write, key: Key): AuditEvent {
  const { type, fingerprint } = key.certificate!;
  return event('certificate.attached', key.createdAt + 20 * minute, {
    before: { certificate_type: null, certificate_fingerprint: null },
    after: { certificate_type: type, certificate_fingerprint: fingerprint },
  });
}

function identity(key: Key): Record<string, unknown> {
  return { api_key_id: key.id, label: key.deployment.label, key_prefix: key.marks.prefix };
}

const revocationReasons = [
  'Clé publiée par erreur dans un dépôt interne',
  'Contract with the integration partner ended',
  'Found in a build log by the secret scanner',
  'Owner left the company',
  'Remplacée après audit trimestriel',
];
