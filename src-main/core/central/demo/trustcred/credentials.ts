import { day, hour, type Moment, minute, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import { type Random, weightedPicker } from '../random.ts';
import { type Kind, kindsOf } from './kinds.ts';
import { activeIn, type Person, walletAddress } from './people.ts';
import type { Profile } from './profile.ts';

export interface Schema {
  id: string;
  kind: Kind;
  createdAt: Moment;
}

export interface Credential {
  id: string;
  schema: Schema;
  recipient: Person;
  /** Of the wallet that it was issued to. */
  wallet: string;
  status: 'pending' | 'active' | 'expired' | 'revoked';
  createdAt: Moment;
  /** Null while it waits for approval. */
  issuedAt: Moment | null;
  expiresAt: Moment | null;
  revokedAt: Moment | null;
  reason: string | null;
  /** One who was asked has said no, and it will not be issued as it is. */
  rejected: boolean;
  dataHash: string;
}

export function generateSchemas(random: Random, profile: Profile): Schema[] {
  return kindsOf(profile.type).map((kind, index) => ({
    id: random.uuid(),
    kind,
    createdAt: profile.founded + (10 + 3 * index) * day + random.integer(8, 17) * hour,
  }));
}

export function schemaRow(random: Random, { id, kind, createdAt }: Schema, profile: Profile): Row {
  return {
    id,
    name: kind.name,
    version: kind.version,
    organization_id: profile.id,
    schema_definition: {
      json: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: `https://${profile.domain}/schemas/${kind.slug}/${kind.version}`,
        type: 'object',
        properties: Object.fromEntries(kind.fields.map((field) => [field, { type: 'string' }])),
        required: kind.fields.slice(0, 2),
      },
    },
    blockchain_id: random.hex(64),
    fields: { json: kind.fields.map((name, index) => ({ name, type: 'string', required: index < 2 })) },
    active: kind.active,
    created_at: timestamp(createdAt),
    updated_at: timestamp(createdAt),
  };
}

/** What the organization issued in the last two years and what became of it, and what waits for approval. */
export function generateCredentials(
  random: Random,
  profile: Profile,
  schemas: Schema[],
  people: Person[],
  now: Moment,
): Credential[] {
  const inUse = schemas.filter((schema) => schema.kind.active);
  const signed = inUse.filter((schema) => schema.kind.signatures > 0);
  const pickSchema = weightedPicker(inUse, (schema) => schema.kind.share);
  const recipients = people.filter((person) => person.role === 'recipient' && person.status !== 'invited');
  const still = activeIn(people, 'recipient');
  const { credentials: count } = profile.scale;
  const waiting = Math.max(3, Math.round(count * 0.03));
  return Array.from({ length: count }, (_, index): Credential => {
    const pending = index < waiting;
    const schema = pending ? random.pick(signed) : pickSchema(random);
    const recipient = random.pick(pending ? still : recipients);
    const credential = draft(random, schema, recipient, pending ? now - 25 * day : now - 730 * day, now);
    if (pending) return { ...credential, status: 'pending', issuedAt: null, rejected: index % 5 === 4 };
    return lifeOf(random, credential, index - waiting, now);
  });
}

export function credentialRow(random: Random, credential: Credential, profile: Profile): Row {
  const { issuedAt, expiresAt, revokedAt } = credential;
  const ended = revokedAt ?? (credential.status === 'expired' ? expiresAt : null);
  return {
    id: credential.id,
    blockchain_id: random.hex(64),
    schema_id: credential.schema.id,
    issuer_id: profile.id,
    recipient_address: credential.wallet,
    recipient_user_id: credential.recipient.id,
    metadata_uri: issuedAt === null ? null : `ipfs://bafkrei${base32(random, 52)}`,
    encrypted_data: random.bytes(random.integer(96, 200)),
    data_hash: credential.dataHash,
    status: credential.status,
    issued_at: issuedAt === null ? null : timestamp(issuedAt),
    expires_at: expiresAt === null ? null : timestamp(expiresAt),
    revoked_at: revokedAt === null ? null : timestamp(revokedAt),
    revocation_reason: credential.reason,
    created_at: timestamp(credential.createdAt),
    updated_at: timestamp(ended ?? issuedAt ?? credential.createdAt),
  };
}

function draft(random: Random, schema: Schema, recipient: Person, from: Moment, now: Moment): Credential {
  const earliest = Math.max(from, recipient.createdAt + day, schema.createdAt + day);
  return {
    id: random.uuid(),
    schema,
    recipient,
    wallet: recipient.wallet ?? walletAddress(random),
    status: 'active',
    createdAt: workingMoment(random, earliest, now - 10 * hour),
    issuedAt: null,
    expiresAt: null,
    revokedAt: null,
    reason: null,
    rejected: false,
    dataHash: random.hex(64),
  };
}

function lifeOf(random: Random, credential: Credential, index: number, now: Moment): Credential {
  const { kind } = credential.schema;
  const wait = kind.signatures > 0 ? random.integer(3, 9 * 60) * minute : random.integer(5, 90) * 1_000;
  const issuedAt = credential.createdAt + wait;
  const expiresAt = kind.lifetimeInDays === null ? null : issuedAt + kind.lifetimeInDays * day;
  const end = Math.min(now, expiresAt ?? now);
  // One in forty, spread over the list so that even a short one has some.
  if (index % 40 === 7 && end - issuedAt > 2 * day) {
    const revokedAt = workingMoment(random, issuedAt + day, end);
    return { ...credential, status: 'revoked', issuedAt, expiresAt, revokedAt, reason: random.pick(reasons) };
  }
  const expired = expiresAt !== null && expiresAt <= now;
  return { ...credential, status: expired ? 'expired' : 'active', issuedAt, expiresAt };
}

const reasons = [
  'Erreur de saisie : remplacé par un nouveau titre',
  'Issued to the wrong person',
  'Fraude constatée par le jury',
  'Membership ended',
  'Nom changé : remplacé par un nouveau titre',
];

function base32(random: Random, length: number): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return Array.from(random.bytes(length), (byte) => alphabet[byte % 32]).join('');
}
