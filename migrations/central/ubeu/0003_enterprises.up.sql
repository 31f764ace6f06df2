-- Enterprises and their API keys. The documented key is a name with permissions and a switch: what a caller presents is
-- kept nowhere in this table. A later migration gives it a place.

CREATE TABLE public.enterprise_accounts (
  id UUID PRIMARY KEY,
  organization_name VARCHAR(255) NOT NULL,
  parent_domain VARCHAR(255) UNIQUE NOT NULL,
  enterprise_tier VARCHAR(50) DEFAULT 'pro',
  status VARCHAR(50) DEFAULT 'active',
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT enterprise_accounts_organization_name_not_blank CHECK (btrim(organization_name) <> ''),
  CONSTRAINT enterprise_accounts_status_known CHECK (status IN ('pending', 'active', 'suspended', 'closed'))
);

CREATE INDEX idx_enterprise_accounts_status ON public.enterprise_accounts (status, enterprise_tier);

COMMENT ON TABLE public.enterprise_accounts IS 'Enterprises. Their domain is the parent of the domains they give out.';

CREATE TABLE public.enterprise_api_keys (
  id UUID PRIMARY KEY,
  enterprise_id UUID REFERENCES public.enterprise_accounts (id),
  name VARCHAR(255) NOT NULL,
  permissions JSONB,
  active BOOLEAN DEFAULT true,
  created_at TIMESTAMP DEFAULT now()
);

CREATE INDEX idx_enterprise_api_keys_enterprise_id ON public.enterprise_api_keys (enterprise_id, active);
CREATE INDEX idx_enterprise_api_keys_permissions ON public.enterprise_api_keys USING gin (permissions);

COMMENT ON TABLE public.enterprise_api_keys IS 'API keys of an enterprise and what each permits.';
COMMENT ON COLUMN public.enterprise_api_keys.active IS 'What authentication reads: only true lets a key in.';
