-- Automation: updated_at follows every update, and a conversation knows when it was last spoken in.

CREATE FUNCTION api_service.update_timestamp() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION api_service.update_timestamp() IS 'Sets updated_at on every update, whatever the writer said.';

CREATE TRIGGER update_organizations_timestamp
  BEFORE UPDATE ON api_service.organizations
  FOR EACH ROW EXECUTE FUNCTION api_service.update_timestamp();

CREATE TRIGGER update_users_timestamp
  BEFORE UPDATE ON api_service.users
  FOR EACH ROW EXECUTE FUNCTION api_service.update_timestamp();

CREATE TRIGGER update_api_keys_timestamp
  BEFORE UPDATE ON api_service.api_keys
  FOR EACH ROW EXECUTE FUNCTION api_service.update_timestamp();

CREATE TRIGGER update_data_sources_timestamp
  BEFORE UPDATE ON api_service.data_sources
  FOR EACH ROW EXECUTE FUNCTION api_service.update_timestamp();

CREATE TRIGGER update_conversations_timestamp
  BEFORE UPDATE ON api_service.conversations
  FOR EACH ROW EXECUTE FUNCTION api_service.update_timestamp();

CREATE TRIGGER update_messages_timestamp
  BEFORE UPDATE ON api_service.messages
  FOR EACH ROW EXECUTE FUNCTION api_service.update_timestamp();

CREATE FUNCTION api_service.update_conversation_last_message() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Never backwards: messages arrive late and out of order from clients that were offline.
  UPDATE api_service.conversations AS c
  SET last_message_at = NEW.created_at
  WHERE c.id = NEW.conversation_id
    AND (c.last_message_at IS NULL OR c.last_message_at < NEW.created_at);
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION api_service.update_conversation_last_message() IS
  'Moves the conversation''s last_message_at forward to the newest message.';

CREATE TRIGGER update_conversation_last_message
  AFTER INSERT ON api_service.messages
  FOR EACH ROW EXECUTE FUNCTION api_service.update_conversation_last_message();
