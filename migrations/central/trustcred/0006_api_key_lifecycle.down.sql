-- Takes the life cycle back. active goes on saying which keys are let in, so that no revoked key comes back by this;
-- states, lineage and marks are lost.

DROP FUNCTION public.authenticate_api_key(TEXT, TIMESTAMPTZ);
DROP TRIGGER keep_api_key_state ON public.api_keys;
DROP FUNCTION public.keep_api_key_state();

-- Constraints and indexes on these columns go with them.
ALTER TABLE public.api_keys
  DROP CONSTRAINT api_keys_active_follows_status,
  DROP COLUMN owner_id,
  DROP COLUMN revoked_at,
  DROP COLUMN rotated_from,
  DROP COLUMN key_last4,
  DROP COLUMN key_prefix,
  DROP COLUMN status;

COMMENT ON COLUMN public.api_keys.active IS 'What the host''s authentication reads: only active keys are let in.';
