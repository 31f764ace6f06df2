-- What an administrator declares after a restore.

-- Ends one epoch and begins the next: the change log starts anew and every mirror takes a fresh copy. Each organization's log goes on
-- with a leaf that names how far it came, so that nobody can later say that a shorter log was the whole one. Transaction ids of before
-- mean nothing here, so receipts count as of now. Entry bytes are canonical JSON (RFC 8785).
CREATE FUNCTION latchkey.begin_epoch(p_reason TEXT) RETURNS UUID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  begun UUID := gen_random_uuid();
  head latchkey.organization;
  last_leaf BYTEA;
BEGIN
  IF coalesce(length(btrim(p_reason)), 0) < 3 OR length(p_reason) > 500 THEN
    RAISE EXCEPTION 'Give a reason of 3 to 500 characters.' USING ERRCODE = 'LK422';
  END IF;
  TRUNCATE latchkey.change;
  UPDATE latchkey.command SET xid = pg_current_xact_id();
  UPDATE latchkey.epoch
    SET id = begun, started_at = now(), reason = p_reason, retained_since = pg_current_xact_id(), forgotten_by = pg_current_xact_id();
  FOR head IN SELECT * FROM latchkey.organization ORDER BY id FOR UPDATE LOOP
    SELECT leaf_hash INTO last_leaf FROM latchkey.audit_leaf WHERE organization = head.id AND idx = head.log_size - 1;
    PERFORM latchkey.log_of_central(head.id, jsonb_build_object('act', 'epoch.begin', 'epoch', begun, 'reason', p_reason,
      'log', jsonb_build_object('leaf', encode(last_leaf, 'hex'), 'size', head.log_size)));
    UPDATE latchkey.organization SET host_seen = pg_current_snapshot()::TEXT, host_seen_at = now(), upkeep = '{}' WHERE id = head.id;
  END LOOP;
  RETURN begun;
END
$$;
REVOKE ALL ON FUNCTION latchkey.begin_epoch(TEXT) FROM PUBLIC;

-- Which commands came back, and from which device, since the epoch began.
CREATE VIEW latchkey.recovered AS
  SELECT c.organization, d.id AS device, d.name AS device_name, d.operator, c.id AS command, c.name, c.made_at, c.received_at, c.state
  FROM latchkey.command c
  JOIN latchkey.device d ON d.id = c.device
  WHERE c.offered_again AND c.received_at >= (SELECT started_at FROM latchkey.epoch);
