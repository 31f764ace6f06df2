-- Takes access back: policies, rights, and the roles if nobody else in the cluster needs them.

DROP POLICY own_name ON public.audit_logs;
DROP POLICY own_entries ON public.audit_logs;
DROP POLICY own_resources_changed ON public.resources;
DROP POLICY own_resources ON public.resources;
DROP POLICY own_comments_removed ON public.comments;
DROP POLICY own_comments_changed ON public.comments;
DROP POLICY own_comments ON public.comments;
DROP POLICY on_visible_post ON public.comments;
DROP POLICY own_posts ON public.posts;
DROP POLICY published ON public.posts;
DROP POLICY own_profile ON public.user_profiles;
DROP POLICY shared_within_organization ON public.user_profiles;
DROP POLICY own_sessions ON public.sessions;
DROP POLICY administration ON public.role_permissions;
DROP POLICY shared_reference ON public.role_permissions;
DROP POLICY shared_reference ON public.permissions;
DROP POLICY administration ON public.roles;
DROP POLICY shared_reference ON public.roles;
DROP POLICY administration ON public.user_roles;
DROP POLICY own_roles ON public.user_roles;
DROP POLICY administration ON public.users;
DROP POLICY own_profile ON public.users;
DROP POLICY own_account ON public.users;

DO $$
DECLARE
  guarded TEXT;
BEGIN
  FOREACH guarded IN ARRAY ARRAY[
    'users', 'roles', 'user_roles', 'permissions', 'role_permissions', 'sessions', 'user_profiles', 'posts', 'comments',
    'resources', 'audit_logs'
  ] LOOP
    EXECUTE format('DROP POLICY analytics ON public.%I', guarded);
    EXECUTE format('DROP POLICY migrations ON public.%I', guarded);
    EXECUTE format('ALTER TABLE public.%I DISABLE ROW LEVEL SECURITY', guarded);
    -- By name: the schema is not ours alone.
    EXECUTE format('REVOKE ALL ON public.%I FROM rbac_app, rbac_admin, rbac_readonly', guarded);
  END LOOP;
END;
$$;

DROP FUNCTION public.user_for_session(TEXT);
DROP FUNCTION public.user_for_login(TEXT);
DROP FUNCTION public.current_user_may(TEXT);
DROP FUNCTION public.current_user_id();

REVOKE ALL ON SEQUENCE public.audit_logs_id_seq FROM rbac_app, rbac_admin;
REVOKE ALL ON SCHEMA public FROM rbac_app, rbac_admin, rbac_readonly;

DO $$
DECLARE
  unwanted TEXT;
BEGIN
  FOREACH unwanted IN ARRAY ARRAY['rbac_app', 'rbac_admin', 'rbac_readonly'] LOOP
    BEGIN
      EXECUTE format('DROP ROLE %I', unwanted);
    EXCEPTION
      -- Another database of the cluster uses it, or it was a database administrator who made it.
      WHEN dependent_objects_still_exist OR insufficient_privilege THEN
        NULL;
      WHEN undefined_object THEN
        NULL;
    END;
  END LOOP;
END;
$$;
