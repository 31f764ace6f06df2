-- What the upkeep of this database leaves behind, so that anybody can tell when it was last done. It is written by whoever runs it, with
-- the rights of this schema's owner; devices may write none of it, and read it by way of latchkey.health() alone.

CREATE TABLE latchkey.backup (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('full', 'incremental')),
  method TEXT NOT NULL CHECK (method IN ('portable', 'pg_dump', 'pg_basebackup')),
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ NOT NULL CHECK (finished_at >= started_at),
  bytes BIGINT NOT NULL,
  -- SHA-256 of its manifest, which has that of every file.
  sha256 TEXT NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  -- Where it was put, as the machine that made it calls it.
  place TEXT NOT NULL,
  encrypted BOOLEAN NOT NULL
);
CREATE INDEX backup_by_moment ON latchkey.backup (finished_at);

-- Attempts to restore a backup, the failed ones too.
CREATE TABLE latchkey.drill (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  backup_sha256 TEXT NOT NULL,
  backup_method TEXT NOT NULL,
  backup_made_at TIMESTAMPTZ NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ NOT NULL CHECK (finished_at >= started_at),
  passed BOOLEAN NOT NULL,
  -- [{"name", "passed", "detail"}]
  checks JSONB NOT NULL
);
CREATE INDEX drill_by_moment ON latchkey.drill (finished_at);

-- How long rows are kept, as of the last run that deleted some.
CREATE TABLE latchkey.retention (
  -- With its schema. A name and no REGCLASS: the host may drop its table.
  relation TEXT PRIMARY KEY,
  column_name TEXT NOT NULL,
  days INTEGER NOT NULL CHECK (days > 0),
  ran_at TIMESTAMPTZ NOT NULL,
  deleted_rows BIGINT NOT NULL
);

-- How large tables were, partitions counted with their table: growth is told by it.
CREATE TABLE latchkey.table_size (
  relation TEXT NOT NULL,
  day DATE NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::DATE,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (relation, day)
);
