-- API management: keys, routes, and the log of calls.
-- The log is the largest table of the schema, so it is partitioned by month: retention drops a month in an instant
-- instead of deleting millions of rows. That makes the date a part of its primary key.

CREATE TABLE api_service.api_keys (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID REFERENCES api_service.organizations (id) ON DELETE CASCADE,
  key_value TEXT UNIQUE NOT NULL,
  -- The documented INSERT names no type, so there has to be a default.
  key_type VARCHAR(20) NOT NULL DEFAULT 'client',
  label VARCHAR(255),
  permissions TEXT[],
  quota_limit INTEGER DEFAULT 100000,
  usage_count INTEGER DEFAULT 0,
  public_key TEXT,
  private_key TEXT,
  certificate_type VARCHAR(50),
  certificate_fingerprint VARCHAR(128),
  private_key_path TEXT,
  db_type VARCHAR(50),
  db_host VARCHAR(255),
  db_port INTEGER,
  db_name VARCHAR(255),
  db_username VARCHAR(255),
  db_password_encrypted TEXT,
  server_endpoint TEXT,
  server_region VARCHAR(50),
  client_origin VARCHAR(255),
  client_scopes TEXT[],
  created_at TIMESTAMP DEFAULT now(),
  updated_at TIMESTAMP DEFAULT now(),
  CONSTRAINT api_keys_key_type_known CHECK (key_type IN ('client', 'server', 'database')),
  CONSTRAINT api_keys_quota_limit_positive CHECK (quota_limit >= 0),
  CONSTRAINT api_keys_usage_count_positive CHECK (usage_count >= 0),
  CONSTRAINT api_keys_db_port_range CHECK (db_port BETWEEN 1 AND 65535)
);

CREATE INDEX api_keys_organization_idx ON api_service.api_keys (organization_id, created_at DESC);
CREATE INDEX api_keys_certificate_fingerprint_idx
  ON api_service.api_keys (certificate_fingerprint) WHERE certificate_fingerprint IS NOT NULL;
CREATE INDEX api_keys_permissions_idx ON api_service.api_keys USING gin (permissions);

COMMENT ON TABLE api_service.api_keys IS
  'API keys of an organization, with the certificate that may be coupled to them.';
COMMENT ON COLUMN api_service.api_keys.key_value IS 'Secret: what a caller presents.';
COMMENT ON COLUMN api_service.api_keys.private_key IS 'Secret: private key.';
COMMENT ON COLUMN api_service.api_keys.private_key_path IS 'Where the host keeps the private key; never its content.';
COMMENT ON COLUMN api_service.api_keys.db_password_encrypted IS
  'Secret: encrypted password of the database behind a database key.';

CREATE TABLE api_service.api_routes (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  method VARCHAR(10) NOT NULL,
  path VARCHAR(255) NOT NULL,
  service_name VARCHAR(100),
  is_public BOOLEAN DEFAULT false,
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT api_routes_method_known
    CHECK (method IN ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')),
  CONSTRAINT api_routes_path_absolute CHECK (path LIKE '/%'),
  CONSTRAINT api_routes_method_path_key UNIQUE (method, path)
);

CREATE INDEX api_routes_service_name_idx ON api_service.api_routes (service_name);

COMMENT ON TABLE api_service.api_routes IS
  'Routes of the API and the service behind each. Shared by all organizations.';

CREATE TABLE api_service.api_access_log (
  id BIGSERIAL,
  -- Not in the documentation's table: a log line must name its tenant, or isolating the log needs a join through
  -- keys and users that may be gone by then.
  organization_id UUID REFERENCES api_service.organizations (id) ON DELETE CASCADE,
  api_key_id UUID REFERENCES api_service.api_keys (id) ON DELETE SET NULL,
  route_id UUID REFERENCES api_service.api_routes (id) ON DELETE SET NULL,
  user_id UUID REFERENCES api_service.users (id) ON DELETE SET NULL,
  ip_address INET,
  response_status INTEGER,
  latency_ms INTEGER,
  "timestamp" TIMESTAMP NOT NULL DEFAULT now(),
  PRIMARY KEY (id, "timestamp"),
  CONSTRAINT api_access_log_response_status_range CHECK (response_status BETWEEN 100 AND 599),
  CONSTRAINT api_access_log_latency_positive CHECK (latency_ms >= 0)
) PARTITION BY RANGE ("timestamp");

-- Catches what no month covers, so that a forgotten partition never refuses a log line.
CREATE TABLE api_service.api_access_log_default PARTITION OF api_service.api_access_log DEFAULT;

CREATE INDEX api_access_log_organization_idx
  ON api_service.api_access_log (organization_id, "timestamp" DESC);
CREATE INDEX api_access_log_api_key_idx ON api_service.api_access_log (api_key_id, "timestamp" DESC);
CREATE INDEX api_access_log_route_idx ON api_service.api_access_log (route_id);
CREATE INDEX api_access_log_user_idx ON api_service.api_access_log (user_id);
CREATE INDEX api_access_log_timestamp_idx ON api_service.api_access_log ("timestamp");

COMMENT ON TABLE api_service.api_access_log IS
  'One row per API call: who, which route, result and time taken. Partitioned by month.';

CREATE FUNCTION api_service.fill_access_log_organization() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.organization_id := COALESCE(
    (SELECT k.organization_id FROM api_service.api_keys AS k WHERE k.id = NEW.api_key_id),
    (SELECT u.organization_id FROM api_service.users AS u WHERE u.id = NEW.user_id)
  );
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION api_service.fill_access_log_organization() IS
  'Names the tenant of a log line for hosts that do not: the key''s organization, else the user''s.';

CREATE TRIGGER fill_access_log_organization
  BEFORE INSERT ON api_service.api_access_log
  FOR EACH ROW
  WHEN (NEW.organization_id IS NULL)
  EXECUTE FUNCTION api_service.fill_access_log_organization();

CREATE FUNCTION api_service.ensure_monthly_partitions(
  parent TEXT, date_column TEXT, months_back INTEGER, months_ahead INTEGER
) RETURNS INTEGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  this_month TIMESTAMP := date_trunc('month', now() AT TIME ZONE 'UTC');
  first_day TIMESTAMP;
  next_first_day TIMESTAMP;
  partition_name TEXT;
  has_strays BOOLEAN;
  created INTEGER := 0;
BEGIN
  IF months_back IS NULL OR months_back NOT BETWEEN 0 AND 1200
    OR months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 1200 THEN
    RAISE EXCEPTION 'months_back and months_ahead must lie between 0 and 1200'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- Two callers at once would both find a month missing.
  PERFORM pg_advisory_xact_lock(hashtext('api_service.ensure_monthly_partitions'));

  FOR month_offset IN -months_back .. months_ahead LOOP
    first_day := this_month + make_interval(months => month_offset);
    next_first_day := first_day + INTERVAL '1 month';
    partition_name := parent || '_' || to_char(first_day, 'YYYY_MM');
    CONTINUE WHEN to_regclass(format('api_service.%I', partition_name)) IS NOT NULL;

    -- The new partition will need this lock anyway. Taken first, so that no writer slips a row in between the steps.
    EXECUTE format('LOCK TABLE api_service.%I IN ACCESS EXCLUSIVE MODE', parent);

    -- PostgreSQL refuses a partition whose rows already wait in the default one. They are set aside, and written
    -- again through the parent, so that row triggers on the table see them leave and come back.
    EXECUTE format(
      'SELECT EXISTS (SELECT 1 FROM api_service.%I WHERE %I >= $1 AND %I < $2)',
      parent || '_default', date_column, date_column
    ) INTO has_strays USING first_day, next_first_day;

    IF has_strays THEN
      EXECUTE format(
        'CREATE TEMPORARY TABLE stray_rows ON COMMIT DROP AS SELECT * FROM api_service.%I WHERE %I >= %L AND %I < %L',
        parent || '_default', date_column, first_day, date_column, next_first_day
      );
      EXECUTE format(
        'DELETE FROM api_service.%I WHERE %I >= $1 AND %I < $2',
        parent || '_default', date_column, date_column
      ) USING first_day, next_first_day;
    END IF;

    EXECUTE format(
      'CREATE TABLE api_service.%I PARTITION OF api_service.%I FOR VALUES FROM (%L) TO (%L)',
      partition_name, parent, first_day, next_first_day
    );
    created := created + 1;

    IF has_strays THEN
      EXECUTE format('INSERT INTO api_service.%I SELECT * FROM pg_temp.stray_rows', parent);
      DROP TABLE pg_temp.stray_rows;
    END IF;
  END LOOP;
  RETURN created;
END;
$$;

COMMENT ON FUNCTION api_service.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER) IS
  'Creates the missing months of one log table around this month (UTC); returns how many. Locks it for a moment.';

-- Only the owner may create tables here anyway.
REVOKE EXECUTE ON FUNCTION api_service.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER) FROM PUBLIC;

SELECT api_service.ensure_monthly_partitions('api_access_log', 'timestamp', 7, 2);
