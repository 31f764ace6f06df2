-- What the documentation lacks and operators need: the marks by which a person recognizes a key whose hash is all that
-- is left, which key it replaces, and when it was revoked. All of it may be empty, so hosts need not know of it, and
-- is_active stays what authentication reads.

ALTER TABLE public.api_keys
  ADD COLUMN key_prefix VARCHAR(16),
  ADD COLUMN key_last4 CHAR(4),
  ADD COLUMN rotated_from UUID,
  ADD COLUMN revoked_at TIMESTAMP,
  ADD CONSTRAINT api_keys_rotated_from_fkey
    FOREIGN KEY (rotated_from) REFERENCES public.api_keys (id) ON DELETE SET NULL,
  ADD CONSTRAINT api_keys_rotated_from_other CHECK (rotated_from <> id),
  -- A revoked key never returns by a slip of the switch.
  ADD CONSTRAINT api_keys_revoked_inactive CHECK (revoked_at IS NULL OR is_active IS NOT TRUE);

CREATE INDEX idx_api_keys_rotated_from ON public.api_keys (rotated_from);

COMMENT ON COLUMN public.api_keys.key_prefix IS 'Start of the key, to recognize it by; never enough to guess it.';
COMMENT ON COLUMN public.api_keys.key_last4 IS 'Last four characters of the key, to recognize it by.';
COMMENT ON COLUMN public.api_keys.rotated_from IS 'The key that this one replaces.';
COMMENT ON COLUMN public.api_keys.revoked_at IS 'UTC; set once, together with is_active = false.';
