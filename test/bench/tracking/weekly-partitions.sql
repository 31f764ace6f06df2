-- The same row trigger into ten partitions by week, with the organization's whole text in the index.
CREATE TABLE latchkey.weekly (
  slot SMALLINT NOT NULL DEFAULT ((CURRENT_DATE - DATE '2000-01-01') / 7 % 10),
  xid XID8 NOT NULL DEFAULT pg_current_xact_id(),
  organization TEXT NOT NULL,
  table_id SMALLINT NOT NULL,
  row_key TEXT[],
  moved BOOLEAN NOT NULL DEFAULT FALSE
) PARTITION BY LIST (slot);

DO $$
BEGIN
  FOR slot IN 0..9 LOOP
    EXECUTE format('CREATE TABLE latchkey.weekly_%s PARTITION OF latchkey.weekly FOR VALUES IN (%s)', slot, slot);
  END LOOP;
END
$$;
CREATE INDEX weekly_by_organization ON latchkey.weekly (organization, xid);
ALTER TABLE latchkey.weekly OWNER TO latchkey_owner;

CREATE OR REPLACE FUNCTION latchkey.track_users() RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.id = NEW.id AND OLD.organization_id = NEW.organization_id THEN
    INSERT INTO latchkey.weekly (organization, table_id, row_key) VALUES (NEW.organization_id::TEXT, 2, ARRAY[NEW.id::TEXT]);
  END IF;
  RETURN NULL;
END
$$;
