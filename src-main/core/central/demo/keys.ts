import { day, hour, type Moment, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import { type Certificate, type KeyMarks, makeCertificate, makeKeyMarks } from './key-material.ts';
import { type KeyPlan, planKeys } from './key-plan.ts';
import { type Person, somebodyAt } from './people.ts';
import type { Profile } from './profile.ts';
import { type Random, weightedPicker } from './random.ts';
import { type Deployment, deployments } from './workloads.ts';

export interface Key extends KeyPlan {
  id: string;
  organizationId: string;
  deployment: Deployment;
  owner: Person;
  marks: KeyMarks;
  certificate: Certificate | null;
  quota: number;
  rotatedFrom: string | null;
  /** Where its calls come from. */
  addresses: string[];
  /** Calls relative to the organization's other keys, per day in use. */
  traffic: number;
  updatedAt: Moment;
  /** Both come out of the access log. */
  lastUsedAt: Moment | null;
  usageCount: number;
}

const environmentTraffic = { production: 10, staging: 1, sandbox: 0.3 };
const certificateShare = 0.2;

/** @param start what every key of the system starts with, four characters long */
export function generateKeys(random: Random, profile: Profile, people: Person[], now: Moment, start = 'sgk_'): Key[] {
  const owners = people.filter(
    (person) => ['developer', 'operator', 'admin'].includes(person.role) && person.status === 'active',
  );
  const places = deployments();
  const keys: Key[] = [];
  // Nobody was there to make a key before the administrators were.
  const since = { ...profile, founded: profile.founded + 61 * day };
  for (const plan of planKeys(random.fork('plan'), since, now)) {
    const predecessor = plan.replaces === null ? null : keys[plan.replaces]!;
    const deployment = predecessor?.deployment ?? (places.next().value as Deployment);
    keys.push({
      ...plan,
      id: random.uuid(),
      organizationId: profile.id,
      deployment,
      owner: predecessor?.owner ?? somebodyAt(random, owners, plan.createdAt),
      marks: makeKeyMarks(random, start),
      certificate: null,
      quota: predecessor?.quota ?? random.pick([10_000, 50_000, 100_000, 250_000, 1_000_000]),
      rotatedFrom: predecessor?.id ?? null,
      addresses: predecessor?.addresses ?? callerAddresses(random, deployment),
      traffic: plan.unused ? 0 : deployment.workload.traffic * environmentTraffic[deployment.environment],
      updatedAt: changedAt(random, plan, now),
      lastUsedAt: null,
      usageCount: 0,
    });
  }
  attachCertificates(random.fork('certificates'), keys);
  return keys;
}

/** Certificates go with servers that are in use: some of one kind each, so that a list of kinds has something to show. */
function attachCertificates(random: Random, keys: Key[]): void {
  const candidates = keys.filter((key) => key.deployment.workload.type === 'server' && key.status !== 'revoked');
  const chosen = new Set(random.sample(candidates, Math.round(keys.length * certificateShare)));
  let index = 0;
  for (const key of keys) {
    if (chosen.has(key)) key.certificate = makeCertificate(random, index++);
  }
}

function callerAddresses(random: Random, deployment: Deployment): string[] {
  const count = deployment.environment === 'production' ? random.integer(2, 4) : 1;
  const network =
    deployment.workload.type === 'client' ? '198.51.100' : `10.${random.integer(20, 60)}.${random.integer(0, 9)}`;
  return Array.from({ length: count }, () => `${network}.${random.integer(2, 250)}`);
}

function changedAt(random: Random, plan: KeyPlan, now: Moment): Moment {
  if (plan.revokedAt !== null) return plan.revokedAt;
  if (plan.status === 'expired') return Math.min(now, plan.expiresAt! + 5 * 60_000);
  if (plan.retiredAt !== null) return plan.retiredAt;
  if (plan.status === 'suspended') return workingMoment(random, now - 20 * day, now - day);
  return random.chance(0.3) ? workingMoment(random, plan.createdAt, now - hour) : plan.createdAt;
}

/** Writes what the access log says about use back to the keys. */
export function noteUse(random: Random, keys: Key[], uses: Map<string, { count: number; last: Moment }>): void {
  for (const key of keys) {
    const use = uses.get(key.id);
    if (use) {
      key.lastUsedAt = use.last;
      // The log goes back half a year, the counter to the key's first day.
      key.usageCount = Math.round(use.count * (1 + random.next() * 3));
    }
  }
}

/** Picks a key by how much it calls, over the time in which it could. */
export function keyPicker(keys: Key[], from: Moment, now: Moment): ((random: Random) => Key) | null {
  const weight = (key: Key) => key.traffic * Math.max(0, (usableUntil(key, now) - Math.max(from, key.createdAt)) / day);
  return keys.some((key) => weight(key) > 0) ? weightedPicker(keys, weight) : null;
}

export function usableUntil(key: Key, now: Moment): Moment {
  return Math.min(now, key.revokedAt ?? now, key.expiresAt ?? now, key.status === 'suspended' ? key.updatedAt : now);
}

export function keyRow(key: Key, profile: Profile): Row {
  const { workload, environment, region, label } = key.deployment;
  const slug = profile.domain.split('.')[0]!;
  const isDatabase = workload.type === 'database';
  return {
    id: key.id,
    organization_id: key.organizationId,
    key_value: `sha256:${key.marks.hash}`,
    key_hash: key.marks.hash,
    key_prefix: key.marks.prefix,
    key_last4: key.marks.last4,
    key_type: workload.type,
    label,
    permissions: workload.scopes,
    quota_limit: key.quota,
    usage_count: key.usageCount,
    status: key.status,
    public_key: key.certificate?.publicKey ?? null,
    private_key: key.certificate ? `vault:secret/${slug}/api/${workload.name}/${environment}#private_key` : null,
    certificate_type: key.certificate?.type ?? null,
    certificate_fingerprint: key.certificate?.fingerprint ?? null,
    private_key_path: key.certificate ? `/etc/${slug}/pki/${workload.name}-${environment}.key` : null,
    db_type: isDatabase ? 'postgresql' : null,
    db_host: isDatabase ? `pg-${workload.name}-01.${region}.${profile.domain}` : null,
    db_port: isDatabase ? 5432 : null,
    db_name: isDatabase ? workload.name.replaceAll('-', '_') : null,
    db_username: isDatabase ? `svc_${workload.name.replaceAll('-', '_')}` : null,
    db_password_encrypted: isDatabase ? `vault:secret/${slug}/db/${workload.name}/${environment}#password` : null,
    server_endpoint: workload.type === 'server' ? `https://${workload.name}.${environment}.${profile.domain}` : null,
    server_region: workload.type === 'server' ? region : null,
    client_origin: workload.type === 'client' ? `https://${workload.name}.${profile.domain}` : null,
    client_scopes: workload.type === 'client' ? workload.scopes : null,
    expires_at: key.expiresAt === null ? null : timestamp(key.expiresAt),
    last_used_at: key.lastUsedAt === null ? null : timestamp(key.lastUsedAt),
    rotated_from: key.rotatedFrom,
    revoked_at: key.revokedAt === null ? null : timestamp(key.revokedAt),
    owner_id: key.owner.id,
    created_at: timestamp(key.createdAt),
    updated_at: timestamp(key.updatedAt),
  };
}
