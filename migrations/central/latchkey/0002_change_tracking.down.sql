DROP FUNCTION latchkey.catalogue();
DROP FUNCTION latchkey.hello(BIGINT);
DROP FUNCTION latchkey.untracked_tables();
DROP FUNCTION latchkey.fingerprint();
DROP FUNCTION latchkey.prune_changes(INTEGER);
DROP FUNCTION latchkey.changes_since(pg_snapshot);
DROP TABLE latchkey.change;
