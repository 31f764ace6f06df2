import type { SystemMapping, TableMapping } from './system.ts';

const database: TableMapping = { tenancy: { class: 'database' } };
const keyColumns = ['name', 'description', 'is_active', 'expires_at'];
const newKeyColumns = ['id', 'user_id', 'key_hash', 'key_prefix', 'key_last4', 'rotated_from', ...keyColumns];

/** SmartHub: one organization has the whole database. */
export const smarthub: SystemMapping = {
  name: 'smarthub',
  title: 'SmartHub',
  schema: 'public',
  organization: null,
  tables: {
    users: {
      ...database,
      // No password matches '!': SmartHub's login refuses the account until its owner has set one.
      insertDefaults: { password_hash: '!' },
      rights: {
        admin: {
          insert: ['id', 'email', 'username', 'first_name', 'last_name', 'is_active'],
          update: ['email', 'username', 'first_name', 'last_name', 'avatar_url', 'is_active'],
        },
        operator: {
          insert: ['id', 'email', 'username', 'first_name', 'last_name', 'is_active'],
          update: ['email', 'first_name', 'last_name', 'is_active'],
        },
      },
      restrictive: { is_active: ['false'] },
      indexes: [['email', 'id'], ['is_active']],
    },
    roles: database,
    user_roles: {
      ...database,
      rights: { admin: { insert: ['id', 'user_id', 'role_id', 'assigned_by'], update: ['role_id'] } },
      indexes: [['user_id'], ['role_id']],
    },
    api_keys: {
      ...database,
      writeOnly: ['key_hash'],
      rights: {
        admin: { insert: newKeyColumns, update: [...keyColumns, 'revoked_at'] },
        operator: { insert: newKeyColumns, update: [...keyColumns, 'revoked_at'] },
      },
      groups: [['key_prefix', 'key_last4']],
      restrictive: { is_active: ['false'] },
      earliest: ['expires_at'],
      indexes: [['name'], ['expires_at'], ['rotated_from'], ['user_id']],
    },
    sessions: {
      ...database,
      secret: ['token_hash'],
      rights: { admin: { update: ['expires_at'] }, operator: { update: ['expires_at'] } },
      earliest: ['expires_at'],
      indexes: [['user_id', 'created_at']],
    },
    entities: { ...database, indexes: [['entity_type', 'status'], ['owner_id']] },
    audit_logs: {
      ...database,
      window: { column: 'created_at', days: 180 },
      indexes: [['created_at', 'id']],
      search: { words: ['action', 'entity_type', 'changes'], whole: ['user_id', 'action'], newest: 'created_at' },
    },
  },
  people: {
    table: 'users',
    id: 'id',
    email: 'email',
    name: ['first_name', 'last_name'],
    role: {
      values: ['viewer', 'user', 'moderator', 'admin'],
      initial: 'user',
      administrators: ['admin'],
      held: {
        table: 'user_roles',
        person: 'user_id',
        role: 'role_id',
        roles: { table: 'roles', id: 'id', name: 'name' },
        id: 'id',
        givenBy: 'assigned_by',
      },
    },
    status: { column: 'is_active', words: { invited: [], active: [true], suspended: [], deactivated: [false] } },
    deletedAt: 'deleted_at',
    lastSeenAt: 'last_login_at',
    organization: null,
    createdAt: 'created_at',
    updatedAt: 'updated_at',
    derived: { username: { from: 'login' } },
    erased: ['avatar_url'],
  },
  keys: {
    table: 'api_keys',
    id: 'id',
    organization: null,
    owner: 'user_id',
    label: 'name',
    scopes: null,
    hash: 'key_hash',
    prefix: 'key_prefix',
    last4: 'key_last4',
    status: {
      column: 'is_active',
      words: { active: [true], retiring: [], suspended: [], compromised: [], revoked: [false], expired: [] },
    },
    expiresAt: 'expires_at',
    revokedAt: 'revoked_at',
    lastUsedAt: 'last_used_at',
    createdAt: 'created_at',
    rotatedFrom: 'rotated_from',
    certificate: null,
    carriedOver: ['name', 'description', 'user_id'],
    secretPrefix: 'shk_',
  },
  sessions: {
    table: 'sessions',
    id: 'id',
    person: 'user_id',
    address: 'ip_address',
    agent: 'user_agent',
    createdAt: 'created_at',
    expiresAt: 'expires_at',
  },
  activity: {
    table: 'audit_logs',
    id: 'id',
    at: 'created_at',
    actor: 'user_id',
    organization: null,
    action: 'action',
    data: 'changes',
    subject: { type: 'entity_type', id: 'entity_id' },
    before: 'changes',
  },
};
