-- No session token in the clear any more: the columns keep their names, and hold 'sha256:<64 hex>'.
-- Writers need not change. Readers must change BEFORE this runs where the database is in use, and look a session up by
-- 'sha256:' || api_service.secret_digest(presented), never by what the caller sent.

CREATE FUNCTION api_service.seal_session_tokens() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  sealed CONSTANT TEXT := '^sha256:[0-9a-f]{64}$';
BEGIN
  IF NEW.access_token !~ sealed THEN
    NEW.access_token := 'sha256:' || api_service.secret_digest(NEW.access_token);
  END IF;
  IF NEW.refresh_token !~ sealed THEN
    NEW.refresh_token := 'sha256:' || api_service.secret_digest(NEW.refresh_token);
  END IF;
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION api_service.seal_session_tokens() IS 'Stores the hashes of session tokens in place of the tokens.';

CREATE TRIGGER seal_session_tokens
  BEFORE INSERT OR UPDATE OF access_token, refresh_token ON api_service.user_sessions
  FOR EACH ROW EXECUTE FUNCTION api_service.seal_session_tokens();

-- The sessions that are there already: the trigger does to them what it does to new ones.
UPDATE api_service.user_sessions SET access_token = access_token, refresh_token = refresh_token;

COMMENT ON COLUMN api_service.user_sessions.access_token IS
  'Secret: ''sha256:'' and the hash of the access token. A clear token is hashed before it is stored.';
COMMENT ON COLUMN api_service.user_sessions.refresh_token IS
  'Secret: ''sha256:'' and the hash of the refresh token. A clear token is hashed before it is stored.';
