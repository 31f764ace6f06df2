-- Expand: a life cycle for API keys: states, lineage, marks to recognize a key by, an owner.
--
-- active stays what a host's authentication reads, and follows the state; a host that knows active alone goes on working,
-- and the state follows it. So neither can say that a key is let in while the other says that it is not.

ALTER TABLE public.api_keys
  ADD COLUMN status VARCHAR(50) NOT NULL DEFAULT 'active',
  ADD COLUMN key_prefix VARCHAR(16),
  ADD COLUMN key_last4 CHAR(4),
  ADD COLUMN rotated_from UUID,
  ADD COLUMN revoked_at TIMESTAMPTZ,
  ADD COLUMN owner_id UUID,
  ADD CONSTRAINT api_keys_rotated_from_fkey
    FOREIGN KEY (rotated_from) REFERENCES public.api_keys (id) ON DELETE SET NULL,
  ADD CONSTRAINT api_keys_rotated_from_other CHECK (rotated_from <> id),
  ADD CONSTRAINT api_keys_owner_id_fkey
    FOREIGN KEY (owner_id) REFERENCES public.users (id) ON DELETE SET NULL,
  ADD CONSTRAINT api_keys_status_known
    CHECK (status IN ('active', 'retiring', 'suspended', 'compromised', 'revoked', 'expired'));

CREATE INDEX api_keys_rotated_from_idx ON public.api_keys (rotated_from);
CREATE INDEX api_keys_owner_idx ON public.api_keys (owner_id);
CREATE INDEX api_keys_organization_status_idx ON public.api_keys (organization_id, status);
-- "What expires next" asks only for keys that still work.
CREATE INDEX api_keys_expires_at_idx
  ON public.api_keys (expires_at) WHERE status IN ('active', 'retiring');

COMMENT ON COLUMN public.api_keys.active IS
  'What the host''s authentication reads: only active keys are let in. Follows status, and status follows it.';
COMMENT ON COLUMN public.api_keys.status IS
  'Only active and retiring keys are let in; retiring ones wait for the end of their overlap.';
COMMENT ON COLUMN public.api_keys.key_prefix IS 'Start of the key, to recognize it by; never enough to guess it.';
COMMENT ON COLUMN public.api_keys.key_last4 IS 'Last four characters of the key, to recognize it by.';
COMMENT ON COLUMN public.api_keys.rotated_from IS 'The key that this one replaces.';
COMMENT ON COLUMN public.api_keys.revoked_at IS 'Set once; a revoked key never returns.';
COMMENT ON COLUMN public.api_keys.owner_id IS 'Who answers for the key.';

CREATE FUNCTION public.keep_api_key_state() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  let_in CONSTANT TEXT[] := ARRAY['active', 'retiring'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.active IS NOT TRUE AND NEW.status = ANY (let_in) THEN
      NEW.status := 'suspended';
    END IF;
  ELSIF NEW.status = OLD.status AND NEW.active IS DISTINCT FROM OLD.active THEN
    -- A writer that knows active alone.
    IF NEW.active THEN
      NEW.status := 'active';
    ELSIF NEW.status = ANY (let_in) THEN
      NEW.status := 'suspended';
    END IF;
  END IF;

  IF TG_OP = 'UPDATE' AND OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS NULL OR NEW.status = ANY (let_in)) THEN
    RAISE EXCEPTION 'the API key % is revoked and cannot return', NEW.id
      USING ERRCODE = 'check_violation', SCHEMA = 'public', TABLE = 'api_keys', COLUMN = 'revoked_at',
        HINT = 'Issue a new key.';
  END IF;
  IF NEW.status = 'revoked' THEN
    NEW.revoked_at := COALESCE(NEW.revoked_at, now());
  ELSIF NEW.revoked_at IS NOT NULL AND NEW.status <> 'compromised' THEN
    NEW.status := 'revoked';
  END IF;
  NEW.active := NEW.status = ANY (let_in);
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.keep_api_key_state() IS
  'Keeps active, status and revoked_at of a key in step, and a revoked key revoked.';

-- Named columns only: a host that notes every use of a key does not pay for this.
CREATE TRIGGER keep_api_key_state
  BEFORE INSERT OR UPDATE OF active, status, revoked_at ON public.api_keys
  FOR EACH ROW EXECUTE FUNCTION public.keep_api_key_state();

-- The keys that are there already.
UPDATE public.api_keys SET status = 'suspended' WHERE active IS NOT TRUE;

ALTER TABLE public.api_keys
  ADD CONSTRAINT api_keys_active_follows_status CHECK (active = (status IN ('active', 'retiring')));

-- SECURITY DEFINER for the reason that authenticate_session() has.
CREATE FUNCTION public.authenticate_api_key(presented TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (api_key_id UUID, organization_id UUID, permissions JSONB)
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.id, k.organization_id, k.permissions
  FROM public.api_keys AS k
  JOIN public.organizations AS o ON o.id = k.organization_id
  WHERE k.key_hash = public.secret_digest(presented)
    AND k.active
    AND (k.expires_at IS NULL OR k.expires_at > at)
    AND o.status IN ('pending', 'active');
$$;

COMMENT ON FUNCTION public.authenticate_api_key(TEXT, TIMESTAMPTZ) IS
  'What a presented key may do, and for whom, at a moment, by default now; no row if it is not let in.';

REVOKE EXECUTE ON FUNCTION public.authenticate_api_key(TEXT, TIMESTAMPTZ) FROM PUBLIC;
