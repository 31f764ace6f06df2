-- AI and analytics: models, and one row per inference.

CREATE TABLE api_service.ai_models (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  version VARCHAR(50),
  owner_id UUID REFERENCES api_service.users (id),
  repo_url TEXT,
  framework VARCHAR(50),
  status VARCHAR(50) DEFAULT 'training',
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT ai_models_status_known
    CHECK (status IN ('training', 'evaluating', 'ready', 'deployed', 'deprecated', 'archived', 'failed'))
);

CREATE INDEX ai_models_owner_idx ON api_service.ai_models (owner_id);
CREATE INDEX ai_models_name_version_idx ON api_service.ai_models (name, version);

COMMENT ON TABLE api_service.ai_models IS 'AI models and their versions. Shared by all organizations.';

CREATE TABLE api_service.ai_inference_log (
  id BIGSERIAL PRIMARY KEY,
  -- Not in the documentation's table; see api_access_log.
  organization_id UUID REFERENCES api_service.organizations (id) ON DELETE CASCADE,
  model_id UUID REFERENCES api_service.ai_models (id),
  user_id UUID REFERENCES api_service.users (id),
  input_size INTEGER,
  output_size INTEGER,
  latency_ms INTEGER,
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT ai_inference_log_sizes_positive CHECK (input_size >= 0 AND output_size >= 0),
  CONSTRAINT ai_inference_log_latency_positive CHECK (latency_ms >= 0)
);

CREATE INDEX ai_inference_log_organization_idx
  ON api_service.ai_inference_log (organization_id, created_at DESC);
CREATE INDEX ai_inference_log_model_idx ON api_service.ai_inference_log (model_id, created_at DESC);
CREATE INDEX ai_inference_log_user_idx ON api_service.ai_inference_log (user_id);

COMMENT ON TABLE api_service.ai_inference_log IS 'Use of the models: who, how much, how long.';

CREATE FUNCTION api_service.fill_inference_log_organization() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.organization_id := (SELECT u.organization_id FROM api_service.users AS u WHERE u.id = NEW.user_id);
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION api_service.fill_inference_log_organization() IS
  'Names the tenant of an inference for hosts that do not: the user''s organization.';

CREATE TRIGGER fill_inference_log_organization
  BEFORE INSERT ON api_service.ai_inference_log
  FOR EACH ROW
  WHEN (NEW.organization_id IS NULL)
  EXECUTE FUNCTION api_service.fill_inference_log_organization();
