-- What Latchkey keeps at central: who may connect, what is mirrored and by which rules, which epoch this database lives in.
-- Run as latchkey_owner, which owns the schema and can log in nowhere.

CREATE TABLE latchkey.installation (
  singleton BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (singleton),
  system TEXT NOT NULL,
  -- The system's mapping as it stood at install: push decides by this, never by what a device sends.
  mapping JSONB NOT NULL,
  -- The whole database, where that is one organization: made at install, for whoever's rows have no organization.
  organization UUID NOT NULL DEFAULT gen_random_uuid(),
  organization_name TEXT NOT NULL DEFAULT current_database(),
  installed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A new epoch begins when this database was rewound: a restore, declared by an administrator.
CREATE TABLE latchkey.epoch (
  singleton BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (singleton),
  id UUID NOT NULL DEFAULT gen_random_uuid(),
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  reason TEXT NOT NULL,
  -- Changes before this transaction may be no longer in the log, and this one last took some out: a cursor that is older than the one and
  -- did not see the other takes a fresh snapshot. The number alone would not do: while an older transaction is open, every cursor is older.
  retained_since XID8 NOT NULL DEFAULT pg_current_xact_id(),
  forgotten_by XID8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE latchkey.mirrored_table (
  -- Given by the installer, and never to another table while the change log holds it.
  id SMALLINT PRIMARY KEY,
  -- Name of the view in latchkey_mirror, and of the table in every mirror.
  name TEXT NOT NULL UNIQUE,
  -- As it was at install: a host may rename it, or put another one in its place.
  relation REGCLASS NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
  key_columns TEXT[] NOT NULL CHECK (cardinality(key_columns) > 0),
  -- Columns by which a row has its place: its key, and what its organization comes from.
  decisive_columns TEXT[] NOT NULL,
  decisive_types TEXT[] NOT NULL,
  -- For rows whose organization is their parent's: the referencing column and the parent's view and column.
  parent JSONB,
  -- For logs, {"column", "days"}: devices mirror what is younger.
  log_window JSONB,
  write_only TEXT[] NOT NULL DEFAULT '{}',
  -- {"groups": [[…]], "restrictive": {column: [value, …]}, "earliest": [column, …], "references": [{column, table, target}]}
  rules JSONB NOT NULL DEFAULT '{}'
);

-- The head of an organization: locked first by every push, so that its commands have one order.
CREATE TABLE latchkey.organization (
  id TEXT PRIMARY KEY,
  -- Number of leaves in the organization's audit log.
  log_size BIGINT NOT NULL DEFAULT 0,
  -- Its perfect subtrees, largest first, and its root (RFC 6962).
  frontier BYTEA[] NOT NULL DEFAULT '{}',
  log_root BYTEA NOT NULL DEFAULT sha256(''),
  -- Up to which snapshot of the change log its log tells what others than Latchkey wrote.
  host_seen TEXT NOT NULL DEFAULT pg_current_snapshot()::TEXT,
  host_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- Transactions of central's own upkeep that the next look at what the host wrote leaves out.
  upkeep XID8[] NOT NULL DEFAULT '{}',
  -- Devices listen here for each other's pushes; nobody can guess it, and the payload is empty.
  channel TEXT NOT NULL UNIQUE DEFAULT 'latchkey_' || replace(gen_random_uuid()::TEXT, '-', '')
);

CREATE TABLE latchkey.device (
  id TEXT PRIMARY KEY,
  login NAME NOT NULL UNIQUE,
  organization TEXT NOT NULL REFERENCES latchkey.organization (id),
  operator TEXT NOT NULL,
  name TEXT NOT NULL,
  capability TEXT NOT NULL CHECK (capability IN ('admin', 'operator', 'auditor')),
  -- The operator's role in the host's own tables when the device was enrolled: one who was demoted since acts no more by it.
  operator_role TEXT,
  state TEXT NOT NULL DEFAULT 'invited' CHECK (state IN ('invited', 'active', 'revoked')),
  -- Verifier keys (C2SP signed-note): what the device signs its own log with, and checkpoints of the organization's log.
  log_key TEXT,
  checkpoint_key TEXT,
  enrolled_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- Until when the enrollment file may be used.
  enrollment_expires_at TIMESTAMPTZ NOT NULL,
  joined_at TIMESTAMPTZ,
  revoked_at TIMESTAMPTZ,
  last_push_at TIMESTAMPTZ,
  -- Number of log entries received from this device.
  entries BIGINT NOT NULL DEFAULT 0
);
CREATE SEQUENCE latchkey.device_number;

-- Every mirrored view's predicate rests on these two: session_user is the login that connected, which no SET ROLE changes.
CREATE FUNCTION latchkey.current_organization() RETURNS TEXT
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT organization FROM latchkey.device WHERE login = session_user AND state = 'active'
$$;

CREATE FUNCTION latchkey.require_device() RETURNS latchkey.device
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device;
BEGIN
  SELECT * INTO this FROM latchkey.device WHERE login = session_user;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'This login belongs to no Latchkey device.' USING ERRCODE = 'LK401';
  ELSIF this.state = 'revoked' THEN
    RAISE EXCEPTION 'This device was revoked.' USING ERRCODE = 'LK403';
  ELSIF this.state = 'invited' THEN
    RAISE EXCEPTION 'This device has not joined yet.' USING ERRCODE = 'LK401';
  END IF;
  RETURN this;
END
$$;

-- Burns the enrollment: it can be done once, before it expires. The caller changes its own password in the same transaction. The keys go
-- into the organization's log, where everybody finds them who trusts one signature under it.
CREATE FUNCTION latchkey.join(p_log_key TEXT, p_checkpoint_key TEXT) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this latchkey.device;
  verifier_key CONSTANT TEXT := '^[!-*,-~]{1,250}\+[0-9a-f]{8}\+A[Q-Za-f][A-Za-z0-9+/]{42}$';
BEGIN
  SELECT * INTO this FROM latchkey.device WHERE login = session_user FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'This login belongs to no Latchkey device.' USING ERRCODE = 'LK401';
  ELSIF this.state = 'revoked' THEN
    RAISE EXCEPTION 'This device was revoked.' USING ERRCODE = 'LK403';
  ELSIF this.state = 'active' THEN
    RAISE EXCEPTION 'This enrollment was used already.' USING ERRCODE = 'LK410';
  ELSIF this.enrollment_expires_at <= now() THEN
    RAISE EXCEPTION 'This enrollment expired.' USING ERRCODE = 'LK411';
  END IF;
  IF (p_log_key ~ verifier_key AND p_checkpoint_key ~ verifier_key) IS NOT TRUE THEN
    RAISE EXCEPTION 'A device brings two Ed25519 verifier keys.' USING ERRCODE = 'LK422';
  END IF;
  UPDATE latchkey.device SET state = 'active', joined_at = now(), log_key = p_log_key, checkpoint_key = p_checkpoint_key WHERE id = this.id;
  PERFORM latchkey.log_of_central(this.organization, jsonb_build_object('act', 'device.join',
    'obj', jsonb_build_object('t', 'latchkey.device', 'id', this.id), 'keys', jsonb_build_object('log', p_log_key, 'checkpoint', p_checkpoint_key)));
  RETURN jsonb_build_object('device', this.id, 'organization', this.organization);
END
$$;
