import { day, type Moment, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Key } from '../keys.ts';
import type { Profile } from '../profile.ts';
import type { Random } from '../random.ts';
import type { Told } from './identities.ts';
import { logged } from './logged.ts';

/** Those that are here for their state alone: not yet let in, kept out for a while, gone. */
const others = [
  { name: 'Kestrel Labs', domain: 'kestrel.example', tier: 'starter', status: 'pending', days: 4 },
  { name: 'Dune Assurances', domain: 'dune.example', tier: 'pro', status: 'suspended', days: 500 },
  { name: 'Atelier Boréal', domain: 'boreal.example', tier: 'starter', status: 'closed', days: 800 },
];

export function enterpriseRows(random: Random, profiles: { profile: Profile; tier: string }[], now: Moment): Told {
  const told: Told = { rows: [], changes: [] };
  const write = (row: Row & { id: string; status: string }, createdAt: Moment) => {
    told.rows.push(row);
    const change = { actor: null, table: 'enterprise_accounts', id: row.id };
    const first = row.status === 'pending' ? 'pending' : 'active';
    told.changes.push({ ...change, moment: createdAt, action: 'create', after: logged({ ...row, status: first }) });
    if (first === row.status) return;
    const moment = workingMoment(random, Math.max(createdAt + day, now - 300 * day), now - day);
    told.changes.push({
      ...change,
      moment,
      action: 'update',
      before: { status: first },
      after: { status: row.status },
    });
  };
  for (const { profile, tier } of profiles)
    write(accountRow(profile.id, profile.name, profile.domain, tier, 'active', profile.founded), profile.founded);
  for (const { name, domain, tier, status, days } of others) {
    const createdAt = workingMoment(random, now - (days + 5) * day, now - days * day);
    write(accountRow(random.uuid(), name, domain, tier, status, createdAt), createdAt);
  }
  return told;
}

function accountRow(id: string, name: string, domain: string, tier: string, status: string, createdAt: Moment) {
  return {
    id,
    organization_name: name,
    parent_domain: domain,
    enterprise_tier: tier,
    status,
    created_at: timestamp(createdAt),
  };
}

/** The system knows no more of a key than whether it is let in. */
export function keyRows(keys: Key[]): Told {
  const told: Told = { rows: [], changes: [] };
  for (const key of keys) {
    const active = key.status === 'active' || key.status === 'retiring';
    const row = {
      id: key.id,
      enterprise_id: key.organizationId,
      name: key.deployment.label,
      permissions: { json: key.deployment.workload.scopes },
      active,
      created_at: timestamp(key.createdAt),
      key_hash: key.marks.hash,
      key_prefix: key.marks.prefix,
      key_last4: key.marks.last4,
    };
    told.rows.push(row);
    const change = { actor: key.owner, table: 'enterprise_api_keys', id: key.id };
    const after = logged({ ...row, active: true });
    told.changes.push({ ...change, moment: key.createdAt, action: 'create', after });
    if (!active)
      told.changes.push({
        ...change,
        moment: key.updatedAt,
        action: 'update',
        before: { active: true },
        after: { active },
      });
  }
  return told;
}
