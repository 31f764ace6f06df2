-- Isolation: the application and analytics see one organization at a time, whatever their queries forget to filter.
--
-- The host's own login is made a member of trustcred_app, a reader of figures one of trustcred_analytics, and says whom
-- it works for:
--     SELECT set_config('trustcred.organization_id', '<uuid>', true);
-- Unset means no rows. Row-level security is enabled, never forced: the owner's dumps, migrations and maintenance see
-- everything. Rights are on the partitioned parents alone, so that no partition is a way around a policy.
--
-- Evidence is not deleted by the application: people are deactivated, sessions ended, keys and credentials revoked,
-- schemas and workflows taken out of use. Deleting them would also take log rows along, or take names out of them.

-- Roles belong to the cluster, and another database of it may create or drop these at the same moment. The first grant
-- pins a role until this transaction ends, so both are tried until they hold together.
DO $$
DECLARE
  wanted TEXT;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['trustcred_app', 'trustcred_analytics'] LOOP
    LOOP
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN
          NULL;
        WHEN insufficient_privilege THEN
          IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            RAISE EXCEPTION 'role % is missing and this login may not create roles', wanted
              USING ERRCODE = 'insufficient_privilege',
                HINT = format('Ask a database administrator for: CREATE ROLE %I NOLOGIN;', wanted);
          END IF;
      END;
      BEGIN
        EXECUTE format('GRANT SELECT ON public.template_categories TO %I', wanted);
        EXIT;
      EXCEPTION
        WHEN undefined_object THEN
          NULL;
      END;
    END LOOP;
  END LOOP;
END;
$$;

GRANT USAGE ON SCHEMA public TO trustcred_app, trustcred_analytics;

CREATE FUNCTION public.current_organization_id() RETURNS UUID
LANGUAGE sql
STABLE PARALLEL SAFE
AS $$
  SELECT NULLIF(pg_catalog.current_setting('trustcred.organization_id', true), '')::UUID;
$$;

COMMENT ON FUNCTION public.current_organization_id() IS
  'The organization that this session works for; NULL, and so no rows, when it has not said.';

GRANT EXECUTE ON FUNCTION public.sign_in_account(TEXT) TO trustcred_app;
GRANT EXECUTE ON FUNCTION public.authenticate_session(TEXT, TIMESTAMPTZ) TO trustcred_app;
GRANT EXECUTE ON FUNCTION public.authenticate_api_key(TEXT, TIMESTAMPTZ) TO trustcred_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
  public.issuer_categories,
  public.credential_templates,
  public.notifications,
  public.template_reviews,
  public.multisig_requirements,
  public.webhooks,
  public.notification_preferences,
  public.ldap_configurations,
  public.ldap_user_mappings,
  public.erp_integrations,
  public.organization_branding,
  public.custom_credential_templates,
  public.custom_fields
TO trustcred_app;

GRANT SELECT, INSERT, UPDATE ON
  public.users,
  public.user_sessions,
  public.credential_schemas,
  public.credentials,
  public.api_keys,
  public.credential_analytics,
  public.credential_approvals,
  public.sms_deliveries,
  public.retention_policies,
  public.analytics_models,
  public.approval_workflows,
  public.workflow_instances
TO trustcred_app;

-- Whether an issuer is verified, and in force, is for the platform to say.
GRANT SELECT, UPDATE (name, domain, stacks_address, metadata_uri, updated_at)
  ON public.organizations TO trustcred_app;

-- Logs are written and read, never changed.
GRANT SELECT, INSERT ON
  public.verification_logs,
  public.audit_logs,
  public.webhook_deliveries,
  public.enhanced_audit_logs,
  public.real_time_analytics,
  public.model_predictions
TO trustcred_app;

-- For analytics: figures and what they are counted over. No secret, no content of a credential, and no person's name,
-- address or message.
GRANT SELECT ON
  public.organizations,
  public.issuer_categories,
  public.credential_schemas,
  public.credential_templates,
  public.credential_analytics,
  public.template_reviews,
  public.multisig_requirements,
  public.retention_policies,
  public.real_time_analytics,
  public.custom_credential_templates,
  public.custom_fields,
  public.approval_workflows,
  public.workflow_instances
TO trustcred_analytics;

GRANT SELECT (id, organization_id, role, status, email_verified, mfa_enabled, last_login, created_at, updated_at)
  ON public.users TO trustcred_analytics;
GRANT SELECT (id, user_id, expires_at, revoked_at, created_at) ON public.user_sessions TO trustcred_analytics;
GRANT SELECT (
  id, blockchain_id, schema_id, issuer_id, data_hash, status, issued_at, expires_at, revoked_at, created_at, updated_at
) ON public.credentials TO trustcred_analytics;
GRANT SELECT (
  id, organization_id, name, permissions, active, status, last_used, expires_at, revoked_at, rotated_from, created_at
) ON public.api_keys TO trustcred_analytics;
GRANT SELECT (id, organization_id, credential_id, verification_result, verification_method, verified_at)
  ON public.verification_logs TO trustcred_analytics;
GRANT SELECT (id, organization_id, action, resource_type, resource_id, created_at)
  ON public.audit_logs TO trustcred_analytics;
GRANT SELECT (
  id, organization_id, action, resource_type, resource_id, risk_score, compliance_tags, retention_until, created_at
) ON public.enhanced_audit_logs TO trustcred_analytics;
GRANT SELECT (id, credential_id, approval_status, approved_at, created_at)
  ON public.credential_approvals TO trustcred_analytics;
GRANT SELECT (id, user_id, type, read_at, sent_at) ON public.notifications TO trustcred_analytics;
GRANT SELECT ON public.notification_preferences TO trustcred_analytics;
GRANT SELECT (id, organization_id, name, events, active, retry_count, last_triggered, created_at)
  ON public.webhooks TO trustcred_analytics;
GRANT SELECT (
  id, organization_id, webhook_id, event_type, response_status, delivery_time_ms, success, created_at
) ON public.webhook_deliveries TO trustcred_analytics;
GRANT SELECT (id, organization_id, user_id, status, provider, sent_at, delivered_at, created_at)
  ON public.sms_deliveries TO trustcred_analytics;
GRANT SELECT (
  id, organization_id, model_name, model_type, model_version, accuracy_score, training_data_size, last_trained_at,
  active, created_at
) ON public.analytics_models TO trustcred_analytics;
GRANT SELECT (id, organization_id, model_id, prediction_result, confidence_score, prediction_timestamp)
  ON public.model_predictions TO trustcred_analytics;

ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.credential_schemas ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.verification_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.issuer_categories ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.credential_templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.user_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.notifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.credential_analytics ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.template_categories ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.template_reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.multisig_requirements ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.credential_approvals ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.notification_preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sms_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.enhanced_audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.retention_policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.ldap_configurations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.ldap_user_mappings ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.erp_integrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.real_time_analytics ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.analytics_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.model_predictions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.organization_branding ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.custom_credential_templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.custom_fields ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.approval_workflows ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.workflow_instances ENABLE ROW LEVEL SECURITY;

-- The sub-select makes PostgreSQL read the setting once per query and not once per row.

CREATE POLICY own_organization ON public.organizations TO trustcred_app, trustcred_analytics
  USING (id = (SELECT public.current_organization_id()));

-- Nobody makes platform staff out of an organization's people.
CREATE POLICY own_organization ON public.users TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()))
  WITH CHECK (organization_id = (SELECT public.current_organization_id()) AND role <> 'super_admin');

CREATE POLICY own_organization ON public.credential_schemas TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.credentials TO trustcred_app, trustcred_analytics
  USING (issuer_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.issuer_categories TO trustcred_app, trustcred_analytics
  USING (issuer_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.credential_templates TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

-- What its owner has made public is there for everybody to read: the marketplace.
CREATE POLICY marketplace ON public.credential_templates FOR SELECT TO trustcred_app, trustcred_analytics
  USING (is_public AND active);

CREATE POLICY own_organization ON public.api_keys TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.audit_logs TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

-- A sign-in that failed for an unknown address belongs to nobody: it is recorded for the platform, and no tenant sees it.
CREATE POLICY anonymous_event ON public.audit_logs FOR INSERT TO trustcred_app
  WITH CHECK (organization_id IS NULL AND user_id IS NULL);

CREATE POLICY own_organization ON public.credential_analytics TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.webhooks TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.enhanced_audit_logs TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY anonymous_event ON public.enhanced_audit_logs FOR INSERT TO trustcred_app
  WITH CHECK (organization_id IS NULL AND user_id IS NULL AND session_id IS NULL);

CREATE POLICY own_organization ON public.retention_policies TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.ldap_configurations TO trustcred_app
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.erp_integrations TO trustcred_app
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.real_time_analytics TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.analytics_models TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.organization_branding TO trustcred_app
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.custom_credential_templates TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.custom_fields TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

CREATE POLICY own_organization ON public.approval_workflows TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()));

-- Log lines name their organization, and must not hang onto what is another one's: a foreign key alone would let them.

CREATE POLICY own_organization ON public.verification_logs TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()))
  WITH CHECK (
    organization_id = (SELECT public.current_organization_id())
    AND EXISTS (SELECT 1 FROM public.credentials AS c WHERE c.id = credential_id AND c.issuer_id = organization_id)
  );

CREATE POLICY own_organization ON public.webhook_deliveries TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()))
  WITH CHECK (
    organization_id = (SELECT public.current_organization_id())
    AND EXISTS (
      SELECT 1 FROM public.webhooks AS w
      WHERE w.id = webhook_id AND w.organization_id = webhook_deliveries.organization_id
    )
  );

CREATE POLICY own_organization ON public.sms_deliveries TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()))
  WITH CHECK (
    organization_id = (SELECT public.current_organization_id())
    AND EXISTS (
      SELECT 1 FROM public.users AS u WHERE u.id = user_id AND u.organization_id = sms_deliveries.organization_id
    )
  );

CREATE POLICY own_organization ON public.model_predictions TO trustcred_app, trustcred_analytics
  USING (organization_id = (SELECT public.current_organization_id()))
  WITH CHECK (
    organization_id = (SELECT public.current_organization_id())
    AND EXISTS (
      SELECT 1 FROM public.analytics_models AS m
      WHERE m.id = model_id AND m.organization_id = model_predictions.organization_id
    )
  );

-- Tables without an organization of their own follow their parent.

CREATE POLICY own_organization ON public.user_sessions TO trustcred_app, trustcred_analytics
  USING (user_id IN (
    SELECT u.id FROM public.users AS u WHERE u.organization_id = (SELECT public.current_organization_id())
  ));

CREATE POLICY own_organization ON public.notifications TO trustcred_app, trustcred_analytics
  USING (user_id IN (
    SELECT u.id FROM public.users AS u WHERE u.organization_id = (SELECT public.current_organization_id())
  ));

CREATE POLICY own_organization ON public.notification_preferences TO trustcred_app, trustcred_analytics
  USING (user_id IN (
    SELECT u.id FROM public.users AS u WHERE u.organization_id = (SELECT public.current_organization_id())
  ));

CREATE POLICY own_organization ON public.multisig_requirements TO trustcred_app, trustcred_analytics
  USING (schema_id IN (
    SELECT s.id FROM public.credential_schemas AS s
    WHERE s.organization_id = (SELECT public.current_organization_id())
  ));

CREATE POLICY own_organization ON public.credential_approvals TO trustcred_app, trustcred_analytics
  USING (EXISTS (
    SELECT 1 FROM public.credentials AS c
    WHERE c.id = credential_id AND c.issuer_id = (SELECT public.current_organization_id())
  ));

CREATE POLICY own_organization ON public.ldap_user_mappings TO trustcred_app
  USING (ldap_config_id IN (
    SELECT c.id FROM public.ldap_configurations AS c
    WHERE c.organization_id = (SELECT public.current_organization_id())
  ))
  WITH CHECK (
    ldap_config_id IN (
      SELECT c.id FROM public.ldap_configurations AS c
      WHERE c.organization_id = (SELECT public.current_organization_id())
    )
    AND local_user_id IN (
      SELECT u.id FROM public.users AS u WHERE u.organization_id = (SELECT public.current_organization_id())
    )
  );

CREATE POLICY own_organization ON public.workflow_instances TO trustcred_app, trustcred_analytics
  USING (workflow_id IN (
    SELECT w.id FROM public.approval_workflows AS w
    WHERE w.organization_id = (SELECT public.current_organization_id())
  ));

-- A review belongs to whom it reviews and to who wrote it: read wherever the template may be, written by its author's
-- organization alone. The policies of credential_templates hold inside this one.
CREATE POLICY visible_template ON public.template_reviews FOR SELECT TO trustcred_app, trustcred_analytics
  USING (EXISTS (SELECT 1 FROM public.credential_templates AS t WHERE t.id = template_id));

CREATE POLICY own_organization ON public.template_reviews TO trustcred_app
  USING (reviewer_id IN (
    SELECT u.id FROM public.users AS u WHERE u.organization_id = (SELECT public.current_organization_id())
  ))
  WITH CHECK (
    reviewer_id IN (
      SELECT u.id FROM public.users AS u WHERE u.organization_id = (SELECT public.current_organization_id())
    )
    AND EXISTS (SELECT 1 FROM public.credential_templates AS t WHERE t.id = template_id)
  );

CREATE POLICY shared_reference ON public.template_categories FOR SELECT TO trustcred_app, trustcred_analytics
  USING (true);
