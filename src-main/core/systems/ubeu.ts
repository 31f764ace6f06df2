import type { SystemMapping, TableMapping } from './system.ts';

const ofUser = { class: 'path', column: 'user_id', parent: 'users', parentKey: 'id' } as const;
const ofEnterprise: TableMapping = { tenancy: { class: 'organization', column: 'enterprise_id' } };
const newKeyColumns = ['id', 'enterprise_id', 'name', 'permissions', 'active', 'key_hash', 'key_prefix', 'key_last4'];
const editableKeyColumns = ['name', 'permissions', 'active'];

/**
 * UBeU: enterprises beside people with decentralized identifiers. Which person belongs to which enterprise the database does not say, and
 * nobody is to guess it from email addresses: it is stated in `membership`, beside the host's tables.
 */
export const ubeu: SystemMapping = {
  name: 'ubeu',
  title: 'UBeU',
  schema: 'public',
  organization: { table: 'enterprise_accounts', id: 'id', name: 'organization_name' },
  tables: {
    enterprise_accounts: { tenancy: { class: 'root' } },
    membership: {
      ...ofEnterprise,
      sidecar: {
        columns: {
          user_id: 'UUID REFERENCES public.users (id) ON DELETE CASCADE',
          enterprise_id: 'UUID NOT NULL REFERENCES public.enterprise_accounts (id) ON DELETE CASCADE',
          stated_at: 'TIMESTAMPTZ NOT NULL DEFAULT now()',
        },
        key: ['user_id'],
        comment: 'Which enterprise a person belongs to. Stated by an administrator: UBeU itself does not say.',
      },
      indexes: [['enterprise_id']],
    },
    users: {
      tenancy: { class: 'path', column: 'id', parent: 'membership', parentKey: 'user_id' },
      rights: { admin: { update: ['email', 'status'] }, operator: { update: ['email', 'status'] } },
      restrictive: { status: ['deactivated', 'suspended'] },
      indexes: [['email', 'id'], ['status']],
    },
    did_documents: { tenancy: ofUser, indexes: [['user_id'], ['did_identifier']] },
    domains: { tenancy: ofUser, indexes: [['user_id'], ['expires_at']] },
    credentials: {
      tenancy: { class: 'path', column: 'subject_did', parent: 'did_documents', parentKey: 'did_identifier' },
      indexes: [['subject_did'], ['expires_at']],
    },
    enterprise_api_keys: {
      ...ofEnterprise,
      writeOnly: ['key_hash'],
      rights: {
        admin: { insert: newKeyColumns, update: editableKeyColumns },
        operator: { insert: newKeyColumns, update: editableKeyColumns },
      },
      groups: [['key_prefix', 'key_last4']],
      restrictive: { active: ['false'] },
      indexes: [['name'], ['active']],
    },
    key_lifetime: {
      tenancy: { class: 'path', column: 'key_id', parent: 'enterprise_api_keys', parentKey: 'id' },
      sidecar: {
        columns: {
          // No foreign key: the host empties and drops its table as if nobody else knew of it.
          key_id: 'UUID',
          expires_at: 'TIMESTAMPTZ',
          ended_at: 'TIMESTAMPTZ',
          rotated_from: 'UUID',
        },
        key: ['key_id'],
        comment:
          'When a key ends, and which one it came from. UBeU looks at neither: it accepts what has run out until latchkey.end_expired_keys() has revoked it.',
      },
      rights: {
        admin: { insert: ['key_id', 'expires_at', 'rotated_from'], update: ['expires_at'] },
        operator: { insert: ['key_id', 'expires_at', 'rotated_from'], update: ['expires_at'] },
      },
      earliest: ['expires_at'],
      indexes: [['expires_at'], ['rotated_from']],
    },
    transaction_logs: {
      ...ofEnterprise,
      window: { column: 'created_at', days: 180 },
      indexes: [['created_at', 'id']],
    },
  },
  // “Redis integration for frequently accessed data”, “Read Replicas”: the document names no time.
  hostDelay: {
    seconds: null,
    why: 'caches what it reads in Redis and reads from replicas, and nobody has said for how long',
  },
  people: {
    table: 'users',
    id: 'id',
    email: 'email',
    name: [],
    role: null,
    status: {
      column: 'status',
      words: { invited: ['pending'], active: ['active'], suspended: ['suspended'], deactivated: ['deactivated'] },
    },
    deletedAt: null,
    lastSeenAt: 'last_login_at',
    organization: null,
    createdAt: 'created_at',
    updatedAt: null,
    notErased:
      'copies what it overwrites in a person’s row into its own log (transaction_logs), beside their decentralized identifiers, and neither can be erased from outside',
    notCreated: 'makes people together with their decentralized identifier, which only its own application can',
  },
  keys: {
    table: 'enterprise_api_keys',
    id: 'id',
    organization: 'enterprise_id',
    owner: null,
    label: 'name',
    scopes: 'permissions',
    hash: 'key_hash',
    prefix: 'key_prefix',
    last4: 'key_last4',
    status: {
      column: 'active',
      words: { active: [true], retiring: [], suspended: [], compromised: [], revoked: [false], expired: [] },
    },
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    createdAt: 'created_at',
    rotatedFrom: null,
    beside: {
      table: 'key_lifetime',
      key: 'key_id',
      expiresAt: 'expires_at',
      endedAt: 'ended_at',
      rotatedFrom: 'rotated_from',
    },
    certificate: null,
    carriedOver: ['name', 'permissions'],
    secretPrefix: 'ubk_',
  },
  sessions: null,
  activity: null,
};
