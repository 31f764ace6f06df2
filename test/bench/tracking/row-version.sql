-- No log: one version for each row, replaced at each change.
DROP TRIGGER "00_latchkey_change" ON api_service.users;

CREATE TABLE latchkey.version (
  table_id SMALLINT NOT NULL,
  row_key TEXT NOT NULL,
  organization_hash INTEGER,
  organization TEXT COLLATE "C",
  xid XID8 NOT NULL,
  deleted BOOLEAN NOT NULL,
  PRIMARY KEY (table_id, row_key)
);
CREATE INDEX version_by_organization ON latchkey.version (organization_hash, xid);
ALTER TABLE latchkey.version OWNER TO latchkey_owner;

CREATE FUNCTION latchkey.track_version() RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.id = NEW.id AND OLD.organization_id = NEW.organization_id THEN
    INSERT INTO latchkey.version
    VALUES (2, NEW.id::TEXT, hashtext(NEW.organization_id::TEXT COLLATE "C"), NEW.organization_id::TEXT, pg_current_xact_id(), FALSE)
    ON CONFLICT (table_id, row_key) DO UPDATE SET xid = excluded.xid;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER "00_latchkey_change" AFTER UPDATE ON api_service.users
  FOR EACH ROW EXECUTE FUNCTION latchkey.track_version();
