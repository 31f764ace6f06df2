-- Takes marks and lineage back. Revoked keys stay refused, since they are not active.
-- Constraints and indexes on these columns go with them.

ALTER TABLE public.api_keys
  DROP COLUMN revoked_at,
  DROP COLUMN rotated_from,
  DROP COLUMN key_last4,
  DROP COLUMN key_prefix;
