-- What makes reads of a large log fast. Triggers keep all of it in the transaction that changes the rows themselves.

-- How many events of the system's activity happened on a day (UTC), by action; '' for an event that names none.
CREATE TABLE latchkey_daily (
  day TEXT NOT NULL,
  action TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (day, action)
) STRICT, WITHOUT ROWID;

-- When the newest event of each actor was.
CREATE TABLE latchkey_last_event (
  actor TEXT PRIMARY KEY,
  at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Actors whose newest event went away: within a transaction alone.
CREATE TABLE latchkey_last_event_gone (actor TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- One row per full-text index (latchkey_text_<table>): what it was made from, and how far it is.
CREATE TABLE latchkey_text (
  table_name TEXT PRIMARY KEY,
  definition TEXT NOT NULL,
  -- Rows up to this row id are in the index; the largest integer: all are, and those to come.
  indexed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often what is searched of a block of rows changed: 256 row ids of a table whose rows are found by any part of their columns.
CREATE TABLE latchkey_block (
  table_name TEXT NOT NULL,
  block INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (table_name, block)
) STRICT, WITHOUT ROWID;

-- Between which moments the rows of a block of row ids lie, at most: the newest matches are looked for where they can be.
CREATE TABLE latchkey_text_block (
  table_name TEXT NOT NULL,
  block INTEGER NOT NULL,
  oldest TEXT NOT NULL,
  newest TEXT NOT NULL,
  PRIMARY KEY (table_name, block)
) STRICT, WITHOUT ROWID;
