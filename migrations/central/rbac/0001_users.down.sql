-- Takes people back. RESTRICT is the default on purpose: what somebody else hung on to the table stops this.

DROP TABLE public.users;

-- Only what stood in for the extension: neither the extension's own function nor somebody else's.
DO $$
BEGIN
  IF EXISTS (
    SELECT 1
    FROM pg_catalog.pg_proc AS p
    WHERE p.oid = to_regprocedure('public.uuid_generate_v4()')
      AND p.prosrc = 'SELECT pg_catalog.gen_random_uuid()'
  ) THEN
    DROP FUNCTION public.uuid_generate_v4();
  END IF;
END;
$$;
