-- The documented key table has no column for what a caller presents. A hash of it belongs beside the switch that says
-- whether it is let in, and the marks by which a person recognizes a key whose hash is all that is left. All of it may
-- be empty: a host that keeps its keys' secrets elsewhere need not know of it.
-- Expiry and lineage are not here: the host's documented check is the switch alone, and would not read them.

ALTER TABLE public.enterprise_api_keys
  ADD COLUMN key_hash VARCHAR(64),
  ADD COLUMN key_prefix VARCHAR(16),
  ADD COLUMN key_last4 CHAR(4),
  ADD CONSTRAINT enterprise_api_keys_key_hash_key UNIQUE (key_hash),
  ADD CONSTRAINT enterprise_api_keys_key_hash_format CHECK (key_hash ~ '^[0-9a-f]{64}$');

COMMENT ON COLUMN public.enterprise_api_keys.key_hash IS 'Secret: SHA-256 of the key''s UTF-8 bytes, lower hex.';
COMMENT ON COLUMN public.enterprise_api_keys.key_prefix IS
  'Start of the key, to recognize it by; never enough to guess it.';
COMMENT ON COLUMN public.enterprise_api_keys.key_last4 IS 'Last four characters of the key, to recognize it by.';
