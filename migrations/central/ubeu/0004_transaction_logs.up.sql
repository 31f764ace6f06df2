-- "Comprehensive transaction logging": every change of every table, by whomever it is made. The documentation names no
-- table for it. Triggers write it, so that no application has to remember, and none can leave itself out.
-- "Large tables partitioned by date": this is the one that grows without end. By month, so that retention drops a month
-- in an instant; that makes the date a part of its primary key.

CREATE TABLE public.transaction_logs (
  id BIGSERIAL,
  -- No foreign keys: a log tells of rows that may be gone.
  actor_id UUID,
  user_id UUID,
  enterprise_id UUID,
  entity_type VARCHAR(100) NOT NULL,
  entity_id UUID NOT NULL,
  action VARCHAR(50) NOT NULL,
  changes JSONB,
  database_user TEXT DEFAULT session_user,
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  PRIMARY KEY (id, created_at),
  CONSTRAINT transaction_logs_action_known CHECK (action IN ('create', 'update', 'delete'))
) PARTITION BY RANGE (created_at);

-- Catches what no month covers, so that a forgotten partition never refuses a log line.
CREATE TABLE public.transaction_logs_default PARTITION OF public.transaction_logs DEFAULT;

CREATE INDEX idx_transaction_logs_user_id ON public.transaction_logs (user_id, created_at DESC);
CREATE INDEX idx_transaction_logs_enterprise_id ON public.transaction_logs (enterprise_id, created_at DESC);
CREATE INDEX idx_transaction_logs_actor_id ON public.transaction_logs (actor_id, created_at DESC);
CREATE INDEX idx_transaction_logs_entity ON public.transaction_logs (entity_type, entity_id);
CREATE INDEX idx_transaction_logs_created_at ON public.transaction_logs (created_at);

COMMENT ON TABLE public.transaction_logs IS 'Every change of every table. Partitioned by month.';
COMMENT ON COLUMN public.transaction_logs.actor_id IS 'The user who made the change, where the session had said so.';
COMMENT ON COLUMN public.transaction_logs.user_id IS 'The user whose row was changed.';
COMMENT ON COLUMN public.transaction_logs.enterprise_id IS 'The enterprise whose row was changed.';
COMMENT ON COLUMN public.transaction_logs.entity_type IS 'The table that was changed.';
COMMENT ON COLUMN public.transaction_logs.changes IS
  'The changed fields as {"before": {…}, "after": {…}}, the whole row where it came or went; never a secret.';
COMMENT ON COLUMN public.transaction_logs.database_user IS 'The login that made the change.';

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
  SELECT public.ensure_monthly_partitions('transaction_logs', 'created_at', months_back, months_ahead);
$$;

COMMENT ON FUNCTION public.ensure_log_partitions(INTEGER, INTEGER) IS
  'Creates the missing monthly partitions of the log; returns how many. Run it monthly, as the owner.';

REVOKE EXECUTE ON FUNCTION public.ensure_log_partitions(INTEGER, INTEGER) FROM PUBLIC;

SELECT public.ensure_log_partitions(7, 2);

CREATE FUNCTION public.current_user_id() RETURNS UUID
LANGUAGE sql
STABLE PARALLEL SAFE
AS $$
  SELECT NULLIF(pg_catalog.current_setting('ubeu.user_id', true), '')::UUID;
$$;

COMMENT ON FUNCTION public.current_user_id() IS 'The user that this session works for; NULL when it has not said.';

-- SECURITY DEFINER because whoever changes a row has no right to write the log, and so cannot forge it.
CREATE FUNCTION public.log_transaction() RETURNS TRIGGER
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  secrets CONSTANT TEXT[] := ARRAY['key_hash'];
  old_row JSONB := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row JSONB := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  changed JSONB := COALESCE(new_row, old_row);
  before_change JSONB;
  after_change JSONB;
BEGIN
  SELECT
    jsonb_object_agg(field, CASE WHEN hidden AND old_row ->> field IS NOT NULL THEN '"(secret)"' ELSE old_row -> field END)
      FILTER (WHERE old_row IS NOT NULL),
    jsonb_object_agg(field, CASE WHEN hidden AND new_row ->> field IS NOT NULL THEN '"(secret)"' ELSE new_row -> field END)
      FILTER (WHERE new_row IS NOT NULL)
  INTO before_change, after_change
  FROM (SELECT name AS field, name = ANY (secrets) AS hidden FROM jsonb_object_keys(changed) AS name) AS fields
  WHERE old_row -> field IS DISTINCT FROM new_row -> field;

  -- An update that changed nothing.
  IF before_change IS NULL AND after_change IS NULL THEN
    RETURN NULL;
  END IF;

  INSERT INTO public.transaction_logs (actor_id, user_id, enterprise_id, entity_type, entity_id, action, changes)
  VALUES (
    public.current_user_id(),
    CASE TG_TABLE_NAME
      WHEN 'users' THEN (changed ->> 'id')::UUID
      WHEN 'credentials' THEN
        (SELECT d.user_id FROM public.did_documents AS d WHERE d.did_identifier = changed ->> 'subject_did')
      ELSE (changed ->> 'user_id')::UUID
    END,
    CASE TG_TABLE_NAME
      WHEN 'enterprise_accounts' THEN (changed ->> 'id')::UUID
      ELSE (changed ->> 'enterprise_id')::UUID
    END,
    TG_TABLE_NAME,
    (changed ->> 'id')::UUID,
    CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END,
    CASE TG_OP
      WHEN 'INSERT' THEN jsonb_build_object('after', after_change)
      WHEN 'DELETE' THEN jsonb_build_object('before', before_change)
      ELSE jsonb_build_object('before', before_change, 'after', after_change)
    END
  );
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION public.log_transaction() IS 'Writes the change of a row to transaction_logs, secrets left out.';

CREATE TRIGGER log_users_transaction
  AFTER INSERT OR UPDATE OR DELETE ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.log_transaction();

CREATE TRIGGER log_did_documents_transaction
  AFTER INSERT OR UPDATE OR DELETE ON public.did_documents
  FOR EACH ROW EXECUTE FUNCTION public.log_transaction();

CREATE TRIGGER log_domains_transaction
  AFTER INSERT OR UPDATE OR DELETE ON public.domains
  FOR EACH ROW EXECUTE FUNCTION public.log_transaction();

CREATE TRIGGER log_credentials_transaction
  AFTER INSERT OR UPDATE OR DELETE ON public.credentials
  FOR EACH ROW EXECUTE FUNCTION public.log_transaction();

CREATE TRIGGER log_enterprise_accounts_transaction
  AFTER INSERT OR UPDATE OR DELETE ON public.enterprise_accounts
  FOR EACH ROW EXECUTE FUNCTION public.log_transaction();

CREATE TRIGGER log_enterprise_api_keys_transaction
  AFTER INSERT OR UPDATE OR DELETE ON public.enterprise_api_keys
  FOR EACH ROW EXECUTE FUNCTION public.log_transaction();
