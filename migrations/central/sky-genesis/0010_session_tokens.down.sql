-- Takes the hashing back. The tokens themselves cannot be restored: the hashes stay, so everybody signs in again.

DROP TRIGGER seal_session_tokens ON api_service.user_sessions;
DROP FUNCTION api_service.seal_session_tokens();

COMMENT ON COLUMN api_service.user_sessions.access_token IS 'Secret: access token.';
COMMENT ON COLUMN api_service.user_sessions.refresh_token IS 'Secret: refresh token.';
