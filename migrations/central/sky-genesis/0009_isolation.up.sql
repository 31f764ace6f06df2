-- Isolation: the application sees one organization at a time, whatever its queries forget to filter.
--
-- The host's own login is made a member of sky_genesis_app and says whom it works for:
--     SELECT set_config('api_service.organization_id', '<uuid>', true);
-- Unset means no rows. Row-level security is enabled, never forced: the owner's dumps, migrations and maintenance see
-- everything. Rights are on the partitioned parents alone, so that no partition is a way around a policy.

-- Roles belong to the cluster, and another database of it may create or drop this one at the same moment. The first
-- grant pins the role until this transaction ends, so both are tried until they hold together.
DO $$
BEGIN
  LOOP
    BEGIN
      CREATE ROLE sky_genesis_app NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN
        NULL;
      WHEN insufficient_privilege THEN
        IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'sky_genesis_app') THEN
          RAISE EXCEPTION 'role sky_genesis_app is missing and this login may not create roles'
            USING ERRCODE = 'insufficient_privilege',
              HINT = 'Ask a database administrator for: CREATE ROLE sky_genesis_app NOLOGIN;';
        END IF;
    END;
    BEGIN
      GRANT USAGE ON SCHEMA api_service TO sky_genesis_app;
      EXIT;
    EXCEPTION
      WHEN undefined_object THEN
        NULL;
    END;
  END LOOP;
END;
$$;

CREATE FUNCTION api_service.current_organization_id() RETURNS UUID
LANGUAGE sql
STABLE PARALLEL SAFE
AS $$
  SELECT NULLIF(pg_catalog.current_setting('api_service.organization_id', true), '')::UUID;
$$;

COMMENT ON FUNCTION api_service.current_organization_id() IS
  'The organization that this session works for; NULL, and so no rows, when it has not said.';

GRANT SELECT, INSERT, UPDATE, DELETE ON
  api_service.users,
  api_service.user_sessions,
  api_service.api_keys,
  api_service.data_sources,
  api_service.conversations,
  api_service.conversation_participants,
  api_service.messages,
  api_service.message_attachments,
  api_service.message_reactions,
  api_service.message_reads
TO sky_genesis_app;

GRANT SELECT, UPDATE ON api_service.organizations TO sky_genesis_app;

-- Logs are written and read, never changed.
GRANT SELECT, INSERT ON
  api_service.api_access_log,
  api_service.ai_inference_log,
  api_service.audit_events
TO sky_genesis_app;

GRANT USAGE ON SEQUENCE
  api_service.api_access_log_id_seq,
  api_service.ai_inference_log_id_seq,
  api_service.audit_events_id_seq
TO sky_genesis_app;

-- Reference data of the platform.
GRANT SELECT ON
  api_service.infra_nodes,
  api_service.service_registry,
  api_service.api_routes,
  api_service.ai_models
TO sky_genesis_app;

ALTER TABLE api_service.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.user_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.api_routes ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.api_access_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.infra_nodes ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.service_registry ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.data_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.ai_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.ai_inference_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.conversation_participants ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.message_attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.message_reactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_service.message_reads ENABLE ROW LEVEL SECURITY;

-- The sub-select makes PostgreSQL read the setting once per query and not once per row.

CREATE POLICY own_organization ON api_service.organizations TO sky_genesis_app
  USING (id = (SELECT api_service.current_organization_id()));

CREATE POLICY own_organization ON api_service.users TO sky_genesis_app
  USING (organization_id = (SELECT api_service.current_organization_id()));

CREATE POLICY own_organization ON api_service.api_keys TO sky_genesis_app
  USING (organization_id = (SELECT api_service.current_organization_id()));

CREATE POLICY own_organization ON api_service.data_sources TO sky_genesis_app
  USING (organization_id = (SELECT api_service.current_organization_id()));

CREATE POLICY own_organization ON api_service.api_access_log TO sky_genesis_app
  USING (organization_id = (SELECT api_service.current_organization_id()));

-- A call to a public route comes with neither key nor user: it is logged for the platform, and no tenant sees it.
CREATE POLICY anonymous_call ON api_service.api_access_log FOR INSERT TO sky_genesis_app
  WITH CHECK (organization_id IS NULL AND api_key_id IS NULL AND user_id IS NULL);

CREATE POLICY own_organization ON api_service.ai_inference_log TO sky_genesis_app
  USING (organization_id = (SELECT api_service.current_organization_id()));

CREATE POLICY own_organization ON api_service.audit_events TO sky_genesis_app
  USING (organization_id = (SELECT api_service.current_organization_id()));

CREATE POLICY own_organization ON api_service.conversations TO sky_genesis_app
  USING (organization_id = (SELECT api_service.current_organization_id()));

-- Tables without an organization of their own follow their parent.

CREATE POLICY own_organization ON api_service.user_sessions TO sky_genesis_app
  USING (user_id IN (
    SELECT u.id
    FROM api_service.users AS u
    WHERE u.organization_id = (SELECT api_service.current_organization_id())
  ));

CREATE POLICY own_organization ON api_service.conversation_participants TO sky_genesis_app
  USING (conversation_id IN (
    SELECT c.id
    FROM api_service.conversations AS c
    WHERE c.organization_id = (SELECT api_service.current_organization_id())
  ));

CREATE POLICY own_organization ON api_service.messages TO sky_genesis_app
  USING (conversation_id IN (
    SELECT c.id
    FROM api_service.conversations AS c
    WHERE c.organization_id = (SELECT api_service.current_organization_id())
  ));

CREATE POLICY own_organization ON api_service.message_attachments TO sky_genesis_app
  USING (EXISTS (
    SELECT 1
    FROM api_service.messages AS m
    JOIN api_service.conversations AS c ON c.id = m.conversation_id
    WHERE m.id = message_attachments.message_id
      AND c.organization_id = (SELECT api_service.current_organization_id())
  ));

CREATE POLICY own_organization ON api_service.message_reactions TO sky_genesis_app
  USING (EXISTS (
    SELECT 1
    FROM api_service.messages AS m
    JOIN api_service.conversations AS c ON c.id = m.conversation_id
    WHERE m.id = message_reactions.message_id
      AND c.organization_id = (SELECT api_service.current_organization_id())
  ));

CREATE POLICY own_organization ON api_service.message_reads TO sky_genesis_app
  USING (EXISTS (
    SELECT 1
    FROM api_service.messages AS m
    JOIN api_service.conversations AS c ON c.id = m.conversation_id
    WHERE m.id = message_reads.message_id
      AND c.organization_id = (SELECT api_service.current_organization_id())
  ));

CREATE POLICY shared_reference ON api_service.infra_nodes FOR SELECT TO sky_genesis_app USING (true);
CREATE POLICY shared_reference ON api_service.service_registry FOR SELECT TO sky_genesis_app USING (true);
CREATE POLICY shared_reference ON api_service.api_routes FOR SELECT TO sky_genesis_app USING (true);
CREATE POLICY shared_reference ON api_service.ai_models FOR SELECT TO sky_genesis_app USING (true);
