-- Takes the audit trail back. What it recorded is gone with it: export first.

DROP FUNCTION api_service.ensure_log_partitions(INTEGER, INTEGER);
DROP TABLE api_service.audit_events;
