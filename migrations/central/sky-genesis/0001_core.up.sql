-- Sky Genesis, core structure: the tenant root, its people and their sessions.
-- Everything lives in one schema, as the schema's documentation asks, so that a backup or a grant can name it whole.
-- TIMESTAMP columns carry no zone; by convention they hold UTC.

CREATE SCHEMA api_service;

COMMENT ON SCHEMA api_service IS
  'Sky Genesis: API management, infrastructure, AI, audit and messaging of many organizations.';

CREATE TABLE api_service.organizations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL UNIQUE,
  country_code CHAR(2),
  created_at TIMESTAMP DEFAULT now(),
  updated_at TIMESTAMP DEFAULT now(),
  CONSTRAINT organizations_name_not_blank CHECK (btrim(name) <> ''),
  CONSTRAINT organizations_country_code_format CHECK (country_code ~ '^[A-Z]{2}$')
);

COMMENT ON TABLE api_service.organizations IS
  'Tenant root: every other row belongs to one organization, or is shared reference data.';

CREATE TABLE api_service.users (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID REFERENCES api_service.organizations (id) ON DELETE CASCADE,
  email VARCHAR(255) NOT NULL UNIQUE,
  full_name VARCHAR(255),
  password_hash TEXT NOT NULL,
  role VARCHAR(50) DEFAULT 'user',
  status VARCHAR(50) DEFAULT 'active',
  created_at TIMESTAMP DEFAULT now(),
  updated_at TIMESTAMP DEFAULT now(),
  CONSTRAINT users_email_format CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  CONSTRAINT users_role_known
    CHECK (role IN ('admin', 'operator', 'auditor', 'developer', 'support', 'member', 'user')),
  CONSTRAINT users_status_known
    CHECK (status IN ('invited', 'active', 'suspended', 'locked', 'inactive', 'deactivated'))
);

-- (organization_id, status) also serves the foreign key, being its prefix.
CREATE INDEX users_organization_status_idx ON api_service.users (organization_id, status);
CREATE INDEX users_organization_role_idx ON api_service.users (organization_id, role);
-- Logins are typed in any case.
CREATE INDEX users_email_lower_idx ON api_service.users (lower(email));

COMMENT ON TABLE api_service.users IS 'User accounts: one role and one status each.';
COMMENT ON COLUMN api_service.users.password_hash IS 'Secret: password hash (bcrypt). Never leaves this database.';

CREATE TABLE api_service.user_sessions (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID REFERENCES api_service.users (id) ON DELETE CASCADE,
  access_token TEXT NOT NULL,
  refresh_token TEXT,
  expires_at TIMESTAMP NOT NULL,
  ip_address INET,
  user_agent TEXT,
  created_at TIMESTAMP DEFAULT now()
);

CREATE INDEX user_sessions_user_idx ON api_service.user_sessions (user_id, expires_at);
CREATE INDEX user_sessions_access_token_idx ON api_service.user_sessions (access_token);
CREATE INDEX user_sessions_refresh_token_idx
  ON api_service.user_sessions (refresh_token) WHERE refresh_token IS NOT NULL;
CREATE INDEX user_sessions_expires_at_idx ON api_service.user_sessions (expires_at);

COMMENT ON TABLE api_service.user_sessions IS 'Signed-in sessions with the address and the agent they came from.';
COMMENT ON COLUMN api_service.user_sessions.access_token IS 'Secret: access token.';
COMMENT ON COLUMN api_service.user_sessions.refresh_token IS 'Secret: refresh token.';
