-- The organization's audit log: a Merkle tree of exact bytes (RFC 6962, section 2.1), to which central appends and of which nothing is ever
-- changed. What a leaf says is specified in docs/audit-format.md.

CREATE TABLE latchkey.audit_leaf (
  organization TEXT NOT NULL REFERENCES latchkey.organization (id),
  idx BIGINT NOT NULL,
  -- Without a device: central's own leaf, such as the beginning of an epoch.
  device TEXT REFERENCES latchkey.device (id),
  device_idx BIGINT,
  command UUID,
  entry BYTEA NOT NULL CHECK (octet_length(entry) <= 16384),
  leaf_hash BYTEA GENERATED ALWAYS AS (sha256('\x00'::BYTEA || entry)) STORED,
  received_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (organization, idx),
  UNIQUE (device, device_idx),
  CHECK ((device IS NULL) = (device_idx IS NULL))
);
CREATE INDEX audit_leaf_by_command ON latchkey.audit_leaf (command);

-- What entries say in hashes alone: names, reasons, values before and after. It can be erased, and every proof still holds.
CREATE TABLE latchkey.audit_disclosure (
  organization TEXT NOT NULL,
  idx BIGINT NOT NULL,
  -- The text that the digest in the entry's _sd is of (RFC 9901).
  disclosure TEXT NOT NULL,
  FOREIGN KEY (organization, idx) REFERENCES latchkey.audit_leaf (organization, idx)
);
CREATE INDEX audit_disclosure_by_leaf ON latchkey.audit_disclosure (organization, idx);

-- The newest central checkpoint that each device signed, having recomputed its root from all leaves (C2SP tlog-checkpoint).
CREATE TABLE latchkey.audit_checkpoint (
  device TEXT PRIMARY KEY REFERENCES latchkey.device (id),
  organization TEXT NOT NULL REFERENCES latchkey.organization (id),
  size BIGINT NOT NULL,
  note TEXT NOT NULL CHECK (octet_length(note) <= 4096),
  signed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX audit_checkpoint_by_organization ON latchkey.audit_checkpoint (organization);

-- For honest mistakes. Who may switch this off is noticed by it: every sync asks whether the trigger is still the same (latchkey.guards).
CREATE FUNCTION latchkey.refuse_change_of_log() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'The audit log is only ever appended to.' USING ERRCODE = 'LK451';
END
$$;
REVOKE ALL ON FUNCTION latchkey.refuse_change_of_log() FROM PUBLIC;
CREATE TRIGGER "00_latchkey_log" BEFORE UPDATE OR DELETE OR TRUNCATE ON latchkey.audit_leaf
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey.refuse_change_of_log();
ALTER TABLE latchkey.audit_leaf ENABLE ALWAYS TRIGGER "00_latchkey_log";

-- JSON Canonicalization Scheme (RFC 8785) of what holds no fractions, and names of ASCII alone.
CREATE FUNCTION latchkey.canonical(p_value JSONB) RETURNS TEXT
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN CASE jsonb_typeof(p_value)
    WHEN 'object' THEN '{' || coalesce((SELECT string_agg(to_json(member.key)::TEXT || ':' || latchkey.canonical(member.value), ',' ORDER BY member.key COLLATE "C")
      FROM jsonb_each(p_value) AS member), '') || '}'
    WHEN 'array' THEN '[' || coalesce((SELECT string_agg(latchkey.canonical(element.value), ',' ORDER BY element.n)
      FROM jsonb_array_elements(p_value) WITH ORDINALITY AS element (value, n)), '') || ']'
    WHEN 'string' THEN to_json(p_value #>> '{}')::TEXT
    ELSE p_value::TEXT
  END;
END
$$;
REVOKE ALL ON FUNCTION latchkey.canonical(JSONB) FROM PUBLIC;

-- The root over perfect subtrees, largest first.
CREATE FUNCTION latchkey.root_of(p_frontier BYTEA[]) RETURNS BYTEA
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  root BYTEA := coalesce(p_frontier[cardinality(p_frontier)], sha256(''));
BEGIN
  FOR place IN REVERSE cardinality(p_frontier) - 1 .. 1 LOOP
    root := sha256('\x01'::BYTEA || p_frontier[place] || root);
  END LOOP;
  RETURN root;
END
$$;
REVOKE ALL ON FUNCTION latchkey.root_of(BYTEA[]) FROM PUBLIC;

-- Appends leaves in order: of a device its entries from `p_first` on, else central's own. The organization's row is locked by the caller,
-- before any row of the host's. Returns the index of the first.
CREATE FUNCTION latchkey.append_leaves(
  p_organization TEXT, p_device TEXT, p_first BIGINT, p_commands UUID[], p_entries BYTEA[]
) RETURNS BIGINT
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  head latchkey.organization;
  size BIGINT;
  peaks BYTEA[];
  entry BYTEA;
  node BYTEA;
  sibling BIGINT;
BEGIN
  SELECT * INTO STRICT head FROM latchkey.organization WHERE id = p_organization FOR UPDATE;
  INSERT INTO latchkey.audit_leaf (organization, idx, device, device_idx, command, entry)
    SELECT p_organization, head.log_size + leaf.n - 1, p_device, p_first + leaf.n - 1, leaf.command, leaf.entry
    FROM unnest(p_commands, p_entries) WITH ORDINALITY AS leaf (command, entry, n);
  size := head.log_size;
  peaks := head.frontier;
  FOREACH entry IN ARRAY p_entries LOOP
    node := sha256('\x00'::BYTEA || entry);
    sibling := size;
    WHILE sibling & 1 = 1 LOOP
      node := sha256('\x01'::BYTEA || peaks[cardinality(peaks)] || node);
      peaks := trim_array(peaks, 1);
      sibling := sibling >> 1;
    END LOOP;
    peaks := peaks || node;
    size := size + 1;
  END LOOP;
  UPDATE latchkey.organization SET log_size = size, frontier = peaks, log_root = latchkey.root_of(peaks) WHERE id = p_organization;
  RETURN head.log_size;
END
$$;
REVOKE ALL ON FUNCTION latchkey.append_leaves(TEXT, TEXT, BIGINT, UUID[], BYTEA[]) FROM PUBLIC;

-- A leaf of central's own, as bytes.
CREATE FUNCTION latchkey.central_leaf(p_organization TEXT, p_said JSONB) RETURNS BYTEA
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT convert_to(latchkey.canonical(jsonb_build_object('dev', 'central', 'org', p_organization,
    'ts', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'v', 'latchkey/1') || p_said), 'UTF8')
$$;
REVOKE ALL ON FUNCTION latchkey.central_leaf(TEXT, JSONB) FROM PUBLIC;

-- Appends one leaf of central's own.
CREATE FUNCTION latchkey.log_of_central(p_organization TEXT, p_said JSONB) RETURNS BIGINT
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT latchkey.append_leaves(p_organization, NULL, NULL, ARRAY[(p_said ->> 'cmd')::UUID], ARRAY[latchkey.central_leaf(p_organization, p_said)])
$$;
REVOKE ALL ON FUNCTION latchkey.log_of_central(TEXT, JSONB) FROM PUBLIC;

-- Appends leaves of central's own.
CREATE FUNCTION latchkey.log_leaves(p_organization TEXT, p_leaves BYTEA[]) RETURNS VOID
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF cardinality(p_leaves) > 0 THEN
    PERFORM latchkey.append_leaves(p_organization, NULL, NULL,
      ARRAY(SELECT (convert_from(leaf, 'UTF8')::JSONB ->> 'cmd')::UUID FROM unnest(p_leaves) WITH ORDINALITY AS said (leaf, n) ORDER BY n), p_leaves);
  END IF;
END
$$;
REVOKE ALL ON FUNCTION latchkey.log_leaves(TEXT, BYTEA[]) FROM PUBLIC;

-- What a leaf calls a row: its key where that is a UUID or an integer, else a pseudonym, because people may be known by what names them.
CREATE FUNCTION latchkey.object_id(p_organization TEXT, p_table TEXT, p_key TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN p_key ~ '^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|-?[0-9]{1,19})$' THEN p_key
    ELSE '~' || left(encode(sha256(convert_to('latchkey object ' || p_organization || ' ' || p_table || ' ' || p_key, 'UTF8')), 'hex'), 32) END
$$;
REVOKE ALL ON FUNCTION latchkey.object_id(TEXT, TEXT, TEXT) FROM PUBLIC;

-- What others than Latchkey wrote to people, their roles, keys and sessions since this was last asked, as leaves: one per table. It comes
-- from the change log, so it costs the host's writers nothing, and says what was written and not by whom. The organization's row is locked.
CREATE FUNCTION latchkey.written_by_host(p_head latchkey.organization) RETURNS BYTEA[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  present pg_snapshot := pg_current_snapshot();
  since pg_snapshot := p_head.host_seen::pg_snapshot;
  leaves BYTEA[];
BEGIN
  SELECT array_agg(latchkey.central_leaf(p_head.id, jsonb_build_object(
      'act', 'host.wrote', 'obj', jsonb_build_object('t', written.name, 'id', '*'), 'n', written.n, 'h', written.hash,
      'since', to_char(p_head.host_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      || CASE WHEN written.n <= 100 THEN jsonb_build_object('rows', written.changed) ELSE '{}' END) ORDER BY written.name)
    INTO leaves
  FROM (
    SELECT keys.name, count(*) AS n, encode(sha256(convert_to(string_agg(keys.id, E'\n' ORDER BY keys.id COLLATE "C"), 'UTF8')), 'hex') AS hash,
      jsonb_agg(jsonb_build_object('id', keys.id, 'op', keys.op) ORDER BY keys.id COLLATE "C") FILTER (WHERE keys.n <= 100) AS changed
    FROM (
      SELECT m.name, row_number() OVER (PARTITION BY m.name) AS n,
        CASE bit_or(c.move) WHEN 0 THEN 'update' WHEN 1 THEN 'insert' WHEN 2 THEN 'delete' WHEN 3 THEN 'delete' ELSE 'move' END AS op,
        CASE WHEN c.row_key IS NULL THEN '*' ELSE latchkey.object_id(p_head.id, m.name,
          CASE cardinality(c.row_key) WHEN 1 THEN c.row_key[1] ELSE to_json(c.row_key)::TEXT END) END AS id
      FROM latchkey.change c
      JOIN latchkey.mirrored_table m ON m.id = c.table_id
      WHERE c.organization_hash = hashtext(p_head.id COLLATE "C") AND c.organization = p_head.id
        AND c.xid >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(c.xid, since) AND pg_visible_in_snapshot(c.xid, present)
        AND m.name IN (SELECT mapping #>> path FROM latchkey.installation,
          (VALUES ('{people,table}'::TEXT[]), ('{people,role,held,table}'), ('{keys,table}'), ('{sessions,table}')) AS attested (path))
        AND NOT EXISTS (SELECT FROM latchkey.command own WHERE own.organization = p_head.id AND own.xid = c.xid)
        AND c.xid <> ALL (p_head.upkeep)
      GROUP BY m.name, c.row_key
    ) keys
    GROUP BY keys.name
  ) written;
  UPDATE latchkey.organization SET host_seen = present::TEXT, host_seen_at = now(),
    upkeep = ARRAY(SELECT xid FROM unnest(upkeep) AS xid WHERE NOT pg_visible_in_snapshot(xid, present)) WHERE id = p_head.id;
  RETURN coalesce(leaves, '{}');
END
$$;
REVOKE ALL ON FUNCTION latchkey.written_by_host(latchkey.organization) FROM PUBLIC;

-- Leaves of this device's organization from an index on, with what is disclosed of each, some megabytes at a time.
CREATE FUNCTION latchkey.log_since(p_from BIGINT) RETURNS TABLE (idx BIGINT, entry BYTEA, disclosures TEXT[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device := latchkey.require_device();
BEGIN
  RETURN QUERY
    SELECT few.idx, few.entry, ARRAY(SELECT d.disclosure FROM latchkey.audit_disclosure d WHERE d.organization = this.organization AND d.idx = few.idx)
    FROM (
      SELECT l.idx, l.entry, sum(octet_length(l.entry)) OVER (ORDER BY l.idx) AS bytes
      FROM (SELECT a.idx, a.entry FROM latchkey.audit_leaf a WHERE a.organization = this.organization AND a.idx >= p_from ORDER BY a.idx LIMIT 5000) l
    ) few
    WHERE few.bytes <= 4194304 ORDER BY few.idx;
END
$$;

-- Hashes of the leaves in a range, one after the other, for a device that looks whether any of them is another than it was.
CREATE FUNCTION latchkey.leaf_hashes(p_from BIGINT, p_to BIGINT) RETURNS BYTEA
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device := latchkey.require_device();
BEGIN
  -- Of the bytes as they stand there: the stored column could have been kept as it was.
  RETURN (SELECT string_agg(sha256('\x00'::BYTEA || l.entry), '' ORDER BY l.idx) FROM latchkey.audit_leaf l
    WHERE l.organization = this.organization AND l.idx >= p_from AND l.idx < least(p_to, p_from + 65536));
END
$$;

-- The newest checkpoints that devices of this organization signed.
CREATE FUNCTION latchkey.checkpoints() RETURNS JSONB
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device := latchkey.require_device();
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('device', c.device, 'size', c.size, 'note', c.note,
      'at', to_char(c.signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))), '[]')
    FROM latchkey.audit_checkpoint c WHERE c.organization = this.organization);
END
$$;

-- Central cannot tell whether a signature holds; devices can. A device never takes back a larger checkpoint for a smaller one.
CREATE FUNCTION latchkey.publish_checkpoint(p_note TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  this latchkey.device := latchkey.require_device();
  said TEXT := split_part(p_note, E'\n', 2);
BEGIN
  IF octet_length(p_note) > 4096 OR said !~ '^(0|[1-9][0-9]{0,15})$'
    OR said::BIGINT > (SELECT log_size FROM latchkey.organization WHERE id = this.organization) THEN
    RAISE EXCEPTION 'This is no checkpoint of the log as it is here.' USING ERRCODE = 'LK422';
  END IF;
  INSERT INTO latchkey.audit_checkpoint (device, organization, size, note) VALUES (this.id, this.organization, said::BIGINT, p_note)
    ON CONFLICT (device) DO UPDATE SET size = excluded.size, note = excluded.note, signed_at = now()
    WHERE audit_checkpoint.size <= excluded.size;
END
$$;

-- Marks of the triggers that stand guard over what devices trust, by relation: one that was dropped, disabled, or put back has another.
CREATE FUNCTION latchkey.guard_marks() RETURNS JSONB
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_object_agg(marked.place, marked.mark), '{}')
    FROM (
      SELECT guarded.name || ' ' || t.tgrelid AS place, sum(hashtextextended(concat_ws(' ', t.oid, t.xmin, t.tgenabled, t.tgname), 0))::TEXT AS mark
      FROM (
        SELECT m.name, m.relation::OID FROM latchkey.mirrored_table m
        UNION ALL SELECT m.name, p.relation FROM latchkey.mirrored_partition p JOIN latchkey.mirrored_table m ON m.id = p.table_id
        UNION ALL SELECT 'latchkey.audit_leaf', 'latchkey.audit_leaf'::REGCLASS
      ) guarded (name, relation)
      JOIN pg_trigger t ON t.tgrelid = guarded.relation AND t.tgname IN ('00_latchkey_change', '00_latchkey_truncate', '00_latchkey_log')
      GROUP BY guarded.name, t.tgrelid
    ) marked);
END
$$;

-- All of these in one number, for every poll.
CREATE FUNCTION latchkey.guards() RETURNS TEXT
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (
    SELECT sum(hashtextextended(concat_ws(' ', t.oid, t.xmin, t.tgenabled), 0))
    FROM (
      SELECT relation::OID FROM latchkey.mirrored_table
      UNION ALL SELECT relation FROM latchkey.mirrored_partition
      UNION ALL SELECT 'latchkey.audit_leaf'::REGCLASS
    ) guarded
    CROSS JOIN LATERAL (
      SELECT oid, xmin, tgenabled FROM pg_trigger
      WHERE tgrelid = guarded.relation AND tgname IN ('00_latchkey_change', '00_latchkey_truncate', '00_latchkey_log') OFFSET 0) t);
END
$$;
