-- Takes the core structure back. RESTRICT is the default on purpose: tables that somebody else put into the schema
-- stop this, instead of vanishing with it.

DROP TABLE api_service.user_sessions;
DROP TABLE api_service.users;
DROP TABLE api_service.organizations;
DROP SCHEMA api_service;
