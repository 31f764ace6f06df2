-- TrustCred, phase 2, enhanced features: metrics, the template marketplace, approvals, webhooks and notifications.

CREATE TABLE public.credential_analytics (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID REFERENCES public.organizations (id) ON DELETE CASCADE,
  date DATE NOT NULL,
  credentials_issued INTEGER DEFAULT 0,
  credentials_revoked INTEGER DEFAULT 0,
  credentials_expired INTEGER DEFAULT 0,
  verification_requests INTEGER DEFAULT 0,
  successful_verifications INTEGER DEFAULT 0,
  failed_verifications INTEGER DEFAULT 0,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT credential_analytics_organization_date_key UNIQUE (organization_id, date),
  CONSTRAINT credential_analytics_counts_positive CHECK (
    credentials_issued >= 0 AND credentials_revoked >= 0 AND credentials_expired >= 0
    AND verification_requests >= 0 AND successful_verifications >= 0 AND failed_verifications >= 0
  )
);

CREATE INDEX credential_analytics_date_idx ON public.credential_analytics (date);

COMMENT ON TABLE public.credential_analytics IS 'What happened to an organization''s credentials, one row per day (UTC).';

CREATE TABLE public.template_categories (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(100) NOT NULL UNIQUE,
  description TEXT,
  icon VARCHAR(100),
  parent_category_id UUID REFERENCES public.template_categories (id) ON DELETE SET NULL,
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT template_categories_parent_other CHECK (parent_category_id <> id)
);

CREATE INDEX template_categories_parent_idx ON public.template_categories (parent_category_id);

COMMENT ON TABLE public.template_categories IS 'Headings of the template marketplace. Shared by all organizations.';

-- Their ids are the same in every installation, so that templates may be carried from one to the other.
INSERT INTO public.template_categories (id, name, description, icon, parent_category_id) VALUES
  ('47eaa099-2cb6-416d-86dc-283cf0480ff9', 'Education', 'Degrees, courses and attendance', 'graduation-cap', NULL),
  ('1509bb0a-9bf1-4331-8a11-8783593942a4', 'Professional', 'Licences, certifications and training', 'briefcase', NULL),
  ('f5ec52ed-0108-4475-92e1-bc7656670b14', 'Government', 'Permits, licences and registrations', 'landmark', NULL),
  ('59ba1b0d-5c90-4158-a909-406c2e416788', 'Employment', 'Employment, roles and references', 'building', NULL),
  ('5d32fe61-985f-44e7-aa09-5ee82bb29976', 'Membership', 'Membership of associations and clubs', 'users', NULL),
  ('9a1e40b4-5815-4a99-99e2-d15364c7a500', 'Events', 'Tickets, participation and awards', 'calendar', NULL),
  ('68b4aef7-3eaa-4e17-9d8a-4eace693ae2d', 'Degrees', 'Bachelor, master and doctorate', 'scroll',
    '47eaa099-2cb6-416d-86dc-283cf0480ff9'),
  ('142c8364-7806-4577-93e7-83e7eb04b39b', 'Courses', 'Single courses and modules', 'book-open',
    '47eaa099-2cb6-416d-86dc-283cf0480ff9'),
  ('3b041641-1788-44f2-a60d-f25453fe2e85', 'Transcripts', 'Records of marks', 'list',
    '47eaa099-2cb6-416d-86dc-283cf0480ff9'),
  ('00a154d8-5ed8-4bcc-b5c7-19c2add9ca88', 'Certifications', 'Examined professional skills', 'badge-check',
    '1509bb0a-9bf1-4331-8a11-8783593942a4'),
  ('c0290103-855d-4f55-99ec-8712e8e3574f', 'Continuing education', 'Hours of training that a profession requires', 'refresh',
    '1509bb0a-9bf1-4331-8a11-8783593942a4'),
  ('6e704245-a4ff-41e3-a794-9b80dcb0b82e', 'Licences', 'The right to exercise a profession', 'id-card',
    '1509bb0a-9bf1-4331-8a11-8783593942a4');

-- Not in the documentation's table: without it no template could be found under a heading.
ALTER TABLE public.credential_templates
  ADD COLUMN category_id UUID,
  ADD CONSTRAINT credential_templates_category_id_fkey
    FOREIGN KEY (category_id) REFERENCES public.template_categories (id) ON DELETE SET NULL;

CREATE INDEX credential_templates_category_idx ON public.credential_templates (category_id);

COMMENT ON COLUMN public.credential_templates.category_id IS 'The marketplace''s heading that it is found under.';

CREATE TABLE public.template_reviews (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  template_id UUID NOT NULL REFERENCES public.credential_templates (id) ON DELETE CASCADE,
  reviewer_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  rating INTEGER NOT NULL,
  review_text TEXT,
  helpful_votes INTEGER DEFAULT 0,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT template_reviews_template_reviewer_key UNIQUE (template_id, reviewer_id),
  CONSTRAINT template_reviews_rating_range CHECK (rating >= 1 AND rating <= 5),
  CONSTRAINT template_reviews_helpful_votes_positive CHECK (helpful_votes >= 0)
);

CREATE INDEX template_reviews_template_created_at_idx ON public.template_reviews (template_id, created_at DESC);
CREATE INDEX template_reviews_reviewer_idx ON public.template_reviews (reviewer_id);

COMMENT ON TABLE public.template_reviews IS
  'What users say about a template, each once; of a public template those of other organizations as well.';

CREATE TABLE public.multisig_requirements (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  schema_id UUID NOT NULL REFERENCES public.credential_schemas (id) ON DELETE CASCADE,
  required_signatures INTEGER NOT NULL,
  approver_roles JSONB NOT NULL,
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT multisig_requirements_required_signatures_positive CHECK (required_signatures >= 1),
  CONSTRAINT multisig_requirements_approver_roles_array CHECK (jsonb_typeof(approver_roles) = 'array')
);

CREATE INDEX multisig_requirements_schema_idx ON public.multisig_requirements (schema_id, active);
CREATE INDEX multisig_requirements_approver_roles_idx
  ON public.multisig_requirements USING gin (approver_roles jsonb_path_ops);

COMMENT ON TABLE public.multisig_requirements IS
  'How many approvals a credential of this schema needs before it is issued, and of whom.';

CREATE TABLE public.credential_approvals (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  credential_id UUID NOT NULL REFERENCES public.credentials (id) ON DELETE CASCADE,
  approver_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  approval_status VARCHAR(20) NOT NULL DEFAULT 'pending',
  approval_notes TEXT,
  approved_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT credential_approvals_approval_status_known
    CHECK (approval_status IN ('pending', 'approved', 'rejected'))
);

CREATE INDEX credential_approvals_credential_idx ON public.credential_approvals (credential_id, approval_status);
CREATE INDEX credential_approvals_approver_idx ON public.credential_approvals (approver_id, approval_status);
CREATE INDEX credential_approvals_created_at_idx ON public.credential_approvals (created_at);

COMMENT ON TABLE public.credential_approvals IS 'Who was asked to approve a credential, and what they answered.';

CREATE TABLE public.webhooks (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  name VARCHAR(255) NOT NULL,
  url VARCHAR(500) NOT NULL,
  events JSONB NOT NULL,
  secret_key VARCHAR(255) NOT NULL,
  active BOOLEAN DEFAULT true,
  retry_count INTEGER DEFAULT 3,
  last_triggered TIMESTAMPTZ,
  created_at TIMESTAMPTZ DEFAULT now(),
  -- Payloads carry personal data.
  CONSTRAINT webhooks_url_encrypted CHECK (url LIKE 'https://%'),
  CONSTRAINT webhooks_events_array CHECK (jsonb_typeof(events) = 'array'),
  CONSTRAINT webhooks_retry_count_range CHECK (retry_count BETWEEN 0 AND 100),
  -- Signing needs the secret itself, so a hash would not do.
  CONSTRAINT webhooks_secret_key_reference CHECK (secret_key LIKE 'vault:%')
);

CREATE INDEX webhooks_organization_idx ON public.webhooks (organization_id, active);
-- "Whom to tell of this event."
CREATE INDEX webhooks_events_idx ON public.webhooks USING gin (events jsonb_path_ops);

COMMENT ON TABLE public.webhooks IS 'Where an organization wants to be told of events.';
COMMENT ON COLUMN public.webhooks.secret_key IS
  'Secret: a vault reference (''vault:...'') of the key that signs deliveries; never the key itself.';
COMMENT ON COLUMN public.webhooks.retry_count IS 'How often a failed delivery is tried again.';

CREATE TABLE public.webhook_deliveries (
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  webhook_id UUID NOT NULL REFERENCES public.webhooks (id) ON DELETE CASCADE,
  event_type VARCHAR(100) NOT NULL,
  payload JSONB NOT NULL,
  response_status INTEGER,
  response_body TEXT,
  delivery_time_ms INTEGER,
  success BOOLEAN NOT NULL,
  error_message TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- Not in the documentation's table; see verification_logs.
  organization_id UUID NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  PRIMARY KEY (id, created_at),
  CONSTRAINT webhook_deliveries_response_status_range CHECK (response_status BETWEEN 100 AND 599),
  CONSTRAINT webhook_deliveries_delivery_time_positive CHECK (delivery_time_ms >= 0)
) PARTITION BY RANGE (created_at);

CREATE TABLE public.webhook_deliveries_default PARTITION OF public.webhook_deliveries DEFAULT;

CREATE INDEX webhook_deliveries_organization_idx ON public.webhook_deliveries (organization_id, created_at DESC);
CREATE INDEX webhook_deliveries_webhook_idx ON public.webhook_deliveries (webhook_id, created_at DESC);
CREATE INDEX webhook_deliveries_event_type_idx ON public.webhook_deliveries (event_type, created_at DESC);
CREATE INDEX webhook_deliveries_failed_idx ON public.webhook_deliveries (created_at) WHERE NOT success;
CREATE INDEX webhook_deliveries_created_at_idx ON public.webhook_deliveries USING brin (created_at);

COMMENT ON TABLE public.webhook_deliveries IS 'One row per attempt to deliver an event. Partitioned by month.';
COMMENT ON COLUMN public.webhook_deliveries.organization_id IS 'The webhook''s organization, filled in where missing.';

CREATE FUNCTION public.fill_webhook_delivery_organization() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.organization_id := (SELECT w.organization_id FROM public.webhooks AS w WHERE w.id = NEW.webhook_id);
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.fill_webhook_delivery_organization() IS
  'Names the tenant of a delivery for hosts that do not: the webhook''s organization.';

CREATE TRIGGER fill_webhook_delivery_organization
  BEFORE INSERT ON public.webhook_deliveries
  FOR EACH ROW
  WHEN (NEW.organization_id IS NULL)
  EXECUTE FUNCTION public.fill_webhook_delivery_organization();

CREATE TABLE public.notification_preferences (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  notification_type VARCHAR(50) NOT NULL,
  email_enabled BOOLEAN DEFAULT true,
  sms_enabled BOOLEAN DEFAULT false,
  push_enabled BOOLEAN DEFAULT true,
  in_app_enabled BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT notification_preferences_user_type_key UNIQUE (user_id, notification_type)
);

COMMENT ON TABLE public.notification_preferences IS 'How a person wants to be told of what.';

CREATE TABLE public.sms_deliveries (
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  phone_number VARCHAR(20) NOT NULL,
  message TEXT NOT NULL,
  status VARCHAR(20) NOT NULL DEFAULT 'pending',
  provider VARCHAR(50),
  provider_message_id VARCHAR(255),
  error_message TEXT,
  sent_at TIMESTAMPTZ,
  delivered_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- Not in the documentation's table; see verification_logs. Empty for users who have no organization.
  organization_id UUID REFERENCES public.organizations (id) ON DELETE CASCADE,
  PRIMARY KEY (id, created_at),
  CONSTRAINT sms_deliveries_status_known CHECK (status IN ('pending', 'sent', 'delivered', 'failed')),
  -- E.164.
  CONSTRAINT sms_deliveries_phone_number_format CHECK (phone_number ~ '^\+[1-9][0-9]{4,14}$')
) PARTITION BY RANGE (created_at);

CREATE TABLE public.sms_deliveries_default PARTITION OF public.sms_deliveries DEFAULT;

CREATE INDEX sms_deliveries_organization_idx ON public.sms_deliveries (organization_id, created_at DESC);
CREATE INDEX sms_deliveries_user_idx ON public.sms_deliveries (user_id, created_at DESC);
CREATE INDEX sms_deliveries_provider_message_idx
  ON public.sms_deliveries (provider, provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE INDEX sms_deliveries_status_idx ON public.sms_deliveries (status, created_at) WHERE status <> 'delivered';
CREATE INDEX sms_deliveries_created_at_idx ON public.sms_deliveries USING brin (created_at);

COMMENT ON TABLE public.sms_deliveries IS 'Text messages and what became of them. Partitioned by month.';
COMMENT ON COLUMN public.sms_deliveries.organization_id IS 'The user''s organization, filled in where missing.';

CREATE FUNCTION public.fill_sms_delivery_organization() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.organization_id := (SELECT u.organization_id FROM public.users AS u WHERE u.id = NEW.user_id);
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.fill_sms_delivery_organization() IS
  'Names the tenant of a text message for hosts that do not: the user''s organization.';

CREATE TRIGGER fill_sms_delivery_organization
  BEFORE INSERT ON public.sms_deliveries
  FOR EACH ROW
  WHEN (NEW.organization_id IS NULL)
  EXECUTE FUNCTION public.fill_sms_delivery_organization();

SELECT public.ensure_monthly_partitions('webhook_deliveries', 'created_at', 1, 3);
SELECT public.ensure_monthly_partitions('sms_deliveries', 'created_at', 1, 3);
