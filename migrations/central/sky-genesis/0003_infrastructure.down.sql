-- Takes the infrastructure tables back.

DROP TABLE api_service.data_sources;
DROP TABLE api_service.service_registry;
DROP TABLE api_service.infra_nodes;
