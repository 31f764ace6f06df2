-- Takes the hashes back. Nothing knows the keys any more: hosts that checked them by these need new ones after this.

ALTER TABLE public.enterprise_api_keys
  DROP COLUMN key_last4,
  DROP COLUMN key_prefix,
  DROP COLUMN key_hash;
