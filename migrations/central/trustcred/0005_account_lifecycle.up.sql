-- Expand: a state and a name for accounts, a password that is a hash or nothing, an end for sessions, and no session
-- token in the clear any more.
--
-- session_token keeps its name, its NOT NULL and its UNIQUE, but holds 'sha256:<64 hex>'. Writers need not change: a
-- clear token is hashed before it is stored. Readers must change BEFORE this runs where the database is in use, and call
-- authenticate_session() or look up 'sha256:' || secret_digest(presented), never what the caller sent.

ALTER TABLE public.users
  ADD COLUMN full_name VARCHAR(255),
  ADD COLUMN status VARCHAR(50) NOT NULL DEFAULT 'active',
  ADD COLUMN password_hash VARCHAR(60),
  ADD CONSTRAINT users_status_known CHECK (status IN ('invited', 'active', 'suspended', 'deactivated')),
  ADD CONSTRAINT users_password_hash_bcrypt CHECK (password_hash ~ '^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$');

CREATE INDEX users_organization_status_idx ON public.users (organization_id, status);
CREATE INDEX users_organization_full_name_idx ON public.users (organization_id, full_name);

COMMENT ON COLUMN public.users.full_name IS 'The name as the person writes it.';
COMMENT ON COLUMN public.users.status IS 'What the host''s login reads: only active accounts are let in.';
COMMENT ON COLUMN public.users.password_hash IS
  'Secret: password hash (bcrypt); empty for accounts that sign in by wallet or directory.';

ALTER TABLE public.user_sessions ADD COLUMN revoked_at TIMESTAMPTZ;

COMMENT ON COLUMN public.user_sessions.revoked_at IS 'When the session was ended before its time.';

CREATE FUNCTION public.secret_digest(secret TEXT) RETURNS TEXT
LANGUAGE sql
STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT encode(sha256(convert_to(secret, 'UTF8')), 'hex');
$$;

COMMENT ON FUNCTION public.secret_digest(TEXT) IS 'SHA-256 of a secret''s UTF-8 bytes, lower hex.';

CREATE FUNCTION public.seal_session_token() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NEW.session_token !~ '^sha256:[0-9a-f]{64}$' THEN
    NEW.session_token := 'sha256:' || public.secret_digest(NEW.session_token);
  END IF;
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.seal_session_token() IS 'Stores the hash of a session token in place of the token.';

CREATE TRIGGER seal_session_token
  BEFORE INSERT OR UPDATE OF session_token ON public.user_sessions
  FOR EACH ROW EXECUTE FUNCTION public.seal_session_token();

-- The sessions that are there already: the trigger does to them what it does to new ones.
UPDATE public.user_sessions SET session_token = session_token;

ALTER TABLE public.user_sessions
  ADD CONSTRAINT user_sessions_session_token_sealed CHECK (session_token ~ '^sha256:[0-9a-f]{64}$');

COMMENT ON COLUMN public.user_sessions.session_token IS
  'Secret: ''sha256:'' and the hash of the session token. A clear token is hashed before it is stored.';

-- SECURITY DEFINER because authentication comes before the organization is known: under row-level security the caller
-- could not see the rows yet. They answer somebody who names an account or holds a token, and tell nothing of others.

CREATE FUNCTION public.sign_in_account(address TEXT)
RETURNS TABLE (user_id UUID, organization_id UUID, role VARCHAR, password_hash VARCHAR, mfa_enabled BOOLEAN)
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT u.id, u.organization_id, u.role, u.password_hash, u.mfa_enabled
  FROM public.users AS u
  LEFT JOIN public.organizations AS o ON o.id = u.organization_id
  WHERE lower(u.email) = lower(address)
    AND u.status = 'active'
    AND (o.id IS NULL OR o.status IN ('pending', 'active'));
$$;

COMMENT ON FUNCTION public.sign_in_account(TEXT) IS
  'The account that may sign in with an e-mail address, for a host to compare the password; no row if none may.';

CREATE FUNCTION public.authenticate_session(presented TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (session_id UUID, user_id UUID, organization_id UUID, role VARCHAR)
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT s.id, u.id, u.organization_id, u.role
  FROM public.user_sessions AS s
  JOIN public.users AS u ON u.id = s.user_id
  LEFT JOIN public.organizations AS o ON o.id = u.organization_id
  WHERE s.session_token = 'sha256:' || public.secret_digest(presented)
    AND s.expires_at > at
    AND s.revoked_at IS NULL
    AND u.status = 'active'
    AND (o.id IS NULL OR o.status IN ('pending', 'active'));
$$;

COMMENT ON FUNCTION public.authenticate_session(TEXT, TIMESTAMPTZ) IS
  'Whose session a presented token is at a moment, by default now; no row if it is not let in.';

-- Who may ask is said together with the other rights.
REVOKE EXECUTE ON FUNCTION public.sign_in_account(TEXT) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION public.authenticate_session(TEXT, TIMESTAMPTZ) FROM PUBLIC;
