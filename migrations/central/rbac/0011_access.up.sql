-- Access: the three database roles of the documentation, and row-level security where it is needed.
--
--   rbac_app       the application, with limited rights, for one user at a time
--   rbac_admin     for migrations only
--   rbac_readonly  analytics: reads everything but secrets, writes nothing
--
-- The host's own logins are made members of these. The application's says whom it works for:
--     SELECT set_config('rbac.user_id', '<uuid>', true);
-- Unset means nobody: no rows of anyone. What a user may do beyond their own rows is what their roles permit.
-- Row-level security is enabled, never forced: the owner's dumps, migrations and maintenance see everything. Rights are
-- on the partitioned parent alone, so that no partition is a way around a policy.

-- Roles belong to the cluster, and another database of it may create or drop these at the same moment. The first grant
-- pins a role until this transaction ends, so both are tried until they hold together.
DO $$
DECLARE
  wanted TEXT;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['rbac_app', 'rbac_admin', 'rbac_readonly'] LOOP
    LOOP
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN
          NULL;
        WHEN insufficient_privilege THEN
          IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            RAISE EXCEPTION 'role % is missing and this login may not create roles', wanted
              USING ERRCODE = 'insufficient_privilege',
                HINT = format('Ask a database administrator for: CREATE ROLE %I NOLOGIN;', wanted);
          END IF;
      END;
      BEGIN
        EXECUTE format('GRANT SELECT ON public.permissions TO %I', wanted);
        EXIT;
      EXCEPTION
        WHEN undefined_object THEN
          NULL;
      END;
    END LOOP;
  END LOOP;
END;
$$;

-- PUBLIC has this already where nobody took it away.
GRANT USAGE ON SCHEMA public TO rbac_app, rbac_readonly;

GRANT SELECT, INSERT, UPDATE ON public.users TO rbac_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
  public.roles,
  public.user_roles,
  public.role_permissions,
  public.sessions,
  public.user_profiles,
  public.posts,
  public.comments,
  public.resources
TO rbac_app;

-- The log is written and read, never changed.
GRANT SELECT, INSERT ON public.audit_logs TO rbac_app;
GRANT USAGE ON SEQUENCE public.audit_logs_id_seq TO rbac_app;

-- Migrations add tables and move rows. Altering a table takes its owner: where migrations run under a login of their own,
-- that login is the owner's member as well. Not even they rewrite the log.
GRANT USAGE, CREATE ON SCHEMA public TO rbac_admin;
GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER ON
  public.users,
  public.roles,
  public.user_roles,
  public.permissions,
  public.role_permissions,
  public.sessions,
  public.user_profiles,
  public.posts,
  public.comments,
  public.resources
TO rbac_admin;
GRANT SELECT, INSERT ON public.audit_logs TO rbac_admin;
GRANT USAGE ON SEQUENCE public.audit_logs_id_seq TO rbac_admin;

-- Column by column, so that a hash is never read and a column to come is not read by accident.
GRANT SELECT (id, email, name, phone, is_active, is_verified, last_login, created_at, updated_at)
  ON public.users TO rbac_readonly;
GRANT SELECT (id, user_id, ip_address, user_agent, expires_at, created_at)
  ON public.sessions TO rbac_readonly;
GRANT SELECT ON
  public.roles,
  public.user_roles,
  public.role_permissions,
  public.user_profiles,
  public.posts,
  public.comments,
  public.resources,
  public.audit_logs
TO rbac_readonly;

CREATE FUNCTION public.current_user_id() RETURNS UUID
LANGUAGE sql
STABLE PARALLEL SAFE
AS $$
  SELECT NULLIF(pg_catalog.current_setting('rbac.user_id', true), '')::UUID;
$$;

COMMENT ON FUNCTION public.current_user_id() IS
  'The user that this session works for; NULL, and so no rows, when it has not said.';

-- SECURITY DEFINER because the policies that ask this guard the very tables that it reads.
CREATE FUNCTION public.current_user_may(permission TEXT) RETURNS BOOLEAN
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT 1
    FROM public.users AS u
    JOIN public.user_roles AS ur ON ur.user_id = u.id
    JOIN public.role_permissions AS rp ON rp.role_id = ur.role_id
    JOIN public.permissions AS p ON p.id = rp.permission_id
    WHERE u.id = public.current_user_id()
      AND u.is_active
      AND p.name = permission
  );
$$;

COMMENT ON FUNCTION public.current_user_may(TEXT) IS
  'Whether a role of the user that this session works for permits this; a deactivated user is permitted nothing.';

-- The two ways in. SECURITY DEFINER because authentication comes before the user is known: under row-level security the
-- application could see neither user nor session yet. Nobody but the application may ask.

CREATE FUNCTION public.user_for_login(login TEXT) RETURNS TABLE (id UUID, password_hash VARCHAR)
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT u.id, u.password_hash FROM public.users AS u WHERE u.email = login AND u.is_active;
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
    AND u.is_active;
$$;

COMMENT ON FUNCTION public.user_for_session(TEXT) IS
  'Whose session a token is, by its hash; NULL when it has run out or the user may not be here.';

-- A policy asks with the rights of whoever runs the query, and only the application has policies that ask for permissions.
REVOKE EXECUTE ON FUNCTION public.current_user_may(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.current_user_may(TEXT) TO rbac_app;
REVOKE EXECUTE ON FUNCTION public.user_for_login(TEXT) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION public.user_for_session(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.user_for_login(TEXT) TO rbac_app;
GRANT EXECUTE ON FUNCTION public.user_for_session(TEXT) TO rbac_app;

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.user_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.role_permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.user_profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.posts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.resources ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_logs ENABLE ROW LEVEL SECURITY;

-- Migrations and analytics see every row; what they may do with them is a matter of rights.
DO $$
DECLARE
  guarded TEXT;
BEGIN
  FOREACH guarded IN ARRAY ARRAY[
    'users', 'roles', 'user_roles', 'permissions', 'role_permissions', 'sessions', 'user_profiles', 'posts', 'comments',
    'resources', 'audit_logs'
  ] LOOP
    EXECUTE format('CREATE POLICY migrations ON public.%I TO rbac_admin USING (true)', guarded);
    EXECUTE format('CREATE POLICY analytics ON public.%I FOR SELECT TO rbac_readonly USING (true)', guarded);
  END LOOP;
END;
$$;

-- In all that follows the sub-select makes PostgreSQL ask once per query and not once per row.

CREATE POLICY own_account ON public.users FOR SELECT TO rbac_app
  USING (id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('users:read')));

-- People keep their own account, but do not switch themselves on again.
CREATE POLICY own_profile ON public.users FOR UPDATE TO rbac_app
  USING (id = (SELECT public.current_user_id()) AND is_active)
  WITH CHECK (id = (SELECT public.current_user_id()));

CREATE POLICY administration ON public.users TO rbac_app
  USING ((SELECT public.current_user_may('users:write')));

-- Who holds which role is the user's own business and an administrator's. Nobody gives themselves a role.

CREATE POLICY own_roles ON public.user_roles FOR SELECT TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('users:read')));

CREATE POLICY administration ON public.user_roles TO rbac_app
  USING ((SELECT public.current_user_may('roles:write')));

-- What roles there are and what they permit is no secret. Those of the schema are for the owner alone to change.

CREATE POLICY shared_reference ON public.roles FOR SELECT TO rbac_app USING (true);

CREATE POLICY administration ON public.roles TO rbac_app
  USING (is_system IS NOT TRUE AND (SELECT public.current_user_may('roles:write')));

CREATE POLICY shared_reference ON public.permissions FOR SELECT TO rbac_app USING (true);

CREATE POLICY shared_reference ON public.role_permissions FOR SELECT TO rbac_app USING (true);

CREATE POLICY administration ON public.role_permissions TO rbac_app
  USING (
    (SELECT public.current_user_may('roles:write'))
    AND role_id IN (SELECT r.id FROM public.roles AS r WHERE r.is_system IS NOT TRUE)
  );

CREATE POLICY own_sessions ON public.sessions TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('sessions:write')));

-- Profiles are for everybody who is signed in to read.

CREATE POLICY shared_within_organization ON public.user_profiles FOR SELECT TO rbac_app
  USING ((SELECT public.current_user_id()) IS NOT NULL);

CREATE POLICY own_profile ON public.user_profiles TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('users:write')));

-- Published posts are for everybody who is signed in, and comments go with their post.

CREATE POLICY published ON public.posts FOR SELECT TO rbac_app
  USING (status = 'published' AND (SELECT public.current_user_id()) IS NOT NULL);

CREATE POLICY own_posts ON public.posts TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('posts:write')));

CREATE POLICY on_visible_post ON public.comments FOR SELECT TO rbac_app
  USING (post_id IN (SELECT p.id FROM public.posts AS p));

-- Whoever may not see a post does not comment on it either.
CREATE POLICY own_comments ON public.comments FOR INSERT TO rbac_app
  WITH CHECK (user_id = (SELECT public.current_user_id()) AND post_id IN (SELECT p.id FROM public.posts AS p));

CREATE POLICY own_comments_changed ON public.comments FOR UPDATE TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('posts:write')));

CREATE POLICY own_comments_removed ON public.comments FOR DELETE TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('posts:write')));

CREATE POLICY own_resources ON public.resources FOR SELECT TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('resources:read')));

CREATE POLICY own_resources_changed ON public.resources TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('resources:write')));

CREATE POLICY own_entries ON public.audit_logs FOR SELECT TO rbac_app
  USING (user_id = (SELECT public.current_user_id()) OR (SELECT public.current_user_may('audit_logs:read')));

-- Nobody writes in another's name. A failed sign-in is by nobody.
CREATE POLICY own_name ON public.audit_logs FOR INSERT TO rbac_app
  WITH CHECK (user_id IS NULL OR user_id = (SELECT public.current_user_id()));
