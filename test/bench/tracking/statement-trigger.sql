-- The same log, written once a statement out of its transition tables.
DROP TRIGGER "00_latchkey_change" ON api_service.users;

CREATE FUNCTION latchkey.track_statement() RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    INSERT INTO latchkey.change (organization_hash, table_id, move, organization, row_key)
    SELECT hashtext(n.organization_id::TEXT COLLATE "C"), 2, CASE WHEN o.id IS NULL THEN 4 ELSE 0 END, n.organization_id::TEXT, ARRAY[n.id::TEXT]
    FROM new_rows n LEFT JOIN old_rows o ON o.id = n.id AND o.organization_id = n.organization_id
    WHERE n.organization_id IS NOT NULL;
    INSERT INTO latchkey.change (organization_hash, table_id, move, organization, row_key)
    SELECT hashtext(o.organization_id::TEXT COLLATE "C"), 2, 2, o.organization_id::TEXT, ARRAY[o.id::TEXT]
    FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id AND n.organization_id = o.organization_id
    WHERE n.id IS NULL AND o.organization_id IS NOT NULL;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER "00_latchkey_change" AFTER UPDATE ON api_service.users
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey.track_statement();
