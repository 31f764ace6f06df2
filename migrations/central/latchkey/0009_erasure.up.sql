-- Erasure of a person on request, and legal holds that stand against it. What goes is what names them: the proofs rest on hashes and stay.

-- While one stands, nobody erases this person.
CREATE TABLE latchkey.legal_hold (
  organization TEXT NOT NULL REFERENCES latchkey.organization (id),
  -- Key of the person in the host's table.
  person TEXT NOT NULL,
  reason TEXT NOT NULL,
  device TEXT NOT NULL REFERENCES latchkey.device (id),
  placed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (organization, person)
);
CREATE INDEX legal_hold_by_device ON latchkey.legal_hold (device);

-- Who was erased. Of them nothing is known but the key of their row.
CREATE TABLE latchkey.erasure (
  organization TEXT NOT NULL REFERENCES latchkey.organization (id),
  person TEXT NOT NULL,
  command UUID NOT NULL,
  erased_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (organization, person)
);

-- A person in the terms of the host's tables: {"table", "id", "email", "name": […]}.
CREATE FUNCTION latchkey.people_mapping() RETURNS JSONB
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT mapping -> 'people' FROM latchkey.installation
$$;
REVOKE ALL ON FUNCTION latchkey.people_mapping() FROM PUBLIC;

-- What a person is called and was called: their address and their name, as they stand and as commands of devices found and left them.
CREATE FUNCTION latchkey.names_of(p_organization TEXT, p_person TEXT) RETURNS TEXT[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  people JSONB := latchkey.people_mapping();
  name_columns TEXT[] := ARRAY(SELECT jsonb_array_elements_text(people -> 'name'));
  present JSONB;
BEGIN
  EXECUTE format('SELECT to_jsonb(p.*) FROM latchkey_write.%I p WHERE p.%I::TEXT = $1', people ->> 'table', people ->> 'id')
    INTO present USING p_person;
  RETURN ARRAY(
    SELECT DISTINCT called.name
    FROM (
      SELECT present AS said
      UNION ALL
      SELECT version.said
      FROM latchkey.command c
      CROSS JOIN LATERAL (SELECT latchkey.parsed_json(convert_from(c.changes, 'UTF8')) -> 'changes' AS list) AS sent
      CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(sent.list) WHEN 'array' THEN sent.list ELSE '[]' END) AS change
      CROSS JOIN LATERAL (VALUES (change -> 'base'), (change -> 'set'), (nullif(change -> 'base', 'null') || (change -> 'set'))) AS version (said)
      WHERE c.organization = p_organization AND position(convert_to(p_person, 'UTF8') IN c.changes) > 0
        AND change ->> 'table' = people ->> 'table' AND change #>> '{key,0}' = p_person
    ) AS known
    CROSS JOIN LATERAL (VALUES
      (lower(known.said ->> (people ->> 'email'))),
      (lower((SELECT string_agg(known.said ->> part.name, ' ' ORDER BY part.n) FROM unnest(name_columns) WITH ORDINALITY AS part (name, n))))
    ) AS called (name)
    WHERE length(btrim(called.name)) > 2);
END
$$;
REVOKE ALL ON FUNCTION latchkey.names_of(TEXT, TEXT) FROM PUBLIC;

-- Whether a text, which may be JSON, holds one of these names: whole words of it, whatever their case.
CREATE FUNCTION latchkey.mentions(p_text TEXT, p_names TEXT[]) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM unnest(p_names) AS given (name)
    CROSS JOIN LATERAL (SELECT substr(to_json(given.name)::TEXT, 2, length(to_json(given.name)::TEXT) - 2)) AS written (name)
    WHERE strpos(lower(p_text), written.name) > 0
      AND lower(p_text) ~ ('(^|[^[:alnum:]])' || regexp_replace(written.name, '([][(){}.*+?^$|\\])', '\\\1', 'g') || '($|[^[:alnum:]])'))
$$;
REVOKE ALL ON FUNCTION latchkey.mentions(TEXT, TEXT[]) FROM PUBLIC;

-- A disclosure as the JSON [salt, name, value] that it is; of what a device made otherwise, its text.
CREATE FUNCTION latchkey.disclosed(p_disclosure TEXT) RETURNS JSONB
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN convert_from(decode(translate(p_disclosure, '-_', '+/') || repeat('=', (4 - length(p_disclosure) % 4) % 4), 'base64'), 'UTF8')::JSONB;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN to_jsonb(p_disclosure);
END
$$;
REVOKE ALL ON FUNCTION latchkey.disclosed(TEXT) FROM PUBLIC;

CREATE FUNCTION latchkey.digest_of(p_disclosure TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT translate(rtrim(encode(sha256(convert_to(p_disclosure, 'UTF8')), 'base64'), '='), '+/', '-_')
$$;
REVOKE ALL ON FUNCTION latchkey.digest_of(TEXT) FROM PUBLIC;

-- What is disclosed of the leaves from an index on, and of which entry.
CREATE FUNCTION latchkey.disclosures_from(p_organization TEXT, p_from BIGINT) RETURNS TABLE (place TID, said JSONB, told JSONB)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.ctid, convert_from(l.entry, 'UTF8')::JSONB, latchkey.disclosed(d.disclosure)
  FROM latchkey.audit_disclosure d JOIN latchkey.audit_leaf l ON l.organization = d.organization AND l.idx = d.idx
  WHERE d.organization = p_organization AND d.idx >= p_from
$$;
REVOKE ALL ON FUNCTION latchkey.disclosures_from(TEXT, BIGINT) FROM PUBLIC;

-- Whether a command is about one of these people: its subject, or a row that it changes.
CREATE FUNCTION latchkey.is_about(p_body JSONB, p_people TEXT[]) RETURNS BOOLEAN
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(p_body #>> '{subject,table}' = people ->> 'table' AND p_body #>> '{subject,key}' = ANY (p_people), FALSE)
    OR EXISTS (SELECT FROM jsonb_array_elements(CASE jsonb_typeof(p_body -> 'changes') WHEN 'array' THEN p_body -> 'changes' ELSE '[]' END) AS change
      WHERE change ->> 'table' = people ->> 'table' AND change #>> '{key,0}' = ANY (p_people))
  FROM latchkey.people_mapping() AS people
$$;
REVOKE ALL ON FUNCTION latchkey.is_about(JSONB, TEXT[]) FROM PUBLIC;

CREATE FUNCTION latchkey.erased_people(p_organization TEXT) RETURNS TEXT[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT ARRAY(SELECT person FROM latchkey.erasure WHERE organization = p_organization)
$$;
REVOKE ALL ON FUNCTION latchkey.erased_people(TEXT) FROM PUBLIC;

-- What stands in the way of a command because of who it is about. Raises LK403, LK422, LK425 (erased), LK426 (a hold stands).
CREATE FUNCTION latchkey.require_erasable(p_device latchkey.device, p_name TEXT, p_body JSONB) RETURNS VOID
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  people JSONB := latchkey.people_mapping();
  person TEXT := p_body #>> '{subject,key}';
  hold latchkey.legal_hold;
BEGIN
  IF latchkey.is_about(p_body, latchkey.erased_people(p_device.organization)) THEN
    RAISE EXCEPTION 'This person was erased: nothing of them can be changed any more.' USING ERRCODE = 'LK425';
  END IF;
  IF p_name NOT IN ('person.erase', 'person.hold', 'person.release-hold') THEN
    RETURN;
  END IF;
  IF p_device.capability <> 'admin' THEN
    RAISE EXCEPTION 'Only the device of an administrator may do that.' USING ERRCODE = 'LK403';
  ELSIF p_body #>> '{subject,table}' IS DISTINCT FROM people ->> 'table' OR person IS NULL OR latchkey.standing_of(person) IS NULL
    OR latchkey.object_id(p_device.organization, people ->> 'table', person) <> person THEN
    RAISE EXCEPTION 'This is about a person who is there.' USING ERRCODE = 'LK422';
  ELSIF p_name <> 'person.erase' AND (jsonb_array_length(p_body -> 'changes') > 0 OR length(btrim(coalesce(p_body ->> 'reason', ''))) < 3) THEN
    RAISE EXCEPTION 'A hold has a reason, and changes nothing.' USING ERRCODE = 'LK422';
  ELSIF p_name = 'person.erase' AND EXISTS (SELECT FROM jsonb_array_elements(p_body -> 'changes') AS change
      WHERE change ->> 'op' <> 'update' OR (change ->> 'table' = people ->> 'table' AND change #>> '{key,0}' <> person)) THEN
    RAISE EXCEPTION 'An erasure changes rows of the one person.' USING ERRCODE = 'LK422';
  END IF;
  SELECT * INTO hold FROM latchkey.legal_hold h WHERE h.organization = p_device.organization AND h.person = p_body #>> '{subject,key}';
  IF FOUND AND p_name <> 'person.release-hold' THEN
    RAISE EXCEPTION 'A legal hold stands on this person: %', hold.reason USING ERRCODE = 'LK426';
  ELSIF NOT FOUND AND p_name = 'person.release-hold' THEN
    RAISE EXCEPTION 'No legal hold stands on this person.' USING ERRCODE = 'LK404';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION latchkey.require_erasable(latchkey.device, TEXT, JSONB) FROM PUBLIC;

CREATE FUNCTION latchkey.hold(p_device latchkey.device, p_name TEXT, p_body JSONB) RETURNS VOID
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_name = 'person.hold' THEN
    INSERT INTO latchkey.legal_hold (organization, person, reason, device)
      VALUES (p_device.organization, p_body #>> '{subject,key}', p_body ->> 'reason', p_device.id);
  ELSE
    DELETE FROM latchkey.legal_hold WHERE organization = p_device.organization AND person = p_body #>> '{subject,key}';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION latchkey.hold(latchkey.device, TEXT, JSONB) FROM PUBLIC;

-- Leaves that say what was erased: [[index of the leaf, digest, …]], and hashes of what the host's audit table tells since: [[command, hash]].
-- As many as it takes, since a leaf is 16 KiB at most.
CREATE FUNCTION latchkey.erasure_leaves(p_organization TEXT, p_said JSONB, p_gone JSONB, p_told JSONB) RETURNS BYTEA[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(latchkey.central_leaf(p_organization, p_said || jsonb_build_object('act', 'erasure.done', 'part', jsonb_build_array(part.number, part.parts),
      'n', coalesce(part.digests, 0), 'gone', coalesce(part.gone, '[]'), 'prj', coalesce(part.told, '[]'))) ORDER BY part.number), '{}')
  FROM (
    SELECT numbered.number, max(numbered.number) OVER () AS parts, sum(numbered.digests) AS digests,
      jsonb_agg(numbered.gone ORDER BY numbered.n) FILTER (WHERE numbered.gone IS NOT NULL) AS gone,
      jsonb_agg(numbered.told ORDER BY numbered.n) FILTER (WHERE numbered.told IS NOT NULL) AS told
    FROM (
      SELECT 1 + (row_number() OVER (ORDER BY items.kind, items.place) - 1) / 40 AS number, row_number() OVER (ORDER BY items.kind, items.place) AS n, items.*
      FROM (
        SELECT 1 AS kind, place, gone, NULL::JSONB AS told, jsonb_array_length(gone) - 1 AS digests FROM jsonb_array_elements(p_gone) WITH ORDINALITY AS g (gone, place)
        UNION ALL SELECT 2, place, NULL, told, 0 FROM jsonb_array_elements(p_told) WITH ORDINALITY AS t (told, place)
        UNION ALL SELECT 3, 1, NULL, NULL, 0 WHERE p_gone = '[]' AND p_told = '[]' AND p_said ? 'obj'
      ) items
    ) numbered
    GROUP BY numbered.number
  ) part
$$;
REVOKE ALL ON FUNCTION latchkey.erasure_leaves(TEXT, JSONB, JSONB, JSONB) FROM PUBLIC;

-- Takes away all that names a person in what Latchkey keeps here: disclosures, change bytes, words of receipts, what it told the host's audit
-- table. Answers the leaves that say so: an array of their texts.
CREATE FUNCTION latchkey.erase(p_device latchkey.device, p_command UUID, p_person TEXT, p_names TEXT[]) RETURNS JSONB
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  people TEXT := latchkey.people_mapping() ->> 'table';
  object TEXT := latchkey.object_id(p_device.organization, people, p_person);
  gone JSONB;
  hit UUID[];
  waiting latchkey.command;
  leaves BYTEA[] := '{}';
BEGIN
  INSERT INTO latchkey.erasure (organization, person, command) VALUES (p_device.organization, p_person, p_command);

  WITH taken AS (
    DELETE FROM latchkey.audit_disclosure d
    USING latchkey.disclosures_from(p_device.organization, 0) AS known
    WHERE d.ctid = known.place AND (latchkey.mentions(known.told::TEXT, p_names)
      OR CASE WHEN known.told ->> 1 = 'actor' THEN known.told #>> '{2,id}' = p_person
        ELSE known.said #>> '{obj,t}' = people AND known.said #>> '{obj,id}' = object AND known.said ->> 'cmd' <> p_command::TEXT END)
    RETURNING d.idx, latchkey.digest_of(d.disclosure) AS digest
  )
  SELECT coalesce(jsonb_agg(of_leaf.gone ORDER BY of_leaf.idx), '[]') INTO gone
  FROM (SELECT idx, jsonb_build_array(idx) || jsonb_agg(digest ORDER BY digest) AS gone FROM taken GROUP BY idx) of_leaf;

  hit := ARRAY(
    SELECT c.id FROM latchkey.command c CROSS JOIN LATERAL (SELECT latchkey.parsed_json(convert_from(c.changes, 'UTF8')) AS body) sent
    WHERE c.organization = p_device.organization AND c.id <> p_command AND c.changes IS NOT NULL
      AND (latchkey.is_about(sent.body, ARRAY[p_person]) OR latchkey.mentions(sent.body::TEXT, p_names)));
  FOR waiting IN
    UPDATE latchkey.command c SET state = 'refused', decided_by = p_device.id, decided_at = now(), xid = pg_current_xact_id(),
      context = '{"kind": "refused", "code": "LK425", "message": "The person whom it is about was erased."}'
    WHERE c.organization = p_device.organization AND c.id = ANY (hit) AND c.state = 'quarantined'
    RETURNING *
  LOOP
    leaves := leaves || latchkey.result_leaf(waiting, NULL);
  END LOOP;
  UPDATE latchkey.command c SET changes = NULL WHERE c.organization = p_device.organization AND c.id = ANY (hit);
  UPDATE latchkey.command c
    SET context = c.context || '{"fields": []}' || CASE WHEN latchkey.mentions(c.context ->> 'message', p_names) THEN '{"message": "Erased."}' ELSE '{}' END::JSONB
    WHERE c.organization = p_device.organization AND (c.id = ANY (hit) AND c.context ? 'fields' OR latchkey.mentions(c.context::TEXT, p_names));
  UPDATE latchkey.device d SET name = 'device ' || d.id WHERE d.organization = p_device.organization AND latchkey.mentions(d.name, p_names);

  leaves := leaves || latchkey.erasure_leaves(p_device.organization,
    jsonb_build_object('cmd', p_command, 'obj', jsonb_build_object('t', people, 'id', object)), gone,
    latchkey.redact_activity(p_device.organization, hit, p_names));
  RETURN (SELECT jsonb_agg(convert_from(leaf, 'UTF8')) FROM unnest(leaves) AS leaf);
END
$$;
REVOKE ALL ON FUNCTION latchkey.erase(latchkey.device, UUID, TEXT, TEXT[]) FROM PUBLIC;

-- Of entries that arrived from an index on, about people who had been erased before: what would name them is not kept either. Answers leaves
-- that say what of these entries is not disclosed, be it that it was taken away here or that their device held it back.
CREATE FUNCTION latchkey.erase_late(p_device latchkey.device, p_from BIGINT) RETURNS BYTEA[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  people TEXT := latchkey.people_mapping() ->> 'table';
  erased TEXT[] := latchkey.erased_people(p_device.organization);
  gone JSONB;
BEGIN
  IF cardinality(erased) = 0 THEN
    RETURN '{}';
  END IF;
  DELETE FROM latchkey.audit_disclosure d
    USING latchkey.disclosures_from(p_device.organization, p_from) AS known
    WHERE d.ctid = known.place AND CASE WHEN known.told ->> 1 = 'actor' THEN known.told #>> '{2,id}' = ANY (erased)
      ELSE known.said #>> '{obj,t}' = people AND known.said #>> '{obj,id}' = ANY (erased) AND known.said ->> 'act' NOT IN ('person.erase', 'erasure.acknowledge') END;
  SELECT coalesce(jsonb_agg(of_leaf.gone ORDER BY of_leaf.idx), '[]') INTO gone
  FROM (
    SELECT l.idx, jsonb_build_array(l.idx) || jsonb_agg(digest ORDER BY digest) AS gone
    FROM latchkey.audit_leaf l CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(convert_from(l.entry, 'UTF8')::JSONB -> '_sd', '[]')) AS digest
    WHERE l.organization = p_device.organization AND l.idx >= p_from AND l.device = p_device.id
      AND NOT EXISTS (SELECT FROM latchkey.audit_disclosure d WHERE d.organization = l.organization AND d.idx = l.idx AND latchkey.digest_of(d.disclosure) = digest)
    GROUP BY l.idx
  ) of_leaf;
  RETURN latchkey.erasure_leaves(p_device.organization, '{}', gone, '[]');
END
$$;
REVOKE ALL ON FUNCTION latchkey.erase_late(latchkey.device, BIGINT) FROM PUBLIC;
