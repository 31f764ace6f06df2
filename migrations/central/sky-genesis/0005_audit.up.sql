-- Audit: what happened, who did it, before and after.
-- Partitioned by month like the access log, since auditors ask by date and retention works by month.
-- actor_id and organization_id have no ON DELETE action, as documented: whoever acted cannot be deleted out of the
-- record, only deactivated.

CREATE TABLE api_service.audit_events (
  id BIGSERIAL,
  actor_id UUID REFERENCES api_service.users (id),
  organization_id UUID REFERENCES api_service.organizations (id),
  event_type VARCHAR(255),
  event_data JSONB,
  created_at TIMESTAMP NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE api_service.audit_events_default PARTITION OF api_service.audit_events DEFAULT;

CREATE INDEX audit_events_organization_idx ON api_service.audit_events (organization_id, created_at DESC);
CREATE INDEX audit_events_actor_idx ON api_service.audit_events (actor_id, created_at DESC);
CREATE INDEX audit_events_event_type_idx ON api_service.audit_events (event_type, created_at DESC);
CREATE INDEX audit_events_event_data_idx ON api_service.audit_events USING gin (event_data jsonb_path_ops);
CREATE INDEX audit_events_created_at_idx ON api_service.audit_events (created_at);

COMMENT ON TABLE api_service.audit_events IS 'Security audit trail. Partitioned by month.';

CREATE FUNCTION api_service.ensure_log_partitions(months_back INTEGER, months_ahead INTEGER) RETURNS INTEGER
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT api_service.ensure_monthly_partitions('api_access_log', 'timestamp', months_back, months_ahead)
    + api_service.ensure_monthly_partitions('audit_events', 'created_at', months_back, months_ahead);
$$;

COMMENT ON FUNCTION api_service.ensure_log_partitions(INTEGER, INTEGER) IS
  'Creates the missing monthly partitions of both logs; returns how many. Run it monthly, as the owner.';

REVOKE EXECUTE ON FUNCTION api_service.ensure_log_partitions(INTEGER, INTEGER) FROM PUBLIC;

SELECT api_service.ensure_log_partitions(7, 2);
