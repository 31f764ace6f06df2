-- The one way in for devices' writes. A command is applied whole or not at all; whatever becomes of it, it gets a receipt,
-- and its log entry is kept.

CREATE TABLE latchkey.command (
  id UUID NOT NULL,
  organization TEXT NOT NULL REFERENCES latchkey.organization (id),
  device TEXT NOT NULL REFERENCES latchkey.device (id),
  name TEXT NOT NULL,
  -- SHA-256 of the exact bytes of the changes: the same id with other changes is refused.
  changes_hash BYTEA NOT NULL,
  -- NULL once somebody whom they are about was erased.
  changes BYTEA,
  made_at TEXT NOT NULL,
  received_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  requires UUID[] NOT NULL DEFAULT '{}',
  -- quarantined: made by an operator who was deactivated or demoted since; waits for an administrator.
  state TEXT NOT NULL CHECK (state IN ('applied', 'merged', 'quarantined', 'conflict', 'refused')),
  -- SQLSTATE, words and fields of a conflict or refusal.
  context JSONB,
  -- This database had applied it, was restored to before it, and was offered it once more.
  offered_again BOOLEAN NOT NULL DEFAULT FALSE,
  decided_by TEXT REFERENCES latchkey.device (id),
  decided_at TIMESTAMPTZ,
  xid XID8 NOT NULL DEFAULT pg_current_xact_id(),
  -- Per organization: an id that another one uses already must look like any other.
  PRIMARY KEY (organization, id)
);
CREATE INDEX command_by_organization ON latchkey.command (organization, received_at);
CREATE INDEX command_by_device ON latchkey.command (device);
CREATE INDEX command_in_quarantine ON latchkey.command (organization) WHERE state = 'quarantined';
CREATE INDEX command_offered_again ON latchkey.command (device) WHERE offered_again;

-- JSON as a device read it. What is no JSON to jsonb, such as a text with NUL in it, stays the text that it is.
CREATE FUNCTION latchkey.parsed_json(p_text TEXT) RETURNS JSONB
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN p_text::JSONB;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN to_jsonb(p_text);
END
$$;

-- Owned by latchkey_writer, which can reach the views of latchkey_write and nothing else: whatever a change says, it cannot touch a row
-- that its device does not see, before or after. Raises LK409 with the fields in DETAIL for a conflict.
CREATE FUNCTION latchkey.apply_change(
  p_view TEXT, p_key_columns TEXT[], p_write_only TEXT[], p_rules JSONB, p_role NAME, p_change JSONB
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' AS $$
DECLARE
  target REGCLASS := format('latchkey_write.%I', p_view)::REGCLASS;
  operation TEXT := p_change ->> 'op';
  wanted JSONB := coalesce(p_change -> 'set', '{}');
  relative JSONB := coalesce(p_change -> 'from_acceptance', '{}');
  row_key JSONB := jsonb_object(p_key_columns, ARRAY(SELECT jsonb_array_elements_text(p_change -> 'key')));
  key_predicate TEXT;
  known TEXT[];
  seen TEXT[];
  column_name TEXT;
  reference JSONB;
  present BOOLEAN;
  current JSONB;
  -- What the device saw; nothing where it says to overwrite, so that nothing is told of it. JSON travels as its text: no number of it is rounded on the way.
  base JSONB := coalesce(p_change -> 'base', '{}');
  mine JSONB;
  write JSONB := '{}';
  capped TEXT[] := '{}';
  conflicts JSONB := '[]';
  merged BOOLEAN := FALSE;
  restrictive JSONB;
  affected INTEGER;
BEGIN
  SELECT array_agg(attname::TEXT) INTO known FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;
  -- Literals rather than a join: the row is found by its index, and it alone is locked.
  EXECUTE format('SELECT jsonb_object($2, ARRAY[%s]) FROM jsonb_populate_record(NULL::%s, $1) k',
    (SELECT string_agg(format('k.%I::TEXT', key_column), ', ' ORDER BY n) FROM unnest(p_key_columns) WITH ORDINALITY AS keys (key_column, n)), target)
    INTO row_key USING row_key, p_key_columns;
  SELECT string_agg(format('t.%I = %L', key_column, row_key ->> key_column), ' AND ') INTO key_predicate FROM unnest(p_key_columns) AS key_column;
  IF wanted || relative = '{}' OR jsonb_typeof(wanted) <> 'object' OR jsonb_typeof(relative) <> 'object' THEN
    RAISE EXCEPTION 'A change names the columns that it changes.' USING ERRCODE = 'LK422';
  ELSIF operation = 'UPDATE' AND (jsonb_typeof(base) <> 'object' OR jsonb_typeof(coalesce(p_change -> 'base_text', '{}')) <> 'object') THEN
    RAISE EXCEPTION 'An update says what it was made on.' USING ERRCODE = 'LK422';
  END IF;
  -- A row of a sidecar says more of one of the host's, and several may say so first: then each was made on a row that says nothing yet.
  IF operation = 'INSERT' AND p_rules ? 'sidecar' THEN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s t WHERE %s)', target, key_predicate) INTO present;
    IF present AND (wanted - p_key_columns) || relative <> '{}' THEN
      operation := 'UPDATE';
      base := '{}';
      wanted := wanted - p_key_columns;
    END IF;
  END IF;
  IF operation = 'INSERT' THEN
    wanted := wanted || jsonb_object(p_key_columns, ARRAY(SELECT jsonb_array_elements_text(p_change -> 'key')));
  END IF;

  FOR column_name IN SELECT jsonb_object_keys(wanted || relative) LOOP
    IF NOT column_name = ANY (known) THEN
      RAISE EXCEPTION 'There is no column % in %.', quote_ident(column_name), p_view USING ERRCODE = 'LK422';
    ELSIF NOT has_column_privilege(p_role, target, column_name, operation) THEN
      RAISE EXCEPTION 'This device may not % %.%.', lower(operation), p_view, quote_ident(column_name) USING ERRCODE = 'LK403';
    END IF;
  END LOOP;

  FOR column_name IN SELECT jsonb_object_keys(relative) LOOP
    IF NOT coalesce((relative ->> column_name)::NUMERIC BETWEEN 0 AND 315360000, FALSE) THEN
      RAISE EXCEPTION 'A moment counts from acceptance, ten years at most.' USING ERRCODE = 'LK422';
    END IF;
    wanted := wanted || jsonb_build_object(column_name,
      to_char(now() AT TIME ZONE 'UTC' + make_interval(secs => (relative ->> column_name)::INTEGER), 'YYYY-MM-DD"T"HH24:MI:SS.US'));
    capped := capped || column_name;
  END LOOP;

  -- Whatever a change points at must be visible; "absent" and "another organization's" get the same words.
  FOR reference IN SELECT * FROM jsonb_array_elements(coalesce(p_rules -> 'references', '[]')) LOOP
    CONTINUE WHEN wanted ->> (reference ->> 'column') IS NULL;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM latchkey_write.%I r WHERE r.%I = %L)',
      reference ->> 'table', reference ->> 'target', wanted ->> (reference ->> 'column')) INTO present;
    IF NOT present THEN
      RAISE EXCEPTION '%.% refers to a row of % that is not there.', p_view, reference ->> 'column', reference ->> 'table'
        USING ERRCODE = 'LK404';
    END IF;
  END LOOP;

  IF operation = 'INSERT' THEN
    EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)', target,
      (SELECT string_agg(quote_ident(name), ', ') FROM jsonb_object_keys(wanted) AS name)) USING wanted;
    RETURN jsonb_build_object('before', NULL, 'after', wanted - p_write_only, 'merged', FALSE);
  END IF;

  base := base || (SELECT coalesce(jsonb_object_agg(key, latchkey.parsed_json(value)), '{}') FROM jsonb_each_text(p_change -> 'base_text'));
  -- The columns in question alone: whatever stands in the others is nobody's business here.
  EXECUTE format('SELECT to_jsonb(x.*) FROM (SELECT %s FROM %s t WHERE %s FOR NO KEY UPDATE) x',
    (SELECT string_agg(format(CASE WHEN atttypid = 'json'::REGTYPE THEN 'latchkey.parsed_json(t.%1$I::TEXT) AS %1$I' ELSE 't.%1$I' END, attname), ', ')
     FROM pg_attribute WHERE attrelid = target AND attname = ANY (known) AND wanted || base ? attname::TEXT),
    target, key_predicate) INTO current;
  IF current IS NULL THEN
    RAISE EXCEPTION 'The row is not there.' USING ERRCODE = 'LK409', DETAIL = jsonb_build_object('kind', 'missing', 'fields', '[]'::JSONB)::TEXT;
  END IF;

  -- Values pass through the view's row type, so that 1.50 equals 1.5 and one moment equals itself in another notation.
  seen := ARRAY(SELECT jsonb_object_keys(base));
  EXECUTE format('SELECT to_jsonb(p.*) FROM jsonb_populate_record(NULL::%s, $1) p', target) INTO base USING base;
  EXECUTE format('SELECT to_jsonb(p.*) FROM jsonb_populate_record(NULL::%s, $1) p', target) INTO mine USING wanted;

  FOR column_name IN SELECT jsonb_object_keys(wanted) LOOP
    restrictive := p_rules -> 'restrictive' -> column_name;
    IF column_name = ANY (p_write_only) THEN
      write := write || jsonb_build_object(column_name, mine -> column_name);
    ELSIF column_name = ANY (capped) THEN
      -- Counted from now, and never beyond what stands there: the earlier moment wins.
      IF current ->> column_name IS NULL OR (mine ->> column_name)::TIMESTAMP < (current ->> column_name)::TIMESTAMP THEN
        write := write || jsonb_build_object(column_name, mine -> column_name);
      END IF;
    ELSIF current -> column_name = mine -> column_name THEN
      NULL;
    ELSIF coalesce((p_change ->> 'overwrite')::BOOLEAN, FALSE) THEN
      write := write || jsonb_build_object(column_name, mine -> column_name);
    ELSIF current -> column_name = base -> column_name THEN
      write := write || jsonb_build_object(column_name, mine -> column_name);
    ELSIF coalesce(
      restrictive ? (mine ->> column_name) AND (
        NOT restrictive ? coalesce(current ->> column_name, '')
        OR (SELECT max(place) FILTER (WHERE value = mine ->> column_name) < max(place) FILTER (WHERE value = current ->> column_name)
            FROM jsonb_array_elements_text(restrictive) WITH ORDINALITY AS ranked (value, place))), FALSE) THEN
      -- Security beats recency: what takes access away wins over any concurrent edit.
      write := write || jsonb_build_object(column_name, mine -> column_name);
      merged := TRUE;
    ELSIF coalesce(p_rules -> 'earliest' ? column_name, FALSE) AND mine ->> column_name IS NOT NULL THEN
      merged := TRUE;
      IF current ->> column_name IS NULL OR (mine ->> column_name)::TIMESTAMP < (current ->> column_name)::TIMESTAMP THEN
        write := write || jsonb_build_object(column_name, mine -> column_name);
      END IF;
    ELSE
      conflicts := conflicts || jsonb_build_array(jsonb_build_object(
        'column', column_name, 'base', base -> column_name, 'mine', mine -> column_name, 'theirs', current -> column_name));
    END IF;
  END LOOP;

  -- Fields that mean something only together: a change of one elsewhere refuses a change of any here.
  FOR column_name IN
    SELECT DISTINCT member
    FROM jsonb_array_elements(coalesce(p_rules -> 'groups', '[]')) AS members, jsonb_array_elements_text(members) AS member
    WHERE members ?| ARRAY(SELECT jsonb_object_keys(wanted)) AND NOT wanted ? member AND member = ANY (seen)
      AND NOT member = ANY (p_write_only)
  LOOP
    IF current -> column_name <> base -> column_name THEN
      conflicts := conflicts || jsonb_build_array(jsonb_build_object(
        'column', column_name, 'base', base -> column_name, 'mine', base -> column_name, 'theirs', current -> column_name));
    END IF;
  END LOOP;

  IF jsonb_array_length(conflicts) > 0 THEN
    RAISE EXCEPTION 'The same fields were changed at central.' USING ERRCODE = 'LK409',
      DETAIL = jsonb_build_object('kind', 'fields', 'fields', conflicts)::TEXT;
  END IF;

  IF write <> '{}' THEN
    EXECUTE format('UPDATE %1$s t SET %2$s FROM jsonb_populate_record(NULL::%1$s, $1) p WHERE %3$s',
      target, (SELECT string_agg(format('%1$I = p.%1$I', name), ', ') FROM jsonb_object_keys(write) AS name), key_predicate)
      USING write;
    GET DIAGNOSTICS affected = ROW_COUNT;
    IF affected <> 1 THEN
      RAISE EXCEPTION 'The row is not there.' USING ERRCODE = 'LK409', DETAIL = jsonb_build_object('kind', 'missing', 'fields', '[]'::JSONB)::TEXT;
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'before', CASE WHEN p_change ? 'overwrite' THEN '{}' ELSE
      (SELECT coalesce(jsonb_object_agg(name, current -> name), '{}') FROM jsonb_object_keys(wanted - p_write_only) AS name) END,
    'after', (SELECT coalesce(jsonb_object_agg(name, coalesce(write -> name, current -> name)), '{}') FROM jsonb_object_keys(wanted - p_write_only) AS name),
    'merged', merged);
END
$$;
REVOKE ALL ON FUNCTION latchkey.apply_change(TEXT, TEXT[], TEXT[], JSONB, NAME, JSONB) FROM PUBLIC;

-- JSON that a device sent, or LK422 for whatever else it sent: broken, too deep, with characters that no text column takes.
CREATE FUNCTION latchkey.read_json(p_text TEXT) RETURNS JSONB
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN p_text::JSONB;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RAISE EXCEPTION 'This is not JSON that central can read.' USING ERRCODE = 'LK422';
END
$$;
REVOKE ALL ON FUNCTION latchkey.read_json(TEXT) FROM PUBLIC;

CREATE FUNCTION latchkey.is_uuid(p_text TEXT) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(p_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', FALSE)
$$;
REVOKE ALL ON FUNCTION latchkey.is_uuid(TEXT) FROM PUBLIC;

-- Appends entries of the device's own log, strictly in order, with what is disclosed of them; an entry that came before must be the same to
-- the byte. Returns how many are new.
CREATE FUNCTION latchkey.append_entries(p_device latchkey.device, p_entries JSONB) RETURNS BIGINT
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one RECORD;
  bytes BYTEA;
  parsed JSONB;
  received BIGINT;
  stored BYTEA;
  commands UUID[] := '{}';
  entries BYTEA[] := '{}';
  digests TEXT[];
  disclosed TEXT[] := '{}';
  disclosed_of BIGINT[] := '{}';
  first BIGINT;
BEGIN
  SELECT d.entries INTO received FROM latchkey.device d WHERE id = p_device.id;
  FOR one IN
    SELECT (e ->> 'position')::BIGINT AS position, e ->> 'entry' AS entry, ARRAY(SELECT jsonb_array_elements_text(coalesce(e -> 'disclosures', '[]'))) AS disclosures
    FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS sent (e, n) ORDER BY n
  LOOP
    bytes := convert_to(one.entry, 'UTF8');
    IF one.position <= received THEN
      SELECT l.entry INTO stored FROM latchkey.audit_leaf l WHERE l.device = p_device.id AND l.device_idx = one.position;
      IF stored IS DISTINCT FROM bytes THEN
        RAISE EXCEPTION 'Entry % of this device is already here with other bytes.', one.position USING ERRCODE = 'LK414';
      END IF;
      CONTINUE;
    END IF;
    parsed := latchkey.read_json(one.entry);
    IF one.position <> received + cardinality(entries) + 1 THEN
      RAISE EXCEPTION 'Entry % of this device came before entry %.', one.position, received + cardinality(entries) + 1 USING ERRCODE = 'LK412';
    ELSIF parsed ->> 'v' IS DISTINCT FROM 'latchkey/1' OR parsed ->> 'org' IS DISTINCT FROM p_device.organization
      OR parsed ->> 'dev' IS DISTINCT FROM p_device.id OR parsed ->> 'seq' IS DISTINCT FROM one.position::TEXT
      OR NOT latchkey.is_uuid(parsed ->> 'cmd') THEN
      RAISE EXCEPTION 'Entry % was not made by this device for this place.', one.position USING ERRCODE = 'LK412';
    ELSIF octet_length(bytes) > 16384 THEN
      RAISE EXCEPTION 'An entry is 16 KiB at most.' USING ERRCODE = 'LK413';
    ELSIF latchkey.canonical(parsed) <> one.entry THEN
      RAISE EXCEPTION 'Entry % is not in the canonical form of RFC 8785.', one.position USING ERRCODE = 'LK422';
    END IF;
    digests := ARRAY(SELECT translate(rtrim(encode(sha256(convert_to(d, 'UTF8')), 'base64'), '='), '+/', '-_') FROM unnest(one.disclosures) AS d);
    IF NOT to_jsonb(digests) <@ coalesce(parsed -> '_sd', '[]') THEN
      RAISE EXCEPTION 'What is disclosed of entry % is not what it was made with.', one.position USING ERRCODE = 'LK412';
    END IF;
    disclosed := disclosed || one.disclosures;
    disclosed_of := disclosed_of || array_fill(cardinality(entries)::BIGINT, ARRAY[cardinality(one.disclosures)]);
    commands := commands || (parsed ->> 'cmd')::UUID;
    entries := entries || bytes;
  END LOOP;
  IF cardinality(entries) > 0 THEN
    first := latchkey.append_leaves(p_device.organization, p_device.id, received + 1, commands, entries);
    INSERT INTO latchkey.audit_disclosure (organization, idx, disclosure)
      SELECT p_device.organization, first + d.of, d.text FROM unnest(disclosed, disclosed_of) AS d (text, of);
    UPDATE latchkey.device d SET entries = received + cardinality(commands) WHERE d.id = p_device.id;
  END IF;
  RETURN cardinality(entries);
END
$$;
REVOKE ALL ON FUNCTION latchkey.append_entries(latchkey.device, JSONB) FROM PUBLIC;

-- A leaf for a key whose time was over, and that no device revoked: by central's upkeep, in this transaction.
CREATE FUNCTION latchkey.log_expired_key(p_organization TEXT, p_table TEXT, p_key TEXT, p_expires_at TIMESTAMPTZ) RETURNS VOID
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM latchkey.log_of_central(p_organization, jsonb_build_object('act', 'key.expire',
    'obj', jsonb_build_object('t', p_table, 'id', latchkey.object_id(p_organization, p_table, p_key)),
    'expires', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')));
  UPDATE latchkey.organization SET upkeep = upkeep || pg_current_xact_id()
    WHERE id = p_organization AND NOT pg_current_xact_id() = ANY (upkeep);
END
$$;
REVOKE ALL ON FUNCTION latchkey.log_expired_key(TEXT, TEXT, TEXT, TIMESTAMPTZ) FROM PUBLIC;

-- What follows calls functions that the installation makes in the terms of the host's tables: latchkey.standing_of, is_administered and
-- project_activity.

-- Applies one command's changes in order. Raises whatever stands in the way; the caller's block undoes the rest.
CREATE FUNCTION latchkey.apply_command(p_device latchkey.device, p_command JSONB) RETURNS JSONB
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  body JSONB := (p_command ->> 'changes')::JSONB;
  change JSONB;
  mirrored latchkey.mirrored_table;
  outcome JSONB;
  story JSONB := '[]';
  merged BOOLEAN := FALSE;
  administered BOOLEAN;
  projection JSONB;
  is_erasure CONSTANT BOOLEAN := p_command ->> 'name' = 'person.erase';
  is_hold CONSTANT BOOLEAN := p_command ->> 'name' IN ('person.hold', 'person.release-hold');
  names TEXT[];
BEGIN
  -- Constraints that an earlier command of this push made immediate are deferred again.
  SET CONSTRAINTS ALL DEFERRED;
  IF jsonb_typeof(body -> 'changes') IS DISTINCT FROM 'array' OR (jsonb_array_length(body -> 'changes') = 0 AND NOT is_hold) THEN
    RAISE EXCEPTION 'A command changes something.' USING ERRCODE = 'LK422';
  ELSIF p_command ->> 'name' !~ '^[a-z][a-z_]*\.[a-z][a-z_-]*$' OR p_command ->> 'name' IS NULL THEN
    RAISE EXCEPTION 'A command is named noun.verb.' USING ERRCODE = 'LK422';
  END IF;
  PERFORM latchkey.require_erasable(p_device, p_command ->> 'name', body);
  IF is_hold THEN
    PERFORM latchkey.hold(p_device, p_command ->> 'name', body);
  ELSIF is_erasure THEN
    names := latchkey.names_of(p_device.organization, body #>> '{subject,key}');
  END IF;
  administered := latchkey.is_administered();
  FOR change IN SELECT * FROM jsonb_array_elements(body -> 'changes') LOOP
    SELECT * INTO mirrored FROM latchkey.mirrored_table WHERE name = change ->> 'table';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'There is no table %.', quote_ident(coalesce(change ->> 'table', '')) USING ERRCODE = 'LK422';
    ELSIF change ->> 'op' NOT IN ('insert', 'update') OR change ->> 'op' IS NULL THEN
      RAISE EXCEPTION 'A change inserts or updates.' USING ERRCODE = 'LK422';
    ELSIF jsonb_typeof(change -> 'key') IS DISTINCT FROM 'array' OR jsonb_array_length(change -> 'key') <> cardinality(mirrored.key_columns) THEN
      RAISE EXCEPTION 'The key of a change in % is not one of this table.', mirrored.name USING ERRCODE = 'LK422';
    END IF;
    BEGIN
      outcome := latchkey.apply_change(mirrored.name, mirrored.key_columns, mirrored.write_only, mirrored.rules,
        ('latchkey_' || p_device.capability)::NAME, change - 'overwrite' || jsonb_build_object('op', upper(change ->> 'op'))
          || CASE WHEN is_erasure THEN '{"overwrite": true}' ELSE '{}' END::JSONB);
    EXCEPTION WHEN SQLSTATE 'LK409' THEN
      DECLARE
        detail TEXT;
      BEGIN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        RAISE EXCEPTION '%', SQLERRM USING ERRCODE = 'LK409',
          DETAIL = (detail::JSONB || jsonb_build_object('table', mirrored.name, 'key', change -> 'key'))::TEXT;
      END;
    END;
    merged := merged OR (outcome ->> 'merged')::BOOLEAN;
    story := story || jsonb_build_array(jsonb_build_object('table', mirrored.name, 'op', change -> 'op',
      'key', CASE WHEN cardinality(mirrored.key_columns) = 1 THEN change #>> '{key,0}' ELSE change ->> 'key' END,
      'before', outcome -> 'before', 'after', outcome -> 'after'));
  END LOOP;
  SET CONSTRAINTS ALL IMMEDIATE;
  IF administered AND NOT latchkey.is_administered() THEN
    RAISE EXCEPTION 'This would leave the organization without an active administrator.' USING ERRCODE = 'LK423';
  END IF;
  projection := latchkey.project_activity(p_device, p_command ->> 'name', jsonb_build_object('latchkey', jsonb_build_object(
    'command', p_command -> 'id', 'device', p_device.name, 'made_at', p_command -> 'made_at', 'reason', body -> 'reason',
    'subject', body -> 'subject', 'changes', story)
    || CASE WHEN p_command ? 'released_by' THEN jsonb_build_object('released_by', p_command -> 'released_by') ELSE '{}' END));
  RETURN jsonb_build_object('merged', merged, 'projection', projection,
    'leaves', CASE WHEN is_erasure THEN latchkey.erase(p_device, (p_command ->> 'id')::UUID, body #>> '{subject,key}', names) ELSE '[]' END);
END
$$;
REVOKE ALL ON FUNCTION latchkey.apply_command(latchkey.device, JSONB) FROM PUBLIC;

-- Whether the device's operator may still act by it: active, and of no lower a role in the host's tables than when it was enrolled.
CREATE FUNCTION latchkey.is_entitled(p_device latchkey.device) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ranks TEXT[] := ARRAY(SELECT jsonb_array_elements_text(mapping #> '{people,role,values}') FROM latchkey.installation);
  standing RECORD := latchkey.standing_of(p_device.operator);
BEGIN
  RETURN coalesce(standing.is_active, FALSE)
    AND (array_position(ranks, p_device.operator_role) IS NULL
      OR coalesce(array_position(ranks, standing.role) >= array_position(ranks, p_device.operator_role), FALSE));
END
$$;
REVOKE ALL ON FUNCTION latchkey.is_entitled(latchkey.device) FROM PUBLIC;

-- Whether the device's log holds the entry that stands for an act on a command, and, for the command itself, for its exact changes.
CREATE FUNCTION latchkey.has_entry(p_device latchkey.device, p_command UUID, p_action TEXT, p_changes_hash BYTEA) RETURNS BOOLEAN
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT 1 FROM latchkey.audit_leaf l CROSS JOIN LATERAL (SELECT convert_from(l.entry, 'UTF8')::JSONB AS said) entry
    WHERE l.device = p_device.id AND l.command = p_command AND said ->> 'act' = p_action
      AND (p_changes_hash IS NULL OR said #>> '{chg,h}' = encode(p_changes_hash, 'hex')))
$$;
REVOKE ALL ON FUNCTION latchkey.has_entry(latchkey.device, UUID, TEXT, BYTEA) FROM PUBLIC;

-- Applies a command, or finds out why not; what it changed until then is undone. Answers {"state", "context", "projection", "leaves"}.
CREATE FUNCTION latchkey.judge_command(p_device latchkey.device, p_command JSONB) RETURNS JSONB
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  outcome JSONB;
  detail TEXT;
BEGIN
  IF EXISTS (SELECT 1 FROM jsonb_array_elements_text(coalesce(p_command -> 'requires', '[]')) AS needed
             JOIN latchkey.command c ON c.id = needed::UUID AND c.organization = p_device.organization WHERE c.state IN ('conflict', 'refused')) THEN
    RAISE EXCEPTION 'A command that this one builds on was not applied.' USING ERRCODE = 'LK424';
  END IF;
  outcome := latchkey.apply_command(p_device, p_command);
  RETURN jsonb_build_object('state', CASE WHEN (outcome ->> 'merged')::BOOLEAN THEN 'merged' ELSE 'applied' END, 'projection', outcome -> 'projection',
    'leaves', outcome -> 'leaves');
EXCEPTION
  WHEN SQLSTATE 'LK409' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN jsonb_build_object('state', 'conflict', 'context', detail::JSONB || jsonb_build_object('code', SQLSTATE, 'message', SQLERRM));
  WHEN OTHERS THEN
    -- The weather passes: these are raised, and the whole push comes again.
    IF SQLSTATE IN ('40001', '40P01', '55P03') OR left(SQLSTATE, 2) IN ('53', '57', '58', '08') THEN
      RAISE;
    END IF;
    RETURN jsonb_build_object('state', 'refused', 'context', jsonb_build_object('kind', 'refused', 'code', SQLSTATE, 'message', SQLERRM));
END
$$;
REVOKE ALL ON FUNCTION latchkey.judge_command(latchkey.device, JSONB) FROM PUBLIC;

CREATE FUNCTION latchkey.receipt(p_command latchkey.command) RETURNS JSONB
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object('id', p_command.id, 'state', p_command.state, 'context', p_command.context, 'xid', p_command.xid::TEXT,
    'at', to_char(p_command.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
$$;
REVOKE ALL ON FUNCTION latchkey.receipt(latchkey.command) FROM PUBLIC;

-- What became of a command, as a leaf.
CREATE FUNCTION latchkey.result_leaf(p_command latchkey.command, p_projection JSONB) RETURNS BYTEA
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT latchkey.central_leaf(p_command.organization, jsonb_strip_nulls(jsonb_build_object('act', 'command.result', 'cmd', p_command.id,
    'out', p_command.state, 'prj', p_projection,
    'ref', jsonb_build_object('dev', p_command.device, 'seq', (SELECT min(device_idx) FROM latchkey.audit_leaf l WHERE l.device = p_command.device AND l.command = p_command.id)))))
$$;
REVOKE ALL ON FUNCTION latchkey.result_leaf(latchkey.command, JSONB) FROM PUBLIC;

-- Takes one command: its receipt if it was here before, else claims its id, applies it or keeps why not. Answers {"receipt"}, and with it
-- "leaves", what the log shall say of it, where that is news.
CREATE FUNCTION latchkey.take_command(p_device latchkey.device, p_entitled BOOLEAN, p_command JSONB) RETURNS JSONB
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  command_id UUID := (p_command ->> 'id')::UUID;
  bytes BYTEA := convert_to(p_command ->> 'changes', 'UTF8');
  needed UUID[] := ARRAY(SELECT id::UUID FROM jsonb_array_elements_text(coalesce(p_command -> 'requires', '[]')) AS id);
  known latchkey.command;
  verdict JSONB;
BEGIN
  SELECT * INTO known FROM latchkey.command WHERE organization = p_device.organization AND id = command_id;
  IF FOUND THEN
    IF known.device <> p_device.id OR known.changes_hash <> sha256(bytes) THEN
      RETURN jsonb_build_object('receipt', jsonb_build_object('id', command_id, 'state', 'refused', 'context', jsonb_build_object(
        'kind', 'refused', 'code', 'LK412', 'message', 'A command with this id is already here with other changes.')));
    END IF;
    RETURN jsonb_build_object('receipt', latchkey.receipt(known));
  END IF;

  -- What it builds on has no answer yet, or none that lasts: it is not claimed, and can come again.
  IF EXISTS (SELECT 1 FROM unnest(needed) AS one (id)
             WHERE NOT EXISTS (SELECT 1 FROM latchkey.command c WHERE c.id = one.id AND c.organization = p_device.organization
                                 AND (c.state <> 'quarantined' OR NOT p_entitled))) THEN
    RETURN jsonb_build_object('receipt', jsonb_build_object('id', command_id, 'state', 'waiting'));
  END IF;

  verdict := CASE
    WHEN NOT latchkey.has_entry(p_device, command_id, p_command ->> 'name', sha256(bytes)) THEN
      jsonb_build_object('state', 'refused', 'context', jsonb_build_object('kind', 'refused', 'code', 'LK412',
        'message', 'No log entry of this device stands for this command and its changes.'))
    WHEN NOT p_entitled AND NOT latchkey.is_about(latchkey.parsed_json(p_command ->> 'changes'), latchkey.erased_people(p_device.organization)) THEN
      jsonb_build_object('state', 'quarantined', 'context', jsonb_build_object('kind', 'refused', 'code', 'LK403',
        'message', 'The operator of this device is no longer active, or has a lower role than when it was enrolled. Another administrator decides.'))
    ELSE latchkey.judge_command(p_device, p_command)
  END;
  -- What came too late about somebody who was erased must not bring back what they were called.
  IF verdict ->> 'state' NOT IN ('applied', 'merged')
    AND latchkey.is_about(latchkey.parsed_json(p_command ->> 'changes'), latchkey.erased_people(p_device.organization)) THEN
    bytes := NULL;
  END IF;
  INSERT INTO latchkey.command (id, organization, device, name, changes_hash, changes, made_at, requires, state, context, offered_again)
    VALUES (command_id, p_device.organization, p_device.id, p_command ->> 'name', sha256(convert_to(p_command ->> 'changes', 'UTF8')), bytes, coalesce(p_command ->> 'made_at', ''),
      needed, verdict ->> 'state', verdict -> 'context', coalesce((p_command ->> 'again')::BOOLEAN, FALSE))
    RETURNING * INTO known;
  RETURN jsonb_build_object('receipt', latchkey.receipt(known),
    'leaves', jsonb_build_array(convert_from(latchkey.result_leaf(known, verdict -> 'projection'), 'UTF8')) || coalesce(verdict -> 'leaves', '[]'));
END
$$;
REVOKE ALL ON FUNCTION latchkey.take_command(latchkey.device, BOOLEAN, JSONB) FROM PUBLIC;

-- What became of commands of this device. One that is not in the answer is not known here.
CREATE FUNCTION latchkey.receipts(p_commands UUID[]) RETURNS JSONB
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(latchkey.receipt(c)), '[]')
  FROM latchkey.command c
  WHERE c.device = (latchkey.require_device()).id AND c.id = ANY (p_commands)
$$;

-- Entries: [{"position": n, "entry": "<exact text>", "disclosures": ["<text>"]}]. Note: the device's signed checkpoint of its own log with these
-- entries. Commands: [{"id", "name", "made_at", "requires", "changes": "<exact text>", "again"}].
-- Answers {"entries": n, "receipts": [{"id", "state", "context", "xid", "at"}]}.
CREATE FUNCTION latchkey.push(p_entries TEXT, p_commands TEXT, p_note TEXT DEFAULT NULL) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres' SET extra_float_digits = 1 AS $$
DECLARE
  this latchkey.device := latchkey.require_device();
  head latchkey.organization;
  entries JSONB;
  commands JSONB;
  command JSONB;
  taken JSONB;
  receipts JSONB := '[]';
  entitled BOOLEAN;
  leaves BYTEA[];
BEGIN
  IF octet_length(p_entries) + octet_length(p_commands) > 16777216 OR octet_length(p_note) > 4096 THEN
    RAISE EXCEPTION 'A push is 16 MiB at most.' USING ERRCODE = 'LK413';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'A push needs to see what was committed before it: use READ COMMITTED.' USING ERRCODE = 'LK422';
  END IF;
  entries := latchkey.read_json(p_entries);
  commands := latchkey.read_json(p_commands);
  IF jsonb_typeof(entries) IS DISTINCT FROM 'array' OR jsonb_typeof(commands) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'Entries and commands are arrays.' USING ERRCODE = 'LK422';
  ELSIF jsonb_array_length(commands) > 50 THEN
    RAISE EXCEPTION 'A push holds 50 commands at most.' USING ERRCODE = 'LK413';
  ELSIF EXISTS (SELECT 1 FROM jsonb_array_elements(entries) AS e
      WHERE jsonb_typeof(e -> 'entry') IS DISTINCT FROM 'string' OR coalesce(e ->> 'position' !~ '^[1-9][0-9]{0,17}$', TRUE)
        OR jsonb_typeof(coalesce(e -> 'disclosures', '[]')) <> 'array') THEN
    RAISE EXCEPTION 'An entry has a position and a text, and a list of what it discloses.' USING ERRCODE = 'LK422';
  ELSIF EXISTS (SELECT 1 FROM jsonb_array_elements(commands) AS c
      WHERE NOT latchkey.is_uuid(c ->> 'id') OR jsonb_typeof(c -> 'name') IS DISTINCT FROM 'string'
        OR jsonb_typeof(c -> 'changes') IS DISTINCT FROM 'string' OR jsonb_typeof(coalesce(c -> 'again', 'false')) <> 'boolean'
        OR jsonb_typeof(coalesce(c -> 'requires', '[]')) <> 'array'
        OR EXISTS (SELECT 1 FROM jsonb_array_elements_text(CASE jsonb_typeof(c -> 'requires') WHEN 'array' THEN c -> 'requires' ELSE '[]' END) AS needed
                   WHERE NOT latchkey.is_uuid(needed))) THEN
    RAISE EXCEPTION 'A command has an id, a name, changes, and the ids of what it requires.' USING ERRCODE = 'LK422';
  END IF;

  -- The head first, the rows after it: the other way round deadlocks under load.
  SELECT * INTO head FROM latchkey.organization WHERE id = this.organization FOR UPDATE;

  -- A device holds back what names people who were erased, once it knows of them.
  IF nullif(current_setting('latchkey.known_erasures', TRUE), '')::BIGINT < cardinality(latchkey.erased_people(this.organization)) THEN
    RAISE EXCEPTION 'A person was erased meanwhile: come again.' USING ERRCODE = '40001';
  END IF;

  leaves := latchkey.written_by_host(head);
  IF latchkey.append_entries(this, entries) > 0 THEN
    -- Whether the signature holds is for devices to tell.
    IF split_part(p_note, E'\n', 2) IS DISTINCT FROM (SELECT d.entries::TEXT FROM latchkey.device d WHERE d.id = this.id) THEN
      RAISE EXCEPTION 'Entries come with the checkpoint of their log that their device signed.' USING ERRCODE = 'LK412';
    END IF;
    leaves := leaves || latchkey.central_leaf(this.organization, jsonb_build_object('act', 'device.checkpoint', 'note', p_note,
      'obj', jsonb_build_object('t', 'latchkey.device', 'id', this.id)));
    leaves := leaves || latchkey.erase_late(this, head.log_size);
  END IF;

  entitled := latchkey.is_entitled(this);
  FOR command IN SELECT * FROM jsonb_array_elements(commands) LOOP
    taken := latchkey.take_command(this, entitled, command);
    receipts := receipts || jsonb_build_array(taken -> 'receipt');
    leaves := leaves || ARRAY(SELECT convert_to(leaf, 'UTF8') FROM jsonb_array_elements_text(taken -> 'leaves') AS leaf);
  END LOOP;
  PERFORM latchkey.log_leaves(this.organization, leaves);

  UPDATE latchkey.device SET last_push_at = now() WHERE id = this.id;
  IF jsonb_array_length(commands) > 0 THEN
    PERFORM pg_notify(head.channel, '');
  END IF;
  RETURN jsonb_build_object('entries', (SELECT d.entries FROM latchkey.device d WHERE d.id = this.id), 'receipts', receipts);
END
$$;
