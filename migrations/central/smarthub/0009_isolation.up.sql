-- Isolation: the application works for one user at a time, whatever its queries forget to filter.
--
-- The host's own login is made a member of smarthub_app and says whom it works for:
--     SELECT set_config('smarthub.user_id', '<uuid>', true);
-- Unset means nobody: no rows of anyone. Row-level security is enabled, never forced: the owner's dumps, migrations and
-- maintenance see everything. Rights are on the partitioned parent alone, so that no partition is a way around a policy.
-- Users, API keys and entities are deleted softly or revoked, so the application may not delete them.

-- Roles belong to the cluster, and another database of it may create or drop this one at the same moment. The first
-- grant pins the role until this transaction ends, so both are tried until they hold together.
DO $$
BEGIN
  LOOP
    BEGIN
      CREATE ROLE smarthub_app NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN
        NULL;
      WHEN insufficient_privilege THEN
        IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'smarthub_app') THEN
          RAISE EXCEPTION 'role smarthub_app is missing and this login may not create roles'
            USING ERRCODE = 'insufficient_privilege',
              HINT = 'Ask a database administrator for: CREATE ROLE smarthub_app NOLOGIN;';
        END IF;
    END;
    BEGIN
      GRANT SELECT, INSERT, UPDATE ON public.users TO smarthub_app;
      EXIT;
    EXCEPTION
      WHEN undefined_object THEN
        NULL;
    END;
  END LOOP;
END;
$$;

-- PUBLIC has this already where nobody took it away.
GRANT USAGE ON SCHEMA public TO smarthub_app;

GRANT SELECT, INSERT, UPDATE ON
  public.api_keys,
  public.entities
TO smarthub_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
  public.roles,
  public.user_roles,
  public.sessions
TO smarthub_app;

-- The log is written and read, never changed.
GRANT SELECT, INSERT ON public.audit_logs TO smarthub_app;

CREATE FUNCTION public.current_user_id() RETURNS UUID
LANGUAGE sql
STABLE PARALLEL SAFE
AS $$
  SELECT NULLIF(pg_catalog.current_setting('smarthub.user_id', true), '')::UUID;
$$;

COMMENT ON FUNCTION public.current_user_id() IS
  'The user that this session works for; NULL, and so no rows, when it has not said.';

-- SECURITY DEFINER because the policies that ask this guard the very tables that it reads.
CREATE FUNCTION public.current_user_has_role(VARIADIC names TEXT[]) RETURNS BOOLEAN
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT 1
    FROM public.users AS u
    JOIN public.user_roles AS ur ON ur.user_id = u.id
    JOIN public.roles AS r ON r.id = ur.role_id
    WHERE u.id = public.current_user_id()
      AND u.is_active
      AND u.deleted_at IS NULL
      AND r.name = ANY (names)
  );
$$;

COMMENT ON FUNCTION public.current_user_has_role(TEXT[]) IS
  'Whether the user that this session works for has one of these roles; a deactivated or deleted user has none.';

-- The three ways in. SECURITY DEFINER because authentication comes before the user is known: under row-level security
-- the application could see neither user, session nor key yet. Each takes what only its holder can know, or gives out
-- no more than it takes to check a password. Nobody but the application may ask.

CREATE FUNCTION public.user_for_login(login TEXT) RETURNS TABLE (id UUID, password_hash VARCHAR)
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT u.id, u.password_hash
  FROM public.users AS u
  WHERE u.email = login AND u.is_active AND u.deleted_at IS NULL;
$$;

COMMENT ON FUNCTION public.user_for_login(TEXT) IS
  'Who signs in with this e-mail address, and the hash to check the password by; nobody who may not sign in.';

CREATE FUNCTION public.user_for_session(presented_hash TEXT) RETURNS UUID
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT u.id
  FROM public.sessions AS s
  JOIN public.users AS u ON u.id = s.user_id
  WHERE s.token_hash = presented_hash
    AND s.expires_at > now() AT TIME ZONE 'UTC'
    AND u.is_active
    AND u.deleted_at IS NULL;
$$;

COMMENT ON FUNCTION public.user_for_session(TEXT) IS
  'Whose session a token is, by its hash; NULL when it has run out or the user may not be here.';

CREATE FUNCTION public.user_for_api_key(presented_hash TEXT) RETURNS UUID
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT u.id
  FROM public.api_keys AS k
  JOIN public.users AS u ON u.id = k.user_id
  WHERE k.key_hash = presented_hash
    AND k.is_active
    AND (k.expires_at IS NULL OR k.expires_at > now() AT TIME ZONE 'UTC')
    AND u.is_active
    AND u.deleted_at IS NULL;
$$;

COMMENT ON FUNCTION public.user_for_api_key(TEXT) IS
  'Whose API key this is, by its SHA-256; NULL when the key or its user is out of force.';

-- A policy asks with the rights of whoever runs the query, and only the application has policies that ask for roles.
REVOKE EXECUTE ON FUNCTION public.current_user_has_role(TEXT[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.current_user_has_role(TEXT[]) TO smarthub_app;
REVOKE EXECUTE ON FUNCTION public.user_for_login(TEXT) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION public.user_for_session(TEXT) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION public.user_for_api_key(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.user_for_login(TEXT) TO smarthub_app;
GRANT EXECUTE ON FUNCTION public.user_for_session(TEXT) TO smarthub_app;
GRANT EXECUTE ON FUNCTION public.user_for_api_key(TEXT) TO smarthub_app;

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.user_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.entities ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_logs ENABLE ROW LEVEL SECURITY;

-- As documented, for every role that is not the owner.
CREATE POLICY user_isolation ON public.users
  FOR SELECT
  USING (id = public.current_user_id());

-- In all that follows the sub-select makes PostgreSQL ask once per query and not once per row.

-- People keep their own profile, but do not switch themselves on again.
CREATE POLICY own_profile ON public.users FOR UPDATE TO smarthub_app
  USING (id = (SELECT public.current_user_id()) AND is_active AND deleted_at IS NULL)
  WITH CHECK (id = (SELECT public.current_user_id()));

CREATE POLICY administration ON public.users TO smarthub_app
  USING ((SELECT public.current_user_has_role('admin')));

-- What belongs to a user is theirs; administrators see and change it too.

CREATE POLICY user_isolation ON public.api_keys TO smarthub_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_has_role('admin')));

CREATE POLICY user_isolation ON public.sessions TO smarthub_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_has_role('admin')));

-- Nobody gives themselves a role.

CREATE POLICY user_isolation ON public.user_roles FOR SELECT TO smarthub_app
  USING (user_id = (SELECT public.current_user_id()));

CREATE POLICY administration ON public.user_roles TO smarthub_app
  USING ((SELECT public.current_user_has_role('admin')));

CREATE POLICY shared_reference ON public.roles FOR SELECT TO smarthub_app USING (true);

-- The roles of the schema are for the owner alone to change.
CREATE POLICY administration ON public.roles TO smarthub_app
  USING (is_system IS NOT TRUE AND (SELECT public.current_user_has_role('admin')));

-- Entities are the organization's: whoever is signed in sees them. Their owner changes them, unless a mere viewer, and
-- moderators do.

CREATE POLICY shared_within_organization ON public.entities FOR SELECT TO smarthub_app
  USING ((SELECT public.current_user_id()) IS NOT NULL);

CREATE POLICY moderation ON public.entities TO smarthub_app
  USING (
    (owner_id = (SELECT public.current_user_id()) AND (SELECT public.current_user_has_role('user')))
    OR (SELECT public.current_user_has_role('admin', 'moderator'))
  );

CREATE POLICY user_isolation ON public.audit_logs FOR SELECT TO smarthub_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_has_role('admin')));

-- Nobody writes in another's name. A failed sign-in is by nobody.
CREATE POLICY own_name ON public.audit_logs FOR INSERT TO smarthub_app
  WITH CHECK (user_id IS NULL OR user_id = (SELECT public.current_user_id()));
