import type { SystemMapping, TableMapping } from './system.ts';

const database: TableMapping = { tenancy: { class: 'database' } };

/** Role-based access control over posts and resources: one organization has the whole database. It has no keys. */
export const rbac: SystemMapping = {
  name: 'rbac',
  title: 'RBAC',
  schema: 'public',
  organization: null,
  tables: {
    users: {
      ...database,
      // No password matches '!': the login refuses the account until its owner has set one.
      insertDefaults: { password_hash: '!' },
      rights: {
        admin: { insert: ['id', 'email', 'name', 'is_active'], update: ['email', 'name', 'phone', 'is_active'] },
        operator: { insert: ['id', 'email', 'name', 'is_active'], update: ['email', 'name', 'is_active'] },
      },
      restrictive: { is_active: ['false'] },
      indexes: [['name', 'id'], ['email', 'id'], ['is_active']],
    },
    roles: database,
    user_roles: {
      ...database,
      rights: { admin: { insert: ['user_id', 'role_id', 'assigned_by'], update: ['role_id'] } },
      indexes: [['role_id']],
    },
    permissions: database,
    role_permissions: { ...database, indexes: [['permission_id']] },
    sessions: {
      ...database,
      secret: ['token_hash'],
      rights: { admin: { update: ['expires_at'] }, operator: { update: ['expires_at'] } },
      earliest: ['expires_at'],
      indexes: [['user_id', 'created_at']],
    },
    posts: { ...database, indexes: [['user_id']] },
    comments: { ...database, indexes: [['post_id'], ['user_id']] },
    user_profiles: { ...database, indexes: [['user_id']] },
    resources: { ...database, indexes: [['user_id', 'status']] },
    audit_logs: {
      ...database,
      window: { column: 'created_at', days: 180 },
      indexes: [['created_at', 'id']],
      search: {
        words: ['action', 'entity_type', 'old_values', 'new_values'],
        whole: ['user_id', 'action'],
        newest: 'created_at',
      },
    },
  },
  people: {
    table: 'users',
    id: 'id',
    email: 'email',
    name: ['name'],
    role: {
      values: ['user', 'admin'],
      initial: 'user',
      administrators: ['admin'],
      held: {
        table: 'user_roles',
        person: 'user_id',
        role: 'role_id',
        roles: { table: 'roles', id: 'id', name: 'name' },
        id: null,
        givenBy: 'assigned_by',
      },
    },
    status: { column: 'is_active', words: { invited: [], active: [true], suspended: [], deactivated: [false] } },
    deletedAt: null,
    lastSeenAt: 'last_login',
    organization: null,
    createdAt: 'created_at',
    updatedAt: 'updated_at',
    erased: ['phone'],
  },
  keys: null,
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
    data: 'new_values',
    subject: { type: 'entity_type', id: 'entity_id' },
    before: 'old_values',
  },
};
