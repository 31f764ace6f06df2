-- RBAC, people. One organization has the whole database, so no table names an organization.
-- TIMESTAMP columns carry no zone; the documentation sets the database's zone to UTC, and they hold UTC.

-- The documentation spells its defaults uuid_generate_v4(), which is the extension uuid-ossp's. That needs a superuser on
-- many servers, and PostgreSQL makes such ids itself since version 13, so where the extension is not there a function of
-- its name stands in. Whoever needs the whole extension later drops this one first.
DO $$
BEGIN
  IF to_regprocedure('public.uuid_generate_v4()') IS NULL THEN
    CREATE FUNCTION public.uuid_generate_v4() RETURNS UUID
    LANGUAGE sql
    VOLATILE PARALLEL SAFE
    AS 'SELECT pg_catalog.gen_random_uuid()';

    COMMENT ON FUNCTION public.uuid_generate_v4() IS 'Stands in for uuid-ossp''s: a random UUID.';
  END IF;
END;
$$;

CREATE TABLE public.users (
  id UUID PRIMARY KEY DEFAULT public.uuid_generate_v4(),
  email VARCHAR(255) UNIQUE NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  name VARCHAR(100) NOT NULL,
  phone VARCHAR(20),
  is_active BOOLEAN DEFAULT true,
  is_verified BOOLEAN DEFAULT false,
  last_login TIMESTAMP,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT users_email_format CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  CONSTRAINT users_name_not_blank CHECK (btrim(name) <> '')
);

-- The first repeats what the UNIQUE constraint brings. It is documented by name, and hosts may name it.
CREATE INDEX idx_users_email ON public.users (email);
CREATE INDEX idx_users_created_at ON public.users (created_at DESC);

COMMENT ON TABLE public.users IS
  'User accounts. Whoever wrote or did something here is deactivated, never deleted.';
COMMENT ON COLUMN public.users.password_hash IS 'Secret: password hash (bcrypt). Never leaves this database.';
COMMENT ON COLUMN public.users.is_active IS 'What a login reads: only true lets a person in.';
