-- The weaknesses that `latchkey posture --record` last found here, for the screen of an administrator. It holds names of tables, columns
-- and roles, and no value of a row.

CREATE TABLE latchkey.posture_report (
  singleton BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (singleton),
  ran_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- [{"id", "severity", "title", "why", "detail", "apply"}], the worst first.
  findings JSONB NOT NULL CHECK (jsonb_typeof(findings) = 'array')
);

-- NULL where nobody has looked.
CREATE FUNCTION latchkey.posture() RETURNS JSONB
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
BEGIN
  PERFORM latchkey.require_administrator();
  RETURN (SELECT jsonb_build_object('ran_at', ran_at, 'findings', findings) FROM latchkey.posture_report);
END
$$;
REVOKE ALL ON FUNCTION latchkey.posture() FROM PUBLIC;
