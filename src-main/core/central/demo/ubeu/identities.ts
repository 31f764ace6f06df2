import { day, hour, type Moment, minute, timestamp, workingMoment } from '../calendar.ts';
import type { Change } from '../change.ts';
import type { Row } from '../copy.ts';
import type { Person } from '../people.ts';
import type { Random } from '../random.ts';
import { logged } from './logged.ts';

/** Somebody with a DID of their own, and what they have of this world. */
export interface Identity {
  person: Person;
  did: string;
  topic: string;
  status: 'pending' | 'active' | 'suspended' | 'deactivated';
  /** The parent of the domains that their enterprise gives out; null for who is here for themselves. */
  parentDomain: string | null;
}

const statusOf = {
  invited: 'pending',
  active: 'active',
  suspended: 'suspended',
  locked: 'suspended',
  inactive: 'suspended',
  deactivated: 'deactivated',
} as const;

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

export function makeIdentity(random: Random, person: Person, parentDomain: string | null): Identity {
  const topic = `0.0.${random.integer(1_200_000, 7_900_000)}`;
  const key = Array.from(random.bytes(44), (byte) => base58[byte % 58]).join('');
  return { person, topic, parentDomain, did: `did:hedera:mainnet:${key}_${topic}`, status: statusOf[person.status] };
}

export interface Told {
  rows: Row[];
  changes: Change[];
}

/** @param visits of each person, in order */
export function userRows(identities: Identity[], visits: Map<string, Moment[]>, random: Random): Told {
  const told: Told = { rows: [], changes: [] };
  for (const { person, did, topic, status, parentDomain } of identities) {
    const moments = visits.get(person.id) ?? [];
    const row = {
      id: person.id,
      // Who is here for themselves need not give an address.
      email: parentDomain === null && random.chance(0.15) ? null : person.email,
      primary_did: did,
      hcs_topic_id: topic,
      status,
      created_at: timestamp(person.createdAt),
      last_login_at: timestamp(moments.at(-1) ?? person.createdAt),
    };
    told.rows.push(row);
    const change = { actor: person, table: 'users', id: person.id };
    const first = status === 'pending' ? 'pending' : 'active';
    const after = logged({ ...row, status: first, last_login_at: row.created_at });
    told.changes.push({ ...change, moment: person.createdAt, action: 'create', after });
    for (const [index, moment] of moments.entries()) {
      const before = logged({ last_login_at: timestamp(moments[index - 1] ?? person.createdAt) });
      told.changes.push({
        ...change,
        moment,
        action: 'update',
        before,
        after: logged({ last_login_at: timestamp(moment) }),
      });
    }
    if (first !== status)
      told.changes.push({
        ...{ ...change, actor: null, moment: person.updatedAt, action: 'update' },
        ...{ before: { status: first }, after: { status } },
      });
  }
  return told;
}

/** The document of everybody's DID, and second ones for work and for devices. */
export function didDocuments(random: Random, identities: Identity[], now: Moment): Told {
  const told: Told = { rows: [], changes: [] };
  for (const { person, did, status, parentDomain } of identities) {
    const write = (identifier: string, type: string, createdAt: Moment, ended: 'suspended' | 'deactivated' | null) => {
      const row = {
        id: random.uuid(),
        user_id: person.id,
        did_identifier: identifier,
        did_type: type,
        document_hash: random.hex(64),
        status: ended ?? 'active',
        created_at: timestamp(createdAt),
      };
      told.rows.push(row);
      const change = { table: 'did_documents', id: row.id };
      const after = logged({ ...row, status: 'active' });
      told.changes.push({ ...change, actor: person, moment: createdAt, action: 'create', after });
      if (ended !== null)
        told.changes.push({
          ...{ ...change, actor: null, moment: Math.max(createdAt, person.updatedAt), action: 'update' },
          ...{ before: { status: 'active' }, after: { status: ended } },
        });
    };
    const ended = status === 'suspended' || status === 'deactivated' ? status : null;
    write(did, 'personal', person.createdAt + minute, ended);
    if (parentDomain !== null && random.chance(0.3)) {
      const mailbox = person.email.split('@')[0];
      write(`did:web:${parentDomain}:people:${mailbox}`, 'professional', person.createdAt + hour / 2, ended);
    }
    if (status === 'active' && random.chance(0.08)) {
      const addedAt = workingMoment(random, person.createdAt + hour, now - hour);
      write(
        `did:key:z6Mk${Array.from(random.bytes(44), (byte) => base58[byte % 58]).join('')}`,
        'device',
        addedAt,
        null,
      );
    }
  }
  return told;
}

const networks = ['hedera', 'hedera', 'ethereum', 'polygon'];

/** Names under the enterprise's own for its people, and bought ones for everybody else. */
export function domains(random: Random, identities: Identity[], now: Moment): Told {
  const told: Told = { rows: [], changes: [] };
  const owners = identities.filter((identity) => identity.status !== 'pending' && random.chance(0.55));
  for (const [index, { person, status, parentDomain }] of owners.entries()) {
    const mailbox = person.email.split('@')[0]!.replaceAll('.', '-');
    const label = parentDomain?.split('.')[0];
    const createdAt = workingMoment(random, person.createdAt + hour, Math.max(person.createdAt + day, now - 2 * day));
    if (createdAt > now - hour) continue;
    const years = random.integer(1, 3) * 365 * day;
    const state =
      status === 'suspended' || status === 'deactivated'
        ? 'suspended'
        : createdAt + years < now
          ? 'expired'
          : index % 23 === 3
            ? 'pending'
            : 'active';
    const row = {
      id: random.uuid(),
      user_id: person.id,
      domain_name: label === undefined ? `${mailbox}.hbar` : `${mailbox}.${label}.ubeu`,
      domain_type: label === undefined ? random.pick(['personal', 'personal', 'brand']) : 'enterprise',
      blockchain_network: random.pick(networks),
      status: state,
      expires_at: state === 'pending' ? null : timestamp(createdAt + years),
      created_at: timestamp(createdAt),
    };
    told.rows.push(row);
    const change = { table: 'domains', id: row.id };
    const first = state === 'pending' ? 'pending' : 'active';
    const after = logged({ ...row, status: first });
    told.changes.push({ ...change, actor: person, moment: createdAt, action: 'create', after });
    if (first === state) continue;
    const moment = state === 'expired' ? createdAt + years : Math.max(person.updatedAt, createdAt);
    told.changes.push({
      ...{ ...change, actor: null, moment, action: 'update' },
      ...{ before: { status: first }, after: { status: state } },
    });
  }
  return told;
}

type CredentialStatus = 'pending' | 'active' | 'suspended' | 'revoked' | 'expired';

/** What enterprises and registries attest to people, and now and then one person to another. */
export function credentials(random: Random, identities: Identity[], now: Moment): Told {
  const told: Told = { rows: [], changes: [] };
  const issuers = identities.filter(({ status, person }) => status === 'active' && person.role === 'admin');
  for (const identity of identities.filter(({ status }) => status !== 'pending')) {
    const types =
      identity.parentDomain === null
        ? ['AgeCredential', 'MembershipCredential', 'ResidenceCredential']
        : ['EmployeeCredential', 'SafetyTrainingCredential', 'SiteAccessCredential'];
    // Whoever works somewhere has proof of it; the rest comes with time.
    for (const type of types.slice(0, identity.parentDomain === null ? random.integer(0, 3) : random.integer(1, 3)))
      writeCredential(random, told, identity, type, issuers, now);
  }
  return told;
}

function writeCredential(
  random: Random,
  told: Told,
  identity: Identity,
  type: string,
  issuers: Identity[],
  now: Moment,
): void {
  const { person, did, parentDomain } = identity;
  const createdAt = workingMoment(random, person.createdAt + hour, Math.max(person.createdAt + 2 * hour, now - day));
  const issuer = random.pick(issuers);
  const byPerson = random.chance(0.1) && issuer.person.createdAt < createdAt;
  const expiresAt = createdAt + random.pick([180, 365, 730, 1_825]) * day;
  const status = statusOfCredential(random, identity, expiresAt, now);
  const issuedAt = status === 'pending' ? null : createdAt + 10 * minute;
  const row = {
    id: random.uuid(),
    subject_did: did,
    issuer_did: byPerson ? issuer.did : `did:web:${parentDomain ?? 'registry.example'}`,
    credential_type: type,
    status,
    issued_at: issuedAt === null ? null : timestamp(issuedAt),
    expires_at: timestamp(expiresAt),
    created_at: timestamp(createdAt),
  };
  told.rows.push(row);
  const change = { actor: byPerson ? issuer.person : null, table: 'credentials', id: row.id };
  const after = logged({ ...row, status: 'pending', issued_at: null });
  told.changes.push({ ...change, moment: createdAt, action: 'create', after });
  if (issuedAt === null) return;
  const issued = logged({ status: 'active', issued_at: timestamp(issuedAt) });
  told.changes.push({
    ...change,
    moment: issuedAt,
    action: 'update',
    before: { status: 'pending', issued_at: null },
    after: issued,
  });
  if (status === 'active') return;
  const moment =
    status === 'expired'
      ? expiresAt
      : Math.max(person.updatedAt, workingMoment(random, issuedAt, Math.min(now, expiresAt)));
  told.changes.push({ ...change, moment, action: 'update', before: { status: 'active' }, after: { status } });
}

function statusOfCredential(random: Random, { status }: Identity, expiresAt: Moment, now: Moment): CredentialStatus {
  if (expiresAt < now) return 'expired';
  if (status === 'deactivated') return 'revoked';
  if (status === 'suspended') return 'suspended';
  return random.chance(0.04) ? 'revoked' : random.chance(0.04) ? 'pending' : 'active';
}
