-- Takes the life cycle back. The keys themselves cannot be restored: key_value goes on holding 'sha256:<hash>', since
-- nothing knows the clear key any more. Hosts that compare clear keys need new keys after this. States, expiry and
-- lineage are lost.

-- The old table has no way to say that a key is revoked. A key that is out of force now gets the hash of something
-- nobody knows, so that taking this migration back never lets a revoked key in again.
UPDATE api_service.api_keys
SET key_hash = encode(sha256(convert_to(gen_random_uuid()::TEXT || gen_random_uuid()::TEXT, 'UTF8')), 'hex')
WHERE status IS NULL
  OR status NOT IN ('active', 'retiring')
  OR revoked_at IS NOT NULL
  OR expires_at <= now() AT TIME ZONE 'UTC';

DROP FUNCTION api_service.api_key_is_valid(TEXT, TIMESTAMP);
DROP TRIGGER seal_api_key ON api_service.api_keys;
DROP FUNCTION api_service.seal_api_key();
DROP FUNCTION api_service.secret_digest(TEXT);

-- Constraints and indexes on these columns go with them.
ALTER TABLE api_service.api_keys
  DROP CONSTRAINT IF EXISTS api_keys_private_key_reference,
  DROP CONSTRAINT api_keys_key_value_sealed,
  DROP COLUMN owner_id,
  DROP COLUMN revoked_at,
  DROP COLUMN rotated_from,
  DROP COLUMN key_last4,
  DROP COLUMN key_prefix,
  DROP COLUMN key_hash,
  DROP COLUMN last_used_at,
  DROP COLUMN expires_at,
  DROP COLUMN status;

COMMENT ON COLUMN api_service.api_keys.key_value IS 'Secret: what a caller presents.';
COMMENT ON COLUMN api_service.api_keys.private_key IS 'Secret: private key.';
