-- Resources: the documentation shows how they are listed, by user and status, newest first and a page at a time, and
-- says no more of them.

CREATE TABLE public.resources (
  id UUID PRIMARY KEY DEFAULT public.uuid_generate_v4(),
  user_id UUID NOT NULL REFERENCES public.users (id),
  name VARCHAR(255) NOT NULL,
  resource_type VARCHAR(50) NOT NULL,
  description TEXT,
  metadata JSONB NOT NULL DEFAULT '{}',
  status VARCHAR(20) NOT NULL DEFAULT 'active',
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT resources_name_not_blank CHECK (btrim(name) <> ''),
  CONSTRAINT resources_metadata_object CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT resources_status_known CHECK (status IN ('active', 'inactive', 'archived'))
);

-- Serves the documented list as it stands, with neither sort nor filter left to do.
CREATE INDEX idx_resources_user_status ON public.resources (user_id, status, created_at DESC);

COMMENT ON TABLE public.resources IS 'What users own and are given access to.';
