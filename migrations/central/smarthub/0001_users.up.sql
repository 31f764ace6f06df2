-- SmartHub, people. One organization has the whole database, so no table names an organization.
-- TIMESTAMP columns carry no zone; by convention they hold UTC, so hosts set TimeZone = 'UTC' on their connections.

CREATE TABLE public.users (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  email VARCHAR(255) NOT NULL UNIQUE,
  username VARCHAR(100) NOT NULL UNIQUE,
  password_hash VARCHAR(255) NOT NULL,
  first_name VARCHAR(100),
  last_name VARCHAR(100),
  avatar_url VARCHAR(512),
  is_active BOOLEAN DEFAULT true,
  email_verified BOOLEAN DEFAULT false,
  email_verified_at TIMESTAMP,
  last_login_at TIMESTAMP,
  created_at TIMESTAMP NOT NULL DEFAULT now(),
  updated_at TIMESTAMP NOT NULL DEFAULT now(),
  deleted_at TIMESTAMP,
  CONSTRAINT email_format CHECK (email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}$')
);

-- The first two repeat what the UNIQUE constraints bring. They are documented by name, and hosts may name them.
CREATE INDEX idx_users_email ON public.users (email);
CREATE INDEX idx_users_username ON public.users (username);
CREATE INDEX idx_users_is_active ON public.users (is_active);
CREATE INDEX idx_users_created_at ON public.users (created_at DESC);

COMMENT ON TABLE public.users IS 'User accounts. They are deleted softly: deleted_at is set, and the row stays.';
COMMENT ON COLUMN public.users.password_hash IS 'Secret: password hash (bcrypt). Never leaves this database.';
COMMENT ON COLUMN public.users.is_active IS 'What a login reads: only true lets a person in.';
