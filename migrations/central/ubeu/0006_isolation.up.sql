-- Isolation: row-level security for the application, which works for one user or one enterprise at a time, whatever its
-- queries forget to filter. What a user owns is that user's, what an enterprise owns is that enterprise's; the schema
-- says nothing of who belongs to an enterprise, so neither sees what is the other's.
--
-- The host's own login is made a member of ubeu_app and says whom it works for:
--     SELECT set_config('ubeu.user_id', '<uuid>', true);
--     SELECT set_config('ubeu.enterprise_id', '<uuid>', true);
-- Unset means no rows. Row-level security is enabled, never forced: the owner's dumps, migrations and maintenance see
-- everything. Rights are on the partitioned parent alone, so that no partition is a way around a policy.
-- Identities, credentials and keys are deactivated or revoked, so the application may not delete them.

-- Roles belong to the cluster, and another database of it may create or drop this one at the same moment. The first
-- grant pins the role until this transaction ends, so both are tried until they hold together.
DO $$
BEGIN
  LOOP
    BEGIN
      CREATE ROLE ubeu_app NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN
        NULL;
      WHEN insufficient_privilege THEN
        IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'ubeu_app') THEN
          RAISE EXCEPTION 'role ubeu_app is missing and this login may not create roles'
            USING ERRCODE = 'insufficient_privilege',
              HINT = 'Ask a database administrator for: CREATE ROLE ubeu_app NOLOGIN;';
        END IF;
    END;
    BEGIN
      GRANT SELECT, INSERT, UPDATE ON public.users TO ubeu_app;
      EXIT;
    EXCEPTION
      WHEN undefined_object THEN
        NULL;
    END;
  END LOOP;
END;
$$;

-- PUBLIC has this already where nobody took it away.
GRANT USAGE ON SCHEMA public TO ubeu_app;

GRANT SELECT, INSERT, UPDATE ON
  public.did_documents,
  public.domains,
  public.credentials,
  public.enterprise_api_keys
TO ubeu_app;

GRANT SELECT, UPDATE ON public.enterprise_accounts TO ubeu_app;

-- Its triggers write the log; nobody else does.
GRANT SELECT ON public.transaction_logs TO ubeu_app;

CREATE FUNCTION public.current_enterprise_id() RETURNS UUID
LANGUAGE sql
STABLE PARALLEL SAFE
AS $$
  SELECT NULLIF(pg_catalog.current_setting('ubeu.enterprise_id', true), '')::UUID;
$$;

COMMENT ON FUNCTION public.current_enterprise_id() IS
  'The enterprise that this session works for; NULL when it has not said.';

-- The two ways in. SECURITY DEFINER because authentication comes before it is known who asks: under row-level security
-- the application could see neither user nor key yet. Nobody but the application may ask.

CREATE FUNCTION public.user_for_did(presented_did TEXT) RETURNS UUID
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT u.id
  FROM public.did_documents AS d
  JOIN public.users AS u ON u.id = d.user_id
  WHERE d.did_identifier = presented_did
    AND d.status = 'active'
    AND u.status = 'active';
$$;

COMMENT ON FUNCTION public.user_for_did(TEXT) IS
  'Who signs in with this DID, once control of it is proven; NULL when the DID or its user is out of force.';

CREATE FUNCTION public.enterprise_for_api_key(presented_hash TEXT) RETURNS UUID
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.id
  FROM public.enterprise_api_keys AS k
  JOIN public.enterprise_accounts AS e ON e.id = k.enterprise_id
  WHERE k.key_hash = presented_hash
    AND k.active
    AND e.status = 'active';
$$;

COMMENT ON FUNCTION public.enterprise_for_api_key(TEXT) IS
  'Whose API key this is, by its SHA-256; NULL when the key or its enterprise is out of force.';

REVOKE EXECUTE ON FUNCTION public.user_for_did(TEXT) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION public.enterprise_for_api_key(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.user_for_did(TEXT) TO ubeu_app;
GRANT EXECUTE ON FUNCTION public.enterprise_for_api_key(TEXT) TO ubeu_app;

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.did_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.domains ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.enterprise_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.enterprise_api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.transaction_logs ENABLE ROW LEVEL SECURITY;

-- The sub-select makes PostgreSQL ask once per query and not once per row.

CREATE POLICY own_identity ON public.users FOR SELECT TO ubeu_app
  USING (id = (SELECT public.current_user_id()));

-- Whoever signs up chooses an id, says that it is theirs, and comes in.
CREATE POLICY sign_up ON public.users FOR INSERT TO ubeu_app
  WITH CHECK (id = (SELECT public.current_user_id()) AND status IN ('pending', 'active'));

-- Neither a user nor an enterprise that was suspended or closed puts itself in force again.
CREATE POLICY own_identity_changed ON public.users FOR UPDATE TO ubeu_app
  USING (id = (SELECT public.current_user_id()) AND status IN ('pending', 'active'))
  WITH CHECK (id = (SELECT public.current_user_id()));

CREATE POLICY own_identity ON public.did_documents TO ubeu_app
  USING (user_id = (SELECT public.current_user_id()));

CREATE POLICY own_identity ON public.domains TO ubeu_app
  USING (user_id = (SELECT public.current_user_id()));

-- Subjects hold their credentials, and issuers issue and revoke them. Policies of the table that is asked apply there
-- too, so these are the user's own DIDs.

CREATE POLICY own_credentials ON public.credentials FOR SELECT TO ubeu_app
  USING (subject_did IN (SELECT d.did_identifier FROM public.did_documents AS d));

CREATE POLICY issued_credentials ON public.credentials TO ubeu_app
  USING (issuer_did IN (SELECT d.did_identifier FROM public.did_documents AS d));

CREATE POLICY own_enterprise ON public.enterprise_accounts FOR SELECT TO ubeu_app
  USING (id = (SELECT public.current_enterprise_id()));

CREATE POLICY own_enterprise_changed ON public.enterprise_accounts FOR UPDATE TO ubeu_app
  USING (id = (SELECT public.current_enterprise_id()) AND status IN ('pending', 'active'))
  WITH CHECK (id = (SELECT public.current_enterprise_id()));

CREATE POLICY own_enterprise ON public.enterprise_api_keys TO ubeu_app
  USING (enterprise_id = (SELECT public.current_enterprise_id()));

CREATE POLICY own_transactions ON public.transaction_logs FOR SELECT TO ubeu_app
  USING (
    user_id = (SELECT public.current_user_id())
    OR actor_id = (SELECT public.current_user_id())
    OR enterprise_id = (SELECT public.current_enterprise_id())
  );
