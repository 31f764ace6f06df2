-- Infrastructure: nodes, the services that run on them, and the databases that organizations connect.
-- Nodes and services belong to the platform and are shared; a data source belongs to one organization.

CREATE TABLE api_service.infra_nodes (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  region VARCHAR(50),
  ip_address INET,
  status VARCHAR(50) DEFAULT 'online',
  capacity_score NUMERIC(5, 2) DEFAULT 100.0,
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT infra_nodes_status_known
    CHECK (status IN ('online', 'degraded', 'maintenance', 'offline', 'decommissioned')),
  CONSTRAINT infra_nodes_capacity_score_positive CHECK (capacity_score >= 0)
);

CREATE INDEX infra_nodes_region_status_idx ON api_service.infra_nodes (region, status);

COMMENT ON TABLE api_service.infra_nodes IS
  'Physical and virtual nodes with a score of their capacity. Shared by all organizations.';

CREATE TABLE api_service.service_registry (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL UNIQUE,
  version VARCHAR(50),
  base_url TEXT NOT NULL,
  status VARCHAR(50) DEFAULT 'active',
  node_id UUID REFERENCES api_service.infra_nodes (id) ON DELETE SET NULL,
  registered_at TIMESTAMP DEFAULT now(),
  CONSTRAINT service_registry_status_known
    CHECK (status IN ('active', 'degraded', 'maintenance', 'inactive', 'deprecated'))
);

CREATE INDEX service_registry_node_idx ON api_service.service_registry (node_id);
CREATE INDEX service_registry_status_idx ON api_service.service_registry (status);

COMMENT ON TABLE api_service.service_registry IS
  'Service discovery: version, address and health of each service. Shared by all organizations.';

CREATE TABLE api_service.data_sources (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  db_type VARCHAR(50) NOT NULL,
  host VARCHAR(255) NOT NULL,
  port INTEGER,
  database_name VARCHAR(255) NOT NULL,
  username VARCHAR(255) NOT NULL,
  password_hash TEXT NOT NULL,
  organization_id UUID REFERENCES api_service.organizations (id) ON DELETE CASCADE,
  status VARCHAR(50) DEFAULT 'active',
  created_at TIMESTAMP DEFAULT now(),
  updated_at TIMESTAMP DEFAULT now(),
  CONSTRAINT data_sources_port_range CHECK (port BETWEEN 1 AND 65535),
  CONSTRAINT data_sources_status_known CHECK (status IN ('active', 'inactive', 'error', 'archived'))
);

CREATE INDEX data_sources_organization_idx ON api_service.data_sources (organization_id, status);

COMMENT ON TABLE api_service.data_sources IS 'Databases that an organization connects, of many kinds.';
COMMENT ON COLUMN api_service.data_sources.password_hash IS 'Secret: encrypted credentials or a vault reference.';
