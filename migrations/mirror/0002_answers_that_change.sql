-- Commands whose answer is not the last word: one that an administrator has still to release, and one that central had applied and
-- lost when it was restored. SQLite cannot alter a CHECK, so the table is made anew under its own name.
PRAGMA defer_foreign_keys = ON;

CREATE TABLE latchkey_outbox_anew (
  command TEXT PRIMARY KEY,
  position INTEGER NOT NULL UNIQUE,
  name TEXT NOT NULL,
  summary TEXT NOT NULL,
  reason TEXT,
  subject_table TEXT NOT NULL,
  subject_key TEXT NOT NULL,
  made_at TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state IN ('local', 'queued', 'accepted', 'in-force', 'observed', 'quarantined', 'conflict', 'refused', 'undone')
  ),
  changes TEXT NOT NULL,
  requires TEXT NOT NULL DEFAULT '[]',
  sent_at TEXT,
  accepted_at TEXT,
  xid TEXT,
  in_force_at TEXT,
  note TEXT,
  -- 1: central had applied it, was restored to before it, and is offered it once more.
  offered_again INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO latchkey_outbox_anew
  SELECT command, position, name, summary, reason, subject_table, subject_key, made_at, state, changes, requires, sent_at, accepted_at, xid,
    in_force_at, note, 0
  FROM latchkey_outbox;
DROP TABLE latchkey_outbox;
ALTER TABLE latchkey_outbox_anew RENAME TO latchkey_outbox;
CREATE INDEX latchkey_outbox_state ON latchkey_outbox (state, position);
CREATE INDEX latchkey_outbox_subject ON latchkey_outbox (subject_table, subject_key, position);
