-- Takes isolation back: policies, rights, and the role if nobody else in the cluster needs it.

DROP POLICY own_transactions ON public.transaction_logs;
DROP POLICY own_enterprise ON public.enterprise_api_keys;
DROP POLICY own_enterprise_changed ON public.enterprise_accounts;
DROP POLICY own_enterprise ON public.enterprise_accounts;
DROP POLICY issued_credentials ON public.credentials;
DROP POLICY own_credentials ON public.credentials;
DROP POLICY own_identity ON public.domains;
DROP POLICY own_identity ON public.did_documents;
DROP POLICY own_identity_changed ON public.users;
DROP POLICY sign_up ON public.users;
DROP POLICY own_identity ON public.users;

ALTER TABLE public.transaction_logs DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.enterprise_api_keys DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.enterprise_accounts DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.credentials DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.domains DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.did_documents DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.users DISABLE ROW LEVEL SECURITY;

DROP FUNCTION public.enterprise_for_api_key(TEXT);
DROP FUNCTION public.user_for_did(TEXT);
DROP FUNCTION public.current_enterprise_id();

-- By name: the schema is not ours alone.
REVOKE ALL ON
  public.users,
  public.did_documents,
  public.domains,
  public.credentials,
  public.enterprise_accounts,
  public.enterprise_api_keys,
  public.transaction_logs
FROM ubeu_app;
REVOKE ALL ON SCHEMA public FROM ubeu_app;

DO $$
BEGIN
  DROP ROLE ubeu_app;
EXCEPTION
  -- Another database of the cluster uses it, or it was a database administrator who made it.
  WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    NULL;
  WHEN undefined_object THEN
    NULL;
END;
$$;
