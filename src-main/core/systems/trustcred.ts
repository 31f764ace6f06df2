import type { Capability, SystemMapping, TableMapping, Tenancy } from './system.ts';

const organization: TableMapping = { tenancy: { class: 'organization', column: 'organization_id' } };
const issuer: TableMapping = { tenancy: { class: 'organization', column: 'issuer_id' } };
const logDays = 180;

/** Rows of a parent's organization; the column is indexed by itself. */
function of(parent: string, column: string): { tenancy: Tenancy } {
  return { tenancy: { class: 'path', column, parent, parentKey: 'id' } };
}

function log(mapping: TableMapping, column: string, indexes: string[][] = [[column]]): TableMapping {
  return { ...mapping, window: { column, days: logDays }, indexes };
}

/** How a directory or another system is reached is no matter for an auditor. */
const staff: Capability[] = ['admin', 'operator'];
const newKeyColumns = [
  'id',
  'organization_id',
  'name',
  'key_hash',
  'key_prefix',
  'key_last4',
  'permissions',
  'status',
  'expires_at',
  'rotated_from',
  'owner_id',
];
const editableKeyColumns = ['name', 'permissions', 'status', 'expires_at', 'revoked_at'];

/** TrustCred, with accounts and keys that have a life cycle: as Latchkey's own migrations make it. */
export const trustcred: SystemMapping = {
  name: 'trustcred',
  title: 'TrustCred',
  schema: 'public',
  organization: { table: 'organizations', id: 'id', name: 'name' },
  tables: {
    organizations: { tenancy: { class: 'root' } },
    users: {
      ...organization,
      secret: ['password_hash'],
      rights: {
        admin: {
          insert: ['id', 'organization_id', 'email', 'full_name', 'role', 'status'],
          update: ['email', 'full_name', 'role', 'status'],
        },
        operator: { update: ['email', 'full_name', 'status'] },
      },
      restrictive: { status: ['deactivated', 'suspended'] },
      indexes: [['full_name', 'id'], ['email', 'id'], ['role', 'status'], ['status']],
    },
    credential_schemas: organization,
    credentials: { ...issuer, secret: ['encrypted_data'], indexes: [['schema_id'], ['status', 'expires_at']] },
    verification_logs: log(of('credentials', 'credential_id'), 'verified_at'),
    issuer_categories: issuer,
    credential_templates: organization,
    user_sessions: {
      ...of('users', 'user_id'),
      secret: ['session_token'],
      rights: { admin: { update: ['expires_at'] }, operator: { update: ['expires_at'] } },
      earliest: ['expires_at'],
      indexes: [['user_id', 'created_at']],
    },
    api_keys: {
      ...organization,
      writeOnly: ['key_hash'],
      rights: {
        admin: { insert: newKeyColumns, update: editableKeyColumns },
        operator: { insert: newKeyColumns, update: editableKeyColumns },
      },
      groups: [['key_prefix', 'key_last4']],
      restrictive: { status: ['compromised', 'revoked', 'suspended'] },
      earliest: ['expires_at'],
      indexes: [['name'], ['expires_at'], ['rotated_from']],
    },
    notifications: { ...of('users', 'user_id'), readers: staff },
    audit_logs: {
      ...log(organization, 'created_at', [['created_at', 'id']]),
      search: {
        words: ['action', 'resource_type', 'resource_id', 'details'],
        whole: ['user_id', 'action'],
        newest: 'created_at',
      },
    },
    credential_analytics: organization,
    template_categories: { tenancy: { class: 'shared' } },
    template_reviews: of('credential_templates', 'template_id'),
    multisig_requirements: of('credential_schemas', 'schema_id'),
    credential_approvals: of('credentials', 'credential_id'),
    webhooks: { ...organization, secret: ['secret_key'], readers: staff },
    webhook_deliveries: { ...log(of('webhooks', 'webhook_id'), 'created_at'), readers: staff },
    notification_preferences: { ...of('users', 'user_id'), readers: staff },
    sms_deliveries: { ...log(of('users', 'user_id'), 'created_at'), readers: staff },
    enhanced_audit_logs: log(organization, 'created_at'),
    retention_policies: organization,
    ldap_configurations: { ...organization, secret: ['bind_password_encrypted'], readers: staff },
    ldap_user_mappings: { ...of('ldap_configurations', 'ldap_config_id'), readers: staff },
    erp_integrations: { ...organization, secret: ['api_key_encrypted', 'api_secret_encrypted'], readers: staff },
    real_time_analytics: log(organization, 'timestamp'),
    analytics_models: organization,
    model_predictions: log(of('analytics_models', 'model_id'), 'prediction_timestamp'),
    organization_branding: { ...organization, secret: ['ssl_private_key'] },
    custom_credential_templates: organization,
    custom_fields: organization,
    approval_workflows: organization,
    workflow_instances: of('approval_workflows', 'workflow_id'),
  },
  people: {
    table: 'users',
    id: 'id',
    email: 'email',
    name: ['full_name'],
    role: {
      values: ['recipient', 'verifier', 'issuer', 'admin', 'super_admin'],
      initial: 'recipient',
      administrators: ['admin', 'super_admin'],
      held: { column: 'role' },
    },
    status: {
      column: 'status',
      words: { invited: ['invited'], active: ['active'], suspended: ['suspended'], deactivated: ['deactivated'] },
    },
    deletedAt: null,
    lastSeenAt: 'last_login',
    organization: 'organization_id',
    createdAt: 'created_at',
    updatedAt: 'updated_at',
  },
  keys: {
    table: 'api_keys',
    id: 'id',
    organization: 'organization_id',
    owner: 'owner_id',
    label: 'name',
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
    lastUsedAt: 'last_used',
    createdAt: 'created_at',
    rotatedFrom: 'rotated_from',
    certificate: null,
    carriedOver: ['name', 'permissions', 'owner_id'],
    secretPrefix: 'tck_',
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
    table: 'audit_logs',
    id: 'id',
    at: 'created_at',
    actor: 'user_id',
    organization: 'organization_id',
    action: 'action',
    data: 'details',
    subject: { type: 'resource_type', id: 'resource_id' },
    before: null,
  },
};
