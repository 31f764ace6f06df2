-- Version 1.2.0 of the documentation: the audit trail is partitioned by month, so that retention drops a month in an
-- instant instead of deleting millions of rows. That makes the date a part of its primary key, and NOT NULL; ids still
-- come from one sequence, so each is unique.
-- The rows that are there are copied, and nobody writes meanwhile: run it at a quiet hour where there are millions.

ALTER TABLE public.audit_logs RENAME TO audit_logs_unpartitioned;
ALTER TABLE public.audit_logs_unpartitioned
  DROP CONSTRAINT audit_logs_pkey,
  DROP CONSTRAINT audit_logs_user_id_fkey;
DROP INDEX public.idx_audit_logs_user_id;
DROP INDEX public.idx_audit_logs_entity;
DROP INDEX public.idx_audit_logs_created_at;

CREATE TABLE public.audit_logs (
  id BIGINT NOT NULL DEFAULT nextval('public.audit_logs_id_seq'),
  user_id UUID REFERENCES public.users (id),
  action VARCHAR(50) NOT NULL,
  entity_type VARCHAR(50),
  entity_id UUID,
  old_values JSONB,
  new_values JSONB,
  ip_address INET,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

ALTER SEQUENCE public.audit_logs_id_seq OWNED BY public.audit_logs.id;

-- Catches what no month covers, so that a forgotten partition never refuses a log line.
CREATE TABLE public.audit_logs_default PARTITION OF public.audit_logs DEFAULT;

CREATE INDEX idx_audit_logs_user_id ON public.audit_logs (user_id);
CREATE INDEX idx_audit_logs_entity ON public.audit_logs (entity_type, entity_id);
CREATE INDEX idx_audit_logs_created_at ON public.audit_logs (created_at DESC);

COMMENT ON TABLE public.audit_logs IS 'Audit trail of critical operations. Partitioned by month.';
COMMENT ON COLUMN public.audit_logs.old_values IS 'The changed fields before, never a secret.';
COMMENT ON COLUMN public.audit_logs.new_values IS 'The changed fields after, never a secret.';

CREATE FUNCTION public.ensure_monthly_partitions(
  parent TEXT, date_column TEXT, months_back INTEGER, months_ahead INTEGER
) RETURNS INTEGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  this_month TIMESTAMP := date_trunc('month', now() AT TIME ZONE 'UTC');
  first_day TIMESTAMP;
  next_first_day TIMESTAMP;
  partition_name TEXT;
  has_strays BOOLEAN;
  created INTEGER := 0;
BEGIN
  IF months_back IS NULL OR months_back NOT BETWEEN 0 AND 1200
    OR months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 1200 THEN
    RAISE EXCEPTION 'months_back and months_ahead must lie between 0 and 1200'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- Two callers at once would both find a month missing.
  PERFORM pg_advisory_xact_lock(hashtext('public.ensure_monthly_partitions'));

  FOR month_offset IN -months_back .. months_ahead LOOP
    first_day := this_month + make_interval(months => month_offset);
    next_first_day := first_day + INTERVAL '1 month';
    partition_name := parent || '_' || to_char(first_day, 'YYYY_MM');
    CONTINUE WHEN to_regclass(format('public.%I', partition_name)) IS NOT NULL;

    -- The new partition will need this lock anyway. Taken first, so that no writer slips a row in between the steps.
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', parent);

    -- PostgreSQL refuses a partition whose rows already wait in the default one. They are set aside, and written
    -- again through the parent, so that row triggers on the table see them leave and come back.
    EXECUTE format(
      'SELECT EXISTS (SELECT 1 FROM public.%I WHERE %I >= $1 AND %I < $2)',
      parent || '_default', date_column, date_column
    ) INTO has_strays USING first_day, next_first_day;

    IF has_strays THEN
      EXECUTE format(
        'CREATE TEMPORARY TABLE stray_rows ON COMMIT DROP AS SELECT * FROM public.%I WHERE %I >= %L AND %I < %L',
        parent || '_default', date_column, first_day, date_column, next_first_day
      );
      EXECUTE format(
        'DELETE FROM public.%I WHERE %I >= $1 AND %I < $2',
        parent || '_default', date_column, date_column
      ) USING first_day, next_first_day;
    END IF;

    EXECUTE format(
      'CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
      partition_name, parent, first_day, next_first_day
    );
    created := created + 1;

    IF has_strays THEN
      EXECUTE format('INSERT INTO public.%I SELECT * FROM pg_temp.stray_rows', parent);
      DROP TABLE pg_temp.stray_rows;
    END IF;
  END LOOP;
  RETURN created;
END;
$$;

COMMENT ON FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER) IS
  'Creates the missing months of one log table around this month (UTC); returns how many. Locks it for a moment.';

-- Only the owner may create tables here anyway.
REVOKE EXECUTE ON FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER) FROM PUBLIC;

CREATE FUNCTION public.ensure_log_partitions(months_back INTEGER, months_ahead INTEGER) RETURNS INTEGER
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT public.ensure_monthly_partitions('audit_logs', 'created_at', months_back, months_ahead);
$$;

COMMENT ON FUNCTION public.ensure_log_partitions(INTEGER, INTEGER) IS
  'Creates the missing monthly partitions of the log; returns how many. Run it monthly, as the owner.';

REVOKE EXECUTE ON FUNCTION public.ensure_log_partitions(INTEGER, INTEGER) FROM PUBLIC;

-- As far back as there are rows, within ten years; what is older waits in the default partition.
SELECT public.ensure_log_partitions(GREATEST(7, LEAST(120, span.months)), 2)
FROM (
  SELECT COALESCE(12 * extract(YEAR FROM length) + extract(MONTH FROM length), 0)::INTEGER AS months
  FROM (
    SELECT age(date_trunc('month', now() AT TIME ZONE 'UTC'), date_trunc('month', min(created_at))) AS length
    FROM public.audit_logs_unpartitioned
  ) AS since
) AS span;

-- A row without a date gets one that nobody takes for a date.
INSERT INTO public.audit_logs
  (id, user_id, action, entity_type, entity_id, old_values, new_values, ip_address, created_at)
SELECT id, user_id, action, entity_type, entity_id, old_values, new_values, ip_address,
  COALESCE(created_at, TIMESTAMP 'epoch')
FROM public.audit_logs_unpartitioned;

DROP TABLE public.audit_logs_unpartitioned;
