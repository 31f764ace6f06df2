-- Automation: updated_at follows every update, a new organization starts with what every one needs, and an audit row
-- knows how long it must be kept.

CREATE FUNCTION public.update_timestamp() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.update_timestamp() IS 'Sets updated_at on every update, whatever the writer said.';

CREATE TRIGGER update_organizations_timestamp
  BEFORE UPDATE ON public.organizations
  FOR EACH ROW EXECUTE FUNCTION public.update_timestamp();

CREATE TRIGGER update_users_timestamp
  BEFORE UPDATE ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.update_timestamp();

CREATE TRIGGER update_credential_schemas_timestamp
  BEFORE UPDATE ON public.credential_schemas
  FOR EACH ROW EXECUTE FUNCTION public.update_timestamp();

CREATE TRIGGER update_credentials_timestamp
  BEFORE UPDATE ON public.credentials
  FOR EACH ROW EXECUTE FUNCTION public.update_timestamp();

CREATE TRIGGER update_credential_templates_timestamp
  BEFORE UPDATE ON public.credential_templates
  FOR EACH ROW EXECUTE FUNCTION public.update_timestamp();

CREATE TRIGGER update_organization_branding_timestamp
  BEFORE UPDATE ON public.organization_branding
  FOR EACH ROW EXECUTE FUNCTION public.update_timestamp();

CREATE TRIGGER update_custom_credential_templates_timestamp
  BEFORE UPDATE ON public.custom_credential_templates
  FOR EACH ROW EXECUTE FUNCTION public.update_timestamp();

CREATE FUNCTION public.seed_organization(organization UUID) RETURNS VOID
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO public.retention_policies (organization_id, data_type, retention_period_days, retention_reason)
  VALUES
    (organization, 'audit_logs', 2555, 'SOC 2, ISO 27001: audit trail of seven years'),
    (organization, 'enhanced_audit_logs', 2555, 'SOC 2, ISO 27001: audit trail of seven years'),
    (organization, 'verification_logs', 1095, 'Disputes about a credential; GDPR art. 5 (1) e'),
    (organization, 'model_predictions', 365, 'Explaining a prediction; GDPR art. 22'),
    (organization, 'notifications', 365, 'GDPR art. 5 (1) e: storage limitation'),
    (organization, 'sms_deliveries', 180, 'GDPR art. 5 (1) e: storage limitation'),
    (organization, 'user_sessions', 90, 'Security investigations; GDPR art. 5 (1) e'),
    (organization, 'webhook_deliveries', 90, 'GDPR art. 5 (1) e: storage limitation'),
    (organization, 'real_time_analytics', 90, 'Dashboards; daily figures are kept')
  ON CONFLICT (organization_id, data_type) DO NOTHING;

  INSERT INTO public.issuer_categories (issuer_id, category)
  SELECT o.id, CASE o.type
      WHEN 'educational' THEN 'Education'
      WHEN 'professional' THEN 'Professional certification'
      WHEN 'government' THEN 'Public administration'
      WHEN 'corporate' THEN 'Employment'
      WHEN 'association' THEN 'Membership'
    END
  FROM public.organizations AS o
  WHERE o.id = organization
  ON CONFLICT (issuer_id, category) DO NOTHING;
$$;

COMMENT ON FUNCTION public.seed_organization(UUID) IS
  'Gives an organization the platform''s retention periods and the category of its type, where it has none yet.';

CREATE FUNCTION public.seed_new_organization() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM public.seed_organization(NEW.id);
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION public.seed_new_organization() IS 'Calls seed_organization() for an organization that was just made.';

CREATE TRIGGER seed_new_organization
  AFTER INSERT ON public.organizations
  FOR EACH ROW EXECUTE FUNCTION public.seed_new_organization();

-- Those that are there already.
SELECT public.seed_organization(id) FROM public.organizations;

CREATE FUNCTION public.fill_retention_until() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.retention_until := (
    SELECT (NEW.created_at AT TIME ZONE 'UTC')::DATE + p.retention_period_days
    FROM public.retention_policies AS p
    WHERE p.organization_id = NEW.organization_id AND p.data_type = 'enhanced_audit_logs' AND p.active
  );
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.fill_retention_until() IS
  'Dates the end of an audit row''s retention by the policy of its organization, where the writer does not.';

CREATE TRIGGER fill_retention_until
  BEFORE INSERT ON public.enhanced_audit_logs
  FOR EACH ROW
  WHEN (NEW.retention_until IS NULL)
  EXECUTE FUNCTION public.fill_retention_until();
