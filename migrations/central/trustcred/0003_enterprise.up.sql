-- TrustCred, phase 5, enterprise features: compliance, directories and ERP, prediction, branding and workflows.
-- Secrets of other systems are kept as vault references: what stands in BYTEA columns begins with 'vault:'.

CREATE TABLE public.enhanced_audit_logs (
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  user_id UUID REFERENCES public.users (id) ON DELETE SET NULL,
  organization_id UUID REFERENCES public.organizations (id) ON DELETE SET NULL,
  session_id UUID REFERENCES public.user_sessions (id) ON DELETE SET NULL,
  action VARCHAR(100) NOT NULL,
  resource_type VARCHAR(50) NOT NULL,
  resource_id VARCHAR(255),
  details JSONB,
  ip_address INET,
  user_agent TEXT,
  geolocation JSONB,
  risk_score INTEGER,
  compliance_tags JSONB,
  retention_until DATE,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at),
  CONSTRAINT enhanced_audit_logs_risk_score_range CHECK (risk_score BETWEEN 0 AND 100)
) PARTITION BY RANGE (created_at);

CREATE TABLE public.enhanced_audit_logs_default PARTITION OF public.enhanced_audit_logs DEFAULT;

CREATE INDEX enhanced_audit_logs_organization_idx
  ON public.enhanced_audit_logs (organization_id, created_at DESC);
CREATE INDEX enhanced_audit_logs_user_idx ON public.enhanced_audit_logs (user_id, created_at DESC);
CREATE INDEX enhanced_audit_logs_session_idx ON public.enhanced_audit_logs (session_id);
CREATE INDEX enhanced_audit_logs_action_idx ON public.enhanced_audit_logs (action, created_at DESC);
CREATE INDEX enhanced_audit_logs_resource_idx ON public.enhanced_audit_logs (resource_type, resource_id);
CREATE INDEX enhanced_audit_logs_risk_score_idx
  ON public.enhanced_audit_logs (organization_id, risk_score DESC, created_at DESC) WHERE risk_score >= 50;
CREATE INDEX enhanced_audit_logs_retention_until_idx ON public.enhanced_audit_logs (retention_until);
CREATE INDEX enhanced_audit_logs_created_at_idx ON public.enhanced_audit_logs USING brin (created_at);
CREATE INDEX enhanced_audit_logs_details_idx ON public.enhanced_audit_logs USING gin (details jsonb_path_ops);
CREATE INDEX enhanced_audit_logs_compliance_tags_idx
  ON public.enhanced_audit_logs USING gin (compliance_tags jsonb_path_ops);

COMMENT ON TABLE public.enhanced_audit_logs IS
  'Audit trail for compliance: with place, risk, and the rules that it serves. Partitioned by month.';
COMMENT ON COLUMN public.enhanced_audit_logs.risk_score IS '0 (none) to 100.';
COMMENT ON COLUMN public.enhanced_audit_logs.retention_until IS
  'Must be kept up to and including this day; from the organization''s retention policy where the writer says nothing.';

CREATE TABLE public.retention_policies (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  data_type VARCHAR(100) NOT NULL,
  retention_period_days INTEGER NOT NULL,
  retention_reason VARCHAR(255),
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT retention_policies_organization_data_type_key UNIQUE (organization_id, data_type),
  CONSTRAINT retention_policies_period_positive CHECK (retention_period_days > 0)
);

CREATE INDEX retention_policies_data_type_idx ON public.retention_policies (data_type) WHERE active;

COMMENT ON TABLE public.retention_policies IS
  'How long an organization keeps what. New organizations get the platform''s periods, and may change them.';
COMMENT ON COLUMN public.retention_policies.data_type IS 'Name of the table that the period holds for.';

CREATE TABLE public.ldap_configurations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  name VARCHAR(255) NOT NULL,
  server_url VARCHAR(500) NOT NULL,
  base_dn VARCHAR(500) NOT NULL,
  bind_dn VARCHAR(500) NOT NULL,
  bind_password_encrypted BYTEA NOT NULL,
  user_search_filter VARCHAR(500),
  group_search_filter VARCHAR(500),
  sync_enabled BOOLEAN DEFAULT true,
  sync_interval_minutes INTEGER DEFAULT 60,
  last_sync_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT ldap_configurations_server_url_scheme CHECK (server_url ~ '^ldaps?://'),
  CONSTRAINT ldap_configurations_sync_interval_positive CHECK (sync_interval_minutes > 0),
  CONSTRAINT ldap_configurations_bind_password_reference
    CHECK (substring(bind_password_encrypted FROM 1 FOR 6) = 'vault:'::BYTEA)
);

CREATE INDEX ldap_configurations_organization_idx ON public.ldap_configurations (organization_id);
CREATE INDEX ldap_configurations_due_idx ON public.ldap_configurations (last_sync_at) WHERE sync_enabled;

COMMENT ON TABLE public.ldap_configurations IS 'Directories (LDAP, Active Directory) that an organization connects.';
COMMENT ON COLUMN public.ldap_configurations.bind_password_encrypted IS
  'Secret: a vault reference (''vault:...'') of the bind password; never the password itself.';

CREATE TABLE public.ldap_user_mappings (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  ldap_config_id UUID NOT NULL REFERENCES public.ldap_configurations (id) ON DELETE CASCADE,
  ldap_user_id VARCHAR(255) NOT NULL,
  local_user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  ldap_groups JSONB,
  last_sync_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT ldap_user_mappings_config_user_key UNIQUE (ldap_config_id, ldap_user_id)
);

CREATE INDEX ldap_user_mappings_local_user_idx ON public.ldap_user_mappings (local_user_id);
CREATE INDEX ldap_user_mappings_ldap_groups_idx
  ON public.ldap_user_mappings USING gin (ldap_groups jsonb_path_ops);

COMMENT ON TABLE public.ldap_user_mappings IS 'Which account is which person of the directory.';

CREATE TABLE public.erp_integrations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  erp_type VARCHAR(100) NOT NULL,
  name VARCHAR(255) NOT NULL,
  api_endpoint VARCHAR(500),
  api_key_encrypted BYTEA,
  api_secret_encrypted BYTEA,
  webhook_url VARCHAR(500),
  sync_enabled BOOLEAN DEFAULT true,
  sync_direction VARCHAR(20) DEFAULT 'bidirectional',
  last_sync_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT erp_integrations_sync_direction_known
    CHECK (sync_direction IN ('inbound', 'outbound', 'bidirectional')),
  CONSTRAINT erp_integrations_api_key_reference
    CHECK (substring(api_key_encrypted FROM 1 FOR 6) = 'vault:'::BYTEA),
  CONSTRAINT erp_integrations_api_secret_reference
    CHECK (substring(api_secret_encrypted FROM 1 FOR 6) = 'vault:'::BYTEA)
);

CREATE INDEX erp_integrations_organization_idx ON public.erp_integrations (organization_id, erp_type);
CREATE INDEX erp_integrations_due_idx ON public.erp_integrations (last_sync_at) WHERE sync_enabled;

COMMENT ON TABLE public.erp_integrations IS 'ERP systems that an organization connects.';
COMMENT ON COLUMN public.erp_integrations.api_key_encrypted IS
  'Secret: a vault reference (''vault:...'') of the API key; never the key itself.';
COMMENT ON COLUMN public.erp_integrations.api_secret_encrypted IS
  'Secret: a vault reference (''vault:...'') of the API secret; never the secret itself.';

CREATE TABLE public.real_time_analytics (
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  metric_name VARCHAR(100) NOT NULL,
  metric_value DECIMAL(15, 2) NOT NULL,
  metric_unit VARCHAR(50),
  dimension_key VARCHAR(100),
  dimension_value VARCHAR(255),
  "timestamp" TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (id, "timestamp"),
  CONSTRAINT real_time_analytics_measurement_key
    UNIQUE (organization_id, metric_name, dimension_key, dimension_value, "timestamp")
) PARTITION BY RANGE ("timestamp");

CREATE TABLE public.real_time_analytics_default PARTITION OF public.real_time_analytics DEFAULT;

CREATE INDEX real_time_analytics_organization_metric_idx
  ON public.real_time_analytics (organization_id, metric_name, "timestamp" DESC);
CREATE INDEX real_time_analytics_organization_idx
  ON public.real_time_analytics (organization_id, "timestamp" DESC);
CREATE INDEX real_time_analytics_timestamp_idx ON public.real_time_analytics USING brin ("timestamp");

COMMENT ON TABLE public.real_time_analytics IS
  'Measurements for dashboards, in total or along one dimension. Partitioned by month.';

CREATE TABLE public.analytics_models (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  model_name VARCHAR(255) NOT NULL,
  model_type VARCHAR(100) NOT NULL,
  model_version VARCHAR(50) NOT NULL,
  model_data BYTEA NOT NULL,
  accuracy_score DECIMAL(5, 4),
  training_data_size INTEGER,
  last_trained_at TIMESTAMPTZ,
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT analytics_models_accuracy_score_range CHECK (accuracy_score BETWEEN 0 AND 1),
  CONSTRAINT analytics_models_training_data_size_positive CHECK (training_data_size >= 0)
);

CREATE INDEX analytics_models_organization_idx ON public.analytics_models (organization_id, active);
CREATE INDEX analytics_models_name_version_idx
  ON public.analytics_models (organization_id, model_name, model_version);

COMMENT ON TABLE public.analytics_models IS 'Trained models of an organization, each version a row of its own.';
COMMENT ON COLUMN public.analytics_models.model_data IS
  'The trained model. It may remember what it was trained on, so it stays in this database.';
COMMENT ON COLUMN public.analytics_models.accuracy_score IS 'Share of right answers, 0 to 1.';

CREATE TABLE public.model_predictions (
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  model_id UUID NOT NULL REFERENCES public.analytics_models (id) ON DELETE CASCADE,
  input_data JSONB NOT NULL,
  prediction_result JSONB NOT NULL,
  confidence_score DECIMAL(5, 4),
  prediction_timestamp TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- Not in the documentation's table; see verification_logs.
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  PRIMARY KEY (id, prediction_timestamp),
  CONSTRAINT model_predictions_confidence_score_range CHECK (confidence_score BETWEEN 0 AND 1)
) PARTITION BY RANGE (prediction_timestamp);

CREATE TABLE public.model_predictions_default PARTITION OF public.model_predictions DEFAULT;

CREATE INDEX model_predictions_organization_idx
  ON public.model_predictions (organization_id, prediction_timestamp DESC);
CREATE INDEX model_predictions_model_idx ON public.model_predictions (model_id, prediction_timestamp DESC);
CREATE INDEX model_predictions_prediction_timestamp_idx
  ON public.model_predictions USING brin (prediction_timestamp);
CREATE INDEX model_predictions_prediction_result_idx
  ON public.model_predictions USING gin (prediction_result jsonb_path_ops);

COMMENT ON TABLE public.model_predictions IS 'What a model was asked and what it answered. Partitioned by month.';
COMMENT ON COLUMN public.model_predictions.confidence_score IS 'How sure the model was, 0 to 1.';
COMMENT ON COLUMN public.model_predictions.organization_id IS 'The model''s organization, filled in where missing.';

CREATE FUNCTION public.fill_prediction_organization() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.organization_id := (SELECT m.organization_id FROM public.analytics_models AS m WHERE m.id = NEW.model_id);
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.fill_prediction_organization() IS
  'Names the tenant of a prediction for hosts that do not: the model''s organization.';

CREATE TRIGGER fill_prediction_organization
  BEFORE INSERT ON public.model_predictions
  FOR EACH ROW
  WHEN (NEW.organization_id IS NULL)
  EXECUTE FUNCTION public.fill_prediction_organization();

CREATE TABLE public.organization_branding (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  logo_url VARCHAR(500),
  primary_color VARCHAR(7),
  secondary_color VARCHAR(7),
  accent_color VARCHAR(7),
  custom_css TEXT,
  custom_js TEXT,
  favicon_url VARCHAR(500),
  custom_domain VARCHAR(255),
  ssl_certificate BYTEA,
  ssl_private_key BYTEA,
  created_at TIMESTAMPTZ DEFAULT now(),
  updated_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT organization_branding_colors_format CHECK (
    primary_color ~ '^#[0-9A-Fa-f]{6}$'
    AND secondary_color ~ '^#[0-9A-Fa-f]{6}$'
    AND accent_color ~ '^#[0-9A-Fa-f]{6}$'
  ),
  CONSTRAINT organization_branding_ssl_private_key_reference
    CHECK (substring(ssl_private_key FROM 1 FOR 6) = 'vault:'::BYTEA)
);

CREATE INDEX organization_branding_organization_idx ON public.organization_branding (organization_id);
-- A domain leads to one organization.
CREATE UNIQUE INDEX organization_branding_custom_domain_idx
  ON public.organization_branding (lower(custom_domain));

COMMENT ON TABLE public.organization_branding IS 'How an organization''s pages look, and the domain they are served at.';
COMMENT ON COLUMN public.organization_branding.custom_js IS 'Runs in the browsers of everybody who visits the pages.';
COMMENT ON COLUMN public.organization_branding.ssl_private_key IS
  'Secret: a vault reference (''vault:...'') of the private key; never the key itself.';

CREATE TABLE public.custom_credential_templates (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  template_name VARCHAR(255) NOT NULL,
  template_type VARCHAR(100) NOT NULL,
  design_data JSONB NOT NULL,
  preview_image_url VARCHAR(500),
  is_active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  updated_at TIMESTAMPTZ DEFAULT now()
);

CREATE INDEX custom_credential_templates_organization_idx
  ON public.custom_credential_templates (organization_id, is_active, template_type);
CREATE INDEX custom_credential_templates_created_at_idx ON public.custom_credential_templates (created_at);
CREATE INDEX custom_credential_templates_text_idx
  ON public.custom_credential_templates USING gin (to_tsvector('simple', template_name));

COMMENT ON TABLE public.custom_credential_templates IS 'Designs that an organization has made for its credentials.';

CREATE TABLE public.custom_fields (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  field_name VARCHAR(255) NOT NULL,
  field_type VARCHAR(50) NOT NULL,
  field_label VARCHAR(255) NOT NULL,
  field_description TEXT,
  validation_rules JSONB,
  options JSONB,
  is_required BOOLEAN DEFAULT false,
  is_active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now()
);

CREATE INDEX custom_fields_organization_idx ON public.custom_fields (organization_id, is_active, field_name);

COMMENT ON TABLE public.custom_fields IS 'Fields that an organization adds to its credentials.';

CREATE TABLE public.approval_workflows (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  workflow_name VARCHAR(255) NOT NULL,
  workflow_type VARCHAR(100) NOT NULL,
  steps JSONB NOT NULL,
  auto_approve_threshold INTEGER,
  escalation_enabled BOOLEAN DEFAULT false,
  escalation_timeout_hours INTEGER DEFAULT 24,
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT approval_workflows_steps_array CHECK (jsonb_typeof(steps) = 'array'),
  CONSTRAINT approval_workflows_escalation_timeout_positive CHECK (escalation_timeout_hours > 0)
);

CREATE INDEX approval_workflows_organization_idx
  ON public.approval_workflows (organization_id, workflow_type, active);
CREATE INDEX approval_workflows_steps_idx ON public.approval_workflows USING gin (steps jsonb_path_ops);

COMMENT ON TABLE public.approval_workflows IS 'Which steps an approval takes in an organization.';

CREATE TABLE public.workflow_instances (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  workflow_id UUID NOT NULL REFERENCES public.approval_workflows (id) ON DELETE CASCADE,
  resource_type VARCHAR(50) NOT NULL,
  resource_id VARCHAR(255) NOT NULL,
  current_step INTEGER DEFAULT 0,
  status VARCHAR(20) NOT NULL DEFAULT 'in_progress',
  started_at TIMESTAMPTZ DEFAULT now(),
  completed_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT workflow_instances_status_known
    CHECK (status IN ('in_progress', 'approved', 'rejected', 'cancelled')),
  CONSTRAINT workflow_instances_current_step_positive CHECK (current_step >= 0)
);

CREATE INDEX workflow_instances_workflow_idx ON public.workflow_instances (workflow_id, status);
CREATE INDEX workflow_instances_resource_idx ON public.workflow_instances (resource_type, resource_id);
-- What waits for somebody, longest first.
CREATE INDEX workflow_instances_open_idx ON public.workflow_instances (started_at) WHERE status = 'in_progress';
CREATE INDEX workflow_instances_created_at_idx ON public.workflow_instances (created_at);

COMMENT ON TABLE public.workflow_instances IS 'Approvals under way and done, each on one resource.';

CREATE FUNCTION public.ensure_log_partitions(months_back INTEGER, months_ahead INTEGER) RETURNS INTEGER
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT sum(public.ensure_monthly_partitions(log.parent, log.date_column, months_back, months_ahead))::INTEGER
  FROM (VALUES
    ('verification_logs', 'verified_at'),
    ('audit_logs', 'created_at'),
    ('webhook_deliveries', 'created_at'),
    ('sms_deliveries', 'created_at'),
    ('enhanced_audit_logs', 'created_at'),
    ('real_time_analytics', 'timestamp'),
    ('model_predictions', 'prediction_timestamp')
  ) AS log (parent, date_column);
$$;

COMMENT ON FUNCTION public.ensure_log_partitions(INTEGER, INTEGER) IS
  'Creates the missing monthly partitions of all logs; returns how many. Run it monthly, as the owner.';

REVOKE EXECUTE ON FUNCTION public.ensure_log_partitions(INTEGER, INTEGER) FROM PUBLIC;

SELECT public.ensure_log_partitions(1, 3);
