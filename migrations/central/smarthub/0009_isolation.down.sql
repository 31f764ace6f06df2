-- Takes isolation back: policies, rights, and the role if nobody else in the cluster needs it.

DROP POLICY own_name ON public.audit_logs;
DROP POLICY user_isolation ON public.audit_logs;
DROP POLICY moderation ON public.entities;
DROP POLICY shared_within_organization ON public.entities;
DROP POLICY administration ON public.roles;
DROP POLICY shared_reference ON public.roles;
DROP POLICY administration ON public.user_roles;
DROP POLICY user_isolation ON public.user_roles;
DROP POLICY user_isolation ON public.sessions;
DROP POLICY user_isolation ON public.api_keys;
DROP POLICY administration ON public.users;
DROP POLICY own_profile ON public.users;
DROP POLICY user_isolation ON public.users;

ALTER TABLE public.audit_logs DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.entities DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.sessions DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.api_keys DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.user_roles DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.roles DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.users DISABLE ROW LEVEL SECURITY;

DROP FUNCTION public.user_for_api_key(TEXT);
DROP FUNCTION public.user_for_session(TEXT);
DROP FUNCTION public.user_for_login(TEXT);
DROP FUNCTION public.current_user_has_role(TEXT[]);
DROP FUNCTION public.current_user_id();

-- By name: the schema is not ours alone.
REVOKE ALL ON
  public.users,
  public.roles,
  public.user_roles,
  public.api_keys,
  public.sessions,
  public.entities,
  public.audit_logs
FROM smarthub_app;
REVOKE ALL ON SCHEMA public FROM smarthub_app;

DO $$
BEGIN
  DROP ROLE smarthub_app;
EXCEPTION
  -- Another database of the cluster uses it, or it was a database administrator who made it.
  WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    NULL;
  WHEN undefined_object THEN
    NULL;
END;
$$;
