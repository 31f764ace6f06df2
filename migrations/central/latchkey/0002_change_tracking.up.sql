-- Which rows changed, by the transaction that changed them. Host writers append here and wait for nobody: no shared counter,
-- no advisory lock, no NOTIFY. A pull reads what its previous snapshot could not see. One plain table with one narrow index: partitions
-- and wider indexes cost every write of the host more than all the rest of the tracking.
CREATE TABLE latchkey.change (
  xid XID8 NOT NULL DEFAULT pg_current_xact_id(),
  -- hashtext(organization): for the index alone. What decides is `organization`.
  organization_hash INTEGER,
  day DATE NOT NULL DEFAULT CURRENT_DATE,
  table_id SMALLINT NOT NULL,
  -- 0: stayed where it was; 1: inserted; 2: left its organization, parent or key, or was deleted; 4: came from another one.
  move SMALLINT NOT NULL DEFAULT 0,
  -- '*' for rows that every organization may see. NULL where the transaction may not have seen which one it is: then `parent` tells.
  organization TEXT COLLATE "C",
  -- NULL: the table was truncated.
  row_key TEXT[],
  -- What the row refers to its parent by: whoever sees the parent when they read this is concerned.
  parent TEXT
);
CREATE INDEX change_by_organization ON latchkey.change (organization_hash, xid);

-- The organizations of which this device sees changes, as the log's index knows them.
CREATE FUNCTION latchkey.own_hashes() RETURNS INTEGER[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT ARRAY[hashtext(latchkey.current_organization() COLLATE "C"), hashtext('*' COLLATE "C")]
$$;

-- The text of a key's value, whatever the session's settings are: devices read with the same ones.
CREATE FUNCTION latchkey.text_of(p_value ANYELEMENT) RETURNS TEXT
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' AS $$
  SELECT p_value::TEXT
$$;

-- Changes of which the writing transaction could not tell the organization for sure: those whose parent this device sees now.
CREATE FUNCTION latchkey.unsure_changes_since(p_since pg_snapshot)
RETURNS TABLE (table_name TEXT, row_key TEXT[], move SMALLINT)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  child latchkey.mirrored_table;
BEGIN
  FOR child IN
    SELECT m.* FROM latchkey.mirrored_table m WHERE m.id IN (
      SELECT c.table_id FROM latchkey.change c
      WHERE c.organization_hash IS NULL AND c.xid >= pg_snapshot_xmin(p_since) AND NOT pg_visible_in_snapshot(c.xid, p_since))
  LOOP
    RETURN QUERY EXECUTE format(
      'SELECT %L::TEXT, c.row_key, bit_or(c.move) FROM latchkey.change c
       WHERE c.organization_hash IS NULL AND c.table_id = $1 AND c.xid >= pg_snapshot_xmin($2) AND NOT pg_visible_in_snapshot(c.xid, $2)
         AND EXISTS (SELECT FROM latchkey_write.%I p WHERE p.%I = c.parent::%s)
       GROUP BY c.row_key',
      child.name, child.parent ->> 'table', child.parent ->> 'target',
      (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
       WHERE a.attrelid = format('latchkey_write.%I', child.parent ->> 'table')::REGCLASS AND a.attname = child.parent ->> 'target'))
      USING child.id, p_since;
  END LOOP;
END
$$;

-- What this device's organization may have seen change since a snapshot, once or twice per row.
CREATE FUNCTION latchkey.changes_since(p_since pg_snapshot)
RETURNS TABLE (table_name TEXT, row_key TEXT[], move SMALLINT)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH readable AS MATERIALIZED (
    SELECT id, name FROM latchkey.mirrored_table WHERE has_table_privilege(session_user, format('latchkey_mirror.%I', name), 'SELECT')
  )
  SELECT m.name, c.row_key, bit_or(c.move)
  FROM latchkey.change c
  JOIN readable m ON m.id = c.table_id
  WHERE c.organization_hash = ANY ((SELECT latchkey.own_hashes())::INTEGER[])
    AND c.organization IN ((SELECT latchkey.current_organization()) COLLATE "C", '*')
    AND c.xid >= pg_snapshot_xmin(p_since)
    AND NOT pg_visible_in_snapshot(c.xid, p_since)
  GROUP BY m.name, c.row_key
  UNION ALL
  SELECT u.table_name, u.row_key, u.move FROM latchkey.unsure_changes_since(p_since) u JOIN readable m ON m.name = u.table_name
$$;

-- Rows of parent tables that had come from another organization when the snapshot was taken, as far back as the log goes. A transaction
-- that was open then may have written to their children for the organization that they came from.
CREATE FUNCTION latchkey.moved_in_before(p_snapshot pg_snapshot)
RETURNS TABLE (table_name TEXT, row_key TEXT[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT m.name, c.row_key
  FROM latchkey.change c
  JOIN latchkey.mirrored_table m ON m.id = c.table_id
  WHERE c.organization_hash = ANY ((SELECT latchkey.own_hashes())::INTEGER[])
    AND c.organization IN ((SELECT latchkey.current_organization()) COLLATE "C", '*')
    AND c.move = 4
    AND pg_visible_in_snapshot(c.xid, p_snapshot)
    AND EXISTS (SELECT FROM latchkey.mirrored_table child WHERE child.parent ->> 'table' = m.name)
$$;

-- Forgets what changed before the retained weeks, and tells how many entries that were. Run by central's upkeep, never by a device:
-- `latchkey central maintain` does it a stretch of blocks at a time, all of them where nothing is said. Deleted, not truncated: nobody
-- waits for it, and a pull that is under way still finds what its snapshot saw.
CREATE FUNCTION latchkey.prune_changes(p_keep_weeks INTEGER DEFAULT 6, p_from_block BIGINT DEFAULT 0, p_blocks BIGINT DEFAULT 4294967295) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  newest NUMERIC;
  forgotten BIGINT;
BEGIN
  IF p_keep_weeks NOT BETWEEN 1 AND 520 THEN
    RAISE EXCEPTION 'Keep between 1 and 520 weeks of changes, not %.', p_keep_weeks USING ERRCODE = 'LK422';
  END IF;
  WITH gone AS (
    DELETE FROM latchkey.change
    WHERE day < CURRENT_DATE - 7 * p_keep_weeks
      AND ctid >= format('(%s,0)', p_from_block)::TID AND ctid < format('(%s,0)', least(p_from_block + p_blocks, 4294967295))::TID
    RETURNING xid
  )
  SELECT count(*), max(xid::TEXT::NUMERIC) INTO forgotten, newest FROM gone;
  IF forgotten > 0 THEN
    UPDATE latchkey.epoch SET retained_since = greatest(retained_since, (newest + 1)::TEXT::XID8), forgotten_by = pg_current_xact_id();
  END IF;
  RETURN forgotten;
END
$$;
REVOKE ALL ON FUNCTION latchkey.prune_changes(INTEGER, BIGINT, BIGINT) FROM PUBLIC;

-- The partitions of mirrored tables, however deep, and since which transaction each is one: what is written while it is away is not tracked.
-- pg_partition_tree would lock them, and so wait for whoever is altering one.
CREATE VIEW latchkey.mirrored_partition AS
  WITH RECURSIVE tree AS (
    SELECT m.id AS table_id, i.inhrelid, i.inhparent, i.xmin AS since FROM latchkey.mirrored_table m JOIN pg_inherits i ON i.inhparent = m.relation
    UNION ALL
    SELECT tree.table_id, i.inhrelid, i.inhparent, i.xmin FROM tree JOIN pg_inherits i ON i.inhparent = tree.inhrelid
  )
  SELECT table_id, inhrelid AS relation, inhparent AS parent, since FROM tree;

-- Whether partitions have no row at all. Where one of them was made or attached that is, everything in it was tracked. Not where that
-- cannot be told soon: somebody may be altering one.
CREATE FUNCTION latchkey.are_empty(p_partitions OID[]) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
BEGIN
  RETURN (
    SELECT count(*) = cardinality(p_partitions) FROM latchkey.mirrored_partition p JOIN pg_class c ON c.oid = p.relation
    WHERE p.relation = ANY (p_partitions) AND (c.relkind = 'p' OR c.relkind = 'r' AND pg_relation_size(c.oid) = 0));
EXCEPTION WHEN lock_not_available THEN
  RETURN FALSE;
END
$$;

-- One number that changes whenever what devices may see does: columns, types, grants, partitions. Every poll asks for it. In PL/pgSQL, like what
-- else polls ask for, because before PostgreSQL 18 a function in SQL is planned anew at each call.
CREATE FUNCTION latchkey.fingerprint() RETURNS TEXT
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (
    SELECT sum(described.hash) FROM (
      SELECT hashtextextended(concat_ws(' ', n.oid, c.relname, c.relacl), columns.hash) AS hash
      FROM latchkey.mirrored_table m
      CROSS JOIN (SELECT oid FROM pg_namespace WHERE nspname IN ('latchkey_mirror', 'latchkey_write')) n
      CROSS JOIN LATERAL (SELECT oid, relname, relacl FROM pg_class WHERE relname = m.name::NAME AND relnamespace = n.oid OFFSET 0) c
      CROSS JOIN LATERAL (
        SELECT bit_xor(hashtextextended(a.attname::TEXT, hashint8extended((a.atttypid::BIGINT << 32) + a.atttypmod,
          hashtextextended(coalesce(a.attacl::TEXT, ''), a.attnum)))) AS hash
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) columns
      UNION ALL
      SELECT hashtextextended(concat_ws(' ', p.parent, p.relation, p.since, c.relfilenode, c.relpartbound), 0)
      FROM latchkey.mirrored_partition p
      CROSS JOIN LATERAL (SELECT relfilenode, relpartbound FROM pg_class WHERE oid = p.relation OFFSET 0) c
    ) described);
END
$$;

-- Host tables whose changes are not being tracked because somebody disabled a trigger, on the table or on one of its partitions, or
-- re-enabled it as an ordinary one.
CREATE FUNCTION latchkey.untracked_tables() RETURNS TEXT[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (
    SELECT coalesce(array_agg(DISTINCT m.name ORDER BY m.name), '{}')
    FROM (
      SELECT id AS table_id, relation::OID, 2 AS triggers FROM latchkey.mirrored_table
      UNION ALL
      SELECT table_id, relation, 1 FROM latchkey.mirrored_partition
    ) tracked
    JOIN latchkey.mirrored_table m ON m.id = tracked.table_id
    WHERE (
      SELECT count(*) FROM pg_trigger t
      WHERE t.tgrelid = tracked.relation AND t.tgenabled = 'A'
        AND t.tgname IN ('00_latchkey_change', CASE WHEN tracked.triggers = 2 THEN '00_latchkey_truncate' END)
    ) < tracked.triggers);
END
$$;

-- Tables that the host renamed, replaced, dropped, or changed in a column that rows are known by; and those of which our views went with
-- something that they stood on. What is read of them might be wrong, so nothing is, until an administrator runs `central upgrade`.
CREATE FUNCTION latchkey.outdated_tables() RETURNS TEXT[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (
    SELECT coalesce(array_agg(m.name ORDER BY m.name), '{}')
    FROM latchkey.mirrored_table m
    WHERE to_regclass(format('latchkey_mirror.%I', m.name)) IS NULL
      OR NOT EXISTS (
        SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = m.relation AND c.relname = m.name AND n.nspname IN ((SELECT mapping ->> 'schema' FROM latchkey.installation), 'latchkey'))
      OR EXISTS (
        SELECT 1 FROM unnest(m.decisive_columns) AS decisive
        WHERE NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = m.relation AND a.attname = decisive AND NOT a.attisdropped)));
END
$$;

-- A change of the log, so short that a device can keep it and ask later whether it is still there.
CREATE FUNCTION latchkey.mark_of(p_change latchkey.change) RETURNS TEXT
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT p_change.xid || ':' || md5(concat_ws(' ', p_change.table_id, p_change.move, p_change.organization, p_change.row_key::TEXT, p_change.parent))
$$;
REVOKE ALL ON FUNCTION latchkey.mark_of(latchkey.change) FROM PUBLIC;

-- The newest change that may concern this device: of all later transactions it has seen nothing.
CREATE FUNCTION latchkey.newest_change() RETURNS TEXT
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT newest.mark
  FROM (
    SELECT last.xid, last.mark FROM unnest(latchkey.own_hashes()) AS own (hash)
    CROSS JOIN LATERAL (
      SELECT c.xid, latchkey.mark_of(c) AS mark FROM latchkey.change c WHERE c.organization_hash = own.hash ORDER BY c.xid DESC LIMIT 1) last
    UNION ALL
    -- In the order of the index, which a NULL would not be without its first column.
    (SELECT c.xid, latchkey.mark_of(c) FROM latchkey.change c WHERE c.organization_hash IS NULL ORDER BY c.organization_hash DESC, c.xid DESC LIMIT 1)
  ) newest
  ORDER BY newest.xid DESC LIMIT 1
$$;
REVOKE ALL ON FUNCTION latchkey.newest_change() FROM PUBLIC;

-- Found at once where nothing came after it, however many entries its transaction made: of the same transaction the last one is the mark.
CREATE FUNCTION latchkey.is_logged(p_mark TEXT) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  transaction XID8 := split_part(p_mark, ':', 1)::XID8;
BEGIN
  -- A range rather than an equality, so that the index is read backwards.
  RETURN EXISTS (
    SELECT FROM unnest(latchkey.own_hashes()) AS own (hash)
    CROSS JOIN LATERAL (
      SELECT FROM latchkey.change c
      WHERE c.organization_hash = own.hash AND c.xid >= transaction AND c.xid <= transaction AND latchkey.mark_of(c) = p_mark
      ORDER BY c.organization_hash DESC, c.xid DESC LIMIT 1) logged)
    OR EXISTS (
      SELECT FROM (
        SELECT FROM latchkey.change c
        WHERE c.organization_hash IS NULL AND c.xid >= transaction AND c.xid <= transaction AND latchkey.mark_of(c) = p_mark
        ORDER BY c.organization_hash DESC, c.xid DESC LIMIT 1) logged);
END
$$;
REVOKE ALL ON FUNCTION latchkey.is_logged(TEXT) FROM PUBLIC;

-- What a device needs to know before it reads or writes: is this still the database it knows, and what may it see? `p_known_size` is
-- the size that the device last saw the organization's log have: the last leaf of that log must still be the one it saw. `p_known_change`
-- is what it was then told as the newest change.
CREATE FUNCTION latchkey.hello(p_known_size BIGINT DEFAULT 0, p_known_change TEXT DEFAULT NULL) RETURNS JSONB
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device := latchkey.require_device();
  outdated TEXT[] := latchkey.outdated_tables();
  head latchkey.organization;
  epoch latchkey.epoch;
BEGIN
  SELECT * INTO head FROM latchkey.organization WHERE id = this.organization;
  SELECT * INTO epoch FROM latchkey.epoch;
  RETURN jsonb_build_object(
    'protocol', 3,
    'system', (SELECT system FROM latchkey.installation),
    'device', this.id,
    'device_name', this.name,
    'organization', this.organization,
    'operator', this.operator,
    'capability', this.capability,
    'entries', this.entries,
    'log_size', head.log_size,
    'log_root', encode(head.log_root, 'base64'),
    'guards', latchkey.guards(),
    'erasures', (SELECT count(*) FROM latchkey.erasure WHERE organization = this.organization),
    'last_leaf', (SELECT encode(leaf_hash, 'hex') FROM latchkey.audit_leaf WHERE organization = this.organization AND idx = head.log_size - 1),
    'known_leaf', (SELECT encode(leaf_hash, 'hex') FROM latchkey.audit_leaf WHERE organization = this.organization AND idx = p_known_size - 1),
    'newest_change', latchkey.newest_change(),
    'known_change', p_known_change IS NULL OR split_part(p_known_change, ':', 1)::XID8 < epoch.retained_since OR latchkey.is_logged(p_known_change),
    'in_quarantine', (
      SELECT CASE WHEN cardinality(outdated) > 0 OR waiting.n = 0 THEN 0 WHEN latchkey.is_entitled(this) THEN waiting.n ELSE 0 END
      FROM (
        SELECT count(*) AS n FROM latchkey.command c JOIN latchkey.device d ON d.id = c.device
        WHERE this.capability = 'admin' AND c.organization = this.organization AND c.state = 'quarantined' AND d.operator <> this.operator
      ) waiting),
    'channel', head.channel,
    -- Of all databases, against what ordinary logins may have.
    'connections', jsonb_build_object(
      'used', (SELECT sum(numbackends) FROM pg_stat_database),
      'limit', current_setting('max_connections')::INTEGER - current_setting('superuser_reserved_connections')::INTEGER
        - coalesce(current_setting('reserved_connections', TRUE), '0')::INTEGER),
    'epoch', jsonb_build_object(
      'id', epoch.id,
      'cluster', (SELECT system_identifier::TEXT FROM pg_control_system()),
      'timeline', substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
      'database', (SELECT oid::TEXT FROM pg_database WHERE datname = current_database()),
      'relation', 'latchkey.epoch'::REGCLASS::OID::TEXT
    ),
    'retained_since', epoch.retained_since::TEXT,
    'forgotten_by', epoch.forgotten_by::TEXT,
    'snapshot', pg_current_snapshot()::TEXT,
    'fingerprint', latchkey.fingerprint() || ' ' || this.capability,
    'untracked', to_jsonb(latchkey.untracked_tables()),
    -- The day, UTC, that log windows count from in this transaction.
    'today', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
    'outdated', to_jsonb(outdated),
    'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  );
END
$$;

-- The mirrored tables as this login may see them. Views have no constraints of their own, so the facts come from behind them.
CREATE FUNCTION latchkey.catalogue() RETURNS JSONB
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH device AS (SELECT (d).login, ('latchkey_' || (d).capability)::NAME AS role FROM (SELECT latchkey.require_device() AS d) AS checked)
  SELECT coalesce(jsonb_agg(described.facts ORDER BY described.name), '[]')
  FROM (
    SELECT m.name, jsonb_build_object(
      'name', m.name,
      'key', to_jsonb(m.key_columns),
      'parent', m.parent,
      'window', m.log_window,
      'references', coalesce(m.rules -> 'references', '[]'),
      -- ATTACH, DETACH and DROP fire no trigger, TRUNCATE none on a partition younger than Latchkey: its file becomes another one. A table
      -- whose partitions are others is copied anew, unless all that came are empty.
      'partitions', (
        SELECT jsonb_agg(p.relation || ' ' || left(md5(concat_ws(' ', p.parent, p.since, c.relfilenode, pg_get_expr(c.relpartbound, 0))), 16) ORDER BY p.relation)
        FROM latchkey.mirrored_partition p JOIN pg_class c ON c.oid = p.relation WHERE p.table_id = m.id),
      'unique', (
        SELECT coalesce(jsonb_agg(columns.names), '[]')
        FROM pg_index i
        CROSS JOIN LATERAL (
          SELECT jsonb_agg(a.attname ORDER BY k.n) AS names
          FROM unnest(i.indkey::SMALLINT[]) WITH ORDINALITY AS k (attnum, n)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        ) columns
        WHERE i.indrelid = m.relation AND i.indisunique AND NOT i.indisprimary AND i.indpred IS NULL AND i.indexprs IS NULL),
      'columns', (
        SELECT jsonb_agg(jsonb_build_object(
          'name', v.attname,
          'type', format_type(v.atttypid, v.atttypmod),
          'base', (
            WITH RECURSIVE resolved AS (
              SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype FROM pg_type t WHERE t.oid = v.atttypid
              UNION ALL
              SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype FROM resolved r JOIN pg_type t ON t.oid = r.typbasetype
              WHERE r.typtype = 'd'
            )
            SELECT jsonb_build_object('name', typname, 'kind', typtype, 'category', typcategory) FROM resolved WHERE typtype <> 'd'),
          'nullable', NOT coalesce(h.attnotnull, FALSE),
          'default', pg_get_expr(d.adbin, d.adrelid),
          'readable', EXISTS (
            SELECT 1 FROM pg_attribute r WHERE r.attrelid = format('latchkey_mirror.%I', m.name)::REGCLASS AND r.attname = v.attname
              AND NOT r.attisdropped AND has_column_privilege(device.login, r.attrelid, r.attnum, 'SELECT')),
          'insertable', has_column_privilege(device.role, v.attrelid, v.attnum, 'INSERT'),
          'updatable', has_column_privilege(device.role, v.attrelid, v.attnum, 'UPDATE')
        ) ORDER BY v.attnum)
        FROM pg_attribute v
        LEFT JOIN pg_attribute h ON h.attrelid = m.relation AND h.attname = v.attname
        LEFT JOIN pg_attrdef d ON d.adrelid = h.attrelid AND d.adnum = h.attnum
        WHERE v.attrelid = format('latchkey_write.%I', m.name)::REGCLASS AND v.attnum > 0 AND NOT v.attisdropped)
    ) AS facts
    FROM latchkey.mirrored_table m, device
  ) described
$$;
