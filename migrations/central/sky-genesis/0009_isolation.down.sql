-- Takes isolation back: policies, rights, and the role if nobody else in the cluster needs it.

DROP POLICY shared_reference ON api_service.ai_models;
DROP POLICY shared_reference ON api_service.api_routes;
DROP POLICY shared_reference ON api_service.service_registry;
DROP POLICY shared_reference ON api_service.infra_nodes;
DROP POLICY own_organization ON api_service.message_reads;
DROP POLICY own_organization ON api_service.message_reactions;
DROP POLICY own_organization ON api_service.message_attachments;
DROP POLICY own_organization ON api_service.messages;
DROP POLICY own_organization ON api_service.conversation_participants;
DROP POLICY own_organization ON api_service.user_sessions;
DROP POLICY own_organization ON api_service.conversations;
DROP POLICY own_organization ON api_service.audit_events;
DROP POLICY own_organization ON api_service.ai_inference_log;
DROP POLICY anonymous_call ON api_service.api_access_log;
DROP POLICY own_organization ON api_service.api_access_log;
DROP POLICY own_organization ON api_service.data_sources;
DROP POLICY own_organization ON api_service.api_keys;
DROP POLICY own_organization ON api_service.users;
DROP POLICY own_organization ON api_service.organizations;

ALTER TABLE api_service.message_reads DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.message_reactions DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.message_attachments DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.messages DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.conversation_participants DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.conversations DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.audit_events DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.ai_inference_log DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.ai_models DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.data_sources DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.service_registry DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.infra_nodes DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.api_access_log DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.api_routes DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.api_keys DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.user_sessions DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.users DISABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.organizations DISABLE ROW LEVEL SECURITY;

REVOKE ALL ON ALL TABLES IN SCHEMA api_service FROM sky_genesis_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA api_service FROM sky_genesis_app;
REVOKE ALL ON SCHEMA api_service FROM sky_genesis_app;

DROP FUNCTION api_service.current_organization_id();

DO $$
BEGIN
  DROP ROLE sky_genesis_app;
EXCEPTION
  -- Another database of the cluster uses it, or it was a database administrator who made it.
  WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    NULL;
  WHEN undefined_object THEN
    NULL;
END;
$$;
