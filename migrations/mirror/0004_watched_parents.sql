-- Rows that came to this organization while transactions were open which may have written to their children for another one. When such a
-- transaction has ended, the children are read again. Nothing is watched while no open transaction is older than a move.
CREATE TABLE latchkey_watch (
  -- The children's table, and the value by which its rows refer to the row that moved.
  table_name TEXT NOT NULL,
  parent ANY NOT NULL,
  -- Central's transactions that were open when the children were last read, as a snapshot lists them: 731,748
  open TEXT NOT NULL,
  PRIMARY KEY (table_name, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX latchkey_watch_open ON latchkey_watch (open);
