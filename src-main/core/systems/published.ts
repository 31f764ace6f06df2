import { skyGenesis } from './sky-genesis.ts';
import type { KeyMapping, SystemMapping, TableMapping, Tenancy } from './system.ts';
import { trustcred } from './trustcred.ts';

/* Two databases as they are published, without what Latchkey's own migrations add: fewer columns, and so fewer features. */

function of(parent: string, column: string): { tenancy: Tenancy } {
  return { tenancy: { class: 'path', column, parent, parentKey: 'id' } };
}

const ofOrganization: TableMapping = { tenancy: { class: 'organization', column: 'organization_id' } };
const plainKeys = { prefix: null, last4: null, revokedAt: null, rotatedFrom: null } satisfies Partial<KeyMapping>;

/** Keys lie in the clear in `key_value`, so none is issued or rotated from a device before that is mended (`latchkey posture`). */
export const publishedSkyGenesis: SystemMapping = {
  ...skyGenesis,
  name: 'sky-genesis-published',
  title: 'Sky Genesis Enterprise (as published)',
  tables: {
    ...skyGenesis.tables,
    api_keys: {
      ...ofOrganization,
      secret: ['key_value', 'private_key', 'private_key_path', 'db_password_encrypted'],
      rights: {
        admin: { update: ['label', 'permissions', 'status', 'expires_at'] },
        operator: { update: ['label', 'permissions', 'status', 'expires_at'] },
      },
      groups: [['certificate_type', 'certificate_fingerprint', 'public_key']],
      restrictive: { status: ['compromised', 'revoked', 'suspended'] },
      earliest: ['expires_at'],
      indexes: [['label'], ['expires_at']],
    },
    api_access_log: { ...skyGenesis.tables.api_access_log, ...of('api_keys', 'api_key_id') },
    ai_inference_log: { ...skyGenesis.tables.ai_inference_log, ...of('users', 'user_id') },
    devices: { ...ofOrganization, secret: ['credentials_ref'] },
    device_commands: of('devices', 'device_id'),
    device_metrics: { ...of('devices', 'device_id'), window: { column: 'timestamp', days: 180 } },
    mac_identities: ofOrganization,
  },
  keys: {
    ...skyGenesis.keys!,
    ...plainKeys,
    hash: null,
    owner: null,
    carriedOver: ['label', 'permissions', 'key_type', 'quota_limit'],
  },
};

/** No account can be switched off by a column of its own, and keys have a switch and an end. */
export const publishedTrustcred: SystemMapping = {
  ...trustcred,
  name: 'trustcred-published',
  title: 'TrustCred (as published)',
  tables: {
    ...trustcred.tables,
    users: {
      ...ofOrganization,
      rights: { admin: { update: ['email', 'role'] }, operator: { update: ['email'] } },
      indexes: [['email', 'id'], ['role']],
    },
    api_keys: {
      ...ofOrganization,
      writeOnly: ['key_hash'],
      rights: {
        admin: {
          insert: ['id', 'organization_id', 'name', 'key_hash', 'permissions', 'active', 'expires_at'],
          update: ['name', 'permissions', 'active', 'expires_at'],
        },
        operator: {
          insert: ['id', 'organization_id', 'name', 'key_hash', 'permissions', 'active', 'expires_at'],
          update: ['name', 'permissions', 'active', 'expires_at'],
        },
      },
      restrictive: { active: ['false'] },
      earliest: ['expires_at'],
      indexes: [['name'], ['expires_at']],
    },
    key_lineage: {
      ...of('api_keys', 'key_id'),
      sidecar: {
        columns: { key_id: 'UUID', rotated_from: 'UUID NOT NULL' },
        key: ['key_id'],
        comment: 'Which key another one came from, by its rotation. TrustCred itself does not say.',
      },
      rights: {
        admin: { insert: ['key_id', 'rotated_from'] },
        operator: { insert: ['key_id', 'rotated_from'] },
      },
      indexes: [['rotated_from']],
    },
  },
  people: { ...trustcred.people, name: [], status: null },
  keys: {
    ...trustcred.keys!,
    ...plainKeys,
    owner: null,
    status: {
      column: 'active',
      words: { active: [true], retiring: [], suspended: [], compromised: [], revoked: [false], expired: [] },
    },
    beside: { table: 'key_lineage', key: 'key_id', expiresAt: null, endedAt: null, rotatedFrom: 'rotated_from' },
    carriedOver: ['name', 'permissions'],
  },
};
