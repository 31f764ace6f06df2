-- Takes the audit trail back, its partitions with it. What it recorded is gone: export first.

DROP FUNCTION public.ensure_log_partitions(INTEGER, INTEGER);
DROP FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER);
DROP TABLE public.audit_logs;
