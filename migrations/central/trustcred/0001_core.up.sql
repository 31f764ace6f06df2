-- TrustCred, phase 1, core platform: issuer organizations, their people, and the credentials that they issue.
-- The documentation names no schema, so everything lives in public. All moments are TIMESTAMP WITH TIME ZONE.
-- The logs are partitioned by month: retention drops a month in an instant instead of deleting millions of rows. That
-- makes the date a part of their primary keys, and nothing references them.

CREATE FUNCTION public.ensure_monthly_partitions(
  parent TEXT, date_column TEXT, months_back INTEGER, months_ahead INTEGER
) RETURNS INTEGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Months begin at midnight UTC, whatever zone the caller is in.
SET timezone = 'UTC'
AS $$
DECLARE
  this_month TIMESTAMPTZ := date_trunc('month', now());
  first_day TIMESTAMPTZ;
  next_first_day TIMESTAMPTZ;
  partition_name TEXT;
  has_strays BOOLEAN;
  created INTEGER := 0;
BEGIN
  IF months_back IS NULL OR months_back NOT BETWEEN 0 AND 1200
    OR months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 1200 THEN
    RAISE EXCEPTION 'months_back and months_ahead must lie between 0 and 1200'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- Two callers at once would both find a month missing.
  PERFORM pg_advisory_xact_lock(hashtext('public.ensure_monthly_partitions'));

  FOR month_offset IN -months_back .. months_ahead LOOP
    first_day := this_month + make_interval(months => month_offset);
    next_first_day := first_day + INTERVAL '1 month';
    partition_name := parent || '_' || to_char(first_day, 'YYYY_MM');
    CONTINUE WHEN to_regclass(format('public.%I', partition_name)) IS NOT NULL;

    -- The new partition will need this lock anyway. Taken first, so that no writer slips a row in between the steps.
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', parent);

    -- PostgreSQL refuses a partition whose rows already wait in the default one. They are set aside, and written
    -- again through the parent, so that row triggers on the table see them leave and come back.
    EXECUTE format(
      'SELECT EXISTS (SELECT 1 FROM public.%I WHERE %I >= $1 AND %I < $2)',
      parent || '_default', date_column, date_column
    ) INTO has_strays USING first_day, next_first_day;

    IF has_strays THEN
      EXECUTE format(
        'CREATE TEMPORARY TABLE stray_rows ON COMMIT DROP AS SELECT * FROM public.%I WHERE %I >= %L AND %I < %L',
        parent || '_default', date_column, first_day, date_column, next_first_day
      );
      EXECUTE format(
        'DELETE FROM public.%I WHERE %I >= $1 AND %I < $2',
        parent || '_default', date_column, date_column
      ) USING first_day, next_first_day;
    END IF;

    EXECUTE format(
      'CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
      partition_name, parent, first_day, next_first_day
    );
    created := created + 1;

    IF has_strays THEN
      EXECUTE format('INSERT INTO public.%I SELECT * FROM pg_temp.stray_rows', parent);
      DROP TABLE pg_temp.stray_rows;
    END IF;
  END LOOP;
  RETURN created;
END;
$$;

COMMENT ON FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER) IS
  'Creates the missing months of one log table around this month (UTC); returns how many. Locks it for a moment.';

-- Only the owner may create tables here anyway.
REVOKE EXECUTE ON FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER) FROM PUBLIC;

CREATE TABLE public.organizations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  type VARCHAR(50) NOT NULL,
  domain VARCHAR(255),
  verified BOOLEAN DEFAULT false,
  stacks_address VARCHAR(255) UNIQUE,
  metadata_uri VARCHAR(500),
  status VARCHAR(20) DEFAULT 'pending',
  created_at TIMESTAMPTZ DEFAULT now(),
  updated_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT organizations_name_not_blank CHECK (btrim(name) <> ''),
  CONSTRAINT organizations_type_known
    CHECK (type IN ('educational', 'professional', 'government', 'corporate', 'association')),
  CONSTRAINT organizations_status_known CHECK (status IN ('pending', 'active', 'suspended', 'revoked'))
);

CREATE INDEX organizations_type_status_idx ON public.organizations (type, status);
CREATE INDEX organizations_status_idx ON public.organizations (status);
CREATE INDEX organizations_domain_lower_idx ON public.organizations (lower(domain));
CREATE INDEX organizations_created_at_idx ON public.organizations (created_at);

COMMENT ON TABLE public.organizations IS
  'Tenant root, an issuer of credentials: every other row belongs to one organization, or is shared reference data.';
COMMENT ON COLUMN public.organizations.verified IS 'Whether the platform has checked that the issuer is who it says.';

CREATE TABLE public.users (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  email VARCHAR(255) UNIQUE,
  stacks_address VARCHAR(255) UNIQUE,
  organization_id UUID REFERENCES public.organizations (id) ON DELETE SET NULL,
  role VARCHAR(50) NOT NULL,
  profile JSONB,
  email_verified BOOLEAN DEFAULT false,
  mfa_enabled BOOLEAN DEFAULT false,
  last_login TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  updated_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT users_email_format CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  CONSTRAINT users_role_known CHECK (role IN ('admin', 'issuer', 'recipient', 'verifier', 'super_admin'))
);

-- (organization_id, role) also serves the foreign key, being its prefix.
CREATE INDEX users_organization_role_idx ON public.users (organization_id, role);
CREATE INDEX users_organization_last_login_idx ON public.users (organization_id, last_login DESC NULLS LAST);
CREATE INDEX users_role_idx ON public.users (role);
CREATE INDEX users_created_at_idx ON public.users (created_at);
-- Logins are typed in any case, and must find one account.
CREATE UNIQUE INDEX users_email_lower_idx ON public.users (lower(email));
CREATE INDEX users_profile_idx ON public.users USING gin (profile jsonb_path_ops);

COMMENT ON TABLE public.users IS
  'Accounts: one role each. Platform staff (super_admin) and recipients on their own have no organization.';
COMMENT ON COLUMN public.users.stacks_address IS 'Address of the wallet that may sign in for this account.';

CREATE TABLE public.credential_schemas (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  version VARCHAR(20) NOT NULL,
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  schema_definition JSONB NOT NULL,
  blockchain_id VARCHAR(64) UNIQUE,
  fields JSONB NOT NULL,
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  updated_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT credential_schemas_name_version_organization_key UNIQUE (name, version, organization_id)
);

CREATE INDEX credential_schemas_organization_idx ON public.credential_schemas (organization_id, active);
CREATE INDEX credential_schemas_created_at_idx ON public.credential_schemas (created_at);
CREATE INDEX credential_schemas_schema_definition_idx
  ON public.credential_schemas USING gin (schema_definition jsonb_path_ops);
CREATE INDEX credential_schemas_fields_idx ON public.credential_schemas USING gin (fields jsonb_path_ops);

COMMENT ON TABLE public.credential_schemas IS 'What a kind of credential consists of, each version a row of its own.';

CREATE TABLE public.credentials (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  blockchain_id VARCHAR(64) NOT NULL UNIQUE,
  schema_id UUID NOT NULL REFERENCES public.credential_schemas (id) ON DELETE CASCADE,
  issuer_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  recipient_address VARCHAR(255) NOT NULL,
  recipient_user_id UUID REFERENCES public.users (id) ON DELETE SET NULL,
  metadata_uri VARCHAR(500),
  encrypted_data BYTEA,
  data_hash VARCHAR(64) NOT NULL,
  status VARCHAR(50) DEFAULT 'active',
  issued_at TIMESTAMPTZ DEFAULT now(),
  expires_at TIMESTAMPTZ,
  revoked_at TIMESTAMPTZ,
  revocation_reason VARCHAR(500),
  created_at TIMESTAMPTZ DEFAULT now(),
  updated_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT credentials_status_known CHECK (status IN ('active', 'revoked', 'expired', 'pending')),
  CONSTRAINT credentials_data_hash_format CHECK (data_hash ~ '^[0-9A-Fa-f]{64}$'),
  CONSTRAINT credentials_expires_after_issue CHECK (expires_at > issued_at)
);

CREATE INDEX credentials_issuer_status_idx ON public.credentials (issuer_id, status, issued_at DESC);
CREATE INDEX credentials_issuer_issued_at_idx ON public.credentials (issuer_id, issued_at DESC);
CREATE INDEX credentials_schema_idx ON public.credentials (schema_id, status);
CREATE INDEX credentials_recipient_user_idx ON public.credentials (recipient_user_id);
CREATE INDEX credentials_recipient_address_idx ON public.credentials (recipient_address);
CREATE INDEX credentials_data_hash_idx ON public.credentials (data_hash);
-- "What expires next" asks only for credentials that still count.
CREATE INDEX credentials_expires_at_idx ON public.credentials (expires_at) WHERE status = 'active';
CREATE INDEX credentials_created_at_idx ON public.credentials (created_at);

COMMENT ON TABLE public.credentials IS 'Credentials that an organization has issued. One is revoked, never deleted.';
COMMENT ON COLUMN public.credentials.encrypted_data IS
  'Secret: the credential''s content as ciphertext; the key is not in this database.';
COMMENT ON COLUMN public.credentials.data_hash IS 'SHA-256 of the content in hex, as it stands on the chain.';

CREATE TABLE public.verification_logs (
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  credential_id UUID NOT NULL REFERENCES public.credentials (id) ON DELETE CASCADE,
  verifier_address VARCHAR(255),
  verifier_user_id UUID REFERENCES public.users (id) ON DELETE SET NULL,
  verification_result JSONB NOT NULL,
  verification_method VARCHAR(50),
  ip_address INET,
  user_agent TEXT,
  verified_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- Not in the documentation's table: a log line must name its tenant, or isolating the log, and its retention, need a
  -- join with every credential.
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  PRIMARY KEY (id, verified_at),
  CONSTRAINT verification_logs_verification_method_known
    CHECK (verification_method IN ('api', 'qr_code', 'mobile_app', 'web_interface'))
) PARTITION BY RANGE (verified_at);

-- Catches what no month covers, so that a forgotten partition never refuses a log line.
CREATE TABLE public.verification_logs_default PARTITION OF public.verification_logs DEFAULT;

CREATE INDEX verification_logs_organization_idx ON public.verification_logs (organization_id, verified_at DESC);
CREATE INDEX verification_logs_credential_idx ON public.verification_logs (credential_id, verified_at DESC);
CREATE INDEX verification_logs_verifier_user_idx ON public.verification_logs (verifier_user_id);
CREATE INDEX verification_logs_verified_at_idx ON public.verification_logs USING brin (verified_at);
CREATE INDEX verification_logs_verification_result_idx
  ON public.verification_logs USING gin (verification_result jsonb_path_ops);

COMMENT ON TABLE public.verification_logs IS
  'Who verified which credential, how, and with which result. Partitioned by month.';
COMMENT ON COLUMN public.verification_logs.organization_id IS 'The issuer of the credential, filled in where missing.';

CREATE FUNCTION public.fill_verification_organization() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.organization_id := (SELECT c.issuer_id FROM public.credentials AS c WHERE c.id = NEW.credential_id);
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.fill_verification_organization() IS
  'Names the tenant of a verification for hosts that do not: the credential''s issuer.';

CREATE TRIGGER fill_verification_organization
  BEFORE INSERT ON public.verification_logs
  FOR EACH ROW
  WHEN (NEW.organization_id IS NULL)
  EXECUTE FUNCTION public.fill_verification_organization();

CREATE TABLE public.issuer_categories (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  issuer_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  category VARCHAR(100) NOT NULL,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT issuer_categories_issuer_category_key UNIQUE (issuer_id, category)
);

CREATE INDEX issuer_categories_category_idx ON public.issuer_categories (category);

COMMENT ON TABLE public.issuer_categories IS 'Under which headings an issuer is found.';

CREATE TABLE public.credential_templates (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  description TEXT,
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  schema_id UUID NOT NULL REFERENCES public.credential_schemas (id) ON DELETE CASCADE,
  template_data JSONB NOT NULL,
  is_public BOOLEAN DEFAULT false,
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  updated_at TIMESTAMPTZ DEFAULT now()
);

CREATE INDEX credential_templates_organization_idx ON public.credential_templates (organization_id, active);
CREATE INDEX credential_templates_schema_idx ON public.credential_templates (schema_id);
CREATE INDEX credential_templates_created_at_idx ON public.credential_templates (created_at);
CREATE INDEX credential_templates_marketplace_idx
  ON public.credential_templates (name) WHERE is_public AND active;
CREATE INDEX credential_templates_template_data_idx
  ON public.credential_templates USING gin (template_data jsonb_path_ops);
-- Searched in many languages at once, hence no stemming.
CREATE INDEX credential_templates_text_idx
  ON public.credential_templates USING gin (to_tsvector('simple', name || ' ' || COALESCE(description, '')));

COMMENT ON TABLE public.credential_templates IS 'Ready-made credentials. A public one may be used by every organization.';

CREATE TABLE public.user_sessions (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  session_token VARCHAR(255) NOT NULL UNIQUE,
  expires_at TIMESTAMPTZ NOT NULL,
  ip_address INET,
  user_agent TEXT,
  created_at TIMESTAMPTZ DEFAULT now()
);

CREATE INDEX user_sessions_user_idx ON public.user_sessions (user_id, expires_at);
CREATE INDEX user_sessions_expires_at_idx ON public.user_sessions (expires_at);

COMMENT ON TABLE public.user_sessions IS 'Signed-in sessions with the address and the agent they came from.';
COMMENT ON COLUMN public.user_sessions.session_token IS 'Secret: session token.';

CREATE TABLE public.api_keys (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  name VARCHAR(255) NOT NULL,
  key_hash VARCHAR(255) NOT NULL UNIQUE,
  permissions JSONB NOT NULL,
  active BOOLEAN DEFAULT true,
  last_used TIMESTAMPTZ,
  expires_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  -- A key that somebody stores in the clear under this name is refused.
  CONSTRAINT api_keys_key_hash_format CHECK (key_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT api_keys_permissions_shape CHECK (jsonb_typeof(permissions) IN ('array', 'object'))
);

CREATE INDEX api_keys_organization_idx ON public.api_keys (organization_id, created_at DESC);
CREATE INDEX api_keys_permissions_idx ON public.api_keys USING gin (permissions jsonb_path_ops);

COMMENT ON TABLE public.api_keys IS 'API keys of an organization. The key itself is stored nowhere.';
COMMENT ON COLUMN public.api_keys.key_hash IS 'Secret: SHA-256 of the key''s UTF-8 bytes, lower hex.';
COMMENT ON COLUMN public.api_keys.permissions IS 'What the key may do, as a JSON array of names such as credentials:read.';
COMMENT ON COLUMN public.api_keys.active IS 'What the host''s authentication reads: only active keys are let in.';
COMMENT ON COLUMN public.api_keys.expires_at IS 'From here on the key is refused, with no job needed.';

CREATE TABLE public.notifications (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  type VARCHAR(50) NOT NULL,
  title VARCHAR(255) NOT NULL,
  message TEXT NOT NULL,
  metadata JSONB,
  read_at TIMESTAMPTZ,
  sent_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT notifications_type_known
    CHECK (type IN ('credential_issued', 'credential_revoked', 'verification_request', 'system_alert'))
);

CREATE INDEX notifications_user_idx ON public.notifications (user_id, sent_at DESC);
CREATE INDEX notifications_unread_idx ON public.notifications (user_id) WHERE read_at IS NULL;
CREATE INDEX notifications_type_sent_at_idx ON public.notifications (type, sent_at DESC);
CREATE INDEX notifications_sent_at_idx ON public.notifications (sent_at);
CREATE INDEX notifications_metadata_idx ON public.notifications USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE public.notifications IS 'What a person was told, and when they read it.';

CREATE TABLE public.audit_logs (
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  user_id UUID REFERENCES public.users (id) ON DELETE SET NULL,
  organization_id UUID REFERENCES public.organizations (id) ON DELETE SET NULL,
  action VARCHAR(100) NOT NULL,
  resource_type VARCHAR(50) NOT NULL,
  resource_id VARCHAR(255),
  details JSONB,
  ip_address INET,
  user_agent TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE public.audit_logs_default PARTITION OF public.audit_logs DEFAULT;

CREATE INDEX audit_logs_organization_idx ON public.audit_logs (organization_id, created_at DESC);
CREATE INDEX audit_logs_user_idx ON public.audit_logs (user_id, created_at DESC);
CREATE INDEX audit_logs_action_idx ON public.audit_logs (action, created_at DESC);
CREATE INDEX audit_logs_resource_idx ON public.audit_logs (resource_type, resource_id);
CREATE INDEX audit_logs_created_at_idx ON public.audit_logs USING brin (created_at);
CREATE INDEX audit_logs_details_idx ON public.audit_logs USING gin (details jsonb_path_ops);

COMMENT ON TABLE public.audit_logs IS 'Audit trail: who did what to which resource. Partitioned by month.';

-- The months before are made where there is something to put into them.
SELECT public.ensure_monthly_partitions('verification_logs', 'verified_at', 1, 3);
SELECT public.ensure_monthly_partitions('audit_logs', 'created_at', 1, 3);
