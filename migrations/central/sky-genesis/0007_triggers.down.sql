-- Takes the automation back; the timestamps it wrote stay.

DROP TRIGGER update_conversation_last_message ON api_service.messages;
DROP FUNCTION api_service.update_conversation_last_message();

DROP TRIGGER update_messages_timestamp ON api_service.messages;
DROP TRIGGER update_conversations_timestamp ON api_service.conversations;
DROP TRIGGER update_data_sources_timestamp ON api_service.data_sources;
DROP TRIGGER update_api_keys_timestamp ON api_service.api_keys;
DROP TRIGGER update_users_timestamp ON api_service.users;
DROP TRIGGER update_organizations_timestamp ON api_service.organizations;
DROP FUNCTION api_service.update_timestamp();
