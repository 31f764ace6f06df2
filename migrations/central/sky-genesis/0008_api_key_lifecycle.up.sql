-- Expand: a life cycle for API keys (states, expiry, lineage), and no key in the clear any more.
--
-- key_value keeps its name, its NOT NULL and its UNIQUE, but holds 'sha256:<64 hex>'. Writers that still send a clear
-- key go on working: a trigger hashes it before it is stored. Readers must change BEFORE this runs where the database
-- is in use: a host that compares key_value with what the caller presented has to call api_key_is_valid() instead, or
-- look up by key_hash. (Comparing with key_value would also let a caller in with the stored hash.)
--
-- status, expires_at and last_used_at exist already in some published databases, hence IF NOT EXISTS.

ALTER TABLE api_service.api_keys ADD COLUMN IF NOT EXISTS status VARCHAR(50) DEFAULT 'active';
ALTER TABLE api_service.api_keys ADD COLUMN IF NOT EXISTS expires_at TIMESTAMP;
ALTER TABLE api_service.api_keys ADD COLUMN IF NOT EXISTS last_used_at TIMESTAMP;

ALTER TABLE api_service.api_keys
  ADD COLUMN key_hash VARCHAR(64),
  ADD COLUMN key_prefix VARCHAR(16),
  ADD COLUMN key_last4 CHAR(4),
  ADD COLUMN rotated_from UUID,
  ADD COLUMN revoked_at TIMESTAMP,
  ADD COLUMN owner_id UUID,
  ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash),
  ADD CONSTRAINT api_keys_key_hash_format CHECK (key_hash ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT api_keys_rotated_from_fkey
    FOREIGN KEY (rotated_from) REFERENCES api_service.api_keys (id) ON DELETE SET NULL,
  ADD CONSTRAINT api_keys_rotated_from_other CHECK (rotated_from <> id),
  ADD CONSTRAINT api_keys_owner_id_fkey
    FOREIGN KEY (owner_id) REFERENCES api_service.users (id) ON DELETE SET NULL,
  ADD CONSTRAINT api_keys_status_known
    CHECK (status IN ('active', 'retiring', 'suspended', 'compromised', 'revoked', 'expired'));

CREATE INDEX api_keys_rotated_from_idx ON api_service.api_keys (rotated_from);
CREATE INDEX api_keys_owner_idx ON api_service.api_keys (owner_id);
CREATE INDEX api_keys_organization_status_idx ON api_service.api_keys (organization_id, status);
-- "What expires next" asks only for keys that still work.
CREATE INDEX api_keys_expires_at_idx
  ON api_service.api_keys (expires_at) WHERE status IN ('active', 'retiring');

COMMENT ON COLUMN api_service.api_keys.key_value IS
  'Secret: ''sha256:'' and the hash of the key. A clear value is hashed before it is stored.';
COMMENT ON COLUMN api_service.api_keys.key_hash IS 'Secret: SHA-256 of the key''s UTF-8 bytes, lower hex.';
COMMENT ON COLUMN api_service.api_keys.key_prefix IS 'Start of the key, to recognize it by; never enough to guess it.';
COMMENT ON COLUMN api_service.api_keys.key_last4 IS 'Last four characters of the key, to recognize it by.';
COMMENT ON COLUMN api_service.api_keys.status IS
  'Only active and retiring keys are let in; retiring ones wait for the end of their overlap.';
COMMENT ON COLUMN api_service.api_keys.expires_at IS 'UTC; from here on the key is refused, with no job needed.';
COMMENT ON COLUMN api_service.api_keys.rotated_from IS 'The key that this one replaces.';
COMMENT ON COLUMN api_service.api_keys.revoked_at IS 'UTC; set once, a revoked key never returns.';
COMMENT ON COLUMN api_service.api_keys.private_key IS
  'Secret: a vault reference (''vault:...'') or nothing; never the private key itself.';

CREATE FUNCTION api_service.secret_digest(secret TEXT) RETURNS TEXT
LANGUAGE sql
STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT encode(sha256(convert_to(secret, 'UTF8')), 'hex');
$$;

COMMENT ON FUNCTION api_service.secret_digest(TEXT) IS 'SHA-256 of a secret''s UTF-8 bytes, lower hex.';

CREATE FUNCTION api_service.seal_api_key() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  sealed CONSTANT TEXT := '^sha256:[0-9a-f]{64}$';
  clear_key TEXT;
  value_changed BOOLEAN := TG_OP = 'INSERT' OR NEW.key_value IS DISTINCT FROM OLD.key_value;
  hash_changed BOOLEAN := TG_OP = 'INSERT' OR NEW.key_hash IS DISTINCT FROM OLD.key_hash;
BEGIN
  IF NEW.key_value IS NOT NULL AND NEW.key_value !~ sealed THEN
    clear_key := NEW.key_value;
    NEW.key_hash := api_service.secret_digest(clear_key);
    NEW.key_value := 'sha256:' || NEW.key_hash;

    -- Marks of the old key must not survive on the new one.
    IF TG_OP = 'UPDATE' AND OLD.key_hash IS DISTINCT FROM NEW.key_hash THEN
      IF NEW.key_prefix IS NOT DISTINCT FROM OLD.key_prefix THEN
        NEW.key_prefix := NULL;
      END IF;
      IF NEW.key_last4 IS NOT DISTINCT FROM OLD.key_last4 THEN
        NEW.key_last4 := NULL;
      END IF;
    END IF;

    -- A short key would be half told by its marks. The prefix is words before underscores ('sk_live_'), because
    -- the random part of some keys contains underscores as well.
    IF length(clear_key) >= 20 THEN
      NEW.key_prefix := COALESCE(
        NEW.key_prefix, substring(clear_key FROM '^(?:[A-Za-z]{1,7}_){1,2}'), left(clear_key, 4)
      );
      NEW.key_last4 := COALESCE(NEW.key_last4, right(clear_key, 4));
    END IF;
  ELSIF NEW.key_hash IS NOT NULL AND (NEW.key_value IS NULL OR (hash_changed AND NOT value_changed)) THEN
    NEW.key_value := 'sha256:' || NEW.key_hash;
  ELSIF NEW.key_value IS NOT NULL AND (NEW.key_hash IS NULL OR (value_changed AND NOT hash_changed)) THEN
    NEW.key_hash := substr(NEW.key_value, 8);
  END IF;

  -- Here and not by a CHECK alone: a key that was stored in the clear before must still be updatable.
  IF NEW.private_key NOT LIKE 'vault:%'
    AND (TG_OP = 'INSERT' OR NEW.private_key IS DISTINCT FROM OLD.private_key) THEN
    RAISE EXCEPTION 'api_keys.private_key takes a vault reference (''vault:...''), never a private key'
      USING ERRCODE = 'check_violation', SCHEMA = 'api_service', TABLE = 'api_keys', COLUMN = 'private_key';
  END IF;
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION api_service.seal_api_key() IS
  'Stores a key''s hash in place of the key, and refuses private keys.';

-- Named columns only: a host that counts every use of a key does not pay for this.
CREATE TRIGGER seal_api_key
  BEFORE INSERT OR UPDATE OF key_value, key_hash, private_key ON api_service.api_keys
  FOR EACH ROW EXECUTE FUNCTION api_service.seal_api_key();

-- The keys that are there already: the trigger does to them what it does to new ones.
UPDATE api_service.api_keys SET key_value = key_value WHERE key_hash IS NULL;

ALTER TABLE api_service.api_keys
  ADD CONSTRAINT api_keys_key_value_sealed CHECK (key_value = 'sha256:' || key_hash);

-- Even a NOT VALID check refuses the next update of a row that breaks it, and a host counts every use of its keys. So
-- where private keys stand in the clear the check waits until they are moved; the trigger takes no new ones meanwhile.
DO $$
DECLARE
  in_the_clear BIGINT;
BEGIN
  SELECT count(*) INTO in_the_clear FROM api_service.api_keys WHERE private_key NOT LIKE 'vault:%';
  IF in_the_clear = 0 THEN
    ALTER TABLE api_service.api_keys
      ADD CONSTRAINT api_keys_private_key_reference CHECK (private_key LIKE 'vault:%');
  ELSE
    RAISE WARNING '% API keys hold a private key in the clear', in_the_clear
      USING HINT = 'Move them to a vault, then add the check api_keys_private_key_reference.';
  END IF;
END;
$$;

-- SECURITY DEFINER because authentication comes before the organization is known: under row-level security the caller
-- could not see the key yet. It answers yes or no to somebody who holds the key, and nothing else.
CREATE FUNCTION api_service.api_key_is_valid(
  presented TEXT, at TIMESTAMP DEFAULT (now() AT TIME ZONE 'UTC')
) RETURNS BOOLEAN
LANGUAGE sql
STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT 1
    FROM api_service.api_keys AS k
    WHERE k.key_hash = api_service.secret_digest(presented)
      AND k.status IN ('active', 'retiring')
      AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > at)
  );
$$;

COMMENT ON FUNCTION api_service.api_key_is_valid(TEXT, TIMESTAMP) IS
  'Whether a presented key is let in at a moment (UTC, by default now). What a host''s authentication calls.';
