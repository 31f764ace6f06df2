-- Latchkey's own tables beside the mirrored ones. Names that start with latchkey_ are reserved for them.

CREATE TABLE latchkey_meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per mirrored table: its definition as central's catalogue gave it, and how far its first copy is.
CREATE TABLE latchkey_table (
  name TEXT PRIMARY KEY,
  definition TEXT NOT NULL,
  rows INTEGER NOT NULL DEFAULT 0,
  -- The snapshot of its copy; NULL while there is no complete one.
  snapshot TEXT,
  -- 1: a (new) copy is to be made; what is there stays readable until it is complete.
  wanted INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

-- Commands, in the order in which they were made here. They stay after they are in force: a restored central is offered them again.
CREATE TABLE latchkey_outbox (
  command TEXT PRIMARY KEY,
  position INTEGER NOT NULL UNIQUE,
  name TEXT NOT NULL,
  summary TEXT NOT NULL,
  reason TEXT,
  subject_table TEXT NOT NULL,
  subject_key TEXT NOT NULL,
  made_at TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('local', 'queued', 'accepted', 'in-force', 'observed', 'conflict', 'refused', 'undone')),
  changes TEXT NOT NULL,
  requires TEXT NOT NULL DEFAULT '[]',
  sent_at TEXT,
  accepted_at TEXT,
  xid TEXT,
  in_force_at TEXT,
  note TEXT
) STRICT;
CREATE INDEX latchkey_outbox_state ON latchkey_outbox (state, position);
CREATE INDEX latchkey_outbox_subject ON latchkey_outbox (subject_table, subject_key, position);

-- The second layer: row changes of commands that are not in force yet, replayed on top of what a pull brings.
CREATE TABLE latchkey_pending (
  command TEXT NOT NULL REFERENCES latchkey_outbox (command),
  n INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  row_key TEXT NOT NULL,
  op TEXT NOT NULL CHECK (op IN ('insert', 'update', 'delete')),
  shown TEXT NOT NULL,
  PRIMARY KEY (command, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX latchkey_pending_row ON latchkey_pending (table_name, row_key);

-- The first layer, for rows with pending changes alone: the row as central confirmed it; NULL where central has none.
CREATE TABLE latchkey_confirmed (
  table_name TEXT NOT NULL,
  row_key TEXT NOT NULL,
  row TEXT,
  PRIMARY KEY (table_name, row_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE latchkey_conflict (
  conflict TEXT PRIMARY KEY,
  command TEXT NOT NULL REFERENCES latchkey_outbox (command),
  kind TEXT NOT NULL CHECK (kind IN ('fields', 'missing', 'refused')),
  table_name TEXT,
  row_key TEXT,
  fields TEXT NOT NULL,
  message TEXT,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'resolved')),
  resolution TEXT CHECK (resolution IN ('mine', 'theirs', 'merged')),
  resolved_by TEXT,
  made_at TEXT NOT NULL,
  resolved_at TEXT
) STRICT;
CREATE INDEX latchkey_conflict_state ON latchkey_conflict (state, made_at);

-- This device's audit log: exact bytes, one entry per command and per act on a command (undo, resolution).
CREATE TABLE latchkey_entry (
  position INTEGER PRIMARY KEY,
  command TEXT NOT NULL,
  bytes BLOB NOT NULL,
  sent INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX latchkey_entry_command ON latchkey_entry (command);
CREATE INDEX latchkey_entry_unsent ON latchkey_entry (position) WHERE sent = 0;
