import type { Capability, SystemMapping, TableMapping } from './system.ts';

const organizationColumn = { class: 'organization', column: 'organization_id' } as const;
const shared: TableMapping = { tenancy: { class: 'shared' } };

const ofMessage = { class: 'path', column: 'message_id', parent: 'messages', parentKey: 'id' } as const;
const ofConversation = { class: 'path', column: 'conversation_id', parent: 'conversations', parentKey: 'id' } as const;

const newKeyColumns = [
  'id',
  'organization_id',
  'key_hash',
  'key_prefix',
  'key_last4',
  'key_type',
  'label',
  'permissions',
  'quota_limit',
  'status',
  'expires_at',
  'rotated_from',
  'owner_id',
];
const editableKeyColumns = ['label', 'permissions', 'status', 'expires_at', 'revoked_at'];

/** What people write to each other is no matter for an auditor. */
const staff: Capability[] = ['admin', 'operator'];
const logDays = 180;

/** Sky Genesis Enterprise: schema `api_service`, one row of `organizations` per tenant. */
export const skyGenesis: SystemMapping = {
  name: 'sky-genesis',
  title: 'Sky Genesis Enterprise',
  schema: 'api_service',
  organization: { table: 'organizations', id: 'id', name: 'name' },
  tables: {
    organizations: { tenancy: { class: 'root' } },
    users: {
      tenancy: organizationColumn,
      // No password matches '!': central's login refuses the account until an invitation sets one.
      insertDefaults: { password_hash: '!' },
      rights: {
        admin: {
          insert: ['id', 'organization_id', 'email', 'full_name', 'role', 'status'],
          update: ['email', 'full_name', 'role', 'status'],
        },
        operator: {
          insert: ['id', 'organization_id', 'email', 'full_name', 'status'],
          update: ['email', 'full_name', 'status'],
        },
      },
      restrictive: { status: ['deactivated', 'inactive', 'locked', 'suspended'] },
      // With the id, by which equals are ordered: a page is then read off the index, however deep it lies.
      indexes: [['full_name', 'id'], ['email', 'id'], ['role', 'status'], ['status']],
    },
    user_sessions: {
      tenancy: { class: 'path', column: 'user_id', parent: 'users', parentKey: 'id' },
      secret: ['access_token', 'refresh_token'],
      rights: { admin: { update: ['expires_at'] }, operator: { update: ['expires_at'] } },
      earliest: ['expires_at'],
      indexes: [['user_id', 'created_at']],
    },
    api_keys: {
      tenancy: organizationColumn,
      secret: ['key_value', 'private_key', 'db_password_encrypted'],
      writeOnly: ['key_hash'],
      rights: {
        admin: { insert: newKeyColumns, update: editableKeyColumns },
        operator: { insert: newKeyColumns, update: editableKeyColumns },
      },
      groups: [
        ['key_prefix', 'key_last4'],
        ['certificate_type', 'certificate_fingerprint', 'public_key'],
      ],
      restrictive: { status: ['compromised', 'revoked', 'suspended'] },
      earliest: ['expires_at'],
      indexes: [['label'], ['expires_at'], ['rotated_from']],
    },
    api_routes: shared,
    api_access_log: {
      tenancy: organizationColumn,
      window: { column: 'timestamp', days: logDays },
      indexes: [['timestamp'], ['api_key_id', 'timestamp']],
    },
    infra_nodes: shared,
    service_registry: shared,
    data_sources: { tenancy: organizationColumn, secret: ['password_hash'] },
    ai_models: shared,
    ai_inference_log: {
      tenancy: organizationColumn,
      window: { column: 'created_at', days: logDays },
      indexes: [['created_at']],
    },
    audit_events: {
      tenancy: organizationColumn,
      window: { column: 'created_at', days: logDays },
      // With the id, by which events of one moment are ordered: a page is then read off the index, however deep it lies.
      indexes: [['created_at', 'id']],
      search: { words: ['event_type', 'event_data'], whole: ['actor_id', 'event_type'], newest: 'created_at' },
    },
    conversations: { tenancy: organizationColumn, readers: staff },
    conversation_participants: { tenancy: ofConversation, readers: staff, indexes: [['conversation_id']] },
    messages: { tenancy: ofConversation, readers: staff, indexes: [['conversation_id', 'created_at']] },
    message_attachments: { tenancy: ofMessage, readers: staff, indexes: [['message_id']] },
    message_reactions: { tenancy: ofMessage, readers: staff, indexes: [['message_id']] },
    message_reads: { tenancy: ofMessage, readers: staff, indexes: [['message_id']] },
  },
  people: {
    table: 'users',
    id: 'id',
    email: 'email',
    name: ['full_name'],
    role: {
      values: ['user', 'member', 'support', 'developer', 'auditor', 'operator', 'admin'],
      initial: 'user',
      administrators: ['admin'],
      held: { column: 'role' },
    },
    status: {
      column: 'status',
      words: {
        invited: ['invited'],
        active: ['active'],
        suspended: ['suspended', 'locked'],
        deactivated: ['deactivated', 'inactive'],
      },
    },
    deletedAt: null,
    lastSeenAt: null,
    organization: 'organization_id',
    createdAt: 'created_at',
    updatedAt: 'updated_at',
  },
  keys: {
    table: 'api_keys',
    id: 'id',
    organization: 'organization_id',
    owner: null,
    label: 'label',
    scopes: 'permissions',
    hash: 'key_hash',
    prefix: 'key_prefix',
    last4: 'key_last4',
    status: {
      column: 'status',
      words: {
        active: ['active'],
        retiring: ['retiring'],
        suspended: ['suspended'],
        compromised: ['compromised'],
        revoked: ['revoked'],
        expired: ['expired'],
      },
    },
    expiresAt: 'expires_at',
    revokedAt: 'revoked_at',
    lastUsedAt: 'last_used_at',
    createdAt: 'created_at',
    rotatedFrom: 'rotated_from',
    certificate: { type: 'certificate_type', fingerprint: 'certificate_fingerprint', publicKey: 'public_key' },
    carriedOver: ['label', 'permissions', 'key_type', 'quota_limit', 'owner_id'],
    secretPrefix: 'sgk_',
  },
  sessions: {
    table: 'user_sessions',
    id: 'id',
    person: 'user_id',
    address: 'ip_address',
    agent: 'user_agent',
    createdAt: 'created_at',
    expiresAt: 'expires_at',
  },
  activity: {
    table: 'audit_events',
    id: 'id',
    at: 'created_at',
    actor: 'actor_id',
    organization: 'organization_id',
    action: 'event_type',
    data: 'event_data',
    subject: null,
    before: null,
  },
};
