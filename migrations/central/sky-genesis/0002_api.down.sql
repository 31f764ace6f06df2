-- Takes API management back, the log's partitions with it.

DROP TABLE api_service.api_access_log;
DROP FUNCTION api_service.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER);
DROP FUNCTION api_service.fill_access_log_organization();
DROP TABLE api_service.api_routes;
DROP TABLE api_service.api_keys;
