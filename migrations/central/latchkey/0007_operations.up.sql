-- What the upkeep of this database leaves behind, so that anybody can tell when it was last done. It is written by whoever runs it, with
-- the rights of this schema's owner; devices may write none of it, and read it by way of latchkey.health() alone.

CREATE TABLE latchkey.backup (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('full', 'incremental')),
  method TEXT NOT NULL CHECK (method IN ('portable', 'pg_dump', 'pg_basebackup')),
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ NOT NULL CHECK (finished_at >= started_at),
  bytes BIGINT NOT NULL,
  -- SHA-256 of its manifest, which has that of every file.
  sha256 TEXT NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  -- Where it was put, as the machine that made it calls it.
  place TEXT NOT NULL,
  encrypted BOOLEAN NOT NULL
);
CREATE INDEX backup_by_moment ON latchkey.backup (finished_at);

-- Attempts to restore a backup, the failed ones too.
CREATE TABLE latchkey.drill (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  backup_sha256 TEXT NOT NULL,
  backup_method TEXT NOT NULL,
  backup_made_at TIMESTAMPTZ NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ NOT NULL CHECK (finished_at >= started_at),
  passed BOOLEAN NOT NULL,
  -- [{"name", "passed", "detail"}]
  checks JSONB NOT NULL
);
CREATE INDEX drill_by_moment ON latchkey.drill (finished_at);

-- How long rows are kept, as of the last run that deleted some.
CREATE TABLE latchkey.retention (
  -- With its schema. A name and no REGCLASS: the host may drop its table.
  relation TEXT PRIMARY KEY,
  column_name TEXT NOT NULL,
  days INTEGER NOT NULL CHECK (days > 0),
  ran_at TIMESTAMPTZ NOT NULL,
  deleted_rows BIGINT NOT NULL
);

-- How large tables were, partitions counted with their table: growth is told by it.
CREATE TABLE latchkey.table_size (
  relation TEXT NOT NULL,
  day DATE NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::DATE,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (relation, day)
);

-- Where a partition by time ends; NULL for a default partition, one without an end, and one that is not by time.
CREATE FUNCTION latchkey.upper_bound(p_partition OID) RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
BEGIN
  RETURN (SELECT substring(pg_get_expr(relpartbound, oid) FROM ' TO \(''(\d{4,}-[^'']+)''\)$') FROM pg_class WHERE oid = p_partition)::TIMESTAMPTZ;
END
$$;
REVOKE ALL ON FUNCTION latchkey.upper_bound(OID) FROM PUBLIC;

-- How this database is doing, for the screen of an administrator: aggregates alone, and of devices those of their own organization. Sizes
-- and rows are what the planner goes by, so that nothing waits for a lock of the host's, and no file is looked at.
CREATE FUNCTION latchkey.health() RETURNS JSONB
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
  this latchkey.device := latchkey.require_administrator();
  block_bytes BIGINT := current_setting('block_size');
BEGIN
  RETURN jsonb_build_object(
    'now', now(),
    'backups', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'method', method, 'finished_at', finished_at, 'bytes', bytes, 'encrypted', encrypted)
        ORDER BY kind, method), '[]')
      FROM (SELECT DISTINCT ON (kind, method) * FROM latchkey.backup ORDER BY kind, method, finished_at DESC) newest),
    'drill', (
      SELECT jsonb_build_object('finished_at', finished_at, 'passed', passed, 'method', backup_method, 'backup_made_at', backup_made_at)
      FROM latchkey.drill ORDER BY finished_at DESC LIMIT 1),
    'archiving', (
      SELECT jsonb_build_object('mode', current_setting('archive_mode'), 'last_archived_at', last_archived_time, 'failures', failed_count,
        'last_failed_at', last_failed_time)
      FROM pg_stat_archiver),
    'tables', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('name', m.name, 'bytes', sizes.blocks * block_bytes, 'rows', sizes.live, 'dead_rows', sizes.dead,
        'vacuumed_at', sizes.vacuumed, 'analyzed_at', sizes.analyzed, 'unused_indexes', sizes.unused,
        'grown', (
          SELECT jsonb_build_object('bytes', (array_agg(s.bytes ORDER BY s.day DESC))[1] - (array_agg(s.bytes ORDER BY s.day))[1], 'days', max(s.day) - min(s.day))
          FROM latchkey.table_size s WHERE s.relation = n.nspname || '.' || m.name AND s.day > CURRENT_DATE - 31 HAVING max(s.day) > min(s.day))
        ) ORDER BY m.name), '[]')
      FROM latchkey.mirrored_table m
      JOIN pg_class c ON c.oid = m.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL (
        SELECT sum(part.relpages + coalesce(toast.relpages, 0) + (
            SELECT coalesce(sum(x.relpages), 0) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = part.oid)) AS blocks,
          sum(pg_stat_get_live_tuples(part.oid)) AS live,
          sum(pg_stat_get_dead_tuples(part.oid)) AS dead,
          min(greatest(pg_stat_get_last_vacuum_time(part.oid), pg_stat_get_last_autovacuum_time(part.oid))) AS vacuumed,
          min(greatest(pg_stat_get_last_analyze_time(part.oid), pg_stat_get_last_autoanalyze_time(part.oid))) AS analyzed,
          sum((
            SELECT count(*) FROM pg_index i
            WHERE i.indrelid = part.oid AND NOT i.indisunique AND pg_stat_get_numscans(i.indexrelid) = 0)) AS unused
        FROM (
          SELECT m.relation::OID AS relation
          UNION ALL
          SELECT p.relation FROM latchkey.mirrored_partition p WHERE p.table_id = m.id
        ) parts
        JOIN pg_class part ON part.oid = parts.relation AND part.relkind = 'r'
        LEFT JOIN pg_class toast ON toast.oid = part.reltoastrelid
      ) sizes),
    -- Until when there are partitions; of tables that have some with an end.
    'partitions', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('table', covered.name, 'until', covered.until) ORDER BY covered.name), '[]')
      FROM (
        SELECT m.name, max(bounds.until) AS until
        FROM latchkey.mirrored_table m
        JOIN pg_inherits i ON i.inhparent = m.relation
        JOIN pg_class p ON p.oid = i.inhrelid
        CROSS JOIN LATERAL (SELECT latchkey.upper_bound(p.oid) AS until) bounds
        WHERE bounds.until IS NOT NULL
        GROUP BY m.name
      ) covered),
    'retention', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('table', r.relation, 'days', r.days, 'ran_at', r.ran_at, 'outdated_partitions', outdated.partitions,
        'outdated_rows', outdated.rows) ORDER BY r.relation), '[]')
      FROM latchkey.retention r
      CROSS JOIN LATERAL (
        SELECT count(*) AS partitions, coalesce(sum(greatest(p.reltuples, 0)), 0)::BIGINT AS rows
        FROM pg_namespace n
        JOIN pg_class c ON c.relnamespace = n.oid AND n.nspname || '.' || c.relname = r.relation
        JOIN pg_inherits i ON i.inhparent = c.oid
        JOIN pg_class p ON p.oid = i.inhrelid
        WHERE latchkey.upper_bound(p.oid) <= CURRENT_DATE - r.days
      ) outdated),
    'connections', jsonb_build_object('used', (SELECT sum(numbackends) FROM pg_stat_database), 'limit', current_setting('max_connections')::INTEGER),
    'lock_waits', (SELECT count(*) FROM pg_locks WHERE NOT granted),
    'changes_bytes', (SELECT relpages * block_bytes FROM pg_class WHERE oid = 'latchkey.change'::REGCLASS),
    'devices', (
      SELECT jsonb_build_object('active', count(*) FILTER (WHERE state = 'active'),
        'silent', count(*) FILTER (WHERE state = 'active' AND coalesce(last_push_at, joined_at) < now() - INTERVAL '30 days'))
      FROM latchkey.device WHERE organization = this.organization)
  );
END
$$;
