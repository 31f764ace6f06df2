-- The organization's whole audit log, as central gave it and this device recomputed it: exact bytes, by index from 0.
CREATE TABLE latchkey_log (
  idx INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  act TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN entry ->> '$.act' END) VIRTUAL,
  command TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN entry ->> '$.cmd' END) VIRTUAL,
  -- `central` for its own leaves.
  device TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN entry ->> '$.dev' END) VIRTUAL,
  object TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN entry ->> '$.obj.id' END) VIRTUAL
) STRICT;
CREATE INDEX latchkey_log_act ON latchkey_log (act, idx);
CREATE INDEX latchkey_log_command ON latchkey_log (command, idx) WHERE command IS NOT NULL;
CREATE INDEX latchkey_log_device ON latchkey_log (device, idx);
CREATE INDEX latchkey_log_object ON latchkey_log (object, idx) WHERE object IS NOT NULL;

-- Hashes of both logs' trees: up to 256 of level 8 × level, from 256 × tile (C2SP tlog-tiles).
CREATE TABLE latchkey_tile (
  log TEXT NOT NULL CHECK (log IN ('organization', 'device')),
  level INTEGER NOT NULL,
  tile INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (log, level, tile)
) STRICT;

-- What entries say in hashes alone, by the digest in their _sd; of both logs.
CREATE TABLE latchkey_disclosure (
  digest TEXT PRIMARY KEY,
  disclosure TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The devices of the organization, as its log introduces them, and how far each one's own log has come there.
CREATE TABLE latchkey_device (
  device TEXT PRIMARY KEY,
  joined INTEGER NOT NULL,
  revoked INTEGER,
  log_key TEXT NOT NULL,
  checkpoint_key TEXT NOT NULL,
  -- Size and perfect subtrees of its log, as of its entries in the organization's.
  frontier TEXT NOT NULL,
  -- The size up to which it has signed them.
  signed INTEGER NOT NULL DEFAULT 0,
  -- The newest checkpoint of the organization's log that it published, and when central got it.
  checkpoint TEXT,
  checkpoint_at TEXT
) STRICT, WITHOUT ROWID;

-- Leaves that central acknowledged and lost in a restore that was declared: evidence, kept beside the log that goes on without them.
CREATE TABLE latchkey_lost_leaf (
  epoch TEXT NOT NULL,
  idx INTEGER NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (epoch, idx)
) STRICT, WITHOUT ROWID;

-- What was found that should not be: each kind of a place once, until somebody has said that they know.
CREATE TABLE latchkey_finding (
  finding TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  place TEXT NOT NULL,
  details TEXT NOT NULL,
  found_at TEXT NOT NULL,
  acknowledged_at TEXT,
  acknowledged_reason TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX latchkey_finding_open ON latchkey_finding (kind, place) WHERE acknowledged_at IS NULL;

-- Rows of the host's audit table that came, changed or went and have still to be held against the log.
CREATE TABLE latchkey_unproved (
  command TEXT NOT NULL,
  told TEXT,
  PRIMARY KEY (command)
) STRICT, WITHOUT ROWID;
