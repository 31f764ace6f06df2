import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';

/** An organization's own rows, one by one, where a test needs to name them. */
export interface OrganizationRows {
  organization: string;
  user: string;
  session: string;
  schema: string;
  credential: string;
  template: string;
  webhook: string;
  model: string;
  workflow: string;
  directory: string;
  key: string;
}

/** Gives an organization of that name at least one row in every table that can have one. */
export async function insertOrganization(client: pg.Client, name: string): Promise<OrganizationRows> {
  const ids: OrganizationRows = {
    organization: randomUUID(),
    user: randomUUID(),
    session: randomUUID(),
    schema: randomUUID(),
    credential: randomUUID(),
    template: randomUUID(),
    webhook: randomUUID(),
    model: randomUUID(),
    workflow: randomUUID(),
    directory: randomUUID(),
    key: randomUUID(),
  };
  const { organization, user, session, schema, credential, template, webhook, model, workflow, directory } = ids;
  const digest = createHash('sha256').update(name).digest('hex');
  const json = JSON.stringify;
  const rows: [table: string, row: Record<string, unknown>][] = [
    ['organizations', { id: organization, name, type: 'educational', status: 'active', domain: `${name}.example` }],
    ['users', { id: user, organization_id: organization, email: `ada@${name}.example`, role: 'issuer' }],
    ['user_sessions', { id: session, user_id: user, session_token: `token of ${name}`, expires_at: '2100-01-01' }],
    ['api_keys', { id: ids.key, organization_id: organization, name: 'Registry', key_hash: digest, permissions: '[]' }],
    [
      'credential_schemas',
      { id: schema, organization_id: organization, name: 'Degree', version: '1', schema_definition: {}, fields: '[]' },
    ],
    [
      'credentials',
      {
        id: credential,
        blockchain_id: digest.slice(0, 40),
        schema_id: schema,
        issuer_id: organization,
        recipient_address: 'SP1',
        recipient_user_id: user,
        data_hash: digest,
      },
    ],
    [
      'verification_logs',
      { credential_id: credential, verification_result: { valid: true }, verification_method: 'api' },
    ],
    [
      'credential_templates',
      { id: template, name: 'Diploma', organization_id: organization, schema_id: schema, template_data: {} },
    ],
    ['notifications', { user_id: user, type: 'system_alert', title: 'Hello', message: 'Hello' }],
    ['audit_logs', { user_id: user, organization_id: organization, action: 'user.login', resource_type: 'session' }],
    ['credential_analytics', { organization_id: organization, date: '2026-03-01' }],
    ['template_reviews', { template_id: template, reviewer_id: user, rating: 5 }],
    ['multisig_requirements', { schema_id: schema, required_signatures: 2, approver_roles: '["admin"]' }],
    ['credential_approvals', { credential_id: credential, approver_id: user }],
    [
      'webhooks',
      {
        id: webhook,
        organization_id: organization,
        name: 'Hook',
        url: `https://${name}.example/hook`,
        events: '["credential.issued"]',
        secret_key: 'vault:secret/hook',
      },
    ],
    ['webhook_deliveries', { webhook_id: webhook, event_type: 'credential.issued', payload: {}, success: true }],
    ['notification_preferences', { user_id: user, notification_type: 'system_alert' }],
    ['sms_deliveries', { user_id: user, phone_number: '+33199000000', message: 'Hello' }],
    [
      'enhanced_audit_logs',
      {
        user_id: user,
        organization_id: organization,
        session_id: session,
        action: 'user.login',
        resource_type: 'session',
      },
    ],
    [
      'ldap_configurations',
      {
        id: directory,
        organization_id: organization,
        name: 'Directory',
        server_url: `ldaps://ldap.${name}.example`,
        base_dn: 'dc=example',
        bind_dn: 'cn=reader',
        bind_password_encrypted: Buffer.from('vault:secret/ldap'),
      },
    ],
    ['ldap_user_mappings', { ldap_config_id: directory, ldap_user_id: 'uid=ada', local_user_id: user }],
    ['erp_integrations', { organization_id: organization, erp_type: 'student records', name: 'Records' }],
    ['real_time_analytics', { organization_id: organization, metric_name: 'verifications', metric_value: 1 }],
    [
      'analytics_models',
      {
        id: model,
        organization_id: organization,
        model_name: 'fraud',
        model_type: 'classifier',
        model_version: '1',
        model_data: Buffer.from([1]),
      },
    ],
    ['model_predictions', { model_id: model, input_data: {}, prediction_result: {} }],
    ['organization_branding', { organization_id: organization, primary_color: '#003366' }],
    [
      'custom_credential_templates',
      { organization_id: organization, template_name: 'Gold', template_type: 'certificate', design_data: {} },
    ],
    [
      'custom_fields',
      { organization_id: organization, field_name: 'cohort', field_type: 'text', field_label: 'Cohort' },
    ],
    [
      'approval_workflows',
      {
        id: workflow,
        organization_id: organization,
        workflow_name: 'Two signatures',
        workflow_type: 'credential',
        steps: '[]',
      },
    ],
    ['workflow_instances', { workflow_id: workflow, resource_type: 'credential', resource_id: credential }],
  ];
  for (const [table, row] of rows) {
    const names = Object.keys(row).map((column) => `"${column}"`);
    const values = Object.values(row).map((value) =>
      typeof value === 'object' && !Buffer.isBuffer(value) ? json(value) : value,
    );
    const marks = values.map((_, index) => `$${index + 1}`);
    await client.query(`INSERT INTO public.${table} (${names}) VALUES (${marks})`, values);
  }
  return ids;
}
