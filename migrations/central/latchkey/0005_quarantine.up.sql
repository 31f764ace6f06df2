-- Commands of an operator who was deactivated or demoted are neither applied nor thrown away: an administrator of the organization,
-- at another device and not the same person, releases or discards each.

CREATE FUNCTION latchkey.require_administrator() RETURNS latchkey.device
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device := latchkey.require_device();
BEGIN
  IF this.capability <> 'admin' OR NOT latchkey.is_entitled(this) THEN
    RAISE EXCEPTION 'Only the device of an active administrator may do that.' USING ERRCODE = 'LK405';
  END IF;
  RETURN this;
END
$$;
REVOKE ALL ON FUNCTION latchkey.require_administrator() FROM PUBLIC;

-- The organization's commands in quarantine, oldest first, without what no device may read.
CREATE FUNCTION latchkey.quarantine() RETURNS JSONB
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device := latchkey.require_administrator();
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'id', c.id, 'name', c.name, 'device', d.id, 'device_name', d.name, 'operator', d.operator, 'made_at', c.made_at,
      'received_at', to_char(c.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'reason', body -> 'reason', 'subject', body -> 'subject', 'changes', shown.changes) ORDER BY c.received_at, c.id), '[]')
    FROM latchkey.command c
    JOIN latchkey.device d ON d.id = c.device
    CROSS JOIN LATERAL (SELECT convert_from(c.changes, 'UTF8')::JSONB AS body) said
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(change || jsonb_build_object('set', (change -> 'set') - coalesce(m.write_only, '{}'))) AS changes
      FROM jsonb_array_elements(body -> 'changes') AS change
      LEFT JOIN latchkey.mirrored_table m ON m.name = change ->> 'table'
    ) shown
    WHERE c.organization = this.organization AND c.state = 'quarantined');
END
$$;

-- `release` applies the command now, with the rights of the device that made it; `discard` refuses it. Answers its receipt.
CREATE FUNCTION latchkey.decide(p_command UUID, p_decision TEXT) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres' SET extra_float_digits = 1 AS $$
DECLARE
  this latchkey.device := latchkey.require_administrator();
  head latchkey.organization;
  waiting latchkey.command;
  author latchkey.device;
  verdict JSONB;
BEGIN
  IF p_decision NOT IN ('release', 'discard') OR p_decision IS NULL THEN
    RAISE EXCEPTION 'A command in quarantine is released or discarded.' USING ERRCODE = 'LK422';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'A decision needs to see what was committed before it: use READ COMMITTED.' USING ERRCODE = 'LK422';
  END IF;
  SELECT * INTO head FROM latchkey.organization WHERE id = this.organization FOR UPDATE;
  SELECT * INTO waiting FROM latchkey.command WHERE id = p_command AND organization = this.organization AND state = 'quarantined';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'There is no such command in quarantine.' USING ERRCODE = 'LK404';
  END IF;
  SELECT * INTO author FROM latchkey.device WHERE id = waiting.device;
  IF author.operator = this.operator THEN
    RAISE EXCEPTION 'Another administrator than its operator decides on a command in quarantine.' USING ERRCODE = 'LK405';
  ELSIF NOT latchkey.has_entry(this, p_command, 'quarantine.' || p_decision, NULL) THEN
    RAISE EXCEPTION 'No log entry of this device stands for this decision.' USING ERRCODE = 'LK412';
  ELSIF p_decision = 'release'
    AND EXISTS (SELECT 1 FROM latchkey.command c WHERE c.organization = this.organization AND c.id = ANY (waiting.requires) AND c.state = 'quarantined') THEN
    RAISE EXCEPTION 'It builds on another command in quarantine: decide on that one first.' USING ERRCODE = 'LK424';
  END IF;
  verdict := CASE p_decision
    WHEN 'release' THEN latchkey.judge_command(author, jsonb_build_object('id', waiting.id, 'name', waiting.name, 'made_at', waiting.made_at,
      'changes', convert_from(waiting.changes, 'UTF8'), 'requires', to_jsonb(waiting.requires), 'released_by', this.operator))
    ELSE jsonb_build_object('state', 'refused', 'context', jsonb_build_object('kind', 'refused', 'code', 'LK403',
      'message', 'An administrator discarded it in quarantine.'))
  END;
  UPDATE latchkey.command
    SET state = verdict ->> 'state', context = verdict -> 'context', xid = pg_current_xact_id(), decided_by = this.id, decided_at = now()
    WHERE organization = this.organization AND id = p_command
    RETURNING * INTO waiting;
  PERFORM latchkey.log_leaves(this.organization, latchkey.result_leaf(waiting, verdict -> 'projection')
    || ARRAY(SELECT convert_to(leaf, 'UTF8') FROM jsonb_array_elements_text(coalesce(verdict -> 'leaves', '[]')) AS leaf));
  PERFORM pg_notify(head.channel, '');
  RETURN latchkey.receipt(waiting);
END
$$;
